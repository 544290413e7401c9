//! Commands: what they are called, what they say. Pure; what they need is handed to them.

use crate::model::{Standing, phrases};

/// A command that every platform offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Start,
    Help,
    New,
    Stop,
    Approvals,
    Release,
    Releases,
    Docs,
    Earnings,
    Forget,
    Why,
    Usage,
    Speak,
    Model,
    Tip,
    Terms,
    Paysupport,
    Capabilities,
    Feedback,
    Goals,
    Human,
    Insights,
    Invite,
    Link,
    Me,
    Nudges,
    Plan,
    Settings,
    Thanks,
    Unlink,
    Workflows,
    Write,
    Privacy,
    Safety,
}

impl Command {
    /// All of them, in the order in which help shows them.
    pub const ALL: [Self; 34] = [
        Self::Start,
        Self::Help,
        Self::New,
        Self::Stop,
        Self::Approvals,
        Self::Release,
        Self::Releases,
        Self::Docs,
        Self::Earnings,
        Self::Forget,
        Self::Why,
        Self::Usage,
        Self::Speak,
        Self::Model,
        Self::Tip,
        Self::Terms,
        Self::Paysupport,
        Self::Capabilities,
        Self::Feedback,
        Self::Goals,
        Self::Human,
        Self::Insights,
        Self::Invite,
        Self::Link,
        Self::Me,
        Self::Nudges,
        Self::Plan,
        Self::Settings,
        Self::Thanks,
        Self::Unlink,
        Self::Workflows,
        Self::Write,
        Self::Privacy,
        Self::Safety,
    ];

    /// What is said in its place where others read along, if it is for one person alone whatever stands behind it.
    pub(super) const fn alone(self) -> Option<&'static str> {
        match self {
            Self::Goals | Self::Invite | Self::Me | Self::Settings => Some(phrases::ME_ALONE),
            Self::Link | Self::Unlink => Some(phrases::LINK_ALONE),
            Self::Release => Some(phrases::RELEASE_IN_GROUP),
            Self::Releases => Some(phrases::REQUESTS_IN_GROUP),
            Self::Nudges => Some(phrases::NUDGES_ALONE),
            Self::Thanks => Some(phrases::NOT_IN_GROUP),
            _ => None,
        }
    }

    /// Whether it is done for somebody in danger, too: what gives them a way out, and hands their words to nobody.
    pub(super) const fn works_in_need(self) -> bool {
        matches!(
            self,
            Self::Start
                | Self::Help
                | Self::New
                | Self::Stop
                | Self::Forget
                | Self::Settings
                | Self::Unlink
                | Self::Privacy
                | Self::Safety
        )
    }

    /// Its name, without the slash.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Help => "help",
            Self::New => "new",
            Self::Stop => "stop",
            Self::Approvals => "approvals",
            Self::Release => "release",
            Self::Releases => "releases",
            Self::Docs => "docs",
            Self::Earnings => "earnings",
            Self::Forget => "forget",
            Self::Why => "why",
            Self::Usage => "usage",
            Self::Speak => "speak",
            Self::Model => "model",
            Self::Tip => "tip",
            Self::Terms => "terms",
            Self::Paysupport => "paysupport",
            Self::Plan => "plan",
            Self::Workflows => "workflows",
            Self::Write => "write",
            Self::Human => "human",
            Self::Insights => "insights",
            Self::Feedback => "feedback",
            Self::Capabilities => "capabilities",
            Self::Me => "me",
            Self::Nudges => "nudges",
            Self::Goals => "goals",
            Self::Settings => "settings",
            Self::Thanks => "thanks",
            Self::Invite => "invite",
            Self::Link => "link",
            Self::Unlink => "unlink",
            Self::Privacy => "privacy",
            Self::Safety => "safety",
        }
    }

    /// What it does, for help and for the platforms' menus.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Start => "Say hello",
            Self::Help => "Show what I can do",
            Self::New => "Begin a new conversation",
            Self::Stop => "Stop the answer that is running",
            Self::Approvals => {
                "Show what waits for a decision: yours, or others' about what you asked"
            }
            Self::Release => "Hand in a release, so that your manager decides about it",
            Self::Releases => "Show your releases and where each stands",
            Self::Docs => "Show your documents, share or delete them",
            Self::Earnings => "Show what you earned: by month, source, country or song",
            Self::Forget => "Delete what I have about something",
            Self::Why => "Explain my last answer: what I read, model, cost",
            Self::Usage => "Show what language models cost for you",
            Self::Speak => "Say my last answer aloud; on or off: answer voice notes so",
            Self::Model => "Show and choose the language model; bring your own key",
            Self::Tip => "Tip an artist; for artists: your tip jar",
            Self::Terms => "Show the terms for tips",
            Self::Paysupport => "Get help with a payment",
            Self::Plan => "Show the plan, lay one out for a goal; export: as a document",
            Self::Workflows => "Show what I do for you by itself; change or stop it",
            Self::Write => "Write a caption, bio, newsletter, pitch … in your voice",
            Self::Human => "Ask a human of the team to get in touch",
            Self::Insights => "Look back at the last week: tips, fans, what comes next",
            Self::Feedback => "Say whether my last answer helped",
            Self::Capabilities => "Show all I can do for you",
            Self::Me => "Show what I know of you, and change it",
            Self::Nudges => "Show and set what I write to you about on my own",
            Self::Goals => "Show your goals, or note one",
            Self::Thanks => "Show and set the words that thank a fan for a tip",
            Self::Settings => "Language, time zone, voice, memory, reminders",
            Self::Invite => "Show who works for you, let people in or out",
            Self::Link => "Let me know you on another platform, too",
            Self::Unlink => "Take a linked account out again",
            Self::Privacy => "Show what I keep and where it goes",
            Self::Safety => "Show what I do when somebody is in danger, and whom to call",
        }
    }

    /// The command of that name, if there is one.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.name() == name)
    }
}

/// The chain of models, for `/model`.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Best first.
    pub(super) models: Vec<String>,
    /// Whether none is wanted.
    pub(super) offline: bool,
    /// Those of them that rest because they failed.
    pub(super) resting: Vec<String>,
}

/// What `/start` says: with a code behind it, for whom that lets the person in, if for anybody, and as what.
pub(super) fn welcome(joined: Option<Option<(&str, Standing)>>) -> String {
    let code = joined.map(|joined| match joined {
        Some((artist, standing)) => phrases::joined(artist, standing),
        None => phrases::UNKNOWN_CODE.to_owned(),
    });
    let parts = [
        Some(phrases::INTRODUCTION.to_owned()),
        code,
        Some(phrases::WELCOME.to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

/// What `/help` says.
pub(super) fn help() -> String {
    let mut text = "Write to me as you would to a manager. Commands:\n".to_owned();
    for command in Command::ALL {
        text.push_str(&format!("\n/{} – {}", command.name(), command.about()));
    }
    text
}

/// What `/model` says.
pub(super) fn models(chain: &Chain) -> String {
    if chain.offline {
        return phrases::NO_MODEL_WANTED.to_owned();
    }
    let Some((first, others)) = chain.models.split_first() else {
        return phrases::NO_MODEL.to_owned();
    };
    let note = |model: &String| {
        if chain.resting.contains(model) {
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
        let chain = Chain {
            models: vec!["a/x".to_owned(), "b/y".to_owned()],
            resting: vec!["a/x".to_owned()],
            ..Chain::default()
        };
        assert_eq!(
            models(&chain),
            "I answer with `a/x` (resting after errors). If it fails, I go on with `b/y`."
        );
        assert_eq!(models(&Chain::default()), phrases::NO_MODEL);
    }
}
