//! `toney doctor`: each thing well, doubtful or wrong, and the exit code that follows from it.

use super::*;

use serde_json::Value;

use crate::sim::discord::Discord;
use crate::sim::servers::Redis;
use crate::sim::telegram::Telegram;

/// The findings of one part: the state, and all that is said.
fn found<'a>(report: &'a [Value], part: &str) -> Vec<(&'a str, String)> {
    let of = |finding: &&Value| finding["part"] == part;
    let said = |finding: &'a Value| {
        let text = format!("{} -> {}", finding["found"], finding["advice"]);
        (finding["state"].as_str().unwrap(), text)
    };
    report.iter().filter(of).map(said).collect()
}

async fn report(machine: &Machine, code: i32) -> Vec<Value> {
    let ran = machine.run(&["doctor", "--json"]).await.with(code);
    assert_eq!(ran.err, "");
    assert!(!ran.out.contains("geheim"), "{}", ran.out);
    serde_json::from_str(&ran.out).unwrap()
}

#[tokio::test]
async fn a_fresh_machine_is_well_and_stays_untouched() {
    let machine = Machine::new();
    let ran = machine.run(&["doctor"]).await.with(0);
    for words in [
        "ok       settings  TONEY_HTTP_ADDR sets http.addr to \"127.0.0.1:0\"\n",
        "ok       data      the folder data is made at the first start",
        "ok       secret    the key is made at the first start\n",
        "ok       database  data/toney.db is made at the first start\n",
        "warning  platforms no platform is configured",
        "warning  models    none is configured",
        "ok       voice     voice notes are kept unheard; models.transcribe names no model",
        "ok       http      127.0.0.1:",
        "ok       clock     it is ",
    ] {
        assert!(ran.out.contains(words), "{words}\n{}", ran.out);
    }
    assert_eq!(ran.err, "");
    let left = std::fs::read_dir(&machine.folder).unwrap().count();
    assert_eq!(left, 0, "it changed something");
}

#[tokio::test]
async fn all_services_answer() {
    let telegram = Telegram::start(Default::default()).await;
    let (discord, redis, model) = tokio::join!(Discord::start(), Redis::start(), Model::start());
    let port = free_port();
    let machine = Machine::new()
        .with_model(&model)
        .set("TELEGRAM_BOT_TOKEN", telegram.token())
        .set("TELEGRAM_API_URL", telegram.url())
        .set("DISCORD_BOT_TOKEN", discord.token())
        .set("DISCORD_API_URL", discord.api_url())
        .set("REDIS_URL", redis.url())
        .set("TONEY_SECRET_KEY", "geheim-geheim-geheim-geheim-geheim")
        .set("TONEY_HTTP_ADDR", format!("127.0.0.1:{port}"));
    machine.run(&["migrate"]).await.with(0);
    let well = report(&machine, 0).await;
    for part in [
        "database", "redis", "telegram", "discord", "models", "http", "clock", "secret",
    ] {
        let found = found(&well, part);
        assert!(
            !found.is_empty() && found.iter().all(|(state, _)| *state == "ok"),
            "{part}: {found:#?}"
        );
    }
    let (state, said) = &found(&well, "pages")[0];
    assert!(
        *state == "warning" && said.contains("TONEY_OPERATOR_CHAT"),
        "{said}"
    );
    let machine = machine.set("TONEY_OPERATOR_CHAT", "telegram:main:1");
    let told = report(&machine, 0).await;
    let (state, said) = &found(&told, "pages")[0];
    assert!(
        *state == "ok" && said.contains("may be in danger: 1"),
        "{said}"
    );
    let voices = found(&well, "voice");
    assert!(
        voices[0]
            .1
            .contains("written down by openai/gpt-transcribe"),
        "{voices:?}"
    );
    assert!(voices[1].1.contains("said aloud by openai/"), "{voices:?}");
    assert!(found(&well, "clock")[0].1.contains("as at telegram"));
    let gateway = machine.start(&["serve"]);
    until_ready(port, 200).await;
    let running = report(&machine, 0).await;
    assert!(
        found(&running, "http")[0]
            .1
            .contains("a Toney that is ready")
    );
    gateway.signal("TERM");
    gateway.ends().await.with(0);
    assert_eq!(discord.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refused_token_is_wrong_and_a_platform_that_is_down_is_away() {
    let telegram = Telegram::start(Default::default()).await;
    let machine = Machine::new()
        .set("TELEGRAM_BOT_TOKEN", "1:geheim")
        .set("TELEGRAM_API_URL", telegram.url());
    let wrong = report(&machine, 3).await;
    let (state, said) = &found(&wrong, "telegram")[0];
    assert!(
        *state == "wrong" && said.contains("TELEGRAM_BOT_TOKEN"),
        "{said}"
    );
    let away = format!("http://127.0.0.1:{}", free_port());
    let machine = machine.set("TELEGRAM_API_URL", &away);
    let report = report(&machine, 4).await;
    let (state, said) = &found(&report, "telegram")[0];
    assert!(
        *state == "wrong" && said.contains("TELEGRAM_API_URL"),
        "{said}"
    );
}

#[tokio::test]
async fn services_that_are_away_are_said_each() {
    let nowhere = |scheme: &str| format!("{scheme}127.0.0.1:{}", free_port());
    let machine = Machine::new()
        .set("DATABASE_URL", nowhere("postgres://ann:geheim@"))
        .set("REDIS_URL", nowhere("redis://"))
        .set("OPENAI_API_KEY", "geheim")
        .set("OPENAI_BASE_URL", nowhere("http://"))
        .set("TONEY__MODELS__CHAT", "openai/scripted");
    let report = report(&machine, 4).await;
    for part in ["database", "redis", "models"] {
        let found = found(&report, part);
        assert!(
            found.iter().all(|(state, _)| *state == "wrong"),
            "{part}: {found:#?}"
        );
    }
}

#[tokio::test]
async fn a_refused_key_counts_only_when_no_model_is_left() {
    let (first, second) = tokio::join!(Model::start(), Model::start());
    first.accept_keys(&["another"]);
    let machine = Machine::new().with_model(&first);
    let report_alone = report(&machine, 3).await;
    assert_eq!(found(&report_alone, "models")[0].0, "wrong");
    let machine = machine
        .set("TONEY__PROVIDERS__SPARE__BASE_URL", second.base_url())
        .set("TONEY__MODELS__CHAT", "openai/scripted,spare/scripted");
    let report = report(&machine, 0).await;
    let states: Vec<_> = found(&report, "models").iter().map(|(s, _)| *s).collect();
    assert_eq!(states, ["warning", "ok"]);
}

#[tokio::test]
async fn wrong_settings_are_found_together() {
    let machine = Machine::new()
        .set("TELEGRAM_BOT_TOKEN", "ge heim")
        .set("DISCORD_BOT_TOKEN", "ge heim")
        .set("DATABASE_URL", "mysql://ann:geheim@x/y")
        .set("AWS_BEARER_TOKEN_BEDROCK", "geheim")
        .set("TONEY_HTTP_ADDR", "everywhere");
    let report_all = report(&machine, 3).await;
    let wrong: Vec<_> = report_all
        .iter()
        .filter(|finding| finding["state"] == "wrong")
        .map(|finding| finding["found"].to_string())
        .collect();
    for words in [
        "telegram.token",
        "discord.token",
        "DATABASE_URL",
        "TONEY_HTTP_ADDR",
    ] {
        assert!(
            wrong.iter().any(|said| said.contains(words)),
            "{words}: {wrong:#?}"
        );
    }
    let models = found(&report_all, "models");
    assert!(
        models[0].1.contains("providers.bedrock.base_url"),
        "{models:?}"
    );
    let machine = machine.set("TONEY__JOBS__SIDE_BY_SIDE", "many");
    let report = report(&machine, 3).await;
    assert!(found(&report, "settings")[0].1.contains("SIDE_BY_SIDE"));
}

#[tokio::test]
async fn a_port_of_somebody_else_and_a_key_that_all_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let machine = Machine::new().set("TONEY_HTTP_ADDR", address);
    // Nothing answers there: whoever comes is turned away.
    std::thread::spawn(move || taken.incoming().for_each(drop));
    let key = machine.folder.join("data/secret.key");
    std::fs::create_dir_all(key.parent().unwrap()).unwrap();
    std::fs::write(&key, "0123456789abcdef0123456789abcdef").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let report_all = report(&machine, 3).await;
    assert_eq!(found(&report_all, "http")[0].0, "wrong");
    let (state, said) = &found(&report_all, "secret")[0];
    assert!(*state == "warning" && said.contains("chmod 600"), "{said}");
    std::fs::write(&key, "short").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let report = report(&machine, 3).await;
    assert_eq!(found(&report, "secret")[0].0, "wrong");
}

#[tokio::test]
async fn a_folder_that_is_a_file_and_tables_of_a_newer_version() {
    let machine = Machine::new();
    machine.run(&["migrate"]).await.with(0);
    let fresh = report(&machine, 0).await;
    assert!(found(&fresh, "database")[0].1.contains("is up to date"));
    std::fs::write(machine.folder.join("file"), "").unwrap();
    let machine = machine.set("TONEY_DATA_DIR", "file");
    let report = report(&machine, 3).await;
    assert_eq!(found(&report, "data")[0].0, "wrong");
}
