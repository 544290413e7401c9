//! Has a capability do something: asks who may, what has to be pressed before, and puts what comes of it into the
//! turn's commit.

use std::time::Duration;

use serde_json::{Value, json};

use crate::capability::{self, By, Call, Deed, Draft, Entry, Gate, Kind, Next, Ran, rework};
use crate::model::{
    Content, DeedPress, DraftPress, Failure, HumanPress, Message, Outcome, PlanPress, ProposalId,
    Setting, Shown, ThumbPress, phrases,
};
use crate::store::{Change, NewProposal, Proposal, Store};

use super::commit::Commit;
use super::intent::Act;
use super::{Command, Scene, Turn, thumbs};

/// Words that name a service and say no more are no order to link it.
const SHORTEST_ORDER: usize = 2;
/// A proposal can be taken up for so long.
const PROPOSED: Duration = Duration::from_secs(7 * 86_400);
/// What was done can be taken back by its button for so long.
const UNDOABLE: Duration = Duration::from_secs(86_400);

impl Turn {
    /// Runs a capability as far as it may be run; where a press is needed before, it lays out what would be done.
    pub(super) async fn act(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
        (entry, args, by): (&Entry, Value, By),
    ) -> Result<Ran, Failure> {
        let asker = commit.asker(scene.setting()).await?;
        let address = commit.address();
        let call = Call {
            payer: commit.payer(scene.setting()).await?,
            ..self.call(scene, commit, (asker, &address))
        };
        let ran = match entry.gate(by, &call) {
            Gate::NotHere => Ran::only(Outcome::Refused(phrases::NOT_IN_GROUP.to_owned())),
            Gate::NotYours => Ran::only(Outcome::Refused(phrases::NOT_YOUR_TEAM.to_owned())),
            Gate::Confirm => match entry.preview(&args, call.now) {
                Ok(preview) => {
                    let deed = Deed {
                        capability: entry.name,
                        args,
                    };
                    self.proposed(
                        &call,
                        (Shown::text(phrases::shall_i(&preview)), preview),
                        &deed,
                    )?
                }
                Err(sentence) => Ran::only(Outcome::Refused(sentence)),
            },
            Gate::Run => entry.run(&self.hands, &call, args).await?,
        };
        self.follow(&call, ran)
    }

    fn call<'a>(
        &self,
        scene: &'a Scene,
        commit: &Commit<'_>,
        (asker, address): (&'a crate::store::Asker, &'a crate::model::Address),
    ) -> Call<'a> {
        Call {
            person: commit.person(),
            name: scene.last().map_or("", |last| last.sender.name.as_str()),
            asker,
            setting: scene.setting(),
            address,
            session: commit.recalled().session,
            turn: scene.turn,
            key: &scene.key,
            now: scene.now,
            payer: crate::llm::Payer::default(),
        }
    }

    /// Puts a button under what was done for what can follow.
    fn follow(&self, call: &Call<'_>, ran: Ran) -> Result<Ran, Failure> {
        let Ran {
            outcome,
            mut change,
            next,
            asked,
        } = ran;
        let outcome = match next {
            None => outcome,
            Some(Next::Undo(deed)) => {
                let (id, write) = self.waiting(call, ("undo", String::new(), UNDOABLE), &deed)?;
                change.writes.push(write);
                let mut shown = outcome.into_shown();
                let undo = DeedPress::Do(id).button(phrases::UNDO);
                shown.buttons.push(vec![undo]);
                Outcome::Done(shown)
            }
            Some(Next::Propose(deed)) => {
                let entry = Entry::find(deed.capability);
                let preview = entry.map(|entry| entry.preview(&deed.args, call.now));
                let preview = preview.and_then(Result::ok).unwrap_or_default();
                let shown = outcome.into_shown();
                let text = format!("{}\n\n{}", shown.text, phrases::shall_i(&preview));
                let shown = Shown { text, ..shown };
                let proposed = self.proposed(call, (shown, preview), &deed)?;
                change.absorb(proposed.change);
                proposed.outcome
            }
        };
        Ok(Ran {
            outcome,
            change,
            next: None,
            asked,
        })
    }

    /// Lays out what would be done.
    fn proposed(
        &self,
        call: &Call<'_>,
        (mut shown, preview): (Shown, String),
        deed: &Deed,
    ) -> Result<Ran, Failure> {
        let (proposal, write) = self.waiting(call, ("confirm", preview, PROPOSED), deed)?;
        shown.buttons.push(vec![
            DeedPress::Do(proposal).button(phrases::YES),
            DeedPress::Leave(proposal).button(phrases::NO),
        ]);
        Ok(Ran {
            change: Change {
                writes: vec![write],
                ..Change::default()
            },
            ..Ran::only(Outcome::AwaitingConfirmation { shown, proposal })
        })
    }

    fn waiting(
        &self,
        call: &Call<'_>,
        (kind, preview, lasts): (&'static str, String, Duration),
        deed: &Deed,
    ) -> Result<(ProposalId, crate::store::Write), Failure> {
        let id = ProposalId::new(&self.ids);
        let proposal = NewProposal {
            id,
            person: call.person,
            artist: call.artist(),
            capability: deed.capability.to_owned(),
            args: deed.args.to_string(),
            kind,
            preview,
            expires_at: call.now.plus(lasts),
            at: call.now,
        };
        Ok((id, proposal.write()?))
    }

    /// Whether words that sound like an order are one, by whoever says them: a yes needs a question, and who has no
    /// automations stops none.
    pub(super) async fn is_meant(
        &self,
        commit: &Commit<'_>,
        (act, said): (Act, &str),
    ) -> Result<bool, Failure> {
        let asker = self.store.asker(commit.person(), Setting::Direct);
        Ok(match act {
            Act::Link => said.split_whitespace().count() > SHORTEST_ORDER,
            Act::WorkflowCreate | Act::WorkflowPause | Act::WorkflowStatus => {
                !asker.await?.artists().is_empty()
            }
            Act::Approve | Act::Reject => {
                let who = (commit.person(), asker.await?);
                let waiting = self.approvals.waiting(who.0, who.1.standings()).await?;
                let proposed = self.store.newest_proposal(who.0, self.clock.now());
                !waiting.is_empty() || proposed.await?.is_some()
            }
            _ => true,
        })
    }

    /// A command that is one capability's.
    pub(super) async fn capable(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (command, args): (Command, &str),
    ) -> Result<Change, Failure> {
        if command == Command::Feedback && args.trim().is_empty() {
            let last = self.store.last_answer(&commit.address()).await?;
            match last {
                Some(turn) => {
                    let thumbs = vec![thumbs::row(turn)];
                    commit.say_with(scene, phrases::DID_IT_HELP.to_owned(), thumbs);
                }
                None => commit.say(scene, phrases::NO_ANSWER_YET.to_owned()),
            }
            return Ok(commit.done().await);
        }
        let Some((name, args)) = ordered(command, args.trim()) else {
            commit.say(scene, phrases::WRITE_WHAT.to_owned());
            return Ok(commit.done().await);
        };
        match Entry::find(name) {
            Some(entry) => self.done_by(scene, commit, (entry, args, By::Person)).await,
            None => Ok(commit.done().await),
        }
    }

    /// Has it done and says what came of it.
    pub(super) async fn done_by(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (entry, args, by): (&Entry, Value, By),
    ) -> Result<Change, Failure> {
        let ran = self.act(scene, &commit, (entry, args, by)).await?;
        say(scene, &mut commit, ran);
        Ok(commit.done().await)
    }

    /// A press under a proposal or under something that can be taken back.
    pub(super) async fn deed_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (press, card): (DeedPress, Option<Message>),
    ) -> Result<Change, Failure> {
        let (DeedPress::Do(id) | DeedPress::Leave(id)) = press;
        let Some(proposal) = self.store.proposal(id).await? else {
            let gone = phrases::BUTTON_OUTDATED;
            return Ok(self.outdated(scene, commit, gone, card).await);
        };
        let Proposal {
            person,
            capability,
            args,
            is_open,
            is_done,
            expires_at,
            ..
        } = proposal;
        if person != commit.person() {
            commit.say(scene, phrases::NOT_YOUR_CARD.to_owned());
            return Ok(commit.done().await);
        }
        let over = match (is_open, is_done) {
            (true, _) if scene.now >= expires_at => Some(phrases::PROPOSAL_EXPIRED),
            (true, _) => None,
            (false, true) => Some(phrases::DONE_ALREADY),
            (false, false) => Some(phrases::LEFT_ALREADY),
        };
        let entry = Entry::find(&capability);
        let (Some(entry), None) = (entry, over) else {
            let sentence = over.unwrap_or(phrases::BUTTON_OUTDATED);
            return Ok(self.outdated(scene, commit, sentence, card).await);
        };
        let done = matches!(press, DeedPress::Do(_));
        let mut settled = true;
        match done {
            false => commit.say(scene, phrases::LEFT.to_owned()),
            true => {
                let args = serde_json::from_str(&args).unwrap_or_default();
                let ran = self.act(scene, &commit, (entry, args, By::Press)).await?;
                // What was refused or failed can be tried again.
                settled = !matches!(ran.outcome, Outcome::Refused(_) | Outcome::Failed(_));
                say(scene, &mut commit, ran);
            }
        }
        if settled {
            commit.besides(Change {
                writes: vec![Store::settle(id, done, scene.now)?],
                ..Change::default()
            });
            without_buttons(scene, &mut commit, card);
        }
        Ok(commit.done().await)
    }

    /// A press under a draft.
    pub(super) async fn draft_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (press, card): (DraftPress, Option<Message>),
    ) -> Result<Change, Failure> {
        let (id, wish) = match press {
            DraftPress::Shorter(id) => (id, Some(phrases::WISH_SHORTER)),
            DraftPress::Warmer(id) => (id, Some(phrases::WISH_WARMER)),
            DraftPress::Another(id) => (id, Some(phrases::WISH_ANOTHER)),
            DraftPress::Keep(id) => (id, None),
        };
        let Some(draft) = self.store.draft(id, commit.person()).await? else {
            let gone = phrases::BUTTON_OUTDATED;
            return Ok(self.outdated(scene, commit, gone, card).await);
        };
        let Some(wish) = wish else {
            commit.besides(Change {
                writes: vec![Store::keep_draft(id)?],
                ..Change::default()
            });
            commit.say(scene, phrases::VOICE_KEPT.to_owned());
            return Ok(commit.done().await);
        };
        let before = Draft {
            id,
            text: draft.text,
            wish,
        };
        let ran = {
            let asker = commit.asker(scene.setting()).await?;
            let address = commit.address();
            let call = Call {
                payer: commit.payer(scene.setting()).await?,
                ..self.call(scene, &commit, (asker, &address))
            };
            let asked = (draft.kind.as_str(), draft.brief, draft.manner.as_str());
            rework(&self.hands, &call, asked, before).await?
        };
        say(scene, &mut commit, ran);
        Ok(commit.done().await)
    }

    /// A press that is a capability's by itself.
    pub(super) async fn plain_press(
        &self,
        scene: &Scene,
        commit: Commit<'_>,
        (press, card): (PlainPress<'_>, Option<Message>),
    ) -> Result<Change, Failure> {
        let (name, args) = match press {
            PlainPress::Plan(PlanPress::Export) => ("plan_export", json!({})),
            PlainPress::Plan(PlanPress::Done(id)) => {
                ("milestone_done", json!({"step": id.to_string()}))
            }
            PlainPress::Thumb(press) => {
                return self.thumb_press(scene, commit, (press, card)).await;
            }
        };
        match Entry::find(name) {
            Some(entry) => self.done_by(scene, commit, (entry, args, By::Press)).await,
            None => Ok(self
                .outdated(scene, commit, phrases::BUTTON_OUTDATED, card)
                .await),
        }
    }

    /// Somebody takes a request for a human on.
    pub(super) async fn human_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (HumanPress(id), card): (HumanPress, Option<Message>),
    ) -> Result<Change, Failure> {
        let ordered = {
            let asker = commit.asker(scene.setting()).await?;
            let address = commit.address();
            let call = self.call(scene, &commit, (asker, &address));
            capability::take(&self.hands, &call, id)?
        };
        commit.besides(ordered);
        without_buttons(scene, &mut commit, card);
        Ok(commit.done().await)
    }
}

/// What a command asks a capability for.
fn ordered(command: Command, args: &str) -> Option<(&'static str, Value)> {
    Some(match command {
        Command::Plan if args.is_empty() => ("plan_show", json!({})),
        Command::Plan if args.eq_ignore_ascii_case("export") => ("plan_export", json!({})),
        Command::Plan => match args.strip_prefix("done ") {
            Some(step) => ("milestone_done", json!({"step": step})),
            None => ("career_plan", json!({"goal": args})),
        },
        Command::Human => ("human_help", json!({"about": args})),
        Command::Insights => ("insights", json!({})),
        Command::Feedback => {
            let (first, rest) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
            match first.to_lowercase().as_str() {
                "good" | "yes" | "👍" | "+" => ("feedback", json!({"good": true, "words": rest})),
                "bad" | "no" | "👎" | "-" => ("feedback", json!({"good": false, "words": rest})),
                _ => ("feedback", json!({"good": false, "words": args})),
            }
        }
        Command::Write => {
            let (first, rest) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
            let kind = Kind::named(first).or_else(|| Kind::named(args))?;
            let named = Kind::named(first).is_some();
            let rest = rest
                .trim()
                .trim_start_matches("about ")
                .trim_start_matches("for ");
            (
                "content_writing",
                json!({"kind": kind, "brief": if named { rest } else { args }}),
            )
        }
        _ => return None,
    })
}

/// A press that is a capability's by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlainPress<'a> {
    Plan(PlanPress),
    Thumb(ThumbPress<'a>),
}

impl<'a> PlainPress<'a> {
    pub(super) fn parse(data: &'a str) -> Option<Self> {
        let plan = PlanPress::parse(data).map(Self::Plan);
        plan.or_else(|| ThumbPress::parse(data).map(Self::Thumb))
    }
}

/// Says what a capability came to and makes it true with the turn.
pub(super) fn say(scene: &Scene, commit: &mut Commit<'_>, ran: Ran) {
    let Shown {
        text,
        told: _,
        buttons,
        files,
    } = commit.ran(scene, ran).into_shown();
    commit.say_with(scene, text, buttons);
    send_all(scene, commit, files);
}

/// Sends pictures and files behind the words.
pub(super) fn send_all(scene: &Scene, commit: &mut Commit<'_>, files: Vec<Content>) {
    for (number, file) in (1..).zip(files) {
        commit.send(scene, &format!("file:{number}"), file);
    }
}

fn without_buttons(scene: &Scene, commit: &mut Commit<'_>, card: Option<Message>) {
    if let Some(message) = card {
        let buttons = Vec::new();
        commit.send(scene, "buttons", Content::Buttons { message, buttons });
    }
}
