//! The example artist: every command shows something of her, nothing of it is ever sent to anybody, and all of it goes
//! again.

use std::collections::BTreeMap;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use toney::model::Standing;
use toney::turn::Command;

use crate::world::{Engine, PATIENCE, Person, World, on_both};

on_both!(
    every_command_shows_something
    it_goes_again_and_touches_nobody
);

/// The tables, but for those that the search of SQLite keeps for itself.
async fn tables(world: &World, engine: Engine) -> Vec<String> {
    let sql = match engine {
        Engine::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
             AND name NOT LIKE 'lexical%' ORDER BY 1"
        }
        Engine::Postgres | Engine::OwnPostgres => {
            "SELECT CAST(table_name AS TEXT) FROM information_schema.tables
             WHERE table_schema = 'public' ORDER BY 1"
        }
    };
    world.read(sql).await
}

/// How many rows each table has; but for the budgets, since the installation's row of today is made by whoever looks at it,
/// and erasing somebody does.
async fn counts(world: &World, engine: Engine) -> BTreeMap<String, String> {
    let mut counts = BTreeMap::new();
    let mut tables = tables(world, engine).await;
    tables.retain(|table| table != "budgets");
    for table in tables {
        let sql = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}");
        let count = world.read(&sql).await.remove(0);
        counts.insert(table, count);
    }
    counts
}

async fn one(world: &World, sql: &str) -> String {
    let rows = world.read(sql).await;
    assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
    rows[0].clone()
}

/// The code on the line that ends so.
fn code(said: &str, end: &str) -> String {
    let line = said.lines().find(|line| line.trim_end().ends_with(end));
    let line = line.unwrap_or_else(|| panic!("{end}: {said}"));
    line.split_whitespace().nth(1).unwrap().to_owned()
}

/// What has to stand in the answer to a command. A new command does not compile until it is thought of here.
fn shows(command: Command) -> &'static str {
    match command {
        Command::Start => "an AI",
        Command::Help => "/earnings",
        Command::Approvals => "Harbour Lights",
        Command::Releases => "Night Bus Home",
        Command::Docs => "contract-summary.md",
        Command::Earnings => "Total",
        Command::Why => "Model",
        Command::Usage => "Mara Example",
        Command::Tip => "mara-example",
        Command::Terms => "Mara Example",
        Command::Paysupport => "Milo Example",
        Command::Capabilities => "plan export",
        Command::Insights => "most of it from",
        Command::Goals => "tour of twelve shows",
        Command::Invite => "Tess Example",
        Command::Me => "Dream pop, folk",
        Command::Nudges => "What I may write to you about",
        Command::Plan => "Hand the album in",
        Command::Workflows => "Thank fans who tip",
        Command::Settings => "memory",
        Command::Thanks => "thanked for a tip",
        Command::Link => "/link ",
        Command::Privacy => "What I keep",
        Command::Safety => "findahelpline.com",
        Command::Write => "caption",
        // What these say is about whoever asks, or asks back.
        Command::New
        | Command::Stop
        | Command::Release
        | Command::Forget
        | Command::Speak
        | Command::Model
        | Command::Feedback
        | Command::Human
        | Command::Unlink => "",
    }
}

/// Says it and reads the answer.
async fn asks(world: &World, person: &Person, words: &str) -> String {
    person.says(words);
    world.settle().await;
    let said = world.sees(person);
    assert!(said.contains("toney: "), "{words} is not answered: {said}");
    said
}

async fn every_command_shows_something(engine: Engine) {
    let mut world = World::with(|options| {
        options.engine = engine;
        options.discord = true;
    })
    .await;
    let (status, said) = world.toney(&["demo"]).await;
    assert_eq!(status, 0, "{said}");
    quiet(&world).await;
    let filled = counts(&world, engine).await;
    let (status, again) = world.toney(&["demo"]).await;
    assert!(
        status == 0 && again.contains("nothing was changed"),
        "{again}"
    );
    assert_eq!(counts(&world, engine).await, filled);
    on_the_command_line(&world).await;

    let ann = world.person("ann");
    let code_of_ann = code(&said, "makes you the artist");
    let joined = asks(&world, &ann, &format!("/start {code_of_ann}")).await;
    assert!(joined.contains("You're in"), "{joined}");
    asks(&world, &ann, "What is the notice period of my contract?").await;
    for command in Command::ALL {
        let said = asks(&world, &ann, &format!("/{}", command.name())).await;
        assert!(said.contains(shows(command)), "/{}: {said}", command.name());
        if command == Command::New {
            asks(&world, &ann, "What does a show cost on my tour?").await;
        }
    }
    asks(&world, &ann, "/stop").await;
    let sent = asks(&world, &ann, "/plan export").await;
    assert!(sent.contains("<document> Plan: Bring the album"), "{sent}");
    on_discord(&world, &code(&said, "makes you a manager")).await;
    let strangers = "SELECT address FROM outbound WHERE address LIKE '%:example:%'";
    assert_eq!(world.read(strangers).await, [""; 0]);
    let mails = "SELECT id FROM jobs WHERE kind = 'mail'";
    assert_eq!(world.read(mails).await, [""; 0]);
    world.settle().await;
    world.stop().await;
    at_the_terminal(&world).await;
    gone(&world, engine).await;
    world.finish().await;
}

/// Nobody was written to, and nothing waits that would.
async fn quiet(world: &World) {
    assert_eq!(world.read("SELECT id FROM outbound").await, [""; 0]);
    assert_eq!(world.read("SELECT id FROM jobs").await, [""; 0]);
    assert_eq!(world.telegram.look(|state| state.all().count()), 0);
    let reached =
        "SELECT c.address FROM conversations c LEFT JOIN addresses a ON a.address = c.address
        WHERE COALESCE(a.unreachable_at, 0) = 0";
    assert_eq!(world.read(reached).await, [""; 0]);
    let numbers = "SELECT platform_user FROM identities WHERE platform_user NOT LIKE 'example-%'";
    assert_eq!(world.read(numbers).await, [""; 0]);
    let mails = "SELECT email FROM tips WHERE email <> ''";
    assert_eq!(world.read(mails).await, [""; 0]);
}

async fn on_the_command_line(world: &World) {
    for (arguments, lines, words) in [
        (&["tips", "--limit", "500"][..], 150, "example-kofi-"),
        (&["tips", "reconcile"], 1, "The ledger balances."),
        (&["approvals"], 1, "Release “Harbour Lights”"),
        (&["approvals", "verify"], 2, "The record is whole."),
        (&["workflows"], 6, "Thank fans who tip"),
        (&["events"], 50, "tip_received"),
        (
            &["events", "--name", "workflow_failed"],
            3,
            "workflow_failed",
        ),
        (&["people"], 60, "Milo Example"),
        (&["artists"], 1, "Mara Example"),
        (&["usage"], 4, "example/large"),
        (&["jobs"], 1, "No work waits."),
        (&["outbox"], 1, "Everything was sent."),
        (
            &["search", "notice period", "--artist", "Mara Example"],
            2,
            "contract",
        ),
    ] {
        let (status, said) = world.toney(arguments).await;
        assert_eq!(status, 0, "{arguments:?}: {said}");
        assert!(said.lines().count() >= lines, "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let months = "SELECT CAST(COUNT(DISTINCT month) AS TEXT) FROM tips WHERE state = 'received'";
    let months: i64 = one(world, months).await.parse().unwrap();
    assert!(months >= 23, "{months}");
    let states = "SELECT state FROM tips GROUP BY state ORDER BY 1";
    let states = world.read(states).await;
    assert_eq!(states, ["lost", "partly", "received", "refunded"]);
    let facts = "SELECT slot FROM facts WHERE state = 'kept' AND slot <> '' ORDER BY 1";
    assert_eq!(world.read(facts).await, ["home", "next single", "producer"]);
}

/// The manager joins there, and gets the plan as a file.
async fn on_discord(world: &World, code: &str) {
    let discord = &world.discord;
    let mia = discord.user("mia");
    let chat = discord.dm(mia);
    for (words, answer) in [
        (format!("/start {code}"), "You're in"),
        ("/approvals".to_owned(), "Harbour Lights"),
        ("/plan export".to_owned(), "Bring the album"),
    ] {
        discord.whispers(mia, &words);
        let answered = |discord: &crate::sim::discord::Discord| {
            let mut said = discord.bot_messages(chat).into_iter();
            said.any(|message| message.content.contains(answer))
        };
        assert!(discord.wait_until(PATIENCE, answered).await, "{words}");
        world.settle().await;
    }
    let said = discord.bot_messages(chat);
    let files: Vec<&String> = said.iter().flat_map(|message| &message.files).collect();
    assert_eq!(files, ["plan.html"]);
}

/// Whoever sits at the server can be the artist herself.
async fn at_the_terminal(world: &World) {
    let mut command = world.program(&["chat", "--as", "example-artist"]);
    command.env("TELEGRAM_BOT_TOKEN", "");
    command.env("DISCORD_BOT_TOKEN", "");
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.kill_on_drop(true).spawn().unwrap();
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(b"/plan export\n/me facts\n").await.unwrap();
    drop(keys);
    let said = child.wait_with_output().await.unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    assert!(
        said.contains("The file is ") && said.contains(".html"),
        "{said}"
    );
    assert!(said.contains("Leipzig"), "{said}");
}

/// Nothing names the artist any more; whoever joined her is there still.
async fn gone(world: &World, engine: Engine) {
    let artist = one(world, "SELECT id FROM artists").await;
    let (status, said) = world.toney(&["demo", "--remove"]).await;
    assert_eq!(status, 0, "{said}");
    let columns = match engine {
        Engine::Sqlite => {
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) p
             WHERE m.type = 'table' AND p.name = 'artist_id' ORDER BY 1"
        }
        Engine::Postgres | Engine::OwnPostgres => {
            "SELECT CAST(table_name AS TEXT) FROM information_schema.columns
             WHERE table_schema = 'public' AND column_name = 'artist_id' ORDER BY 1"
        }
    };
    let erased = include_str!("../../src/store/erase/artist.rs");
    for table in world.read(columns).await {
        let sql = format!("SELECT '{table}' FROM {table} WHERE artist_id = '{artist}'");
        assert_eq!(world.read(&sql).await, [""; 0]);
        // Also what this story left empty has to go.
        assert!(
            erased.contains(&table),
            "{table} is not in store/erase/artist.rs"
        );
    }
    let left =
        "SELECT i.platform FROM persons p JOIN identities i ON i.person_id = p.id ORDER BY 1";
    assert_eq!(world.read(left).await, ["discord", "telegram"]);
    for table in ["ledger_entries", "statement_marks", "chunks", "audit"] {
        let sql = format!("SELECT '{table}' FROM {table}");
        assert_eq!(world.read(&sql).await, [""; 0]);
    }
    let noted = "SELECT name FROM bots WHERE account = 'demo'";
    assert_eq!(world.read(noted).await, [""; 0]);
}

async fn it_goes_again_and_touches_nobody(engine: Engine) {
    let world = World::on(engine).await;
    let ann = world.invited("ann", ("Ann Real", Standing::Artist)).await;
    world.sees(&ann);
    asks(&world, &ann, "/goals play twelve shows").await;
    let export = format!("telegram:{}", ann.user.id);
    let before = counts(&world, engine).await;
    let kept = world.toney(&["export", &export]).await;
    let (status, said) = world.toney(&["demo", "--remove"]).await;
    assert!(status == 0 && said.contains("no example"), "{said}");
    let (status, said) = world.toney(&["demo"]).await;
    assert!(status == 0 && said.contains("--artist"), "{said}");
    assert_ne!(counts(&world, engine).await, before);
    let (status, said) = world.toney(&["demo", "--remove"]).await;
    assert!(status == 0 && said.contains("67 people"), "{said}");
    assert_eq!(counts(&world, engine).await, before);
    assert_eq!(world.toney(&["export", &export]).await, kept);
    // Somebody may be called so.
    world.toney(&["artists", "new", "Mara Example"]).await;
    let (status, _) = world.toney(&["demo"]).await;
    assert_eq!(status, 1);
    let artists = "SELECT CAST(COUNT(*) AS TEXT) FROM artists";
    assert_eq!(one(&world, artists).await, "2");
    world.finish().await;
}
