use std::time::Duration;

use serde::Deserialize;
use teloxide_core::payloads::{
    DeleteMessage, EditMessageCaption, EditMessageReplyMarkup, EditMessageText, SendChatAction,
    SendMessage,
};
use teloxide_core::types::{
    ChatAction, ChatId, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions,
    MessageEntity, MessageEntityKind, MessageId, Recipient, ReplyMarkup, ReplyParameters, ThreadId,
};
use url::Url;

use super::call::CallError;
use crate::model::{self, Address, Button, Part, Span, Style};
use crate::platform::{Edit, Letter, SendError, Shown};

/// Longest text that a button carries back, in bytes, by the Bot API.
const DATA: usize = 64;

/// Of a message that was sent only its id matters.
#[derive(Deserialize)]
pub(super) struct Sent {
    pub(super) message_id: i64,
}

/// The request that sends a letter.
pub(super) fn message(letter: &Letter<'_>) -> Result<SendMessage, SendError> {
    // `id` and `nonce` find no place in the Bot API; `find` makes up for that.
    let Letter {
        id: _,
        nonce: _,
        address,
        part,
        buttons,
        reply_to,
        interaction: _,
        attached: _,
    } = letter;
    let mut request = SendMessage::new(chat(address)?, part.text.clone());
    request.message_thread_id = thread(address)?;
    request.entities = entities(part);
    request.link_preview_options = Some(no_preview());
    request.reply_markup = keyboard(buttons)?.map(ReplyMarkup::InlineKeyboard);
    // The message may be deleted by now; the answer is due all the same.
    request.reply_parameters = reply_to
        .and_then(model::Message::number)
        .map(|number| ReplyParameters::new(MessageId(number)).allow_sending_without_reply());
    Ok(request)
}

/// The method that sends a file, and the field that the file goes in.
pub(super) fn method(shown: Shown) -> (&'static str, &'static str) {
    match shown {
        Shown::Voice => ("SendVoice", "voice"),
        Shown::Picture => ("SendPhoto", "photo"),
        Shown::File => ("SendDocument", "document"),
    }
}

/// The fields of the request that sends a file, which itself goes beside them.
pub(super) fn beside(letter: &Letter<'_>) -> Result<Vec<(&'static str, String)>, SendError> {
    let Letter {
        id: _,
        nonce: _,
        address,
        part,
        buttons,
        reply_to,
        interaction: _,
        attached: _,
    } = letter;
    let mut fields = vec![("chat_id", written(&chat(address)?)?)];
    if let Some(thread) = thread(address)? {
        fields.push(("message_thread_id", written(&thread)?));
    }
    if !part.text.is_empty() {
        fields.push(("caption", part.text.clone()));
    }
    if let Some(entities) = entities(part) {
        fields.push(("caption_entities", written(&entities)?));
    }
    if let Some(keyboard) = keyboard(buttons)? {
        fields.push(("reply_markup", written(&keyboard)?));
    }
    if let Some(number) = reply_to.and_then(model::Message::number) {
        let reply = ReplyParameters::new(MessageId(number)).allow_sending_without_reply();
        fields.push(("reply_parameters", written(&reply)?));
    }
    Ok(fields)
}

fn written(value: &impl serde::Serialize) -> Result<String, SendError> {
    serde_json::to_string(value).map_err(|error| SendError::Rejected(error.to_string()))
}

/// The request that gives the message with this number a new caption.
pub(super) fn caption(
    address: &Address,
    message: MessageId,
    part: &Part,
    buttons: &[Vec<Button>],
) -> Result<EditMessageCaption, SendError> {
    let mut request = EditMessageCaption::new(chat(address)?, message);
    request.caption = Some(part.text.clone());
    request.caption_entities = entities(part);
    request.reply_markup = keyboard(buttons)?;
    Ok(request)
}

/// The request that gives a message with a file a new caption.
pub(super) fn recaption(edit: &Edit<'_>) -> Result<EditMessageCaption, SendError> {
    caption(edit.address, number(edit.message)?, edit.part, edit.buttons)
}

/// The request that gives a message a new text.
pub(super) fn edit(edit: &Edit<'_>) -> Result<EditMessageText, SendError> {
    let Edit {
        address,
        message,
        part,
        buttons,
        growing: _,
        interaction: _,
    } = edit;
    text(address, number(message)?, part, buttons)
}

/// The request that gives the message with this number a new text.
pub(super) fn text(
    address: &Address,
    message: MessageId,
    part: &Part,
    buttons: &[Vec<Button>],
) -> Result<EditMessageText, SendError> {
    let mut request = EditMessageText::new(chat(address)?, message, part.text.clone());
    request.entities = entities(part);
    request.link_preview_options = Some(no_preview());
    request.reply_markup = keyboard(buttons)?;
    Ok(request)
}

/// The request that gives a message other buttons; without any, the old ones go.
pub(super) fn markup(
    address: &Address,
    message: &model::Message,
    buttons: &[Vec<Button>],
) -> Result<EditMessageReplyMarkup, SendError> {
    let mut request = EditMessageReplyMarkup::new(chat(address)?, number(message)?);
    request.reply_markup = keyboard(buttons)?;
    Ok(request)
}

/// The request that deletes a message; of what people write, only what they wrote to the bot alone.
pub(super) fn deletion(
    address: &Address,
    message: &model::Message,
) -> Result<DeleteMessage, SendError> {
    Ok(DeleteMessage::new(chat(address)?, number(message)?))
}

/// The request that shows "is typing".
pub(super) fn typing(address: &Address) -> Result<SendChatAction, SendError> {
    let mut request = SendChatAction::new(chat(address)?, ChatAction::Typing);
    request.message_thread_id = thread(address)?;
    Ok(request)
}

/// What a failed call means for what was to be said in `chat`.
pub(super) fn sort(error: CallError) -> SendError {
    match error {
        CallError::NotSent(why) => SendError::NotSent(why),
        CallError::Timeout => SendError::Unknown("no answer in time".to_owned()),
        CallError::Lost(why) | CallError::Nonsense(why) => SendError::Unknown(why),
        CallError::TooFast(after) => SendError::RateLimited { after, all: false },
        CallError::Moved(to) => SendError::Moved(model::Chat::new(to)),
        // The bot's own trouble, not the message's: nothing was taken, and all will be well again once
        // the token or the address is mended.
        CallError::Refused {
            code: code @ (401 | 404 | 409),
            description,
        } => SendError::NotSent(format!("{code} {description}")),
        CallError::Refused {
            code: 403,
            description,
        } => SendError::Gone(description),
        CallError::Refused {
            code: _,
            description,
        } if is_nobody(&description) => SendError::Gone(description),
        CallError::Refused {
            code: 400,
            description,
        } if is_vanished(&description) => SendError::Vanished(description),
        CallError::Refused {
            code: _,
            description,
        } => SendError::Rejected(description),
    }
}

/// Whether Telegram says that the message has no text of its own but a caption.
pub(super) fn is_captioned(error: &CallError) -> bool {
    matches!(error, CallError::Refused { code: 400, description } if description.to_lowercase().contains("there is no text in the message to edit"))
}

/// Whether Telegram says that the message says this already.
pub(super) fn is_unchanged(error: &CallError) -> bool {
    matches!(error, CallError::Refused { code: 400, description } if description.to_lowercase().contains("message is not modified"))
}

/// A 400 that speaks of the chat and not of the message.
pub(super) fn is_nobody(description: &str) -> bool {
    const NOBODY: &[&str] = &[
        "chat not found",
        "user not found",
        "peer_id_invalid",
        "chat was deactivated",
        "group is deactivated",
        "user is deactivated",
        "have no rights to send",
        "not enough rights to send",
        "chat_write_forbidden",
        "message thread not found",
        "topic_deleted",
    ];
    let description = description.to_lowercase();
    NOBODY.iter().any(|sign| description.contains(sign))
}

/// A 400 for a message that somebody deleted.
fn is_vanished(description: &str) -> bool {
    const VANISHED: &[&str] = &[
        "message to edit not found",
        "message can't be edited",
        "message_id_invalid",
    ];
    let description = description.to_lowercase();
    VANISHED.iter().any(|sign| description.contains(sign))
}

fn chat(address: &Address) -> Result<Recipient, SendError> {
    let number = address
        .chat
        .number()
        .ok_or_else(|| SendError::Rejected("the chat is not one of Telegram".to_owned()))?;
    Ok(Recipient::Id(ChatId(number)))
}

fn thread(address: &Address) -> Result<Option<ThreadId>, SendError> {
    let Some(thread) = &address.thread else {
        return Ok(None);
    };
    let number = thread
        .number()
        .ok_or_else(|| SendError::Rejected("the topic is not one of Telegram".to_owned()))?;
    Ok(Some(ThreadId(MessageId(number))))
}

fn number(message: &model::Message) -> Result<MessageId, SendError> {
    let number = message
        .number()
        .ok_or_else(|| SendError::Rejected("the message is not one of Telegram".to_owned()))?;
    Ok(MessageId(number))
}

fn no_preview() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}

fn keyboard(buttons: &[Vec<Button>]) -> Result<Option<InlineKeyboardMarkup>, SendError> {
    let mut rows = Vec::with_capacity(buttons.len());
    for row in buttons.iter().filter(|row| !row.is_empty()) {
        let mut keys = Vec::with_capacity(row.len());
        for Button { label, data, url } in row {
            if let Some(url) = url {
                let page = Url::parse(url).map_err(|_| {
                    SendError::Rejected("a button opens what is no address".to_owned())
                })?;
                keys.push(InlineKeyboardButton::url(label.clone(), page));
                continue;
            }
            if data.is_empty() || data.len() > DATA {
                return Err(SendError::Rejected(format!(
                    "a button carries {} bytes; 1 to {DATA} are allowed",
                    data.len()
                )));
            }
            keys.push(InlineKeyboardButton::callback(label.clone(), data.clone()));
        }
        rows.push(keys);
    }
    Ok((!rows.is_empty()).then(|| InlineKeyboardMarkup::new(rows)))
}

fn entities(part: &Part) -> Option<Vec<MessageEntity>> {
    let entities: Vec<_> = part.spans.iter().filter_map(entity).collect();
    (!entities.is_empty()).then_some(entities)
}

/// A link that is no address loses its style and keeps its words.
fn entity(span: &Span) -> Option<MessageEntity> {
    let Span { start, len, style } = span;
    let kind = match style {
        Style::Bold => MessageEntityKind::Bold,
        Style::Italic => MessageEntityKind::Italic,
        Style::Strike => MessageEntityKind::Strikethrough,
        Style::Code => MessageEntityKind::Code,
        Style::Fence(language) => MessageEntityKind::Pre {
            language: language.clone(),
        },
        Style::Link(url) => MessageEntityKind::TextLink {
            url: Url::parse(url).ok()?,
        },
        Style::Quote => MessageEntityKind::Blockquote,
    };
    (*len > 0).then(|| MessageEntity::new(kind, *start, *len))
}

/// Remembers which chats were told to wait, to tell a slow chat from a slow account.
#[derive(Debug, Default)]
pub(super) struct Waits(Vec<(i64, String)>);

impl Waits {
    /// Three chats within a second are no coincidence.
    const CHATS: usize = 3;
    const WINDOW: Duration = Duration::from_secs(1);

    /// Notes that `chat` was told to wait at `now` (in milliseconds); true if it is the account.
    pub(super) fn note(&mut self, now: i64, chat: &str) -> bool {
        let window = i64::try_from(Self::WINDOW.as_millis()).unwrap_or(i64::MAX);
        self.0
            .retain(|(at, known)| now.saturating_sub(*at) <= window && known != chat);
        self.0.push((now, chat.to_owned()));
        self.0.len() >= Self::CHATS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids, OutboundId};

    fn refused(code: u16, description: &str) -> SendError {
        sort(CallError::Refused {
            code,
            description: description.to_owned(),
        })
    }

    #[test]
    fn refusals_are_sorted() {
        for gone in [
            refused(403, "Forbidden: bot was blocked by the user"),
            refused(403, "Forbidden: bot was kicked from the supergroup chat"),
            refused(403, "Forbidden: user is deactivated"),
            refused(400, "Bad Request: chat not found"),
            refused(
                400,
                "Bad Request: not enough rights to send text messages to the chat",
            ),
            refused(400, "Bad Request: message thread not found"),
        ] {
            assert!(matches!(gone, SendError::Gone(_)), "{gone:?}");
        }
        for rejected in [
            refused(400, "Bad Request: message is too long"),
            refused(413, "Request Entity Too Large"),
        ] {
            assert!(matches!(rejected, SendError::Rejected(_)), "{rejected:?}");
        }
        assert!(matches!(
            refused(400, "Bad Request: message to edit not found"),
            SendError::Vanished(_)
        ));
        assert!(matches!(
            refused(401, "Unauthorized"),
            SendError::NotSent(_)
        ));
        assert!(matches!(sort(CallError::Timeout), SendError::Unknown(_)));
        assert!(matches!(
            sort(CallError::Lost("HTTP 502".to_owned())),
            SendError::Unknown(_)
        ));
        assert_eq!(
            sort(CallError::Moved(-1005)),
            SendError::Moved(model::Chat::new(-1005))
        );
        let after = Duration::from_secs(37);
        assert_eq!(
            sort(CallError::TooFast(after)),
            SendError::RateLimited { after, all: false }
        );
    }

    #[test]
    fn three_chats_within_a_second_are_the_account() {
        let mut waits = Waits::default();
        assert!(!waits.note(0, "1"));
        assert!(!waits.note(10, "1"));
        assert!(!waits.note(20, "2"));
        assert!(waits.note(30, "3"));
        assert!(!waits.note(2_000, "4"));
    }

    #[test]
    fn a_letter_becomes_a_request() {
        let span = |start, len, style| Span { start, len, style };
        let part = Part {
            text: "Hello 🎵 here".to_owned(),
            spans: vec![
                span(0, 5, Style::Bold),
                span(6, 2, Style::Fence(Some("rust".to_owned()))),
                span(6, 2, Style::Fence(None)),
                span(9, 4, Style::Link("https://example.com/".to_owned())),
                span(9, 4, Style::Link("no address".to_owned())),
                span(9, 0, Style::Code),
            ],
        };
        let address: Address = "telegram:main:-1001:7".parse().unwrap();
        let buttons = vec![vec![Button::new("Yes", "yes:1")]];
        let reply = model::Message::new(41);
        let letter = Letter {
            id: OutboundId::new(&Ids::new(Clock::System, Some(1))),
            nonce: "n",
            address: &address,
            part: &part,
            buttons: &buttons,
            reply_to: Some(&reply),
            interaction: None,
            attached: None,
        };
        let json = serde_json::to_value(message(&letter).unwrap()).unwrap();
        let expected = serde_json::json!({
            "chat_id": -1001, "text": "Hello 🎵 here", "message_thread_id": 7,
            "entities": [
                {"type": "bold", "offset": 0, "length": 5},
                {"type": "pre", "language": "rust", "offset": 6, "length": 2},
                {"type": "pre", "offset": 6, "length": 2},
                {"type": "text_link", "url": "https://example.com/", "offset": 9, "length": 4},
            ],
            "link_preview_options": {"is_disabled": true},
            "reply_parameters": {"message_id": 41, "allow_sending_without_reply": true},
            "reply_markup": {"inline_keyboard": [[{"text": "Yes", "callback_data": "yes:1"}]]},
        });
        assert_eq!(json, expected);

        let long = vec![vec![Button::new("Yes", "x".repeat(65))]];
        assert!(matches!(
            message(&Letter {
                buttons: &long,
                ..letter
            }),
            Err(SendError::Rejected(_))
        ));
    }
}
