//! Whoever may be in danger comes first: what was said is looked at before anything else sees it. In danger the answer
//! is fixed text with lines to call and nothing else, humans are told, and nobody is nudged for a while. No model is
//! asked for any of it, and none can lower what the rules saw.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::OnceCell;

use crate::capability::{Pages, Seen};
use crate::model::{
    Content, Failure, Inbound, Message, PagePress, PersonId, Setting, Time, What, phrases, terms,
};
use crate::safety::{Asked, Help, Level, Safety, Sign, Topic, WINDOW, conceal, country};
use crate::store::{Change, Write};

use super::commit::Commit;
use super::dialogue::Told;
use super::gather::Said;
use super::step::Answer;
use super::{Command, Scene, Turn, why};

/// What was seen so long ago has faded.
const FADED: Duration = Duration::from_hours(7 * 24);
/// The gentle sentence is not said again within this time: said each time it would be no longer gentle.
const GENTLE: Duration = Duration::from_hours(1);
/// People whose last notice is kept at hand.
const AT_HAND: u64 = 20_000;

/// Looks after whoever may be in danger; cheap to clone.
#[derive(Clone)]
pub struct Care {
    /// The rules take a moment to be read, so that it is done beside the start.
    safety: Arc<OnceCell<Safety>>,
    pub(super) pages: Pages,
    /// When people were told last that Toney is an AI, and since when they have been talking.
    pub(super) told: moka::sync::Cache<PersonId, (Time, Time)>,
}

/// What is known of whoever is helped.
pub(super) struct Whose {
    pub(super) language: Option<String>,
    pub(super) country: Option<String>,
}

/// What comes of what was seen.
pub(super) struct Heeded {
    pub(super) sign: Sign,
    /// What stands before the usual answer; may be empty.
    pub(super) gentle: String,
}

/// What stands before an answer besides.
#[derive(Default)]
pub(super) struct Foreword {
    /// Who answers, and a gentle word; may be empty.
    pub(super) text: String,
    /// Whether the rules saw somebody who is low, and no more.
    pub(super) is_low: bool,
}

impl Care {
    /// Nothing is read yet.
    pub fn new(pages: Pages) -> Self {
        Self {
            safety: Arc::default(),
            pages,
            told: moka::sync::Cache::new(AT_HAND),
        }
    }

    /// How humans are told.
    pub fn pages(&self) -> &Pages {
        &self.pages
    }

    /// Reads the rules, if nobody has.
    ///
    /// # Errors
    /// When one cannot be read, which a test rules out.
    pub async fn safety(&self) -> Result<&Safety> {
        let read = async || {
            let reading = tokio::task::spawn_blocking(Safety::new);
            reading.await.context("Reading the safety rules")?
        };
        self.safety.get_or_try_init(read).await
    }

    pub(super) fn help(&self) -> &Help {
        &self.pages.help
    }

    /// Whether a text that is only data gives orders to a model. The rules are there once the first message was looked at.
    pub(super) fn gives_orders(&self, text: &str) -> bool {
        let safety = self.safety.get();
        safety.is_some_and(|safety| safety.orders(text))
    }

    /// What is said where words may be a cry for help and nobody is there who could ask back.
    pub(super) fn doubtful(&self, in_group: bool) -> String {
        let asked = Asked {
            level: Level::High,
            ..Asked::default()
        };
        let text = match in_group {
            true => self.help().brief(&asked),
            false => self.help().text(&asked),
        };
        text.unwrap_or_default()
    }

    /// Whether somebody cries for help, as far as that message alone says it.
    pub(super) fn cries(&self, item: &Inbound) -> bool {
        let What::Text { text } = &item.what else {
            return false;
        };
        let safety = self.safety.get();
        safety.is_some_and(|safety| safety.look(text, item.at, &[]).level.is_crisis())
    }
}

impl Turn {
    /// Looks at what was said, with what was seen before, and notes it. `part` tells several looks of one turn apart.
    pub(super) async fn heed(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        (texts, part): (&[&str], &str),
    ) -> Result<Heeded, Failure> {
        let safety = self.care.safety().await?;
        let person = commit.person();
        let mut before = Vec::new();
        let (mut signs, mut worst) = look(safety, scene.now, (texts, &before));
        let adds_up = signs.iter().any(|sign| !sign.cues.is_empty());
        if (adds_up || worst.level == Level::Concern) && !worst.level.is_crisis() {
            before = self.signs(person, scene.now).await?;
            (signs, worst) = look(safety, scene.now, (texts, &before));
        }
        // What was passed on is somebody else's.
        if scene.items.iter().all(|item| item.forwarded) {
            worst.other = true;
            signs.iter_mut().for_each(|sign| sign.other = true);
        }
        let writes = noted(person, &signs, &format!("{}:{part}", scene.key))?;
        commit.besides(Change {
            writes,
            ..Change::default()
        });
        if worst.level > Level::None {
            count(&worst);
        }
        let mut gentle = String::new();
        let is_said = before
            .iter()
            .any(|sign| sign.level > Level::None && scene.now.since(sign.at) < GENTLE);
        if worst.level == Level::Concern && !is_said {
            let whose = self.helped_where(scene, commit, (&worst, texts)).await?;
            let text = self.care.help().text(&Asked {
                level: Level::Concern,
                language: whose.language.as_deref(),
                ..Asked::default()
            });
            gentle = text.unwrap_or_default();
        }
        Ok(Heeded {
            sign: worst,
            gentle,
        })
    }

    /// Looks at what is said in a talk: what stands before the answer, or the sign of somebody in danger.
    pub(super) async fn heed_talk(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        (said, part): (&[Said], &str),
    ) -> Result<Result<Foreword, Sign>, Failure> {
        let texts: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
        let Heeded { sign, gentle } = self.heed(scene, commit, (&texts, part)).await?;
        if sign.level.is_crisis() {
            return Ok(Err(sign));
        }
        let notice = match part {
            "" => self.notice(scene, commit, &texts).await?,
            _ => String::new(),
        };
        let parts = [notice, gentle];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Ok(Ok(Foreword {
            text: parts.join("\n\n"),
            is_low: sign.level == Level::Concern,
        }))
    }

    async fn signs(&self, person: PersonId, now: Time) -> Result<Vec<Sign>, Failure> {
        let since = Time::from_ms(now.ms().saturating_sub(FADED.as_millis() as i64));
        let rows = self.store.signs(person, since, WINDOW).await?;
        let signs = rows.iter().map(|row| serde_json::from_str(row));
        let signs: Result<_, _> = signs.collect();
        signs
            .with_context(|| format!("Reading what was seen of {person}"))
            .map_err(Failure::GiveUp)
    }

    /// What is known of the language and the country of whoever is helped: what they wrote in comes before what they
    /// chose, and their own clock before the language of their menus.
    pub(super) async fn helped_where(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
        (sign, texts): (&Sign, &[&str]),
    ) -> Result<Whose, Failure> {
        let manners = self.store.manners(commit.person()).await?;
        let menus = scene.last().and_then(|last| last.sender.language.clone());
        let menus = menus.unwrap_or_else(|| manners.language.clone());
        let help = self.care.help();
        let written = || terms::language(&texts.join("\n")).map(|one| one.code().to_owned());
        let speaks = |code: &String| help.speaks(code);
        let language = sign
            .language
            .clone()
            .filter(speaks)
            .or_else(|| written().filter(speaks))
            .or_else(|| chosen(&manners.speaks).map(str::to_owned))
            .or_else(|| Some(menus.clone()).filter(|code| !code.is_empty()));
        let zone = country::of_zone(&manners.zone).map(str::to_owned);
        Ok(Whose {
            language,
            country: zone.or_else(|| country::of_locale(&menus)),
        })
    }

    /// What is said to somebody in danger, and everything that becomes true with it.
    async fn helped(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
        (sign, texts): (&Sign, &[&str]),
    ) -> Result<(String, Change), Failure> {
        let person = commit.person();
        let whose = self.helped_where(scene, commit, (sign, texts)).await?;
        let pages = &self.care.pages;
        let asked = Asked {
            level: sign.level,
            topic: sign.topic,
            other: sign.other,
            language: whose.language.as_deref(),
            country: whose.country.as_deref(),
            told: pages.is_taken(person, scene.now).await?,
        };
        let text = match scene.setting() {
            Setting::Group => self.care.help().brief(&asked),
            Setting::Direct => self.care.help().text(&asked),
        };
        let seen = Seen {
            level: sign.level,
            topic: sign.topic,
            other: sign.other,
            address: commit.address(),
            setting: scene.setting(),
            excerpt: excerpt(texts, pages.settings.excerpt_letters),
            language: whose.language.unwrap_or_default(),
            at: scene.now,
        };
        let job = pages.seen(person, seen, &scene.key);
        let until = scene.now.plus(pages.settings.care());
        let (_, since) = self.store.told_of_ai(person).await?;
        self.care.told.invalidate(&person);
        metrics::counter!("toney_safety_referrals_total", "level" => sign.level.name())
            .increment(1);
        let change = Change {
            jobs: vec![job.map_err(Failure::GiveUp)?],
            writes: vec![
                Write::begin_care(person, until).map_err(Failure::GiveUp)?,
                // The text says who writes.
                Write::told_of_ai(person, scene.now, since).map_err(Failure::GiveUp)?,
            ],
            ..Change::default()
        };
        Ok((text.unwrap_or_default(), change))
    }

    /// Answers somebody in danger, and does nothing else.
    pub(super) async fn help(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (said, sign): (&[Said], &Sign),
    ) -> Result<Change, Failure> {
        let texts: Vec<&str> = said.iter().map(|said| said.text.as_str()).collect();
        let (text, change) = self.helped(scene, &commit, (sign, &texts)).await?;
        commit.begin_with(String::new());
        // What is said where others read along must not come up there again.
        if scene.setting() == Setting::Direct {
            commit.remember_said(scene, said, false);
        }
        let over = Answer::default().fixed(&text);
        let why = why::Knowledge {
            understood: phrases::UNDERSTOOD_DANGER.to_owned(),
            ..why::Knowledge::default()
        };
        commit.remember_answer(scene, &over, (0, why));
        commit.say(scene, text);
        commit.besides(change);
        Ok(commit.done().await)
    }

    /// Looks at what stands behind a command. What gives a way out is done all the same, behind the fixed text.
    pub(super) async fn heed_command<'a>(
        &self,
        scene: &Scene,
        mut commit: Commit<'a>,
        (command, args): (Command, &str),
    ) -> Result<Told<'a>, Failure> {
        if args.trim().is_empty() {
            return Ok(Told::Aside(Box::new(commit)));
        }
        let Heeded { sign, gentle } = self.heed(scene, &mut commit, (&[args], "")).await?;
        if !sign.level.is_crisis() {
            commit.begin_with(gentle);
        } else if command.works_in_need() {
            let (text, change) = self.helped(scene, &commit, (&sign, &[args])).await?;
            commit.besides(change);
            commit.begin_with(text);
        } else {
            let said = [self.as_said(scene, args)];
            let change = self.help(scene, commit, (&said, &sign)).await?;
            return Ok(Told::Answered(Box::new(change)));
        }
        Ok(Told::Aside(Box::new(commit)))
    }

    fn as_said(&self, scene: &Scene, text: &str) -> Said {
        let last = scene.last();
        let sender = last.map(|last| last.sender.clone());
        let (by, user) = sender.map_or_else(
            || (String::new(), crate::model::User::new("")),
            |sender| (sender.name, sender.user),
        );
        Said {
            text: text.to_owned(),
            besides: String::new(),
            images: Vec::new(),
            heard: String::new(),
            message: last.and_then(|last| last.message.clone()),
            by,
            user,
        }
    }

    /// Looks at what was written into a form, which is taken in all the same.
    pub(super) async fn heed_form<'a>(
        &self,
        scene: &Scene,
        mut commit: Commit<'a>,
        fields: &BTreeMap<String, String>,
    ) -> Result<Commit<'a>, Failure> {
        let texts: Vec<&str> = fields.values().map(String::as_str).collect();
        let Heeded { sign, .. } = self.heed(scene, &mut commit, (&texts, "")).await?;
        if sign.level.is_crisis() {
            let (text, change) = self.helped(scene, &commit, (&sign, &texts)).await?;
            let content = Content::Message {
                text,
                buttons: Vec::new(),
                reply_to: scene.reply_to(),
                interaction: None,
            };
            commit.send(scene, "help", content);
            commit.besides(change);
        }
        Ok(commit)
    }

    /// What was written with a file, where it shows somebody in danger. Whatever else it shows is seen when it is answered.
    pub(super) async fn heed_caption(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        caption: &str,
    ) -> Result<Option<(Said, Sign)>, Failure> {
        if caption.trim().is_empty() {
            return Ok(None);
        }
        let safety = self.care.safety().await?;
        let (_, alone) = look(safety, scene.now, (&[caption], &[]));
        if !alone.level.is_crisis() {
            return Ok(None);
        }
        let Heeded { sign, .. } = self.heed(scene, commit, (&[caption], "")).await?;
        Ok(Some((self.as_said(scene, caption), sign)))
    }

    /// Looks at new words of a message that was answered already. They change nothing unless somebody is in danger.
    pub(super) async fn heed_edit(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
    ) -> Result<Change, Failure> {
        let texts = scene.items.iter().filter_map(|item| match &item.what {
            What::Edited { text } => Some(text.as_str()),
            _ => None,
        });
        let texts: Vec<&str> = texts.collect();
        if texts.is_empty() {
            return Ok(commit.nothing().await);
        }
        let Heeded { sign, .. } = self.heed(scene, &mut commit, (&texts, "")).await?;
        if !sign.level.is_crisis() {
            return Ok(commit.nothing().await);
        }
        let said = [self.as_said(scene, &texts.join("\n"))];
        self.help(scene, commit, (&said, &sign)).await
    }

    /// `/safety`: what is done when somebody is in danger, and whom to call.
    pub(super) async fn safety_page(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
    ) -> Result<String, Failure> {
        let whose = self
            .helped_where(scene, commit, (&Sign::default(), &[]))
            .await?;
        let help = self.care.help();
        // Where others read along nobody learns where somebody lives.
        let country = whose.country.filter(|_| scene.setting() == Setting::Direct);
        let mut parts = vec![phrases::SAFETY.to_owned()];
        let number = country.as_deref().and_then(|one| help.emergency(one));
        parts.extend(number.map(phrases::emergency_is));
        parts.extend(help.directory(Some("en"), country.as_deref()));
        let (source, checked) = help.origin();
        parts.push(phrases::lines_from(source, checked));
        Ok(parts.join("\n\n"))
    }

    /// A human takes care of somebody.
    pub(super) async fn page_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (PagePress(id), card): (PagePress, Option<Message>),
    ) -> Result<Change, Failure> {
        let name = scene.last().map_or("", |last| last.sender.name.as_str());
        let who = (commit.person(), name, commit.address());
        let pages = &self.care.pages;
        match pages.take(id, who, &scene.key).await? {
            Some(job) => commit.job(job),
            None => {
                let gone = phrases::BUTTON_OUTDATED;
                return Ok(self.outdated(scene, commit, gone, card).await);
            }
        }
        Ok(commit.done().await)
    }
}

/// Takes out of what a model wrote what nobody has to read: keys, and numbers and addresses that stand nowhere in what it
/// was told.
pub(super) fn concealed(said: &mut String, told: &[&str]) {
    let found = conceal(said, |core| told.iter().any(|text| text.contains(core)));
    if !found.found.is_empty() {
        metrics::counter!("toney_safety_concealed_total").increment(1);
        *said = found.text;
    }
}

/// What each text shows, and the gravest of it. What only reads as one text counts, too.
fn look(safety: &Safety, now: Time, (texts, before): (&[&str], &[Sign])) -> (Vec<Sign>, Sign) {
    let mut all = before.to_vec();
    for text in texts {
        let sign = safety.look(text, now, &all);
        all.push(sign);
    }
    let signs = all.split_off(before.len());
    let mut worst = Sign::default();
    for sign in &signs {
        if sign.level > worst.level {
            worst = sign.clone();
        }
    }
    if texts.len() > 1 {
        let whole = safety.look(&texts.join("\n"), now, before);
        if whole.level > worst.level {
            worst = whole;
        }
    }
    (signs, worst)
}

/// What is kept of it: nothing where nothing was seen.
fn noted(person: PersonId, signs: &[Sign], key: &str) -> Result<Vec<Write>, Failure> {
    let mut writes = Vec::new();
    for (number, sign) in signs.iter().enumerate() {
        if sign.level == Level::None && sign.cues.is_empty() {
            continue;
        }
        let text = serde_json::to_string(sign).context("Writing what was seen");
        let text = text.map_err(Failure::GiveUp)?;
        let key = format!("{key}{number}");
        let write = Write::sign((person, &key), &text, sign.at);
        writes.push(write.map_err(Failure::GiveUp)?);
    }
    if let (false, Some(sign)) = (writes.is_empty(), signs.first()) {
        let before = sign.at.ms().saturating_sub(FADED.as_millis() as i64);
        let fade = Write::fade_signs(person, Time::from_ms(before));
        writes.push(fade.map_err(Failure::GiveUp)?);
    }
    Ok(writes)
}

fn count(sign: &Sign) {
    metrics::counter!(
        "toney_safety_signs_total",
        "level" => sign.level.name(),
        "topic" => sign.topic.name(),
        "language" => sign.language.clone().unwrap_or_else(|| "unknown".to_owned())
    )
    .increment(1);
}

/// What a reader of words says who sees a cry for help where no rule did.
pub(super) fn raised(now: Time) -> Sign {
    let sign = Sign {
        at: now,
        level: Level::High,
        alone: Level::High,
        topic: Topic::MentalHealthCrisis,
        ..Sign::default()
    };
    count(&sign);
    sign
}

/// As few words as are needed to judge it, without what is nobody else's.
fn excerpt(texts: &[&str], letters: usize) -> String {
    let words = texts.join("\n");
    let concealed = conceal(&words, |_| false).text;
    let mut short: String = concealed.trim().chars().take(letters).collect();
    if concealed.trim().chars().count() > letters && letters > 0 {
        short.push('…');
    }
    short
}

/// The code of a language that somebody chose by its name.
fn chosen(speaks: &str) -> Option<&'static str> {
    Some(match speaks.trim().to_lowercase().as_str() {
        "english" | "en" => "en",
        "spanish" | "español" | "espanol" | "castellano" | "es" => "es",
        "portuguese" | "português" | "portugues" | "pt" => "pt",
        "french" | "français" | "francais" | "fr" => "fr",
        "german" | "deutsch" | "de" => "de",
        "italian" | "italiano" | "it" => "it",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_holds_nothing_that_is_nobodys() {
        assert_eq!(excerpt(&["one", "two"], 160), "one\ntwo");
        assert_eq!(excerpt(&["a long line"], 6), "a long…");
        assert_eq!(excerpt(&["a long line"], 0), "");
        let held = excerpt(&["write to ann@example.org"], 160);
        assert!(!held.contains("ann@"), "{held}");
    }

    #[test]
    fn what_counts_is_the_gravest_and_nothing_is_kept_of_plain_words() {
        let safety = Safety::new().unwrap();
        let now = Time::from_ms(1_700_000_000_000);
        let texts = ["hi there", "I want to kill myself tonight", "thanks"];
        let (signs, worst) = look(&safety, now, (&texts, &[]));
        assert_eq!(signs.len(), 3);
        assert!(worst.level.is_crisis(), "{worst:?}");
        let person = "per_0000000000000000000000001".parse().unwrap();
        // One sign, and what faded is swept.
        assert_eq!(noted(person, &signs, "k:").unwrap().len(), 2);
        assert_eq!(noted(person, &signs[..1], "k:").unwrap().len(), 0);
    }

    #[test]
    fn a_model_may_repeat_what_it_was_told_and_no_more() {
        let mut said = "Write to ann@example.org or bob@example.org.".to_owned();
        concealed(&mut said, &["my address is ann@example.org"]);
        assert!(said.contains("ann@example.org"), "{said}");
        assert!(!said.contains("bob@"), "{said}");
    }
}
