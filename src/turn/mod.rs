//! One message's life: what it asks, how it is answered, and the commit in which everything about it
//! becomes true together.
//!
//! Deciding is pure (`gather`, `step`, `command`); this file and its driver do what was decided.
//! It never sends anything by itself but the growing text of an answer, and never writes outside its
//! commit but what a command changes of a document or a membership. Start with [`Turn`].

mod able;
mod acting;
pub mod alone;
mod approvals;
mod attachment;
mod care;
mod cite;
mod command;
mod commit;
mod dialogue;
mod documents;
mod flows;
mod gather;
mod ground;
mod habits;
mod hearing;
pub mod intent;
mod known;
mod learned;
mod linking;
mod me;
mod models;
mod money;
mod nudging;
mod onboard;
mod pages;
mod preferences;
mod press;
mod quote;
mod recordings;
mod releases;
mod reminded;
mod reply;
mod show;
mod sight;
pub mod sort;
mod speaking;
mod step;
mod talk;
mod tip;
mod tools;

mod team;
mod thanks;
mod thumbs;
mod usage;
mod waiting;
mod why;
mod wish;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use crate::approval::Approvals;
use crate::budget::Limits;
use crate::capability::Hands;
use crate::delivery::Delivery;
use crate::intake::Queue;
use crate::jobs::{Work, Worker};
use crate::knowledge::Knowledge;
use crate::llm::{Door, Prompts, Voices};
use crate::memory::{self, Contexts, Memory, Recalled};
use crate::model::{
    Clock, Content, Failure, Ids, Inbound, Interaction, Membership, Message, NudgePress, Priority,
    Setting, Time, TurnId, phrases,
};
use crate::money::Books;
use crate::people::Profiles;
use crate::store::{Change, Job, Store};
use crate::tips::Tips;
use crate::workflow::Workflows;

pub use care::Care;
pub use command::Command;
pub use nudging::Looked;
pub use recordings::Recordings;
pub use releases::{ReleaseApproved, ReleaseDecided};
pub use speaking::Speak;
pub use wish::Wishes;

use commit::Commit;
use dialogue::Told;
use gather::{Asked, gather};
use talk::Talk;
use why::Why;

/// Settings of the section `[turn]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// After so many seconds an answer that is still not whole is ended.
    pub deadline_seconds: u64,
    /// An answer that takes longer than this after its first words is shown while it grows.
    pub preview_after_ms: u64,
    /// Largest file that is kept, in bytes; the platform may take less.
    pub max_file_bytes: u64,
    /// Who understands what is wanted.
    pub sort: Sort,
    /// A model that is asked about it has so long, in milliseconds.
    pub sort_ms: u64,
    /// Who finds what is worth keeping in mind of what people say of themselves.
    pub facts: memory::How,
    /// Whether thumbs stand under answers.
    pub thumbs: bool,
}

impl Settings {
    /// How long a model may think about what is wanted; `None` where none is asked.
    pub fn patience(&self) -> Option<Duration> {
        (self.sort == Sort::Unsure).then(|| Duration::from_millis(self.sort_ms))
    }
}

/// Who understands what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// The rules, and a model where they are unsure.
    Unsure,
    /// The rules alone.
    Rules,
}

/// Most messages that one turn answers together.
const MOST: usize = 50;
/// Somebody who never pauses is answered after this long all the same.
const LONGEST_QUIET: Duration = Duration::from_secs(5);

/// Answers what comes in.
pub struct Turn {
    /// What is remembered.
    pub store: Store,
    /// Windows of conversations.
    pub memory: Memory,
    /// What is known of artists.
    pub contexts: Contexts,
    /// Changes that.
    pub people: Profiles,
    /// What stands in documents.
    pub knowledge: Knowledge,
    /// Understands what is wanted.
    pub reader: Arc<intent::Reader>,
    /// What happens by itself.
    pub workflows: Workflows,
    /// Who wants which model.
    pub wishes: Wishes,
    /// What capabilities work with.
    pub hands: Hands,
    /// What statements say.
    pub books: Books,

    /// The models.
    pub door: Door,
    /// The models that hear and speak.
    pub voices: Voices,
    /// The prompts.
    pub prompts: Arc<Prompts>,
    /// What models may cost.
    pub limits: Limits,
    /// What takes tips.
    pub tips: Tips,
    /// What waits for a decision.
    pub approvals: Approvals,
    /// Looks after whoever may be in danger.
    pub care: Care,
    /// The way out.
    pub delivery: Delivery,
    /// How.
    pub settings: Settings,
    /// What is done with messages that come while a turn runs.
    pub queue: Queue,
    /// How long it must be quiet before gathered messages are answered.
    pub quiet: Duration,
    /// Whether those who work for an artist are asked once whether they want to be written to.
    pub asks_consent: bool,
    /// Who was looked at for that.
    pub looked: Looked,
    /// Where files are kept.
    pub files: PathBuf,
    /// The time.
    pub clock: Clock,
    /// The ids.
    pub ids: Ids,
}

/// What a turn needs to know about the things it answers.
pub(crate) struct Scene {
    turn: TurnId,
    /// The lane's version.
    turns: i64,
    /// What is answered, in order; never empty.
    items: Vec<Inbound>,
    /// The key of the answer, the same at every attempt.
    key: String,
    /// Whether an earlier attempt may have begun to answer.
    begun: bool,
    now: Time,
}

#[async_trait]
impl Worker for Turn {
    fn kind(&self) -> &'static str {
        "turn"
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        if work.kept && self.queue == Queue::Collect {
            self.wait_for_quiet(work).await;
        }
        let most = if self.queue == Queue::Each { 1 } else { MOST };
        let items = readable(work)?;
        let (taken, asked) = gather(&items, most);
        work.jobs.truncate(taken);
        let items: Vec<Inbound> = items.into_iter().take(taken).collect();
        // A restarted process has not seen it come in; what is lost on the way out lies behind it.
        for item in &items {
            if let Some(message) = item.newest() {
                self.delivery.saw(&item.address, message);
            }
        }
        let (Some(first), Some(job)) = (items.first(), work.jobs.first()) else {
            return Ok(Change::default());
        };
        let now = self.clock.now();
        let recalled = self
            .memory
            .recall(&first.address, &first.sender, (work.turns, now))
            .await?;
        let scene = Scene {
            turn: TurnId::new(&self.ids),
            turns: work.turns,
            key: format!("answer:{}", job.id),
            begun: !work.fresh || job.attempts > 0,
            items,
            now,
        };
        metrics::counter!("toney_turns_total", "asked" => asked.name()).increment(1);
        // Whoever is being asked something, or says hello, is asked nothing else.
        let is_here = recalled.dialogue().is_none()
            && match &asked {
                Asked::Talk(_) => true,
                Asked::Command { name, .. } => name != Command::Start.name(),
                _ => false,
            };
        let person = recalled.person;
        let mut change = Box::pin(self.answer(&scene, asked, recalled, work)).await?;
        if let Some(last) = scene.last().filter(|_| is_here) {
            self.ask_consent((last, person), &mut change).await?;
        }
        let waited = self.clock.now().since(job_time(&work.jobs)).as_secs_f64();
        metrics::histogram!("toney_turn_seconds").record(waited);
        Ok(change)
    }

    /// Nobody waits for an answer that will never come.
    async fn given_up(&self, work: &Work) -> Change {
        let items = read(&work.jobs).unwrap_or_default();
        let Some((item, job)) = items
            .iter()
            .zip(&work.jobs)
            .find(|(item, _)| item.is_awaited())
        else {
            return Change::default();
        };
        let (address, key) = (item.address.clone(), format!("given-up:{}", job.id));
        let letter = |key, content| {
            let address = address.clone();
            self.delivery.letter(address, key, Priority::Reply, content)
        };
        let held_key = models::held_key(&item.what);
        let features = self.delivery.features(&item.address);
        let deletes = features.is_some_and(|features| features.deletes);
        let message = item.message.clone().filter(|_| held_key && deletes);
        let delete = message.map(|message| {
            let refused = phrases::KEY_TO_DELETE.to_owned();
            letter(
                format!("{key}:delete"),
                Content::Delete { message, refused },
            )
        });
        let text = match held_key {
            true => phrases::KEY_GIVEN_UP,
            false => phrases::GIVEN_UP,
        };
        let content = Content::Message {
            text: text.to_owned(),
            buttons: Vec::new(),
            reply_to: item
                .message
                .clone()
                .filter(|_| item.setting == Setting::Group),
            interaction: item.interaction.clone(),
        };
        Change {
            outbound: delete.into_iter().chain([letter(key, content)]).collect(),
            ..Change::default()
        }
    }
}

impl Turn {
    async fn answer(
        &self,
        scene: &Scene,
        asked: Asked,
        recalled: Recalled,
        work: &mut Work,
    ) -> Result<Change, Failure> {
        let mut commit = Commit::new(self, scene, recalled);
        match asked {
            Asked::Talk(said) => Box::pin(Talk::answer(self, scene, said, (commit, work))).await,
            Asked::Command { name, args } => self.command(scene, commit, (&name, &args)).await,
            Asked::Press { data, card } => self.press(scene, commit, (&data, card)).await,
            Asked::Form { data, fields } => {
                let commit = self.heed_form(scene, commit, &fields).await?;
                self.form(scene, commit, (&data, &fields)).await
            }
            Asked::Media {
                media,
                file,
                caption,
            } => {
                // Whoever cries for help is not kept waiting for a file.
                let cry = self.heed_caption(scene, &mut commit, &caption).await?;
                if let Some((said, sign)) = cry {
                    return self.help(scene, commit, (&[said], &sign)).await;
                }
                attachment::Kept {
                    media,
                    file,
                    caption,
                    heard: String::new(),
                }
                .answer(self, scene, commit, work)
                .await
            }
            Asked::Membership(change) => Ok(commit.membership(change == Membership::Gone).await),
            Asked::Migrated(to) => Ok(commit.migrated(to).await),
            Asked::Payment(payment) => self.payment(scene, commit, (payment, false)).await,
            Asked::Refunded(payment) => self.payment(scene, commit, (payment, true)).await,
            Asked::Nothing => self.heed_edit(scene, commit).await,
        }
    }

    async fn command(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (name, args): (&str, &str),
    ) -> Result<Change, Failure> {
        let Some(command) = Command::find(name) else {
            commit.say(scene, phrases::unknown_command(name));
            return Ok(commit.done().await);
        };
        match self.heed_command(scene, commit, (command, args)).await? {
            Told::Answered(change) => Ok(*change),
            Told::Aside(commit) => {
                let asked = (command, args, String::new());
                self.carry_out(scene, *commit, asked).await
            }
        }
    }

    /// Does what a command is for, with what was understood to stand behind it and what was said where that was more.
    async fn carry_out(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (command, args, said): (Command, &str, String),
    ) -> Result<Change, Failure> {
        let alone = command.alone();
        if let Some(sentence) = alone.filter(|_| scene.setting() == Setting::Group) {
            commit.say(scene, sentence.to_owned());
            return Ok(commit.done().await);
        }
        if command == Command::Start {
            self.introduced(scene, &mut commit)?;
        }
        let answer = match command {
            Command::Approvals => return self.approvals(scene, commit, args).await,
            Command::Release => return self.release(scene, commit, args).await,
            Command::Releases => return self.releases(scene, commit).await,
            Command::Docs => return self.docs(scene, commit, args).await,
            Command::Earnings => return self.earnings(scene, commit, (args, &said)).await,
            Command::Model => return self.model(scene, commit, args).await,
            Command::Speak => return self.speak(scene, commit, args).await,
            Command::Forget => return self.forget(scene, commit, (args, &said)).await,
            Command::Workflows => return self.flows(scene, commit, (args, &said)).await,
            Command::Usage => return self.usage(scene, commit).await,
            Command::Tip | Command::Terms | Command::Paysupport => {
                return self.tip(scene, commit, (command, args)).await;
            }
            Command::Capabilities => return self.capabilities(scene, commit).await,
            Command::Plan
            | Command::Write
            | Command::Human
            | Command::Insights
            | Command::Feedback => {
                return self.capable(scene, commit, (command, args)).await;
            }
            Command::Nudges => return self.nudges(scene, commit, args).await,
            Command::Me => return self.me(scene, commit, args.trim()).await,
            Command::Goals => return self.goals(scene, commit, args.trim()).await,
            Command::Thanks => return self.thanks(scene, commit, args).await,
            Command::Settings => return self.preferences(scene, commit, args).await,
            Command::Invite => return self.invite(scene, commit, args).await,
            Command::Link => return self.link(scene, commit, args.trim()).await,
            Command::Unlink => return self.unlink(scene, commit).await,
            Command::Start if args.trim().is_empty() => {
                let text = command::welcome(None);
                return self.welcome(scene, commit, text).await;
            }
            Command::Start => {
                if let Some(said) = self.came_to_tip(scene, &commit, args).await? {
                    return Ok(self.tip_said(scene, commit, (said, None)).await);
                }
                let joined = self.store.join(commit.person(), args.trim()).await?;
                let joined = joined.as_ref();
                let text = command::welcome(Some(
                    joined.map(|(artist, standing)| (artist.name.as_str(), *standing)),
                ));
                return self.welcome(scene, commit, text).await;
            }
            Command::Help => command::help(),
            Command::New => {
                commit.begin_session();
                phrases::NEW_SESSION.to_owned()
            }
            Command::Stop if commit.dialogue().is_some() => {
                return self.stop_asking(scene, commit).await;
            }
            Command::Stop => phrases::NOTHING_TO_STOP.to_owned(),
            Command::Why => return self.explained(scene, commit).await,
            Command::Privacy => phrases::PRIVACY.to_owned(),
            Command::Safety => self.safety_page(scene, &commit).await?,
        };
        commit.say(scene, answer);
        Ok(commit.done().await)
    }

    /// How the last answer came about, or why something was said unasked since.
    async fn explained(&self, scene: &Scene, mut commit: Commit<'_>) -> Result<Change, Failure> {
        let (person, address) = (commit.person(), commit.address());
        let session = commit.recalled().session;
        let unasked = self.store.nudge_last_said(person, &address, session);
        if let Some(nudge) = unasked.await? {
            let press = (NudgePress::Why(nudge), None);
            return self.nudge_press(scene, commit, press).await;
        }
        let why = self.store.last_why(session).await?;
        let why: Option<Why> = why.and_then(|text| serde_json::from_str(&text).ok());
        let said = why.map_or_else(|| phrases::NO_ANSWER_YET.to_owned(), |why| why.say());
        let said = said + &self.on_record(scene, &commit).await?;
        commit.say(scene, said);
        Ok(commit.done().await)
    }

    /// Messages that came while the lane was busy are answered together once it is quiet.
    async fn wait_for_quiet(&self, work: &mut Work) {
        let first = self.clock.now();
        loop {
            let newest = work
                .jobs
                .iter()
                .map(|job| job.created_at)
                .max()
                .unwrap_or_default();
            let quiet = self.clock.now().since(newest);
            let left = self.quiet.saturating_sub(quiet);
            let patience = LONGEST_QUIET.saturating_sub(self.clock.now().since(first));
            if left.is_zero() || patience.is_zero() || work.jobs.len() >= MOST {
                break;
            }
            // Only talk is worth waiting for.
            if !read(&work.jobs).is_ok_and(|items| matches!(gather(&items, MOST).1, Asked::Talk(_)))
            {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(left.min(patience)) => {}
                more = work.arrived() => {
                    work.jobs.extend(more);
                    work.jobs.sort_by_key(|job| (job.ordering, job.id));
                }
            }
        }
    }
}

impl Scene {
    /// The last thing that was said, which is the one an answer hangs on.
    fn last(&self) -> Option<&Inbound> {
        self.items.last()
    }

    fn setting(&self) -> Setting {
        self.last().map_or(Setting::Group, |last| last.setting)
    }

    /// What the button says that ends the answer; the same at every attempt, so that a button that was
    /// shown before a crash still works after it.
    fn stop(&self) -> String {
        let id = self.key.split_once(':').map_or("", |(_, id)| id);
        format!("stop:{id}")
    }

    /// In a group an answer hangs on its question; between two people it simply follows.
    fn reply_to(&self) -> Option<Message> {
        let last = self.last()?;
        match last.setting {
            Setting::Group => last.message.clone(),
            Setting::Direct => None,
        }
    }

    /// The handle that lets the answer fill what the platform holds open for it.
    fn interaction(&self) -> Option<Interaction> {
        self.items
            .iter()
            .rev()
            .find_map(|item| item.interaction.clone())
    }
}

impl Asked {
    fn name(&self) -> &'static str {
        match self {
            Self::Talk(_) => "talk",
            Self::Command { .. } => "command",
            Self::Press { .. } => "press",
            Self::Form { .. } => "form",
            Self::Media { .. } => "media",
            Self::Membership(_) => "membership",
            Self::Migrated(_) => "migrated",
            Self::Payment(_) => "payment",
            Self::Refunded(_) => "refunded",
            Self::Nothing => "nothing",
        }
    }
}

fn read(jobs: &[Job]) -> Result<Vec<Inbound>, Failure> {
    jobs.iter().map(Job::read).collect()
}

/// The items up to the first that cannot be read. Is it the very first, it fails alone: what waits
/// behind it is no worse for that.
fn readable(work: &mut Work) -> Result<Vec<Inbound>, Failure> {
    let item = |job: &Job| job.read().ok();
    let items: Vec<Inbound> = work.jobs.iter().map_while(item).collect();
    if items.is_empty() {
        work.jobs.truncate(1);
        return read(&work.jobs);
    }
    Ok(items)
}

fn job_time(jobs: &[Job]) -> Time {
    jobs.iter()
        .map(|job| job.created_at)
        .min()
        .unwrap_or_default()
}
