//! What a wish comes to, by the rules and, where they do not find enough, by a model whose word is checked.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::llm::{self, Door, Payer, Prompts, Request, Task, Tool, Whole};

use super::definition::{Definition, schema};
use super::read::{Rules, Wish};

/// The tool whose arguments are the answer.
const TOOL: &str = "workflow";
/// A definition is short.
const MOST_TOKENS: u32 = 900;

/// Understands wishes.
pub struct Understanding<'a> {
    pub rules: &'a Rules,
    pub door: &'a Door,
    pub prompts: &'a Prompts,
    /// How long a model may think; `None` leaves it to the rules.
    pub patience: Option<Duration>,
    pub payer: Payer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    expect: Expect,
    #[serde(default)]
    workflow: Option<Definition>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Create,
    Clarify,
    Refuse,
    None,
}

impl Understanding<'_> {
    /// What a wish comes to. What the rules refuse stays refused, and what they have found whole stays as it is.
    pub async fn read(&self, text: &str, zone: &str) -> Wish {
        let rules = self.rules.read(text, zone);
        let wants = matches!(
            rules,
            Wish::Clarify(..) | Wish::Refuse(super::Refusal::Unseen)
        );
        let Some(patience) = self.patience.filter(|_| wants) else {
            return rules;
        };
        if self.door.chain(Task::Extract).is_empty() {
            return rules;
        }
        let Some(request) = self.request(text, zone) else {
            return rules;
        };
        let asked = llm::whole(self.door.answer(Task::Extract, request));
        let Ok(Whole {
            text: said,
            called,
            end: Ok(_),
        }) = tokio::time::timeout(patience, asked).await
        else {
            return rules;
        };
        settle(self.rules, (text, zone), rules, &called.unwrap_or(said))
    }

    fn request(&self, text: &str, zone: &str) -> Option<Request> {
        let prompt = self.prompts.workflow(text, zone).ok()?;
        Some(Request {
            messages: vec![llm::Line::new(llm::Role::Person, prompt)],
            tools: vec![Tool {
                name: TOOL.to_owned(),
                about: "Says what automation the message asks for.".to_owned(),
                schema: reply_schema().into(),
            }],
            force: Some(TOOL.to_owned()),
            max_output: Some(MOST_TOKENS),
            temperature: Some(0.0),
            payer: self.payer,
            ..Request::default()
        })
    }
}

fn reply_schema() -> Value {
    let mut workflow = schema();
    // What a schema points to is looked for at its root.
    let named = workflow.as_object_mut().and_then(|one| {
        one.remove("$schema");
        one.remove("$defs")
    });
    json!({
        "$defs": named,
        "type": "object",
        "properties": {
            "expect": { "type": "string", "enum": ["create", "clarify", "refuse", "none"] },
            "workflow": workflow,
        },
        "required": ["expect"],
        "additionalProperties": false,
    })
}

/// What holds of a model's word: only a whole and valid definition adds anything, and never against the guards.
fn settle(rules: &Rules, (text, zone): (&str, &str), own: Wish, word: &str) -> Wish {
    let word = word.trim();
    let inside = word
        .strip_prefix("```json")
        .or_else(|| word.strip_prefix("```"));
    let word = inside
        .and_then(|word| word.strip_suffix("```"))
        .unwrap_or(word);
    let Ok(Reply { expect, workflow }) = serde_json::from_str(word) else {
        return own;
    };
    if let Some(refusal) = rules.refused(text) {
        return Wish::Refuse(refusal);
    }
    match (expect, workflow) {
        (Expect::Create, Some(definition)) => {
            let definition = Definition {
                zone: zone.to_owned(),
                ..definition
            };
            match definition.check() {
                Ok(valid) => Wish::Create(valid.into_inner()),
                Err(_) => own,
            }
        }
        (Expect::Create | Expect::Clarify | Expect::Refuse | Expect::None, _) => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::Refusal;

    #[test]
    fn a_models_word_is_held_against_the_rules() {
        let rules = Rules::new();
        let text = "do something nice when there is a new fan";
        let own = rules.read(text, "UTC");
        let settled = |word: &str| settle(&rules, (text, "UTC"), own.clone(), word);
        let good = r#"{"expect":"create","workflow":{"name":"Hello","trigger":{"kind":"new_fan"},"actions":[{"kind":"send_chat"}]}}"#;
        assert!(matches!(settled(good), Wish::Create(_)));
        for bad in [
            "",
            "certainly!",
            r#"{"expect":"create"}"#,
            r#"{"expect":"create","workflow":{"name":"x","trigger":{"kind":"schedule","every":"day","at":"09:00"},"actions":[{"kind":"send_email"}]}}"#,
            r#"{"expect":"create","workflow":{"name":"x","trigger":{"kind":"new_fan"},"actions":[{"kind":"rm_rf"}]}}"#,
            r#"{"expect":"create","workflow":{"name":"x","trigger":{"kind":"new_fan"},"actions":[{"kind":"send_chat"}],"sudo":true}}"#,
        ] {
            assert_eq!(settled(bad), own, "{bad}");
        }
        let mass = "something nice for strangers when there is a new fan";
        let against = settle(&rules, (mass, "UTC"), own.clone(), good);
        assert_eq!(against, Wish::Refuse(Refusal::Mass));
    }
}
