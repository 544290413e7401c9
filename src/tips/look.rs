//! Looking into the providers' own lists: what they kept of a tip, and whether the ledger says what they say.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use serde::Serialize;

use crate::external::stripe::Charge;
use crate::jobs::{Work, Worker};
use crate::model::{Failure, Money};
use crate::platform::Transaction;
use crate::store::{Change, NewJob, TipRow, TipsOf};

use super::step::{Fact, Giver};
use super::{Order, STARS, STRIPE, Tips, ask_id};

/// The name of the job.
const KIND: &str = "tip_fee";

/// Most pages of a hundred that are looked at.
const PAGES: u64 = 200;

/// Asks Stripe what it kept of a tip.
pub struct Fees {
    pub tips: Tips,
}

/// The order to ask, once for each payment. It has a lane of its own: nothing about the tip waits for it.
pub(super) fn fee_order(tips: &Tips, payment: &str) -> NewJob {
    let name = format!("tip_fee:{payment}");
    let after = Duration::from_secs(tips.settings.fee_after_seconds);
    tips.later(tips.job((KIND, name.clone()), name, &payment), after)
}

#[async_trait]
impl Worker for Fees {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let payment = work.only::<String>()?;
        let (Some((_, payment)), Some(stripe)) = (payment, &self.tips.stripe) else {
            return Ok(Change::default());
        };
        let charge = stripe.charge_of(&payment).await?;
        let charge = charge.context("The payment has no charge yet")?;
        let Some(minor) = charge.fee else {
            return Ok(Change::default());
        };
        let fact = Fact::Fee {
            minor,
            currency: charge.gross.currency.to_string(),
        };
        let order = told(STRIPE, &payment, Giver::default(), fact);
        let key = format!("tip:{STRIPE}:{payment}:fee:{minor}");
        let job = self.tips.order(key, (STRIPE, &payment), &order);
        Ok(Change::jobs(vec![job]))
    }
}

fn told(provider: &str, external: &str, giver: Giver, fact: Fact) -> Order {
    Order::Told {
        provider: provider.to_owned(),
        external: external.to_owned(),
        giver: Box::new(giver),
        fact,
    }
}

/// What became of a look into the providers' lists.
#[derive(Debug, Default, Serialize)]
pub struct Looked {
    /// How many payments and refunds were looked at.
    pub seen: usize,
    /// What was missing and is booked now, in words.
    pub missing: Vec<String>,
    /// What differs and is left as it is, in words.
    pub differs: Vec<String>,
    /// What each account holds by its provider's word.
    pub balances: Vec<String>,
    /// The orders that book what was missing.
    #[serde(skip)]
    pub jobs: Vec<NewJob>,
}

impl Tips {
    /// Compares the ledger with what the providers list. Nothing is changed but by the orders in the answer.
    pub async fn look(&self) -> Result<Looked> {
        let mut looked = Looked::default();
        for platform in &self.platforms {
            let Some(payments) = platform.payments() else {
                continue;
            };
            let account = format!("{}:{}", platform.name(), platform.bot());
            let known = self.all_of(STARS).await?;
            let mut seen = HashMap::new();
            for page in 0..PAGES {
                let found = payments.transactions(page * 100, 100).await?;
                let is_last = found.len() < 100;
                for one in found {
                    *seen.entry(one.payment.charge.clone()).or_insert(0) += 1;
                    self.look_at_stars(&account, &one, &known, &mut looked);
                }
                if is_last {
                    break;
                }
            }
            let lost = known
                .values()
                .filter(|tip| tip.account == account && tip.paid == 1);
            for tip in lost.filter(|tip| !seen.contains_key(&tip.external_id)) {
                let words = format!("{} {}: booked here, not listed there", tip.provider, tip.id);
                looked.differs.push(words);
            }
            let held = payments.balance().await?;
            looked.balances.push(format!("{account}: {held} Stars"));
        }
        if self.stripe.is_some() {
            self.look_at_stripe(&mut looked).await?;
        }
        Ok(looked)
    }

    async fn all_of(&self, provider: &str) -> Result<HashMap<String, TipRow>> {
        let mut all = HashMap::new();
        let mut of = TipsOf {
            provider: Some(provider.to_owned()),
            limit: 1_000,
            ..TipsOf::default()
        };
        loop {
            let page = self.store.tips(&of).await?;
            of.before = page.last().and_then(|tip| tip.id.parse().ok());
            let is_last = page.len() < 1_000;
            all.extend(page.into_iter().map(|tip| (tip.external_id.clone(), tip)));
            if is_last {
                return Ok(all);
            }
        }
    }

    fn look_at_stars(
        &self,
        account: &str,
        one: &Transaction,
        known: &HashMap<String, TipRow>,
        looked: &mut Looked,
    ) {
        // Withdrawals, advertisements and gifts are no tips.
        let Some(payer) = &one.payer else {
            return;
        };
        looked.seen += 1;
        let charge = &one.payment.charge;
        let tip = known.get(charge);
        let currency = one.payment.currency.clone();
        let amount = one.payment.amount;
        let giver = Giver {
            ask: ask_id(&one.payment.payload)
                .map(|id| id.to_string())
                .unwrap_or_default(),
            payer: payer.to_string(),
            account: account.to_owned(),
            ..Giver::default()
        };
        let (is_known, word, fact) = match one.is_refund {
            true => (
                tip.is_some_and(|tip| tip.refunded > 0),
                "back",
                Fact::Refunded {
                    total: amount,
                    currency,
                },
            ),
            false => (
                tip.is_some_and(|tip| tip.paid == 1),
                "paid",
                Fact::Paid {
                    gross: amount,
                    currency,
                    at: one.at,
                },
            ),
        };
        if !is_known {
            looked
                .missing
                .push(format!("{STARS} {charge}: {amount} Stars {word}"));
            // Not the key of the chat's own word, which may have been given up.
            let key = format!("look:{STARS}:{charge}:{word}:{}", self.clock.now().ms());
            let order = told(STARS, charge, giver, fact);
            looked.jobs.push(self.order(key, (STARS, charge), &order));
        } else if let Some(tip) = tip {
            let booked = if one.is_refund {
                tip.refunded
            } else {
                tip.gross
            };
            if booked != amount {
                let words = format!("{STARS} {charge}: {booked} here, {amount} there ({word})");
                looked.differs.push(words);
            }
        }
    }

    async fn look_at_stripe(&self, looked: &mut Looked) -> Result<()> {
        let Some(stripe) = &self.stripe else {
            return Ok(());
        };
        let known = self.all_of(STRIPE).await?;
        let mut after = None;
        for _ in 0..PAGES {
            let (charges, next) = stripe.charges(after.as_deref()).await?;
            for charge in &charges {
                self.look_at_charge(charge, known.get(&charge.payment), looked);
            }
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let balance = stripe.balance().await?;
        let held = |what: &str, all: &[Money]| {
            let all: Vec<_> = all.iter().map(ToString::to_string).collect();
            format!("{STRIPE} {what}: {}", all.join(", "))
        };
        looked.balances.push(held("available", &balance.available));
        looked.balances.push(held("pending", &balance.pending));
        Ok(())
    }

    fn look_at_charge(&self, charge: &Charge, tip: Option<&TipRow>, looked: &mut Looked) {
        let ask = charge.tip.clone();
        // What else the account sells is none of ours.
        if !charge.paid || (ask.is_none() && tip.is_none()) {
            return;
        }
        looked.seen += 1;
        let gross = charge.gross;
        let currency = gross.currency.to_string();
        let giver = Giver {
            ask: ask.filter(|id| ask_id(id).is_some()).unwrap_or_default(),
            ..Giver::default()
        };
        let mut facts = Vec::new();
        if tip.is_none_or(|tip| tip.paid == 0) {
            facts.push(Fact::Paid {
                gross: gross.minor,
                currency: currency.clone(),
                at: charge.at,
            });
        }
        if charge.refunded > tip.map_or(0, |tip| tip.refunded) {
            facts.push(Fact::Refunded {
                total: charge.refunded,
                currency: currency.clone(),
            });
        }
        if let Some(minor) = charge.fee.filter(|fee| *fee > tip.map_or(0, |tip| tip.fee)) {
            facts.push(Fact::Fee { minor, currency });
        }
        for (place, fact) in facts.into_iter().enumerate() {
            let payment = &charge.payment;
            looked
                .missing
                .push(format!("{STRIPE} {payment}: {}", word(&fact)));
            let key = format!("look:{STRIPE}:{payment}:{place}:{}", self.clock.now().ms());
            let order = told(STRIPE, payment, giver.clone(), fact);
            looked.jobs.push(self.order(key, (STRIPE, payment), &order));
        }
        if let Some(tip) = tip.filter(|tip| tip.paid == 1)
            && (tip.gross != gross.minor || tip.refunded > charge.refunded)
        {
            let words = format!(
                "{STRIPE} {}: {} with {} back here, {} with {} back there",
                charge.payment, tip.gross, tip.refunded, gross.minor, charge.refunded
            );
            looked.differs.push(words);
        }
    }
}

fn word(fact: &Fact) -> String {
    match fact {
        Fact::Paid {
            gross, currency, ..
        } => format!("{gross} {currency} paid"),
        Fact::Fee { minor, currency } => format!("{minor} {currency} kept by the provider"),
        Fact::Refunded { total, currency } => format!("{total} {currency} back"),
        Fact::Disputed {
            minor, currency, ..
        } => format!("{minor} {currency} disputed"),
    }
}
