//! Makes the address under which a fan pays what they said to give, and sends it.

use anyhow::Context;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::external::stripe::NewSession;
use crate::jobs::{Work, Worker};
use crate::model::{
    Address, AskId, Button, Content, Failure, Interaction, Message, Money, Priority, TipPress,
    phrases,
};
use crate::platform::{Invoice, SendError};
use crate::store::{AskRow, Change, Job, NewJob};

use super::{Jar, STARS, Tips};

/// The name of the job.
const KIND: &str = "tip_ask";

#[derive(Serialize, Deserialize)]
struct Order {
    ask: AskId,
    address: Address,
    reply_to: Option<Message>,
    interaction: Option<Interaction>,
}

/// Sends a fan the address under which they pay.
pub struct Ask {
    pub tips: Tips,
}

/// The order to do so, once for each ask.
pub(super) fn order(
    tips: &Tips,
    ask: AskId,
    (address, reply_to, interaction): (Address, Option<Message>, Option<Interaction>),
) -> NewJob {
    let name = format!("tip_ask:{ask}");
    let order = Order {
        ask,
        address,
        reply_to,
        interaction,
    };
    tips.job((KIND, name.clone()), name, &order)
}

#[async_trait]
impl Worker for Ask {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((job, order)) = work.only::<Order>()? else {
            return Ok(Change::default());
        };
        let asked = self.tips.store.tip_ask(order.ask).await?;
        let asked = asked.context("Nobody knows what was asked for");
        let asked = asked.map_err(Failure::GiveUp)?;
        let jar = self.tips.jar_of(&asked.artist_id).await?;
        let Some(jar) = jar.filter(|jar| jar.is_open) else {
            return Ok(self.say(order, &job, phrases::JAR_CLOSED.to_owned(), Vec::new()));
        };
        let currency = asked.currency.parse().map_err(anyhow::Error::from)?;
        let gross = Money {
            minor: asked.minor,
            currency,
        };
        let url = match asked.provider.as_str() {
            STARS => self.invoice(&asked, &jar, &order.address).await?,
            _ => self.session(&asked, (&jar, gross)).await?,
        };
        let ask = order.ask;
        let buttons = vec![
            vec![Button::link(phrases::pay(gross), url)],
            vec![
                TipPress::Public(ask, asked.is_public == 0)
                    .button(phrases::public(asked.is_public != 0)),
            ],
        ];
        let text = phrases::tip_ready(gross, &jar.public_name, &asked.message);
        Ok(self.say(order, &job, text, buttons))
    }

    async fn given_up(&self, work: &Work) -> Change {
        let job = work.jobs.first();
        match job.and_then(|job| Some((job.read().ok()?, job))) {
            Some((order, job)) => {
                self.say(order, job, phrases::TIP_NOT_READY.to_owned(), Vec::new())
            }
            None => Change::default(),
        }
    }
}

impl Ask {
    /// Whoever tries again makes a second link, and nobody has paid by the first.
    async fn invoice(&self, asked: &AskRow, jar: &Jar, to: &Address) -> Result<String, Failure> {
        let payments = self.tips.payments(&to.account());
        let payments = payments.context("The account takes no money");
        let title = phrases::invoice_title(&jar.public_name);
        let text = phrases::invoice_text(&jar.public_name);
        let invoice = Invoice {
            title: &title,
            text: &text,
            payload: &asked.id,
            amount: asked.minor,
        };
        let made = payments.map_err(Failure::GiveUp)?.invoice(&invoice).await;
        made.map_err(|error| match error {
            SendError::RateLimited { after, .. } => Failure::Retry {
                cause: anyhow::anyhow!("asked to wait"),
                after: Some(after),
            },
            SendError::Rejected(why) | SendError::Gone(why) | SendError::Vanished(why) => {
                Failure::GiveUp(anyhow::anyhow!(why))
            }
            error => Failure::from(anyhow::Error::new(error)),
        })
    }

    async fn session(
        &self,
        asked: &AskRow,
        (jar, gross): (&Jar, Money),
    ) -> Result<String, Failure> {
        let stripe = self.tips.stripe.as_ref();
        let stripe = stripe
            .context("Cards are not set up")
            .map_err(Failure::GiveUp)?;
        let title = phrases::invoice_title(&jar.public_name);
        let set = Some(self.tips.settings.thanks_url.clone());
        let thanks = match set.filter(|url| !url.is_empty()) {
            Some(url) => url,
            None => self.tips.start_link(&jar.slug).await.ok_or_else(|| {
                Failure::GiveUp(anyhow::anyhow!("tips.thanks_url says nowhere to land"))
            })?,
        };
        let session = NewSession {
            tip: &asked.id,
            artist: &asked.artist_id,
            name: &title,
            gross,
            thanks: &thanks,
        };
        stripe.checkout(&session).await.map_err(Into::into)
    }

    fn say(&self, order: Order, job: &Job, text: String, buttons: Vec<Vec<Button>>) -> Change {
        let Order {
            ask: _,
            address,
            reply_to,
            interaction,
        } = order;
        let content = Content::Message {
            text,
            buttons,
            reply_to,
            interaction,
        };
        let key = format!("answer:{}", job.id);
        let delivery = &self.tips.delivery;
        Change {
            outbound: vec![delivery.letter(address, key, Priority::Reply, content)],
            ..Change::default()
        }
    }
}
