//! Settings, from the manual to the environment.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toney::config::{Config, Sources, Wrong};
use toney::{delivery, http, jobs, knowledge, llm, store};

/// A folder of its own that vanishes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("toney-config-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn with_env(pairs: &[(&str, &str)]) -> Result<Config, Wrong> {
    Config::load(&Sources {
        env: env(pairs),
        ..Sources::default()
    })
}

fn with_file(name: &str, text: &str) -> Result<Config, Wrong> {
    let folder = Folder::new(name);
    Config::load(&Sources {
        file: Some(folder.write("mine.toml", text)),
        ..Sources::default()
    })
}

/// The error of a file without the folder's name, which differs from run to run.
fn refused(name: &str, text: &str) -> String {
    let said = with_file(name, text).unwrap_err().to_string();
    match (said.find('/'), said.find("mine.toml")) {
        (Some(from), Some(to)) => format!("{}{}", &said[..from], &said[to..]),
        _ => said,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Intake {
    queue: Queue,
    quiet_ms: u64,
    flood_per_minute: u32,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Queue {
    Collect,
    Each,
    Interrupt,
}

#[derive(Debug, Deserialize)]
struct Discord {
    token: String,
    answer_channels: Vec<String>,
    message_content: bool,
}

#[derive(Debug, Deserialize)]
struct Models {
    offline: bool,
    models: BTreeMap<String, toml::Value>,
    #[serde(default)]
    providers: BTreeMap<String, Provider>,
}

#[derive(Debug, Deserialize)]
struct Provider {
    key: Option<String>,
    base_url: Option<String>,
}

#[test]
fn without_any_setting_the_manual_holds() {
    let config = with_env(&[]).unwrap();
    let store: store::Settings = config.section("store").unwrap();
    assert_eq!(store.url, "sqlite://data/toney.db");
    assert_eq!(store.redis_url, "");
    assert!(!store.power_safe);
    assert_eq!((store.lease_seconds, store.keep_days), (30, 3));
    let jobs: jobs::Settings = config.section("jobs").unwrap();
    assert_eq!(jobs.max_attempts, 8);
    let delivery: delivery::Settings = config.section("delivery").unwrap();
    assert!(delivery.pace);
    assert_eq!(
        (delivery.settle_ms, delivery.preview_every_ms),
        (2000, 1100)
    );
    let models: llm::Settings = config
        .sections(&["offline", "models", "providers"])
        .unwrap();
    assert!(models == llm::Settings::default(), "{models:?}");
    let knowledge: knowledge::Settings = config.section("knowledge").unwrap();
    assert_eq!(knowledge.limits(), knowledge::extract::Limits::default());
    assert_eq!(
        (knowledge.chunk_tokens, knowledge.overlap_tokens),
        (300, 60)
    );
    assert!(knowledge.starter && knowledge.reader.as_os_str().is_empty());
    let http: http::Settings = config.section("http").unwrap();
    assert_eq!(
        (http.addr.as_str(), http.public_url),
        ("127.0.0.1:8080", None)
    );
    let intake: Intake = config.section("intake").unwrap();
    assert_eq!(intake.queue, Queue::Collect);
    assert_eq!((intake.quiet_ms, intake.flood_per_minute), (700, 40));
    assert!(!config.has("telegram.token"));
    assert!(!config.has("telegram.webhook_url"));
    assert!(!config.has("providers.openai.key"));
    assert_eq!(config.changed().count(), 0);
    assert!(config.hints().is_empty());
}

#[test]
fn each_source_is_stronger_than_the_one_before() {
    let folder = Folder::new("order");
    let file = folder.write(
        "mine.toml",
        "[intake]\nqueue = \"each\"\nquiet_ms = 1\nflood_per_minute = 1\n[store]\nkeep_days = 9\n",
    );
    let dotenv = folder.write(
        ".env",
        "# a comment\nTONEY__INTAKE__QUIET_MS=2\nexport TONEY__INTAKE__FLOOD_PER_MINUTE=\"2\"\n\
         DATABASE_URL=sqlite://dotenv.db\nSOMEBODY_ELSES=1\n",
    );
    let sources = Sources {
        file: Some(file.clone()),
        dotenv: Some(dotenv.clone()),
        env: env(&[("TONEY__INTAKE__FLOOD_PER_MINUTE", "3")]),
    };
    let config = Config::load(&sources).unwrap();
    let intake: Intake = config.section("intake").unwrap();
    assert_eq!(intake.queue, Queue::Each);
    assert_eq!((intake.quiet_ms, intake.flood_per_minute), (2, 3));
    let store: store::Settings = config.section("store").unwrap();
    assert_eq!(
        (store.url.as_str(), store.keep_days),
        ("sqlite://dotenv.db", 9)
    );
    assert_eq!(config.name("store.url"), "DATABASE_URL in .env");
    assert!(config.name("store.keep_days").contains("mine.toml"));

    // An empty name hides what `.env` says under the same name.
    let config = Config::load(&Sources {
        env: env(&[("DATABASE_URL", "")]),
        ..sources
    });
    let store: store::Settings = config.unwrap().section("store").unwrap();
    assert_eq!(store.url, "sqlite://data/toney.db");

    // The file may also be named in the environment or in `.env`; an option is stronger.
    let other = folder.write("other.toml", "[store]\nkeep_days = 11\n");
    let named = |file: Option<PathBuf>| {
        let config = Config::load(&Sources {
            file,
            dotenv: Some(folder.0.join("missing")),
            env: env(&[("TONEY_CONFIG", other.to_str().unwrap())]),
        });
        config
            .unwrap()
            .section::<store::Settings>("store")
            .unwrap()
            .keep_days
    };
    assert_eq!(named(None), 11);
    assert_eq!(named(Some(file)), 9);
    let dotenv = folder.write("env2", &format!("TONEY_CONFIG={}\n", other.display()));
    let config = Config::load(&Sources {
        dotenv: Some(dotenv),
        ..Sources::default()
    });
    let store: store::Settings = config.unwrap().section("store").unwrap();
    assert_eq!(store.keep_days, 11);
}

#[test]
fn short_names_set_what_they_say() {
    let config = with_env(&[
        ("TELEGRAM_BOT_TOKEN", "1:abc"),
        ("DISCORD_BOT_TOKEN", "d.e.f"),
        ("TONEY__DISCORD__ANSWER_CHANNELS", "1, 2"),
        ("TONEY__DISCORD__MESSAGE_CONTENT", "no"),
        ("OPENAI_API_KEY", "sk-1"),
        ("OLLAMA_BASE_URL", "http://127.0.0.1:11434/v1"),
        ("TONEY__PROVIDERS__MINE__KEY", "own"),
        ("TONEY__MODELS__CHAT", "openai/a,mine/b"),
        ("TONEY_OFFLINE", "1"),
        ("REDIS_URL", ""),
    ])
    .unwrap();
    assert!(config.hints().is_empty(), "{:?}", config.hints());
    assert!(config.has("telegram.token"));
    let discord: Discord = config.section("discord").unwrap();
    assert_eq!(discord.token, "d.e.f");
    assert_eq!(discord.answer_channels, ["1", "2"]);
    assert!(!discord.message_content);
    let models: Models = config
        .sections(&["offline", "models", "providers"])
        .unwrap();
    assert!(models.offline);
    assert_eq!(models.models["chat"].as_array().unwrap().len(), 2);
    assert_eq!(models.providers["openai"].key.as_deref(), Some("sk-1"));
    assert_eq!(models.providers["mine"].key.as_deref(), Some("own"));
    assert!(models.providers["ollama"].base_url.is_some());
    assert!(!config.has("store.redis_url"));

    let both = with_env(&[
        ("DATABASE_URL", "sqlite://short.db"),
        ("TONEY__STORE__URL", "sqlite://long.db"),
    ]);
    let store: store::Settings = both.unwrap().section("store").unwrap();
    assert_eq!(store.url, "sqlite://long.db");
}

#[test]
fn every_short_name_is_explained_in_the_example() {
    let example = include_str!("../../.env.example");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(root.join("src/config/names.rs")).unwrap();
    let short = source.lines().filter_map(|line| {
        let name = line.trim().strip_prefix("(\"")?.split('"').next()?;
        Some(name.to_owned())
    });
    let mut count = 0;
    for name in short.chain(["TONEY_CONFIG".to_owned()]) {
        let at = example.find(&format!("\n#{name}="));
        let before = example[..at.unwrap_or_else(|| panic!("{name} is missing"))].lines();
        let sentence = before.last().unwrap();
        assert!(
            sentence.starts_with("# ") && sentence.ends_with('.'),
            "{name}"
        );
        count += 1;
    }
    assert_eq!(count, 37);
    // Without its comment signs it is a file of settings that are all empty, and so all unset.
    let folder = Folder::new("example");
    let dotenv = folder.write(".env", &example.replace("\n#", "\n").replace("\n ", "\n# "));
    let config = Config::load(&Sources {
        dotenv: Some(dotenv),
        ..Sources::default()
    });
    assert_eq!(config.unwrap().changed().count(), 0);
}

#[test]
fn a_wrong_value_is_one_line_that_names_the_setting() {
    let said = |pairs| with_env(pairs).unwrap_err().to_string();
    assert_eq!(
        said(&[("TONEY__JOBS__MAX_ATTEMPTS", "many")]),
        "TONEY__JOBS__MAX_ATTEMPTS is \"many\"; it wants a whole number from 0"
    );
    assert_eq!(
        said(&[("TONEY_OFFLINE", "maybe")]),
        "TONEY_OFFLINE is \"maybe\"; it wants true or false"
    );
    assert_eq!(
        refused("kind", "[delivery]\npace = 3\n"),
        "delivery.pace in mine.toml is 3; it wants true or false"
    );
    assert_eq!(
        refused("flat", "store = 3\n"),
        "store in mine.toml is 3; it wants a section"
    );
    let config = with_env(&[("TONEY__INTAKE__QUEUE", "somehow")]).unwrap();
    assert_eq!(
        config.section::<Intake>("intake").unwrap_err().to_string(),
        "TONEY__INTAKE__QUEUE is \"somehow\"; it wants one of `collect`, `each`, `interrupt`"
    );
    let config = with_env(&[("TONEY__INTAKE__FLOOD_PER_MINUTE", "5000000000")]).unwrap();
    assert_eq!(
        config.section::<Intake>("intake").unwrap_err().to_string(),
        "TONEY__INTAKE__FLOOD_PER_MINUTE is 5000000000; it wants a whole number from 0 to 4294967295"
    );
    assert_eq!(
        said(&[("TONEY_DATA_DIR", "x"), ("TONEY__DATA__DIR", "")]),
        "TONEY__DATA__DIR is empty; it wants a folder"
    );
}

#[test]
fn an_unknown_setting_is_refused_with_what_was_meant() {
    assert_eq!(
        refused("key", "[store]\nkeepdays = 3\n"),
        "store.keepdays in mine.toml is not a setting; did you mean store.keep_days?"
    );
    assert_eq!(
        refused("section", "[telegramm]\ntoken = \"1:a\"\n"),
        "telegramm in mine.toml is not a setting; did you mean telegram?"
    );
    assert_eq!(
        refused("weather", "[weather]\ntomorrow = 3\n"),
        "weather in mine.toml is not a setting"
    );
    assert_eq!(
        refused("chosen", "[providers.mine]\nbaseurl = \"x\"\n"),
        "providers.mine.baseurl in mine.toml is not a setting; did you mean providers.mine.base_url?"
    );
    let said = |pairs| with_env(pairs).unwrap_err().to_string();
    assert_eq!(
        said(&[("TONEY__INTAKE__QEUE", "each")]),
        "TONEY__INTAKE__QEUE is not a setting; did you mean TONEY__INTAKE__QUEUE?"
    );
    assert_eq!(
        said(&[("TONEY__STORE", "x")]),
        "TONEY__STORE is not a setting"
    );
    let config = with_env(&[("TONEY_OFLINE", "1"), ("PATH", "/bin")]).unwrap();
    assert_eq!(
        config.hints(),
        ["TONEY_OFLINE is not a setting; did you mean TONEY_OFFLINE?"]
    );
}

#[test]
fn no_message_shows_a_secret() {
    let wrong = [
        refused("secret-kind", "[telegram]\ntoken = [\"geheim\"]\n"),
        refused("secret-toml", "[telegram]\ntoken = \"geheim\n"),
        refused("secret-number", "[discord]\ntoken = true # geheim\n"),
    ];
    for said in &wrong {
        assert!(!said.contains("geheim") && !said.contains('\n'), "{said}");
    }
    assert!(wrong[1].starts_with("mine.toml: line 2 "), "{}", wrong[1]);
    let folder = Folder::new("secret-env");
    let dotenv = folder.write(".env", "B=1\nA=1\nTELEGRAM_BOT_TOKEN='geheim\n");
    let said = Config::load(&Sources {
        dotenv: Some(dotenv),
        ..Sources::default()
    });
    let said = said.unwrap_err().to_string();
    assert!(
        !said.contains("geheim") && said.contains("after A is"),
        "{said}"
    );

    let config = with_file("secret-room", "[discord]\ntoken = 7777777\n").unwrap();
    let said = config
        .section::<Discord>("discord")
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("discord.token") && !said.contains("7777777"),
        "{said}"
    );

    let config = with_env(&[
        ("TELEGRAM_BOT_TOKEN", "1:geheim"),
        ("DATABASE_URL", "postgres://ann:geheim@db/toney"),
        ("TONEY_SECRET_KEY", "geheim-geheim-geheim-geheim-geheim"),
        ("TONEY_HTTP_ADDR", "0.0.0.0:80"),
    ])
    .unwrap();
    let mut shown = format!("{config:?}");
    for (path, name, value) in config.changed() {
        shown += &format!("\n{path} {name} {value}");
    }
    shown += &format!("{:?}", config.secret_key().unwrap());
    assert!(!shown.contains("geheim"), "{shown}");
    assert!(
        shown.contains("http.addr TONEY_HTTP_ADDR \"0.0.0.0:80\""),
        "{shown}"
    );
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let config = Config::load(&Sources {
        file: Some(PathBuf::from("nowhere/at-all.toml")),
        ..Sources::default()
    });
    let said = config.unwrap_err().to_string();
    assert!(
        said.starts_with("nowhere/at-all.toml: cannot be read: "),
        "{said}"
    );
}

#[test]
fn the_data_folder_moves_what_lies_in_it() {
    let config = with_env(&[("TONEY_DATA_DIR", "/srv/toney")]).unwrap();
    let store: store::Settings = config.section("store").unwrap();
    assert_eq!(store.url, "sqlite:///srv/toney/toney.db");
    assert_eq!(config.data().unwrap().dir, Path::new("/srv/toney"));
}

#[test]
fn the_secret_key_is_made_once_and_kept_from_others() {
    let folder = Folder::new("key");
    let dir = folder.0.join("new/data");
    let config = || with_env(&[("TONEY_DATA_DIR", dir.to_str().unwrap())]).unwrap();
    let first = config().secret_key().unwrap();
    let file = dir.join("secret.key");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&file)), (0o700, 0o600));
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
    assert!(config().secret_key().unwrap() == first);

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(config().secret_key().unwrap() == first);
    assert_eq!(mode(&file), 0o600);

    std::fs::write(&file, "short").unwrap();
    let said = config().secret_key().unwrap_err().to_string();
    assert!(
        said.contains("secret.key") && !said.contains("short"),
        "{said}"
    );

    let set = with_env(&[("TONEY_SECRET_KEY", "0123456789abcdef0123456789abcdef")]).unwrap();
    assert!(set.secret_key().unwrap() != first);
    let said = with_env(&[("TONEY_SECRET_KEY", "geheim")])
        .unwrap()
        .secret_key();
    assert_eq!(
        said.unwrap_err().to_string(),
        "TONEY_SECRET_KEY is too short; it wants 32 characters or more"
    );
}

#[test]
fn processes_that_start_together_agree_on_one_key() {
    let folder = Folder::new("race");
    let dir = folder.0.join("data");
    let keys: Vec<_> = std::thread::scope(|scope| {
        let start = || {
            let config = with_env(&[("TONEY_DATA_DIR", dir.to_str().unwrap())]).unwrap();
            *config.secret_key().unwrap().expose()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
}
