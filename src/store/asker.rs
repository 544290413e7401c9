//! Who asks, and what that lets them reach. Knowledge is never read without an [`Asker`], and only this
//! file makes one.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result};

use crate::model::{ArtistId, PersonId, Setting, Standing, Target};

use super::Store;
use super::conversations::same;
use super::db::{Sql, reading};
use super::passages::DocumentRow;

/// An artist whom nobody joined yet belongs to whoever sits at the terminal.
const STANDINGS: Sql = same(
    "SELECT s.artist_id, s.standing, CASE WHEN s.artist_id = (SELECT p.artist_id FROM persons p
         WHERE p.id = $1) THEN 1 ELSE 0 END FROM
     (SELECT artist_id, standing FROM memberships WHERE person_id = $1
     UNION ALL
     SELECT a.id, 'operator' FROM artists a WHERE EXISTS (SELECT 1 FROM identities i
         WHERE i.person_id = $1 AND i.platform = 'terminal')
     AND NOT EXISTS (SELECT 1 FROM memberships m
         WHERE m.artist_id = a.id AND (m.standing = 'artist' OR m.person_id = $1))) AS s
     ORDER BY 1",
);

/// Digits of an id's body.
const BODY: usize = 25;

/// Who reaches a piece of knowledge. Its text is the token that stands on every chunk and in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Everybody.
    Global,
    /// The artist and the artist's managers.
    Team(ArtistId),
    /// One person, for as long as the artist lets them in.
    Own(ArtistId, PersonId),
}

/// A text that is not the token of a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the token of a scope")]
pub struct InvalidScope(String);

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("g"),
            Self::Team(artist) => write!(f, "t{}", artist.body()),
            Self::Own(artist, person) => write!(f, "o{}{}", artist.body(), person.body()),
        }
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(token: &str) -> Result<Self, InvalidScope> {
        let artist = |body: &str| format!("art_{body}").parse().ok();
        let scope = match token.split_at_checked(1) {
            Some(("g", "")) => Some(Self::Global),
            Some(("t", body)) => artist(body).map(Self::Team),
            Some(("o", bodies)) => bodies.split_at_checked(BODY).and_then(|(of, person)| {
                Some(Self::Own(
                    artist(of)?,
                    format!("per_{person}").parse().ok()?,
                ))
            }),
            Some(_) | None => None,
        };
        scope.ok_or_else(|| InvalidScope(token.to_owned()))
    }
}

impl Scope {
    /// Whether it belongs to an artist.
    pub fn is_personal(&self) -> bool {
        !matches!(self, Self::Global)
    }
}

/// Somebody who asks, with what they reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    person: Option<PersonId>,
    standings: Vec<(ArtistId, Standing)>,
    /// For whom they work now, where they said so.
    current: Option<ArtistId>,
    personal: Vec<Scope>,
}

/// What somebody has to be to an artist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Works for the artist: the artist, a manager, or the operator of one whom nobody joined.
    Team,
    /// Decides for the artist: the artist, or the operator of one whom nobody joined.
    Lead,
}

impl Need {
    /// Whether a standing is enough.
    pub fn is_met(self, standing: Standing) -> bool {
        match standing {
            Standing::Artist | Standing::Operator => true,
            Standing::Manager => self == Self::Team,
            Standing::Fan => false,
        }
    }
}

/// Proof that a person holds a role for an artist; only an [`Asker`] hands it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acting {
    person: Option<PersonId>,
    artist: ArtistId,
    standing: Standing,
}

impl Acting {
    /// Who acts; `None` = the operator on the command line.
    pub fn person(&self) -> Option<PersonId> {
        self.person
    }

    /// For whom.
    pub fn artist(&self) -> ArtistId {
        self.artist
    }

    /// As what.
    pub fn standing(&self) -> Standing {
        self.standing
    }
}

/// Why nobody may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRole {
    /// Works for nobody, or for nobody here: where others read along roles do not count.
    #[error("works for no artist")]
    Nobody,
    /// Is something else to the artist.
    #[error("is not enough to the artist")]
    NotEnough,
}

impl Asker {
    /// Somebody of whom nothing is known: reaches the knowledge of the trade alone.
    pub fn nobody() -> Self {
        Self {
            person: None,
            standings: Vec::new(),
            current: None,
            personal: Vec::new(),
        }
    }

    /// Who it is, if that is known.
    pub fn person(&self) -> Option<PersonId> {
        self.person
    }

    /// What the person is to whom. Nothing in a group, where it does not count.
    pub fn standings(&self) -> &[(ArtistId, Standing)] {
        &self.standings
    }

    /// The role in which somebody acts for the artist they mean now. Whoever needs one asks here and nowhere else.
    ///
    /// # Errors
    /// When they hold none that is enough.
    pub fn acting(&self, need: Need) -> Result<Acting, NoRole> {
        let artist = *self.artists().first().ok_or(NoRole::Nobody)?;
        self.acting_for(artist, need)
    }

    /// The same for an artist who is named.
    ///
    /// # Errors
    /// When they hold none that is enough.
    pub fn acting_for(&self, artist: ArtistId, need: Need) -> Result<Acting, NoRole> {
        let mut standings = self.standings.iter();
        let (_, standing) = standings
            .find(|(of, _)| *of == artist)
            .ok_or(NoRole::Nobody)?;
        if !need.is_met(*standing) {
            return Err(NoRole::NotEnough);
        }
        Ok(Acting {
            person: self.person,
            artist,
            standing: *standing,
        })
    }

    /// The artists for whom this person may add documents and share them: whom they mean now, then one's own.
    pub fn artists(&self) -> Vec<ArtistId> {
        let may = |(_, standing): &&(ArtistId, Standing)| *standing != Standing::Fan;
        let mut mine: Vec<_> = self.standings.iter().filter(may).collect();
        mine.sort_by_key(|(artist, standing)| {
            (Some(*artist) != self.current, *standing != Standing::Artist)
        });
        mine.into_iter().map(|(artist, _)| *artist).collect()
    }

    /// Whether the asker brought a document.
    pub fn is_own(&self, document: &DocumentRow) -> bool {
        document.owner.is_some() && document.owner == self.person
    }

    /// Whether the asker may change a document: one's own, or any of the artist one is.
    pub fn may_change(&self, document: &DocumentRow) -> bool {
        let leads = |(artist, standing): &(ArtistId, Standing)| {
            Some(*artist) == document.artist
                && matches!(standing, Standing::Artist | Standing::Operator)
        };
        self.is_own(document) || self.standings.iter().any(leads)
    }

    /// What this asker reaches of what is wanted.
    pub fn scopes(&self, target: Target) -> Vec<Scope> {
        let personal = self.personal.iter().copied();
        match target {
            Target::Personal | Target::Hybrid => personal.chain([Scope::Global]).collect(),
            Target::Global => vec![Scope::Global],
            Target::None => Vec::new(),
        }
    }

    fn new(person: Option<PersonId>, standings: Vec<(ArtistId, Standing)>) -> Self {
        let mut personal = Vec::new();
        for (artist, standing) in &standings {
            if *standing != Standing::Fan {
                personal.push(Scope::Team(*artist));
                personal.extend(person.map(|person| Scope::Own(*artist, person)));
            }
        }
        Self {
            person,
            standings,
            current: None,
            personal,
        }
    }
}

impl Store {
    /// What a person reaches where they ask. Whoever asks in a group reaches what everybody does.
    pub async fn asker(&self, person: PersonId, setting: Setting) -> Result<Asker> {
        if setting == Setting::Group {
            return Ok(Asker::new(Some(person), Vec::new()));
        }
        let rows: Vec<(String, String, i32)> = reading!(&self.db, STANDINGS, |sql, pool| {
            sqlx::query_as(sql)
                .bind(person.to_string())
                .fetch_all(pool)
                .await
                .with_context(|| format!("Reading what {person} is to whom"))?
        });
        let chosen = rows.iter().find(|(_, _, is_current)| *is_current == 1);
        let current = chosen.map(|(artist, _, _)| artist.parse()).transpose()?;
        let standings = rows
            .into_iter()
            .map(|(artist, standing, _)| Ok((artist.parse()?, standing.parse()?)))
            .collect::<Result<_>>()?;
        Ok(Asker {
            current,
            ..Asker::new(Some(person), standings)
        })
    }

    /// The operator on the command line, looking into what those who work for an artist share.
    pub fn asker_for(&self, artist: ArtistId) -> Asker {
        Asker::new(None, vec![(artist, Standing::Operator)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    fn ids() -> Ids {
        Ids::new(Clock::System, Some(7))
    }

    #[test]
    fn tokens_come_back() {
        let (artist, person) = (ArtistId::new(&ids()), PersonId::new(&ids()));
        for scope in [
            Scope::Global,
            Scope::Team(artist),
            Scope::Own(artist, person),
        ] {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        for wrong in ["", "g1", "t", "x", "o", "t!", "\u{e9}"] {
            assert!(wrong.parse::<Scope>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn fans_reach_what_everybody_does() {
        let ids = ids();
        let (artist, person) = (ArtistId::new(&ids), PersonId::new(&ids));
        let fan = Asker::new(Some(person), vec![(artist, Standing::Fan)]);
        assert_eq!(fan.scopes(Target::Personal), [Scope::Global]);
        assert_eq!(fan.artists(), []);
        let manager = Asker::new(Some(person), vec![(artist, Standing::Manager)]);
        let all = [
            Scope::Team(artist),
            Scope::Own(artist, person),
            Scope::Global,
        ];
        assert_eq!(manager.scopes(Target::Hybrid), all);
        assert_eq!(manager.scopes(Target::Global), [Scope::Global]);
        assert_eq!(manager.scopes(Target::None), []);
    }

    #[test]
    fn a_role_counts_for_its_artist_alone() {
        let ids = ids();
        let (mine, other, fan_of) = (
            ArtistId::new(&ids),
            ArtistId::new(&ids),
            ArtistId::new(&ids),
        );
        let standings = vec![
            (other, Standing::Manager),
            (mine, Standing::Artist),
            (fan_of, Standing::Fan),
        ];
        let mut asker = Asker::new(Some(PersonId::new(&ids)), standings);
        let artist = |acting: Result<Acting, NoRole>| acting.map(|acting| acting.artist());
        assert_eq!(
            artist(asker.acting(Need::Lead)),
            Ok(mine),
            "one's own first"
        );
        asker.current = Some(other);
        assert_eq!(artist(asker.acting(Need::Team)), Ok(other));
        assert_eq!(artist(asker.acting(Need::Lead)), Err(NoRole::NotEnough));
        assert_eq!(artist(asker.acting_for(mine, Need::Lead)), Ok(mine));
        assert_eq!(
            artist(asker.acting_for(fan_of, Need::Team)),
            Err(NoRole::NotEnough)
        );
        // Whoever left is not let in by what they chose before.
        asker.current = Some(fan_of);
        assert_eq!(artist(asker.acting(Need::Lead)), Ok(mine));
        assert_eq!(
            artist(Asker::nobody().acting(Need::Team)),
            Err(NoRole::Nobody)
        );
    }
}
