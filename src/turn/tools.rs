//! What a model may call while it answers: offered to those for whom it is, run through the same gate as everything
//! else, and never more than a few times in one answer.

use serde_json::Value;
use tokio::time::Instant;

use crate::capability::{ALL, By, Entry, Gate, Ran, Risk, gate};
use crate::llm::{Line, Report, Role, Tool, ToolCall};
use crate::model::{Button, Content, Failure, Outcome, Shown, phrases};

use super::Turn;
use super::commit::Commit;
use super::step::{Calls, Over};
use super::talk::{TYPING_AFTER, TYPING_EVERY, Talk};

/// Rounds of calls in one answer.
const ROUNDS: usize = 5;
/// Calls in one answer.
const CALLS: usize = 8;
/// Calls of one answer that may lay something out to be pressed.
const PROPOSALS: usize = 3;

/// What the model may call, and what came of it.
#[derive(Default)]
pub(super) struct Tools {
    offered: Vec<&'static Entry>,
    /// What the rounds so far cost.
    rounds: Vec<Report>,
    /// What was said and called so far in this answer, as the model sees it.
    lines: Vec<Line>,
    served: Vec<Served>,
    /// Whether an answer was sent back.
    is_second: bool,
}

/// A call that was served.
struct Served {
    name: String,
    arguments: String,
    /// What the model was told.
    told: String,
    /// What came of it; none where nothing was run.
    ran: Option<Ran>,
}

impl Tools {
    /// Whether the model may call something now.
    pub(super) fn offers(&self) -> bool {
        !self.offered.is_empty() && self.rounds.len() < ROUNDS && self.served.len() < CALLS
    }

    /// What the model is offered.
    pub(super) fn offer(&self) -> Vec<Tool> {
        match self.offers() {
            true => self.offered.iter().map(|entry| entry.tool()).collect(),
            false => Vec::new(),
        }
    }

    /// What stands behind the question by now.
    pub(super) fn lines(&self) -> Vec<Line> {
        self.lines.clone()
    }

    /// What the tools gave back, in one text.
    pub(super) fn told(&self) -> String {
        let all = self.served.iter().map(|one| one.told.as_str());
        all.collect::<Vec<_>>().join("\n")
    }

    /// Whether something was really looked up or done for the answer.
    pub(super) fn was_served(&self) -> bool {
        let ran = self.served.iter().filter_map(|one| one.ran.as_ref());
        let mut outcomes = ran.map(|ran| &ran.outcome);
        outcomes.any(|one| matches!(one, Outcome::Done(_) | Outcome::Partial { .. }))
    }

    /// Sends an answer back, with why; not a second time.
    pub(super) fn send_back(&mut self, (said, why): (&str, &str), report: Report) -> bool {
        if std::mem::replace(&mut self.is_second, true) {
            return false;
        }
        self.rounds.push(report);
        self.lines.push(Line::new(Role::Toney, said));
        self.lines.push(Line::new(Role::Person, why));
        true
    }

    /// Leaves only what looks things up: what was read gave orders of its own.
    pub(super) fn only_read(&mut self) {
        let before = self.offered.len();
        self.offered.retain(|entry| entry.risk == Risk::Read);
        if self.offered.len() < before {
            metrics::counter!("toney_safety_injections_total").increment(1);
        }
    }

    /// What a call gets for an answer without being run.
    fn refusal(&self, call: &ToolCall) -> Option<&'static str> {
        let is_same = |one: &Served| one.name == call.name && one.arguments == call.arguments;
        let waits = |one: &&Served| {
            let ran = one.ran.as_ref();
            ran.is_some_and(|ran| matches!(ran.outcome, Outcome::AwaitingConfirmation { .. }))
        };
        if self.served.len() >= CALLS || self.served.iter().filter(waits).count() >= PROPOSALS {
            return Some(phrases::ENOUGH_TOOLS);
        }
        self.served
            .iter()
            .any(is_same)
            .then_some(phrases::SAME_CALL)
    }
}

impl Talk<'_> {
    /// Lays out what may be called for what was said, by whoever said it.
    pub(super) async fn lay_out(&mut self, commit: &Commit<'_>) -> Result<(), Failure> {
        self.tools = Tools {
            // What an answer to other words cost is paid all the same.
            rounds: std::mem::take(&mut self.tools.rounds),
            ..Tools::default()
        };
        // Small talk costs nothing more than before, and where others read along nobody's affairs are handled.
        if self.in_group || !self.ground.may_act() || self.words().trim().is_empty() {
            return Ok(());
        }
        let asker = commit.asker(self.scene.setting()).await?;
        let who: Vec<_> = asker.standings().iter().map(|(_, one)| *one).collect();
        let is_theirs = |entry: &&Entry| {
            let gate = gate(
                (entry.risk, entry.whose),
                By::Model,
                (self.scene.setting(), &who),
            );
            matches!(gate, Gate::Run | Gate::Confirm)
        };
        self.tools.offered = ALL.iter().filter(is_theirs).collect();
        let passages = self.ground.passages().iter();
        let read = passages.map(|passage| passage.text.as_str());
        // What was passed on is somebody else's word.
        let is_passed_on = self.scene.items.iter().any(|item| item.forwarded);
        let passed_on = self.said.iter().filter(|_| is_passed_on);
        let mut foreign = read.chain(passed_on.map(|said| said.text.as_str()));
        if foreign.any(|text| self.turn.care.gives_orders(text)) {
            self.tools.only_read();
        }
        Ok(())
    }

    /// Runs what the model calls, and puts what it gets back behind the question.
    pub(super) async fn serve(
        &mut self,
        commit: &Commit<'_>,
        Calls {
            said,
            calls,
            report,
        }: Calls,
    ) -> Result<(), Failure> {
        self.tools.rounds.push(report);
        let mut line = Line::new(Role::Toney, said);
        line.calls.clone_from(&calls);
        self.tools.lines.push(line);
        for call in calls {
            let (told, ran) = match self.tools.refusal(&call) {
                Some(refusal) => (refusal.to_owned(), None),
                None => self.run(commit, &call).await?,
            };
            if self.turn.care.gives_orders(&told) {
                self.tools.only_read();
            }
            let answer = Line::new(Role::Tool(call.id.clone()), told.clone());
            self.tools.lines.push(answer);
            self.tools.served.push(Served {
                name: call.name,
                arguments: call.arguments,
                told,
                ran,
            });
        }
        Ok(())
    }

    async fn run(
        &self,
        commit: &Commit<'_>,
        call: &ToolCall,
    ) -> Result<(String, Option<Ran>), Failure> {
        let mut offered = self.tools.offered.iter();
        let Some(entry) = offered.find(|entry| entry.name == call.name) else {
            return Ok((phrases::NO_SUCH_TOOL.to_owned(), None));
        };
        let args: Value = match call.arguments.trim() {
            "" => Value::Object(serde_json::Map::new()),
            text => serde_json::from_str(text).unwrap_or_default(),
        };
        let ran = self.patiently(self.turn.act(self.scene, commit, (entry, args, By::Model)));
        let ran = ran.await?;
        Ok((ran.outcome.told(), Some(ran)))
    }

    /// Whoever waits long for it sees that something is done.
    async fn patiently(
        &self,
        doing: impl Future<Output = Result<Ran, Failure>>,
    ) -> Result<Ran, Failure> {
        let mut doing = std::pin::pin!(doing);
        let mut typing_at = Instant::now() + TYPING_AFTER;
        loop {
            tokio::select! {
                ran = &mut doing => return ran,
                () = self.typing(typing_at) => typing_at = Instant::now() + TYPING_EVERY,
            }
        }
    }

    /// Where no model answers, what is wanted is done without one, if that is possible; tells whether it was.
    pub(super) async fn instead(
        &mut self,
        commit: &Commit<'_>,
        over: &mut Over,
    ) -> Result<bool, Failure> {
        if !over.is_unanswered() || self.in_group {
            return Ok(false);
        }
        let Some((name, args)) = self.ground.deed() else {
            return Ok(false);
        };
        let Some(entry) = Entry::find(name) else {
            return Ok(false);
        };
        over.note.clear();
        self.have_done(commit, (entry, args.clone(), By::Person))
            .await?;
        Ok(true)
    }

    /// Has something done, or lays it out, beside what a model called.
    pub(super) async fn have_done(
        &mut self,
        commit: &Commit<'_>,
        (entry, args, by): (&Entry, Value, By),
    ) -> Result<(), Failure> {
        let asked = (entry, args.clone(), by);
        let ran = self
            .patiently(self.turn.act(self.scene, commit, asked))
            .await?;
        self.tools.served.push(Served {
            name: entry.name.to_owned(),
            arguments: args.to_string(),
            told: ran.outcome.told(),
            ran: Some(ran),
        });
        Ok(())
    }

    /// Makes what was called true with the answer, and shows what a person has to see as it is. Answers the files
    /// that go with it.
    pub(super) fn take_in(
        &mut self,
        commit: &mut Commit<'_>,
        (over, buttons): (&mut Over, &mut Vec<Vec<Button>>),
    ) -> Vec<Content> {
        for report in std::mem::take(&mut self.tools.rounds) {
            commit.round(self.scene, report);
        }
        let is_silent = over.said.is_empty();
        let mut parts = Vec::new();
        let mut files = Vec::new();
        for Served { ran, .. } in std::mem::take(&mut self.tools.served) {
            let Some(ran) = ran else { continue };
            let outcome = commit.ran(self.scene, ran);
            let waits = matches!(
                outcome,
                Outcome::AwaitingConfirmation { .. } | Outcome::AwaitingApproval { .. }
            );
            let is_seen = outcome.must_be_seen();
            let Shown {
                text,
                told: _,
                buttons: under,
                files: with,
            } = outcome.into_shown();
            if is_silent || waits {
                parts.push(text);
            }
            if is_silent || is_seen {
                buttons.extend(under);
                files.extend(with);
            }
        }
        if !parts.is_empty() {
            // What was laid out stands as it is behind the model's words; it is not the model's.
            let words = [over.said.as_str(), &parts.join("\n\n")];
            over.said = words.join("\n\n").trim().to_owned();
        }
        files
    }
}

impl Turn {
    /// The list of what somebody may have done, for `/capabilities`.
    pub(super) async fn capabilities(
        &self,
        scene: &super::Scene,
        mut commit: Commit<'_>,
    ) -> Result<crate::store::Change, Failure> {
        let text = {
            let asker = commit.asker(scene.setting()).await?;
            let who: Vec<_> = asker.standings().iter().map(|(_, one)| *one).collect();
            let mut text = phrases::CAPABILITIES.to_owned();
            for entry in ALL {
                let by = (entry.risk, entry.whose);
                let gate = gate(by, By::Person, (scene.setting(), &who));
                if matches!(gate, Gate::Run | Gate::Confirm) {
                    text.push_str(&phrases::capability(entry.name, for_people(entry.about)));
                }
            }
            text
        };
        commit.say(scene, text);
        Ok(commit.done().await)
    }
}

/// What a person is told of a capability: its first sentence. What follows says to models when to call it.
fn for_people(about: &str) -> &str {
    let first = about.split_once(". ").map(|(first, _)| first);
    first.unwrap_or(about).trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_list_is_one_message() {
        let lines = ALL
            .iter()
            .map(|entry| phrases::capability(entry.name, for_people(entry.about)));
        let whole: String = [phrases::CAPABILITIES.to_owned()]
            .into_iter()
            .chain(lines)
            .collect();
        assert!(whole.chars().count() <= 4_096, "{whole}");
        assert!(!whole.contains("Use it"), "{whole}");
    }
}
