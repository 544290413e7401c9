//! Brings the figures of a catalogue up to date with published lists, and writes it again. Which models it names
//! stays a person's choice: those that stand in it, and those that are asked for.

use std::fmt::Write as _;

use super::published::{Figures, Published};
use super::{Catalogue, Cost, Entry};

/// Where the talking models begin in the file.
const BEGIN: &str = "[[models]]";

/// A catalogue that was brought up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// The file.
    pub text: String,
    /// A sentence for each figure that is another one now.
    pub changed: Vec<String>,
    /// Models that no list knows; they stay as they are.
    pub unlisted: Vec<String>,
}

/// Why a catalogue cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// The file is no catalogue.
    #[error("the catalogue cannot be read: {0}")]
    Catalogue(#[from] toml::de::Error),
    /// A model that was asked for is not to be had.
    #[error("{0} stands in none of the lists: names are PROVIDER/ID")]
    Unknown(String),
    /// A list does not say what has to be known of a new model.
    #[error("no list says how many tokens {0} reads and writes, and what they cost")]
    Incomplete(String),
    /// A model of a provider that nobody described.
    #[error("{0} has a provider that the catalogue does not describe")]
    Provider(String),
}

/// Brings every talking model of the catalogue in `file` up to date, and adds others. Where several lists speak of
/// one, the later list wins, figure by figure.
///
/// # Errors
/// When the file is no catalogue, or a model that is to be added cannot be described.
pub fn refresh(file: &str, lists: &[Published], add: &[String]) -> Result<Refreshed, Wrong> {
    let mut catalogue: Catalogue = toml::from_str(file)?;
    let said = |name: &str| {
        let all = lists.iter().filter_map(|list| list.find(name));
        all.fold(None, |before: Option<Figures>, newer| {
            Some(newer.clone().or(&before.unwrap_or_default()))
        })
    };
    let (mut changed, mut unlisted) = (Vec::new(), Vec::new());
    for entry in &mut catalogue.models {
        match said(&entry.name) {
            Some(figures) => apply(entry, &figures, &mut changed),
            None => unlisted.push(entry.name.clone()),
        }
    }
    for name in add {
        if catalogue.find(name).is_some() {
            continue;
        }
        let figures = said(name).ok_or_else(|| Wrong::Unknown(name.clone()))?;
        let entry = described(name, &figures).ok_or_else(|| Wrong::Incomplete(name.clone()))?;
        if catalogue.provider(entry.provider()).is_none() {
            return Err(Wrong::Provider(name.clone()));
        }
        // Behind the last one of its provider.
        let last = catalogue
            .models
            .iter()
            .rposition(|other| other.provider() == entry.provider());
        let place = last.map_or(catalogue.models.len(), |last| last + 1);
        changed.push(format!("{name} is new"));
        catalogue.models.insert(place, entry);
    }
    Ok(Refreshed {
        text: written(file, &catalogue.models),
        changed,
        unlisted,
    })
}

fn described(name: &str, figures: &Figures) -> Option<Entry> {
    let (context, output) = (figures.context?, figures.output?);
    Some(Entry {
        context,
        output: output.min(context),
        price: [figures.price_in?, figures.price_out?],
        tools: figures.tools.unwrap_or(false),
        vision: figures.vision.unwrap_or(false),
        temperature: figures.temperature.unwrap_or(true),
        deprecated: figures.deprecated,
        guessed: false,
        ..Entry::unknown(name)
    })
}

fn apply(entry: &mut Entry, figures: &Figures, changed: &mut Vec<String>) {
    let [price_in, price_out] = entry.price;
    let newer = Entry {
        context: figures.context.unwrap_or(entry.context),
        output: figures.output.unwrap_or(entry.output),
        price: [
            figures.price_in.unwrap_or(price_in),
            figures.price_out.unwrap_or(price_out),
        ],
        tools: figures.tools.unwrap_or(entry.tools),
        vision: figures.vision.unwrap_or(entry.vision),
        temperature: figures.temperature.unwrap_or(entry.temperature),
        deprecated: figures.deprecated.or(entry.deprecated),
        ..entry.clone()
    };
    let newer = Entry {
        output: newer.output.min(newer.context),
        ..newer
    };
    let name = &entry.name;
    let mut tell = |what: &str, before: String, now: String| {
        if before != now {
            changed.push(format!("{name}: {what} {before} → {now}"));
        }
    };
    let day = |entry: &Entry| {
        let day = entry.deprecated.map(|day| day.to_string());
        day.unwrap_or_else(|| "nothing".to_owned())
    };
    let prices =
        |entry: &Entry| format!("{} and {}", entry.price[0].nanos(), entry.price[1].nanos());
    tell(
        "context",
        entry.context.to_string(),
        newer.context.to_string(),
    );
    tell("output", entry.output.to_string(), newer.output.to_string());
    tell("price", prices(entry), prices(&newer));
    tell("tools", entry.tools.to_string(), newer.tools.to_string());
    tell("vision", entry.vision.to_string(), newer.vision.to_string());
    tell(
        "temperature",
        entry.temperature.to_string(),
        newer.temperature.to_string(),
    );
    tell("deprecated", day(entry), day(&newer));
    *entry = newer;
}

/// The file with other talking models; whatever stands before and behind them stays word for word.
fn written(file: &str, models: &[Entry]) -> String {
    let (before, rest) = file.split_at(file.find(BEGIN).unwrap_or(file.len()));
    let mut text = before.to_owned();
    for entry in models {
        text.push_str(&block(entry));
        text.push('\n');
    }
    text + behind(rest)
}

/// From the first section that is no talking model on, with the comments right before it.
fn behind(rest: &str) -> &str {
    let (mut at, mut comments) = (0, None);
    for line in rest.split_inclusive('\n') {
        if line.starts_with("[[") && !line.starts_with(BEGIN) {
            return rest.get(comments.unwrap_or(at)..).unwrap_or_default();
        }
        comments = line.starts_with('#').then(|| comments.unwrap_or(at));
        at += line.len();
    }
    ""
}

fn block(entry: &Entry) -> String {
    let Entry {
        name,
        context,
        output,
        price: [price_in, price_out],
        cache,
        fee,
        tools,
        vision,
        temperature,
        force,
        effort,
        deprecated,
        guessed: _,
    } = entry;
    let mut text = format!(
        "{BEGIN}\nname = \"{name}\"\ncontext = {context}\noutput = {output}\nprice = [{}, {}]\n",
        price_in.nanos(),
        price_out.nanos()
    );
    // Writing into a text never fails.
    if let Some([read, written]) = cache {
        writeln!(text, "cache = [{}, {}]", read.nanos(), written.nanos()).ok();
    }
    if *fee > Cost::ZERO {
        writeln!(text, "fee = {}", fee.nanos()).ok();
    }
    for (key, value) in [("tools", tools), ("vision", vision)] {
        if *value {
            writeln!(text, "{key} = true").ok();
        }
    }
    if !temperature {
        text.push_str("temperature = false\n");
    }
    if !force {
        text.push_str("force = false\n");
    }
    if let Some(effort) = effort {
        writeln!(text, "effort = \"{effort}\"").ok();
    }
    if let Some(day) = deprecated {
        writeln!(text, "deprecated = \"{day}\"").ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"# About.
[[providers]]
name = "openai"
base = "https://api.openai.com/v1"
default = ["openai/a"]
limit = "max_tokens"
usage = true

[[models]]
name = "openai/a"
context = 1000
output = 100
price = [5, 7]
fee = 9
tools = true

[[models]]
name = "openai/old"
context = 10
output = 1
price = [0, 0]

# Read this.
[[embeddings]]
names = ["e"]
dimensions = 256
window = 256
"#;

    fn list(models: &str) -> Published {
        Published::read(&format!("{{\"models\": {{{models}}}}}")).unwrap()
    }

    fn model(id: &str, context: u32, dollars: &str) -> String {
        format!(
            r#""{id}": {{"litellm_provider": "openai", "mode": "chat", "max_input_tokens": {context},
                "max_output_tokens": 50, "input_cost_per_token": {dollars}, "output_cost_per_token": 2e-08}}"#
        )
    }

    #[test]
    fn the_newest_figures_win_and_the_rest_stays() {
        let lists = [
            list(&model("a", 2_000, "1e-08")),
            list(&model("a", 3_000, "1.1e-08")),
        ];
        let found = refresh(FILE, &lists, &[]).unwrap();
        assert_eq!(
            found.changed,
            [
                "openai/a: context 1000 → 3000",
                "openai/a: output 100 → 50",
                "openai/a: price 5 and 7 → 11 and 20",
            ]
        );
        assert_eq!(found.unlisted, ["openai/old"]);
        let head = FILE.split_once("[[models]]").unwrap().0;
        let tail = FILE.split_once("# Read this.").unwrap().1;
        assert!(found.text.starts_with(head) && found.text.ends_with(tail));
        assert_eq!(found.text.matches("# Read this.").count(), 1);
        let read: Catalogue = toml::from_str(&found.text).unwrap();
        let entry = read.find("openai/a").unwrap();
        assert!(entry.context == 3_000 && entry.tools);
        assert_eq!(entry.fee, Cost::from_nanos(9));
        // Nothing is new a second time.
        let again = refresh(&found.text, &lists, &[]).unwrap();
        assert!(again.changed.is_empty() && again.text == found.text);
    }

    #[test]
    fn a_model_that_is_asked_for_is_added_to_its_provider() {
        let lists = [list(&model("b", 2_000, "1e-08"))];
        let found = refresh(FILE, &lists, &["openai/b".to_owned()]).unwrap();
        assert_eq!(found.changed, ["openai/b is new"]);
        let read: Catalogue = toml::from_str(&found.text).unwrap();
        assert_eq!(read.models.last().unwrap().name, "openai/b");
        let wrong = |name: &str| refresh(FILE, &lists, &[name.to_owned()]).unwrap_err();
        assert!(matches!(wrong("openai/c"), Wrong::Unknown(_)));
        let bare = list(r#""c": {"litellm_provider": "openai", "mode": "chat"}"#);
        let wrong = refresh(FILE, &[bare], &["openai/c".to_owned()]).unwrap_err();
        assert!(matches!(wrong, Wrong::Incomplete(_)));
    }

    /// What is shipped is what the command would write.
    #[test]
    fn the_shipped_file_is_written_back_as_it_is() {
        let file = super::super::FILE;
        let read: Catalogue = toml::from_str(file).unwrap();
        assert_eq!(written(file, &read.models), file);
    }
}
