//! What a fan says: which jar, how much, what it is for. The answer is words and buttons, and what becomes true with them.

use anyhow::Result;

use crate::model::{
    Address, ArtistId, AskId, Button, Currency, Interaction, Message, Money, PersonId, Setting,
    TipPress, phrases,
};
use crate::store::{AskRow, Change, TipsOf, Write};

use super::jar::{Gift, Wish, wish};
use super::money::minor;
use super::{Jar, STARS, STRIPE, Tips, ask, ask_id, book, fan};

/// Who says something, and where.
#[derive(Debug, Clone)]
pub struct Who {
    pub person: PersonId,
    /// As the platform shows it.
    pub name: String,
    pub address: Address,
    pub setting: Setting,
    /// The artists for whom this person works.
    pub artists: Vec<ArtistId>,
    /// What an answer hangs on.
    pub reply_to: Option<Message>,
    pub interaction: Option<Interaction>,
    /// The same at every attempt.
    pub key: String,
}

/// What is answered.
#[derive(Debug, Default)]
pub struct Said {
    /// Empty where the answer comes by itself, as soon as an address outside is known.
    pub text: String,
    pub buttons: Vec<Vec<Button>>,
    /// What becomes true with it.
    pub change: Change,
    /// Whether what the person wrote holds a secret that must not stay.
    pub take_away: bool,
}

impl Said {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

/// Most jars that are offered to choose from.
const MOST_JARS: usize = 12;
/// Longest words that go with a tip, in characters.
const MESSAGE: usize = 240;
/// Least that a card is charged for, in hundredths: below, fees eat it.
const LEAST_CARD: i64 = 100;

impl Tips {
    /// `/tip` with what stands behind it.
    pub async fn tip(&self, who: &Who, args: &str) -> Result<Said> {
        match wish(args) {
            Wish::Show => match self.team_artist(who).await? {
                Some(artist) => self.show_team(who, &artist).await,
                None => self.offer(who, None).await,
            },
            Wish::Give(gift) => self.give(who, gift).await,
            Wish::Refund => self.refund_list(who).await,
            Wish::Change(edit) => self.change(who, edit).await,
            Wish::Wants(what) => Ok(Said::text(phrases::jar_wants(what))),
        }
    }

    /// A fan came by a link: `word` is what stood behind `tip_`. `None` = nobody's word.
    pub async fn came(&self, who: &Who, word: &str) -> Result<Option<Said>> {
        let Some(jar) = self.jar_of(word).await? else {
            return Ok(None);
        };
        Ok(Some(self.offer(who, Some(jar)).await?))
    }

    /// A button.
    pub async fn press(&self, who: &Who, press: TipPress) -> Result<Said> {
        match press {
            TipPress::Jar(artist) => {
                let jar = self.jar_of(&artist.to_string()).await?;
                self.offer(who, jar).await
            }
            TipPress::Stars(artist, minor) => {
                let gross = Money {
                    minor,
                    currency: Currency::STARS,
                };
                self.ask_for(who, &artist.to_string(), (gross, String::new()))
                    .await
            }
            TipPress::Card(artist, minor) => {
                let jar = self.jar_of(&artist.to_string()).await?;
                let currency = jar.map_or(Currency::USD, |jar| jar.currency);
                let gross = Money { minor, currency };
                self.ask_for(who, &artist.to_string(), (gross, String::new()))
                    .await
            }
            TipPress::Public(ask, is_public) => self.name(who, ask, is_public).await,
            TipPress::Refund(tip) => self.refund_sure(who, tip).await,
            TipPress::GiveBack(tip) => self.refund_ordered(who, tip).await,
            TipPress::Keep => Ok(Said::text(phrases::REFUND_KEPT)),
        }
    }

    /// The jar, or a choice of jars.
    async fn offer(&self, who: &Who, jar: Option<Jar>) -> Result<Said> {
        let jar = match jar {
            Some(jar) => jar,
            None => match self.open_jars().await?.as_slice() {
                [] => return Ok(Said::text(phrases::NO_JAR)),
                [only] => only.clone(),
                several => return Ok(choice(several)),
            },
        };
        let mut said = self.card(who, &jar).await;
        let first = jar
            .artist_id()
            .filter(|artist| !who.artists.contains(artist));
        if let Some(artist) = first.filter(|_| who.setting == Setting::Direct) {
            // Whoever comes for an artist is a fan of theirs.
            said.change.jobs.push(fan::order(self, who.person, artist));
        }
        Ok(said)
    }

    async fn open_jars(&self) -> Result<Vec<Jar>> {
        let jars = self.store.tip_jars().await?.into_iter().map(Jar::read);
        Ok(jars.filter(|jar| jar.is_open).collect())
    }

    /// The jar with everything by which it can be filled from here.
    async fn card(&self, who: &Who, jar: &Jar) -> Said {
        let artist = jar.artist_id().filter(|_| jar.is_open);
        let Some(artist) = artist else {
            return Said::text(phrases::jar(&jar.public_name, false, false));
        };
        let is_direct = who.setting == Setting::Direct;
        let pays_here = is_direct && self.payments(&who.address.account()).is_some();
        let mut buttons = Vec::new();
        if pays_here {
            let stars = jar.stars.iter().map(|minor| Money {
                minor: *minor,
                currency: Currency::STARS,
            });
            let stars =
                stars.map(|gross| TipPress::Stars(artist, gross.minor).button(gross.to_string()));
            buttons.extend(rows(stars.collect()));
        } else if let Some(link) = self.start_link(&jar.slug).await {
            buttons.push(vec![Button::link(phrases::WITH_STARS, link)]);
        }
        // What is paid by card belongs to one person, so it is made ready between two.
        if is_direct && self.stripe.is_some() {
            let cards = jar.cards.iter().map(|minor| Money {
                minor: *minor,
                currency: jar.currency,
            });
            let cards =
                cards.map(|gross| TipPress::Card(artist, gross.minor).button(gross.to_string()));
            buttons.extend(rows(cards.collect()));
        }
        let pages = jar.links.iter();
        let pages =
            pages.map(|(name, url)| Button::link(phrases::tip_provider(name), url.as_str()));
        buttons.extend(rows(pages.collect()));
        let mut text = phrases::jar(&jar.public_name, true, pays_here);
        if buttons.is_empty() {
            text = phrases::NO_WAY_TO_PAY.to_owned();
        }
        Said {
            text,
            buttons,
            ..Said::default()
        }
    }

    /// The address by which a fan comes to a jar.
    pub async fn start_link(&self, slug: &str) -> Option<String> {
        self.opens_with(&format!("tip_{slug}")).await
    }

    /// The address that opens a chat here and says `/start WORD` in it, where there is one.
    pub async fn opens_with(&self, word: &str) -> Option<String> {
        let (_, payments) = self.account()?;
        payments.start_link(word).await
    }

    async fn give(&self, who: &Who, gift: Gift) -> Result<Said> {
        let Gift {
            amount,
            currency,
            mut words,
        } = gift;
        let named = match words.first() {
            Some(word) => self.jar_of(&word.to_lowercase()).await?,
            None => None,
        };
        if named.is_some() {
            words.remove(0);
        } else if let (Some(word), None) = (words.first(), &amount) {
            return Ok(Said::text(phrases::unknown_jar(word)));
        }
        let Some(amount) = amount else {
            return self.offer(who, named).await;
        };
        let jar = match named {
            Some(jar) => jar,
            None => match self.open_jars().await?.as_slice() {
                [] => return Ok(Said::text(phrases::NO_JAR)),
                [only] => only.clone(),
                several => match self.own(who, several) {
                    Some(own) => own,
                    None => return Ok(choice(several)),
                },
            },
        };
        if who.setting == Setting::Group {
            return Ok(self.card(who, &jar).await);
        }
        let pays_here = self.payments(&who.address.account()).is_some();
        // Where there are no Stars, a number alone means the jar's own currency.
        let here = match pays_here {
            true => Currency::STARS,
            false => jar.currency,
        };
        let currency = currency.unwrap_or(here);
        let gross = Money {
            minor: minor(&amount, currency).unwrap_or_default(),
            currency,
        };
        let message: String = words.join(" ").chars().take(MESSAGE).collect();
        self.ask_for(who, &jar.artist, (gross, message)).await
    }

    fn own(&self, who: &Who, jars: &[Jar]) -> Option<Jar> {
        let mine = |jar: &&Jar| {
            jar.artist_id()
                .is_some_and(|artist| who.artists.contains(&artist))
        };
        jars.iter().find(mine).cloned()
    }

    /// Notes what a fan says to give, and has the address made under which they pay it.
    async fn ask_for(
        &self,
        who: &Who,
        artist: &str,
        (gross, message): (Money, String),
    ) -> Result<Said> {
        let Some(jar) = self.jar_of(artist).await? else {
            return Ok(Said::text(phrases::NO_JAR));
        };
        if !jar.is_open {
            return Ok(Said::text(phrases::jar(&jar.public_name, false, false)));
        }
        let in_stars = gross.currency == Currency::STARS;
        let payable = match in_stars {
            true => self.payments(&who.address.account()).is_some(),
            false => self.stripe.is_some() && gross.currency == jar.currency,
        };
        if !payable || who.setting == Setting::Group {
            return Ok(self.card(who, &jar).await);
        }
        let (least, most) = match in_stars {
            true => (1, self.settings.max_stars),
            false => (LEAST_CARD, self.settings.max_card),
        };
        if !(least..=most).contains(&gross.minor) {
            let money = |minor| Money { minor, ..gross };
            return Ok(Said::text(phrases::odd_amount(money(least), money(most))));
        }
        let id = AskId::new(&self.ids);
        let row = AskRow {
            id: id.to_string(),
            artist_id: jar.artist,
            person_id: who.person.to_string(),
            provider: if in_stars { STARS } else { STRIPE }.to_owned(),
            minor: gross.minor,
            currency: gross.currency.to_string(),
            message,
            is_public: 0,
            address: who.address.to_string(),
            created_at: self.clock.now().ms(),
        };
        let place = (
            who.address.clone(),
            who.reply_to.clone(),
            who.interaction.clone(),
        );
        Ok(Said {
            change: Change {
                writes: vec![Write::tip_ask(&row)?],
                jobs: vec![ask::order(self, id, place)],
                ..Change::default()
            },
            ..Said::default()
        })
    }

    /// Whether a fan's name may be said in public; theirs alone to decide.
    async fn name(&self, who: &Who, ask: AskId, is_public: bool) -> Result<Said> {
        let asked = self.store.tip_ask(ask).await?;
        let mine = |asked: &AskRow| asked.person_id == who.person.to_string();
        let Some(asked) = asked.filter(mine) else {
            return Ok(Said::text(phrases::TIP_GONE));
        };
        let row = AskRow {
            is_public: i64::from(is_public),
            ..asked
        };
        Ok(Said {
            text: phrases::now_public(is_public).to_owned(),
            change: Change {
                writes: vec![Write::tip_ask(&row)?],
                ..Change::default()
            },
            ..Said::default()
        })
    }

    /// `/terms`, by the jar that is named or meant.
    pub async fn terms(&self, who: &Who, args: &str) -> Result<Said> {
        let jar = self.meant(who, args.trim()).await?;
        let text = match &jar {
            Some(jar) => phrases::terms(&jar.public_name, &jar.terms, &jar.contact),
            None => phrases::terms("", "", ""),
        };
        Ok(Said::text(text))
    }

    /// `/paysupport`: words behind it go to the artist's team.
    pub async fn paysupport(&self, who: &Who, args: &str) -> Result<Said> {
        let words = args.trim();
        let Some(jar) = self.meant(who, "").await? else {
            return Ok(Said::text(phrases::paysupport("", "")));
        };
        if words.is_empty() || who.setting == Setting::Group {
            return Ok(Said::text(phrases::paysupport(
                &jar.public_name,
                &jar.contact,
            )));
        }
        let words: String = words.chars().take(1_000).collect();
        self.call_team(who, &jar, &words).await
    }

    /// The jar that is named; else the one of the last tip; else the only one.
    async fn meant(&self, who: &Who, word: &str) -> Result<Option<Jar>> {
        if !word.is_empty()
            && let Some(jar) = self.jar_of(&word.to_lowercase()).await?
        {
            return Ok(Some(jar));
        }
        let last = TipsOf {
            person: Some(who.person),
            limit: 1,
            ..TipsOf::default()
        };
        if let [last] = self.store.tips(&last).await?.as_slice() {
            return self.jar_of(&last.artist_id).await;
        }
        let jars = self.store.tip_jars().await?;
        Ok(match <[_; 1]>::try_from(jars) {
            Ok([only]) => Some(Jar::read(only)),
            Err(_) => None,
        })
    }

    /// A tip that came by this ask, for whoever asks what became of it.
    pub async fn paid_by(&self, person: PersonId) -> Result<Vec<Money>> {
        let of = TipsOf {
            person: Some(person),
            limit: 5,
            ..TipsOf::default()
        };
        let tips = self.store.tips(&of).await?;
        Ok(tips.iter().filter_map(book::money).collect())
    }
}

fn choice(jars: &[Jar]) -> Said {
    let buttons = jars.iter().take(MOST_JARS).filter_map(|jar| {
        let artist = jar.artist_id()?;
        Some(vec![TipPress::Jar(artist).button(jar.public_name.as_str())])
    });
    Said {
        text: phrases::WHICH_JAR.to_owned(),
        buttons: buttons.collect(),
        ..Said::default()
    }
}

/// Three amounts side by side.
fn rows(buttons: Vec<Button>) -> Vec<Vec<Button>> {
    buttons.chunks(3).map(<[Button]>::to_vec).collect()
}

/// What a platform says was paid or went back, as an order of its lane.
impl Tips {
    /// Money arrived in a chat, or went back.
    pub fn told(
        &self,
        payment: &crate::model::Payment,
        (who, payer): (&Who, &crate::model::User),
        is_refund: bool,
    ) -> crate::store::NewJob {
        use super::step::{Fact, Giver};
        let crate::model::Payment {
            charge,
            amount,
            currency,
            payload,
        } = payment;
        let fact = match is_refund {
            false => Fact::Paid {
                gross: *amount,
                currency: currency.clone(),
                at: self.clock.now(),
            },
            true => Fact::Refunded {
                total: *amount,
                currency: currency.clone(),
            },
        };
        let giver = Giver {
            ask: ask_id(payload)
                .map(|ask| ask.to_string())
                .unwrap_or_default(),
            person: who.person.to_string(),
            payer: payer.to_string(),
            account: who.address.account(),
            name: who.name.clone(),
            address: who.address.to_string(),
            ..Giver::default()
        };
        let word = if is_refund { "back" } else { "paid" };
        let order = super::Order::Told {
            provider: STARS.to_owned(),
            external: charge.clone(),
            giver: Box::new(giver),
            fact,
        };
        self.order(
            format!("tip:{STARS}:{charge}:{word}"),
            (STARS, charge),
            &order,
        )
    }
}
