//! What came of a crash test: counts, and the story of every message that went wrong.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

use super::super::telegram;
use super::talk::{self, Heard};
use super::{Run, Store};

/// Stories are long; the first few say enough.
const STORIES: usize = 5;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    pub seed: u64,
    pub store: Store,
    /// By the moment they were aimed at.
    pub kills: BTreeMap<&'static str, usize>,
    pub messages: usize,
    pub lost: usize,
    pub doubled: usize,
    pub disordered: usize,
    pub wrong_chat: usize,
    /// Lines that nobody asked for, and answers that are not whole.
    pub surprises: Vec<String>,
    pub violations: Vec<String>,
    pub presses: usize,
    /// Presses that nobody took in while they could be acknowledged, because nobody was there.
    pub outdated: usize,
    pub interactions: usize,
    /// Interactions that nobody took in within three seconds, because nobody was there.
    pub missed: usize,
    pub wall: Duration,
    /// One for each of the first messages that went wrong.
    pub stories: Vec<String>,
}

/// Counts everything at the end of a run.
pub(super) fn judge(run: &Run, begun: Instant) -> Report {
    let mut report = Report {
        seed: run.plan.seed,
        store: run.plan.store,
        kills: BTreeMap::new(),
        messages: run.world.said.len(),
        lost: 0,
        doubled: 0,
        disordered: 0,
        wrong_chat: 0,
        surprises: Vec::new(),
        violations: run.world.telegram.violations(),
        presses: run.world.presses.len(),
        outdated: 0,
        interactions: 0,
        missed: 0,
        wall: begun.elapsed(),
        stories: Vec::new(),
    };
    for death in &run.deaths {
        *report.kills.entry(death.moment).or_default() += 1;
    }
    report.violations.extend(run.world.discord.violations());
    report.violations.extend(run.world.model.violations());
    let mut wrong = Vec::new();
    judge_messages(run, &mut report, &mut wrong);
    judge_presses(run, &mut report);
    judge_interactions(run, &mut report);
    wrong.sort_unstable();
    wrong.dedup();
    let stories = wrong.iter().take(STORIES);
    let stories = stories.map(|number| story(run, begun, *number));
    report.stories.extend(stories);
    if !report.is_clean() {
        let log = run.program.keep_log("crash");
        report.stories.push(format!("The log: {}", log.display()));
        if let Some(servers) = &run.servers {
            let rows = log.with_extension("sql");
            servers.postgres.dump("toney", &rows);
            report.stories.push(format!("The rows: {}", rows.display()));
        }
    }
    report
}

fn judge_messages(run: &Run, report: &mut Report, wrong: &mut Vec<u64>) {
    let chat_of: HashMap<u64, usize> = run.world.said.iter().map(|s| (s.number, s.chat)).collect();
    let mut answers: HashMap<u64, usize> = HashMap::new();
    for (index, chat) in run.world.chats.iter().enumerate() {
        let mut newest = 0;
        for Heard { text, .. } in run.world.heard(chat) {
            let Some(number) = talk::number(&text) else {
                report.surprises.push(format!("{chat:?}: {text}"));
                continue;
            };
            if chat_of.get(&number) != Some(&index) {
                report.wrong_chat += 1;
                wrong.push(number);
                continue;
            }
            if !talk::is_whole(&text) {
                report.surprises.push(format!("not whole: {text}"));
                wrong.push(number);
            }
            *answers.entry(number).or_default() += 1;
            if number < newest {
                report.disordered += 1;
                wrong.push(number);
            }
            newest = newest.max(number);
        }
    }
    for said in &run.world.said {
        match answers.get(&said.number) {
            None => report.lost += 1,
            Some(1) => continue,
            Some(more) => report.doubled += more - 1,
        }
        wrong.push(said.number);
    }
}

/// Each press was answered, and led to one sentence.
fn judge_presses(run: &Run, report: &mut Report) {
    let look = |s: &telegram::State| (s.unanswered(), s.outdated());
    let (unanswered, outdated) = run.world.telegram.look(look);
    report.outdated = outdated;
    let unanswered = unanswered - outdated;
    if unanswered > 0 {
        let line = format!("{unanswered} presses were never answered");
        report.surprises.push(line);
    }
    let dee = run.world.presser;
    let lines = run.world.telegram.look(|s| s.replies(dee).len());
    if lines != run.world.lines_due() {
        let line = format!("{} presses led to {lines} lines", report.presses);
        report.surprises.push(line);
        let transcript = run.world.telegram.render(dee);
        report.stories.push(transcript);
    }
}

/// Each interaction was answered once, and by a message of its own where nobody could acknowledge it in time.
fn judge_interactions(run: &Run, report: &mut Report) {
    let unheeded = run.world.unheeded();
    if unheeded > 0 {
        let line = format!("{unheeded} interactions were never acknowledged, nor was it tried");
        report.surprises.push(line);
    }
    let (asked, replies) = (run.world.discord.interactions().len(), run.world.replies());
    if asked != replies {
        let line = format!("{asked} interactions led to {replies} lines");
        report.surprises.push(line);
    }
    for answered in run.world.discord.interactions() {
        report.interactions += 1;
        if answered.acked_after.is_none() {
            report.missed += 1;
            continue;
        }
        let said = answered.content.is_some() && !answered.loading;
        let times = usize::from(said) + answered.followups.len();
        if times != 1 {
            let line = format!("interaction answered {times} times: {answered:?}");
            report.surprises.push(line);
        }
    }
}

/// Everything that is known of one message, in the order of time.
fn story(run: &Run, begun: Instant, number: u64) -> String {
    let mut events: Vec<(Instant, String)> = Vec::new();
    let said = run.world.said.iter().find(|s| s.number == number);
    if let Some(said) = said {
        let chat = &run.world.chats[said.chat];
        events.push((said.at, format!("said in {chat:?}")));
    }
    let questions = run.world.questions.lock().expect("questions");
    for at in questions.get(&number).into_iter().flatten() {
        events.push((*at, "the model is asked".to_owned()));
    }
    for chat in &run.world.chats {
        for heard in run.world.heard(chat) {
            if talk::number(&heard.text) == Some(number) {
                let Heard {
                    text,
                    at,
                    edits,
                    id,
                } = heard;
                events.push((at, format!("message {id} in {chat:?}, now: {text}")));
                let edited = edits.iter().map(|at| (*at, format!("edit of {id}")));
                events.extend(edited);
            }
        }
    }
    let first = events.iter().map(|e| e.0).min();
    let last = events.iter().map(|e| e.0).max();
    let around = |at: &Instant| {
        let second = Duration::from_secs(1);
        first.is_some_and(|f| *at + second > f) && last.is_some_and(|l| *at < l + 3 * second)
    };
    for death in run.deaths.iter().filter(|d| around(&d.at)) {
        events.push((death.at, format!("KILLED: {}", death.moment)));
    }
    events.sort();
    let mut out = format!("Number {number}:");
    for (at, what) in events {
        let at = at.saturating_duration_since(begun).as_secs_f64();
        out.push_str(&format!("\n  {at:9.3} s  {what}"));
    }
    out
}

impl Report {
    /// Nothing was lost, doubled, out of order, in a wrong chat, or otherwise a surprise.
    pub fn is_clean(&self) -> bool {
        let Self {
            lost,
            doubled,
            disordered,
            wrong_chat,
            ..
        } = self;
        lost + doubled + disordered + wrong_chat == 0
            && self.surprises.is_empty()
            && self.violations.is_empty()
    }

    /// All deaths.
    pub fn killed(&self) -> usize {
        self.kills.values().sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (store, killed) = (self.store, self.killed());
        writeln!(
            f,
            "{store:?}, seed {}: {killed} kills {:?}",
            self.seed, self.kills
        )?;
        writeln!(
            f,
            "{} messages: {} lost, {} doubled, {} out of order, {} in a wrong chat",
            self.messages, self.lost, self.doubled, self.disordered, self.wrong_chat
        )?;
        writeln!(
            f,
            "{} presses ({} while nobody was there), {} interactions ({}); {:.0} s",
            self.presses,
            self.outdated,
            self.interactions,
            self.missed,
            self.wall.as_secs_f64()
        )?;
        for (what, lines) in [
            ("violations", &self.violations),
            ("surprises", &self.surprises),
        ] {
            if !lines.is_empty() {
                writeln!(f, "{} {what}:", lines.len())?;
            }
            for line in lines.iter().take(12) {
                writeln!(f, "  {line}")?;
            }
        }
        for story in &self.stories {
            writeln!(f, "{story}")?;
        }
        Ok(())
    }
}
