use std::time::Duration;

use serde_json::Value;

use crate::app::{self, Configurable};
use crate::config::Config;
use crate::http;
use crate::llm::{self, Door, Embedder, Error, Task};
use crate::model::{Clock, Ids, Time};
use crate::store::{QueueDepth, Settings, Store};

use super::Finding;

/// Longest that one service is waited for.
const PATIENCE: Duration = Duration::from_secs(12);
/// Longest that a plain question over HTTP may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Whether the database is there, up to date, and how much waits in it.
pub(super) async fn database(settings: &Settings, clock: &Clock) -> Finding {
    let part = "database";
    let file = settings.file();
    if let Some(file) = &file
        && !file.exists()
    {
        let found = format!("{} is made at the first start", file.display());
        return Finding::ok(part, found);
    }
    let name = match &file {
        Some(file) => format!("SQLite in {}", file.display()),
        None => "PostgreSQL".to_owned(),
    };
    let ids = Ids::new(clock.clone(), None);
    let looked = async {
        let (store, _writer, _news) = Store::open(settings, clock.clone(), ids).await?;
        let steps = store.steps().await?;
        let depth = match steps {
            (done, all) if done == all => Some(store.depth().await?),
            _ => None,
        };
        anyhow::Ok((steps, depth))
    };
    let (steps, depth) = match tokio::time::timeout(PATIENCE, looked).await {
        Ok(Ok(looked)) => looked,
        Ok(Err(error)) if error.is::<crate::store::WrongUrl>() => {
            return Finding::wrong(part, format!("{error:#}"), "correct DATABASE_URL");
        }
        Ok(Err(error)) if file.is_some() => {
            let advice = "look at the file and its rights, or put a backup back";
            return Finding::wrong(part, format!("{name}: {error:#}"), advice);
        }
        failed => {
            let why = match failed {
                Ok(Err(error)) => format!("{name} does not answer: {error:#}"),
                Ok(Ok(_)) | Err(_) => format!("{name} does not answer in time"),
            };
            let advice = "start it, or correct DATABASE_URL";
            return Finding::away(part, why, advice);
        }
    };
    let (done, all) = steps;
    let Some(depth) = depth else {
        let found = format!("{name}: {done} of {all} steps of its tables are made");
        return if done > all {
            Finding::wrong(part, found, "a newer Toney was here; run that one")
        } else {
            Finding::warning(part, found, "`toney migrate` or the next start makes them")
        };
    };
    let QueueDepth {
        due,
        dead,
        waiting,
        failed,
    } = depth;
    let found = format!("{name} is up to date; {due} jobs and {waiting} messages wait");
    if dead + failed == 0 {
        return Finding::ok(part, found);
    }
    let found = format!("{found}; {dead} jobs and {failed} messages were given up");
    let advice = "see `toney jobs` and `toney outbox`; --replay tries them again";
    Finding::warning(part, found, advice)
}

/// Whether Redis answers, where it is set.
pub(super) async fn redis(settings: &Settings) -> Option<Finding> {
    let redis = match app::redis(settings) {
        Ok(redis) => redis?,
        Err(error) => {
            let wrong = Finding::wrong("redis", format!("{error:#}"), "correct REDIS_URL");
            return Some(wrong);
        }
    };
    Some(match redis.ping().await {
        Ok(()) => Finding::ok("redis", "Redis answers"),
        Err(error) => {
            let advice = "start it, or correct REDIS_URL; until then Toney goes on without it";
            Finding::away("redis", format!("{error:#}"), advice)
        }
    })
}

/// Who we are on each platform, and what time it is there.
pub(super) async fn accounts(
    config: &Config,
    clock: &Clock,
) -> (Vec<Finding>, Vec<(String, Time)>) {
    let (mut found, mut dates) = (Vec::new(), Vec::new());
    let configured = app::ACCOUNTS.iter().filter(|one| config.has(one.token));
    let mut any = false;
    for one in configured {
        any = true;
        let Configurable {
            token,
            api_url: url,
            greeting,
            account,
        } = one;
        // What is wrong with its settings was said before.
        let Ok(account) = account(config, clock.clone()) else {
            continue;
        };
        let part = account.name();
        let base = config.text(url);
        let there = date(&format!("{}{greeting}", base.trim_end_matches('/')), clock).await;
        if let Ok(Some(date)) = there {
            dates.push((part.to_owned(), date));
        }
        let checked = tokio::time::timeout(PATIENCE, account.check()).await;
        let advice = format!("look at {} and {}", config.name(token), config.name(url));
        let later = format!("look at the network and at {}", config.name(url));
        found.push(match (checked, there) {
            (Ok(Ok(sentence)), _) => Finding::ok(part, sentence),
            // A platform that answers at all means what it says.
            (Ok(Err(fatal)), Ok(_)) => Finding::wrong(part, fatal.to_string(), &advice),
            (Ok(Err(fatal)), Err(())) => Finding::away(part, fatal.to_string(), &later),
            (Err(_), _) => Finding::away(part, format!("no answer from {base} in time"), &later),
        });
    }
    if !any {
        let advice = "TELEGRAM_BOT_TOKEN or DISCORD_BOT_TOKEN connects one";
        let found_none = "no platform is configured; `toney chat` talks at the terminal";
        found.push(Finding::warning("platforms", found_none, advice));
    }
    (found, dates)
}

/// The time at an address, if it tells one; an error when nobody sound is there.
async fn date(url: &str, clock: &Clock) -> Result<Option<Time>, ()> {
    let http = reqwest::Client::builder()
        .timeout(ANSWER)
        .user_agent(concat!("toney/", env!("CARGO_PKG_VERSION")))
        .build();
    let asked = clock.now();
    let answer = http.map_err(drop)?.get(url).send().await.map_err(drop)?;
    if answer.status().is_server_error() {
        return Err(());
    }
    let date = answer.headers().get(reqwest::header::DATE);
    let date = date.and_then(|date| chrono::DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
    // The date was written on the way between asking and now.
    let travelled = clock.now().since(asked);
    Ok(date.map(|date| Time::from_ms(date.timestamp_millis()).plus(travelled)))
}

/// Whether somebody answers when Toney asks a model.
pub(super) async fn models(config: &Config, clock: &Clock) -> Vec<Finding> {
    let part = "models";
    // What is wrong with its settings was said before.
    let Ok(door) = app::door(config, clock) else {
        return Vec::new();
    };
    let idle = door.idle_keys().iter().map(|name| {
        let found = format!("{name} has a key and no address, so it is not used");
        Finding::warning(part, found, &format!("set providers.{name}.base_url"))
    });
    let mut found: Vec<_> = idle.collect();
    if config.section::<bool>("offline").unwrap_or_default() {
        let offline = "switched off; commands, buttons and fixed answers work";
        found.push(Finding::ok(part, offline));
        return found;
    }
    if !door.look().await {
        let advice = "set OPENAI_API_KEY or another key, or start Ollama on this machine";
        let none = "none is configured and no Ollama answers on this machine";
        found.push(Finding::warning(part, none, advice));
        return found;
    }
    found.extend(chain(&door).await);
    found
}

/// The models that search by meaning; without them words are searched, and that is said.
pub(super) async fn embedding(config: &Config, clock: &Clock) -> Vec<Finding> {
    let part = "search";
    let settings = config.sections::<llm::Settings>(&["offline", "models", "providers"]);
    let Ok(Ok(embedder)) = settings.map(|settings| Embedder::open(&settings, clock.clone())) else {
        // The models' own finding says what is wrong.
        return Vec::new();
    };
    if embedder.models().is_empty() {
        let found = "documents are searched by words alone; models.embed names no model";
        return vec![Finding::ok(part, found)];
    }
    let checked = embedder.check().await.into_iter();
    checked
        .map(|(model, made)| match made {
            Ok(numbers) => Finding::ok(part, format!("{model} makes vectors of {numbers} numbers")),
            Err(error) => Finding::away(
                part,
                format!("{model}: {error}"),
                "search goes on without it; correct models.embed or providers",
            ),
        })
        .collect()
}

/// The models that hear and speak; asks none, since every answer of theirs costs something.
pub(super) fn voices(config: &Config, clock: &Clock) -> Vec<Finding> {
    let part = "voice";
    if config.section::<bool>("offline").unwrap_or_default() {
        return Vec::new();
    }
    // The models' own finding says what is wrong.
    let Ok(voices) = app::voice::voices(config, clock) else {
        return Vec::new();
    };
    let found = |names: Vec<String>, does: &str, not: &str| {
        Finding::ok(
            part,
            match names.as_slice() {
                [] => not.to_owned(),
                names => format!("{does} by {}", names.join(", then ")),
            },
        )
    };
    vec![
        found(
            voices.hearing(),
            "voice notes are written down",
            "voice notes are kept unheard; models.transcribe names no model",
        ),
        found(
            voices.speaking(),
            "answers are said aloud",
            "no answer is said aloud; models.speak names no model",
        ),
    ]
}

/// The models of the chain; as long as one answers, the others are only missed.
async fn chain(door: &Door) -> Vec<Finding> {
    let part = "models";
    let checked = door.check(Task::Chat).await;
    let any = checked.iter().any(|(_, result)| result.is_ok());
    let finding = |(name, result): (String, Result<(), Error>)| {
        let Err(error) = result else {
            return Finding::ok(part, format!("{name} answers"));
        };
        let refused = matches!(error, Error::Unauthorised | Error::Unpaid | Error::Gone);
        let advice = match error {
            Error::Unauthorised => "correct the key",
            Error::Unpaid => "top the account up",
            Error::Gone => "correct the name or the address",
            _ => "look at the network, the address and the provider's state",
        };
        let sentence = format!("{name}: {error}");
        match (any, refused) {
            (true, _) => Finding::warning(part, sentence, advice),
            (false, true) => Finding::wrong(part, sentence, advice),
            (false, false) => Finding::away(part, sentence, advice),
        }
    };
    checked.into_iter().map(finding).collect()
}

/// Whether the address for health, metrics and webhooks is to be had.
pub(super) async fn address(settings: &http::Settings) -> Finding {
    let part = "http";
    let taken = match http::listen(settings).await {
        Ok((_, address)) => return Finding::ok(part, format!("{address} is free")),
        Err(unusable) if unusable.is_taken() => unusable,
        Err(unusable) => {
            return Finding::wrong(part, unusable.to_string(), "correct TONEY_HTTP_ADDR");
        }
    };
    let addr = settings.addr.trim();
    match readiness(addr).await {
        Some(true) => Finding::ok(part, format!("a Toney that is ready answers at {addr}")),
        Some(false) => {
            let found = format!("a Toney that is not ready answers at {addr}");
            let advice = format!("see what is missing at http://{addr}/readyz");
            Finding::warning(part, found, &advice)
        }
        None => {
            let advice = "end that program, or set TONEY_HTTP_ADDR to a free address";
            Finding::wrong(part, taken.to_string(), advice)
        }
    }
}

/// Whether a Toney is ready there; nothing when somebody else answers, or nobody.
async fn readiness(addr: &str) -> Option<bool> {
    // Who listens everywhere is asked here.
    let addr = addr
        .replace("0.0.0.0:", "127.0.0.1:")
        .replace("[::]:", "[::1]:");
    let http = reqwest::Client::builder().timeout(ANSWER).build().ok()?;
    let url = format!("http://{addr}/readyz");
    let body = http.get(url).send().await.ok()?.text().await.ok()?;
    let report: Value = serde_json::from_str(&body).ok()?;
    report.get("parts")?;
    report.get("ready")?.as_bool()
}
