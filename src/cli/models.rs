//! `toney models`: what is known about models, what that says of those in use, and whether one answers.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::NaiveDate;
use clap::Subcommand;
use futures::StreamExt;
use serde::Serialize;

use crate::config::Config;
use crate::llm::{
    self, Catalogue, Cost, Door, Heard, Line, Outcome, Published, Refreshed, Request, Role, Task,
    Voice, refresh,
};
use crate::model::{Clock, Ids, Time, phrases};
use crate::store::{self, HealthRow, Store};

use super::Exit;
use super::queues::show;

/// A model whose end is nearer than this is worth a warning.
const SOON: Duration = Duration::from_secs(60 * 24 * 3_600);
/// How long the database may take to say which models are well.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a model is asked to show that it answers, and how long the answer may be.
const TRIAL: &str = "Answer with the one word: ready";
const TRIAL_TOKENS: u32 = 200;

/// What to do about models.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum Action {
    /// Lists the models that are described.
    List {
        /// Only those of this provider.
        #[arg(long)]
        provider: Option<String>,
        /// Prints a JSON array instead of lines.
        #[arg(long)]
        json: bool,
    },
    /// Warns of models in use that nobody described, or that are past or near their end.
    Check {
        /// Prints a JSON array instead of lines.
        #[arg(long)]
        json: bool,
    },
    /// Asks one model one word; costs a little.
    Test {
        /// `provider/model`.
        name: String,
    },
    /// Brings prices, limits and dates up to date with published lists (litellm's or models.dev's JSON).
    Import {
        /// The lists, the newest last, which wins.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Describes this model, too.
        #[arg(long, value_name = "PROVIDER/ID")]
        add: Vec<String>,
        /// The catalogue that is brought up to date: `models.catalogue`, or the compiled-in one, when unset.
        #[arg(long, value_name = "CATALOGUE")]
        from: Option<PathBuf>,
        /// Where the new catalogue is written; printed when unset.
        #[arg(long, value_name = "CATALOGUE")]
        into: Option<PathBuf>,
    },
}

pub(super) async fn models(config: &Config, action: Action) -> Result<Exit> {
    let settings: llm::Settings = config.sections(&["offline", "models", "providers"])?;
    match action {
        Action::List { provider, json } => {
            let down = down(config).await;
            list(&settings, provider.as_deref(), (&down, json))
        }
        Action::Check { json } => check(&settings, json),
        Action::Test { name } => test(settings, name).await,
        Action::Import {
            files,
            add,
            from,
            into,
        } => {
            let from = from.or(settings.models.catalogue);
            import(&files, &add, from.as_deref(), into.as_deref())
        }
    }
}

fn catalogue(settings: &llm::Settings) -> Result<Catalogue> {
    let own = settings.models.catalogue.as_deref();
    Catalogue::open(own).context("Reading the catalogue of models")
}

/// A model as it is listed.
#[derive(Debug, Serialize)]
struct Row {
    kind: &'static str,
    name: String,
    /// Tokens that go in and out together.
    context: Option<u32>,
    /// Dollars for a million tokens in and out, for a million characters spoken, for an hour heard.
    price: Vec<f64>,
    tools: bool,
    vision: bool,
    until: Option<NaiveDate>,
    /// Since when it does not answer, and why.
    down: Option<String>,
}

/// The models that do not answer at the moment, as the gateway noted it; none where nothing was noted yet.
async fn down(config: &Config) -> Vec<HealthRow> {
    let looked = async {
        let settings: store::Settings = config.section("store")?;
        if settings.file().is_some_and(|file| !file.exists()) {
            return Ok(Vec::new());
        }
        let ids = Ids::new(Clock::System, None);
        let (store, _writer, _news) = Store::open(&settings, Clock::System, ids).await?;
        store.provider_health().await
    };
    let looked = tokio::time::timeout(PATIENCE, looked).await;
    let rows: Vec<HealthRow> = looked.ok().and_then(Result::ok).unwrap_or_default();
    let down = rows.into_iter().filter(|row| row.state == "down");
    down.filter(|row| !row.model.is_empty()).collect()
}

fn list(
    settings: &llm::Settings,
    provider: Option<&str>,
    (down, json): (&[HealthRow], bool),
) -> Result<Exit> {
    let catalogue = catalogue(settings)?;
    let mut rows = rows(&catalogue);
    for row in &mut rows {
        let down = down.iter().find(|down| down.model == row.name);
        row.down = down.map(since);
    }
    // Models that nobody described are in use as well.
    for down in down {
        if rows.iter().all(|row| row.name != down.model) {
            rows.push(Row::undescribed(down));
        }
    }
    let of = |name: &str| {
        name.split_once('/')
            .map_or("", |(provider, _)| provider)
            .to_owned()
    };
    rows.retain(|row| provider.is_none_or(|wanted| of(&row.name) == wanted));
    let nothing = "No model of that provider is described.";
    show(&rows, json, nothing, Row::line)
}

fn rows(catalogue: &Catalogue) -> Vec<Row> {
    let talking = catalogue.models.iter().map(|entry| Row {
        kind: "chat",
        name: entry.name.clone(),
        context: Some(entry.context),
        price: entry
            .price
            .map(|price| dollars(price.times(1_000_000)))
            .to_vec(),
        tools: entry.tools,
        vision: entry.vision,
        until: entry.deprecated,
        down: None,
    });
    let embedding = catalogue.embeddings.iter().map(|entry| Row {
        kind: "embedding",
        name: entry.names.join(" or "),
        context: Some(entry.window),
        price: Vec::new(),
        tools: false,
        vision: false,
        until: None,
        down: None,
    });
    let voice = |kind, times| {
        move |voice: &Voice| Row {
            kind,
            name: voice.name.clone(),
            context: None,
            price: vec![dollars(voice.price.times(times))],
            tools: false,
            vision: false,
            until: voice.deprecated,
            down: None,
        }
    };
    let speech = catalogue.speech.iter().map(voice("speech", 1_000_000));
    let heard = catalogue.transcription.iter();
    let heard = heard.map(voice("transcription", 3_600));
    talking
        .chain(embedding)
        .chain(speech)
        .chain(heard)
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "it is only shown")]
fn dollars(cost: Cost) -> f64 {
    cost.nanos() as f64 / 1e9
}

/// Since when a model does not answer, and why.
fn since(down: &HealthRow) -> String {
    let (why, since) = (&down.reason, Time::from_ms(down.since));
    format!("down since {since}: {}", phrases::what_went_wrong(why))
}

impl Row {
    fn undescribed(down: &HealthRow) -> Self {
        Self {
            kind: "chat",
            name: down.model.clone(),
            context: None,
            price: Vec::new(),
            tools: false,
            vision: false,
            until: None,
            down: Some(since(down)),
        }
    }

    fn line(&self) -> String {
        let price = match self.price.as_slice() {
            [per_in, per_out] => format!("${per_in} in, ${per_out} out per million tokens"),
            [one] if self.kind == "speech" => format!("${one} per million characters"),
            [one] => format!("${one:.2} an hour"),
            _ => String::new(),
        };
        let context = self.context.map(|tokens| format!("{tokens} tokens"));
        let until = self.until.map(|day| format!("until {day}"));
        let said = [
            context,
            Some(price).filter(|price| !price.is_empty()),
            self.tools.then(|| "tools".to_owned()),
            self.vision.then(|| "pictures".to_owned()),
            until,
            self.down.clone(),
        ];
        let said: Vec<String> = said.into_iter().flatten().collect();
        format!("{:13} {:44} {}", self.kind, self.name, said.join(", "))
    }
}

/// What there is to say of a model in use.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    model: String,
    /// Whether it does not work any more.
    over: bool,
    sentence: String,
}

fn check(settings: &llm::Settings, json: bool) -> Result<Exit> {
    let catalogue = catalogue(settings)?;
    let door = Door::open(settings, Clock::System)?;
    let tasks = [Task::Chat, Task::Classify, Task::Extract, Task::Summarise];
    let mut used: Vec<String> = tasks
        .into_iter()
        .flat_map(|task| door.chain(task))
        .collect();
    used.extend(settings.models.embed.iter().cloned());
    // Of what nobody chose, another one is chosen by the next version.
    let voices = (&settings.models.transcribe, &settings.models.speak);
    used.extend(voices.0.iter().chain(voices.1).cloned());
    let today = Clock::System.now().to_string();
    let today = today.split(' ').next().unwrap_or_default().parse();
    let findings = findings(&catalogue, &used, today.context("Reading the date")?);
    let nothing = match used.is_empty() {
        true => "No model is in use.",
        false => "Every model in use is described, and none ends within two months.",
    };
    show(&findings, json, nothing, |finding| finding.sentence.clone())?;
    let over = findings.iter().any(|finding| finding.over);
    Ok(if over { Exit::Failed } else { Exit::Well })
}

fn findings(catalogue: &Catalogue, used: &[String], today: NaiveDate) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for name in used {
        let said = |over, sentence| Finding {
            model: name.clone(),
            over,
            sentence,
        };
        let embeds = catalogue
            .embedding(name.split('@').next().unwrap_or(name))
            .is_some();
        let voices = catalogue.transcription.iter().chain(&catalogue.speech);
        let voice = voices.into_iter().find(|voice| voice.name == *name);
        let known = catalogue.find(name).map(|entry| entry.deprecated);
        let found = match known.or(voice.map(|voice| voice.deprecated)) {
            None if embeds => continue,
            None => said(
                false,
                format!("{name} is not described: its limits and prices are guessed."),
            ),
            Some(until) => match until {
                Some(day) if day <= today => said(
                    true,
                    format!("{name} was switched off on {day}: name another one."),
                ),
                Some(day)
                    if day - today <= chrono::TimeDelta::from_std(SOON).unwrap_or_default() =>
                {
                    said(
                        false,
                        format!("{name} is switched off on {day}: name another one soon."),
                    )
                }
                Some(_) | None => continue,
            },
        };
        if !findings.contains(&found) {
            findings.push(found);
        }
    }
    findings
}

async fn test(settings: llm::Settings, name: String) -> Result<Exit> {
    let settings = llm::Settings {
        offline: false,
        models: llm::Models {
            chat: vec![name.clone()],
            ..settings.models
        },
        ..settings
    };
    let door = Door::open(&settings, Clock::System)?;
    let mut heard = door.answer(
        Task::Chat,
        Request {
            messages: vec![Line::new(Role::Person, TRIAL)],
            max_output: Some(TRIAL_TOKENS),
            ..Request::default()
        },
    );
    let mut out = std::io::stdout();
    let mut text = String::new();
    while let Some(piece) = heard.next().await {
        match piece {
            Heard::Text(more) => text.push_str(&more),
            Heard::Restart => text.clear(),
            Heard::Tool(_) => {}
            Heard::Done(report) => {
                let (first, whole) = (report.first_token.as_millis(), report.total.as_millis());
                writeln!(
                    out,
                    "{name} answers “{}”: first words after {first} ms, all after {whole} ms, {} tokens in and {} out, {}.",
                    text.trim(),
                    report.tokens_in,
                    report.tokens_out,
                    report.cost
                )?;
                return Ok(Exit::Well);
            }
            Heard::Failed(failed) => {
                let why = failed
                    .attempts
                    .iter()
                    .find_map(|tried| match &tried.outcome {
                        Outcome::Failed(error) => Some(error.to_string()),
                        Outcome::Answered
                        | Outcome::Skipped
                        | Outcome::TooDear(_)
                        | Outcome::Outpaced => None,
                    });
                let why = why.unwrap_or_else(|| "it is not set up".to_owned());
                writeln!(out, "{name} does not answer: {why}")?;
                return Ok(Exit::Unreachable);
            }
        }
    }
    anyhow::bail!("{name} ended without a word")
}

fn import(
    files: &[PathBuf],
    add: &[String],
    from: Option<&Path>,
    into: Option<&Path>,
) -> Result<Exit> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).with_context(|| format!("Reading {}", path.display()))
    };
    let mut lists = Vec::new();
    for path in files {
        let list = Published::read(&read(path)?);
        lists
            .push(list.with_context(|| format!("Reading {} as a list of models", path.display()))?);
    }
    let before = match from {
        Some(path) => read(path)?,
        None => Catalogue::shipped().to_owned(),
    };
    let Refreshed {
        text,
        changed,
        unlisted,
    } = refresh(&before, &lists, add)?;
    let mut out = std::io::stdout();
    let Some(into) = into else {
        write!(out, "{text}")?;
        return Ok(Exit::Well);
    };
    std::fs::write(into, text).with_context(|| format!("Writing {}", into.display()))?;
    for line in &changed {
        writeln!(out, "{line}")?;
    }
    if !unlisted.is_empty() {
        writeln!(
            out,
            "In none of the lists, left as they are: {}",
            unlisted.join(", ")
        )?;
    }
    writeln!(out, "{} figures are new.", changed.len())?;
    Ok(Exit::Well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_near_their_end_and_unknown_ones_are_named() {
        let catalogue: Catalogue = toml::from_str(
            r#"
            providers = []
            embeddings = [{ names = ["e"], dimensions = 2, window = 256 }]
            speech = [{ name = "a/mouth", price = 1, deprecated = "2026-12-11" }]
            transcription = [{ name = "a/ear", price = 1 }]
            [[models]]
            name = "a/fine"
            context = 10
            output = 1
            price = [1, 1]
            [[models]]
            name = "a/ends"
            context = 10
            output = 1
            price = [1, 1]
            deprecated = "2026-12-11"
            "#,
        )
        .unwrap();
        let used = [
            "a/fine", "a/ends", "a/ends", "a/new", "b/e@512", "a/ear", "a/mouth",
        ];
        let used = used.map(str::to_owned);
        let on = |month, day| {
            let today = NaiveDate::from_ymd_opt(2026, month, day).unwrap();
            let found = findings(&catalogue, &used, today);
            let named = found.into_iter().map(|found| (found.model, found.over));
            named.collect::<Vec<_>>()
        };
        let one = |name: &str, over| (name.to_owned(), over);
        assert_eq!(on(8, 1), [one("a/new", false)]);
        let soon = [
            one("a/ends", false),
            one("a/new", false),
            one("a/mouth", false),
        ];
        assert_eq!(on(11, 21), soon);
        let over = [
            one("a/ends", true),
            one("a/new", false),
            one("a/mouth", true),
        ];
        assert_eq!(on(12, 11), over);
    }
}
