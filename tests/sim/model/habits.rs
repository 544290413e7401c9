//! How the servers that speak OpenAI's protocol differ: what each turns down, and how each says things.
//! As their public documentation had it in November 2026.

use serde_json::{Value, json};

/// The ways of one provider.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Where thoughts stand.
    pub thoughts: &'static str,
    /// A tool call comes in one piece, not in parts.
    pub whole_calls: bool,
    /// It comes without an id of its own.
    pub nameless_calls: bool,
    /// The answer that ends with a call says that it just ends.
    pub stops_after_calls: bool,
    /// Tokens are told with the reason for the end, whether that was asked for or not.
    pub counts_at_the_end: bool,
    /// Text comes as a list of parts.
    pub parts: bool,
    /// Fields that are turned down.
    refuses: &'static [&'static str],
    /// People and the model have to take turns.
    turns: bool,
    /// Instructions have to stand in one message.
    one_system: bool,
}

const USUAL: Habits = Habits {
    thoughts: "reasoning_content",
    whole_calls: false,
    nameless_calls: false,
    stops_after_calls: false,
    counts_at_the_end: false,
    parts: false,
    refuses: &[],
    turns: false,
    one_system: false,
};

impl Habits {
    /// Those of a provider; OpenAI's own where nothing else is known.
    pub fn of(provider: &str) -> Self {
        match provider {
            // Newer models insist on the newer name of the limit.
            "openai" => Self {
                refuses: &["max_tokens"],
                ..USUAL
            },
            "gemini" => Self {
                whole_calls: true,
                nameless_calls: true,
                stops_after_calls: true,
                ..USUAL
            },
            // Unknown fields are an error of their own there.
            "mistral" => Self {
                whole_calls: true,
                counts_at_the_end: true,
                parts: true,
                refuses: &["stream_options", "max_completion_tokens"],
                ..USUAL
            },
            "deepseek" => Self {
                counts_at_the_end: true,
                refuses: &["max_completion_tokens"],
                ..USUAL
            },
            "xai" => Self {
                whole_calls: true,
                ..USUAL
            },
            "openrouter" => Self {
                thoughts: "reasoning",
                ..USUAL
            },
            "perplexity" => Self {
                counts_at_the_end: true,
                refuses: &["tools", "tool_choice", "stream_options"],
                turns: true,
                one_system: true,
                ..USUAL
            },
            "ollama" => Self {
                thoughts: "reasoning",
                whole_calls: true,
                refuses: &["max_completion_tokens"],
                ..USUAL
            },
            _ => USUAL,
        }
    }

    /// What this provider turns down of a request that OpenAI would take.
    pub fn complaints(&self, body: &Value) -> Vec<String> {
        let refused = self
            .refuses
            .iter()
            .filter(|name| body.get(**name).is_some());
        let mut found: Vec<String> = refused
            .map(|name| format!("$.{name}: not taken by this provider"))
            .collect();
        let messages = body["messages"].as_array().cloned().unwrap_or_default();
        let roles: Vec<&str> = messages
            .iter()
            .filter_map(|message| message["role"].as_str())
            .collect();
        let told = roles.iter().take_while(|role| **role == "system").count();
        if self.one_system && (told > 1 || roles.iter().skip(told).any(|role| *role == "system")) {
            found.push("$.messages: instructions stand in one message, the first".to_owned());
        }
        let talk = &roles[told..];
        let alternate = |(place, role): (usize, &&str)| *role == ["user", "assistant"][place % 2];
        if self.turns && !(talk.iter().enumerate().all(alternate) && talk.len() % 2 == 1) {
            found.push("$.messages: user and assistant have to take turns".to_owned());
        }
        // A thought is never given back.
        if messages
            .iter()
            .any(|message| message.get(self.thoughts).is_some())
        {
            found.push(format!("$.messages: {} is not taken", self.thoughts));
        }
        found
    }

    /// A text as it is said here.
    pub fn text(&self, text: &str) -> Value {
        match self.parts {
            true => json!([{"type": "text", "text": text}]),
            false => text.into(),
        }
    }
}

impl Default for Habits {
    fn default() -> Self {
        USUAL
    }
}
