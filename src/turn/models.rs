//! `/model`: what somebody may choose from, setting one, and keys of one's own.
//!
//! A choice is tried before it counts, and a key before it is kept; what was chosen before stays otherwise.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::llm::{Offer, Secret, Task, Wish};
use crate::model::{
    Content, Failure, Features, Inbound, Message, ModelPress as Press, Setting, What, hex, phrases,
};
use crate::store::Change;

use super::command::{self, Chain};
use super::commit::Commit;
use super::{Scene, Turn};

/// Models on one page of the list.
const PAGE: usize = 6;
/// Side by side under it: six models take three of the five rows that every platform has.
const ABREAST: usize = 2;
/// So many of those that are called alike are named.
const MOST_ALIKE: usize = 5;
/// Letters of a tag.
const TAG: usize = 16;
/// How what was sealed on its way in begins.
const SEALED: &str = "sealed:";

/// What stands behind `/model`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order<'a> {
    List,
    Auto,
    Set(&'a str),
    Key {
        provider: Option<&'a str>,
        sealed: Option<&'a str>,
    },
    DropKey(&'a str),
}

impl<'a> Order<'a> {
    fn parse(args: &'a str) -> Self {
        let words: Vec<&str> = args.split_whitespace().collect();
        let is = |word: &str, wanted: &str| word.eq_ignore_ascii_case(wanted);
        match words.as_slice() {
            [] => Self::List,
            [key] if is(key, "key") => Self::Key {
                provider: None,
                sealed: None,
            },
            [key, sealed] if is(key, "key") && sealed.starts_with(SEALED) => Self::Key {
                provider: None,
                sealed: Some(sealed),
            },
            [key, provider] if is(key, "key") => Self::Key {
                provider: Some(provider),
                sealed: None,
            },
            [key, provider, off] if is(key, "key") && is(off, "off") => Self::DropKey(provider),
            [key, provider, .., sealed] if is(key, "key") => Self::Key {
                provider: Some(provider),
                sealed: Some(sealed),
            },
            [word] if is(word, "auto") => Self::Auto,
            _ => Self::Set(args.trim()),
        }
    }
}

/// What a list of models is made of.
struct List<'a> {
    /// Who answers, in a sentence.
    first: String,
    offers: &'a [Offer],
    chosen: Option<&'a str>,
    /// How fast models were of late.
    speeds: &'a HashMap<String, Duration>,
    /// The providers for which there is a key of their own.
    own: &'a [String],
    /// Whether keys can be brought here, and how.
    keys: Option<Features>,
}

impl Turn {
    /// `/model`, with nothing behind it or with what to do.
    pub(super) async fn model(
        &self,
        scene: &Scene,
        commit: Commit<'_>,
        args: &str,
    ) -> Result<Change, Failure> {
        match Order::parse(args) {
            Order::List => self.list_models(scene, commit, (0, None)).await,
            Order::Auto => self.leave_model(scene, commit).await,
            Order::Set(name) => self.set_model(scene, commit, name).await,
            Order::Key { provider, sealed } => {
                self.own_key(scene, commit, (provider, sealed)).await
            }
            Order::DropKey(provider) => self.drop_key(scene, commit, provider).await,
        }
    }

    /// A button under the list of models.
    pub(super) async fn model_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (press, card): (Press, Option<Message>),
    ) -> Result<Change, Failure> {
        match press {
            Press::Page(page) => self.list_models(scene, commit, (page, card)).await,
            Press::Auto => self.leave_model(scene, commit).await,
            Press::Set(wanted) => {
                let offers = self.offers(&commit).await?;
                let Some(offer) = offers.iter().find(|offer| tag(&offer.name) == wanted) else {
                    commit.say(scene, phrases::BUTTON_OUTDATED.to_owned());
                    return Ok(commit.done().await);
                };
                self.set_model(scene, commit, &offer.name).await
            }
            // Where a button opens a form, the press itself never comes.
            Press::Key(_) => self.own_key(scene, commit, (None, None)).await,
        }
    }

    /// The form for a key.
    pub(super) async fn key_form(
        &self,
        scene: &Scene,
        commit: Commit<'_>,
        (provider, fields): (String, &BTreeMap<String, String>),
    ) -> Result<Change, Failure> {
        let field = |name: &str| fields.get(name).map(|text| text.trim());
        let provider = match provider.as_str() {
            "" => field("provider").unwrap_or_default(),
            provider => provider,
        };
        let sealed = field("key").unwrap_or_default();
        self.bring_key(scene, commit, (provider, sealed)).await
    }

    async fn offers(&self, commit: &Commit<'_>) -> Result<Vec<Offer>, Failure> {
        let works = self.works(commit.person()).await?;
        let mine = self.wishes.of(commit.person()).await;
        Ok(self.door.offers(works, &mine.providers()))
    }

    async fn list_models(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (page, card): (usize, Option<Message>),
    ) -> Result<Change, Failure> {
        let wish = self.wish(commit.person()).await;
        let own = self.wishes.of(commit.person()).await.providers();
        let offers = self.offers(&commit).await?;
        let speeds = self.store.first_words().await?.into_iter();
        let speeds = speeds
            .map(|(name, ms)| (name, Duration::from_millis(u64::try_from(ms).unwrap_or(0))))
            .collect();
        let chain = Chain {
            models: self.door.chain(Task::Chat),
            offline: self.door.is_offline(),
            resting: self.door.resting(),
        };
        let features = self.delivery.features(&commit.address());
        let is_alone = scene.setting() == Setting::Direct;
        let can_bring = is_alone && !self.door.key_providers().is_empty();
        let list = List {
            first: match &wish {
                Some(Wish { model, key }) => {
                    phrases::chosen(model, key.is_some(), !chain.models.is_empty())
                }
                None => command::models(&chain),
            },
            offers: &offers,
            chosen: wish.as_ref().map(|wish| wish.model.as_str()),
            speeds: &speeds,
            own: &own,
            keys: features.filter(|_| can_bring),
        };
        let (text, buttons) = list.page(page);
        match card {
            Some(message) => {
                let edit = Content::Edit {
                    message,
                    text,
                    buttons,
                };
                commit.send(scene, "", edit);
            }
            None => commit.say_with(scene, text, buttons),
        }
        Ok(commit.done().await)
    }

    async fn leave_model(&self, scene: &Scene, mut commit: Commit<'_>) -> Result<Change, Failure> {
        self.wishes.choose(commit.person(), None).await?;
        commit.say(scene, phrases::MODEL_AUTO.to_owned());
        Ok(commit.done().await)
    }

    async fn set_model(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        wanted: &str,
    ) -> Result<Change, Failure> {
        let person = commit.person();
        let offers = self.offers(&commit).await?;
        let mine = self.wishes.of(person).await;
        let name = match found(&offers, wanted) {
            Found::One(name) => name.to_owned(),
            // Their own key may open more than anybody described.
            Found::None if is_of(&mine.providers(), wanted) => wanted.to_owned(),
            Found::None => {
                commit.say(scene, phrases::which_model(wanted, &[]));
                return Ok(commit.done().await);
            }
            Found::Several(alike) => {
                commit.say(scene, phrases::which_model(wanted, &alike));
                return Ok(commit.done().await);
            }
        };
        let provider = name.split('/').next().unwrap_or_default();
        let wish = Wish {
            key: self.wishes.key(person, &mine, provider),
            model: name.clone(),
        };
        let answer = match self.door.check_wish(&wish).await {
            Ok(()) => {
                self.wishes.choose(person, Some(&name)).await?;
                phrases::model_set(&name, wish.key.is_some())
            }
            Err(error) => {
                let before = self.wish(person).await.map(|wish| wish.model);
                let is_known = offers.iter().any(|offer| offer.name == name);
                let name = Some(name.as_str()).filter(|_| is_known);
                phrases::model_kept(name, error.label(), before.as_deref())
            }
        };
        commit.say(scene, answer);
        Ok(commit.done().await)
    }

    /// `/model key`, with a key behind it or without. The message that held one is taken away, whatever becomes of it.
    async fn own_key(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (provider, sealed): (Option<&str>, Option<&str>),
    ) -> Result<Change, Failure> {
        let in_group = scene.setting() == Setting::Group;
        let features = self.delivery.features(&commit.address());
        let message = scene.last().and_then(|last| last.message.clone());
        if let Some(message) = message.filter(|_| sealed.is_some())
            && features.is_some_and(|features| features.deletes)
        {
            let refused = phrases::KEY_TO_DELETE.to_owned();
            commit.send(scene, "delete", Content::Delete { message, refused });
        }
        let answer = match (provider, sealed) {
            (_, Some(_)) if in_group => {
                let deletes = features.is_some_and(|features| features.deletes);
                let note = match deletes {
                    true => phrases::KEY_TRIED,
                    false => phrases::KEY_TO_DELETE,
                };
                format!("{}\n\n{note}", phrases::KEY_IN_GROUP)
            }
            (_, None) if in_group => phrases::KEY_NOT_HERE.to_owned(),
            (Some(provider), Some(sealed)) => {
                return self.bring_key(scene, commit, (provider, sealed)).await;
            }
            (None, Some(_)) => {
                let known = self.door.key_providers();
                with_note(scene, phrases::key_without_provider(&known), features)
            }
            (_, None) => {
                let (deletes, forms) =
                    features.map_or((false, false), |one| (one.deletes, one.forms));
                let known = self.door.key_providers();
                let provider = provider.map(str::to_lowercase);
                let provider = provider.filter(|provider| known.contains(provider));
                let button = Press::Key(provider.unwrap_or_default());
                let button = button.button(phrases::KEY_BUTTON);
                let buttons = if forms {
                    vec![vec![button]]
                } else {
                    Vec::new()
                };
                commit.say_with(scene, phrases::own_key_hint(deletes, forms), buttons);
                return Ok(commit.done().await);
            }
        };
        commit.say(scene, answer);
        Ok(commit.done().await)
    }

    /// Tries a key and keeps it if it opens.
    async fn bring_key(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (provider, sealed): (&str, &str),
    ) -> Result<Change, Failure> {
        let provider = provider.to_lowercase();
        let known = self.door.key_providers();
        let usual = self.door.usual(&provider);
        let usual = usual.filter(|_| known.contains(&provider));
        let answer = match (usual, self.wishes.brought(sealed)) {
            (None, _) => phrases::unknown_provider(&known),
            (Some(_), None) => phrases::KEY_UNREADABLE.to_owned(),
            (Some(model), Some(key)) => {
                let wish = Wish {
                    key: Some(Secret::new(key.as_str())),
                    model,
                };
                match self.door.check_wish(&wish).await {
                    Ok(()) => {
                        let person = commit.person();
                        self.wishes.keep(person, &provider, &key).await?;
                        let now = self.wish(person).await;
                        let is_theirs = |now: &Wish| now.model.starts_with(&format!("{provider}/"));
                        // What was chosen at another provider gives way: a key is brought to be used.
                        if !now.as_ref().is_some_and(is_theirs) {
                            self.wishes.choose(person, Some(&wish.model)).await?;
                        }
                        let model = now.filter(is_theirs).map_or(wish.model, |now| now.model);
                        phrases::key_kept(&provider, &model)
                    }
                    Err(error) => phrases::key_refused(&provider, error.label()),
                }
            }
        };
        let features = self.delivery.features(&commit.address());
        commit.say(scene, with_note(scene, answer, features));
        Ok(commit.done().await)
    }

    async fn drop_key(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        provider: &str,
    ) -> Result<Change, Failure> {
        let provider = provider.to_lowercase();
        let person = commit.person();
        let was_there = self.wishes.drop_key(person, &provider).await?;
        commit.say(scene, phrases::key_dropped(&provider, was_there));
        Ok(commit.done().await)
    }
}

/// Whether a key that was sealed on its way in is in it.
pub(super) fn held_key(what: &What) -> bool {
    match what {
        What::Command { name, args } => {
            name == "model" && args.split_whitespace().any(|word| word.starts_with(SEALED))
        }
        What::Form { fields, .. } => fields.values().any(|field| field.starts_with(SEALED)),
        What::Text { .. }
        | What::Press { .. }
        | What::Media { .. }
        | What::Edited { .. }
        | What::Membership { .. }
        | What::Migrated { .. }
        | What::Payment { .. }
        | What::Refunded { .. } => false,
    }
}

/// Says what becomes of the message that held the key. A form or a slash command was never a message.
fn with_note(scene: &Scene, answer: String, features: Option<Features>) -> String {
    let is_form = |last: &Inbound| matches!(last.what, What::Form { .. });
    if scene.interaction().is_some() || scene.last().is_some_and(is_form) {
        return answer;
    }
    let deletes = features.is_some_and(|features| features.deletes);
    let note = match deletes {
        true => phrases::KEY_DELETED,
        false => phrases::KEY_TO_DELETE,
    };
    format!("{answer}\n\n{note}")
}

impl List<'_> {
    /// What the list says, and the buttons under it.
    fn page(&self, page: usize) -> (String, Vec<Vec<crate::model::Button>>) {
        let mut parts = vec![self.first.clone()];
        let mut buttons = Vec::new();
        let is_choice = self.offers.len() > 1 || self.chosen.is_some();
        if is_choice && !self.offers.is_empty() {
            let pages = self.offers.len().div_ceil(PAGE);
            let page = page.min(pages.saturating_sub(1));
            let shown: Vec<&Offer> = self.offers.iter().skip(page * PAGE).take(PAGE).collect();
            let lines: Vec<String> = shown.iter().map(|offer| self.line(offer)).collect();
            parts.push(format!("{}\n{}", phrases::MODEL_CHOICES, lines.join("\n")));
            parts.push(phrases::MODEL_HOW.to_owned());
            for row in shown.chunks(ABREAST) {
                let row = row
                    .iter()
                    .map(|offer| Press::Set(tag(&offer.name)).button(self.label(offer)));
                buttons.push(row.collect());
            }
            let mut turning = Vec::new();
            if page > 0 {
                turning.push(Press::Page(page - 1).button(phrases::BACK));
            }
            if page + 1 < pages {
                turning.push(Press::Page(page + 1).button(phrases::MORE));
            }
            if !turning.is_empty() {
                buttons.push(turning);
            }
        }
        let mut last = Vec::new();
        if self.chosen.is_some() {
            last.push(Press::Auto.button(phrases::MODEL_AUTO_BUTTON));
        }
        if let Some(features) = &self.keys {
            parts.push(match self.own {
                [] => phrases::own_key_hint(features.deletes, features.forms),
                own => phrases::own_keys(own),
            });
            if features.forms {
                last.push(Press::Key(String::new()).button(phrases::KEY_BUTTON));
            }
        }
        if !last.is_empty() {
            buttons.push(last);
        }
        (parts.join("\n\n"), buttons)
    }

    /// The id alone, where nobody else's is the same.
    fn label<'a>(&self, offer: &'a Offer) -> &'a str {
        let id = |offer: &'a Offer| offer.name.split_once('/').map_or("", |(_, id)| id);
        let has_twin = self.offers.iter().any(|other| {
            let other_id = other.name.split_once('/').map_or("", |(_, id)| id);
            other.name != offer.name && other_id == id(offer)
        });
        if has_twin { &offer.name } else { id(offer) }
    }

    fn line(&self, offer: &Offer) -> String {
        let dollars = offer
            .price
            .map(|price| price.map(|cost| per_million(cost.times(1_000_000).nanos())));
        let mut said = vec![
            phrases::price(dollars),
            phrases::speed(self.speeds.get(&offer.name).copied()),
        ];
        if offer.rests {
            said.push(phrases::MODEL_RESTS.to_owned());
        }
        if self.chosen == Some(&offer.name) {
            said.push(phrases::MODEL_YOURS.to_owned());
        }
        format!("- `{}`: {}", offer.name, said.join(", "))
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is only shown")]
fn per_million(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

/// What fits on a button for a name of any length.
fn tag(name: &str) -> String {
    let whole = hex(Sha256::digest(name.as_bytes()));
    whole.chars().take(TAG).collect()
}

fn is_of(providers: &[String], name: &str) -> bool {
    name.split_once('/')
        .is_some_and(|(provider, id)| !id.is_empty() && providers.iter().any(|p| p == provider))
}

/// The models that are called so.
#[derive(Debug, PartialEq, Eq)]
enum Found<'a> {
    One(&'a str),
    Several(Vec<&'a str>),
    None,
}

/// By the full name, the id, or a part of the name that only one has.
fn found<'a>(offers: &'a [Offer], wanted: &str) -> Found<'a> {
    let wanted = wanted.trim().trim_matches('`').to_lowercase();
    let called = |fits: &dyn Fn(&str) -> bool| -> Vec<&'a str> {
        let names = offers.iter().map(|offer| offer.name.as_str());
        names.filter(|name| fits(&name.to_lowercase())).collect()
    };
    let id = |name: &str| name.split_once('/').map(|(_, id)| id.to_owned());
    let mut alike = called(&|name| name == wanted);
    if alike.is_empty() {
        alike = called(&|name| id(name).is_some_and(|id| id == wanted));
    }
    if alike.is_empty() && !wanted.is_empty() {
        alike = called(&|name| name.contains(&wanted));
    }
    match alike.as_slice() {
        [] => Found::None,
        [one] => Found::One(one),
        _ => {
            alike.truncate(MOST_ALIKE);
            Found::Several(alike)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::Cost;

    fn offer(name: &str) -> Offer {
        Offer {
            name: name.to_owned(),
            price: Some([Cost::from_nanos(100), Cost::from_nanos(400)]),
            rests: false,
            own: false,
        }
    }

    #[test]
    fn what_stands_behind_the_command_is_understood() {
        let key = |provider, sealed| Order::Key { provider, sealed };
        for (args, order) in [
            ("", Order::List),
            (" auto ", Order::Auto),
            ("gpt 4", Order::Set("gpt 4")),
            ("key", key(None, None)),
            ("key openai", key(Some("openai"), None)),
            (
                "key openai sealed:00",
                key(Some("openai"), Some("sealed:00")),
            ),
            ("key sealed:00", key(None, Some("sealed:00"))),
            ("KEY openai OFF", Order::DropKey("openai")),
            ("keynote", Order::Set("keynote")),
        ] {
            assert_eq!(Order::parse(args), order, "{args}");
        }
    }

    #[test]
    fn a_model_is_found_by_any_name_that_only_it_has() {
        let offers = ["openai/gpt-4o", "openai/gpt-4o-mini", "a/llama", "b/llama"].map(offer);
        let found = |wanted| found(&offers, wanted);
        assert_eq!(found("openai/gpt-4o"), Found::One("openai/gpt-4o"));
        assert_eq!(found("GPT-4o"), Found::One("openai/gpt-4o"));
        assert_eq!(found("mini"), Found::One("openai/gpt-4o-mini"));
        assert_eq!(found("llama"), Found::Several(vec!["a/llama", "b/llama"]));
        assert_eq!(found("claude"), Found::None);
        assert_eq!(found(""), Found::None);
    }

    #[test]
    fn a_page_fits_under_a_message() {
        let offers: Vec<Offer> = (0..20)
            .map(|one| offer(&format!("p/model-{one}")))
            .collect();
        let speeds = HashMap::from([("p/model-0".to_owned(), Duration::from_millis(400))]);
        let list = List {
            first: "First.".to_owned(),
            offers: &offers,
            chosen: Some("p/model-0"),
            speeds: &speeds,
            own: &["p".to_owned()],
            keys: None,
        };
        for page in 0..9 {
            let (text, buttons) = list.page(page);
            assert!(buttons.len() <= 5 && text.lines().count() < 14, "{text}");
            let all = buttons.iter().flatten();
            assert!(all.clone().all(|button| button.data.len() <= 64));
        }
        let (text, _) = list.page(0);
        assert!(
            text.contains(
                "- `p/model-0`: cheap ($0.1 in, $0.4 out per million tokens), fast (0.4 s), yours"
            ),
            "{text}"
        );
        // Where there is nothing to choose, nothing is offered.
        let alone = List {
            offers: &offers[..1],
            chosen: None,
            ..list
        };
        assert_eq!(alone.page(0), ("First.".to_owned(), Vec::new()));
    }
}
