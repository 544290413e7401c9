//! What people may choose from, and whether their choice answers.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::timeout;

use super::plan::Builder;
use super::{Cost, Door, Error, Line, Model, Request, Role, Task, Wait, Wish};

/// A provider has so long to show that it is there and takes the key.
const PATIENCE: Duration = Duration::from_secs(8);
/// A model has so long to begin to answer with somebody's own key.
const ANSWERING: Duration = Duration::from_secs(20);
/// What it is asked then, and how many tokens it may answer with: the least that every provider takes.
const QUESTION: &str = "Say yes.";
const FEW: u32 = 16;

/// A model that somebody may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// `provider/id`.
    pub name: String,
    /// Price of one token, in and out; none where nobody described the model.
    pub price: Option<[Cost; 2]>,
    /// Whether it rests at the moment because it failed.
    pub rests: bool,
    /// Whether it is paid with the person's own key.
    pub own: bool,
}

impl Offer {
    /// The provider's name.
    pub fn provider(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

impl Door {
    /// The models from which somebody may choose, best first: those that talk with everybody, further ones for those
    /// who work for an artist, and all of the providers for which they have a key of their own.
    pub fn offers(&self, works: bool, own: &[String]) -> Vec<Offer> {
        let mut names = self.chain(Task::Chat);
        let Some(shop) = self.shop().filter(|_| !self.is_offline()) else {
            return self.described(names, own);
        };
        if works {
            names.extend(shop.choices());
        }
        for provider in own {
            names.extend(shop.catalogue.of(provider).map(|entry| entry.name.clone()));
        }
        self.described(names, own)
    }

    fn described(&self, names: Vec<String>, own: &[String]) -> Vec<Offer> {
        let resting = self.resting();
        let mut offers: Vec<Offer> = Vec::new();
        for name in names {
            if offers.iter().any(|known| known.name == name) {
                continue;
            }
            let entry = self.shop().and_then(|shop| shop.catalogue.find(&name));
            let mut offer = Offer {
                price: entry.map(|entry| entry.price),
                rests: false,
                own: false,
                name,
            };
            offer.own = own.iter().any(|provider| provider == offer.provider());
            offer.rests = !offer.own && resting.contains(&offer.name);
            offers.push(offer);
        }
        offers
    }

    /// The providers for which people may bring a key of their own.
    pub fn key_providers(&self) -> Vec<String> {
        let Some(shop) = self.shop().filter(|_| !self.is_offline()) else {
            return Vec::new();
        };
        let listed = shop.catalogue.providers.iter();
        let listed = listed.filter(|provider| provider.key.is_some() && !provider.base.is_empty());
        let mut names: Vec<String> = listed.map(|provider| provider.name.clone()).collect();
        let configured = shop.settings.providers.keys();
        names.extend(
            configured
                .filter(|name| shop.place(name).is_some())
                .cloned(),
        );
        names.sort();
        names.dedup();
        // These ask nobody for a key.
        names.retain(|name| name != "ollama" && name != "local");
        names
    }

    /// The model of a provider that somebody gets who chose none: the first that talks with everybody, or the
    /// provider's usual one.
    pub fn usual(&self, provider: &str) -> Option<String> {
        let of_it = |name: &&String| name.split('/').next() == Some(provider);
        if let Some(name) = self.chain(Task::Chat).iter().find(of_it) {
            return Some(name.clone());
        }
        let catalogue = &self.shop()?.catalogue;
        let listed = catalogue.provider(provider);
        let usual = listed.and_then(|listed| listed.default.first()).cloned();
        usual.or_else(|| {
            catalogue
                .of(provider)
                .next()
                .map(|entry| entry.name.clone())
        })
    }

    /// Asks a wished model's provider whether it is there and takes the key. That costs nothing but with an own key:
    /// some providers show their models to everybody, so that only an answer of the model itself proves the key.
    ///
    /// # Errors
    /// Like [`super::Model::check`] and [`super::Model::stream`].
    pub async fn check_wish(&self, wish: &Wish) -> Result<(), Error> {
        let standing = self.link(&wish.model).filter(|_| wish.key.is_none());
        let made = || self.shop()?.make(&wish.model, wish.key.as_ref());
        let model = standing.or_else(made).ok_or(Error::Gone)?;
        let checked = timeout(PATIENCE, model.check()).await;
        checked.unwrap_or(Err(Error::Late(Wait::End)))?;
        if wish.key.is_none() {
            return Ok(());
        }
        let asked = timeout(ANSWERING, answers(model.as_ref())).await;
        asked.unwrap_or(Err(Error::Late(Wait::FirstToken)))
    }
}

/// Whether a model begins to answer. What it says does not matter, nor that so few letters are no answer.
async fn answers(model: &dyn Model) -> Result<(), Error> {
    let request = Request {
        messages: vec![Line::new(Role::Person, QUESTION)],
        max_output: Some(FEW),
        ..Request::default()
    };
    let mut stream = model.stream(&request).await?;
    match stream.next().await {
        Some(Err(Error::Empty | Error::Refused)) | Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(error),
        None => Err(Error::Broken),
    }
}

impl Builder {
    /// The further models from which those choose who work for an artist: the ones that are set, or the others of
    /// the providers that have a key.
    fn choices(&self) -> Vec<String> {
        let set = &self.settings.models.choices;
        if !set.is_empty() {
            return set.clone();
        }
        let has_key = |provider: &str| {
            let place = self.place(provider).filter(|place| place.key.is_some());
            let listed = self.catalogue.provider(provider);
            // Elsewhere nobody knows what is there.
            place.is_some_and(|place| listed.is_some_and(|listed| listed.base == place.base))
        };
        let providers = self.catalogue.providers.iter();
        let providers = providers.filter(|provider| has_key(&provider.name));
        let models = providers.flat_map(|provider| self.catalogue.of(&provider.name));
        models.map(|entry| entry.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{Secret, Settings};
    use crate::model::Clock;

    fn door(settings: &str) -> Door {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let settings: Settings = toml::from_str(settings).unwrap();
        Door::open(&settings, Clock::System).unwrap()
    }

    fn names(offers: &[Offer]) -> Vec<&str> {
        offers.iter().map(|offer| offer.name.as_str()).collect()
    }

    #[test]
    fn everybody_chooses_from_the_chain_and_those_who_work_from_more() {
        let door = door(
            "models.chat = \"openai/gpt-4o, attic/a\"\nmodels.choices = \"attic/b, openai/gpt-4o\"\n\
             providers.attic.base_url = \"http://127.0.0.1:1/v1\"",
        );
        let all = door.offers(false, &[]);
        assert_eq!(names(&all), ["openai/gpt-4o", "attic/a"]);
        assert!(all[0].price.is_some() && all[1].price.is_none());
        let more = door.offers(true, &[]);
        assert_eq!(names(&more), ["openai/gpt-4o", "attic/a", "attic/b"]);
    }

    #[test]
    fn a_key_brings_the_models_of_its_provider() {
        let door = door("models.chat = \"openai/gpt-4o\"\nproviders.openai.key = \"k\"");
        let own = ["anthropic".to_owned()];
        let all = door.offers(false, &own);
        assert!(all.len() > 2 && !all[0].own, "{all:?}");
        let theirs = all.iter().filter(|offer| offer.own);
        assert!(theirs.count() == all.len() - 1);
        // Those who work also get what the installation has a key for.
        let more = door.offers(true, &[]);
        assert!(more.len() > 2 && more.iter().all(|one| one.provider() == "openai"));
        assert_eq!(door.usual("openai").as_deref(), Some("openai/gpt-4o"));
        assert!(door.usual("anthropic").unwrap().starts_with("anthropic/"));
        assert_eq!(door.usual("nobody"), None);
        assert!(door.key_providers().contains(&"anthropic".to_owned()));
        assert!(!door.key_providers().contains(&"ollama".to_owned()));
    }

    #[tokio::test]
    async fn what_cannot_be_reached_is_no_choice() {
        let door =
            door("models.chat = \"attic/a\"\nproviders.attic.base_url = \"http://127.0.0.1:1/v1\"");
        let wish = |model: &str, key: Option<&str>| Wish {
            model: model.to_owned(),
            key: key.map(Secret::new),
        };
        assert!(door.check_wish(&wish("attic/a", None)).await.is_err());
        assert!(door.check_wish(&wish("attic/b", Some("k"))).await.is_err());
        let nowhere = door.check_wish(&wish("nobody/a", None)).await;
        assert_eq!(nowhere, Err(Error::Gone));
        assert!(Door::none().offers(true, &["openai".to_owned()]).is_empty());
    }
}
