//! What Toney can do: each capability in a file of its own, one line in [`ALL`].
//!
//! A capability is called by a command, a button, words that surely ask for it, or a model; whoever calls it goes
//! through [`gate()`]. It reads, and answers an [`Outcome`] with the [`Change`] that makes it true; it never writes
//! by itself, and never has done what others must decide. Start with [`Capability`].

mod artist;
mod automation;
mod charts;
mod content;
mod documents;
mod earnings;
mod feedback;
mod gate;
mod human;
mod insights;
mod lyrics;
mod page;
mod plan;
mod plan_export;
mod react;
pub mod release;
mod requests;
mod settings;
mod thanks;
mod tips;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::approval::Approvals;
use crate::delivery::Delivery;
use crate::knowledge::Knowledge;
use crate::llm::{self, Door, Payer, Prompts, Report, Request, Task};
use crate::memory::Contexts;
use crate::model::{
    Address, ArtistId, Clock, Failure, Ids, Outcome, PersonId, SessionId, Setting, Standing, Time,
    TurnId,
};
use crate::money::Books;
use crate::people::Profiles;
use crate::store::{Asker, Change, Store};
use crate::tips::Tips;
use crate::workflow::Workflows;

pub use artist::from;
pub use charts::charts;
pub use content::{Draft, Kind, rework};
pub use gate::{By, Gate, Risk, Whose, gate};
pub use human::{Takes, take};
pub use insights::said as insights_said;
pub use page::{PageTimers, Pages, Paging, Seen, Settings as SafetySettings};
pub use react::{Fans, React};
pub use thanks::{Part as ThanksPart, texts as thanks_texts};

/// All of them, in the order in which they are shown.
pub const ALL: &[Entry] = &[
    Entry::of::<documents::Ask>(),
    Entry::of::<earnings::Earnings>(),
    Entry::of::<earnings::Payout>(),
    Entry::of::<insights::Insights>(),
    Entry::of::<content::Content>(),
    Entry::of::<lyrics::Lyrics>(),
    Entry::of::<plan::Advice>(),
    Entry::of::<plan::Plan>(),
    Entry::of::<plan::Save>(),
    Entry::of::<plan::Show>(),
    Entry::of::<plan::Done>(),
    Entry::of::<plan_export::Export>(),
    Entry::of::<automation::Generation>(),
    Entry::of::<automation::Status>(),
    Entry::of::<automation::Control>(),
    Entry::of::<thanks::Thanks>(),
    Entry::of::<artist::Profile>(),
    Entry::of::<artist::Field>(),
    Entry::of::<artist::Goals>(),
    Entry::of::<release::HandIn>(),
    Entry::of::<requests::Requests>(),
    Entry::of::<tips::Status>(),
    Entry::of::<settings::Show>(),
    Entry::of::<settings::Set>(),
    Entry::of::<feedback::Feedback>(),
    Entry::of::<human::Human>(),
];

/// Something Toney can do.
pub trait Capability: 'static {
    /// Its name, in the field's terms.
    const NAME: &'static str;
    /// What it does: shown to people and to models.
    const ABOUT: &'static str;
    /// What it may do to the world.
    const RISK: Risk;
    /// Whom it is for.
    const WHOSE: Whose;

    /// What has to be said with it; its schema is what a model sees.
    type Args: DeserializeOwned + JsonSchema + Send;

    /// What a press would do, in a sentence for the person.
    fn preview(args: &Self::Args) -> String;

    /// What is missing or wrong at this moment, so that nothing is laid out that could not be done.
    ///
    /// # Errors
    /// A sentence for whoever asked.
    fn check(_: &Self::Args, _now: Time) -> Result<(), String> {
        Ok(())
    }

    /// Does it, as far as it does anything by itself.
    fn run(
        hands: &Hands,
        call: &Call<'_>,
        args: Self::Args,
    ) -> impl Future<Output = Result<Ran, Failure>> + Send;
}

/// Nothing has to be said with it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Nothing {}

/// What capabilities work with; cheap to clone.
#[derive(Clone)]
pub struct Hands {
    pub store: Store,
    pub knowledge: Knowledge,
    pub door: Door,
    pub prompts: Arc<Prompts>,
    pub books: Books,
    pub workflows: Workflows,
    pub contexts: Contexts,
    pub people: Profiles,
    pub approvals: Approvals,
    pub tips: Tips,
    pub delivery: Delivery,
    /// Where files lie that are made to be sent.
    pub outgoing: PathBuf,
    pub clock: Clock,
    pub ids: Ids,
}

/// Who wants it, and where.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub person: PersonId,
    /// What they are called; data, never an instruction.
    pub name: &'a str,
    /// What they reach.
    pub asker: &'a Asker,
    pub setting: Setting,
    pub address: &'a Address,
    pub session: SessionId,
    pub turn: TurnId,
    /// The same at every attempt of the same turn.
    pub key: &'a str,
    pub now: Time,
    pub payer: Payer,
}

impl Call<'_> {
    /// The artist it is for.
    pub fn artist(&self) -> Option<ArtistId> {
        self.asker.artists().first().copied()
    }

    fn standings(&self) -> Vec<Standing> {
        let all = self.asker.standings().iter();
        all.map(|(_, standing)| *standing).collect()
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    pub outcome: Outcome,
    /// What becomes true with it.
    pub change: Change,
    /// What can follow by a press.
    pub next: Option<Next>,
    /// What models were asked for it.
    pub asked: Vec<(Task, Result<Report, llm::Unavailable>)>,
}

/// What can follow by a press of the asker.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// It takes what was done back.
    Undo(Deed),
    /// It does what was laid out.
    Propose(Deed),
}

/// A call that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    pub capability: &'static str,
    pub args: Value,
}

impl Ran {
    /// Nothing became true.
    pub fn only(outcome: Outcome) -> Self {
        Self {
            outcome,
            change: Change::default(),
            next: None,
            asked: Vec::new(),
        }
    }
}

type Running<'a> = BoxFuture<'a, Result<Ran, Failure>>;

/// A capability as whoever calls it sees it.
pub struct Entry {
    pub name: &'static str,
    pub about: &'static str,
    pub risk: Risk,
    pub whose: Whose,
    schema: fn() -> Value,
    preview: fn(&Value, Time) -> Result<String, String>,
    run: for<'a> fn(&'a Hands, &'a Call<'a>, Value) -> Running<'a>,
}

impl Entry {
    const fn of<C: Capability>() -> Self {
        Self {
            name: C::NAME,
            about: C::ABOUT,
            risk: C::RISK,
            whose: C::WHOSE,
            schema: schema::<C::Args>,
            preview: |args, now| {
                let args = parse::<C>(args)?;
                C::check(&args, now)?;
                Ok(C::preview(&args))
            },
            run: |hands, call, args| {
                async move {
                    match parse::<C>(&args) {
                        Ok(args) => C::run(hands, call, args).await,
                        Err(sentence) => Ok(Ran::only(Outcome::Refused(sentence))),
                    }
                }
                .boxed()
            },
        }
    }

    /// The one of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|entry| entry.name == name)
    }

    /// Whether somebody may have it done, and what has to be pressed before.
    pub fn gate(&self, by: By, call: &Call<'_>) -> Gate {
        let who = call.standings();
        gate((self.risk, self.whose), by, (call.setting, &who))
    }

    /// What a model is told of it.
    pub fn tool(&self) -> llm::Tool {
        // A model is told of them with every message.
        static SCHEMAS: LazyLock<HashMap<&str, llm::Schema>> = LazyLock::new(|| {
            let all = ALL.iter();
            all.map(|entry| (entry.name, (entry.schema)().into()))
                .collect()
        });
        let known = SCHEMAS.get(self.name).cloned();
        llm::Tool {
            name: self.name.to_owned(),
            about: self.about.to_owned(),
            schema: known.unwrap_or_else(|| (self.schema)().into()),
        }
    }

    /// What a press would do.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the arguments.
    pub fn preview(&self, args: &Value, now: Time) -> Result<String, String> {
        (self.preview)(args, now)
    }

    /// Does it. Whoever calls has asked [`Entry::gate`] before.
    ///
    /// # Errors
    /// What may pass by itself; what is wrong for good is an [`Outcome`].
    pub async fn run(&self, hands: &Hands, call: &Call<'_>, args: Value) -> Result<Ran, Failure> {
        let ran = (self.run)(hands, call, args).await?;
        metrics::counter!("toney_capabilities_total", "capability" => self.name, "result" => ran.outcome.status())
            .increment(1);
        Ok(ran)
    }
}

fn parse<C: Capability>(args: &Value) -> Result<C::Args, String> {
    // A list would do for fields in their order; no schema of ours says so.
    if !args.is_object() {
        return Err(format!(
            "{} was not run: its arguments are no object.",
            C::NAME
        ));
    }
    serde_path_to_error::deserialize(args)
        .map_err(|error| format!("{} was not run: {error}.", C::NAME))
}

/// The schema of arguments, without what a model does not need.
fn schema<T: JsonSchema>() -> Value {
    let mut schema = SchemaGenerator::default()
        .into_root_schema_for::<T>()
        .to_value();
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("$schema");
        fields.remove("title");
    }
    schema
}

/// Asks the models that talk for a text of its own.
async fn written(hands: &Hands, call: &Call<'_>, prompt: String) -> (Option<String>, Asked) {
    let request = Request {
        messages: vec![llm::Line::new(llm::Role::Person, prompt)],
        payer: call.payer,
        ..Request::default()
    };
    let whole = llm::whole(hands.door.answer(Task::Chat, request)).await;
    let text =
        Some(whole.text.trim().to_owned()).filter(|text| whole.end.is_ok() && !text.is_empty());
    (text, (Task::Chat, whole.end))
}

/// Puts a file where what goes out is deleted once it is sent; the same attempt writes the same one.
async fn outgoing(hands: &Hands, name: &str, bytes: impl AsRef<[u8]>) -> Result<PathBuf> {
    // Whoever sends it may stand in another folder.
    let file = hands.outgoing.join(name.replace([':', '/'], "-"));
    let file = std::path::absolute(file).context("Finding a file to send")?;
    tokio::fs::create_dir_all(&hands.outgoing)
        .await
        .context("Making the folder of what goes out")?;
    tokio::fs::write(&file, bytes)
        .await
        .context("Writing a file to send")?;
    Ok(file)
}

type Asked = (Task, Result<Report, llm::Unavailable>);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_a_sentence_and_a_schema() {
        let mut names = HashSet::new();
        for entry in ALL {
            assert!(names.insert(entry.name), "{} twice", entry.name);
            let fits = |letter: char| letter.is_ascii_lowercase() || letter == '_';
            assert!(entry.name.chars().all(fits), "{}", entry.name);
            assert!(entry.about.ends_with('.') && entry.about.len() > 20);
            let schema = (entry.schema)();
            assert_eq!(schema["type"], "object", "{}: {schema}", entry.name);
            assert_eq!(schema["additionalProperties"], false, "{}", entry.name);
        }
    }

    #[test]
    fn what_does_not_fit_the_schema_is_refused_in_a_sentence() {
        for entry in ALL {
            let wrong = serde_json::json!({"no such field": 1});
            let refused = entry.preview(&wrong, Time::default()).unwrap_err();
            assert!(refused.contains(entry.name), "{refused}");
            let list = serde_json::json!([1]);
            assert!(entry.preview(&list, Time::default()).is_err());
        }
    }
}
