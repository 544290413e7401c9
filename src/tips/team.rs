//! What the artist and the managers do with a jar: set it, look at it, give a tip back, hear of trouble.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::model::{
    ArtistId, Content, Currency, Money, Priority, Setting, Standing, TipId, TipPress, phrases,
};
use crate::store::{Artist, Change, TipRow, TipSum, TipsOf, Write};

use super::jar::{Edit, slug};
use super::{Jar, Order, STARS, Said, Tips, Who, book};

/// Where the secrets of webhooks may be read again.
pub(super) const SECRETS: &str = "tips";

/// Most tips that are offered to be given back.
const MOST: i64 = 8;

impl Tips {
    /// The artist for whom somebody works, where they may see money.
    pub(super) async fn team_artist(&self, who: &Who) -> Result<Option<Artist>> {
        match who.artists.first() {
            Some(artist) if who.setting == Setting::Direct => {
                self.store.artist(&artist.to_string()).await
            }
            Some(_) | None => Ok(None),
        }
    }

    /// The jar as its artist sees it.
    pub(super) async fn show_team(&self, who: &Who, artist: &Artist) -> Result<Said> {
        let jar = self.jar_or_new(artist).await?;
        let sums = self.store.tip_sums(artist.id).await?;
        let now = chrono::DateTime::from_timestamp_millis(self.clock.now().ms());
        let now = now.map_or_else(String::new, |now| now.format("%Y-%m").to_string());
        let month = sums.iter().filter(|sum| sum.month == now).filter_map(net);
        let shown = |amounts: &[i64], currency: Currency| {
            let each = amounts.iter().map(|minor| Money {
                minor: *minor,
                currency,
            });
            each.map(|money| money.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let cards = match self.stripe {
            Some(_) => shown(&jar.cards, jar.currency),
            None => String::new(),
        };
        let pages = jar.links.values().cloned().collect::<Vec<_>>().join(", ");
        let link = self.start_link(&jar.slug).await;
        let text = phrases::jar_of_team(&phrases::JarShown {
            artist: &jar.public_name,
            slug: &jar.slug,
            is_open: jar.is_open,
            link: link.as_deref(),
            stars: &shown(&jar.stars, Currency::STARS),
            cards: &cards,
            pages: &pages,
            month: &total(month),
            contact: &jar.contact,
        });
        let others = self.store.tip_jars().await?;
        let others = others.into_iter().map(Jar::read).filter(|other| {
            other.is_open
                && other
                    .artist_id()
                    .is_some_and(|artist| !who.artists.contains(&artist))
        });
        let others = others.take(4).filter_map(|other| {
            let artist = other.artist_id()?;
            Some(vec![
                TipPress::Jar(artist).button(phrases::invoice_title(&other.public_name)),
            ])
        });
        Ok(Said {
            text,
            buttons: others.collect(),
            ..Said::default()
        })
    }

    /// What came in over the last months, the running one with them, and where fans can give; for the team alone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn told_of(&self, artist: ArtistId, months: u32) -> Result<String> {
        let Some(artist) = self.store.artist(&artist.to_string()).await? else {
            return Ok(phrases::NO_JAR.to_owned());
        };
        let jar = self.jar_or_new(&artist).await?;
        let now = chrono::DateTime::from_timestamp_millis(self.clock.now().ms());
        let first = now.and_then(|now| now.checked_sub_months(chrono::Months::new(months - 1)));
        let first = first.map_or_else(String::new, |first| first.format("%Y-%m").to_string());
        let mut sums = self.store.tip_sums(artist.id).await?;
        sums.retain(|sum| sum.month >= first);
        let mut lines = vec![phrases::tips_of(&jar.public_name, jar.is_open)];
        for sum in sums.iter().rev() {
            let Ok(currency) = sum.currency.parse::<Currency>() else {
                continue;
            };
            let money = |minor| Money { minor, currency };
            lines.push(phrases::tips_line(
                (&sum.month, &sum.provider, sum.tips),
                (money(sum.gross), money(sum.net)),
                [money(sum.fee), money(sum.refunded), money(sum.lost)],
            ));
        }
        lines.push(match sums.as_slice() {
            [] => phrases::NO_TIPS_THEN.to_owned(),
            sums => phrases::tips_in_all(&total(sums.iter().filter_map(net))),
        });
        if let Some(link) = self.start_link(&jar.slug).await {
            lines.push(phrases::tip_link(&link));
        }
        lines.extend(
            jar.links
                .iter()
                .map(|(name, url)| phrases::tip_page(name, url)),
        );
        Ok(lines.join("\n"))
    }

    async fn jar_or_new(&self, artist: &Artist) -> Result<Jar> {
        if let Some(jar) = self.jar_of(&artist.id.to_string()).await? {
            return Ok(jar);
        }
        // The end of an id tells those apart who are called alike.
        let body = artist.id.body();
        let end: String = body.chars().rev().take(5).collect();
        let word = slug(&artist.name).unwrap_or_else(|| format!("artist-{end}"));
        let word = match self.store.tip_jar(&word).await? {
            Some(_) => format!("{word}-{end}"),
            None => word,
        };
        Ok(Jar::new(artist, word))
    }

    pub(super) async fn change(&self, who: &Who, edit: Edit) -> Result<Said> {
        let is_secret = matches!(edit, Edit::Secret(..));
        let mut said = self.changed(who, edit).await?;
        said.take_away = is_secret;
        Ok(said)
    }

    async fn changed(&self, who: &Who, edit: Edit) -> Result<Said> {
        if who.setting == Setting::Group {
            return Ok(Said::text(phrases::TIPS_IN_DIRECT));
        }
        let Some(artist) = self.team_artist(who).await? else {
            return Ok(Said::text(phrases::NOT_YOUR_JAR));
        };
        let mut jar = self.jar_or_new(&artist).await?;
        let now = self.clock.now();
        let mut change = Change::default();
        let mut text = phrases::JAR_CHANGED.to_owned();
        match edit {
            Edit::Open(is_open) => jar.is_open = is_open,
            Edit::Stars(amounts) => jar.stars = self.payable(amounts),
            Edit::Cards(currency, amounts) => (jar.currency, jar.cards) = (currency, amounts),
            Edit::Name(name) => jar.public_name = name,
            Edit::Terms(terms) => jar.terms = terms,
            Edit::Contact(contact) => jar.contact = contact,
            Edit::Slug(word) => {
                let other = self.store.tip_jar(&word).await?;
                if other.is_some_and(|other| other.artist_id != jar.artist) {
                    return Ok(Said::text(phrases::slug_taken(&word)));
                }
                jar.slug = word;
            }
            Edit::Page(provider, url) => drop(jar.links.insert(provider.to_owned(), url)),
            Edit::Drop(provider) => {
                jar.links.remove(provider);
                let write = Write::tip_secret((artist.id, provider), None, now)?;
                change.writes.push(write);
                text = phrases::tip_secret_dropped(provider);
            }
            Edit::Secret(provider, secret) => {
                // It came sealed for the way in; one that somebody handed on otherwise is taken as it is.
                let opened = self.seal.open(self.sealed_in, &secret);
                let sealed = self
                    .seal
                    .seal(SECRETS, opened.as_deref().unwrap_or(&secret))?;
                let write = Write::tip_secret((artist.id, provider), Some(&sealed), now)?;
                change.writes.push(write);
                text = phrases::tip_secret_kept(provider);
            }
        }
        change.writes.push(Write::tip_jar(&jar.row(now.ms()))?);
        let said = self.show_changed(who, (&jar, text)).await;
        Ok(Said { change, ..said })
    }

    async fn show_changed(&self, who: &Who, (jar, text): (&Jar, String)) -> Said {
        let link = self.start_link(&jar.slug).await.unwrap_or_default();
        let state = phrases::jar(&jar.public_name, jar.is_open, false);
        let lines = [text, state, link]
            .into_iter()
            .filter(|line| !line.is_empty());
        let _ = who;
        Said::text(lines.collect::<Vec<_>>().join("\n"))
    }

    fn payable(&self, amounts: Vec<i64>) -> Vec<i64> {
        let most = self.settings.max_stars;
        amounts.into_iter().map(|amount| amount.min(most)).collect()
    }

    /// The tips that can be given back from here.
    pub(super) async fn refund_list(&self, who: &Who) -> Result<Said> {
        if who.setting == Setting::Group {
            return Ok(Said::text(phrases::TIPS_IN_DIRECT));
        }
        let Some(artist) = self.team_artist(who).await? else {
            return Ok(Said::text(phrases::NOT_YOUR_JAR));
        };
        let of = TipsOf {
            artist: Some(artist.id),
            provider: Some(STARS.to_owned()),
            limit: 50,
            ..TipsOf::default()
        };
        let tips = self.store.tips(&of).await?;
        let open = tips.iter().filter(|tip| tip.state == "received");
        let buttons = open
            .take(usize::try_from(MOST).unwrap_or(0))
            .filter_map(|tip| {
                let gross = book::money(tip)?;
                let day = chrono::DateTime::from_timestamp_millis(tip.received_at)?;
                let day = day.format("%-d %B").to_string();
                let line = phrases::tip_line(gross, &tip.name, &day);
                Some(vec![TipPress::Refund(tip.id.parse().ok()?).button(line)])
            });
        let buttons: Vec<_> = buttons.collect();
        let text = match buttons.as_slice() {
            [] => phrases::NOTHING_TO_REFUND,
            [_, ..] => phrases::REFUND_WHICH,
        };
        Ok(Said {
            text: text.to_owned(),
            buttons,
            ..Said::default()
        })
    }

    /// A tip that somebody of its team asks about.
    async fn own_tip(&self, who: &Who, id: TipId) -> Result<Result<TipRow, Said>> {
        let Some(tip) = self.store.tip_by_id(id).await? else {
            return Ok(Err(Said::text(phrases::TIP_GONE)));
        };
        let artist = tip.artist_id.parse().ok();
        let is_mine = artist.is_some_and(|artist| who.artists.contains(&artist));
        Ok(match is_mine && who.setting == Setting::Direct {
            true => Ok(tip),
            false => Err(Said::text(phrases::NOT_YOUR_JAR)),
        })
    }

    pub(super) async fn refund_sure(&self, who: &Who, id: TipId) -> Result<Said> {
        let tip = match self.own_tip(who, id).await? {
            Ok(tip) => tip,
            Err(said) => return Ok(said),
        };
        let Some(gross) = book::money(&tip).filter(|_| tip.state == "received") else {
            return Ok(Said::text(phrases::REFUND_NOT_HERE));
        };
        Ok(Said {
            text: phrases::refund_sure(gross, &tip.name),
            buttons: vec![vec![
                TipPress::GiveBack(id).button(phrases::REFUND_YES),
                TipPress::Keep.button(phrases::REFUND_NO),
            ]],
            ..Said::default()
        })
    }

    /// Who pressed is looked at again where it is done.
    pub(super) async fn refund_ordered(&self, who: &Who, id: TipId) -> Result<Said> {
        let tip = match self.own_tip(who, id).await? {
            Ok(tip) => tip,
            Err(said) => return Ok(said),
        };
        let order = Order::GiveBack {
            tip: id,
            by: who.person,
            address: who.address.clone(),
        };
        let key = format!("giveback:{id}:{}", who.key);
        let job = self.order(key, (&tip.provider, &tip.external_id), &order);
        Ok(Said {
            text: phrases::REFUND_ORDERED.to_owned(),
            change: Change::jobs(vec![job]),
            ..Said::default()
        })
    }

    /// Brings a fan's words about a payment to everybody of the team who is reached.
    pub(super) async fn call_team(&self, who: &Who, jar: &Jar, words: &str) -> Result<Said> {
        let tips = self.paid_by(who.person).await?;
        let tips: Vec<_> = tips.iter().map(ToString::to_string).collect();
        let text = phrases::support_request(&who.name, words, &tips.join(", "));
        let mut change = Change::default();
        let members = match jar.artist_id() {
            Some(artist) => self.store.members(artist).await?,
            None => Vec::new(),
        };
        for (person, standing) in members {
            if standing == Standing::Fan {
                continue;
            }
            let chats = self.store.reach(person).await?;
            let Some(address) = chats.into_iter().next() else {
                continue;
            };
            let content = Content::Message {
                text: text.clone(),
                buttons: Vec::new(),
                reply_to: None,
                interaction: None,
            };
            let key = format!("paysupport:{}:{person}", who.key);
            let letter = self
                .delivery
                .letter(address, key, Priority::Approval, content);
            change.outbound.push(letter);
        }
        let text = match change.outbound.as_slice() {
            [] => phrases::support_alone(&jar.contact),
            [_, ..] => phrases::support_asked(&jar.public_name, &jar.contact),
        };
        Ok(Said {
            text,
            change,
            ..Said::default()
        })
    }
}

fn net(sum: &TipSum) -> Option<Money> {
    let currency = sum.currency.parse().ok()?;
    Some(Money {
        minor: sum.net,
        currency,
    })
}

/// One sum for each currency.
fn total(all: impl Iterator<Item = Money>) -> String {
    let mut sums: BTreeMap<Currency, i64> = BTreeMap::new();
    for Money { minor, currency } in all {
        *sums.entry(currency).or_default() += minor;
    }
    let sums = sums.into_iter();
    let shown = sums.map(|(currency, minor)| Money { minor, currency }.to_string());
    shown.collect::<Vec<_>>().join(", ")
}
