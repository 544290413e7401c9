//! Books what is told about one payment: reads what is known, adds what is told, writes what follows.

use anyhow::Context;
use async_trait::async_trait;

use crate::jobs::{Work, Worker};
use crate::model::{
    Address, ArtistId, Content, Event, EventId, Failure, Happening, Money, PersonId, Priority,
    Standing, TipId, phrases,
};
use crate::model::{EntryId, Setting};
use crate::platform::SendError;
use crate::store::{Change, EntryRow, Job, NewOutbound, TipRow, Write};

use super::hear::{Heard, hear};
use super::step::{self, Fact, Giver};
use super::{Order, STARS, STRIPE, Tips, ask_id, fan, look};

/// The name of the job.
pub(super) const KIND: &str = "tip";

/// Books what is told about one payment.
pub struct Book {
    pub tips: Tips,
}

#[async_trait]
impl Worker for Book {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let mut orders = Vec::new();
        for job in &work.jobs {
            match serde_json::from_str::<Order>(&job.payload) {
                Ok(order) => orders.push(order),
                // What cannot be read fails alone; what waits behind it is no worse for that.
                Err(error) if orders.is_empty() => {
                    let error = anyhow::Error::new(error).context("Reading what is told of a tip");
                    work.jobs.truncate(1);
                    return Err(Failure::GiveUp(error));
                }
                Err(_) => break,
            }
        }
        // To give back asks somebody outside: that stands alone.
        if let Some(Order::GiveBack { tip, by, address }) = orders.first() {
            work.jobs.truncate(1);
            let change = self.give_back(*tip, *by, address, &work.jobs).await?;
            return Ok(change);
        }
        let told = orders.iter();
        let told = told.take_while(|order| !matches!(order, Order::GiveBack { .. }));
        let count = told.count();
        work.jobs.truncate(count);
        orders.truncate(count);
        let mut change = self.told(orders).await?;
        let done: Vec<_> = work.jobs.iter().map(|job| job.id).collect();
        change.writes.push(Write::emptied(&done)?);
        Ok(change)
    }

    /// Whoever asked to give something back hears that it did not work.
    async fn given_up(&self, work: &Work) -> Change {
        let job = work.jobs.first();
        let order = job.and_then(|job| job.read().ok());
        let (Some(job), Some(Order::GiveBack { address, .. })) = (job, order) else {
            return Change::default();
        };
        let text = phrases::REFUND_FAILED.to_owned();
        let letter = self.letter(&address, format!("refund:failed:{}", job.id), text);
        Change {
            outbound: vec![letter],
            ..Change::default()
        }
    }
}

impl Book {
    async fn told(&self, orders: Vec<Order>) -> Result<Change, Failure> {
        let mut change = Change::default();
        let mut tip: Option<Known> = None;
        for order in orders {
            let (provider, giver, external, fact) = match order {
                Order::Told {
                    provider,
                    external,
                    giver,
                    fact,
                } => (provider, *giver, external, fact),
                Order::Raw {
                    provider,
                    artist,
                    body,
                    at,
                } => {
                    let heard = hear(&provider, body.as_bytes(), at);
                    let (heard, _) = heard.map_err(|error| Failure::GiveUp(error.into()))?;
                    match heard {
                        Heard::Tip {
                            external,
                            giver,
                            fact,
                        } => {
                            let mut giver = *giver;
                            if let Some(artist) = artist {
                                giver.artist = artist.to_string();
                            }
                            (provider, giver, external, fact)
                        }
                        other => {
                            change.absorb(self.beside(other).await?);
                            continue;
                        }
                    }
                }
                Order::GiveBack { .. } => continue,
            };
            let known = match &mut tip {
                Some(known) => known,
                None => tip.insert(self.known(&provider, &external).await?),
            };
            self.meet(&mut known.tip, giver).await?;
            step::fold(&mut known.tip, &fact);
        }
        if let Some(known) = tip {
            change.absorb(self.book(known).await?);
        }
        Ok(change)
    }

    async fn known(&self, provider: &str, external: &str) -> Result<Known, Failure> {
        let now = self.tips.clock.now().ms();
        let tip = self.tips.store.tip(provider, external).await?;
        let tip = tip.unwrap_or_else(|| TipRow {
            id: TipId::new(&self.tips.ids).to_string(),
            provider: provider.to_owned(),
            external_id: external.to_owned(),
            state: step::State::Pending.as_str().to_owned(),
            received_at: now,
            changed_at: now,
            ..TipRow::default()
        });
        Ok(Known {
            before: tip.clone(),
            tip,
        })
    }

    /// Adds who gave, and for whom: what was asked for says it, or there is one artist only.
    async fn meet(&self, tip: &mut TipRow, mut giver: Giver) -> Result<(), Failure> {
        if tip.artist_id.is_empty()
            && let Some(ask) = ask_id(&giver.ask)
            && let Some(ask) = self.tips.store.tip_ask(ask).await?
        {
            step::meet(
                tip,
                &Giver {
                    artist: ask.artist_id,
                    person: if giver.person.is_empty() {
                        ask.person_id
                    } else {
                        String::new()
                    },
                    message: ask.message,
                    is_public: ask.is_public != 0,
                    address: ask.address,
                    ..Giver::default()
                },
            );
        }
        if tip.artist_id.is_empty() && giver.artist.is_empty() {
            let artists = self.tips.store.artists().await?;
            if let [only] = artists.as_slice() {
                giver.artist = only.id.to_string();
            }
        }
        // A tip paid by somebody else than who asked for it is theirs who paid.
        step::meet(tip, &giver);
        Ok(())
    }

    /// What becomes true by what is known now.
    async fn book(&self, known: Known) -> Result<Change, Failure> {
        let Known { before, mut tip } = known;
        let now = self.tips.clock.now();
        step::settle(&mut tip);
        let id: TipId = tip.id.parse().map_err(anyhow::Error::from)?;
        let entries = step::entries(&before, &tip);
        if !entries.is_empty() {
            tip.bookings += 1;
        }
        tip.changed_at = now.ms();
        let rows = entries.into_iter().map(|(account, minor)| EntryRow {
            id: EntryId::new(&self.tips.ids).to_string(),
            tip_id: tip.id.clone(),
            booking: tip.bookings,
            account,
            currency: tip.currency.clone(),
            minor,
            created_at: now.ms(),
        });
        let rows: Vec<_> = rows.collect();
        let mut change = Change {
            writes: vec![Write::tip(&tip)?],
            ..Change::default()
        };
        if !rows.is_empty() {
            change.writes.push(Write::ledger(&rows)?);
        }
        for what in step::happened(id, &before, &tip) {
            let word = what.name();
            metrics::counter!("toney_tips_total", "provider" => tip.provider.clone(), "what" => word)
                .increment(1);
            change.events.push(self.event(&tip, what));
        }
        if !tip.trouble.is_empty() && before.trouble != tip.trouble {
            tracing::warn!(
                tip.id = tip.id,
                tip.provider = tip.provider,
                cause = tip.trouble,
                "A payment cannot be booked; `toney tips` shows it"
            );
        }
        if step::is_booked(&tip) && !step::is_booked(&before) {
            self.welcome(&tip, &mut change).await?;
        }
        Ok(change)
    }

    /// What a tip that is booked for the first time leads to.
    async fn welcome(&self, tip: &TipRow, change: &mut Change) -> Result<(), Failure> {
        let person = tip.person_id.parse::<PersonId>().ok();
        let artist = tip.artist_id.parse::<ArtistId>().ok();
        if let Some((person, artist)) = person.zip(artist) {
            change.jobs.push(fan::order(&self.tips, person, artist));
        }
        if tip.provider == STRIPE && self.tips.stripe.is_some() {
            change
                .jobs
                .push(look::fee_order(&self.tips, &tip.external_id));
        }
        let received = step::state(tip) == step::State::Received;
        if received
            && let Ok(address) = tip.address.parse::<Address>()
            && let Some(gross) = money(tip)
        {
            let jar = self.tips.jar_of(&tip.artist_id).await?;
            let name = jar.map(|jar| jar.public_name).unwrap_or_default();
            let key = format!("tip:receipt:{}", tip.id);
            let text = phrases::tip_booked(gross, &name);
            change.outbound.push(self.letter(&address, key, text));
        }
        Ok(())
    }

    /// What a provider says that is about no tip.
    async fn beside(&self, heard: Heard) -> Result<Change, Failure> {
        let mut change = Change::default();
        match heard {
            Heard::Failed { ask, external } => {
                let ask = match ask_id(&ask) {
                    Some(ask) => self.tips.store.tip_ask(ask).await?,
                    None => None,
                };
                if let Some(address) = ask.and_then(|ask| ask.address.parse::<Address>().ok()) {
                    let text = phrases::PAYMENT_FAILED.to_owned();
                    let key = format!("tip:failed:{external}");
                    change.outbound.push(self.letter(&address, key, text));
                }
            }
            Heard::Payout {
                gross: Some(gross),
                paid,
                artist,
                external: _,
            } => {
                let what = Happening::PayoutEnded { gross, paid };
                let artist = artist.parse().ok();
                change.events.push(self.about_money(artist, what).await?);
            }
            Heard::Available { sums, external: _ } => {
                for sum in sums {
                    let what = Happening::PayoutAvailable { sum };
                    change.events.push(self.about_money(None, what).await?);
                }
            }
            Heard::Payout { .. } | Heard::Tip { .. } | Heard::Nothing => {}
        }
        Ok(change)
    }

    /// Of an artist's money, or of that of the only one there is.
    async fn about_money(
        &self,
        artist: Option<ArtistId>,
        what: Happening,
    ) -> Result<Event, Failure> {
        let artists = self.tips.store.artists().await?;
        let only = match artists.as_slice() {
            [only] => Some(only.id),
            _ => None,
        };
        Ok(Event {
            id: EventId::new(&self.tips.ids),
            at: self.tips.clock.now(),
            person: None,
            artist: artist.or(only),
            address: None,
            what,
        })
    }

    /// Gives a tip back: the platform knows each charge, and gives it back once however often it is asked.
    async fn give_back(
        &self,
        id: TipId,
        by: PersonId,
        address: &Address,
        jobs: &[Job],
    ) -> Result<Change, Failure> {
        let job = jobs.first().context("There is a job")?;
        let tip = self.tips.store.tip_by_id(id).await?;
        let say = |text: String| Change {
            outbound: vec![self.letter(address, format!("refund:{}", job.id), text)],
            ..Change::default()
        };
        let Some(tip) = tip else {
            return Ok(say(phrases::TIP_GONE.to_owned()));
        };
        let asker = self.tips.store.asker(by, Setting::Direct).await?;
        let may = asker.standings().iter().any(|(artist, standing)| {
            artist.to_string() == tip.artist_id && *standing != Standing::Fan
        });
        if !may {
            return Ok(say(phrases::NOT_YOUR_JAR.to_owned()));
        }
        let (gross, open) = (
            money(&tip),
            ["received", "partly"].contains(&tip.state.as_str()),
        );
        let payments = self.tips.payments(&tip.account);
        let (Some(gross), Some(payments), true, STARS) =
            (gross, payments, open, tip.provider.as_str())
        else {
            return Ok(say(phrases::REFUND_NOT_HERE.to_owned()));
        };
        let payer = crate::model::User::new(&tip.payer);
        match payments.refund(&payer, &tip.external_id).await {
            Ok(()) => {}
            Err(SendError::RateLimited { after, .. }) => {
                return Err(Failure::Retry {
                    cause: anyhow::anyhow!("asked to wait"),
                    after: Some(after),
                });
            }
            Err(SendError::Unknown(why) | SendError::NotSent(why)) => {
                return Err(Failure::from(anyhow::anyhow!(why)));
            }
            Err(error) => {
                tracing::warn!(cause = %error, "A tip could not be given back");
                return Ok(say(phrases::REFUND_FAILED.to_owned()));
            }
        }
        let mut known = Known {
            before: tip.clone(),
            tip,
        };
        let fact = Fact::Refunded {
            total: known.tip.gross,
            currency: known.tip.currency.clone(),
        };
        step::fold(&mut known.tip, &fact);
        let name = known.tip.name.clone();
        let mut change = self.book(known).await?;
        change.absorb(say(phrases::given_back(gross, &name)));
        Ok(change)
    }

    fn event(&self, tip: &TipRow, what: Happening) -> Event {
        Event {
            id: EventId::new(&self.tips.ids),
            at: self.tips.clock.now(),
            person: tip.person_id.parse().ok(),
            artist: tip.artist_id.parse().ok(),
            address: tip.address.parse().ok(),
            what,
        }
    }

    fn letter(&self, address: &Address, key: String, text: String) -> NewOutbound {
        let content = Content::Message {
            text,
            buttons: Vec::new(),
            reply_to: None,
            interaction: None,
        };
        let delivery = &self.tips.delivery;
        delivery.letter(address.clone(), key, Priority::Reply, content)
    }
}

struct Known {
    before: TipRow,
    tip: TipRow,
}

/// What was given.
pub(super) fn money(tip: &TipRow) -> Option<Money> {
    let currency = tip.currency.parse().ok()?;
    let minor = tip.gross;
    Some(Money { minor, currency })
}
