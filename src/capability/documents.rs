//! Answers questions from documents: the artist's own, and what is known of the trade.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::knowledge::{Question, query_hash};
use crate::model::{Failure, Outcome, ReadId, Shown, Target, phrases};
use crate::store::{Change, NewRead};

use super::{Call, Capability, Hands, Ran, Risk, Whose};

/// Looks something up.
pub(super) struct Ask;

/// What is asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The question, so that it can be understood by itself.
    pub question: String,
    /// Where to look: the artist's own documents, general knowledge of the music trade, or both.
    #[serde(default)]
    pub whose: Where,
}

/// Where to look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Where {
    Own,
    General,
    #[default]
    Both,
}

impl Capability for Ask {
    const NAME: &'static str = "document_question";
    const ABOUT: &'static str = "Looks something up in the artist's documents and in general knowledge of the music trade. Use it for facts, terms, dates and figures that are not in the conversation yet.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Everybody;
    type Args = Args;

    fn preview(args: &Args) -> String {
        phrases::would_look_up(&args.question)
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Args) -> Result<Ran, Failure> {
        let target = match args.whose {
            Where::Own => Target::Personal,
            Where::General => Target::Global,
            Where::Both => Target::Hybrid,
        };
        look_up(hands, call, (&args.question, target)).await
    }
}

/// What is found on a question, and that it was read.
pub(super) async fn look_up(
    hands: &Hands,
    call: &Call<'_>,
    (question, target): (&str, Target),
) -> Result<Ran, Failure> {
    let asked = Question {
        last: question,
        strict: true,
        ..Question::default()
    };
    let found = hands.knowledge.find(call.asker, target, &asked).await;
    if found.abstain || found.passages.is_empty() {
        return Ok(Ran::only(Outcome::Done(Shown::text(
            phrases::FOUND_NOTHING,
        ))));
    }
    let scopes: Vec<String> = call
        .asker
        .scopes(target)
        .iter()
        .map(ToString::to_string)
        .collect();
    let all: Vec<usize> = (0..found.passages.len()).collect();
    let read = NewRead {
        id: ReadId::new(&hands.ids),
        person: Some(call.person),
        session: Some(call.session),
        turn: Some(call.turn),
        query_hash: query_hash(question),
        target,
        why: Ask::NAME.to_owned(),
        scopes: scopes.join(" "),
        passages: found.read(&all),
        at: call.now,
    };
    let passages = found.passages.iter();
    let quotes = passages.map(|passage| format!("**{}**\n{}", passage.path, passage.text));
    let text = quotes.collect::<Vec<_>>().join("\n\n");
    Ok(Ran {
        change: Change {
            reads: vec![read],
            ..Change::default()
        },
        ..Ran::only(Outcome::Done(Shown::text(text)))
    })
}
