//! `/approvals`, and the buttons under requests. A press only orders that it is taken in: the worker of the request's
//! lane looks who pressed, what they are at that moment, and whether it is still open.

use std::collections::BTreeMap;

use crate::approval::{Details, Said, Verb};
use crate::model::{
    ApprovalId, ApprovalPress as Press, Content, Failure, GrantId, Message, Setting, Standing,
    phrases,
};
use crate::store::{Asker, Change, Write};

use super::commit::Commit;
use super::waiting::Wanted;
use super::{Scene, Turn};

/// Requests that are shown with their buttons where somebody would decide by words.
const SHOWN: usize = 3;
/// Buttons side by side.
const ABREAST: usize = 4;
/// What stands behind the command where words would decide.
pub(super) const DECIDE: &str = "decide";

impl Turn {
    /// `/approvals`, with nothing behind it or with what to do.
    pub(super) async fn approvals(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        args: &str,
    ) -> Result<Change, Failure> {
        let lower = args.trim().to_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        match words.as_slice() {
            ["here", ..] => return self.show_here(scene, commit, (true, rest(args, 1))).await,
            ["not", "here", ..] => {
                return self.show_here(scene, commit, (false, rest(args, 2))).await;
            }
            _ => {}
        }
        if scene.setting() == Setting::Group {
            commit.say(scene, phrases::REQUESTS_IN_GROUP.to_owned());
            return Ok(commit.done().await);
        }
        match words.as_slice() {
            ["grants" | "permissions", ..] => self.permissions(scene, commit).await,
            ["history", ..] => self.request_history(scene, commit).await,
            [DECIDE] => self.decide_by_press(scene, commit).await,
            _ => self.requests(scene, commit).await,
        }
    }

    /// A button under a request, or under a list of them.
    pub(super) async fn approval_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (press, card): (Press, Option<Message>),
    ) -> Result<Change, Failure> {
        let (about, verb) = match press {
            Press::Approve(id, at) => ((id, at), Verb::Approve),
            Press::Grant(id, at) => ((id, at), Verb::Grant),
            Press::Withdraw(id, at) => ((id, at), Verb::Withdraw),
            Press::RejectPlainly(id, at) => ((id, at), Verb::Reject),
            Press::Reject(id, at) => {
                return self.ask_why(scene, commit, ((id, at), Verb::Reject)).await;
            }
            Press::Change(id, at) => {
                return self.ask_why(scene, commit, ((id, at), Verb::Change)).await;
            }
            Press::Details(id) => return self.request_details(scene, commit, id).await,
            Press::EndGrant(id) => return self.end_grant(scene, commit, id).await,
            Press::History => return self.request_history(scene, commit).await,
            Press::Submit => return self.submit_release(scene, commit, card).await,
            Press::Again(id) => return self.release_again(scene, commit, id).await,
            Press::Cancel => return self.cancel_dialogue(scene, commit).await,
        };
        if press == Press::RejectPlainly(about.0, about.1) {
            commit.let_go()?;
        }
        self.say_about(scene, &mut commit, about, (verb, ""))?;
        Ok(commit.done().await)
    }

    /// The form for the reason of a no, or for what is to be different.
    pub(super) async fn approval_form(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (press, fields): (Press, &BTreeMap<String, String>),
    ) -> Result<Change, Failure> {
        let (about, verb) = match press {
            Press::Reject(id, at) => ((id, at), Verb::Reject),
            Press::Change(id, at) => ((id, at), Verb::Change),
            Press::Approve(..)
            | Press::RejectPlainly(..)
            | Press::Grant(..)
            | Press::Withdraw(..)
            | Press::Details(_)
            | Press::EndGrant(_)
            | Press::History
            | Press::Submit
            | Press::Again(_)
            | Press::Cancel => {
                let gone = phrases::FORM_OUTDATED;
                return Ok(self.outdated(scene, commit, gone, None).await);
            }
        };
        let note = fields.get("words").map_or("", String::as_str);
        self.say_about(scene, &mut commit, about, (verb, note))?;
        Ok(commit.done().await)
    }

    /// Orders that somebody's word is taken in.
    pub(super) fn say_about(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        about: (ApprovalId, i64),
        (verb, note): (Verb, &str),
    ) -> Result<(), Failure> {
        let said = Said {
            person: Some(commit.person()),
            via: commit.address().to_string(),
            answer: Some(commit.address()),
            spoken: !note.is_empty() || verb == Verb::Withdraw,
            key: scene.key.clone(),
        };
        let change = self.approvals.say(about, (verb, note), said)?;
        commit.besides(change);
        Ok(())
    }

    /// Where no form opens, the next words are the reason. Whoever may not decide is told so at once.
    async fn ask_why(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        ((approval, revision), verb): ((ApprovalId, i64), Verb),
    ) -> Result<Change, Failure> {
        let row = self.store.approval(approval).await?;
        let standings = self.standings(&commit).await?;
        let may = row.as_ref().is_some_and(|row| {
            row.state == crate::model::Decision::Open
                && row.revision == revision
                && standings.standings().iter().any(|(artist, standing)| {
                    *artist == row.artist
                        && (row.roles.contains(standing) || *standing == Standing::Operator)
                })
        });
        if !may {
            // The worker says why not, as to every other press.
            self.say_about(scene, &mut commit, (approval, revision), (verb, ""))?;
            return Ok(commit.done().await);
        }
        let cancel = Press::Cancel.button(phrases::CANCEL);
        let (text, mut row) = match verb {
            Verb::Change => (phrases::WHAT_CHANGES, Vec::new()),
            Verb::Approve | Verb::Reject | Verb::Grant | Verb::Withdraw => {
                let plainly = Press::RejectPlainly(approval, revision);
                (
                    phrases::WHY_NOT,
                    vec![plainly.button(phrases::WITHOUT_REASON)],
                )
            }
        };
        if scene.setting() == Setting::Group {
            // Where others talk, the next words may be anybody's, and about anything.
            commit.say_with(scene, phrases::REASON_ALONE.to_owned(), vec![row]);
            return Ok(commit.done().await);
        }
        row.push(cancel);
        commit.say_with(scene, text.to_owned(), vec![row]);
        let wanted = Wanted::Reason {
            approval,
            revision,
            verb,
        };
        commit.wait_for(scene, wanted)?;
        Ok(commit.done().await)
    }

    /// What somebody is to whom, also where others read along: it is not shown to them, only held against.
    pub(super) async fn standings(&self, commit: &Commit<'_>) -> Result<Asker, Failure> {
        Ok(self.store.asker(commit.person(), Setting::Direct).await?)
    }

    async fn requests(&self, scene: &Scene, mut commit: Commit<'_>) -> Result<Change, Failure> {
        let asker = self.standings(&commit).await?;
        let overview = self.approvals.overview(commit.person(), asker.standings());
        let Details { text, buttons } = overview.await?;
        commit.say_with(scene, text, buttons);
        Ok(commit.done().await)
    }

    async fn request_history(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
    ) -> Result<Change, Failure> {
        if scene.setting() == Setting::Group {
            commit.say(scene, phrases::REQUESTS_IN_GROUP.to_owned());
            return Ok(commit.done().await);
        }
        let asker = self.standings(&commit).await?;
        let text = self.approvals.of_late(asker.standings()).await?;
        commit.say(scene, text);
        Ok(commit.done().await)
    }

    /// Shows a request with its buttons. It is a copy like every other: once decided, it says so.
    async fn request_details(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        id: ApprovalId,
    ) -> Result<Change, Failure> {
        if scene.setting() == Setting::Group {
            commit.say(scene, phrases::REQUESTS_IN_GROUP.to_owned());
            return Ok(commit.done().await);
        }
        let asker = self.standings(&commit).await?;
        let who = (commit.person(), asker.standings());
        let features = self.delivery.features(&commit.address());
        let forms = features.is_some_and(|features| features.forms);
        match self.approvals.details(id, who, forms).await? {
            Some(Details { text, buttons }) => {
                self.show_copy(scene, &mut commit, (id, ""), (text, buttons))
                    .await?;
            }
            None => commit.say(scene, phrases::NO_SUCH_REQUEST.to_owned()),
        }
        Ok(commit.done().await)
    }

    /// Says something that is a copy of a request from now on.
    async fn show_copy(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        (id, what): (ApprovalId, &str),
        (text, buttons): (String, Vec<Vec<crate::model::Button>>),
    ) -> Result<(), Failure> {
        let content = Content::Message {
            text,
            buttons,
            reply_to: scene.reply_to(),
            interaction: scene.interaction().filter(|_| what.is_empty()),
        };
        let key = match what {
            "" => scene.key.clone(),
            what => format!("{}:{what}", scene.key),
        };
        let place = (commit.address(), commit.person());
        let shown = self.approvals.shown(id, place, (key, content)).await?;
        commit.besides(shown);
        Ok(())
    }

    /// Words never decide: they show what is open, with its buttons.
    async fn decide_by_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
    ) -> Result<Change, Failure> {
        let asker = self.standings(&commit).await?;
        let who = (commit.person(), asker.standings());
        let waiting = self.approvals.waiting(who.0, who.1).await?;
        if waiting.is_empty() {
            commit.say(scene, phrases::NOTHING_TO_DECIDE.to_owned());
            return Ok(commit.done().await);
        }
        commit.say(scene, phrases::PRESS_TO_DECIDE.to_owned());
        let features = self.delivery.features(&commit.address());
        let forms = features.is_some_and(|features| features.forms);
        for (number, row) in waiting.iter().take(SHOWN).enumerate() {
            if let Some(Details { text, buttons }) =
                self.approvals.details(row.id, who, forms).await?
            {
                let what = format!("open{number}");
                self.show_copy(scene, &mut commit, (row.id, &what), (text, buttons))
                    .await?;
            }
        }
        Ok(commit.done().await)
    }

    async fn permissions(&self, scene: &Scene, mut commit: Commit<'_>) -> Result<Change, Failure> {
        let asker = self.standings(&commit).await?;
        let all = self.approvals.permissions(asker.standings()).await?;
        if all.is_empty() {
            commit.say(scene, phrases::NO_PERMISSIONS.to_owned());
            return Ok(commit.done().await);
        }
        let givers: Vec<_> = all.iter().map(|one| one.given_by).collect();
        let names = self.store.names(&givers).await?;
        let mut lines = vec![phrases::PERMISSIONS.to_owned()];
        let mut buttons = Vec::new();
        for (number, grant) in (1..).zip(&all) {
            let artist = self.store.artist(&grant.artist.to_string()).await?;
            let artist = artist.map(|artist| artist.name).unwrap_or_default();
            let by = names.get(&grant.given_by).map_or("", String::as_str);
            let about = (grant.most, by, grant.until);
            lines.push(phrases::permission((number, &grant.kind), &artist, about));
            buttons.push(Press::EndGrant(grant.id).button(phrases::end_permission(number)));
        }
        let rows = buttons.chunks(ABREAST).take(5).map(<[_]>::to_vec).collect();
        commit.say_with(scene, lines.join("\n"), rows);
        Ok(commit.done().await)
    }

    async fn end_grant(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        id: GrantId,
    ) -> Result<Change, Failure> {
        let asker = self.standings(&commit).await?;
        let grant = self.store.grant(id).await?;
        let mine = grant.filter(|grant| {
            let mut all = asker.standings().iter();
            all.any(|(artist, one)| *artist == grant.artist && *one != Standing::Fan)
        });
        let Some(grant) = mine else {
            commit.say(scene, phrases::NO_SUCH_REQUEST.to_owned());
            return Ok(commit.done().await);
        };
        if grant.withdrawn_at.is_none() {
            let which = (grant.artist, grant.id);
            let by = commit.person();
            let via = commit.address().to_string();
            let job = self.approvals.record_end(which, (by, &via), &grant.kind)?;
            commit.besides(Change {
                writes: vec![Write::end_grant(which, by, scene.now)?],
                jobs: vec![job],
                ..Change::default()
            });
        }
        commit.say(scene, phrases::PERMISSION_ENDED.to_owned());
        Ok(commit.done().await)
    }

    /// `/approvals here`, and not here any more.
    async fn show_here(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (is_wanted, name): (bool, String),
    ) -> Result<Change, Failure> {
        if scene.setting() == Setting::Direct {
            commit.say(scene, phrases::HERE_IS_DIRECT.to_owned());
            return Ok(commit.done().await);
        }
        let asker = self.standings(&commit).await?;
        let mut mine = Vec::new();
        for artist in asker.artists() {
            mine.extend(self.store.artist(&artist.to_string()).await?);
        }
        if !name.is_empty() {
            mine.retain(|artist| artist.name.eq_ignore_ascii_case(&name));
        }
        let answer = match mine.as_slice() {
            [] => phrases::HERE_NOT_YOURS.to_owned(),
            [artist] => {
                let at = is_wanted.then_some(scene.now);
                let place = (artist.id, &commit.address());
                let write = Write::approval_chat(place, commit.person(), at)?;
                commit.besides(Change {
                    writes: vec![write],
                    ..Change::default()
                });
                match is_wanted {
                    true => phrases::shown_here(&artist.name),
                    false => phrases::not_shown_here(&artist.name),
                }
            }
            several => {
                let names: Vec<String> = several.iter().map(|one| one.name.clone()).collect();
                let command = match is_wanted {
                    true => "/approvals here",
                    false => "/approvals not here",
                };
                phrases::which_artist(&names, command)
            }
        };
        commit.say(scene, answer);
        Ok(commit.done().await)
    }
}

/// What stands behind the first words, as it was written.
fn rest(args: &str, words: usize) -> String {
    let rest: Vec<&str> = args.split_whitespace().skip(words).collect();
    rest.join(" ")
}
