//! `/workflows`, wishes for automations, and the buttons under both.
//!
//! Nothing is active before its Yes was pressed. A button carries an id alone: whose it is and what may be done with it
//! is asked of the store each time.

use serde_json::{Value, json};

use crate::capability::{By, Entry};
use crate::model::{
    ArtistId, Content, Failure, FlowPress as Press, Message, ProposalId, Setting, phrases,
    phrases::workflows as words,
};
use crate::store::Change;
use crate::workflow::card::{self, Card};
use crate::workflow::{Definition, Shown};

use super::commit::Commit;
use super::{Scene, Turn};

/// Hours and days are those of this zone where nobody said another.
const ZONE: &str = "UTC";

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
            "" if said.is_empty() => card::list(&self.workflows.list(artist).await?),
            "" => {
                let named = self.workflows.named(artist, said).await?;
                match named.as_slice() {
                    [one] => card::of_one(one),
                    _ => card::list(&self.workflows.list(artist).await?),
                }
            }
            "create" => return self.wished(scene, commit, said).await,
            verb @ ("pause" | "resume" | "delete") => {
                let named = self.workflows.named(artist, said).await?;
                match named.as_slice() {
                    [] => Card::plain(words::NONE_YET),
                    [one] if verb == "delete" => card::really(one),
                    [one] => {
                        let args = json!({"workflow": one.row.id, "action": verb});
                        let control = ("workflow_control", args, By::Person);
                        return self.carried(scene, commit, control).await;
                    }
                    several => card::which(several),
                }
            }
            typed => return self.wished(scene, commit, typed).await,
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

    /// A wish in words: laid out for a yes, asked back or refused.
    async fn wished(
        &self,
        scene: &Scene,
        commit: Commit<'_>,
        said: &str,
    ) -> Result<Change, Failure> {
        let args = json!({"wish": said});
        self.carried(scene, commit, ("workflow_generation", args, By::Person))
            .await
    }

    /// What words ask for is done by what a model would call for it.
    async fn carried(
        &self,
        scene: &Scene,
        commit: Commit<'_>,
        (name, args, by): (&str, Value, By),
    ) -> Result<Change, Failure> {
        match Entry::find(name) {
            Some(entry) => self.done_by(scene, commit, (entry, args, by)).await,
            None => Ok(commit.done().await),
        }
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
            Press::List => card::list(&self.workflows.list(artist).await?),
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
                Some((run, steps)) => Card::plain(card::details(&run, &steps)),
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
                let verb = match press {
                    Press::Pause(_) => "pause",
                    Press::Resume(_) => "resume",
                    Press::Delete(_) => "delete",
                    _ => "",
                };
                if !verb.is_empty() {
                    let args = json!({"workflow": one.row.id, "action": verb});
                    let control = ("workflow_control", args, By::Press);
                    return self.carried(scene, commit, control).await;
                }
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
                Card::plain(card::rehearsed(&rehearsal))
            }
            Press::Drop(_) => card::really(one),
            Press::Edit(_) => {
                let (person, address) = (commit.person(), commit.address());
                commit.besides(self.workflows.ask_edit(person, &address, one)?);
                Card::plain(words::HOW_CHANGED)
            }
            Press::History(id) => Card::plain(card::history(
                one,
                &self.workflows.history(artist, id).await?,
            )),
            _ => card::of_one(one),
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
                Card::plain(card::rehearsed(&rehearsal))
            }
            Press::Say(_, place) => {
                let Some(said) = card::said_by(place) else {
                    commit.say(scene, phrases::BUTTON_OUTDATED.to_owned());
                    return Ok(commit.done().await);
                };
                let payer = commit.payer(Setting::Direct).await?;
                let zone = self.zone_of(&commit).await?;
                let answered = self.workflows.answer(row, (said, &zone), payer).await?;
                commit.besides(answered.0);
                card::of_answer(answered.1)
            }
            _ => {
                let (change, taken) = self.workflows.accept(row).await?;
                commit.besides(change);
                Card::plain(card::taken(&taken))
            }
        };
        commit.say_with(scene, answer.text, answer.buttons);
        Ok(commit.done().await)
    }
}

fn read(definition: &str) -> Result<Definition, Failure> {
    serde_json::from_str(definition).map_err(|error| Failure::GiveUp(error.into()))
}
