//! A language model's word on a line: the shape it must have, and the strict reading of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::Target;

use super::act::Act;
use super::{Confidence, Intent};

/// Longer values are somebody's joke, and so are longer questions.
const VALUE_LIMIT: usize = 500;

/// The JSON schema of the answer.
pub fn schema() -> Value {
    let acts: Vec<&str> = Act::ALL.into_iter().map(Act::name).collect();
    let scopes: Vec<&str> = Target::ALL.into_iter().map(Target::as_str).collect();
    json!({
        "type": "object",
        "properties": {
            "scope": { "type": "string", "enum": scopes },
            "act": { "type": "string", "enum": acts },
            "confidence": { "type": "number", "minimum": 0, "maximum": 1 },
            "args": { "type": "object", "additionalProperties": { "type": "string" } },
            "query": { "type": "string" },
        },
        "required": ["scope", "act", "confidence", "args"],
        "additionalProperties": false,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    scope: Target,
    act: Act,
    confidence: f32,
    #[serde(default)]
    args: BTreeMap<String, Value>,
    #[serde(default)]
    query: Option<Value>,
}

/// Reads a model's answer. What is not exactly one object of the schema is nothing; a fence around it
/// is forgiven. Arguments that the act does not have are left out.
pub fn parse(text: &str) -> Option<Intent> {
    let text = text.trim();
    let inside = text
        .strip_prefix("```json")
        .or_else(|| text.strip_prefix("```"))
        .and_then(|rest| rest.strip_suffix("```"));
    let Reply {
        scope,
        act,
        confidence,
        args,
        query,
    } = serde_json::from_str(inside.unwrap_or(text)).ok()?;
    if !(0.0..=1.0).contains(&confidence) {
        return None;
    }
    // A scope that the act cannot have is a slip; the act is what was thought about.
    let target = if act.targets().contains(&scope) {
        scope
    } else {
        act.targets().first().copied().unwrap_or(Target::None)
    };
    let args = args
        .into_iter()
        .filter(|(name, _)| act.slot_names().any(|slot| slot == name))
        .filter_map(|(name, value)| Some((name, plain(value)?)))
        .collect();
    Some(Intent {
        target,
        act,
        confidence: Confidence {
            scope: confidence,
            act: confidence,
        },
        args,
        guarded: None,
        refused: Vec::new(),
        query: query.and_then(plain).as_deref().and_then(one_line),
    })
}

/// A question to search for is one line of words.
fn one_line(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

fn plain(value: Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    let fits = !text.trim().is_empty() && text.chars().count() <= VALUE_LIMIT;
    fits.then_some(text)
}
