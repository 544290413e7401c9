//! E-mail: a job is a letter to one person, sent once, and what became of it is kept without the address.
//!
//! [`Mail`] does the job; [`Stops`] takes the presses on the link by which people get no more mail. It never writes an
//! address into a log, never writes to whoever unsubscribed, and never decides what is said. Start with [`Mail`].

mod page;
mod words;

use async_trait::async_trait;
use serde::Deserialize;

use crate::external::mail::{Error, Letter, Smtp, Wrong};
use crate::jobs::{Work, Worker};
use crate::model::{
    Clock, Failure, Ids, JobId, MailState, Mailed, Seal, SendMail, TellMailed, hex,
};
use crate::store::{Change, Job, MailRow, NewJob, Store, Write, address_hash};

pub use page::Stops;
pub use words::html;

/// Settings of the section `[mail]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The mail server; no mail is sent without one.
    pub url: Option<String>,
    /// The address that mail comes from.
    pub from: Option<String>,
    /// The address that answers go to.
    pub reply_to: Option<String>,
}

impl Settings {
    /// The server, where one is set.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn server(&self) -> Result<Option<Smtp>, Wrong> {
        let filled = |text: &Option<String>| {
            text.as_deref()
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let Some(url) = filled(&self.url) else {
            return Ok(None);
        };
        let from = filled(&self.from).unwrap_or_default();
        Smtp::new(&url, &from, filled(&self.reply_to).as_deref()).map(Some)
    }
}

/// Sends letters.
pub struct Mail {
    pub store: Store,
    /// Without one nothing is sent, and whoever waits is told.
    pub server: Option<Smtp>,
    pub stops: Stops,
    pub clock: Clock,
    pub ids: Ids,
}

#[async_trait]
impl Worker for Mail {
    fn kind(&self) -> &'static str {
        SendMail::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((job, mail)) = work.only::<SendMail>()? else {
            return Ok(Change::default());
        };
        let hash = address_hash(&mail.to);
        if self.store.is_mail_stopped(&hash).await? {
            return self.ended(&job, &mail, (MailState::Stopped, ""));
        }
        let Some(server) = &self.server else {
            return self.ended(&job, &mail, (MailState::Failed, "no mail server is set up"));
        };
        let ways = self.stops.ways(&hash, &server.from());
        let link = ways.first().map_or("", String::as_str);
        let text = words::plain(&mail.text, link);
        let page = words::letter(&mail.text, link);
        let letter = Letter {
            id: &id_of(&job.key),
            to: &mail.to,
            to_name: &mail.to_name,
            from_name: &mail.from_name,
            subject: &mail.subject,
            text: &text,
            html: &page,
            unsubscribe: &ways,
        };
        match server.send(&letter).await {
            Ok(()) => self.ended(&job, &mail, (MailState::Sent, "")),
            Err(Error::Refused(code)) => self.ended(&job, &mail, (MailState::Bounced, &code)),
            Err(Error::Invalid(why)) => self.ended(&job, &mail, (MailState::Bounced, why)),
            Err(error @ Error::Later(_)) => Err(Failure::Retry {
                cause: anyhow::anyhow!("{error}"),
                after: None,
            }),
        }
    }

    async fn given_up(&self, work: &Work) -> Change {
        let Some(job) = work.jobs.first() else {
            return Change::default();
        };
        let Ok(mail) = serde_json::from_str::<SendMail>(&job.payload) else {
            return Change::default();
        };
        let ended = self.ended(
            job,
            &mail,
            (MailState::Failed, "the mail server took it at no time"),
        );
        ended.unwrap_or_default()
    }
}

impl Mail {
    /// What became of it is kept, whoever waits is told, and the words are taken out of the job.
    fn ended(
        &self,
        job: &Job,
        mail: &SendMail,
        (state, reason): (MailState, &str),
    ) -> Result<Change, Failure> {
        metrics::counter!("toney_mails_total", "result" => state.as_str()).increment(1);
        let now = self.clock.now();
        let id = id_of(&job.key);
        let row = MailRow {
            key: job.key.clone(),
            artist_id: mail.artist.to_string(),
            person_id: mail
                .person
                .map(|person| person.to_string())
                .unwrap_or_default(),
            address_hash: address_hash(&mail.to),
            message_id: self
                .server
                .as_ref()
                .map_or(id.clone(), |server| server.message_id(&id)),
            state: state.as_str().to_owned(),
            reply: reason.to_owned(),
            at: now,
        };
        let mut change = Change {
            writes: vec![Write::mails(&[row])?, Write::empty_job(job.id)?],
            ..Change::default()
        };
        if let Some(TellMailed { kind, lane, body }) = &mail.tell {
            let mut body = body.clone();
            let mailed = Mailed {
                state,
                reason: reason.to_owned(),
            };
            if let Some(body) = body.as_object_mut() {
                body.insert("mailed".to_owned(), serde_json::json!(mailed));
            }
            change.jobs.push(NewJob {
                id: JobId::new(&self.ids),
                kind: kind.clone(),
                lane: lane.clone(),
                key: format!("mailed:{}", job.key),
                ordering: 0,
                payload: body.to_string(),
                run_at: now,
                at: now,
            });
        }
        Ok(change)
    }
}

/// What tells a letter from all others, the same at every attempt: whoever gets it twice after a crash can see that.
fn id_of(key: &str) -> String {
    use sha2::{Digest, Sha256};
    let hash = hex(Sha256::digest(key.as_bytes()));
    hash.chars().take(32).collect()
}

/// The place for which a link's address is sealed.
const PLACE: &str = "mail-stop";

impl Stops {
    /// The ways by which whoever has this address can stop mail: a link where one can be reached, a mailbox else.
    fn ways(&self, hash: &str, mailbox: &str) -> Vec<String> {
        let link = self.public_url.as_ref().and_then(|base| {
            let sealed = self.seal.seal(PLACE, hash).ok()?;
            let token = sealed.strip_prefix("sealed:")?.to_owned();
            Some(format!("{}/mail/stop/{token}", base.trim_end_matches('/')))
        });
        let mailbox = format!("mailto:{mailbox}?subject=unsubscribe");
        link.into_iter().chain([mailbox]).collect()
    }

    /// Reads a link's token.
    fn hash_in(seal: &Seal, token: &str) -> Option<String> {
        seal.open(PLACE, &format!("sealed:{token}"))
    }
}
