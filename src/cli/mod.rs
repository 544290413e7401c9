//! What an operator types, and what the process says about itself while it runs.
//!
//! The commands read settings, start `app` and show what comes of it; they decide nothing. Start with
//! [`main`].

mod approvals;
mod demo;
mod doctor;
mod eval;
mod events;
mod explain;
mod ingest;
mod invite;
mod models;
mod nudges;
mod persons;
mod queues;
mod reading;
mod search;
mod serve;
mod shelf;
pub mod telemetry;
mod tips;
mod usage;
mod workflows;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Sources, Wrong};

/// How a command went; the numbers are promised to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// As it should.
    Well = 0,
    /// Not.
    Failed = 1,
    /// The settings are wrong.
    Configuration = 3,
    /// A service that is needed does not answer.
    Unreachable = 4,
}

/// Toney, an artist's manager who lives in the artist's chats.
#[derive(Debug, Parser)]
#[command(name = "toney", version, about)]
struct Arguments {
    /// A file with settings; stronger than the defaults, weaker than the environment.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs every configured platform (what `toney` alone does).
    Serve,
    /// Opens the chat at this terminal, beside every configured platform. A line that is nothing but the path of a
    /// document, as terminals type it when a file is dropped into them, sends that document.
    Chat {
        /// Who sits at the terminal.
        #[arg(long = "as", value_name = "PERSON")]
        person: Option<String>,
    },
    /// Asks one thing and prints the answer.
    Ask {
        /// What is asked.
        text: String,
        /// Prints one JSON object instead.
        #[arg(long)]
        json: bool,
    },
    /// Reads JSON lines and prints what Toney makes of each, to be held against labels.
    Eval {
        #[command(flatten)]
        asked: eval::Arguments,
    },
    /// Checks settings, services and permissions, and says what to do.
    Doctor {
        /// Prints a JSON array instead, one object for each thing looked at.
        #[arg(long)]
        json: bool,
    },
    /// Shows what is understood of a text, what is read for it, and what would be done.
    Explain {
        #[command(flatten)]
        arguments: search::Arguments,
    },
    /// Makes a code with which one person joins.
    Invite {
        #[command(flatten)]
        invitation: invite::Invitation,
    },
    /// Lists the artists who are looked after, makes one, or gives one another name.
    Artists {
        #[command(subcommand)]
        action: Option<invite::Action>,
        /// Prints a JSON array instead of lines.
        #[arg(long)]
        json: bool,
    },
    /// Lists who has written, those met last first.
    People {
        /// Prints a JSON array instead of lines.
        #[arg(long)]
        json: bool,
    },
    /// Lists what waits for a decision, decides as whoever runs Toney, and checks the record of decisions.
    Approvals {
        #[command(flatten)]
        arguments: approvals::Arguments,
    },
    /// Takes documents in, so that Toney answers from them.
    Ingest {
        #[command(flatten)]
        arguments: ingest::Arguments,
    },
    /// Reads a document from the input, within limits; what the gateway calls for every document.
    #[command(hide = true)]
    Extract {
        #[command(flatten)]
        order: reading::Order,
    },
    /// Prints everything that is kept about a person, as JSON.
    Export {
        /// The person's id, or `platform:id`.
        person: String,
    },
    /// Deletes everything that is kept about a person.
    Erase {
        /// The person's id, or `platform:id`.
        person: String,
        /// Really does it; without, it only says what would go.
        #[arg(long)]
        yes: bool,
    },
    /// Shows which passages of the documents are found, and by what.
    Search {
        #[command(flatten)]
        search: search::Arguments,
    },
    /// Brings the tables up to date and ends.
    Migrate,
    /// Lists, checks and tries models, and brings what is known about them up to date.
    Models {
        #[command(subcommand)]
        action: models::Action,
    },
    /// Fills in an example artist who does not exist, with two years of figures, papers, fans and workflows, so that
    /// every command shows something.
    Demo {
        #[command(flatten)]
        arguments: demo::Arguments,
    },
    /// Shows what was not sent, and sends dead letters again.
    Outbox {
        #[command(flatten)]
        queue: queues::Arguments,
    },
    /// Shows work that is not done, and does dead letters again.
    Jobs {
        #[command(flatten)]
        queue: queues::Arguments,
    },
    /// Shows what artists let happen by itself, and how it does.
    Workflows {
        #[command(flatten)]
        arguments: workflows::Arguments,
    },
    /// Shows what was worth saying unasked, and what became of it.
    Nudges {
        #[command(flatten)]
        arguments: nudges::Arguments,
    },
    /// Lists what fans gave; `reconcile` holds the ledger against the providers' lists.
    Tips {
        #[command(flatten)]
        asked: tips::Arguments,
    },
    /// Shows what happened, and who heard of it.
    Events {
        #[command(flatten)]
        asked: events::Arguments,
    },
    /// Shows what models cost, and what of today's budgets is left.
    Usage {
        #[command(flatten)]
        asked: usage::Arguments,
    },
}

/// Runs the command that was typed.
pub fn main() -> ExitCode {
    // Both versions of the HTTP client and Redis need to know whose cryptography to use.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let arguments = Arguments::parse();
    if let Some(Command::Extract { order }) = arguments.command {
        return reading::child(order);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.into()),
    };
    let result = runtime.block_on(run(arguments));
    // A thread that reads the terminal must not hold up the end.
    runtime.shutdown_background();
    match result {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => complain(&error),
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments { config, command } = arguments;
    let config = match (Config::load(&Sources::of_process(config)), &command) {
        (Err(wrong), Some(Command::Doctor { json })) => return doctor::misset(&wrong, *json),
        (config, _) => config?,
    };
    match command {
        None => serve::serve(config, serve::Terminal::IfAlone).await,
        Some(Command::Serve) => serve::serve(config, serve::Terminal::IfAlone).await,
        Some(Command::Chat { person }) => serve::serve(config, serve::Terminal::Open(person)).await,
        Some(Command::Ask { text, json }) => serve::ask(config, text, json).await,
        Some(Command::Eval { asked }) => eval::eval(&config, asked).await,
        Some(Command::Doctor { json }) => doctor::doctor(&config, json).await,
        Some(Command::Explain { arguments }) => explain::explain(&config, arguments).await,
        Some(Command::Invite { invitation }) => invite::invite(&config, invitation).await,
        Some(Command::Approvals { arguments }) => approvals::approvals(&config, arguments).await,
        Some(Command::Artists { action, json }) => invite::artists(&config, action, json).await,
        Some(Command::People { json }) => invite::people(&config, json).await,
        Some(Command::Ingest { arguments }) => ingest::ingest(&config, arguments).await,
        // It has ended before there was a runtime.
        Some(Command::Extract { order: _ }) => Ok(Exit::Failed),
        Some(Command::Export { person }) => persons::export(&config, &person).await,
        Some(Command::Erase { person, yes }) => persons::erase(&config, &person, yes).await,
        Some(Command::Search { search }) => search::search(&config, search).await,
        Some(Command::Migrate) => queues::migrate(&config).await,
        Some(Command::Models { action }) => models::models(&config, action).await,
        Some(Command::Demo { arguments }) => demo::demo(&config, arguments).await,
        Some(Command::Outbox { queue }) => queues::outbox(&config, queue).await,
        Some(Command::Jobs { queue }) => queues::jobs(&config, queue).await,
        Some(Command::Workflows { arguments }) => workflows::workflows(&config, arguments).await,
        Some(Command::Nudges { arguments }) => nudges::nudges(&config, arguments).await,
        Some(Command::Tips { asked }) => tips::tips(&config, asked).await,
        Some(Command::Events { asked }) => events::events(&config, asked).await,
        Some(Command::Usage { asked }) => usage::usage(&config, asked).await,
    }
}

/// One line for people, and the code for scripts.
#[expect(clippy::print_stderr, reason = "this is where the process complains")]
fn complain(error: &anyhow::Error) -> ExitCode {
    eprintln!("toney: {error:#}");
    ExitCode::from(code_of(error) as u8)
}

/// Settings are told from services, and both from everything else, by the type of the cause.
fn code_of(error: &anyhow::Error) -> Exit {
    let is_setting = error.chain().any(|cause| {
        cause.is::<Wrong>()
            || cause.is::<crate::llm::Wrong>()
            || cause.is::<crate::app::Misset>()
            || cause.is::<crate::store::WrongUrl>()
            || cause.is::<crate::http::Unusable>()
            || cause.is::<serve::NothingToServe>()
    });
    if is_setting {
        Exit::Configuration
    } else if error.is::<queues::Unreachable>() {
        Exit::Unreachable
    } else {
        Exit::Failed
    }
}
