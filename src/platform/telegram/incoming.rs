use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::HashMap;

// Our own lean shapes of what comes in, and not the library's: those know every kind of message there
// was when they were written and refuse the rest, and try some sixty shapes one after the other for
// each message. Here a field that is missing or odd is just not there.

/// One update: its number and the raw text of the kinds that we ask for.
#[derive(Deserialize)]
pub(super) struct Update<'a> {
    pub(super) update_id: i64,
    #[serde(borrow, default)]
    pub(super) message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) edited_message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) callback_query: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) my_chat_member: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) pre_checkout_query: Option<&'a RawValue>,
}

/// An update of which nothing but the number is asked.
#[derive(Deserialize)]
pub(super) struct Numbered {
    pub(super) update_id: i64,
}

/// The kinds of updates that there are today; anything else is counted as `unknown`, so that nobody
/// can fill the metrics with made-up names.
const KINDS: &[&str] = &[
    "business_connection",
    "business_message",
    "channel_post",
    "chat_boost",
    "chat_join_request",
    "chat_member",
    "chosen_inline_result",
    "deleted_business_messages",
    "edited_business_message",
    "edited_channel_post",
    "guest_message",
    "inline_query",
    "managed_bot",
    "message_reaction",
    "message_reaction_count",
    "poll",
    "poll_answer",
    "purchased_paid_media",
    "removed_chat_boost",
    "shipping_query",
];

/// The name of an update's kind, for counting.
pub(super) fn kind(raw: &str) -> &'static str {
    let Ok(fields) = serde_json::from_str::<HashMap<String, IgnoredAny>>(raw) else {
        return "malformed";
    };
    let known = KINDS.iter().find(|kind| fields.contains_key(**kind));
    known.copied().unwrap_or("unknown")
}

#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) message_id: i64,
    #[serde(default)]
    pub(super) date: i64,
    pub(super) chat: Chat,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) from: Option<User>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) sender_chat: Option<Chat>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) message_thread_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) is_topic_message: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) is_automatic_forward: Option<bool>,
    #[serde(default)]
    pub(super) forward_origin: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) business_connection_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) guest_query_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) reply_to_message: Option<Replied>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) text: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) entities: Option<Vec<Entity>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) caption: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) caption_entities: Option<Vec<Entity>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) rich_message: Option<Value>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) photo: Option<Vec<Photo>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) voice: Option<Media>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) animation: Option<Media>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) document: Option<Media>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) audio: Option<Media>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) video: Option<Media>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) video_note: Option<Media>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) sticker: Option<Emoji>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) dice: Option<Emoji>,
    #[serde(default)]
    pub(super) venue: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) location: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) contact: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) poll: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) checklist: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) story: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) game: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) paid_media: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) giveaway: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) migrate_to_chat_id: Option<i64>,
    #[serde(default)]
    pub(super) successful_payment: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) refunded_payment: Option<IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct Chat {
    pub(super) id: i64,
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) title: Option<String>,
}

impl Chat {
    pub(super) fn is_private(&self) -> bool {
        self.kind == "private"
    }
}

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) is_bot: bool,
    #[serde(default)]
    pub(super) first_name: String,
    #[serde(default)]
    pub(super) last_name: Option<String>,
    #[serde(default)]
    pub(super) language_code: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Replied {
    pub(super) message_id: i64,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) from: Option<User>,
}

/// `offset` and `length` in UTF-16 units.
#[derive(Deserialize)]
pub(super) struct Entity {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) offset: usize,
    pub(super) length: usize,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) user: Option<User>,
}

#[derive(Deserialize)]
pub(super) struct Photo {
    pub(super) file_id: String,
    #[serde(default)]
    pub(super) width: u64,
    #[serde(default)]
    pub(super) height: u64,
    #[serde(default)]
    pub(super) file_size: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Media {
    pub(super) file_id: String,
    #[serde(default)]
    pub(super) file_name: Option<String>,
    #[serde(default)]
    pub(super) mime_type: Option<String>,
    #[serde(default)]
    pub(super) file_size: Option<u64>,
    #[serde(default)]
    pub(super) duration: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Emoji {
    #[serde(default)]
    pub(super) emoji: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CallbackQuery {
    pub(super) id: String,
    pub(super) from: User,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) message: Option<Card>,
    #[serde(default)]
    pub(super) data: Option<String>,
}

/// The message under which a button stands; of an old one hardly more than the ids is told.
#[derive(Deserialize)]
pub(super) struct Card {
    pub(super) message_id: i64,
    pub(super) chat: Chat,
    #[serde(default)]
    pub(super) message_thread_id: Option<i64>,
    #[serde(default)]
    pub(super) is_topic_message: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct ChatMemberUpdated {
    pub(super) chat: Chat,
    pub(super) from: User,
    #[serde(default)]
    pub(super) date: i64,
    pub(super) new_chat_member: ChatMember,
}

#[derive(Deserialize)]
pub(super) struct ChatMember {
    pub(super) status: String,
    #[serde(default)]
    pub(super) is_member: Option<bool>,
    #[serde(default)]
    pub(super) can_send_messages: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct PreCheckoutQuery {
    pub(super) id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) from: Option<User>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) currency: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) total_amount: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) invoice_payload: Option<String>,
}

/// Reads a field that must not spoil the rest: what does not fit is not there.
fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let raw = <Option<&RawValue>>::deserialize(deserializer)?;
    Ok(raw.and_then(|raw| serde_json::from_str(raw.get()).ok()))
}
