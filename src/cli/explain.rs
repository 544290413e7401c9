//! `toney explain TEXT`: what is understood, what is read for it and why, and what would be done.

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;
use serde_json::json;

use crate::app;
use crate::config::Config;
use crate::llm::Prompts;
use crate::model::Clock;
use crate::turn;
use crate::turn::alone::{Alone, Explained};
use crate::turn::intent::{Reader, Said};

use super::Exit;
use super::search::{Arguments, asker, stocked, told};

pub(super) async fn explain(config: &Config, arguments: Arguments) -> Result<Exit> {
    let Arguments { text, artist, json } = arguments;
    let store = stocked(config).await?;
    let asker = asker(&store, artist).await?;
    let alone = Alone {
        reader: Reader::new(),
        door: app::door(config, &Clock::System)?,
        prompts: Arc::new(Prompts::new()?),
        knowledge: app::knowledge_of(config, &store, &Clock::System)?,
        clock: Clock::System,
        patience: config.section::<turn::Settings>("turn")?.patience(),
    };
    let said = Said {
        text: &text,
        history: &[],
        role: None,
    };
    let explained = alone.explain(&asker, &said).await;
    let mut out = std::io::stdout();
    if json {
        writeln!(
            out,
            "{}",
            serde_json::to_string_pretty(&object(&explained))?
        )?;
        return Ok(Exit::Well);
    }
    let Explained {
        intent,
        target,
        found,
        next,
    } = &explained;
    let sure = |share: f32| (share * 100.0).round();
    let (act, scope) = (sure(intent.confidence.act), sure(intent.confidence.scope));
    writeln!(out, "act     {} ({act} % sure)", intent.act)?;
    writeln!(
        out,
        "scope   {} ({scope} % sure); reads {target}",
        intent.target
    )?;
    for (slot, value) in &intent.args {
        writeln!(out, "        {slot}: {value}")?;
    }
    if let Some(why) = intent.guarded {
        writeln!(out, "guard   an act with an effect was refused: {why}")?;
    }
    writeln!(out, "would   {next}\n")?;
    write!(out, "{}", told(found))?;
    Ok(Exit::Well)
}

fn object(explained: &Explained) -> serde_json::Value {
    let Explained {
        intent,
        target,
        found,
        next,
    } = explained;
    json!({
        "act": intent.act, "scope": intent.target, "reads": target, "args": intent.args,
        "confidence": {"act": intent.confidence.act, "scope": intent.confidence.scope},
        "guarded": intent.guarded, "would": next, "found": found,
    })
}
