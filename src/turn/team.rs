//! `/invite`: who works for an artist, codes that let somebody in, leaving and removing.

use std::time::Duration;

use crate::model::{Button, Failure, MePress as Press, Standing, phrases};
use crate::store::{Acting, Change, Need};

use super::commit::Commit;
use super::{Scene, Turn};

/// How long a code lets somebody in.
const OPEN_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What is shown, and the buttons under it.
type Card = (String, Vec<Vec<Button>>);

impl Turn {
    /// `/invite`, with nothing behind it or with `manager` or `fan`.
    pub(super) async fn invite(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        args: &str,
    ) -> Result<Change, Failure> {
        let word = args.trim().to_lowercase();
        let (text, buttons) = match commit.asker(scene.setting()).await?.acting(Need::Team) {
            Err(_) => (phrases::FOR_NO_ARTIST.to_owned(), Vec::new()),
            Ok(acting) if word.is_empty() => self.team_card(&commit, &acting).await?,
            Ok(_) => {
                let press = Press::Invite(word);
                self.team_press(scene, &mut commit, &press).await?
            }
        };
        commit.say_with(scene, text, buttons);
        Ok(commit.done().await)
    }

    /// A button under the team: the role is asked for again at each press.
    pub(super) async fn team_press(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        press: &Press,
    ) -> Result<Card, Failure> {
        let asker = commit.asker(scene.setting()).await?;
        let Ok(acting) = asker.acting(Need::Team) else {
            return Ok((phrases::FOR_NO_ARTIST.to_owned(), Vec::new()));
        };
        let name = self.artist_name(&acting).await?;
        let leads = Need::Lead.is_met(acting.standing());
        let plain = |text: String| Ok((text, Vec::new()));
        match press {
            Press::Invite(word) => {
                let standing = match word.as_str() {
                    "manager" => Standing::Manager,
                    "fan" => Standing::Fan,
                    _ => return self.team_card(commit, &acting).await,
                };
                if !leads {
                    return plain(phrases::NOT_YOURS_TO_DO.to_owned());
                }
                let expires = scene.now.plus(OPEN_FOR);
                let code = self.store.invite(acting.artist(), standing, expires);
                let code = code.await?;
                let link = self.tips.opens_with(&code).await;
                let for_whom = (standing.as_str(), name.as_str());
                plain(phrases::invitation(&code, for_whom, link.as_deref()))
            }
            Press::Remove(person) | Press::ReallyRemove(person) => {
                // Everybody may leave; only who leads lets others go.
                if !leads && *person != commit.person() {
                    return plain(phrases::NOT_YOURS_TO_DO.to_owned());
                }
                let team = self.store.team(&acting).await?;
                let Some(member) = team.iter().find(|member| member.person == *person) else {
                    return plain(phrases::GONE_ALREADY.to_owned());
                };
                let who = phrases::called(&member.name);
                if let Press::Remove(person) = press {
                    let really = Press::ReallyRemove(*person);
                    let buttons = vec![vec![really.button(phrases::BUTTON_REALLY_REMOVE)]];
                    return Ok((phrases::really_remove(&who, &name), buttons));
                }
                match self.store.leave_artist(*person, acting.artist()).await? {
                    true => plain(phrases::removed(&who, &name)),
                    false => plain(phrases::LAST_ARTIST.to_owned()),
                }
            }
            _ => self.team_card(commit, &acting).await,
        }
    }

    async fn artist_name(&self, acting: &Acting) -> Result<String, Failure> {
        let artist = self.store.artist(&acting.artist().to_string()).await?;
        Ok(artist.map(|artist| artist.name).unwrap_or_default())
    }

    async fn team_card(&self, commit: &Commit<'_>, acting: &Acting) -> Result<Card, Failure> {
        let name = self.artist_name(acting).await?;
        let leads = Need::Lead.is_met(acting.standing());
        let mut lines = vec![phrases::team_head(&name)];
        let mut buttons = Vec::new();
        if leads {
            buttons.push(vec![
                Press::Invite("manager".to_owned()).button(phrases::INVITE_MANAGER),
                Press::Invite("fan".to_owned()).button(phrases::INVITE_FAN),
            ]);
        }
        for member in self.store.team(acting).await? {
            let who = phrases::called(&member.name);
            lines.push(format!("- {who}: {}", member.standing));
            let remove = Press::Remove(member.person);
            if member.person == commit.person() {
                buttons.push(vec![remove.button(phrases::leave_artist(&name))]);
            } else if leads {
                buttons.push(vec![remove.button(phrases::remove_member(&who))]);
            }
        }
        Ok((lines.join("\n"), buttons))
    }
}
