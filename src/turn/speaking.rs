//! Answers said aloud: on request, and where somebody who speaks wants to be spoken to.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::delivery::Delivery;
use crate::delivery::render::visible;
use crate::jobs::{Work, Worker};
use crate::llm::{self, Payer, Reason, Voiced, Voices};
use crate::model::{
    Address, ArtistId, Clock, Content, Failure, Ids, JobId, Message, ModelCallId, PersonId,
    Priority, Setting, Time, TurnId, phrases,
};
use crate::store::{Change, ModelCall, NewJob, NewOutbound, Role, ingest_lane};

use super::commit::Commit;
use super::gather::Said;
use super::{Scene, Turn};

/// The name of the job.
const KIND: &str = "speak";
/// Letters of the answer that stand with its recording; a lost one is found again by them.
const CAPTION: usize = 60;

/// An answer to be said aloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Order {
    /// The answer, in Markdown.
    text: String,
    address: Address,
    /// Who pays for it.
    person: PersonId,
    /// Their artist, where that is known.
    artist: Option<ArtistId>,
    reply_to: Option<Message>,
}

impl Turn {
    /// `/speak`: says the last answer aloud, or decides whether voice notes are answered so.
    pub(super) async fn speak(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        args: &str,
    ) -> Result<Change, Failure> {
        let wanted = args.trim().to_lowercase();
        let is_off = wanted == "off";
        let sentence = match wanted.as_str() {
            _ if self.voices.speaking().is_empty() && !is_off => phrases::NO_VOICE,
            "on" | "off" => {
                self.store.speaks_back(commit.person(), !is_off).await?;
                match is_off {
                    true => phrases::SPEAKS_NO_MORE,
                    false => phrases::SPEAKS_BACK,
                }
            }
            "" => match last_answer(&commit) {
                Some(answer) => {
                    self.order(scene, &mut commit, answer).await?;
                    phrases::SPEAKING
                }
                None => phrases::NOTHING_TO_SAY,
            },
            _ => phrases::SPEAK_HOW,
        };
        commit.say(scene, sentence.to_owned());
        Ok(commit.done().await)
    }

    /// Orders that an answer to a voice note is said aloud, where its person wants that and nobody else hears it.
    pub(super) async fn speak_back(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        (said, answer): (&[Said], &str),
    ) -> Result<(), Failure> {
        let is_spoken = said.iter().any(|said| !said.heard.is_empty());
        let is_meant = is_spoken && scene.setting() == Setting::Direct && !answer.is_empty();
        if is_meant
            && !self.voices.speaking().is_empty()
            && self.store.is_spoken_to(commit.person()).await?
        {
            self.order(scene, commit, answer.to_owned()).await?;
        }
        Ok(())
    }

    async fn order(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        text: String,
    ) -> Result<(), Failure> {
        let Some(last) = scene.last() else {
            return Ok(());
        };
        let order = Order {
            text,
            address: last.address.clone(),
            person: commit.person(),
            artist: commit.payer(scene.setting()).await?.artist,
            reply_to: scene.reply_to(),
        };
        let now = self.clock.now();
        commit.job(NewJob {
            id: JobId::new(&self.ids),
            kind: KIND.to_owned(),
            lane: ingest_lane(&order.address),
            key: format!("{KIND}:{}", scene.key),
            ordering: now.ms(),
            payload: serde_json::to_string(&order).context("Writing an order to speak")?,
            run_at: now,
            at: now,
        });
        Ok(())
    }
}

fn last_answer(commit: &Commit<'_>) -> Option<String> {
    let lines = commit.recalled().visible().iter().rev();
    let mut answers = lines.filter(|line| line.role == Role::Toney && line.text != phrases::STRUCK);
    answers.next().map(|line| line.text.clone())
}

/// Says answers aloud, one job each.
pub struct Speak {
    /// Who says them.
    pub voices: Voices,
    /// The way out.
    pub delivery: Delivery,
    /// Where recordings are kept until they are sent.
    pub folder: PathBuf,
    /// The time.
    pub clock: Clock,
    /// The ids.
    pub ids: Ids,
}

#[async_trait]
impl Worker for Speak {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((job, order)) = work.only::<Order>()? else {
            return Ok(Change::default());
        };
        let (text, is_whole) = at_once(&aloud(&order.text));
        let payer = Payer {
            person: Some(order.person),
            artist: order.artist,
        };
        let Voiced { calls, made } = self.voices.say(&text, &payer).await;
        let reply_to = order.reply_to.clone();
        let content = match made {
            Ok(recording) => {
                let name = format!("{}.ogg", job.id);
                let file = self.folder.join(name);
                keep(&file, &recording).await?;
                Content::Voice {
                    // Whoever sends it may stand in another folder.
                    file: std::path::absolute(file).context("Finding a recording")?,
                    caption: phrases::spoken(&beginning(&text), is_whole),
                    reply_to,
                    instead: phrases::VOICE_NOT_SENT.to_owned(),
                }
            }
            Err(reason) => in_words(sentence(reason), reply_to),
        };
        let letter = self.letter(job.id, order.address, content);
        let now = self.clock.now();
        let how = (("speak", payer), (&self.ids, None, now));
        let rows = calls.iter().map(|call| voiced(call, how.0, how.1));
        Ok(Change {
            calls: rows.collect(),
            outbound: vec![letter],
            ..Change::default()
        })
    }

    /// Nobody waits for a voice that will never come.
    async fn given_up(&self, work: &Work) -> Change {
        let job = work.jobs.first();
        let order = job.and_then(|job| serde_json::from_str::<Order>(&job.payload).ok());
        let letters = job.zip(order).map(|(job, order)| {
            let content = in_words(phrases::NOT_SPOKEN, order.reply_to);
            self.letter(job.id, order.address, content)
        });
        Change {
            outbound: letters.into_iter().collect(),
            ..Change::default()
        }
    }
}

fn in_words(sentence: &str, reply_to: Option<Message>) -> Content {
    Content::Message {
        text: sentence.to_owned(),
        buttons: Vec::new(),
        reply_to,
        interaction: None,
    }
}

impl Speak {
    fn letter(&self, job: JobId, address: Address, content: Content) -> NewOutbound {
        let key = format!("{KIND}:{job}");
        self.delivery.letter(address, key, Priority::Reply, content)
    }
}

fn sentence(reason: Reason) -> &'static str {
    match reason {
        Reason::OverBudget(_) => phrases::NOT_SPOKEN_PAID,
        Reason::NotConfigured | Reason::Offline => phrases::NO_VOICE,
        Reason::Refused | Reason::AllFailed => phrases::NOT_SPOKEN,
    }
}

async fn keep(file: &Path, recording: &[u8]) -> Result<()> {
    if let Some(folder) = file.parent() {
        tokio::fs::create_dir_all(folder)
            .await
            .context("Making the folder of recordings")?;
    }
    tokio::fs::write(file, recording)
        .await
        .context("Writing a recording")
}

/// An answer as it is said: without markup, and without the numbers of its sources.
fn aloud(markdown: &str) -> String {
    let text = visible(markdown);
    let mut said = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('[') {
        let number = after.split_once(']').filter(|(inside, _)| {
            !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit())
        });
        match number {
            Some((_, behind)) => {
                said.push_str(before.trim_end_matches(' '));
                rest = behind;
            }
            None => {
                said.push_str(before);
                said.push('[');
                rest = after;
            }
        }
    }
    said.push_str(rest);
    said.trim().to_owned()
}

/// As much of it as is said at once, up to the end of a sentence, and whether that is all.
fn at_once(text: &str) -> (String, bool) {
    let begun: String = text.chars().take(Voices::LONGEST).collect();
    if begun.len() == text.len() {
        return (begun, true);
    }
    let (mut sentence, mut word, mut before) = (0, 0, ' ');
    for (place, letter) in begun.char_indices() {
        if letter == '\n' || (letter.is_whitespace() && ".!?…。".contains(before)) {
            sentence = place;
        }
        if letter.is_whitespace() {
            word = place;
        }
        before = letter;
    }
    // Half of it is better than one short sentence.
    let ends = [sentence, word].into_iter();
    let end = ends.clone().find(|end| end * 2 > begun.len());
    let said = begun.get(..end.unwrap_or(begun.len())).unwrap_or(&begun);
    (said.trim_end().to_owned(), false)
}

/// How it begins, cut between words and without anything that Markdown could mean.
fn beginning(text: &str) -> String {
    let mut begun = String::new();
    for word in text.split_whitespace() {
        let plain: String = word
            .chars()
            .filter(|letter| letter.is_alphanumeric() || "'’-.,?!".contains(*letter))
            .collect();
        if !begun.is_empty() && begun.chars().count() + plain.chars().count() > CAPTION {
            begun.push('…');
            break;
        }
        if !begun.is_empty() && !plain.is_empty() {
            begun.push(' ');
        }
        begun.extend(plain.chars().take(CAPTION));
    }
    begun
}

/// The row of a call that listened or spoke.
pub(super) fn voiced(
    call: &llm::Call,
    (task, payer): (&str, Payer),
    (ids, turn, at): (&Ids, Option<TurnId>, Time),
) -> ModelCall {
    let (result, cost) = match &call.result {
        Ok(cost) => ("answered".to_owned(), *cost),
        Err(error) => (error.to_string(), llm::Cost::ZERO),
    };
    let took = i64::try_from(call.took.as_millis()).unwrap_or(i64::MAX);
    ModelCall {
        id: ModelCallId::new(ids),
        turn,
        person: payer.person,
        artist: payer.artist,
        own: 0,
        task: task.to_owned(),
        provider: call.model.split('/').next().unwrap_or_default().to_owned(),
        model: call.model.clone(),
        result,
        tokens_in: 0,
        tokens_out: 0,
        cache_read: 0,
        cost_nano_usd: cost.nanos(),
        first_token_ms: took,
        total_ms: took,
        at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_aloud_is_what_is_read() {
        assert_eq!(
            aloud("**You** get 60 % [1], says the [deal](https://x.example). [12]"),
            "You get 60 %, says the deal."
        );
        assert_eq!(aloud("A [note] stays."), "A [note] stays.");
        assert_eq!(aloud("Half [1"), "Half [1");
    }

    #[test]
    fn what_is_too_long_ends_with_a_sentence() {
        assert_eq!(at_once("All of it."), ("All of it.".to_owned(), true));
        let whole = "x".repeat(Voices::LONGEST);
        assert_eq!(at_once(&whole), (whole.clone(), true));
        let (said, is_whole) = at_once(&"One more sentence, please. ".repeat(400));
        assert!(said.ends_with("please.") && !is_whole);
        assert!(said.chars().count() > Voices::LONGEST - 30);
        let (said, _) = at_once(&format!("Short. {}", "words ".repeat(2_000)));
        assert!(said.ends_with(" words"), "{said}");
        let (said, is_whole) = at_once(&"é".repeat(9_000));
        assert_eq!((said.chars().count(), is_whole), (Voices::LONGEST, false));
    }

    #[test]
    fn a_recording_is_named_by_how_it_begins() {
        assert_eq!(beginning("A *small* one."), "A small one.");
        let long = beginning(&"many words ".repeat(20));
        assert!(long.ends_with('…') && long.chars().count() <= CAPTION + 1);
        assert_eq!(beginning(&"x".repeat(400)).chars().count(), CAPTION);
        assert_eq!(beginning("🎵"), "");
    }
}
