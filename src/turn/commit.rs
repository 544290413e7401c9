//! Everything that a turn makes true, put together.

use tokio::sync::OnceCell;

use crate::capability::Ran;
use crate::llm::{self, Payer, Report, Task};
use crate::memory::Recalled;
use crate::model::{
    Address, Button, Chat, Content, ConversationId, Dialogue, Event, EventId, Failure, Happening,
    Ids, Message, MessageId, ModelCallId, OutboundId, Outcome, Payment, PersonId, Priority,
    Setting, Time,
};
use crate::store::{
    AddressFact, Asker, Change, Conversation, Line, ModelCall, NewAttachment, NewJob, NewMessage,
    NewRead, NewSession, Rewrite, Role, end_dialogue, open_dialogue, out_lane,
};

use super::gather::Said;
use super::speaking::voiced;
use super::step::{How, Over};
use super::why::{Heard, Knowledge, Why};
use super::{Scene, Turn};

/// A commit in the making.
pub(super) struct Commit<'a> {
    turn: &'a Turn,
    address: Address,
    turns: i64,
    now: Time,
    recalled: Recalled,
    /// Whether what is remembered now was said by the person who was looked up.
    speaker: bool,
    /// Who asks, once that was read.
    asker: OnceCell<Asker>,
    /// What stands before whatever is said without a model.
    prefix: String,
    /// The outbound that grew before it turned out that no model answers.
    grown: Option<OutboundId>,
    /// Who wrote down what was said.
    heard: Option<Heard>,
    /// Conversations of which nothing may be kept at hand.
    stale: Vec<Address>,
    change: Change,
}

impl<'a> Commit<'a> {
    pub(super) fn new(turn: &'a Turn, scene: &Scene, recalled: Recalled) -> Self {
        let mut change = Change::default();
        let mut address = None;
        if let Some(last) = scene.last() {
            let message = last
                .message
                .as_ref()
                .map(Message::to_string)
                .unwrap_or_default();
            change.conversations.push(Conversation {
                id: recalled.conversation,
                address: last.address.clone(),
                account: last.address.account(),
                setting: last.setting,
                person: (last.setting == Setting::Direct).then_some(recalled.person),
                session: recalled.session,
                last_inbound: message,
                at: scene.now,
            });
            address = Some(last.address.clone());
        }
        // A scene is never empty; without an address nothing would be said anywhere.
        let address = address.unwrap_or_else(|| Address {
            platform: "nowhere".into(),
            bot: "main".into(),
            chat: Chat::new("0"),
            thread: None,
        });
        Self {
            turn,
            address,
            turns: scene.turns,
            now: scene.now,
            recalled,
            speaker: true,
            asker: OnceCell::new(),
            prefix: String::new(),
            grown: None,
            heard: None,
            stale: Vec::new(),
            change,
        }
    }

    pub(super) fn recalled(&self) -> &Recalled {
        &self.recalled
    }

    pub(super) fn address(&self) -> Address {
        self.address.clone()
    }

    pub(super) fn person(&self) -> PersonId {
        self.recalled.person
    }

    pub(super) fn ids(&self) -> &Ids {
        &self.turn.ids
    }

    /// Who asks here; read once.
    pub(super) async fn asker(&self, setting: Setting) -> Result<&Asker, Failure> {
        let read = || self.turn.store.asker(self.recalled.person, setting);
        Ok(self.asker.get_or_try_init(read).await?)
    }

    /// Who pays for a model that is asked here: the person, and their artist as far as that is known. It is
    /// looked up where artists have a limit.
    pub(super) async fn payer(&self, setting: Setting) -> Result<Payer, Failure> {
        if self.turn.limits.is_per_artist() {
            self.asker(setting).await?;
        }
        Ok(self.paid())
    }

    fn paid(&self) -> Payer {
        let artists = self.asker.get().map(Asker::artists);
        Payer {
            person: Some(self.recalled.person),
            artist: artists.and_then(|all| all.first().copied()),
        }
    }

    /// Says this first.
    pub(super) fn begin_with(&mut self, prefix: String) {
        self.prefix = prefix;
    }

    /// What is said next takes the place of what grew.
    pub(super) fn replaces(&mut self, grown: Option<OutboundId>) {
        self.grown = grown;
    }

    /// Notes a reading of knowledge.
    pub(super) fn reading(&mut self, read: Option<NewRead>) {
        self.change.reads.extend(read);
    }

    /// Something was struck from these conversations.
    pub(super) fn forget(&mut self, chats: Vec<Address>) {
        self.stale.extend(chats);
    }

    pub(super) fn conversation(&self) -> ConversationId {
        self.recalled.conversation
    }

    /// What whoever talks was asked here.
    pub(super) fn dialogue(&self) -> Option<&Dialogue> {
        self.recalled.dialogue()
    }

    /// Waits for the answer to a question from now on, in place of whatever was open here.
    pub(super) fn ask(&mut self, dialogue: Dialogue) -> Result<(), Failure> {
        let (person, conversation) = (self.recalled.person, self.recalled.conversation);
        let row = open_dialogue(person, conversation, &dialogue).map_err(Failure::GiveUp)?;
        self.change.writes.push(row);
        self.recalled.dialogues.retain(|(of, _)| *of != person);
        self.recalled.dialogues.push((person, dialogue));
        Ok(())
    }

    /// Nothing is open here after all.
    pub(super) fn without_dialogue(&mut self) {
        let person = self.recalled.person;
        self.recalled.dialogues.retain(|(of, _)| *of != person);
    }

    /// Waits for no answer any more.
    pub(super) fn end_dialogue(&mut self) -> Result<(), Failure> {
        let (person, conversation) = (self.recalled.person, self.recalled.conversation);
        let row = end_dialogue(person, conversation).map_err(Failure::GiveUp)?;
        self.change.writes.push(row);
        self.recalled.dialogues.retain(|(of, _)| *of != person);
        Ok(())
    }

    /// The line in which was said what is answered, once it is remembered.
    pub(super) fn last_said(&self) -> Option<MessageId> {
        let mut rows = self.change.messages.iter().rev();
        rows.find(|row| row.role == Role::User).map(|row| row.id)
    }

    /// What was said, line by line, once it is remembered.
    pub(super) fn said_lines(&self) -> Vec<(MessageId, String)> {
        let said = self.change.messages.iter();
        said.filter(|row| row.role == Role::User && row.person.is_some())
            .map(|row| (row.id, row.text.clone()))
            .collect()
    }

    /// Leaves the running session behind.
    pub(super) fn begin_session(&mut self) {
        self.recalled.begin_session(&self.turn.ids);
    }

    /// Whoever talks here is somebody else from now on; the next turn finds out who.
    pub(super) fn of_nobody(&mut self) {
        for row in &mut self.change.conversations {
            row.person = None;
        }
        self.stale.push(self.address.clone());
    }

    /// Says something that no model made.
    pub(super) fn say(&mut self, scene: &Scene, text: String) {
        self.say_with(scene, text, Vec::new());
    }

    /// Says it with buttons under it.
    pub(super) fn say_with(&mut self, scene: &Scene, text: String, buttons: Vec<Vec<Button>>) {
        let text = match self.prefix.as_str() {
            "" => text,
            prefix => format!("{prefix}\n\n{text}"),
        };
        self.answer(scene, (text, buttons), self.grown);
    }

    /// Sends something besides the answer; `what` tells it from the answer.
    pub(super) fn send(&mut self, scene: &Scene, what: &str, content: Content) {
        let key = if what.is_empty() {
            scene.key.clone()
        } else {
            format!("{}:{what}", scene.key)
        };
        let letter = self
            .turn
            .delivery
            .letter(self.address.clone(), key, Priority::Reply, content);
        self.change.outbound.push(letter);
    }

    /// Gives the answer its final words: in the row that grew, or in a new one.
    pub(super) fn answer(
        &mut self,
        scene: &Scene,
        (text, buttons): (String, Vec<Vec<Button>>),
        grown: Option<OutboundId>,
    ) {
        let content = Content::Message {
            text,
            buttons,
            reply_to: scene.reply_to(),
            interaction: scene.interaction(),
        };
        let Some(id) = grown else {
            return self.send(scene, "", content);
        };
        let lane = out_lane(&self.address);
        self.change.rewrites.push(Rewrite {
            id,
            lane,
            content: content.clone(),
            at: self.now(),
        });
        // Should the row never have got into the store, it does now.
        self.send(scene, "", content);
        if let Some(letter) = self.change.outbound.last_mut() {
            letter.outbound.id = id;
        }
    }

    /// Remembers what a person said.
    pub(super) fn remember_said(&mut self, scene: &Scene, said: &[Said], in_group: bool) {
        for said in said {
            let Said {
                message, by, user, ..
            } = said;
            let text = said.whole();
            // In a group several people may be answered together; only the first was looked up.
            self.speaker = scene
                .items
                .first()
                .is_some_and(|first| first.sender.user == *user);
            let text = if in_group {
                format!("{by}: {text}")
            } else {
                text
            };
            let message = message.as_ref().map(Message::to_string).unwrap_or_default();
            self.remember(scene, Role::User, text, (message, String::new()));
        }
    }

    /// Remembers an answer and how it came about.
    pub(super) fn remember_answer(
        &mut self,
        scene: &Scene,
        over: &Over,
        (window, knowledge): (usize, Knowledge),
    ) {
        let seen = (window, !self.recalled.window.summary.is_empty());
        let why = Why {
            heard: self.heard.clone(),
            ..Why::new(&over.how, seen, knowledge)
        };
        let why = serde_json::to_string(&why).unwrap_or_default();
        if over.said.is_empty() {
            // Nothing a model should see again; it can be asked about all the same.
            self.row(scene, Role::Note, over.text(), (String::new(), why));
        } else {
            self.remember(scene, Role::Toney, over.said.clone(), (String::new(), why));
        }
        self.calls(scene, Task::Chat, &over.how);
        if self.recalled.wants_summary() {
            self.happened(Happening::WindowExceeded {
                session: self.recalled.session,
            });
        }
    }

    /// Notes a kept file.
    pub(super) fn attachment(&mut self, attachment: NewAttachment) {
        self.happened(Happening::AttachmentReceived {
            attachment: attachment.id,
        });
        self.change.attachments.push(attachment);
    }

    /// Makes what a capability came to true, notes what it asked models, and answers what there is to see.
    pub(super) fn ran(&mut self, scene: &Scene, ran: Ran) -> Outcome {
        self.change.absorb(ran.change);
        for (task, end) in ran.asked {
            let how = match end {
                Ok(report) => How::Model(report),
                Err(unavailable) => How::Unavailable(unavailable),
            };
            self.calls(scene, task, &how);
        }
        ran.outcome
    }

    /// Notes what it cost to ask a model for one round of an answer.
    pub(super) fn round(&mut self, scene: &Scene, report: Report) {
        self.calls(scene, Task::Chat, &How::Model(report));
    }

    /// Makes this true with everything else.
    pub(super) fn besides(&mut self, change: Change) {
        self.change.absorb(change);
    }

    /// Orders work that goes on after the turn.
    pub(super) fn job(&mut self, job: NewJob) {
        self.change.jobs.push(job);
    }

    /// The chat is gone, or back.
    pub(super) async fn membership(mut self, gone: bool) -> Change {
        let unreachable_at = if gone { self.now } else { Time::default() };
        self.fact(String::new(), unreachable_at);
        self.happened(if gone {
            Happening::AddressLost
        } else {
            Happening::AddressRegained
        });
        self.done().await
    }

    /// The chat goes on at another address.
    pub(super) async fn migrated(mut self, to: Chat) -> Change {
        let moved = Address {
            chat: to,
            ..self.address.clone()
        };
        self.fact(moved.to_string(), Time::default());
        self.done().await
    }

    /// Money arrived.
    pub(super) async fn payment(mut self, payment: Payment) -> Change {
        self.happened(Happening::PaymentReceived { payment });
        self.done().await
    }

    /// Nothing happened that matters.
    pub(super) async fn nothing(self) -> Change {
        self.done().await
    }

    /// The whole of it; the window at hand is brought to what will be true.
    pub(super) async fn done(mut self) -> Change {
        let Recalled {
            conversation,
            session,
            begins,
            ..
        } = self.recalled;
        if begins {
            self.change.sessions.push(NewSession {
                id: session,
                conversation,
                at: self.now,
            });
        }
        for row in &mut self.change.conversations {
            row.session = session;
        }
        let memory = &self.turn.memory;
        if !self.stale.contains(&self.address) {
            memory.keep(&self.address, self.turns, &self.recalled).await;
        }
        memory.forget(&self.stale).await;
        self.change
    }

    fn remember(
        &mut self,
        scene: &Scene,
        role: Role,
        text: String,
        (message, why): (String, String),
    ) {
        let id = self.row(scene, role, text.clone(), (message, why));
        self.recalled.window.lines.push(Line { id, role, text });
    }

    fn row(
        &mut self,
        scene: &Scene,
        role: Role,
        text: String,
        (platform_message, why): (String, String),
    ) -> MessageId {
        let id = MessageId::new(&self.turn.ids);
        self.change.messages.push(NewMessage {
            id,
            session: self.recalled.session,
            conversation: self.recalled.conversation,
            person: (role == Role::User && self.speaker).then_some(self.recalled.person),
            role,
            text,
            platform_message,
            turn: scene.turn,
            why,
            at: self.now(),
        });
        id
    }

    /// Notes what it cost to ask a model what is wanted; of one that was late the door tells.
    pub(super) fn sorted(&mut self, scene: &Scene, how: &How) {
        self.calls(scene, Task::Classify, how);
    }

    /// Notes what it cost to listen.
    pub(super) fn listened(&mut self, scene: &Scene, calls: &[llm::Call]) {
        let costs = calls.iter().filter_map(|call| call.result.as_ref().ok());
        self.heard = calls.last().map(|call| Heard {
            model: call.model.clone(),
            cost_nano_usd: costs.map(|cost| cost.nanos()).sum(),
        });
        let now = (&self.turn.ids, Some(scene.turn), self.now());
        let payer = self.paid();
        let rows = calls
            .iter()
            .map(|call| voiced(call, ("transcribe", payer), now));
        let rows: Vec<_> = rows.collect();
        self.change.calls.extend(rows);
    }

    fn call(&self, scene: &Scene, task: Task, (model, result): (&str, String)) -> ModelCall {
        let Payer { person, artist } = self.paid();
        ModelCall {
            id: ModelCallId::new(&self.turn.ids),
            turn: Some(scene.turn),
            person,
            artist,
            own: 0,
            task: task.as_str().to_owned(),
            provider: model.split('/').next().unwrap_or_default().to_owned(),
            model: model.to_owned(),
            result,
            tokens_in: 0,
            tokens_out: 0,
            cache_read: 0,
            cost_nano_usd: 0,
            first_token_ms: 0,
            total_ms: 0,
            at: self.now(),
        }
    }

    fn answered(&self, scene: &Scene, task: Task, report: &Report) -> ModelCall {
        let result = if report.cached { "cached" } else { "answered" };
        ModelCall {
            tokens_in: i64::try_from(report.tokens_in).unwrap_or(i64::MAX),
            tokens_out: i64::try_from(report.tokens_out).unwrap_or(i64::MAX),
            cache_read: i64::try_from(report.cache_read).unwrap_or(i64::MAX),
            own: report.own.into(),
            cost_nano_usd: report.cost.nanos(),
            first_token_ms: i64::try_from(report.first_token.as_millis()).unwrap_or(i64::MAX),
            total_ms: i64::try_from(report.total.as_millis()).unwrap_or(i64::MAX),
            ..self.call(scene, task, (&report.model, result.to_owned()))
        }
    }

    fn calls(&mut self, scene: &Scene, task: Task, how: &How) {
        let attempts = match how {
            How::Model(report) => report.attempts.as_slice(),
            How::Unavailable(unavailable) => unavailable.attempts.as_slice(),
            How::Fixed | How::Stopped | How::Interrupted | How::TooLate => &[],
        };
        let mut calls: Vec<ModelCall> = attempts
            .iter()
            .filter_map(|attempt| {
                let result = match &attempt.outcome {
                    llm::Outcome::Failed(error) => error.to_string(),
                    llm::Outcome::Outpaced => "outpaced".to_owned(),
                    llm::Outcome::Answered | llm::Outcome::Skipped | llm::Outcome::TooDear(_) => {
                        return None;
                    }
                };
                Some(ModelCall {
                    cost_nano_usd: attempt.cost.nanos(),
                    own: attempt.own.into(),
                    total_ms: i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX),
                    ..self.call(scene, task, (attempt.model.as_str(), result))
                })
            })
            .collect();
        if let How::Model(report) = how {
            calls.push(self.answered(scene, task, report));
        }
        self.change.calls.extend(calls);
    }

    fn fact(&mut self, moved_to: String, unreachable_at: Time) {
        let address = self.address.clone();
        self.change.addresses.push(AddressFact {
            address,
            moved_to,
            unreachable_at,
        });
    }

    fn happened(&mut self, what: Happening) {
        self.change.events.push(Event {
            id: EventId::new(&self.turn.ids),
            // Not the beginning of the turn: a model may have talked since.
            at: self.now(),
            person: Some(self.recalled.person),
            artist: None,
            address: Some(self.address.clone()),
            what,
        });
    }

    /// The message that was said last in this commit.
    pub(super) fn said_last(&self) -> Option<(OutboundId, String)> {
        let last = self.change.outbound.last()?;
        match &last.outbound.content {
            Content::Message { text, .. } => Some((last.outbound.id, text.clone())),
            Content::Voice { .. }
            | Content::Picture { .. }
            | Content::File { .. }
            | Content::Edit { .. }
            | Content::Buttons { .. }
            | Content::Delete { .. } => None,
        }
    }

    pub(super) fn now(&self) -> Time {
        self.turn.clock.now()
    }
}
