//! What is said about choosing a model, and about keys that people bring.

use std::time::Duration;

use super::what_went_wrong;
use crate::model::is_name;

/// `/model auto`.
pub const MODEL_AUTO: &str = "I choose the model again from now on.";

/// Above the models that somebody may choose.
pub const MODEL_CHOICES: &str = "**You can choose**";

/// Below them.
pub const MODEL_HOW: &str = "Press one, or write /model and its name. /model auto leaves it to me.";

/// Behind the model that somebody chose.
pub const MODEL_YOURS: &str = "yours";

/// Behind a model that failed of late.
pub const MODEL_RESTS: &str = "resting after errors";

/// On the button that leaves the choice to Toney.
pub const MODEL_AUTO_BUTTON: &str = "You choose";

/// On the button that opens the form for a key.
pub const KEY_BUTTON: &str = "Use my own key";

/// Above the form for a key.
pub const KEY_FORM: &str = "Your own key";

/// Beside the fields of that form.
pub const KEY_FORM_PROVIDER: &str = "Provider, such as openai";

/// Beside the fields of that form.
pub const KEY_FORM_KEY: &str = "Key";

/// A key that somebody wrote where others read along.
pub const KEY_IN_GROUP: &str = "That was a key, and others can read along here. Please revoke it at your provider now and make a new one; I didn't use it. \
    Bring the new one to our direct chat: /model shows how.";

/// `/model key` where others read along.
pub const KEY_NOT_HERE: &str =
    "Keys are private, so let's do that in our direct chat: /model shows how.";

/// A key whose provider is not told.
pub const KEY_WITHOUT_PROVIDER: &str = "That looks like a key, so I read nothing else in it and didn't keep it. If you want me to use it, tell me whose it is, too: /model key openai YOUR-KEY";

/// A key among messages that came too fast to be read, before what the person has to do.
pub const KEY_UNREAD: &str = "One of your messages held a key; I read and kept nothing of it.";

/// The same, where Toney does it.
pub const KEY_TAKEN_AWAY: &str =
    "One of your messages held a key; I read and kept nothing of it, and delete that message.";

/// A message with a key could not be taken in.
pub const KEY_GIVEN_UP: &str = "Something went wrong on my side with your key, so I didn't keep it. Please try again later: /model shows how.";

/// A key that was sealed by an installation with another secret.
pub const KEY_UNREADABLE: &str =
    "I can't read that key any more. Please send it again: /model key openai YOUR-KEY";

/// Behind what becomes of a key, where the message that held it is deleted.
pub const KEY_DELETED: &str = "I delete your message with the key.";

/// Behind what becomes of a key where others read along, and the platform may let Toney delete it.
pub const KEY_TRIED: &str = "I try to delete your message.";

/// Behind what becomes of a key, where only the person can do that.
pub const KEY_TO_DELETE: &str =
    "Please delete your message with the key yourself; I'm not able to do that here.";

/// How a key is brought where the message is deleted.
const BY_MESSAGE: &str = "/model key openai YOUR-KEY (I delete that message)";

/// What a key of one's own is good for, and how it is brought.
pub fn own_key_hint(deletes: bool, forms: bool) -> String {
    let how = match (forms, deletes) {
        (true, _) => "press the button below",
        (false, true) => BY_MESSAGE,
        (false, false) => "/model key openai YOUR-KEY",
    };
    format!(
        "With a key of your own you pay its provider yourself and may use all of its models: {how}."
    )
}

/// Behind an answer that the person's own key could not bring.
pub fn own_key_refused(provider: &str) -> String {
    format!(
        "_(Your own key for {provider} was turned down, so I went on without it. /model key {provider} off forgets it.)_"
    )
}

/// Whose keys somebody brought.
pub fn own_keys(providers: &[String]) -> String {
    let first = providers.first().map_or("openai", String::as_str);
    format!(
        "I use your own key for {}. /model key {first} off forgets it.",
        providers.join(", ")
    )
}

/// Which model somebody chose, and whether with their own key.
pub fn chosen(model: &str, own: bool, others: bool) -> String {
    let key = if own { " with your own key" } else { "" };
    let behind = if others {
        " If it fails, I go on with the usual ones."
    } else {
        ""
    };
    format!("I answer you with `{model}`{key}.{behind}")
}

/// Somebody set a model.
pub fn model_set(model: &str, own: bool) -> String {
    let key = if own { ", with your own key" } else { "" };
    format!("From now on I answer you with `{model}`{key}. /model auto goes back.")
}

/// A model that somebody wants does not answer; what they had stays. `reason` is the word of the figures. A name that
/// nobody knows is not said again.
pub fn model_kept(model: Option<&str>, reason: &str, before: Option<&str>) -> String {
    let before = match before {
        Some(before) => format!("`{before}`"),
        None => "my own choice".to_owned(),
    };
    let wanted = match model {
        Some(model) => format!("`{model}`"),
        None => "that model".to_owned(),
    };
    format!(
        "I stay with {before}: {wanted} can't be used at the moment, since {}.",
        what_went_wrong(reason)
    )
}

/// No model, or several, are called so. Long words are not said again: one may be a key.
pub fn which_model(wanted: &str, several: &[&str]) -> String {
    match several {
        [] if !wanted.split_whitespace().all(is_name) => {
            "You have no model to choose that is called so. /model lists them.".to_owned()
        }
        [] => {
            let wanted: String = wanted.chars().take(60).collect();
            format!("You have no model to choose that is called “{wanted}”. /model lists them.")
        }
        several => format!(
            "Several models are called so: `{}`. Which one?",
            several.join("`, `")
        ),
    }
}

/// A provider for which no key can be brought. What stands in its place may be the key, and is not said again.
pub fn unknown_provider(known: &[String]) -> String {
    format!(
        "I don't know that provider. These are the ones for which I can use a key: {}.",
        known.join(", ")
    )
}

/// A key whose provider is not told, or is none of the known.
pub fn key_without_provider(known: &[String]) -> String {
    format!(
        "{KEY_WITHOUT_PROVIDER}\n\nThese are the providers for which I can use a key: {}.",
        known.join(", ")
    )
}

/// A key was checked and kept.
pub fn key_kept(provider: &str, model: &str) -> String {
    format!(
        "Your key for {provider} works. I keep it encrypted and answer you with `{model}` from now on, which {provider} bills to you. /model lists what else it brings, /model key {provider} off forgets it."
    )
}

/// A key was not kept. `reason` is the word of the figures.
pub fn key_refused(provider: &str, reason: &str) -> String {
    let why = match reason {
        "unauthorised" => "it was turned down".to_owned(),
        reason => format!("it could not be checked: {}", what_went_wrong(reason)),
    };
    format!("I didn't keep your key for {provider}, for {why}.")
}

/// `/model key PROVIDER off`: whether there was a key, and whether they had chosen a model of that provider.
pub fn key_dropped(provider: &str, was_there: Option<bool>) -> String {
    match was_there {
        Some(chose) => {
            let choice = match chose {
                true => format!(" {MODEL_AUTO}"),
                false => String::new(),
            };
            format!(
                "Your key for {provider} is deleted here.{choice} Revoke it there, too, if nobody else uses it."
            )
        }
        None if is_name(provider) => format!("I have no key of yours for {provider}."),
        None => "I have no key of yours for that provider.".to_owned(),
    }
}

/// What a model costs, in words and dollars for a million tokens; none where nobody knows.
pub fn price(dollars: Option<[f64; 2]>) -> String {
    let Some([per_in, per_out]) = dollars else {
        return "price unknown".to_owned();
    };
    let word = match per_out {
        0.0 => return "free".to_owned(),
        ..1.5 => "cheap",
        1.5..8.0 => "medium",
        _ => "dear",
    };
    format!("{word} (${per_in} in, ${per_out} out per million tokens)")
}

/// How fast a model is, in words.
pub fn speed(first_words: Option<Duration>) -> String {
    let Some(first) = first_words else {
        return "speed unknown".to_owned();
    };
    let word = match first.as_millis() {
        ..1_000 => "fast",
        1_000..3_000 => "not so fast",
        _ => "slow",
    };
    format!("{word} ({:.1} s)", first.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_and_speeds_have_words() {
        assert_eq!(price(None), "price unknown");
        assert_eq!(price(Some([0.0, 0.0])), "free");
        assert_eq!(
            price(Some([0.1, 0.4])),
            "cheap ($0.1 in, $0.4 out per million tokens)"
        );
        assert!(price(Some([1.0, 5.0])).starts_with("medium"));
        assert!(price(Some([3.0, 15.0])).starts_with("dear"));
        assert_eq!(speed(None), "speed unknown");
        assert_eq!(speed(Some(Duration::from_millis(840))), "fast (0.8 s)");
        assert!(speed(Some(Duration::from_secs(9))).starts_with("slow"));
    }
}
