//! What fans and artists are told: the artist's own words where there are some, ours otherwise. A field of which nothing
//! is known falls back to a word that reads well.

use crate::store::VoiceRow;

use super::check::FIELDS;
use super::definition::Amount;
use super::seen::{Scene, Seen};

const CHAT: &str = "Thank you so much for {amount}, {fan}! It means a lot. – {artist}";
const CHAT_WELCOME: &str = "Hi {fan}, lovely to have you here! – {artist}";
const SUBJECT: &str = "Thank you from {artist}";
const SUBJECT_WELCOME: &str = "Welcome from {artist}";
const MAIL: &str = "Hi {fan},\n\nthank you for {amount}. It means a lot to me, and it helps me to make more music.\n\n{artist}";
const MAIL_WELCOME: &str = "Hi {fan},\n\nlovely to have you here. You will hear from me when there is something new.\n\n{artist}";
const POST_TIP: &str = "A big thank-you to {fan} for the support!";
/// What a fan who tipped gets to read where the artist has no words of their own: in a chat, as subject and text of an
/// e-mail, in public.
pub const OURS: [&str; 4] = [CHAT, SUBJECT, MAIL, POST_TIP];
const POST: &str = "{what} Thank you all for being here! – {artist}";

/// The chat message to a fan.
pub(super) fn chat(own: Option<&str>, voice: &VoiceRow, scene: &Scene) -> String {
    let is_tip = scene.tip.is_some();
    let kept = Some(voice.chat_text.as_str()).filter(|_| is_tip);
    let ours = if is_tip { CHAT } else { CHAT_WELCOME };
    fill(choose(own, kept, ours), scene)
}

/// Subject and text of the e-mail to a fan.
pub(super) fn mail(
    (subject, text): (Option<&str>, Option<&str>),
    voice: &VoiceRow,
    scene: &Scene,
) -> (String, String) {
    let is_tip = scene.tip.is_some();
    let kept = |text| Some(text).filter(|_: &&str| is_tip);
    let (ours, words) = match is_tip {
        true => (SUBJECT, MAIL),
        false => (SUBJECT_WELCOME, MAIL_WELCOME),
    };
    let subject = fill(choose(subject, kept(&voice.mail_subject), ours), scene);
    // A name that somebody gave must not begin a new header.
    let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    (
        subject.chars().take(150).collect(),
        fill(choose(text, kept(&voice.mail_text), words), scene),
    )
}

/// What is said in public.
pub(super) fn post(own: Option<&str>, voice: &VoiceRow, scene: &Scene) -> String {
    let is_tip = scene.tip.is_some();
    let kept = Some(voice.public_text.as_str()).filter(|_| is_tip);
    fill(
        choose(own, kept, if is_tip { POST_TIP } else { POST }),
        scene,
    )
}

/// The line to the artist.
pub(super) fn note(own: Option<&str>, scene: &Scene) -> String {
    match own {
        Some(own) => fill(own, scene),
        None => fill("{what}", scene),
    }
}

fn choose<'a>(own: Option<&'a str>, kept: Option<&'a str>, ours: &'a str) -> &'a str {
    let is_there = |text: &&str| !text.trim().is_empty();
    own.filter(is_there)
        .or(kept.filter(is_there))
        .unwrap_or(ours)
}

/// Puts what is known into the braces. What is put in is not read again.
pub(super) fn fill(text: &str, scene: &Scene) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        out.push_str(before);
        match behind.split_once('}') {
            Some((field, after)) if FIELDS.contains(&field) => {
                out.push_str(&value(field, scene));
                rest = after;
            }
            Some(_) | None => {
                out.push('{');
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out.trim().to_owned()
}

fn value(field: &str, scene: &Scene) -> String {
    let or = |text: String, instead: &str| match text.trim() {
        "" => instead.to_owned(),
        text => text.to_owned(),
    };
    match field {
        "fan" => or(plain(&scene.fan_name), "friend"),
        "amount" => {
            let gross = scene.tip.as_ref().map(|tip| Amount(tip.gross));
            gross.map_or_else(|| "your support".to_owned(), |gross| words(&gross))
        }
        "artist" => or(scene.artist.clone(), "the artist"),
        "message" => or(quoted(scene), "no message"),
        "when" => scene.now.to_string(),
        _ => what(scene),
    }
}

/// `12.50 USD`, `50 Stars`.
fn words(amount: &Amount) -> String {
    let text = amount.to_string();
    match text.strip_suffix(" XTR") {
        Some("1") => "1 Star".to_owned(),
        Some(stars) => format!("{stars} Stars"),
        None => text,
    }
}

/// What somebody calls themselves, in one line without marks.
fn plain(name: &str) -> String {
    let marks = [
        '*', '_', '`', '[', ']', '(', ')', '<', '>', '#', '|', '\\', '~', '@',
    ];
    let letters = name
        .chars()
        .filter(|letter| !letter.is_control() && !marks.contains(letter));
    letters.take(60).collect::<String>().trim().to_owned()
}

/// What the fan wrote, as data: one line, without marks.
fn quoted(scene: &Scene) -> String {
    let message = scene.tip.as_ref().map_or("", |tip| tip.message.as_str());
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let marks = ['*', '_', '`', '[', ']', '<', '>', '#', '|', '\\', '~', '@'];
    line.chars()
        .filter(|letter| !marks.contains(letter))
        .take(300)
        .collect()
}

/// What happened, in a sentence for the artist.
fn what(scene: &Scene) -> String {
    match &scene.seen {
        Seen::Tip { .. } => {
            let name = plain(&scene.fan_name);
            let who = if name.is_empty() {
                "Somebody".to_owned()
            } else {
                name
            };
            let amount = scene.tip.as_ref().map(|tip| words(&Amount(tip.gross)));
            let amount = amount.unwrap_or_else(|| "you".to_owned());
            match quoted(scene).as_str() {
                "" => format!("{who} tipped {amount}."),
                message => format!("{who} tipped {amount}: “{message}”"),
            }
        }
        Seen::NewFan {} => match plain(&scene.fan_name).as_str() {
            "" => "You have a new fan.".to_owned(),
            name => format!("{name} is a new fan."),
        },
        Seen::Milestone {
            fans: Some(fans), ..
        } => format!("You have {fans} fans now!"),
        Seen::Milestone {
            earned: Some(earned),
            ..
        } => format!("You have earned {}!", words(&Amount(*earned))),
        Seen::Milestone { .. } => "You reached a milestone!".to_owned(),
        Seen::ReleaseDay { title, days: 0 } => format!("“{}” is out today!", plain(title)),
        Seen::ReleaseDay { title, days } if *days < 0 => format!(
            "“{}” comes out in {} days.",
            plain(title),
            days.unsigned_abs()
        ),
        Seen::ReleaseDay { title, days } => {
            format!("“{}” has been out for {days} days.", plain(title))
        }
        Seen::Payout {
            gross,
            failed: false,
        } => format!("{} was paid out to you.", words(&Amount(*gross))),
        Seen::Payout { gross, .. } => {
            format!("A payout of {} did not go through.", words(&Amount(*gross)))
        }
        Seen::Schedule {} => "It is time, as you asked.".to_owned(),
        Seen::StreamSpike { percent } => format!("Your streams are up by {percent} %."),
        Seen::WorkflowFailed { reason, .. } => {
            format!("One of your workflows failed: {}", plain(reason))
        }
    }
}
