//! `toney nudges`: what was worth saying unasked, and what became of it.

use std::io::Write;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::config::Config;
use crate::model::{NudgeId, Time};
use crate::store::NudgeRow;

use super::Exit;
use super::queues::{open, show};

/// What is shown.
#[derive(Debug, Clone, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// Prints JSON instead of lines.
    #[arg(long, global = true)]
    json: bool,
    /// Shows so many, the newest first.
    #[arg(long, default_value_t = 50)]
    limit: i64,
}

#[derive(Debug, Clone, Subcommand)]
enum Action {
    /// Lists them, the newest first.
    List,
    /// Shows all that is known of one.
    Show {
        /// Its id, as listed.
        id: NudgeId,
    },
}

/// One line.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    person: String,
    category: &'static str,
    kind: String,
    state: String,
    /// What it waits for, was dropped by or failed at.
    reason: String,
    outcome: String,
    created_at: Time,
    next_at: Time,
    sent_at: Time,
    expires_at: Time,
}

impl From<NudgeRow> for Row {
    fn from(row: NudgeRow) -> Self {
        Self {
            id: row.id.to_string(),
            person: row.impulse.person.to_string(),
            category: row.impulse.category.as_str(),
            kind: row.impulse.trigger,
            state: row.state,
            reason: row.reason,
            outcome: row.outcome,
            created_at: row.created,
            next_at: row.next,
            sent_at: row.sent,
            expires_at: row.impulse.expires,
        }
    }
}

pub(super) async fn nudges(config: &Config, arguments: Arguments) -> Result<Exit> {
    let store = open(config).await?;
    if let Some(Action::Show { id }) = arguments.action {
        let Some(row) = store.nudge(id).await? else {
            anyhow::bail!("there is no nudge `{id}`: `toney nudges` lists them");
        };
        let text = match arguments.json {
            true => serde_json::to_string_pretty(&row)?,
            false => whole(&row),
        };
        writeln!(std::io::stdout(), "{text}")?;
        return Ok(Exit::Well);
    }
    let rows: Vec<Row> = store
        .nudges(arguments.limit)
        .await?
        .into_iter()
        .map(Row::from)
        .collect();
    show(
        &rows,
        arguments.json,
        "Nothing was worth saying yet.",
        |row| {
            let Row {
                id,
                person,
                category,
                kind,
                state,
                reason,
                outcome,
                ..
            } = row;
            format!("{id}  {person}  {category}/{kind}  {state} {reason} {outcome}")
                .trim_end()
                .to_owned()
        },
    )
}

fn whole(row: &NudgeRow) -> String {
    let mut lines = vec![
        format!("{}  {}", row.id, row.state),
        format!(
            "for {} about {}/{} ({})",
            row.impulse.person, row.impulse.category, row.impulse.trigger, row.impulse.episode
        ),
        format!(
            "seen {}, means nothing after {}",
            row.created, row.impulse.expires
        ),
    ];
    let known = |time: Time| time > Time::default();
    if known(row.planned) {
        lines.push(format!("hour chosen: {}", row.planned));
    }
    if row.state == "waiting" && known(row.next) {
        lines.push(format!("waits for `{}` until {}", row.reason, row.next));
    } else if !row.reason.is_empty() {
        lines.push(format!("because of `{}`", row.reason));
    }
    if known(row.sent) {
        lines.push(format!(
            "sent {}, {}",
            row.sent,
            if row.outcome.is_empty() {
                "open"
            } else {
                &row.outcome
            }
        ));
        lines.push(format!("let through by {}", row.passed));
    }
    lines.push(format!("says: {}", row.impulse.text));
    lines.push(format!("why: {}", row.impulse.why));
    if let Some(deed) = &row.impulse.deed {
        lines.push(format!(
            "offers: {} ({} {})",
            deed.label, deed.capability, deed.args
        ));
    }
    lines.join("\n")
}
