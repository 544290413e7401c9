//! The people of the example: who they are, and by which accounts they are known. Nobody can be written to there: a number
//! stands at no place in their names, and no account of Toney's is called like theirs.

use anyhow::{Context, Result};

use crate::app::past::Past;
use crate::model::{
    Address, ArtistId, ConversationId, Event, EventId, Happening, PersonId, SessionId, Setting,
    Standing, Time,
};
use crate::store::{
    AddressFact, Change, Conversation, Manners, NewPerson, NewSession, put_manners,
};

use super::example::Example;

/// How every account of the example begins.
pub(super) const PREFIX: &str = "example-";
/// What the account of Toney's is called to which they wrote.
const BOT: &str = "example";
/// Where the team lives.
const ZONE: &str = "Europe/Berlin";
/// Everybody's last name.
const LAST: &str = "Example";

/// Somebody.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) person: PersonId,
    pub(super) name: String,
    pub(super) address: Address,
    pub(super) conversation: ConversationId,
    pub(super) session: SessionId,
}

/// Everybody.
pub(super) struct Cast {
    pub(super) artist: ArtistId,
    pub(super) mara: Member,
    pub(super) milo: Member,
    pub(super) tess: Member,
    pub(super) fans: Vec<Member>,
}

impl Cast {
    /// Makes them; the team is there at once, fans come when they come.
    pub(super) async fn call(past: &mut Past, example: &Example, artist: ArtistId) -> Result<Self> {
        let fan = |(number, first): (usize, &String)| {
            let platform = if number % 3 == 2 {
                "discord"
            } else {
                "telegram"
            };
            let user = format!("fan-{:02}", number + 1);
            member(past, &format!("{first} {LAST}"), (platform, &user))
        };
        let fans = example.fans.iter().enumerate().map(fan);
        let fans: Result<Vec<_>> = fans.collect();
        let cast = Self {
            artist,
            mara: member(past, &example.artist, ("telegram", "artist"))?,
            milo: member(past, &example.manager, ("discord", "manager"))?,
            tess: member(past, &example.helper, ("telegram", "helper"))?,
            fans: fans?,
        };
        for (member, standing) in [
            (&cast.mara, Standing::Artist),
            (&cast.milo, Standing::Manager),
            (&cast.tess, Standing::Manager),
        ] {
            cast.meet(past, member).await?;
            let now = past.clock.now();
            let code = past.store.invite(artist, standing, now.plus(WEEK)).await?;
            let joined = past.store.join(member.person, &code).await?;
            joined.context("The example's own people could not join")?;
        }
        Ok(cast)
    }

    /// Somebody writes for the first time.
    pub(super) async fn meet(&self, past: &mut Past, member: &Member) -> Result<()> {
        let now = past.clock.now();
        let Member {
            person,
            name,
            address,
            conversation,
            session,
        } = member;
        let known = |platform: &str| NewPerson {
            person: *person,
            platform: platform.to_owned(),
            user: address.chat.to_string(),
            name: name.clone(),
            language: "en".to_owned(),
            at: now,
        };
        let mut people = vec![known(&address.platform)];
        let is_team = [&self.mara, &self.milo]
            .iter()
            .any(|one| one.person == *person);
        let mut writes = Vec::new();
        if is_team {
            // Whoever sits at the terminal may be them: `toney chat --as example-artist`.
            people.push(known("terminal"));
            writes.push(put_manners(&Manners {
                person: *person,
                name: name.clone(),
                language: "en".to_owned(),
                speaks: String::new(),
                zone: ZONE.to_owned(),
                current: Some(self.artist),
                keeps_facts: true,
                reminders: true,
                spoken_to: false,
            })?);
        }
        let change = Change {
            people,
            conversations: vec![Conversation {
                id: *conversation,
                address: address.clone(),
                account: address.account(),
                setting: Setting::Direct,
                person: Some(*person),
                session: *session,
                last_inbound: String::new(),
                at: now,
            }],
            sessions: vec![NewSession {
                id: *session,
                conversation: *conversation,
                at: now,
            }],
            events: vec![Event {
                id: EventId::new(&past.ids),
                at: now,
                person: Some(*person),
                artist: Some(self.artist),
                address: Some(address.clone()),
                what: Happening::PersonMet,
            }],
            writes,
            ..Change::default()
        };
        past.make(change).await
    }

    /// From now on nobody of them is written to, whatever happens.
    pub(super) fn silence(&self, now: Time) -> Change {
        let team = [&self.mara, &self.milo, &self.tess];
        let all = team.into_iter().chain(&self.fans);
        let addresses = all.map(|member| AddressFact {
            address: member.address.clone(),
            moved_to: String::new(),
            unreachable_at: now,
        });
        Change {
            addresses: addresses.collect(),
            ..Change::default()
        }
    }
}

const WEEK: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

fn member(past: &Past, name: &str, (platform, user): (&str, &str)) -> Result<Member> {
    let address = format!("{platform}:{BOT}:{PREFIX}{user}");
    let address = address.parse();
    Ok(Member {
        person: PersonId::new(&past.ids),
        name: name.to_owned(),
        address: address.context("Naming a place that is none")?,
        conversation: ConversationId::new(&past.ids),
        session: SessionId::new(&past.ids),
    })
}
