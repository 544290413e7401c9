//! Workflows: laid out from words or a definition, looked at, paused, resumed and deleted. What is laid out is the
//! proposal that `/workflows` knows, and waits for the same press; nothing is active before it.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::json;

use crate::model::{ArtistId, Failure, Outcome, Shown, phrases, phrases::workflows as words};
use crate::workflow::card::{self, Card};
use crate::workflow::{Answer, Definition};

use super::{Call, Capability, Deed, Hands, Next, Ran, Risk, Whose};

/// Longest wish, in characters.
const LONGEST: usize = 1_000;

/// Lays a workflow out.
pub(super) struct Generation;

/// Which workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// What should happen by itself and when, in the person's own words; or how the workflow in `changes` should be.
    pub wish: String,
    /// The name of a workflow that there is already and that should be different.
    #[serde(default)]
    pub changes: Option<String>,
    /// The whole of it, where the words leave nothing open.
    #[serde(default)]
    #[schemars(schema_with = "published")]
    pub definition: Option<Definition>,
}

/// A definition in short: the published schema is what it is held against, but too long to be told in every answer.
fn published(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "description": "Only where the words leave nothing open. trigger: {kind: tip, at_least?: \"10 USD\"} | {kind: new_fan} | {kind: milestone, fans?, earned?} | {kind: release_day, days} | {kind: payout, failed} | {kind: schedule, every: \"day\" | {week: [\"mon\"]} | {month: 1}, at: \"09:00\"} | {kind: stream_spike, percent?} | {kind: workflow_failed}. conditions: {kind: amount_below, amount} | {kind: currency, is} | {kind: provider, is: stars | stripe | kofi | buymeacoffee} | {kind: public | first_tip | has_message | has_email | has_chat} | {kind: weekday, days} | {kind: hours, from, to}. actions: {kind: send_chat | notify_artist | post_announcement, text?} | {kind: send_email, subject?, text?} | {kind: add_to_list, list} | {kind: create_task, text} | {kind: wait, minutes} | {kind: ask_approval, question?}. Texts may hold {fan}, {amount}, {artist}, {message}.",
        "properties": {
            "name": {"type": "string"},
            "trigger": {"type": "object"},
            "conditions": {"type": "array", "items": {"type": "object"}},
            "actions": {"type": "array", "items": {"type": "object"}},
            "zone": {"type": "string"},
        },
        "required": ["name", "trigger", "actions"],
        "additionalProperties": false,
    })
}

/// Shows what there is.
pub(super) struct Status;

/// Whether one is meant.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Which {
    /// The name of one; without it, all of them.
    pub workflow: Option<String>,
}

/// Pauses, resumes and deletes.
pub(super) struct Control;

/// What is done to which.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Turned {
    /// The name of the workflow.
    pub workflow: String,
    pub action: Verb,
}

/// What can be done to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verb {
    Pause,
    Resume,
    Delete,
}

impl Verb {
    const fn state(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "active",
            Self::Delete => "deleted",
        }
    }

    /// What brings a workflow back that stood so before.
    fn back_to(state: &str) -> &'static str {
        match state {
            "paused" => "pause",
            "deleted" => "delete",
            _ => "resume",
        }
    }
}

impl Capability for Generation {
    const NAME: &'static str = "workflow_generation";
    const ABOUT: &'static str = "Lays out an automation: when something happens (a tip, a new fan, a date, a schedule), what is done then. Also lays out a change to one. The person sees it in words and has to say Yes; nothing is active before. Use it whenever something should happen by itself.";
    // It lays out and does nothing: the proposal has a Yes of its own, as every proposal of a workflow has.
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Team;
    type Args = Wanted;

    fn preview(args: &Wanted) -> String {
        phrases::would_lay_out_workflow(&args.wish)
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Wanted) -> Result<Ran, Failure> {
        let Wanted {
            wish,
            changes,
            definition,
        } = args;
        let Some(artist) = call.artist() else {
            return Ok(Ran::only(Outcome::Refused(phrases::NO_ARTIST.to_owned())));
        };
        if wish.trim().is_empty() || wish.chars().count() > LONGEST {
            let sentence = phrases::wish_too_long(LONGEST);
            return Ok(Ran::only(Outcome::Refused(sentence)));
        }
        let whose = (artist, call.person);
        let zone = hands.store.manners(call.person).await?.zone;
        let zone = if zone.is_empty() { "UTC" } else { &zone };
        let flows = &hands.workflows;
        let (change, answer) = match (changes, definition) {
            (Some(name), _) => {
                let named = flows.meant(artist, &name).await?;
                match named.as_slice() {
                    [one] if one.row.state != "deleted" => {
                        let how = (one, wish.as_str());
                        flows.propose_change(whose, call.address, how).await?
                    }
                    several => return unclear(hands, artist, several).await,
                }
            }
            (None, Some(definition)) => {
                let definition = Definition {
                    zone: zone.to_owned(),
                    ..definition
                };
                let whole = (wish.as_str(), definition);
                flows.propose_definition(whose, call.address, whole).await?
            }
            (None, None) => {
                let said = (wish.as_str(), zone);
                flows.propose(whose, call.address, said, call.payer).await?
            }
        };
        Ok(Ran {
            change,
            ..Ran::only(laid_out(answer))
        })
    }
}

/// What a wish came to.
fn laid_out(answer: Answer) -> Outcome {
    let (proposed, asked) = match &answer {
        Answer::Proposed { proposal, .. } => (Some(*proposal), false),
        Answer::Asked { .. } | Answer::Nothing => (None, true),
        Answer::Refused(_) | Answer::Wrong(_) => (None, false),
    };
    let Card { text, buttons } = card::of_answer(answer);
    match (proposed, asked) {
        (Some(proposal), _) => Outcome::AwaitingConfirmation {
            shown: Shown::with(text, buttons),
            proposal,
        },
        (None, true) => Outcome::Clarify(Shown::with(text, buttons)),
        (None, false) => Outcome::Refused(text),
    }
}

/// None is meant for sure, or several are.
async fn unclear(
    hands: &Hands,
    artist: ArtistId,
    several: &[crate::workflow::Shown],
) -> Result<Ran, Failure> {
    let all = match several {
        [] | [_] => hands.workflows.list(artist).await?,
        several => several.to_vec(),
    };
    let Card { text, buttons } = match all.as_slice() {
        [] => Card::plain(words::NONE_YET),
        all => card::which(all),
    };
    let shown = Shown {
        // The person sees their names on the buttons; a model does not.
        told: format!("{text}\n{}", card::list(&all).text),
        ..Shown::with(text, buttons)
    };
    Ok(Ran::only(Outcome::Clarify(shown)))
}

impl Capability for Status {
    const NAME: &'static str = "workflow_status";
    const ABOUT: &'static str = "Shows the artist's automations: which there are, whether they are active, how many runs went well; for one of them the newest runs, and why one failed.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Team;
    type Args = Which;

    fn preview(_: &Which) -> String {
        phrases::WOULD_SHOW_WORKFLOWS.to_owned()
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Which) -> Result<Ran, Failure> {
        let Some(artist) = call.artist() else {
            return Ok(Ran::only(Outcome::Refused(phrases::NO_ARTIST.to_owned())));
        };
        let flows = &hands.workflows;
        let named = match args.workflow.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(name) => Some(flows.meant(artist, name).await?),
        };
        let Card { text, buttons } = match named.as_deref() {
            None => card::list(&flows.list(artist).await?),
            Some([one]) if one.row.state != "deleted" => {
                let runs = match one.row.id.parse() {
                    Ok(id) => flows.history(artist, id).await?,
                    Err(_) => Vec::new(),
                };
                let Card { text, buttons } = card::of_one(one);
                let text = format!("{text}\n\n{}", card::history(one, &runs));
                Card { text, buttons }
            }
            Some(several) => return unclear(hands, artist, several).await,
        };
        Ok(Ran::only(Outcome::Done(Shown::with(text, buttons))))
    }
}

impl Capability for Control {
    const NAME: &'static str = "workflow_control";
    const ABOUT: &'static str =
        "Pauses, resumes or deletes one of the artist's automations. It can be taken back.";
    const RISK: Risk = Risk::Write;
    const WHOSE: Whose = Whose::Team;
    type Args = Turned;

    fn preview(args: &Turned) -> String {
        phrases::would_turn_workflow(args.action.state(), &args.workflow)
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Turned) -> Result<Ran, Failure> {
        let Turned { workflow, action } = args;
        let Some(artist) = call.artist() else {
            return Ok(Ran::only(Outcome::Refused(phrases::NO_ARTIST.to_owned())));
        };
        let named = hands.workflows.meant(artist, &workflow).await?;
        let [one] = named.as_slice() else {
            return unclear(hands, artist, &named).await;
        };
        let Some(change) = hands.workflows.turn_to(one, action.state())? else {
            let as_it_is = Shown::text(words::NOTHING_TO_DO);
            return Ok(Ran::only(Outcome::Done(as_it_is)));
        };
        let back = Deed {
            capability: Self::NAME,
            args: json!({"workflow": one.row.id, "action": Verb::back_to(&one.row.state)}),
        };
        let text = card::turned(&one.row.name, action.state());
        Ok(Ran {
            change,
            next: Some(Next::Undo(back)),
            ..Ran::only(Outcome::Done(Shown::text(text)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_has_a_way_back() {
        for verb in [Verb::Pause, Verb::Resume, Verb::Delete] {
            let back: Verb = serde_json::from_value(json!(Verb::back_to(verb.state()))).unwrap();
            assert_eq!(back, verb);
        }
    }

    #[test]
    fn a_definition_is_held_against_the_published_schema() {
        let read = |definition: serde_json::Value| {
            let args = json!({"wish": "welcome fans", "definition": definition});
            super::super::parse::<Generation>(&args)
        };
        let trigger = json!({"kind": "new_fan"});
        let good = json!({"name": "Hello", "trigger": trigger, "actions": [{"kind": "send_chat"}]});
        assert!(read(good).unwrap().definition.is_some());
        assert!(read(json!(null)).unwrap().definition.is_none());
        let bad = json!({"name": "Hello", "trigger": trigger, "actions": [{"kind": "rm_rf"}]});
        let refused = read(bad).unwrap_err();
        assert!(refused.contains("definition.actions[0]"), "{refused}");
        let sudo = json!({"name": "Hello", "trigger": trigger, "actions": [], "sudo": true});
        assert!(read(sudo).unwrap_err().contains("sudo"));
    }

    #[test]
    fn what_the_short_schema_names_is_in_the_published_one() {
        let short = published(&mut SchemaGenerator::default()).to_value();
        let about = short["description"].as_str().unwrap();
        let whole = crate::workflow::schema().to_string();
        for word in about.split(|letter: char| !(letter.is_ascii_lowercase() || letter == '_')) {
            if word.contains('_') {
                assert!(whole.contains(word), "{word}");
            }
        }
        // And the other way round: every kind is named.
        for kind in whole.split("\"const\":\"").skip(1) {
            let kind = kind.split('"').next().unwrap();
            assert!(about.contains(kind), "{kind}");
        }
    }
}
