//! Commands: what they are called, what they say. Pure; what they need is handed to them.

use crate::model::{Standing, phrases};

use super::why::Why;

/// A command that every platform offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Start,
    Help,
    New,
    Stop,
    Why,
    Model,
    Privacy,
}

impl Command {
    /// All of them, in the order in which help shows them.
    pub const ALL: [Self; 7] = [
        Self::Start,
        Self::Help,
        Self::New,
        Self::Stop,
        Self::Why,
        Self::Model,
        Self::Privacy,
    ];

    /// Its name, without the slash.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Help => "help",
            Self::New => "new",
            Self::Stop => "stop",
            Self::Why => "why",
            Self::Model => "model",
            Self::Privacy => "privacy",
        }
    }

    /// What it does, for help and for the platforms' menus.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Start => "Say hello",
            Self::Help => "Show what I can do",
            Self::New => "Begin a new conversation",
            Self::Stop => "Stop the answer that is running",
            Self::Why => "Explain my last answer: model, time, cost",
            Self::Model => "Show which language model answers",
            Self::Privacy => "Show what I keep and where it goes",
        }
    }

    /// The command of that name, if there is one.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.name() == name)
    }
}

/// What commands may need to know.
#[derive(Debug, Default)]
pub(super) struct View {
    /// The newest answer of the session, for `/why`.
    pub(super) why: Option<Why>,
    /// For whom the code behind `/start` lets the person in, and as what.
    pub(super) joined: Option<(String, Standing)>,
    /// The chain of models, best first.
    pub(super) models: Vec<String>,
    /// Whether none is wanted.
    pub(super) offline: bool,
    /// Those of them that rest because they failed.
    pub(super) resting: Vec<String>,
}

/// What a command says.
pub(super) fn say(command: Command, args: &str, view: &View) -> String {
    match command {
        Command::Start if args.trim().is_empty() => introduced(phrases::WELCOME),
        Command::Start => {
            let code = match &view.joined {
                Some((artist, standing)) => phrases::joined(artist, *standing),
                None => phrases::UNKNOWN_CODE.to_owned(),
            };
            introduced(&format!("{code}\n\n{}", phrases::WELCOME))
        }
        Command::Help => help(),
        Command::New => phrases::NEW_SESSION.to_owned(),
        Command::Stop => phrases::NOTHING_TO_STOP.to_owned(),
        Command::Why => match &view.why {
            Some(why) => why.say(),
            None => phrases::NO_ANSWER_YET.to_owned(),
        },
        Command::Model => models(view),
        Command::Privacy => phrases::PRIVACY.to_owned(),
    }
}

fn introduced(text: &str) -> String {
    format!("{}\n\n{text}", phrases::INTRODUCTION)
}

fn help() -> String {
    let mut text = "Write to me as you would to a manager. Commands:\n".to_owned();
    for command in Command::ALL {
        text.push_str(&format!("\n/{} – {}", command.name(), command.about()));
    }
    text
}

fn models(view: &View) -> String {
    if view.offline {
        return phrases::NO_MODEL_WANTED.to_owned();
    }
    let Some((first, others)) = view.models.split_first() else {
        return phrases::NO_MODEL.to_owned();
    };
    let note = |model: &String| {
        if view.resting.contains(model) {
            " (resting after errors)"
        } else {
            ""
        }
    };
    let mut text = format!("I answer with `{first}`{}.", note(first));
    if !others.is_empty() {
        let others: Vec<String> = others
            .iter()
            .map(|model| format!("`{model}`{}", note(model)))
            .collect();
        text.push_str(&format!(
            " If it fails, I go on with {}.",
            others.join(", then ")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_command_and_names_are_unique() {
        let help = help();
        for command in Command::ALL {
            assert!(help.contains(&format!("/{} – {}", command.name(), command.about())));
            assert_eq!(Command::find(command.name()), Some(command));
        }
        assert_eq!(Command::find("nothing"), None);
    }

    #[test]
    fn the_chain_is_told_with_what_rests() {
        let view = View {
            models: vec!["a/x".to_owned(), "b/y".to_owned()],
            resting: vec!["a/x".to_owned()],
            ..View::default()
        };
        assert_eq!(
            say(Command::Model, "", &view),
            "I answer with `a/x` (resting after errors). If it fails, I go on with `b/y`."
        );
        assert_eq!(say(Command::Model, "", &View::default()), phrases::NO_MODEL);
    }
}
