//! The people of the crash test, what they say and where, and the model that answers them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::super::dice::Dice;
use super::super::discord::{self, Discord};
use super::super::model::{self, Answer, Behaviour};
use super::super::program::Program;
use super::super::telegram::{self, SimOptions, Telegram};

const WORD: &str = "number ";

/// A chat in which people talk; its messages are answered in order.
#[derive(Clone, Debug)]
pub enum Chat {
    TelegramDirect(telegram::User),
    TelegramGroup(telegram::Chat, Vec<telegram::User>),
    DiscordDirect(discord::User),
    DiscordChannel(discord::Channel, Vec<discord::User>),
}

/// A message that wants an answer.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    pub number: u64,
    /// Index of the chat.
    pub chat: usize,
    pub at: Instant,
}

/// A line of the bot.
#[derive(Clone, Debug)]
pub struct Heard {
    pub text: String,
    pub at: Instant,
    pub edits: Vec<Instant>,
    pub id: String,
}

/// When the model was asked about each number.
pub type Questions = Arc<Mutex<HashMap<u64, Vec<Instant>>>>;

/// Everything outside the program, and what was said so far.
pub struct World {
    pub telegram: Telegram,
    pub discord: Discord,
    pub model: model::Server,
    pub chats: Vec<Chat>,
    pub said: Vec<Said>,
    pub questions: Questions,
    pub presses: Vec<String>,
    /// Presses buttons and uses commands, in chats of their own.
    pub presser: telegram::User,
    pub commander: discord::User,
    dice: Dice,
    answered: Mutex<HashSet<u64>>,
}

impl World {
    pub async fn start(seed: u64) -> Self {
        let telegram = Telegram::start(SimOptions::default()).await;
        let config = discord::Config {
            record_calls: false,
            ..discord::Config::default()
        };
        let discord = Discord::with_config(config).await;
        let model = model::Server::start().await;
        model.record(false);
        let questions = Questions::default();
        model.otherwise(answers(seed, questions.clone()));
        let people: Vec<_> = ["ann", "bob", "cy"].map(|n| telegram.person(n)).into();
        let users: Vec<_> = ["ann", "bob", "cy"].map(|n| discord.user(n)).into();
        let group = telegram.supergroup("band");
        let guild = discord.guild("label");
        let channel = discord.channel(guild, "studio");
        let chats = vec![
            Chat::TelegramDirect(people[0]),
            Chat::TelegramDirect(people[1]),
            Chat::TelegramDirect(people[2]),
            Chat::TelegramGroup(group, people),
            Chat::DiscordDirect(users[0]),
            Chat::DiscordDirect(users[1]),
            Chat::DiscordChannel(channel, users),
        ];
        Self {
            presser: telegram.person("dee"),
            commander: discord.user("dee"),
            telegram,
            discord,
            model,
            chats,
            said: Vec::new(),
            questions,
            presses: Vec::new(),
            dice: Dice::new(seed ^ 0x5EED),
            answered: Mutex::default(),
        }
    }

    /// Somebody says so many things, somewhere.
    pub fn say(&mut self, times: usize) {
        for _ in 0..times {
            let chat = self.dice.below(self.chats.len());
            let number = self.said.len() as u64 + 1;
            let text = format!("{WORD}{number}");
            let at = Instant::now();
            match &self.chats[chat] {
                Chat::TelegramDirect(person) => {
                    self.telegram.says(*person, *person, &text);
                }
                Chat::TelegramGroup(group, people) => {
                    let person = people[self.dice.below(people.len())];
                    self.telegram
                        .says(person, *group, &format!("@toney_bot {text}"));
                }
                Chat::DiscordDirect(user) => {
                    self.discord.whispers(*user, &text);
                }
                Chat::DiscordChannel(channel, users) => {
                    let user = users[self.dice.below(users.len())];
                    self.discord.mentions(user, *channel, &text);
                }
            }
            self.said.push(Said { number, chat, at });
        }
    }

    /// Somebody presses a button whose time is over, on a line of the bot.
    pub fn press(&mut self) {
        let dee = self.presser;
        let card = self.telegram.look(|s| s.replies(dee).first().map(|m| m.id));
        match card {
            Some(id) => {
                let press = self.telegram.presses_data(dee, dee, id, "gone:1");
                self.presses.push(press);
            }
            // The first line of the bot comes from a hello.
            None if self.telegram.transcript(dee).is_empty() => {
                self.telegram.says(dee, dee, "/privacy");
            }
            None => {}
        }
    }

    /// How many lines the presser is owed: one for the hello and one for each press.
    pub fn lines_due(&self) -> usize {
        let silent = self.telegram.transcript(self.presser).is_empty();
        self.presses.len() + usize::from(!silent)
    }

    /// Somebody uses a slash command in a chat of their own.
    pub fn use_command(&mut self) {
        let dee = self.commander;
        let channel = self.discord.dm(dee);
        self.discord.slash(dee, channel, "privacy", &[]);
    }

    /// How many messages have no whole answer yet.
    pub fn waiting(&self) -> usize {
        let mut answered = self.answered.lock().expect("answered");
        for chat in &self.chats {
            for heard in self.newest(chat, 60) {
                if let (Some(number), true) = (number(&heard.text), is_whole(&heard.text)) {
                    answered.insert(number);
                }
            }
        }
        self.said.len() - answered.len().min(self.said.len())
    }

    /// Nobody says anything until no more than so many wait.
    pub async fn quieten(&self, waiting: usize, patience: Duration) {
        let begun = Instant::now();
        while self.waiting() > waiting && begun.elapsed() < patience {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until everything is answered and everything else is done too.
    pub async fn settle(&self, patience: Duration, program: &Program) {
        let done = || {
            let presses = self.telegram.look(|s| s.unanswered() - s.outdated());
            let lines = self.telegram.look(|s| s.replies(self.presser).len());
            self.waiting() == 0
                && presses == 0
                && self.left_thinking() == 0
                && lines >= self.lines_due()
                && self.unheeded() == 0
                && self.replies() >= self.discord.interactions().len()
        };
        let begun = Instant::now();
        while !done() && begun.elapsed() < patience {
            assert!(
                program.ended().is_none(),
                "the program ended by itself; its log: {}",
                program.keep_log("crash").display()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // Whatever is sent twice may come a little later: lost sends are looked for after a while.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    /// Interactions that were acknowledged and show nothing but that somebody thinks.
    pub fn left_thinking(&self) -> usize {
        let all = self.discord.interactions();
        let thinks = |a: &&discord::Answered| a.acked_after.is_some() && a.loading;
        all.iter().filter(thinks).count()
    }

    /// Interactions that the bot never tried to acknowledge.
    pub fn unheeded(&self) -> usize {
        let all = self.discord.interactions();
        let unheeded = |a: &&discord::Answered| a.acked_after.is_none() && !a.refused;
        all.iter().filter(unheeded).count()
    }

    /// What the bot said to whoever uses commands, in reply to an interaction or instead.
    pub fn replies(&self) -> usize {
        self.heard(&Chat::DiscordDirect(self.commander)).len()
    }

    /// Everything that the bot said in a chat, oldest first.
    pub fn heard(&self, chat: &Chat) -> Vec<Heard> {
        let mut all = self.newest(chat, usize::MAX);
        all.reverse();
        all
    }

    fn newest(&self, chat: &Chat, at_most: usize) -> Vec<Heard> {
        let telegram = |place: telegram::Place| {
            self.telegram.look(|s| {
                let newest = s.messages(place).rev().take(at_most);
                let bots = newest.filter(|m| m.from_bot && !m.deleted);
                bots.map(|m| Heard {
                    text: m.text.clone(),
                    at: m.at,
                    edits: m.edited_at.into_iter().collect(),
                    id: m.id.to_string(),
                })
                .collect()
            })
        };
        let discord = |channel| {
            let me = self.discord.me();
            let newest = self.discord.newest(channel, at_most).into_iter();
            newest
                .filter(|m| m.author_id == me && !m.deleted)
                .map(|m| Heard {
                    text: m.content,
                    at: m.at,
                    edits: m.edits.iter().map(|e| e.at).collect(),
                    id: format!("{:?}", m.id),
                })
                .collect()
        };
        match chat {
            Chat::TelegramDirect(person) => telegram((*person).into()),
            Chat::TelegramGroup(group, _) => telegram((*group).into()),
            Chat::DiscordDirect(user) => discord(self.discord.dm(*user)),
            Chat::DiscordChannel(channel, _) => discord(*channel),
        }
    }
}

/// The model answers with the number it was asked about, in pieces that take their time.
fn answers(seed: u64, questions: Questions) -> Behaviour {
    let dice = Mutex::new(Dice::new(seed ^ 0x0DE1));
    Behaviour::call(move |request| {
        let asked = request.last("user");
        let Some(number) = number(asked).filter(|_| !asked.contains("<talk>")) else {
            return Answer::text("They counted.");
        };
        let now = Instant::now();
        let mut all = questions.lock().expect("questions");
        all.entry(number).or_default().push(now);
        let mut dice = dice.lock().expect("dice");
        let first = dice.within(Duration::from_millis(30));
        let between = dice.within(Duration::from_millis(20));
        let long = 1 + dice.below(10);
        let words = (0..long).map(|n| format!("word{n} "));
        let start = std::iter::once(format!("answer to {WORD}{number}: "));
        let end = std::iter::once(end(number));
        Answer::pieces(start.chain(words).chain(end))
            .after(first)
            .every(between)
    })
}

fn end(number: u64) -> String {
    format!("end of {number}.")
}

/// The number that a text is about.
pub fn number(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(WORD)?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Whether an answer is there from its beginning to its end, once.
pub fn is_whole(text: &str) -> bool {
    let Some(number) = number(text) else {
        return false;
    };
    let end = end(number);
    text.trim_end().ends_with(&end) && text.matches(&end).count() == 1
}
