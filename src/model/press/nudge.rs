use crate::model::{Button, Category, NudgeId, RecommendationId};

/// What a button under a nudge, or about being nudged, asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NudgePress {
    /// Why this was said.
    Why(NudgeId),
    /// Less often.
    Less(NudgeId),
    /// Nothing for some days.
    Snooze(NudgeId),
    /// Nothing any more.
    Stop(NudgeId),
    /// Does what is suggested.
    Yes(RecommendationId),
    /// Leaves it this time.
    Later(RecommendationId),
    /// Never suggests this kind again.
    Never(RecommendationId),
    /// One category, on or off.
    Switch(Category, bool),
    /// All categories.
    All(bool),
    /// Which ones.
    Choose,
    /// Less often, from the settings.
    Fewer,
    /// Nothing for some days, from the settings.
    Rest,
    /// Nothing any more, from the settings.
    Halt,
    /// After a stop.
    Resume,
}

impl NudgePress {
    /// Reads what stands on a button; `None` when it is none of ours.
    pub fn parse(data: &str) -> Option<Self> {
        let (verb, what) = data.strip_prefix("nudge:")?.split_once(':')?;
        let nudge = || format!("ndg_{what}").parse::<NudgeId>().ok();
        let offered = || format!("rec_{what}").parse::<RecommendationId>().ok();
        Some(match (verb, what) {
            ("why", _) => Self::Why(nudge()?),
            ("less", "") => Self::Fewer,
            ("less", _) => Self::Less(nudge()?),
            ("snooze", "") => Self::Rest,
            ("snooze", _) => Self::Snooze(nudge()?),
            ("stop", "") => Self::Halt,
            ("stop", _) => Self::Stop(nudge()?),
            ("yes", _) => Self::Yes(offered()?),
            ("later", _) => Self::Later(offered()?),
            ("never", _) => Self::Never(offered()?),
            ("on", "all") => Self::All(true),
            ("off", "all") => Self::All(false),
            ("on", _) => Self::Switch(what.parse().ok()?, true),
            ("off", _) => Self::Switch(what.parse().ok()?, false),
            ("choose", "") => Self::Choose,
            ("resume", "") => Self::Resume,
            _ => return None,
        })
    }

    /// What stands on it.
    pub fn data(self) -> String {
        let switched = |is_on| if is_on { "on" } else { "off" };
        match self {
            Self::Why(id) => format!("nudge:why:{}", id.body()),
            Self::Less(id) => format!("nudge:less:{}", id.body()),
            Self::Snooze(id) => format!("nudge:snooze:{}", id.body()),
            Self::Stop(id) => format!("nudge:stop:{}", id.body()),
            Self::Yes(id) => format!("nudge:yes:{}", id.body()),
            Self::Later(id) => format!("nudge:later:{}", id.body()),
            Self::Never(id) => format!("nudge:never:{}", id.body()),
            Self::Switch(category, is_on) => format!("nudge:{}:{category}", switched(is_on)),
            Self::All(is_on) => format!("nudge:{}:all", switched(is_on)),
            Self::Choose => "nudge:choose:".to_owned(),
            Self::Fewer => "nudge:less:".to_owned(),
            Self::Rest => "nudge:snooze:".to_owned(),
            Self::Halt => "nudge:stop:".to_owned(),
            Self::Resume => "nudge:resume:".to_owned(),
        }
    }

    /// The button that asks for it.
    pub fn button(self, label: impl Into<String>) -> Button {
        Button::new(label, self.data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids};

    #[test]
    fn buttons_come_back_and_fit() {
        let ids = Ids::new(Clock::System, Some(1));
        let (nudge, offered) = (NudgeId::new(&ids), RecommendationId::new(&ids));
        for press in [
            NudgePress::Why(nudge),
            NudgePress::Less(nudge),
            NudgePress::Snooze(nudge),
            NudgePress::Stop(nudge),
            NudgePress::Yes(offered),
            NudgePress::Later(offered),
            NudgePress::Never(offered),
            NudgePress::Switch(Category::Fans, true),
            NudgePress::Switch(Category::Earnings, false),
            NudgePress::All(true),
            NudgePress::All(false),
            NudgePress::Choose,
            NudgePress::Fewer,
            NudgePress::Rest,
            NudgePress::Halt,
            NudgePress::Resume,
        ] {
            let button = press.button("x");
            assert!(button.data.len() <= 64, "{}", button.data);
            assert_eq!(NudgePress::parse(&button.data), Some(press));
        }
        for foreign in [
            "",
            "nudge:",
            "nudge:on:cats",
            "nudge:why:",
            "nudge:yes:zz",
            "stop:1",
        ] {
            assert_eq!(NudgePress::parse(foreign), None, "{foreign}");
        }
    }
}
