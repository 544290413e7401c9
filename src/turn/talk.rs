//! The driver of a talk: asks a model, shows the answer while it grows, and listens for what comes
//! meanwhile.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::Instant;

use crate::delivery::render::render;
use crate::intake::Queue;
use crate::jobs::Work;
use crate::llm::{self, Attempt, Heard, Outcome, Place, Request, Task, Unavailable, Wish};
use crate::model::{Button, Content, Failure, Inbound, OutboundId, PersonId, Setting, phrases};
use crate::safety::Sign;
use crate::store::{Change, Job, Role};

use super::acting::send_all;
use super::care::{Foreword, raised};
use super::cite::Checked;
use super::commit::Commit;
use super::dialogue::Told;
use super::gather::{Meanwhile, Said, meanwhile, reword, unreadable};
use super::ground::{Footer, Ground, Plan};
use super::hearing::quoted;
use super::intent::Intent;
use super::reply::Wrong;
use super::show::{Pace, Show, Template};
use super::step::{Answer, Came, Effect, How, Over};
use super::thumbs::Answered;
use super::tools::Tools;
use super::{Command, Scene, Turn};

/// An answer that takes longer than this shows that it is being made, and goes on showing it.
pub(super) const TYPING_AFTER: Duration = Duration::from_millis(900);
/// "Is typing" is shown for about five seconds.
pub(super) const TYPING_EVERY: Duration = Duration::from_millis(4_500);

/// A talk that is being answered.
pub(super) struct Talk<'a> {
    pub(super) turn: &'a Turn,
    pub(super) scene: &'a Scene,
    pub(super) said: Vec<Said>,
    pub(super) in_group: bool,
    /// What the answer stands on.
    pub(super) ground: Ground,
    /// What stands before the answer besides: who answers, and a gentle word where somebody is low.
    foreword: Foreword,
    /// The model that whoever talks wants.
    wish: Option<Wish>,
    /// What the model may call, and what came of it.
    pub(super) tools: Tools,
    /// Why the last answer was not sent, if it was not.
    pub(super) fault: Option<Wrong>,
    /// The last answer, held against the passages.
    pub(super) checked: Option<Checked>,
}

impl<'a> Talk<'a> {
    /// Understands and answers what was said.
    pub(super) async fn answer(
        turn: &'a Turn,
        scene: &'a Scene,
        said: Vec<Said>,
        (mut commit, work): (Commit<'_>, &mut Work),
    ) -> Result<Change, Failure> {
        let foreword = match Box::pin(turn.heed_talk(scene, &mut commit, (&said, ""))).await? {
            Ok(foreword) => foreword,
            Err(sign) => return Box::pin(turn.help(scene, commit, (&said, &sign))).await,
        };
        commit.begin_with(foreword.text.clone());
        let commit = match turn.in_dialogue(scene, commit, &said).await? {
            Told::Answered(change) => return Ok(*change),
            Told::Aside(commit) => *commit,
        };
        let mut commit = match turn.ordered(scene, commit, &said).await? {
            Told::Answered(change) => return Ok(*change),
            Told::Aside(commit) => *commit,
        };
        let mut talk = Self {
            turn,
            scene,
            said,
            in_group: scene.setting() == Setting::Group,
            ground: Ground::bare(Intent::default(), String::new()),
            foreword,
            wish: turn.granted(commit.person()).await,
            tools: Tools::default(),
            fault: None,
            checked: None,
        };
        let mut show = talk.show().await?;
        let over = loop {
            // What was said may have been edited into something else meanwhile.
            let all: String = talk.said.iter().map(|said| said.text.as_str()).collect();
            let is_shown = talk.images().next().is_some();
            if let Some(sentence) = unreadable(&all).filter(|_| !is_shown) {
                commit.replaces(finished(&mut show).await);
                commit.say(scene, sentence);
                return Ok(commit.done().await);
            }
            talk.ground = talk.understand(&commit).await?;
            if let Some(how) = &talk.ground.sorted {
                commit.sorted(scene, how);
            }
            if talk.is_crisis() {
                commit.replaces(finished(&mut show).await);
                return turn
                    .help(scene, commit, (&talk.said, &raised(scene.now)))
                    .await;
            }
            talk.lay_out(&commit).await?;
            if turn.answers_flow(scene, &commit, &talk.words()).await? {
                commit.replaces(finished(&mut show).await);
                commit.begin_with(talk.prefix(&commit));
                let asked = (Command::Workflows, "create", talk.words());
                return turn.carry_out(scene, commit, asked).await;
            }
            if let Plan::Command(command, args) = talk.ground.plan()
                && turn
                    .is_meant(&commit, (talk.ground.act(), &talk.words()))
                    .await?
            {
                commit.replaces(finished(&mut show).await);
                commit.begin_with(talk.prefix(&commit));
                let asked = (command, &*args, talk.words());
                return turn.carry_out(scene, commit, asked).await;
            }
            let words = talk.words();
            talk.ground.known = turn.known(scene, &commit, &words).await?;
            let over = match &mut show {
                Some(show) => talk.listen(&commit, work, show).await?,
                // The account is not connected here (any more): the answer waits for it in the outbox.
                None => Some(talk.listen_blind(&commit).await),
            };
            if let Some(over) = over {
                break over;
            }
            if let Some(sign) = talk.heed_again(&mut commit).await? {
                commit.replaces(finished(&mut show).await);
                return Box::pin(turn.help(scene, commit, (&talk.said, &sign))).await;
            }
        };
        talk.close(commit, work, (over, finished(&mut show).await))
            .await
    }

    /// Looks at other words in place of those that were said; answers the sign of somebody in danger.
    async fn heed_again(&mut self, commit: &mut Commit<'_>) -> Result<Option<Sign>, Failure> {
        let said = (self.said.as_slice(), "again");
        match Box::pin(self.turn.heed_talk(self.scene, commit, said)).await? {
            Ok(foreword) => self.foreword = foreword,
            Err(sign) => return Ok(Some(sign)),
        }
        Ok(None)
    }

    /// Whether whoever understands words sees a cry for help where the rules of safety saw nothing. Of somebody who is low
    /// they know more; a model may raise even that.
    fn is_crisis(&self) -> bool {
        let by_model = matches!(self.ground.sorted, Some(How::Model(_)));
        self.ground.is_crisis() && (by_model || !self.foreword.is_low)
    }

    /// Understands what was said and reads what it is about; whoever waits long for it sees that something is done.
    async fn understand(&self, commit: &Commit<'_>) -> Result<Ground, Failure> {
        if self.said.iter().all(|said| said.text.trim().is_empty()) {
            // A picture without a word: there is nothing to understand, and nothing to look up.
            return Ok(Ground::bare(Intent::default(), String::new()));
        }
        let mut ground = Box::pin(self.turn.ground(self.scene, commit, &self.said));
        let mut typing_at = Instant::now() + TYPING_AFTER;
        loop {
            tokio::select! {
                ground = &mut ground => return ground,
                () = self.typing(typing_at) => typing_at = Instant::now() + TYPING_EVERY,
            }
        }
    }

    async fn close(
        mut self,
        mut commit: Commit<'_>,
        work: &mut Work,
        (mut over, row): (Over, Option<OutboundId>),
    ) -> Result<Change, Failure> {
        let is_done = self.instead(&commit, &mut over).await?;
        let window = self.window(&commit);
        commit.remember_said(self.scene, &self.said, self.in_group);
        let mut cited = match is_done {
            true => Vec::new(),
            false => self.hold(&commit, &mut over).await?,
        };
        self.conceal(&commit, &mut over.said);
        if self.is_wordless(&over) {
            phrases::NO_WORDS.clone_into(&mut over.note);
            over.said.clear();
            cited.clear();
        }
        if let Some(note) = self.refused_key(commit.person(), &over) {
            over.note = [over.note.as_str(), &note].join("\n\n").trim().to_owned();
        }
        let Footer { text, mut buttons } = self.ground.footer(&cited);
        let (cites, was_served) = (!cited.is_empty(), self.tools.was_served());
        let sources = buttons.len();
        let files = self.take_in(&mut commit, (&mut over, &mut buttons));
        let said = over.text();
        let answered = Answered {
            is_said: !over.said.is_empty(),
            cites,
            was_served,
            has_presses: buttons.len() > sources,
        };
        buttons.extend(self.turn.thumbs(self.scene, answered));
        match (said.as_str(), row) {
            ("", None) => {}
            // The words that stand were taken back by the model; they must not stay under their button.
            ("", Some(_)) => {
                let stopped = phrases::STOPPED_HERE.to_owned();
                commit.answer(self.scene, (stopped, Vec::new()), row);
            }
            (said, _) if text.is_empty() => {
                commit.answer(self.scene, (said.to_owned(), buttons), row);
            }
            (said, _) => commit.answer(self.scene, (format!("{said}\n\n{text}"), buttons), row),
        }
        send_all(self.scene, &mut commit, files);
        commit.reading(self.ground.read(self.scene, &commit, &cited));
        commit.remember_answer(self.scene, &over, (window, self.ground.why(&cited)));
        let spoken = (self.said.as_slice(), over.said.as_str());
        self.turn
            .speak_back(self.scene, &mut commit, spoken)
            .await?;
        self.answer_stop(&mut commit, work, &over);
        let said = (self.said.as_slice(), self.ground.is_in_need());
        self.turn.pick_up(self.scene, &mut commit, said).await?;
        self.turn.ask_again(self.scene, &mut commit).await?;
        Ok(commit.done().await)
    }

    /// Whoever pays by themselves hears of it, once, when that does not work any more; the key then rests.
    fn refused_key(&self, person: PersonId, over: &Over) -> Option<String> {
        let Wish {
            model,
            key: Some(_),
        } = self.wish.as_ref()?
        else {
            return None;
        };
        let attempts = match &over.how {
            How::Model(report) => report.attempts.as_slice(),
            How::Unavailable(unavailable) => unavailable.attempts.as_slice(),
            How::Fixed | How::Stopped | How::Interrupted | How::TooLate => &[],
        };
        // Their own key is tried first.
        let first = attempts.iter().find(|attempt| attempt.model == *model)?;
        let is_refused = matches!(
            first.outcome,
            Outcome::Failed(llm::Error::Unauthorised | llm::Error::Unpaid)
        );
        let provider = model.split('/').next().unwrap_or_default();
        if first.outcome == Outcome::Answered {
            self.turn.wishes.works(person, provider);
        }
        let is_news = is_refused && self.turn.wishes.rest(person, provider);
        is_news.then(|| phrases::own_key_refused(provider))
    }

    /// Whether a picture was shown and turned down, which is all that went wrong.
    pub(super) fn is_unseen(&self, over: &Over) -> bool {
        let turned_down = |attempt: &Attempt| {
            matches!(
                attempt.outcome,
                Outcome::Failed(llm::Error::Rejected(_) | llm::Error::TooLong)
            )
        };
        match &over.how {
            How::Unavailable(unavailable) => {
                self.images().next().is_some() && unavailable.attempts.iter().any(turned_down)
            }
            How::Fixed | How::Model(_) | How::Stopped | How::Interrupted | How::TooLate => false,
        }
    }

    /// What the model is asked: who it is, what was said, and what is said now.
    fn request(&self, commit: &Commit<'_>) -> Result<Request, Failure> {
        let recalled = commit.recalled();
        let name = self.said.last().map(|said| said.by.as_str());
        let asked = match self.in_group {
            true => ("", Place::Group),
            false => (name.unwrap_or_default(), Place::Direct),
        };
        let before = recalled.visible().iter().map(|line| {
            let role = match line.role {
                Role::User => llm::Role::Person,
                Role::Toney | Role::Note => llm::Role::Toney,
            };
            llm::Line::new(role, line.text.as_str())
        });
        let mut asked_now = llm::Line::new(llm::Role::Person, self.words());
        asked_now.images = self.images().cloned().collect();
        let lines = before.chain([asked_now]);
        let offers = self.tools.offers();
        let now = (self.scene.now, recalled.window.summary.as_str(), offers);
        let lines = lines.chain(self.tools.lines());
        let request = self
            .ground
            .request(&self.turn.prompts, asked, now, lines.collect());
        let request = request.map_err(Failure::GiveUp)?;
        Ok(Request {
            wish: self.wish.clone(),
            tools: self.tools.offer(),
            acts: self.ground.acts(),
            ..request
        })
    }

    pub(super) fn words(&self) -> String {
        let lines: Vec<String> = self
            .said
            .iter()
            .map(|said| match self.in_group {
                true => format!("{}: {}", said.by, said.told()),
                false => said.told(),
            })
            .collect();
        lines.join("\n\n")
    }

    fn images(&self) -> impl Iterator<Item = &llm::Image> {
        self.said.iter().flat_map(|said| &said.images)
    }

    /// Whether there is an answer of which nothing can be seen where it goes.
    fn is_wordless(&self, over: &Over) -> bool {
        let text = over.text();
        let expected = matches!(over.how, How::Model(_)) || !text.is_empty();
        let last = self.scene.last();
        let features = last.and_then(|last| self.turn.delivery.features(&last.address));
        expected && features.is_some_and(|features| render(&text, &features).is_empty())
    }

    fn window(&self, commit: &Commit<'_>) -> usize {
        commit.recalled().visible().len() + self.said.len()
    }

    /// Where the answer grows; picks up what an earlier attempt began.
    async fn show(&self) -> Result<Option<Show>, Failure> {
        let Turn {
            delivery,
            store,
            settings,
            ..
        } = self.turn;
        let Some(last) = self.scene.last() else {
            return Ok(None);
        };
        let Some(features) = delivery.features(&last.address) else {
            return Ok(None);
        };
        let letter = Template {
            address: last.address.clone(),
            key: self.scene.key.clone(),
            reply_to: self.scene.reply_to(),
            interaction: self.scene.interaction(),
            stop: Button::new("Stop", self.scene.stop()),
        };
        let pace = Pace {
            first_after: Duration::from_millis(settings.preview_after_ms),
            every: delivery.preview_every(),
        };
        let mut show = Show::new((delivery.clone(), store.clone()), letter, features, pace);
        if self.scene.begun
            && let Some(row) = store.outbound(&self.scene.key).await?
        {
            show.resume(row.outbound.id, row.parts.first().cloned());
        }
        Ok(Some(show))
    }

    /// Not before the first turn is committed: one that has to be begun again introduces too.
    fn introduces(&self, commit: &Commit<'_>) -> bool {
        commit.recalled().is_new && !self.in_group
    }

    fn first_words(&self, commit: &Commit<'_>) -> Answer {
        Answer::new(self.prefix(commit))
    }

    /// What stands before the answer: who answers, and what was heard.
    fn prefix(&self, commit: &Commit<'_>) -> String {
        let introduction = self.introduces(commit).then_some(phrases::INTRODUCTION);
        let spoken = self.said.iter().filter(|said| !said.heard.is_empty());
        let quotes = spoken.map(|said| quoted(&said.heard));
        let foreword = Some(self.foreword.text.clone()).filter(|text| !text.is_empty());
        let parts: Vec<String> = introduction
            .map(str::to_owned)
            .into_iter()
            .chain(quotes)
            .chain(foreword)
            .collect();
        parts.join("\n\n")
    }

    /// Listens to the model and to the person at once until the answer is over; `None` when what it answers has
    /// other words now.
    async fn listen(
        &mut self,
        commit: &Commit<'_>,
        work: &mut Work,
        show: &mut Show,
    ) -> Result<Option<Over>, Failure> {
        let mut answer = self.first_words(commit);
        answer.offer(self.tools.offers());
        let mut model = self.ask(commit).await?;
        let deadline = Instant::now() + Duration::from_secs(self.turn.settings.deadline_seconds);
        let mut typing_at = Instant::now() + TYPING_AFTER;
        loop {
            let so_far = answer.so_far();
            let fit = |text: &str| self.fit(commit, text);
            let came = tokio::select! {
                heard = model.next() => Came::Heard(heard.unwrap_or_else(|| Heard::Failed(Unavailable::silent()))),
                () = show.tend(&so_far, &fit) => continue,
                () = self.typing(typing_at), if so_far.is_empty() => {
                    typing_at = Instant::now() + TYPING_EVERY;
                    continue;
                }
                jobs = work.arrived() => match self.hear(jobs, work, so_far.is_empty())? {
                    Arrival::Nothing => continue,
                    Arrival::Reworded => return Ok(None),
                    Arrival::Came(came) => came,
                },
                () = tokio::time::sleep_until(deadline) => Came::TooLate,
            };
            match answer.step(came) {
                Some(Effect::Over(over)) => match self.sent_back(commit, *over) {
                    Some(over) => return Ok(Some(over)),
                    None => {
                        answer.step(Came::Heard(Heard::Restart));
                        answer.offer(self.tools.offers());
                        model = self.ask(commit).await?;
                    }
                },
                Some(Effect::Calls(calls)) => {
                    self.serve(commit, *calls).await?;
                    answer.offer(self.tools.offers());
                    model = self.ask(commit).await?;
                }
                Some(Effect::Grew) | None => {}
            }
        }
    }

    async fn listen_blind(&mut self, commit: &Commit<'_>) -> Over {
        let mut answer = self.first_words(commit);
        let deadline = Instant::now() + Duration::from_secs(self.turn.settings.deadline_seconds);
        let mut model = self.ask_blind(commit).await;
        loop {
            let came = tokio::select! {
                heard = model.next() => Came::Heard(heard.unwrap_or_else(|| Heard::Failed(Unavailable::silent()))),
                () = tokio::time::sleep_until(deadline) => Came::TooLate,
            };
            if let Some(Effect::Over(over)) = answer.step(came) {
                if let Some(over) = self.sent_back(commit, *over) {
                    return over;
                }
                answer.step(Came::Heard(Heard::Restart));
                model = self.ask_blind(commit).await;
            }
        }
    }

    async fn ask_blind(&self, commit: &Commit<'_>) -> BoxStream<'static, Heard> {
        let model = self.ask(commit).await;
        model.unwrap_or_else(|_| futures::stream::empty().boxed())
    }

    async fn ask(&self, commit: &Commit<'_>) -> Result<BoxStream<'static, Heard>, Failure> {
        let request = Request {
            payer: commit.payer(self.scene.setting()).await?,
            ..self.request(commit)?
        };
        Ok(self.turn.door.answer(Task::Chat, request))
    }

    pub(super) async fn typing(&self, at: Instant) {
        tokio::time::sleep_until(at).await;
        if let Some(last) = self.scene.last() {
            self.turn.delivery.typing(&last.address).await;
        }
    }

    /// Sorts what arrived meanwhile. What this turn deals with ends with it; the rest comes again.
    fn hear(
        &mut self,
        jobs: Vec<Job>,
        work: &mut Work,
        nothing_shown: bool,
    ) -> Result<Arrival, Failure> {
        let mut arrival = Arrival::Nothing;
        let stop = self.scene.stop();
        for job in jobs {
            let Ok(item) = serde_json::from_str::<Inbound>(&job.payload) else {
                continue;
            };
            match meanwhile(&item, &self.said, &stop) {
                Meanwhile::Stop => {
                    work.jobs.push(job);
                    return Ok(Arrival::Came(Came::Stop));
                }
                Meanwhile::Reworded if nothing_shown => {
                    reword(&mut self.said, &item);
                    work.jobs.push(job);
                    arrival = Arrival::Reworded;
                }
                Meanwhile::MoreTalk
                    if self.turn.queue == Queue::Interrupt || self.turn.care.cries(&item) =>
                {
                    return Ok(Arrival::Came(Came::Interrupted));
                }
                Meanwhile::Reworded | Meanwhile::MoreTalk | Meanwhile::Later => {}
            }
        }
        Ok(arrival)
    }

    /// A `/stop` that came through a slash command has a reply of its own to be filled.
    fn answer_stop(&self, commit: &mut Commit<'_>, work: &Work, over: &Over) {
        let stop = work.jobs.last().and_then(|job| {
            serde_json::from_str::<Inbound>(&job.payload)
                .ok()?
                .interaction
                .filter(|it| it.deferred)
        });
        if over.how == How::Stopped
            && let Some(interaction) = stop
        {
            let content = Content::Message {
                text: phrases::STOPPED.to_owned(),
                buttons: Vec::new(),
                reply_to: None,
                interaction: Some(interaction),
            };
            commit.send(self.scene, "stop", content);
        }
    }
}

/// What arrived while an answer was being made.
enum Arrival {
    /// Nothing that matters now.
    Nothing,
    /// The question has other words.
    Reworded,
    /// The answer is to end.
    Came(Came),
}

/// Lets what is being shown arrive; answers which outbound stands or may stand already.
async fn finished(show: &mut Option<Show>) -> Option<OutboundId> {
    let show = show.as_mut()?;
    show.finish().await;
    show.row()
}
