//! From the wire's nouns to ours. Nothing here asks anybody anything.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serenity::model::application::{
    ActionRowComponent, CommandDataOptionValue, CommandInteraction, ComponentInteraction,
    ComponentInteractionDataKind, ModalInteraction,
};
use serenity::model::channel::{Attachment, Message as Post, MessageFlags, MessageType};
use serenity::model::event::MessageUpdateEvent;
use serenity::model::user::User as Account;

use crate::model::{
    Address, Chat, File, Inbound, Interaction, MediaKind, Message, Sender, Setting, Time, User,
    What,
};

/// The platform's name in addresses, keys and metrics.
pub(super) const NAME: &str = "discord";
/// Presses whose data begins so open a form before anything else happens.
pub(super) const FORM: &str = "form:";
/// The first millisecond that a snowflake can name (2015-01-01), from the platform's reference.
const EPOCH_MS: i64 = 1_420_070_400_000;

/// The moment in which a snowflake was made.
pub(super) fn moment(snowflake: u64) -> Time {
    Time::from_ms(i64::try_from(snowflake >> 22).unwrap_or(0) + EPOCH_MS)
}

/// The smallest snowflake of a moment.
pub(super) fn snowflake(at: Time) -> u64 {
    u64::try_from(at.ms().saturating_sub(EPOCH_MS)).unwrap_or(0) << 22
}

fn order(snowflake: u64) -> i64 {
    i64::try_from(snowflake).unwrap_or(i64::MAX)
}

/// Reads the wire for one account.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) bot: Arc<str>,
    /// Our own user id.
    pub(super) me: u64,
    /// Channels in which nobody needs to address us.
    pub(super) answer: Arc<HashSet<u64>>,
}

impl Reader {
    fn address(&self, channel: u64) -> Address {
        Address {
            platform: NAME.into(),
            bot: Arc::clone(&self.bot),
            // A thread is a channel of its own here, with its own id.
            chat: Chat::new(channel),
            thread: None,
        }
    }

    fn key(&self, id: impl std::fmt::Display) -> String {
        format!("{NAME}:{}:{id}", self.bot)
    }

    /// A posted message: its words, or one item for each file under it. Empty when it is none of
    /// our business: written by a program, by the platform itself, or unreadable to us.
    pub(super) fn post(&self, post: &Post, setting: Setting) -> Vec<Inbound> {
        if post.author.bot || post.webhook_id.is_some() || post.author.id.get() == self.me {
            return Vec::new();
        }
        if !matches!(post.kind, MessageType::Regular | MessageType::InlineReply) {
            return Vec::new();
        }
        let addressed = setting == Setting::Direct || self.is_meant(post);
        if !addressed && post.content.is_empty() && post.attachments.is_empty() {
            // Without the message-content intent this is all that is left of a foreign message.
            return Vec::new();
        }
        let text = self.without_mention(&post.content);
        let id = post.id.get();
        let item = |index: usize, what: What| Inbound {
            forwarded: false,
            key: match index {
                0 => self.key(id),
                _ => format!("{}:{index}", self.key(id)),
            },
            address: self.address(post.channel_id.get()),
            setting,
            sender: sender(&post.author, None),
            at: moment(id),
            order: order(id.saturating_add(u64::try_from(index).unwrap_or(0))),
            addressed,
            message: Some(Message::new(id)),
            reply_to: post
                .message_reference
                .as_ref()
                .filter(|_| post.kind == MessageType::InlineReply)
                .and_then(|reference| reference.message_id)
                .map(|message| Message::new(message.get())),
            interaction: None,
            what,
        };
        if post.attachments.is_empty() {
            return vec![item(0, What::Text { text })];
        }
        post.attachments
            .iter()
            .enumerate()
            .map(|(index, attachment)| {
                let caption = if index == 0 {
                    text.clone()
                } else {
                    String::new()
                };
                item(index, media(post, attachment, caption))
            })
            .collect()
    }

    /// A message whose words were changed; other changes (a preview of a link) are not news.
    pub(super) fn edited(&self, update: &MessageUpdateEvent) -> Option<Inbound> {
        let author = update.author.as_ref()?;
        let edited = update.edited_timestamp?;
        let content = update.content.as_ref()?;
        let from_program = author.bot || matches!(update.webhook_id, Some(Some(_)));
        if from_program || author.id.get() == self.me {
            return None;
        }
        let setting = setting_of(update.guild_id.is_some());
        let addressed = setting == Setting::Direct
            || self.answer.contains(&update.channel_id.get())
            || update
                .mentions
                .iter()
                .flatten()
                .any(|user| user.id.get() == self.me)
            || replies_to(
                update
                    .referenced_message
                    .as_ref()
                    .and_then(Option::as_deref),
                self.me,
            );
        if !addressed && content.is_empty() {
            return None;
        }
        let id = update.id.get();
        let ms = i64::try_from(edited.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        let at = Time::from_ms(ms);
        Some(Inbound {
            forwarded: false,
            key: format!("{}:edited:{ms}", self.key(id)),
            address: self.address(update.channel_id.get()),
            setting,
            sender: sender(author, None),
            at,
            // Behind everything that was said in that millisecond.
            order: order(snowflake(at) | ((1 << 22) - 1)),
            addressed,
            message: Some(Message::new(id)),
            reply_to: None,
            interaction: None,
            what: What::Edited {
                text: self.without_mention(content),
            },
        })
    }

    /// A slash command; its deferred reply waits to be filled.
    pub(super) fn command(&self, command: &CommandInteraction, expires: Time) -> Inbound {
        let args = command
            .data
            .options
            .iter()
            .find_map(|option| match &option.value {
                CommandDataOptionValue::String(text) => Some(text.trim().to_owned()),
                _ => None,
            })
            .unwrap_or_default();
        let origin = Origin {
            id: command.id.get(),
            application: command.application_id.get(),
            token: &command.token,
            channel: command.channel_id.get(),
            guild: command.guild_id.is_some(),
            user: &command.user,
            locale: &command.locale,
            message: None,
            deferred: true,
            expires,
        };
        self.interaction(
            &origin,
            What::Command {
                name: command.data.name.clone(),
                args,
            },
        )
    }

    /// A pressed button or a made choice.
    pub(super) fn press(&self, press: &ComponentInteraction, expires: Time) -> Inbound {
        let values = match &press.data.kind {
            ComponentInteractionDataKind::StringSelect { values } => values.clone(),
            ComponentInteractionDataKind::UserSelect { values } => {
                values.iter().map(ToString::to_string).collect()
            }
            ComponentInteractionDataKind::RoleSelect { values } => {
                values.iter().map(ToString::to_string).collect()
            }
            ComponentInteractionDataKind::MentionableSelect { values } => {
                values.iter().map(ToString::to_string).collect()
            }
            ComponentInteractionDataKind::ChannelSelect { values } => {
                values.iter().map(ToString::to_string).collect()
            }
            ComponentInteractionDataKind::Button | ComponentInteractionDataKind::Unknown(_) => {
                Vec::new()
            }
        };
        let card = Message::new(press.message.id.get());
        let origin = Origin {
            id: press.id.get(),
            application: press.application_id.get(),
            token: &press.token,
            channel: press.channel_id.get(),
            guild: press.guild_id.is_some(),
            user: &press.user,
            locale: &press.locale,
            message: Some(card.clone()),
            deferred: false,
            expires,
        };
        self.interaction(
            &origin,
            What::Press {
                data: press.data.custom_id.clone(),
                values,
                card: Some(card),
            },
        )
    }

    /// A filled form. It is a deferred reply only when no message stands behind it.
    pub(super) fn form(&self, form: &ModalInteraction, expires: Time) -> Inbound {
        let fields: BTreeMap<String, String> = form
            .data
            .components
            .iter()
            .flat_map(|row| &row.components)
            .filter_map(|component| match component {
                ActionRowComponent::InputText(input) => Some((
                    input.custom_id.clone(),
                    input.value.clone().unwrap_or_default(),
                )),
                _ => None,
            })
            .collect();
        let origin = Origin {
            id: form.id.get(),
            application: form.application_id.get(),
            token: &form.token,
            channel: form.channel_id.get(),
            guild: form.guild_id.is_some(),
            user: &form.user,
            locale: &form.locale,
            message: form
                .message
                .as_ref()
                .map(|message| Message::new(message.id.get())),
            deferred: form.message.is_none(),
            expires,
        };
        self.interaction(
            &origin,
            What::Form {
                data: form.data.custom_id.clone(),
                fields,
            },
        )
    }

    fn interaction(&self, origin: &Origin<'_>, what: What) -> Inbound {
        Inbound {
            forwarded: false,
            key: self.key(origin.id),
            address: self.address(origin.channel),
            setting: setting_of(origin.guild),
            sender: sender(origin.user, Some(origin.locale)),
            at: moment(origin.id),
            order: order(origin.id),
            addressed: true,
            message: origin.message.clone(),
            reply_to: None,
            interaction: Some(Interaction {
                id: origin.id.to_string(),
                token: format!("{}/{}", origin.application, origin.token),
                expires: origin.expires,
                deferred: origin.deferred,
            }),
            what,
        }
    }

    fn is_meant(&self, post: &Post) -> bool {
        self.answer.contains(&post.channel_id.get())
            || post.mentions.iter().any(|user| user.id.get() == self.me)
            || replies_to(post.referenced_message.as_deref(), self.me)
    }

    /// Takes mentions of us off the beginning.
    fn without_mention(&self, content: &str) -> String {
        let marks = [format!("<@{}>", self.me), format!("<@!{}>", self.me)];
        let mut rest = content.trim();
        while let Some(behind) = marks
            .iter()
            .find_map(|mark| rest.strip_prefix(mark.as_str()))
        {
            rest = behind.trim_start_matches([' ', ',', ':', '\t']);
        }
        rest.to_owned()
    }
}

/// What every kind of interaction tells about where it comes from.
struct Origin<'a> {
    id: u64,
    application: u64,
    token: &'a str,
    channel: u64,
    guild: bool,
    user: &'a Account,
    locale: &'a str,
    message: Option<Message>,
    deferred: bool,
    expires: Time,
}

/// The application's id and the bare token of an interaction; we keep both in our handle so that it
/// can be answered by a process that has not signed in yet.
pub(super) fn handle(interaction: &Interaction) -> Option<(u64, &str)> {
    let (application, token) = interaction.token.split_once('/')?;
    Some((application.parse().ok()?, token))
}

pub(super) fn setting_of(guild: bool) -> Setting {
    if guild {
        Setting::Group
    } else {
        Setting::Direct
    }
}

fn replies_to(referenced: Option<&Post>, me: u64) -> bool {
    referenced.is_some_and(|message| message.author.id.get() == me)
}

fn sender(account: &Account, locale: Option<&str>) -> Sender {
    Sender {
        user: User::new(account.id.get()),
        name: account
            .global_name
            .as_deref()
            .unwrap_or(&account.name)
            .to_owned(),
        language: locale.filter(|tag| !tag.is_empty()).map(str::to_owned),
    }
}

fn media(post: &Post, attachment: &Attachment, caption: String) -> What {
    let mime = attachment.content_type.as_deref().unwrap_or_default();
    let voice = post
        .flags
        .is_some_and(|flags| flags.contains(MessageFlags::IS_VOICE_MESSAGE));
    What::Media {
        media: if voice {
            MediaKind::Voice
        } else if mime.starts_with("image/") {
            MediaKind::Photo
        } else {
            MediaKind::Document
        },
        file: File {
            handle: FileHandle {
                channel: post.channel_id.get(),
                message: post.id.get(),
                attachment: attachment.id.get(),
                url: attachment.url.clone(),
            }
            .to_string(),
            name: Some(attachment.filename.clone()),
            mime: attachment.content_type.clone(),
            size: Some(attachment.size.into()),
            // A part of a second is paid like a whole one.
            seconds: attachment.duration_secs.map(|long| long.ceil() as u64),
        },
        caption,
    }
}

/// Where a file lies. Its address is signed for about a day, so the way to a fresh one is kept too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileHandle {
    pub(super) channel: u64,
    pub(super) message: u64,
    pub(super) attachment: u64,
    pub(super) url: String,
}

impl std::fmt::Display for FileHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            channel,
            message,
            attachment,
            url,
        } = self;
        write!(f, "{channel}/{message}/{attachment} {url}")
    }
}

impl FileHandle {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (ids, url) = text.split_once(' ')?;
        let mut ids = ids.split('/').map(|id| id.parse().ok());
        Some(Self {
            channel: ids.next()??,
            message: ids.next()??,
            attachment: ids.next()??,
            url: url.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
