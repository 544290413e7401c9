//! What an answer stands on: what was understood, which knowledge was read for it and which was not, and
//! how that is shown.

use std::fmt::Write as _;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::knowledge::{Found, Knowledge, Passage, Question};
use crate::llm::{self, Report};
use crate::model::terms;
use crate::model::{Button, DocumentPress, Failure, ReadId, Setting, Target, phrases};
use crate::store::{Asker, NewRead, ReadPassage, Role};

use super::cite::{Checked, Source, check};
use super::commit::Commit;
use super::gather::Said;
use super::intent::{self, Act, Intent};
use super::quote::{held, quote};
use super::sort::sort;
use super::why;
use super::{Command, Scene, Sort, Turn, able};

/// Passages that are quoted when no model answers.
const QUOTED: usize = 3;
/// Characters of each.
const QUOTED_LETTERS: usize = 420;
/// Sources that get a button.
const BUTTONS: usize = 5;
/// Earlier lines that help to understand the last one.
const HISTORY: usize = 6;

/// What an answer stands on.
pub(super) struct Ground {
    pub(super) intent: Intent,
    /// What the person said, in one text.
    said: String,
    found: Option<Found>,
    sources: Vec<Source>,
    scopes: String,
    /// Whether private knowledge was wanted where others read along.
    refused: bool,
    /// The call of the model that was asked what is wanted, if one was.
    pub(super) sorted: Option<Report>,
}

/// What stands under an answer.
#[derive(Default)]
pub(super) struct Footer {
    pub(super) text: String,
    pub(super) buttons: Vec<Vec<Button>>,
}

impl Turn {
    /// Understands what was said and reads what it is about.
    pub(super) async fn ground(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
        said: &[Said],
    ) -> Result<Ground, Failure> {
        let words: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
        let words = words.join("\n");
        let lines = commit.recalled().visible();
        let lines = lines
            .get(lines.len().saturating_sub(HISTORY)..)
            .unwrap_or_default();
        let history: Vec<intent::Turn<'_>> = lines
            .iter()
            .map(|line| intent::Turn {
                from_toney: line.role != Role::User,
                text: &line.text,
            })
            .collect();
        let asked = intent::Said {
            text: &words,
            history: &history,
            role: None,
        };
        let (intent, sorted) = self.understand(&asked).await;
        if intent.wanted() == Target::None {
            return Ok(Ground {
                sorted,
                ..Ground::bare(intent, words)
            });
        }
        let asker = self.asker(scene, commit).await?;
        let mut ground = Ground::look(&self.knowledge, &asker, intent, &asked, true).await;
        ground.sorted = sorted;
        ground.refused = scene.setting() == Setting::Group && ground.target() != Target::Global;
        Ok(ground)
    }
}

impl Turn {
    /// What is wanted: by rules, and by a model where they are unsure, it is wanted, and it is quick.
    async fn understand(&self, said: &intent::Said<'_>) -> (Intent, Option<Report>) {
        let Self {
            reader,
            door,
            prompts,
            settings,
            ..
        } = self;
        if settings.sort == Sort::Rules {
            return (reader.read(said), None);
        }
        let patience = Duration::from_millis(settings.sort_ms);
        let sorted = tokio::time::timeout(patience, sort(reader, door, prompts, said)).await;
        sorted.unwrap_or_else(|_| (reader.read(said), None))
    }
}

impl Ground {
    /// For what needs no knowledge.
    fn bare(intent: Intent, said: String) -> Self {
        Self {
            intent,
            said,
            found: None,
            sources: Vec::new(),
            scopes: String::new(),
            refused: false,
            sorted: None,
        }
    }

    /// Reads what is asked for, as far as the asker reaches it; strictly: only what really answers it.
    pub(super) async fn look(
        knowledge: &Knowledge,
        asker: &Asker,
        intent: Intent,
        asked: &intent::Said<'_>,
        strict: bool,
    ) -> Self {
        let target = intent.wanted();
        let scopes = asker.scopes(target);
        let tokens: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        let by = |toney: bool| {
            let turns = asked
                .history
                .iter()
                .rev()
                .filter(move |turn| turn.from_toney == toney);
            turns.map(|turn| turn.text)
        };
        let before: Vec<&str> = by(false).collect();
        let question = Question {
            last: asked.text,
            before: &before,
            answer: by(true).next(),
            rewrite: None,
            strict,
        };
        let found = knowledge.find(asker, target, &question).await;
        let source = |passage: &Passage| Source {
            path: passage.path.clone(),
            text: passage.text.clone(),
            language: terms::language_of(&passage.text),
        };
        Self {
            sources: found.passages.iter().map(source).collect(),
            scopes: tokens.join(" "),
            found: Some(found),
            ..Self::bare(intent, asked.text.to_owned())
        }
    }

    /// Which knowledge is read.
    pub(super) fn target(&self) -> Target {
        self.intent.wanted()
    }

    /// What was found, whether or not it may be an answer.
    pub(super) fn into_found(self) -> Found {
        self.found.unwrap_or_default()
    }

    pub(super) fn passages(&self) -> &[Passage] {
        let found = self.found.as_ref().filter(|found| !found.abstain);
        found
            .map(|found| found.passages.as_slice())
            .unwrap_or_default()
    }

    /// The passages as a model is shown them.
    pub(super) fn for_prompt(&self) -> Vec<llm::Passage<'_>> {
        let numbered = (1..).zip(self.passages());
        numbered
            .map(|(number, passage)| llm::Passage {
                number,
                personal: passage.scope.is_personal(),
                path: &passage.path,
                text: &passage.text,
            })
            .collect()
    }

    /// Whether was looked for something and nothing found that fits.
    pub(super) fn found_nothing(&self) -> bool {
        let sure = &self.intent.confidence;
        let is_asked = self.intent.act == Act::Ask && sure.act >= intent::DOUBTFUL;
        able::missing(self.intent.act).is_none()
            && self.found.is_some()
            && self.passages().is_empty()
            && (is_asked || sure.scope >= intent::UNSURE)
    }

    /// What is said then.
    pub(super) fn nothing(&self) -> &'static str {
        match self.refused {
            true => phrases::FOUND_NOTHING_HERE,
            false => phrases::FOUND_NOTHING,
        }
    }

    /// What is wanted that cannot be done yet; empty = nothing.
    pub(super) fn unable(&self) -> &'static str {
        let is_sure = !self.intent.is_unsure();
        let missing = able::missing(self.intent.act).filter(|_| is_sure);
        missing.unwrap_or_default()
    }

    /// Holds an answer against the passages.
    pub(super) fn check(&self, answer: &str) -> Checked {
        let given = self
            .sources
            .get(..self.passages().len())
            .unwrap_or_default();
        check(answer, given, &self.said)
    }

    /// The answer without a model: what the best passages say, word for word. `None` when there are none.
    pub(super) fn quoted(&self) -> Option<Checked> {
        let query = terms::of_query(&self.said);
        let best = self.passages().iter().zip(&self.sources).take(QUOTED);
        let (mut checked, mut most) = (Checked::default(), 0);
        for (place, (_, source)) in best.enumerate() {
            let words = quote(&source.text, source.language, &query, QUOTED_LETTERS);
            // What says much less of the question than another passage would only distract.
            let held = held(&words, source.language, &query);
            most = most.max(held);
            if !words.is_empty() && held * 3 >= most * 2 {
                checked.cited.push(place);
                let number = checked.cited.len();
                write!(checked.text, "\n\n> {words} [{number}]").ok();
            }
        }
        (!checked.cited.is_empty()).then(|| Checked {
            text: checked.text.trim_start().to_owned(),
            ..checked
        })
    }

    /// The sources that an answer cites, numbered, each with a button to read it.
    pub(super) fn footer(&self, cited: &[usize]) -> Footer {
        let mut footer = Footer::default();
        let mut row = Vec::new();
        for (number, passage) in (1..).zip(cited.iter().filter_map(|at| self.passages().get(*at))) {
            let whose = match (passage.scope.is_personal(), number) {
                (true, _) => phrases::YOURS,
                (false, _) => phrases::GENERAL,
            };
            write!(footer.text, "\n[{number}] {} ({whose})", passage.path).ok();
            if row.len() < BUTTONS {
                let press = DocumentPress::Read(passage.document, passage.ordinals);
                row.push(press.button(format!("Read {number}")));
            }
        }
        if !row.is_empty() {
            footer.text = format!("{}{}", phrases::SOURCES, footer.text);
            footer.buttons.push(row);
        }
        footer
    }

    /// What goes into the ledger; nothing where nothing was read.
    pub(super) fn read(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
        cited: &[usize],
    ) -> Option<NewRead> {
        let found = self.found.as_ref()?;
        if found.passages.is_empty() {
            return None;
        }
        Some(NewRead {
            id: ReadId::new(commit.ids()),
            person: Some(commit.person()),
            session: Some(commit.recalled().session),
            turn: Some(scene.turn),
            query_hash: hash(&self.said),
            target: self.target(),
            why: self.understood(),
            scopes: self.scopes.clone(),
            passages: found
                .passages
                .iter()
                .enumerate()
                .map(|(place, passage)| ReadPassage {
                    document: passage.document,
                    ordinals: passage.ordinals,
                    score: passage.score,
                    cited: !found.abstain && cited.contains(&place),
                })
                .collect(),
            at: scene.now,
        })
    }

    /// The command that does what is wanted, where that is sure.
    pub(super) fn command(&self) -> Option<Command> {
        let is_sure = self.intent.confidence.act >= intent::UNSURE;
        match self.intent.act {
            Act::Documents if is_sure => Some(Command::Docs),
            Act::Forget if is_sure && !self.topic().is_empty() => Some(Command::Forget),
            Act::Why if is_sure => Some(Command::Why),
            _ => None,
        }
    }

    /// What the act is about, in the person's words; empty where that is not said.
    pub(super) fn topic(&self) -> &str {
        let topic = ["subject", "name", "topic"]
            .iter()
            .find_map(|slot| self.intent.args.get(*slot));
        topic.map(String::as_str).unwrap_or_default()
    }

    /// What was understood, in a few words.
    pub(super) fn understood(&self) -> String {
        let act = self.intent.act.name().replace('_', " ");
        let sure = (self.intent.confidence.act * 100.0).round();
        let about = phrases::about(self.target());
        match self.intent.is_unsure() {
            false => format!("{act}, about {about} ({sure} % sure)"),
            true => format!("perhaps {act}, about {about} ({sure} % sure)"),
        }
    }

    /// For `/why`.
    pub(super) fn why(&self, cited: &[usize]) -> why::Knowledge {
        let passages = self.passages().iter().enumerate();
        why::Knowledge {
            understood: self.understood(),
            cited: cited
                .iter()
                .filter_map(|at| self.passages().get(*at))
                .map(|passage| passage.path.clone())
                .collect(),
            read: passages
                .filter(|(place, _)| !cited.contains(place))
                .map(|(_, passage)| passage.path.clone())
                .collect(),
            lists: self.found.iter().flat_map(Found::ways).collect(),
            searched: self.found.is_some(),
            refused: self.refused,
        }
    }
}

/// A hash that tells whether the same was asked, and nothing else.
pub(super) fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.trim().to_lowercase().as_bytes());
    let short = digest.iter().take(8);
    short.map(|byte| format!("{byte:02x}")).collect()
}
