//! What an operator types: the real program, its exit codes, and what it prints where.

mod at_a_terminal;
mod doctor;
mod evaluating;
mod ingest;
mod killed;
mod models;
mod own_model;
mod people;
mod search;
mod serving;
mod traces;
mod usage;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::sim::model::{Answer, Behaviour, Server as Model};
use crate::sim::servers::free_port;
use crate::sim::telegram::Telegram;
use crate::world::{PATIENCE, pause, until};

/// A folder to run in, where nothing is configured but what a test says.
struct Machine {
    folder: PathBuf,
    env: Vec<(String, String)>,
}

/// How a run of the program went.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    /// Fails the test on any other exit code.
    fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

impl Machine {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("machine-{}-{number}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            env: Vec::new(),
        }
        .set("TONEY__MODELS__NEARBY", "")
        .set("TONEY__KNOWLEDGE__STARTER", false)
        .set("TONEY_HTTP_ADDR", "127.0.0.1:0")
    }

    fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_string()));
        self
    }

    fn with_model(self, model: &Model) -> Self {
        self.set("OPENAI_BASE_URL", model.base_url())
            .set("OPENAI_API_KEY", "a-key")
            .set("TONEY__MODELS__CHAT", "openai/scripted")
    }

    /// Serves this Telegram, and HTTP at this port.
    fn serving(self, telegram: &Telegram, port: u16) -> Self {
        self.set("TELEGRAM_BOT_TOKEN", telegram.token())
            .set("TELEGRAM_API_URL", telegram.url())
            .set("TONEY_HTTP_ADDR", format!("127.0.0.1:{port}"))
    }

    fn start(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_toney"));
        let piped = command
            .args(arguments)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = piped.spawn().unwrap();
        let out = Heard::of(child.stdout.take().unwrap());
        let err = Heard::of(child.stderr.take().unwrap());
        Running { child, out, err }
    }

    /// Runs it to its end, with nothing to read.
    async fn run(&self, arguments: &[&str]) -> Ran {
        self.start(arguments).ends().await
    }

    /// Runs it to its end, with this to read.
    async fn reads(&self, arguments: &[&str], input: &str) -> Ran {
        let mut running = self.start(arguments);
        let mut stdin = running.child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        running.ends().await
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// The program while it runs.
struct Running {
    child: Child,
    out: Heard,
    err: Heard,
}

impl Running {
    async fn ends(mut self) -> Ran {
        drop(self.child.stdin.take());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let Ok(ended) = ended else {
            panic!("it does not end: {}{}", self.out.text(), self.err.text());
        };
        Ran {
            code: ended.unwrap().code(),
            out: self.out.whole().await,
            err: self.err.whole().await,
        }
    }

    /// Waits until the log holds these words.
    async fn says(&self, words: &str) {
        let begun = Instant::now();
        while !self.err.text().contains(words) {
            let late = begun.elapsed() > PATIENCE;
            assert!(!late, "it never said {words:?}: {}", self.err.text());
            pause().await;
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().expect("a living process").to_string();
        let done = std::process::Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(done.unwrap().success());
    }
}

/// What comes out of a pipe.
struct Heard {
    text: std::sync::Arc<Mutex<String>>,
    reading: JoinHandle<()>,
}

impl Heard {
    fn of(mut pipe: impl tokio::io::AsyncRead + Send + Unpin + 'static) -> Self {
        let text = std::sync::Arc::new(Mutex::new(String::new()));
        let heard = text.clone();
        let reading = tokio::spawn(async move {
            let mut bytes = [0; 4_096];
            while let Ok(count @ 1..) = pipe.read(&mut bytes).await {
                let piece = String::from_utf8_lossy(&bytes[..count]).into_owned();
                heard.lock().unwrap().push_str(&piece);
            }
        });
        Self { text, reading }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    async fn whole(self) -> String {
        self.reading.await.unwrap();
        self.text.lock().unwrap().clone()
    }
}

/// Answers of `/readyz`: the status, and the body.
async fn readyz(port: u16) -> Option<(u16, String)> {
    let url = format!("http://127.0.0.1:{port}/readyz");
    let answer = reqwest::Client::new().get(url).send().await.ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.text().await.ok()?))
}

async fn until_ready(port: u16, wanted: u16) -> String {
    let begun = Instant::now();
    loop {
        let last = readyz(port).await;
        if let Some((status, body)) = &last
            && *status == wanted
        {
            return body.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "never {wanted}: {last:?}");
        pause().await;
    }
}

#[tokio::test]
async fn a_question_is_answered_on_stdout_alone() {
    let model = Model::start().await;
    let machine = Machine::new().with_model(&model);
    model.push(Answer::text("Play **twelve** shows.\n\n- one\n- two"));
    let ran = machine.run(&["ask", "how many shows?"]).await.with(0);
    assert_eq!(ran.out, "Play twelve shows.\n\n• one\n• two\n", "{ran:#?}");
    let asked = model.requests();
    assert_eq!(asked.last().unwrap().last("user"), "how many shows?");
    assert!(!ran.err.contains("shows"), "the log holds words: {ran:#?}");

    let ran = machine.run(&["ask", "--json", "two\nlines"]).await.with(0);
    let answer: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(answer["question"], "two\nlines");
    assert_eq!(answer["answer"], "two\nlines");
    assert!(ran.out.ends_with("}\n"));
    model.assert_clean();
}

#[tokio::test]
async fn a_question_is_answered_beside_a_running_gateway() {
    let model = Model::start().await;
    let telegram = Telegram::start(Default::default()).await;
    let port = free_port();
    let machine = Machine::new().with_model(&model).serving(&telegram, port);
    let gateway = machine.start(&["serve"]);
    until_ready(port, 200).await;
    for question in ["one", "two", "three", "four"] {
        let ran = machine.run(&["ask", question]).await.with(0);
        assert_eq!(ran.out, format!("{question}\n"), "{ran:#?}");
    }
    gateway.signal("TERM");
    gateway.ends().await.with(0);
}

/// A question does not wait for other people's answers, and does not begin what it will not see to the end.
#[tokio::test]
async fn a_question_beside_a_dead_gateway_waits_for_nobody() {
    let model = Model::start().await;
    let telegram = Telegram::start(Default::default()).await;
    let port = free_port();
    let machine = Machine::new().with_model(&model).serving(&telegram, port);
    let mut gateway = machine.start(&["serve"]);
    until_ready(port, 200).await;
    model.hold();
    let ann = telegram.person("ann");
    telegram.says(ann, ann, "a long story");
    model.wait_until("a turn", |c| c.waiting == 1).await;
    gateway.child.kill().await.unwrap();
    model.otherwise(Behaviour::call(|request| {
        let said = request.last("user");
        let slow = Duration::from_secs(if said == "a long story" { 30 } else { 0 });
        Answer::text(said).after(slow)
    }));
    model.release();

    let begun = Instant::now();
    let ran = machine.run(&["ask", "one"]).await.with(0);
    assert_eq!(ran.out, "one\n", "{ran:#?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{ran:#?}");
    let asked = model.requests();
    let about = |words: &str| asked.iter().filter(|r| r.last("user") == words).count();
    assert_eq!((about("a long story"), about("one")), (1, 1));

    model.otherwise(Behaviour::Echo);
    let gateway = machine.start(&["serve"]);
    until("the answer", || {
        telegram.render(ann).contains("\na long story")
    })
    .await;
    gateway.signal("TERM");
    gateway.ends().await.with(0);
    assert_eq!(telegram.render(ann).matches("a long story").count(), 2);
}

/// Its own work is tried again, as everybody's.
#[tokio::test]
async fn a_question_outlives_its_database() {
    let model = Model::start().await;
    let postgres = crate::sim::servers::Postgres::start().await;
    let machine = Machine::new()
        .with_model(&model)
        .set("DATABASE_URL", postgres.url("postgres"))
        .set("TONEY__INTAKE__QUIET_MS", 1_500);
    let asking = machine.start(&["ask", "one"]);
    let mut connection = PgConnection::connect(&postgres.url("postgres"))
        .await
        .unwrap();
    let (begun, mut kept) = (Instant::now(), 0);
    while kept == 0 {
        assert!(begun.elapsed() < PATIENCE, "{}", asking.err.text());
        pause().await;
        let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM jobs");
        // The tables are being made meanwhile.
        kept = count.fetch_one(&mut connection).await.unwrap_or(0);
    }
    postgres.kill();
    // Mostly the turn fails and is tried again. But the database may have gone before it could say that the question
    // is stored, or after the turn had read all it needs; then nothing is said for long.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(8) && !asking.err.text().contains("A job failed") {
        pause().await;
    }
    postgres.restart().await;
    let ran = asking.ends().await.with(0);
    assert_eq!(ran.out, "one\n", "{ran:#?}");
}

/// Who sits down at the same machine later does not read what another one is owed.
#[tokio::test]
async fn an_answer_is_shown_to_whom_it_is_meant_for() {
    let model = Model::start().await;
    let machine = Machine::new().with_model(&model);
    model.hold();
    let mut bob = machine.start(&["chat", "--as", "bob"]);
    let typing = bob.child.stdin.as_mut().unwrap();
    typing.write_all(b"a secret\n").await.unwrap();
    model.wait_until("a turn", |c| c.waiting == 1).await;
    bob.child.kill().await.unwrap();
    model.release();
    let ann = machine
        .reads(&["chat", "--as", "ann"], "hi\n")
        .await
        .with(0);
    assert!(ann.out.ends_with("\nhi\n"), "{ann:#?}");
    assert!(!ann.out.contains("secret"), "{ann:#?}");
    let bob = machine.reads(&["chat", "--as", "bob"], "").await.with(0);
    assert!(bob.out.ends_with("\na secret\n"), "{bob:#?}");
    model.assert_clean();
}

#[tokio::test]
async fn a_chat_goes_through_a_pipe() {
    let model = Model::start().await;
    let machine = Machine::new().with_model(&model);
    model.push(Answer::text("Hello there."));
    let ran = machine.reads(&["chat"], "hi\n").await.with(0);
    assert!(ran.out.ends_with("\nHello there.\n"), "{ran:#?}");
    assert!(ran.out.starts_with("Hi, I'm Toney"), "{ran:#?}");
    // A line without its end is a line too.
    let ran = machine.reads(&["chat", "--as", "bob"], "/model").await;
    let ran = ran.with(0);
    let told = ran
        .out
        .starts_with("I answer with openai/scripted.\n\nWith a key of your own");
    assert!(told, "{ran:#?}");
    let ran = machine.reads(&["chat"], "").await.with(0);
    assert_eq!(ran.out, "");
}

#[tokio::test]
async fn the_first_start_makes_the_secret_key() {
    use std::os::unix::fs::PermissionsExt;
    let telegram = Telegram::start(Default::default()).await;
    let machine = Machine::new();
    let file = machine.folder.join("data/secret.key");
    for glance in [vec!["doctor"], vec!["migrate"], vec!["ask", "hi"]] {
        machine.run(&glance).await.with(0);
        assert!(!file.exists(), "{glance:?} is no start");
    }
    machine.reads(&["chat"], "").await.with(0);
    let key = std::fs::read_to_string(&file).unwrap();
    assert_eq!(key.trim().len(), 64);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    machine.reads(&["chat"], "").await.with(0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), key);

    std::fs::remove_file(&file).unwrap();
    let port = free_port();
    let machine = machine.serving(&telegram, port);
    let gateway = machine.start(&["serve"]);
    until_ready(port, 200).await;
    assert_ne!(std::fs::read_to_string(&file).unwrap(), key);
    gateway.signal("TERM");
    gateway.ends().await.with(0);
}

#[tokio::test]
async fn nothing_configured_is_said() {
    let ran = Machine::new().run(&[]).await.with(3);
    assert_eq!(ran.err.lines().count(), 1, "{ran:#?}");
    assert!(ran.err.contains("TELEGRAM_BOT_TOKEN"), "{ran:#?}");
}

#[tokio::test]
async fn tables_are_made_and_queues_are_shown() {
    let machine = Machine::new();
    let ran = machine.run(&["migrate"]).await.with(0);
    assert_eq!(ran.out, "The tables are up to date.\n");
    machine.run(&["migrate"]).await.with(0);
    let ran = machine.run(&["outbox"]).await.with(0);
    assert_eq!(ran.out, "Everything was sent.\n");
    let ran = machine.run(&["jobs"]).await.with(0);
    assert_eq!(ran.out, "No work waits.\n");
    for queue in ["outbox", "jobs"] {
        let ran = machine.run(&[queue, "--json"]).await.with(0);
        assert_eq!(ran.out, "[]\n");
    }
    let ran = machine.run(&["jobs", "--replay", "job_nothing"]).await;
    assert_eq!(ran.with(0).out, "0 of 1 will be tried again.\n");
    machine.run(&["jobs", "--what"]).await.with(2);
}

#[tokio::test]
async fn a_wrong_setting_is_one_line() {
    for (name, value, said) in [
        ("TONEY__JOBS__SIDE_BY_SIDE", "many", "SIDE_BY_SIDE"),
        ("TONEY__JOBS__SIDE_BY_SIDEE", "3", "did you mean"),
        ("TONEY_LOG", "toney=shout", "TONEY_LOG"),
        ("TONEY_HTTP_ADDR", "everywhere", "TONEY_HTTP_ADDR"),
        ("DATABASE_URL", "mysql://ann:geheim@x/y", "DATABASE_URL"),
        ("REDIS_URL", "http://127.0.0.1", "REDIS_URL"),
        ("TELEGRAM_API_URL", "nowhere", "TELEGRAM_API_URL"),
        ("TELEGRAM_BOT_TOKEN", "not a geheim token", "token"),
        ("DISCORD_BOT_TOKEN", "ge heim", "discord.token"),
        ("TONEY__MODELS__CHAT", "nobody/knows", "models.chat"),
        ("OPENAI_BASE_URL", "nowhere", "base_url"),
        ("TONEY_SECRET_KEY", "geheim", "TONEY_SECRET_KEY"),
    ] {
        let machine = Machine::new()
            .set("TELEGRAM_BOT_TOKEN", "1:a")
            .set("TELEGRAM_API_URL", "http://127.0.0.1:9")
            .set(name, value);
        let ran = machine.run(&["serve"]).await.with(3);
        assert_eq!(ran.err.lines().count(), 1, "{name}: {ran:#?}");
        assert!(ran.err.contains(said), "{name}: {ran:#?}");
        assert!(!ran.err.contains("geheim"), "{name}: {ran:#?}");
        assert_eq!(ran.out, "");
    }
}

#[tokio::test]
async fn keys_of_other_programs_do_not_keep_it_from_starting() {
    let model = Model::start().await;
    let machine = Machine::new().set("AWS_BEARER_TOKEN_BEDROCK", "another-programs");
    let ran = machine.run(&["ask", "hi"]).await.with(0);
    assert!(ran.out.contains("No language model is set up"), "{ran:#?}");
    assert!(ran.err.contains("providers.bedrock.base_url"), "{ran:#?}");
    assert!(!ran.err.contains("another-programs"));
    let machine = machine.with_model(&model);
    let ran = machine.run(&["ask", "hi"]).await.with(0);
    assert_eq!(ran.out, "hi\n", "{ran:#?}");
}

#[tokio::test]
async fn an_unreachable_database_is_told_from_a_wrong_setting() {
    let url = format!("postgres://postgres@127.0.0.1:{}/x", free_port());
    let machine = Machine::new().set("DATABASE_URL", url);
    let (one, two, three) = tokio::join!(
        machine.run(&["migrate"]),
        machine.run(&["outbox"]),
        machine.run(&["jobs"])
    );
    for ran in [one, two, three] {
        let ran = ran.with(4);
        assert_eq!(ran.err.lines().count(), 1, "{ran:#?}");
        assert!(ran.err.contains("database cannot be reached"), "{ran:#?}");
    }
}
