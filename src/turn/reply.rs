//! What an answer is held against before it goes out: the orders that its model had, the passages that it rests on, and
//! what nobody has to read. One that does not hold is asked for once more; one that does not hold again gives way to what
//! was read, and a human is offered.

use serde_json::json;

use crate::capability::{By, Entry};
use crate::model::{Failure, phrases};
use crate::safety::{Fault, fault};
use crate::store::Role;

use super::care::concealed;
use super::cite::Checked;
use super::commit::Commit;
use super::ground::Plan;
use super::step::{How, Over};
use super::talk::Talk;

/// A word that long may be a key, even without figures.
const LONG_WORD: usize = 16;

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Nobody is to read it.
    Fault(Fault),
    /// It was to rest on passages, and nothing that it claims stands in one.
    Unfounded,
}

impl Wrong {
    const fn name(self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.name(),
            Self::Unfounded => "unfounded",
        }
    }

    /// What the model is told of it.
    fn told(self) -> String {
        let why = match self {
            Self::Fault(_) => phrases::SENT_BACK_FRAME,
            Self::Unfounded => phrases::SENT_BACK_UNFOUNDED,
        };
        format!("{}{why}", phrases::SENT_BACK)
    }
}

impl Talk<'_> {
    /// What can be shown of an answer that still grows.
    pub(super) fn fit(&self, commit: &Commit<'_>, so_far: &str) -> Option<String> {
        if fault(so_far, self.turn.prompts.orders()).is_some() {
            return None;
        }
        let mut shown = ready(so_far).to_owned();
        self.conceal(commit, &mut shown);
        Some(shown).filter(|shown| !shown.is_empty())
    }

    /// Sends an answer back to its model if it does not hold; else, or where that was done before, gives it back.
    pub(super) fn sent_back(&mut self, commit: &Commit<'_>, mut over: Over) -> Option<Over> {
        (self.fault, self.checked) = (None, None);
        let How::Model(report) = &over.how else {
            // Whoever stopped it, or whose model broke off, is not asked to wait for another; nor shown what nobody is to read.
            if fault(&over.said, self.turn.prompts.orders()).is_some() {
                over.said.clear();
            }
            return Some(over);
        };
        let Some(wrong) = self.wrong(commit, &over.said) else {
            return Some(over);
        };
        self.fault = Some(wrong);
        let why = wrong.told();
        let is_back = self.tools.send_back((&over.said, &why), report.clone());
        let again = if is_back { "true" } else { "false" };
        let counted = metrics::counter!("toney_safety_faults_total", "fault" => wrong.name(), "again" => again);
        counted.increment(1);
        (!is_back).then_some(over)
    }

    fn wrong(&mut self, commit: &Commit<'_>, said: &str) -> Option<Wrong> {
        if let Some(fault) = fault(said, self.turn.prompts.orders()) {
            return Some(Wrong::Fault(fault));
        }
        let checked = self.checked.insert(self.check(commit, said));
        checked.is_unfounded().then_some(Wrong::Unfounded)
    }

    /// Holds what a model said against the passages. What the person said, is known of them or was looked up needs none;
    /// what Toney said before does.
    fn check(&self, commit: &Commit<'_>, said: &str) -> Checked {
        let (told, known) = (self.tools.told(), &self.ground.known);
        let lines = commit.recalled().visible().iter();
        let theirs = lines.filter(|line| line.role == Role::User);
        let theirs = theirs.map(|line| line.text.as_str());
        let besides = [&*told, &*known.artist, &*known.facts, &*known.local];
        let free: Vec<&str> = theirs.chain(besides).collect();
        self.ground.check(said, &free.join("\n"))
    }

    /// Holds an answer against what was read. One that failed twice stays behind; a human is offered in any case.
    pub(super) async fn hold(
        &mut self,
        commit: &Commit<'_>,
        over: &mut Over,
    ) -> Result<Vec<usize>, Failure> {
        let cited = match self.fault {
            Some(Wrong::Fault(_)) => {
                let Checked { text, cited, .. } = self.ground.quoted().unwrap_or_default();
                over.note.clear();
                over.said = match cited.as_slice() {
                    [] => phrases::NO_GOOD_ANSWER.to_owned(),
                    [..] => format!("{}\n\n{text}", phrases::QUOTED_INSTEAD),
                };
                cited
            }
            Some(Wrong::Unfounded) | None => self.found_in(commit, over),
        };
        // A stranger has nobody who could be asked.
        let is_ours = !commit
            .asker(self.scene.setting())
            .await?
            .standings()
            .is_empty();
        let offers = self.fault.is_some() && is_ours && !self.in_group;
        let human = Entry::find("human_help").filter(|_| offers);
        if let Some(human) = human {
            let words: Vec<&str> = self.said.iter().map(|said| said.text.as_str()).collect();
            let args = json!({"about": words.join("\n\n")});
            self.have_done(commit, (human, args, By::Model)).await?;
        }
        Ok(cited)
    }

    /// Takes out of the answer what nobody has to read: what was said here, was looked up or stands in passages may stand.
    pub(super) fn conceal(&self, commit: &Commit<'_>, said: &mut String) {
        let (words, told) = (self.words(), self.tools.told());
        let known = &self.ground.known;
        let lines = commit.recalled().visible().iter();
        let passages = self.ground.passages().iter();
        let all: Vec<&str> = lines
            .map(|line| line.text.as_str())
            .chain(passages.map(|passage| passage.text.as_str()))
            .chain([&*words, &*told, &*known.artist, &*known.facts])
            .collect();
        concealed(said, &all);
    }

    /// Holds the answer against what was read; without a model what was read is the answer. Answers
    /// which passages it cites.
    fn found_in(&mut self, commit: &Commit<'_>, over: &mut Over) -> Vec<usize> {
        let found = over.pages();
        if !found.is_empty() && self.ground.for_prompt().is_empty() {
            // The numbers are those of the pages, since nothing else was there to be cited.
            over.note = [found, over.note.clone()].join("\n\n").trim().to_owned();
            return Vec::new();
        }
        if !over.is_unanswered() {
            let checked = self.checked.take();
            let checked = checked.unwrap_or_else(|| self.check(commit, &over.said));
            let Checked { text, cited, .. } = checked;
            over.said = text;
            return cited;
        }
        match self.ground.plan() {
            Plan::Command(_, _) | Plan::Talk if self.is_unseen(over) => {
                phrases::NOT_SEEN.clone_into(&mut over.note);
            }
            Plan::Command(_, _) | Plan::Talk => {}
            Plan::Crisis => over.note = self.turn.care.doubtful(self.in_group),
            Plan::Missing(what) => over.note = phrases::not_yet(what),
            Plan::AskBack(what) => over.note = phrases::unsure(what),
            Plan::Nothing => over.note = format!("{} {}", self.ground.nothing(), over.note),
            Plan::Answer(_) => {
                let Checked { text, cited, .. } = self.ground.quoted().unwrap_or_default();
                if !cited.is_empty() {
                    over.note = over.quoting();
                    over.said = text;
                }
                return cited;
            }
        }
        Vec::new()
    }
}

/// What of a growing text cannot become a key, an address or a number any more.
fn ready(so_far: &str) -> &str {
    let before = so_far.trim_end_matches(|letter: char| letter.is_ascii_graphic());
    let word = so_far.strip_prefix(before).unwrap_or_default();
    let is_odd = |letter: char| letter.is_ascii_digit() || "@_-+/=".contains(letter);
    if !word.contains(is_odd) && word.len() < LONG_WORD {
        return so_far;
    }
    before.trim_end_matches(|letter: char| letter.is_ascii_digit() || " -.()+".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_become_a_key_waits() {
        for (text, shown) in [
            ("Here it is: sk-pr", "Here it is:"),
            ("Call +44 20 7946", "Call"),
            ("Write to ann@exa", "Write to"),
            ("Keep this: AbCdEfGhIjKlMnOpQr", "Keep this:"),
            ("Plain words, and mo", "Plain words, and mo"),
            ("Done. ", "Done. "),
            ("歌はいい", "歌はいい"),
        ] {
            assert_eq!(ready(text), shown);
        }
    }
}
