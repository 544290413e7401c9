//! `/workflows`, wishes for automations, and the buttons under both.
//!
//! Nothing is active before its Yes was pressed. A button carries an id alone: whose it is and what may be done with it
//! is asked of the store each time.

use crate::model::{
    ArtistId, Button, Content, Failure, FlowPress as Press, Message, ProposalId, Setting, Time,
    phrases, phrases::workflows as words,
};
use crate::store::{Change, RunRow, StepRow};
use crate::workflow::{Answer, Definition, Question, Refusal, Rehearsal, Shown, Taken};

use super::commit::Commit;
use super::{Scene, Turn};

/// Hours and days are those of this zone where nobody said another.
const ZONE: &str = "UTC";

/// What is shown, and the buttons under it.
struct Card {
    text: String,
    buttons: Vec<Vec<Button>>,
}

impl Card {
    fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            buttons: Vec::new(),
        }
    }
}

/// The likely answers to a question: what stands on the button, and what it says.
const fn answers(question: Question) -> &'static [(&'static str, &'static str)] {
    match question {
        Question::When => &[
            ("A fan tips", "when a fan tips"),
            ("A new fan", "when there is a new fan"),
            ("Every Monday", "every monday at 9"),
            ("On release day", "on release day"),
        ],
        Question::What => &[
            ("E-mail the fan", "send them an email"),
            ("Chat message", "send them a chat message"),
            ("Tell me", "tell me"),
            ("Post, once approved", "post an announcement"),
        ],
        Question::HowMuch => &[
            ("10 dollars", "tips of 10 dollars or more"),
            ("20 dollars", "tips of 20 dollars or more"),
            ("50 dollars", "tips of 50 dollars or more"),
        ],
        Question::HowOften => &[
            ("Every day", "every day at 9"),
            ("Every Monday", "every monday at 9"),
            ("Every month", "on the 1st of every month"),
        ],
        Question::HowFar => &[
            ("A day", "1 day before the release"),
            ("A week", "1 week before the release"),
            ("Two weeks", "2 weeks before the release"),
        ],
    }
}

const fn asked(question: Question) -> &'static str {
    match question {
        Question::When => words::ASK_WHEN,
        Question::What => words::ASK_WHAT,
        Question::HowMuch => words::ASK_HOW_MUCH,
        Question::HowOften => words::ASK_HOW_OFTEN,
        Question::HowFar => words::ASK_HOW_FAR,
    }
}

const fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Buying => words::NO_BUYING,
        Refusal::Mass => words::NO_MASS,
        Refusal::Data => words::NO_DATA,
        Refusal::Harassment => words::NO_HARASSMENT,
        Refusal::Spam => words::NO_SPAM,
        Refusal::Promise => words::NO_PROMISE,
        Refusal::Unseen => words::NOT_SEEN,
    }
}

impl Turn {
    /// `/workflows`, and what was said about one: `args` is what is wanted, `said` the words.
    pub(super) async fn flows(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (args, said): (&str, &str),
    ) -> Result<Change, Failure> {
        let is_here = args.trim() == "here";
        if scene.setting() == Setting::Group && !is_here {
            commit.say(scene, words::DIRECT_ONLY.to_owned());
            return Ok(commit.done().await);
        }
        let Some(artist) = self.artist_of(&commit).await? else {
            commit.say(scene, words::NOT_YOURS.to_owned());
            return Ok(commit.done().await);
        };
        let card = match args.trim() {
            "here" => {
                commit.besides(self.workflows.set_public(artist, &commit.address()).await?);
                Card::plain(words::PUBLIC_HERE)
            }
            "" if said.is_empty() => list(&self.workflows.list(artist).await?),
            "" => {
                let named = self.workflows.named(artist, said).await?;
                match named.as_slice() {
                    [one] => flow_card(one),
                    _ => list(&self.workflows.list(artist).await?),
                }
            }
            "create" => self.propose_flow(&mut commit, artist, said).await?,
            "pause" => {
                self.turn_named(&mut commit, (artist, said), "paused")
                    .await?
            }
            "resume" => {
                self.turn_named(&mut commit, (artist, said), "active")
                    .await?
            }
            "delete" => self.drop_named(artist, said).await?,
            typed => self.propose_flow(&mut commit, artist, typed).await?,
        };
        commit.say_with(scene, card.text, card.buttons);
        Ok(commit.done().await)
    }

    /// Whether the words answer what a workflow's dialogue asked here.
    pub(super) async fn answers_flow(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
        text: &str,
    ) -> Result<bool, Failure> {
        if scene.setting() == Setting::Group || text.chars().count() > 300 {
            return Ok(false);
        }
        let asked = (commit.person(), commit.address());
        Ok(self.workflows.answers(asked.0, &asked.1, text).await?)
    }

    /// The time zone of whoever asks.
    async fn zone_of(&self, commit: &Commit<'_>) -> Result<String, Failure> {
        let zone = self.store.manners(commit.person()).await?.zone;
        Ok(if zone.is_empty() {
            ZONE.to_owned()
        } else {
            zone
        })
    }

    async fn propose_flow(
        &self,
        commit: &mut Commit<'_>,
        artist: ArtistId,
        said: &str,
    ) -> Result<Card, Failure> {
        let payer = commit.payer(Setting::Direct).await?;
        let who = (artist, commit.person());
        let address = commit.address();
        let zone = self.zone_of(commit).await?;
        let proposed = self.workflows.propose(who, &address, (said, &zone), payer);
        let (change, answer) = proposed.await?;
        commit.besides(change);
        Ok(shown(answer))
    }

    async fn turn_named(
        &self,
        commit: &mut Commit<'_>,
        (artist, said): (ArtistId, &str),
        state: &str,
    ) -> Result<Card, Failure> {
        let named = self.workflows.named(artist, said).await?;
        match named.as_slice() {
            [] => Ok(Card::plain(words::NONE_YET)),
            [one] => self.turn_one(commit, one, state),
            several => Ok(Card {
                text: words::WHICH_ONE.to_owned(),
                ..list(several)
            }),
        }
    }

    async fn drop_named(&self, artist: ArtistId, said: &str) -> Result<Card, Failure> {
        let named = self.workflows.named(artist, said).await?;
        Ok(match named.as_slice() {
            [] => Card::plain(words::NONE_YET),
            [one] => really(one)?,
            several => Card {
                text: words::WHICH_ONE.to_owned(),
                ..list(several)
            },
        })
    }

    fn turn_one(&self, commit: &mut Commit<'_>, one: &Shown, state: &str) -> Result<Card, Failure> {
        let Some(change) = self.workflows.turn_to(one, state)? else {
            return Ok(Card::plain(words::NOTHING_TO_DO));
        };
        commit.besides(change);
        let name = &one.row.name;
        Ok(Card::plain(match state {
            "paused" => words::paused(name),
            "active" => words::resumed(name),
            _ => words::deleted(name),
        }))
    }

    /// A button under a workflow, a proposal, or a failure.
    pub(super) async fn flow_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (press, card): (Press, Option<Message>),
    ) -> Result<Change, Failure> {
        let Some(artist) = self.artist_of(&commit).await? else {
            return Ok(self.outdated(scene, commit, words::NOT_YOURS, card).await);
        };
        if scene.setting() == Setting::Group {
            return Ok(self.outdated(scene, commit, words::DIRECT_ONLY, card).await);
        }
        let answer = match press {
            Press::List => list(&self.workflows.list(artist).await?),
            Press::Yes(id) | Press::No(id) | Press::Try(id) | Press::Say(id, _) => {
                return self.proposal_press(scene, commit, (press, id, card)).await;
            }
            Press::Retry(id) => match self.workflows.retry(artist, id).await? {
                Some(change) => {
                    commit.besides(change);
                    Card::plain(words::RETRYING)
                }
                None => Card::plain(words::NO_RETRY),
            },
            Press::Details(id) => match self.workflows.details(artist, id).await? {
                Some((run, steps)) => Card::plain(details(&run, &steps)),
                None => Card::plain(words::NO_RETRY),
            },
            Press::Show(id)
            | Press::Rehearse(id)
            | Press::Pause(id)
            | Press::Resume(id)
            | Press::Edit(id)
            | Press::History(id)
            | Press::Drop(id)
            | Press::Delete(id) => {
                let Some(one) = self.workflows.show(artist, id).await? else {
                    let gone = phrases::BUTTON_OUTDATED;
                    return Ok(self.outdated(scene, commit, gone, card).await);
                };
                self.one_press(&mut commit, artist, (press, &one)).await?
            }
        };
        commit.say_with(scene, answer.text, answer.buttons);
        Ok(commit.done().await)
    }

    async fn one_press(
        &self,
        commit: &mut Commit<'_>,
        artist: ArtistId,
        (press, one): (Press, &Shown),
    ) -> Result<Card, Failure> {
        Ok(match press {
            Press::Rehearse(_) => {
                let definition: Definition = read(&one.row.definition)?;
                let rehearsal = self.workflows.rehearse(artist, &definition).await?;
                Card::plain(rehearsed(&rehearsal))
            }
            Press::Pause(_) => self.turn_one(commit, one, "paused")?,
            Press::Resume(_) => self.turn_one(commit, one, "active")?,
            Press::Delete(_) => self.turn_one(commit, one, "deleted")?,
            Press::Drop(_) => really(one)?,
            Press::Edit(_) => {
                let (person, address) = (commit.person(), commit.address());
                commit.besides(self.workflows.ask_edit(person, &address, one)?);
                Card::plain(words::HOW_CHANGED)
            }
            Press::History(id) => {
                Card::plain(history(one, &self.workflows.history(artist, id).await?))
            }
            _ => flow_card(one),
        })
    }

    async fn proposal_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (press, id, card): (Press, ProposalId, Option<Message>),
    ) -> Result<Change, Failure> {
        let Some(row) = self.workflows.proposal(commit.person(), id).await? else {
            return Ok(self.outdated(scene, commit, words::TAKEN, card).await);
        };
        // Whoever left the artist meanwhile decides nothing any more.
        let asker = self.store.asker(commit.person(), Setting::Direct).await?;
        let mut artists = asker.artists().into_iter();
        let Some(artist) = artists.find(|artist| artist.to_string() == row.artist_id) else {
            return Ok(self.outdated(scene, commit, words::NOT_YOURS, card).await);
        };
        if let (Some(message), false) = (card, matches!(press, Press::Try(_))) {
            let buttons = Vec::new();
            commit.send(scene, "buttons", Content::Buttons { message, buttons });
        }
        let answer = match press {
            Press::No(_) => {
                commit.besides(self.workflows.decline(row)?);
                Card::plain(words::DROPPED)
            }
            Press::Try(_) => {
                let definition: Definition = read(&row.definition)?;
                let rehearsal = self.workflows.rehearse(artist, &definition).await?;
                Card::plain(rehearsed(&rehearsal))
            }
            Press::Say(_, place) => {
                let all = [
                    Question::When,
                    Question::What,
                    Question::HowMuch,
                    Question::HowOften,
                    Question::HowFar,
                ];
                let (of, at) = (usize::from(place / 10), usize::from(place % 10));
                let said = all.get(of).and_then(|question| answers(*question).get(at));
                let Some((_, said)) = said else {
                    commit.say(scene, phrases::BUTTON_OUTDATED.to_owned());
                    return Ok(commit.done().await);
                };
                let payer = commit.payer(Setting::Direct).await?;
                let zone = self.zone_of(&commit).await?;
                let answered = self.workflows.answer(row, (said, &zone), payer).await?;
                commit.besides(answered.0);
                shown(answered.1)
            }
            _ => {
                let (change, taken) = self.workflows.accept(row).await?;
                commit.besides(change);
                Card::plain(match taken {
                    Taken::Created(name) => words::created(&name),
                    Taken::Edited(name) => words::edited(&name),
                    Taken::Settled => words::TAKEN.to_owned(),
                })
            }
        };
        commit.say_with(scene, answer.text, answer.buttons);
        Ok(commit.done().await)
    }
}

/// A workflow, and what can be done with it.
fn flow_card(one: &Shown) -> Card {
    let Ok(id) = one.row.id.parse() else {
        return Card::plain(line(one));
    };
    let (press, label) = match one.row.state.as_str() {
        "paused" => (Press::Resume(id), words::RESUME),
        _ => (Press::Pause(id), words::PAUSE),
    };
    Card {
        text: format!("{}\n\n> {}", line(one), one.preview),
        buttons: vec![
            vec![Press::Rehearse(id).button(words::TRY), press.button(label)],
            vec![
                Press::Edit(id).button(words::EDIT),
                Press::History(id).button(words::HISTORY),
                Press::Drop(id).button(words::DELETE),
            ],
        ],
    }
}

fn read(definition: &str) -> Result<Definition, Failure> {
    serde_json::from_str(definition).map_err(|error| Failure::GiveUp(error.into()))
}

/// What a wish led to.
fn shown(answer: Answer) -> Card {
    match answer {
        Answer::Proposed {
            proposal,
            preview,
            changes,
        } => Card {
            text: match changes {
                Some(name) => words::changed(&name, &preview),
                None => words::proposed(&preview),
            },
            buttons: vec![vec![
                Press::Yes(proposal).button(words::YES),
                Press::Try(proposal).button(words::TRY),
                Press::No(proposal).button(words::NO),
            ]],
        },
        Answer::Asked { proposal, question } => {
            let of: u8 = match question {
                Question::When => 0,
                Question::What => 10,
                Question::HowMuch => 20,
                Question::HowOften => 30,
                Question::HowFar => 40,
            };
            let labels = (of..).zip(answers(question));
            let buttons: Vec<Button> = labels
                .map(|(place, (label, _))| Press::Say(proposal, place).button(*label))
                .collect();
            Card {
                text: asked(question).to_owned(),
                buttons: buttons.chunks(2).map(<[Button]>::to_vec).collect(),
            }
        }
        Answer::Refused(refusal) => Card::plain(refused(refusal)),
        Answer::Nothing => Card::plain(words::NOT_CHANGED),
        Answer::Wrong(wrong) => Card::plain(wrong.join("\n")),
    }
}

/// One line of the list.
fn line(one: &Shown) -> String {
    let tally = &one.tally;
    let state = match one.row.state.as_str() {
        "paused" => "paused",
        _ => "active",
    };
    words::line(
        &one.row.name,
        state,
        (tally.done, tally.failed),
        last(tally.last_at),
    )
}

fn last(ms: i64) -> Option<String> {
    (ms > 0).then(|| Time::from_ms(ms).to_string())
}

fn list(all: &[Shown]) -> Card {
    if all.is_empty() {
        return Card::plain(words::NONE_YET);
    }
    let lines: Vec<String> = all.iter().map(|one| format!("- {}", line(one))).collect();
    let buttons = all.iter().take(8).filter_map(|one| {
        let id = one.row.id.parse().ok()?;
        let label: String = one.row.name.chars().take(30).collect();
        Some(Press::Show(id).button(label))
    });
    let buttons: Vec<Button> = buttons.collect();
    Card {
        text: format!("{}\n\n{}", words::YOURS, lines.join("\n")),
        buttons: buttons.chunks(2).map(<[Button]>::to_vec).collect(),
    }
}

fn really(one: &Shown) -> Result<Card, Failure> {
    let id = one.row.id.parse().map_err(anyhow::Error::from)?;
    Ok(Card {
        text: words::really_delete(&one.row.name),
        buttons: vec![vec![
            Press::Delete(id).button(words::DELETE),
            Press::Show(id).button(words::BACK),
        ]],
    })
}

fn history(one: &Shown, runs: &[RunRow]) -> String {
    let lines = runs.iter().map(|run| {
        let why = if run.error.is_empty() {
            String::new()
        } else {
            format!(": {}", run.error)
        };
        format!("- {}: {}{why}", Time::from_ms(run.started_at), run.state)
    });
    words::history(&one.row.name, &lines.collect::<Vec<_>>())
}

fn details(run: &RunRow, steps: &[StepRow]) -> String {
    let lines = steps
        .iter()
        .map(|step| format!("- {}: {}", step.action.replace('_', " "), step.result));
    words::details(&run.state, &run.error, &lines.collect::<Vec<_>>())
}

fn rehearsed(rehearsal: &Rehearsal) -> String {
    let shown = rehearsal
        .shown
        .iter()
        .map(|one| format!("- {}: {}", one.at, one.effects.join("; ")));
    let next: Vec<String> = rehearsal.next.iter().map(Time::to_string).collect();
    let counts = (rehearsal.seen, rehearsal.fitting);
    words::rehearsed(counts, &shown.collect::<Vec<_>>(), &next)
}
