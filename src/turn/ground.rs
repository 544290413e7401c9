//! What an answer stands on: what was understood, which knowledge was read for it and which was not, and
//! how that is shown.

use std::borrow::Cow;
use std::fmt::Write as _;

use anyhow::Context;

use crate::knowledge::{Found, Knowledge, Passage, Question, THUMBS, query_hash};
use crate::llm::{self, Payer, Persona, Place, Prompts, Request};
use crate::model::{
    Button, DocumentPress, Failure, ReadId, Setting, Standing, Target, Time, phrases,
    terms::{self, Language},
};
use crate::store::{Asker, NewRead, Role, Scope};

use super::able::{Way, deed, missing, way};
use super::approvals::DECIDE;
use super::cite::{Checked, Source, check};
use super::commit::Commit;
use super::gather::Said;
use super::intent::{self, Act, Intent};
use super::quote::{held, quote};
use super::sort::{Sorted, Sorter};
use super::step::How;
use super::{Command, Scene, Turn, why};

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
    intent: Intent,
    /// What the person said, in one text.
    said: String,
    found: Option<Found>,
    sources: Vec<Source>,
    scopes: String,
    /// Whether private knowledge was wanted where others read along.
    refused: bool,
    /// What became of asking a model what is wanted, if one was asked.
    pub(super) sorted: Option<How>,
    /// What is known of whoever asks.
    pub(super) known: llm::Known,
}

/// What follows from what was understood and found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan<'a> {
    /// A command does it, with this behind it.
    Command(Command, Cow<'a, str>),
    /// Somebody may be in danger.
    Crisis,
    /// It cannot be done yet.
    Missing(&'static str),
    /// So many passages answer it.
    Answer(usize),
    /// It may be meant and cannot be done yet.
    AskBack(&'static str),
    /// Was looked for and not found.
    Nothing,
    /// Nothing but talk.
    Talk,
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
        let skipped = lines.len().saturating_sub(HISTORY);
        let history: Vec<intent::Turn<'_>> = lines
            .iter()
            .skip(skipped)
            .map(|line| intent::Turn {
                from_toney: line.role != Role::User,
                text: &line.text,
            })
            .collect();
        let mut asked = intent::Said {
            text: &words,
            history: &history,
            role: None,
        };
        let mut sorter = Sorter {
            reader: &self.reader,
            door: &self.door,
            prompts: &self.prompts,
            patience: self.settings.patience(),
            payer: Payer::default(),
        };
        let mut rules = self.reader.read(&asked);
        // Who it is costs a reading of the store, and tells nothing where nothing depends on it.
        if rules.wanted() != Target::None || sorter.asks(&rules) {
            let standing = standing(commit.asker(scene.setting()).await?);
            asked.role = standing.map(Standing::as_str);
            // An artist is who the rules expect.
            if standing.is_some_and(|standing| standing != Standing::Artist) {
                rules = self.reader.read(&asked);
            }
        }
        sorter.payer = commit.payer(scene.setting()).await?;
        let Sorted { intent, how } = sorter.settle(rules, &asked).await;
        let mut ground = Ground::bare(intent, words.clone());
        if ground.wants_reading() {
            let asker = commit.asker(scene.setting()).await?;
            ground = ground.look(&self.knowledge, asker, &asked, true).await;
            // Private knowledge stays closed where others read along.
            ground.refused = scene.setting() == Setting::Group && ground.target() != Target::Global;
        }
        ground.sorted = how;
        Ok(ground)
    }
}

/// What somebody is to the artist they are asked for first.
fn standing(asker: &Asker) -> Option<Standing> {
    let all = asker.standings().iter().map(|(_, standing)| *standing);
    // An artist of one's own comes before those one manages.
    all.min_by_key(|standing| *standing != Standing::Artist)
}

impl Ground {
    /// Before anything is read.
    pub(super) fn bare(intent: Intent, said: String) -> Self {
        Self {
            intent,
            said,
            found: None,
            sources: Vec::new(),
            scopes: String::new(),
            refused: false,
            sorted: None,
            known: llm::Known::default(),
        }
    }

    /// Whether anything has to be read for it.
    pub(super) fn wants_reading(&self) -> bool {
        let is_talk = self.command().is_none() && !self.is_crisis() && self.refusal().is_none();
        is_talk && self.target() != Target::None
    }

    /// What is surely ordered and cannot be done yet, whatever stands in documents.
    fn refusal(&self) -> Option<&'static str> {
        let is_order = self.intent.act.has_effect() && !self.intent.is_unsure();
        missing(self.intent.act).filter(|_| is_order)
    }

    /// Reads what is asked for, as far as the asker reaches it; strictly: only what really answers it.
    pub(super) async fn look(
        self,
        knowledge: &Knowledge,
        asker: &Asker,
        asked: &intent::Said<'_>,
        strict: bool,
    ) -> Self {
        let target = self.target();
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
            rewrite: self.intent.query.as_deref(),
            strict,
        };
        let found = knowledge.find(asker, target, &question).await;
        let source = |passage: &Passage| Source {
            path: passage.path.clone(),
            text: passage.text.clone(),
            language: terms::language(&passage.text).unwrap_or(Language::English),
        };
        Self {
            sources: found.passages.iter().map(source).collect(),
            scopes: tokens.join(" "),
            found: Some(found),
            ..self
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

    /// Whether somebody is surely enough in danger that no model has a say.
    pub(super) fn is_crisis(&self) -> bool {
        self.intent.act == Act::Crisis && !self.intent.is_doubtful()
    }

    /// Whether somebody may be in danger, however sure that is.
    pub(super) fn is_in_need(&self) -> bool {
        self.intent.act == Act::Crisis
    }

    /// What is done about it, as far as no model has a say.
    pub(super) fn plan(&self) -> Plan<'_> {
        let missing = missing(self.intent.act);
        match (self.command(), missing, self.passages().len()) {
            (Some((command, args)), _, _) => Plan::Command(command, args),
            _ if self.intent.act == Act::Crisis => Plan::Crisis,
            (None, Some(what), _) if self.refusal().is_some() => Plan::Missing(what),
            (None, Some(what), 0) if self.intent.is_doubtful() => Plan::AskBack(what),
            (None, Some(what), 0) => Plan::Missing(what),
            (None, None, 0) if self.found_nothing() => Plan::Nothing,
            (None, None, 0) => Plan::Talk,
            (None, _, count) => Plan::Answer(count),
        }
    }

    /// What a model is asked: who it is and what the answer may stand on, behind what was said and now is.
    pub(super) fn request(
        &self,
        prompts: &Prompts,
        (name, place): (&str, Place),
        (now, summary, offers): (Time, &str, bool),
        said: Vec<llm::Line>,
    ) -> anyhow::Result<Request> {
        let date = now.to_string();
        let is_sure = !self.intent.is_unsure();
        let unable = missing(self.intent.act).filter(|_| is_sure);
        let system = prompts.persona(&Persona {
            name,
            place,
            date: date.split(' ').next().unwrap_or_default(),
            summary,
            passages: &self.for_prompt(),
            found_nothing: self.found_nothing(),
            picture: said.last().is_some_and(|line| !line.images.is_empty()),
            unable: unable.unwrap_or_default(),
            tools: offers,
            known: &self.known,
        });
        let system = system.context("Writing the persona prompt")?;
        let (mut messages, stable) = prompts.instructions(&system);
        messages.extend(said);
        Ok(Request {
            messages,
            stable,
            ..Request::default()
        })
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
    fn found_nothing(&self) -> bool {
        let sure = &self.intent.confidence;
        let is_asked = self.intent.act == Act::Ask && sure.act >= intent::DOUBTFUL;
        missing(self.intent.act).is_none()
            && self.found.is_some()
            && self.passages().is_empty()
            && (is_asked || sure.scope >= intent::UNSURE)
    }

    /// What is said where nothing was found and no model can talk about it.
    pub(super) fn nothing(&self) -> String {
        match self.refused {
            true => format!("{} {}", phrases::FOUND_NOTHING, phrases::ASK_ALONE),
            false => phrases::FOUND_NOTHING.to_owned(),
        }
    }

    /// Holds an answer against the passages; what the person said and what tools gave back (`besides`) may be said.
    pub(super) fn check(&self, answer: &str, besides: &str) -> Checked {
        let given = self
            .sources
            .get(..self.passages().len())
            .unwrap_or_default();
        check(answer, given, &format!("{}\n{besides}", self.said))
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
            let whose = match passage.scope {
                Scope::Own(_, _) => phrases::YOURS,
                Scope::Team(_) => phrases::TEAM,
                Scope::Global => phrases::GENERAL,
            };
            write!(footer.text, "\n[{number}] {} ({whose})", passage.path).ok();
            if row.len() < BUTTONS {
                let press = DocumentPress::Read(passage.document, passage.ordinals);
                row.push(press.button(phrases::read_source(number)));
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
            query_hash: query_hash(&self.said),
            target: self.target(),
            why: self.understood(),
            scopes: self.scopes.clone(),
            passages: found.read(cited),
            at: scene.now,
        })
    }

    /// The command that does what is wanted, where that is sure, with what stands behind it.
    fn command(&self) -> Option<(Command, Cow<'_, str>)> {
        let is_sure = self.intent.confidence.act >= intent::UNSURE;
        match way(self.intent.act) {
            Way::Command(Command::Workflows) => {
                let is_clear = !self.intent.is_doubtful();
                let about = Cow::from(self.about_flows());
                return is_clear.then_some((Command::Workflows, about));
            }
            Way::Command(Command::Forget) => Some((Command::Forget, Cow::from(self.topic()))),
            Way::Command(Command::Earnings) => {
                Some((Command::Earnings, Cow::from(self.which_money())))
            }
            // A service that is named is hardly a chat.
            Way::Command(Command::Link) => {
                let service = self.intent.args.get("service");
                let service = service.map_or("", String::as_str);
                Some((Command::Link, Cow::from(service)))
            }
            Way::Command(Command::Release) => Some((Command::Release, Cow::from(self.title()))),
            // Words never decide: they show what is open.
            Way::Command(Command::Approvals)
                if matches!(self.intent.act, Act::Approve | Act::Reject) =>
            {
                Some((Command::Approvals, Cow::from(DECIDE)))
            }
            Way::Command(command) => Some((command, Cow::from(""))),
            Way::Words | Way::Crisis | Way::Missing(_) => None,
        }
        .filter(|(command, args)| is_sure && (*command != Command::Forget || !args.is_empty()))
    }

    /// What is wanted of workflows, in a word.
    fn about_flows(&self) -> &str {
        let state = self.intent.args.get("state").map(String::as_str);
        match self.intent.act {
            Act::WorkflowCreate => "create",
            Act::WorkflowPause => state.unwrap_or("pause"),
            _ => "",
        }
    }

    /// Which money is meant: months, and one store, song or country.
    fn which_money(&self) -> String {
        let slots = ["period", "source", "song", "territory"];
        let slots = slots.iter().filter_map(|slot| self.intent.args.get(*slot));
        slots.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The capability that does without a model what is wanted, and with what; where a page answers it, that is better.
    pub(super) fn deed(&self) -> Option<(&'static str, serde_json::Value)> {
        if self.intent.is_doubtful() || !self.passages().is_empty() {
            return None;
        }
        deed(self.intent.act, &self.intent.args, &self.said)
    }

    /// What is wanted, as far as that was understood.
    pub(super) fn act(&self) -> Act {
        self.intent.act
    }

    /// Whether something is to be done rather than told.
    pub(super) fn acts(&self) -> bool {
        !matches!(self.intent.act, Act::Ask | Act::Chat | Act::Crisis)
    }

    /// Whether it is more than small talk.
    pub(super) fn may_act(&self) -> bool {
        let is_small = self.intent.act == Act::Chat && !self.intent.is_unsure();
        !is_small && self.intent.act != Act::Crisis
    }

    /// What the act is about, in the person's words; empty where that is not said.
    fn topic(&self) -> &str {
        let topic = ["subject", "name", "topic"]
            .iter()
            .find_map(|slot| self.intent.args.get(*slot));
        topic.map(String::as_str).unwrap_or_default()
    }

    /// What a release is called, as far as that was said.
    fn title(&self) -> &str {
        let title = self.intent.args.get("title");
        title.map(String::as_str).unwrap_or_default()
    }

    /// What was understood, in a few words.
    fn understood(&self) -> String {
        let act = self.intent.act.name().replace('_', " ");
        let sure = (self.intent.confidence.act * 100.0).round();
        phrases::understood(&act, self.target(), sure, self.intent.is_unsure())
    }

    /// For `/why`.
    pub(super) fn why(&self, cited: &[usize]) -> why::Knowledge {
        let passages = self.passages().iter().enumerate();
        why::Knowledge {
            understood: self.understood(),
            cited: cited
                .iter()
                .filter_map(|at| self.passages().get(*at))
                .map(weighed)
                .collect(),
            read: passages
                .filter(|(place, _)| !cited.contains(place))
                .map(|(_, passage)| weighed(passage))
                .collect(),
            lists: self.found.iter().flat_map(Found::ways).collect(),
            searched: self.found.is_some(),
            refused: self.refused,
        }
    }
}

/// Where a passage stands, and what the person's thumbs made of it.
fn weighed(passage: &Passage) -> String {
    let thumbs = passage.by.iter().find(|by| by.list == THUMBS);
    match thumbs {
        Some(by) => phrases::by_thumbs(&passage.path, (by.score * 100.0).round() as i64),
        None => passage.path.clone(),
    }
}
