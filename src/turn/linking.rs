//! `/link` and `/unlink`: two accounts become one person, and one of them a person of its own again.
//!
//! The code and the cards are made here; what the presses come to is decided in the lane of the link
//! ([`crate::people::Linker`]).

use crate::model::{Button, Content, Failure, LinkPress as Press, Message, Priority, phrases};
use crate::people::link::{LinkOrder, OPEN_FOR, Pressed};
use crate::store::{Change, Claimed, Link, link_code};

use super::commit::Commit;
use super::{Scene, Turn};

/// Letters of a code.
const CODE: usize = 8;

impl Turn {
    /// `/link`: shows a code, or takes one that was shown elsewhere.
    pub(super) async fn link(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        args: &str,
    ) -> Result<Change, Failure> {
        let letters = args.chars().filter(|letter| letter.is_ascii_alphanumeric());
        let counts =
            |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == ' ';
        if args.is_empty() {
            return self.show_code(scene, commit).await;
        }
        if letters.count() != CODE || !args.chars().all(counts) {
            commit.say(scene, phrases::link_only_chats(args));
            return Ok(commit.done().await);
        }
        self.take_code(scene, commit, args).await
    }

    async fn show_code(&self, scene: &Scene, mut commit: Commit<'_>) -> Result<Change, Failure> {
        let name = scene.last().map(|last| last.sender.name.clone());
        let address = commit.address();
        let (code, row) = link_code(
            &self.ids,
            commit.person(),
            (&address, &name.unwrap_or_default()),
            scene.now.plus(OPEN_FOR),
        )
        .map_err(Failure::GiveUp)?;
        commit.besides(Change {
            writes: vec![row],
            ..Change::default()
        });
        let known = self.store.identities(commit.person()).await?;
        commit.say(scene, phrases::link_code(&code, known.len()));
        Ok(commit.done().await)
    }

    async fn take_code(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        code: &str,
    ) -> Result<Change, Failure> {
        let (person, address) = (commit.person(), commit.address());
        let name = scene.last().map(|last| last.sender.name.clone());
        let who = (person, &address, name.as_deref().unwrap_or_default());
        let how = (scene.key.as_str(), scene.now.plus(OPEN_FOR));
        match self.store.claim_link(code, who, how).await? {
            Claimed::Own => commit.say(scene, phrases::LINK_OWN_CODE.to_owned()),
            Claimed::Wrong => commit.say(scene, phrases::LINK_WRONG_CODE.to_owned()),
            Claimed::TooOften => commit.say(scene, phrases::LINK_TOO_OFTEN.to_owned()),
            Claimed::Asked(link) => {
                let Link { id, sides, .. } = *link;
                let [shown, brought] = sides;
                let buttons = || {
                    let yes = Press::Say(id, true).button(phrases::YES_ME);
                    vec![vec![yes, Press::Say(id, false).button(phrases::NO_NOT_ME)]]
                };
                let there = phrases::is_this_you(&brought.name, brought.address.platform.as_ref());
                let card = Content::Message {
                    text: there,
                    buttons: buttons(),
                    reply_to: None,
                    interaction: None,
                };
                let key = format!("link:{id}:card");
                let letter =
                    self.delivery
                        .letter(shown.address.clone(), key, Priority::Reply, card);
                commit.besides(Change {
                    outbound: vec![letter],
                    ..Change::default()
                });
                let here = phrases::is_this_you(&shown.name, shown.address.platform.as_ref());
                commit.say_with(scene, here, buttons());
            }
        }
        Ok(commit.done().await)
    }

    /// `/unlink`: which account is to become a person of its own.
    pub(super) async fn unlink(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
    ) -> Result<Change, Failure> {
        let known = self.store.identities(commit.person()).await?;
        if known.len() < 2 {
            commit.say(scene, phrases::NOT_LINKED.to_owned());
            return Ok(commit.done().await);
        }
        let button = |(number, (platform, user)): (usize, &(String, String))| {
            let label = phrases::account(platform, user);
            vec![Press::TakeOut(number).button(label)]
        };
        let buttons = known.iter().enumerate().map(button).collect();
        commit.say_with(scene, phrases::UNLINK_WHICH.to_owned(), buttons);
        Ok(commit.done().await)
    }

    /// A button under a card of a link.
    pub(super) async fn link_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (press, card): (Press, Option<Message>),
    ) -> Result<Change, Failure> {
        match press {
            Press::Say(link, yes) => {
                let order = LinkOrder {
                    link,
                    press: Some(Pressed {
                        person: commit.person(),
                        address: commit.address(),
                        card,
                        yes,
                    }),
                };
                let key = format!("link:{}", scene.key);
                let job = order.job(&self.ids, (key, scene.now, scene.now));
                commit.job(job.map_err(Failure::GiveUp)?);
                Ok(commit.nothing().await)
            }
            Press::TakeOut(number) => {
                let known = self.store.identities(commit.person()).await?;
                let chosen = known.get(number).filter(|_| known.len() > 1);
                let Some((platform, user)) = chosen else {
                    commit.say(scene, phrases::NOT_LINKED.to_owned());
                    return Ok(commit.done().await);
                };
                let really = Press::Really(platform.clone(), user.clone());
                let buttons: Vec<Button> = vec![
                    really.button(phrases::UNLINK_YES),
                    Press::Leave.button(phrases::LEAVE_IT),
                ];
                let text = phrases::unlink_really(&phrases::account(platform, user));
                replace(scene, &mut commit, (card, text), vec![buttons]);
                Ok(commit.done().await)
            }
            Press::Leave => {
                let text = phrases::LEFT_AS_IT_IS.to_owned();
                replace(scene, &mut commit, (card, text), Vec::new());
                Ok(commit.done().await)
            }
            Press::Really(platform, user) => {
                let person = commit.person();
                let gone = self.store.unlink(person, (&platform, &user)).await?;
                // It may have been done by an attempt that died before it could say so.
                let known = self.store.identities(person).await?;
                let is_out = !known.contains(&(platform.clone(), user.clone()));
                let text = match (gone, is_out) {
                    (Some((_, chats)), _) => {
                        commit.forget(chats);
                        phrases::unlinked(&phrases::account(&platform, &user))
                    }
                    (None, true) => phrases::unlinked(&phrases::account(&platform, &user)),
                    (None, false) => phrases::NOT_LINKED.to_owned(),
                };
                // This very chat may belong to somebody new now.
                if *commit.address().platform == *platform {
                    commit.begin_session();
                    commit.of_nobody();
                }
                replace(scene, &mut commit, (card, text), Vec::new());
                Ok(commit.done().await)
            }
        }
    }
}

/// Says something in place of a card, or anew where that is not known.
pub(super) fn replace(
    scene: &Scene,
    commit: &mut Commit<'_>,
    (card, text): (Option<Message>, String),
    buttons: Vec<Vec<Button>>,
) {
    match card {
        Some(message) => commit.send(
            scene,
            "",
            Content::Edit {
                message,
                text,
                buttons,
            },
        ),
        None => commit.say_with(scene, text, buttons),
    }
}
