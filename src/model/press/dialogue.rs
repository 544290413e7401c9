use super::Button;

/// What a button under a question of a dialogue asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialoguePress {
    /// Which dialogue, in a word.
    pub kind: String,
    /// Which of its questions the button stands under: one under an older question means nothing.
    pub step: usize,
    /// What is wanted.
    pub reply: Reply,
}

/// How a question is answered without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// By the choice of this number, from 0.
    Pick(usize),
    /// Not at all.
    Skip,
    /// The question before is wanted once more.
    Back,
    /// It is enough for now.
    Stop,
}

impl DialoguePress {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        let mut words = data.strip_prefix("dlg:")?.split(':');
        let kind = words.next()?.to_owned();
        let step = words.next()?.parse().ok()?;
        let reply = match (words.next()?, words.next()) {
            ("skip", None) => Reply::Skip,
            ("back", None) => Reply::Back,
            ("stop", None) => Reply::Stop,
            ("pick", Some(number)) => Reply::Pick(number.parse().ok()?),
            _ => return None,
        };
        words.next().is_none().then_some(Self { kind, step, reply })
    }

    /// The button that asks for it.
    pub fn button(&self, label: impl Into<String>) -> Button {
        let Self { kind, step, reply } = self;
        let reply = match reply {
            Reply::Pick(number) => format!("pick:{number}"),
            Reply::Skip => "skip".to_owned(),
            Reply::Back => "back".to_owned(),
            Reply::Stop => "stop".to_owned(),
        };
        Button::new(label, format!("dlg:{kind}:{step}:{reply}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_of_questions_come_back() {
        for reply in [Reply::Pick(11), Reply::Skip, Reply::Back, Reply::Stop] {
            let (kind, step) = ("onboarding".to_owned(), 6);
            let press = DialoguePress { kind, step, reply };
            let data = press.button("x").data;
            assert!(data.len() <= 64, "{data}");
            assert_eq!(DialoguePress::parse(&data), Some(press));
        }
        for foreign in [
            "",
            "dlg:",
            "dlg:a:1",
            "dlg:a:x:skip",
            "dlg:a:1:skip:2",
            "stop:1",
        ] {
            assert_eq!(DialoguePress::parse(foreign), None, "{foreign}");
        }
    }
}
