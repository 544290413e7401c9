//! `toney usage`: what models cost, and how it stands with today's limits.

use std::collections::HashMap;
use std::io::Write;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::app;
use crate::budget::{Limits, day_of};
use crate::config::Config;
use crate::model::{Clock, Time, phrases::dollars};
use crate::store::{Amount, Budget, Spender, Store, Usage, UsageBy};

use super::Exit;
use super::queues::open;

const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// Most people of whom the table shows how it stands with their limit.
const PEOPLE: usize = 20;

/// What is asked for.
#[derive(Debug, Clone, Args)]
pub(super) struct Arguments {
    /// Adds up the calls of so many days, the last of which ends now.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=36_500))]
    days: i64,
    /// What is added up.
    #[arg(long, value_enum, default_value_t = By::Model)]
    by: By,
    /// Prints one JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

/// What calls are added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum By {
    Person,
    Task,
    Model,
    Artist,
    Day,
}

impl By {
    const fn column(self) -> (UsageBy, &'static str) {
        match self {
            Self::Person => (UsageBy::Person, "person"),
            Self::Task => (UsageBy::Task, "task"),
            Self::Model => (UsageBy::Model, "model"),
            Self::Artist => (UsageBy::Artist, "artist"),
            Self::Day => (UsageBy::Day, "day"),
        }
    }
}

/// Somebody's day and what they may spend in it; 0 is no limit.
#[derive(Debug, Serialize)]
struct Limited {
    #[serde(flatten)]
    budget: Budget,
    limit: Amount,
}

#[derive(Serialize)]
struct Report {
    days: i64,
    by: By,
    usage: Vec<Usage>,
    budgets: Vec<Limited>,
}

pub(super) async fn usage(config: &Config, asked: Arguments) -> Result<Exit> {
    let limits = app::limits(config)?;
    let store = open(config).await?;
    let Arguments { days, by, json } = asked;
    let now = Clock::System.now();
    let since = Time::from_ms(now.ms() - days * DAY_MS);
    let (column, word) = by.column();
    let mut usage = store.usage(column, Spender::Installation, since).await?;
    if by == By::Day {
        usage.sort_by_key(|one| one.key.parse::<i64>().ok());
        for one in &mut usage {
            one.key = date(&one.key);
        }
    }
    let budgets = limited(&store, &limits, day_of(now)).await?;
    let mut out = std::io::stdout();
    if json {
        let report = Report {
            days,
            by,
            usage,
            budgets,
        };
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(Exit::Well);
    }
    let plural = if days == 1 { "" } else { "s" };
    writeln!(out, "The last {days} day{plural}, by {word}:")?;
    write!(out, "{}", table(word, &usage))?;
    let names = names(&store, now).await?;
    writeln!(out, "\nToday's budgets (until 00:00 UTC):")?;
    write!(out, "{}", standing(&budgets, &names))?;
    Ok(Exit::Well)
}

/// How it stands today with whoever has a limit; the installation's line is always there.
async fn limited(store: &Store, limits: &Limits, today: Time) -> Result<Vec<Limited>> {
    let mut budgets = store.budgets(today).await?;
    if !budgets
        .iter()
        .any(|one| one.spender == Spender::Installation)
    {
        budgets.push(store.budget(Spender::Installation, today).await?);
    }
    budgets.sort_by_key(|one| {
        let Amount { nano_usd, tokens } = one.spent;
        let kind = match one.spender {
            Spender::Installation => 0,
            Spender::Artist(_) => 1,
            Spender::Person(_) => 2,
        };
        (kind, -nano_usd, -tokens)
    });
    let limited = budgets.into_iter().map(|budget| Limited {
        limit: limits.of(budget.spender),
        budget,
    });
    let counts = |one: &Limited| {
        one.limit != Amount::default() || one.budget.spender == Spender::Installation
    };
    Ok(limited.filter(counts).collect())
}

/// What artists and people are called.
async fn names(store: &Store, now: Time) -> Result<HashMap<String, String>> {
    let today = day_of(now);
    let people = store.usage(UsageBy::Person, Spender::Installation, today);
    let people = people.await?.into_iter().map(|one| (one.key, one.name));
    let artists = store.artists().await?.into_iter();
    let artists = artists.map(|artist| (artist.id.to_string(), artist.name));
    Ok(people.chain(artists).collect())
}

fn table(word: &str, usage: &[Usage]) -> String {
    if usage.is_empty() {
        return "  No model was asked.\n".to_owned();
    }
    let heads = [
        "calls", "failed", "read", "cached", "written", "paid", "own keys",
    ];
    let mut rows = vec![(heads.map(str::to_owned), word.to_owned())];
    let mut all = Usage {
        name: "all together".to_owned(),
        ..Usage::default()
    };
    for one in usage {
        rows.push(cells(one));
        all.calls += one.calls;
        all.failed += one.failed;
        all.tokens_in += one.tokens_in;
        all.cache_read += one.cache_read;
        all.tokens_out += one.tokens_out;
        all.cost_nano_usd += one.cost_nano_usd;
        all.own_nano_usd += one.own_nano_usd;
    }
    rows.push(cells(&all));
    aligned(&rows)
}

fn cells(usage: &Usage) -> ([String; 7], String) {
    let Usage {
        key,
        name,
        calls,
        failed,
        tokens_in,
        cache_read,
        tokens_out,
        cost_nano_usd,
        own_nano_usd,
    } = usage;
    let name = match (name.is_empty(), key.is_empty()) {
        (true, true) => "(not known)".to_owned(),
        (true, false) => key.clone(),
        (false, true) => name.clone(),
        (false, false) => format!("{name} ({key})"),
    };
    let counts = [calls, failed, tokens_in, cache_read, tokens_out].map(ToString::to_string);
    let [calls, failed, read, cached, written] = counts;
    let (paid, own) = (dollars(*cost_nano_usd), dollars(*own_nano_usd));
    ([calls, failed, read, cached, written, paid, own], name)
}

fn standing(budgets: &[Limited], names: &HashMap<String, String>) -> String {
    let heads = ["spent", "held", "limit", "tokens", "held", "limit"];
    let mut rows = vec![(heads.map(str::to_owned), "whose".to_owned())];
    let is_person = |one: &&Limited| matches!(one.budget.spender, Spender::Person(_));
    let people = budgets.iter().filter(is_person).count();
    let others = budgets.len() - people;
    for Limited { budget, limit } in budgets.iter().take(others + PEOPLE) {
        let Budget {
            spender,
            day: _,
            spent,
            held,
        } = budget;
        let or_none = |limit: i64, text: String| match limit {
            0 => "none".to_owned(),
            _ => text,
        };
        let id = spender.to_string();
        let whose = match names.get(&id).filter(|name| !name.is_empty()) {
            Some(name) => format!("{name} ({id})"),
            None => id,
        };
        let cells = [
            dollars(spent.nano_usd),
            dollars(held.nano_usd),
            or_none(limit.nano_usd, dollars(limit.nano_usd)),
            spent.tokens.to_string(),
            held.tokens.to_string(),
            or_none(limit.tokens, limit.tokens.to_string()),
        ];
        rows.push((cells, whose));
    }
    let mut text = aligned(&rows);
    if people > PEOPLE {
        let more = people - PEOPLE;
        text.push_str(&format!("  and {more} people more; --json shows all\n"));
    }
    text
}

/// Columns of figures, and behind them what they are of.
fn aligned<const COLUMNS: usize>(rows: &[([String; COLUMNS], String)]) -> String {
    let mut widths = [0; COLUMNS];
    for (cells, _) in rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.len().max(*width);
        }
    }
    let mut text = String::new();
    for (cells, name) in rows {
        for (cell, width) in cells.iter().zip(widths) {
            text.push_str(&format!("  {cell:>width$}"));
        }
        text.push_str(&format!("  {name}\n"));
    }
    text
}

/// The date of a day's number.
fn date(day: &str) -> String {
    let number: i64 = day.parse().unwrap_or_default();
    let whole = Time::from_ms(number * DAY_MS).to_string();
    whole.split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_in_columns() {
        let usage = [
            Usage {
                key: "openai/gpt-4o-mini".to_owned(),
                calls: 120,
                failed: 2,
                tokens_in: 35_000,
                cache_read: 9_000,
                tokens_out: 8_000,
                cost_nano_usd: 10_050_000,
                ..Usage::default()
            },
            Usage {
                calls: 1,
                own_nano_usd: 1_000_000,
                ..Usage::default()
            },
        ];
        insta::assert_snapshot!(table("model", &usage), @r"
        calls  failed   read  cached  written     paid  own keys  model
          120       2  35000    9000     8000  $0.0100        $0  openai/gpt-4o-mini
            1       0      0       0        0       $0   $0.0010  (not known)
          121       2  35000    9000     8000  $0.0100   $0.0010  all together
        ");
        assert_eq!(table("model", &[]), "  No model was asked.\n");
    }

    #[test]
    fn days_are_dates() {
        assert_eq!(date("20414"), "2025-11-22");
    }
}
