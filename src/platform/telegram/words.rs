use serde_json::Value;

use super::MAX_DOWNLOAD;
use super::incoming::{Entity, Media, Message, Photo};
use super::reading::Me;
use crate::model::{File, MediaKind, What};

/// Longest name of a command, by the Bot API.
const COMMAND: usize = 32;

/// What a message says, and whether its words name us.
pub(super) struct Told {
    pub(super) what: What,
    pub(super) meant: bool,
}

/// Null bytes are no text anywhere and PostgreSQL refuses them.
pub(super) fn clean(text: &str) -> String {
    text.replace('\0', "")
}

/// Finds out what a message says, or why it says nothing to us.
pub(super) fn told(message: &Message, me: &Me) -> Result<Told, &'static str> {
    if let Some(text) = &message.text {
        let (text, meant) = without_mention(text, message.entities.as_deref(), me);
        return spoken(text, meant, message.chat.is_private(), me);
    }
    if let Some((media, file)) = file(message) {
        let caption = message.caption.as_deref().unwrap_or_default();
        let (caption, meant) = without_mention(caption, message.caption_entities.as_deref(), me);
        let meant = meant
            || matches!(command(caption), Some(Command { bot, .. }) if bot.is_none_or(|bot| is_us(bot, me)));
        return Ok(Told {
            what: What::Media {
                media,
                file,
                caption: clean(caption),
            },
            meant,
        });
    }
    if let Some(rich) = &message.rich_message {
        let text = rich_words(rich);
        let meant = names_us(&text, me);
        return spoken(&text, meant, message.chat.is_private(), me);
    }
    let text = wordless(message).ok_or("message_other")?;
    Ok(Told {
        what: What::Text { text },
        meant: false,
    })
}

/// The new words of an edited message, and whether they name us; none if it has no words.
pub(super) fn edited(message: &Message, me: &Me) -> Option<(String, bool)> {
    if let Some(rich) = &message.rich_message {
        let text = rich_words(rich);
        let meant = names_us(&text, me);
        return Some((text, meant));
    }
    let (text, entities) = match (&message.text, &message.caption) {
        (Some(text), _) => (text, &message.entities),
        (None, Some(caption)) => (caption, &message.caption_entities),
        (None, None) => return None,
    };
    let (text, meant) = without_mention(text, entities.as_deref(), me);
    let ours = command(text).is_some_and(|command| command.bot.is_none_or(|bot| is_us(bot, me)));
    Some((clean(text), meant || ours))
}

fn spoken(text: &str, meant: bool, direct: bool, me: &Me) -> Result<Told, &'static str> {
    let Some(Command { name, bot, args }) = command(text) else {
        return Ok(Told {
            what: What::Text { text: clean(text) },
            meant,
        });
    };
    if !direct && bot.is_some_and(|bot| !is_us(bot, me)) {
        return Err("command_for_others");
    }
    let what = What::Command {
        name: name.to_ascii_lowercase(),
        args: clean(args),
    };
    Ok(Told { what, meant: true })
}

/// The bare words of a rich message, a line for each block.
fn rich_words(rich: &Value) -> String {
    let mut words = String::new();
    if let Some(blocks) = rich.get("blocks") {
        gather(blocks, false, &mut words);
    }
    clean(words.trim())
}

/// Words stand only under `text`; every other string is an address, a name or a kind.
fn gather(value: &Value, is_text: bool, words: &mut String) {
    match value {
        Value::String(text) if is_text => words.push_str(text),
        Value::Array(pieces) => pieces
            .iter()
            .for_each(|piece| gather(piece, is_text, words)),
        Value::Object(fields) => {
            for (name, field) in fields {
                gather(field, name == "text", words);
            }
            if !is_text && !words.is_empty() && !words.ends_with('\n') {
                words.push('\n');
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn names_us(text: &str, me: &Me) -> bool {
    let ends = |letter: char| !letter.is_alphanumeric() && letter != '_';
    text.split('@')
        .skip(1)
        .any(|rest| rest.split(ends).next().is_some_and(|name| is_us(name, me)))
}

struct Command<'a> {
    name: &'a str,
    bot: Option<&'a str>,
    args: &'a str,
}

/// `/name@bot args`. By its form and not by Telegram's entity, which a forwarded or pasted line lacks.
fn command(text: &str) -> Option<Command<'_>> {
    let line = text.trim_start().strip_prefix('/')?;
    let (head, args) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let (name, bot) = match head.split_once('@') {
        Some((name, bot)) => (name, Some(bot)),
        None => (head, None),
    };
    let sound = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let fits = name.len() <= COMMAND && sound(name) && bot.is_none_or(sound);
    fits.then_some(Command {
        name,
        bot,
        args: args.trim(),
    })
}

fn is_us(username: &str, me: &Me) -> bool {
    username.eq_ignore_ascii_case(&me.username)
}

/// Takes a mention of us off the beginning; true if we are mentioned anywhere.
fn without_mention<'a>(text: &'a str, entities: Option<&[Entity]>, me: &Me) -> (&'a str, bool) {
    let mut rest = text;
    let mut meant = false;
    for entity in entities.unwrap_or_default() {
        let Some((before, name, after)) = cut(text, entity.offset, entity.length) else {
            continue;
        };
        let ours = match entity.kind.as_str() {
            "mention" => name.strip_prefix('@').is_some_and(|name| is_us(name, me)),
            "text_mention" => entity.user.as_ref().is_some_and(|user| user.id == me.id),
            _ => false,
        };
        meant |= ours;
        if ours && before.trim().is_empty() {
            rest = after
                .trim_start()
                .trim_start_matches([',', ':'])
                .trim_start();
        }
    }
    (rest, meant)
}

/// Cuts a text at two places given in UTF-16 units; none if they lie inside a letter or beyond the end.
fn cut(text: &str, offset: usize, length: usize) -> Option<(&str, &str, &str)> {
    let start = byte_at(text, offset)?;
    let (before, rest) = text.split_at_checked(start)?;
    let (inside, after) = rest.split_at_checked(byte_at(rest, length)?)?;
    Some((before, inside, after))
}

fn byte_at(text: &str, units: usize) -> Option<usize> {
    let mut passed = 0;
    for (byte, letter) in text.char_indices() {
        if passed >= units {
            return (passed == units).then_some(byte);
        }
        passed += letter.len_utf16();
    }
    (passed == units).then_some(text.len())
}

fn file(message: &Message) -> Option<(MediaKind, File)> {
    let Message {
        photo,
        voice,
        animation,
        document,
        audio,
        video,
        video_note,
        ..
    } = message;
    if let Some(photo) = photo.as_deref().and_then(largest) {
        return Some((MediaKind::Photo, picture(photo)));
    }
    if let Some(voice) = voice {
        return Some((MediaKind::Voice, described(voice, "audio/ogg")));
    }
    // The round ones are spoken into a telephone, too.
    if let Some(spoken) = video_note {
        return Some((MediaKind::Voice, described(spoken, "video/mp4")));
    }
    // An animation comes as a document too; either would do.
    let others = [
        (animation, "video/mp4"),
        (audio, "audio/mpeg"),
        (video, "video/mp4"),
        (document, "application/octet-stream"),
    ];
    others
        .into_iter()
        .find_map(|(media, mime)| Some((MediaKind::Document, described(media.as_ref()?, mime))))
}

fn described(media: &Media, mime: &str) -> File {
    let Media {
        file_id,
        file_name,
        mime_type,
        file_size,
        duration,
    } = media;
    File {
        handle: file_id.clone(),
        name: file_name.as_deref().map(clean),
        mime: Some(mime_type.as_deref().map_or_else(|| mime.to_owned(), clean)),
        size: *file_size,
        seconds: *duration,
    }
}

fn picture(photo: &Photo) -> File {
    File {
        handle: photo.file_id.clone(),
        name: None,
        mime: Some("image/jpeg".to_owned()),
        size: photo.file_size,
        seconds: None,
    }
}

/// The largest size of a picture that can be fetched.
fn largest(sizes: &[Photo]) -> Option<&Photo> {
    let fits = |photo: &&Photo| photo.file_size.is_none_or(|size| size <= MAX_DOWNLOAD);
    sizes
        .iter()
        .filter(fits)
        .max_by_key(|photo| photo.width.saturating_mul(photo.height))
}

/// A word in brackets for what has none of its own, so that the person can be told what becomes of it.
/// Service messages (somebody joined, a title changed) stay nameless: nobody waits for an answer.
fn wordless(message: &Message) -> Option<String> {
    if let Some(sticker) = &message.sticker {
        return Some(with_emoji("sticker", sticker.emoji.as_deref()));
    }
    if let Some(dice) = &message.dice {
        return Some(with_emoji("dice", dice.emoji.as_deref()));
    }
    let names = [
        ("[place]", message.venue.is_some()),
        ("[location]", message.location.is_some()),
        ("[contact]", message.contact.is_some()),
        ("[poll]", message.poll.is_some()),
        ("[checklist]", message.checklist.is_some()),
        ("[story]", message.story.is_some()),
        ("[game]", message.game.is_some()),
        ("[paid media]", message.paid_media.is_some()),
        ("[giveaway]", message.giveaway.is_some()),
    ];
    let (name, _) = names.into_iter().find(|(_, there)| *there)?;
    // Paid media may have words under it, which say more than our bracket.
    Some(
        message
            .caption
            .as_deref()
            .map_or_else(|| name.to_owned(), clean),
    )
}

fn with_emoji(name: &str, emoji: Option<&str>) -> String {
    match emoji {
        Some(emoji) => clean(&format!("[{name} {emoji}]")),
        None => format!("[{name}]"),
    }
}
