//! The real program as a process of its own: started, watched, killed and started again.
//!
//! It runs in a temporary folder that goes with it, hears nothing of the environment of the tests, and does not
//! outlive the test process.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::servers::{Folder, free_port};

/// The kernel counts processor time in hundredths of a second, whatever its own clock does (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// A program with its settings; it runs or is down.
pub struct Program {
    folder: Folder,
    program: PathBuf,
    arguments: Vec<String>,
    settings: Mutex<BTreeMap<String, String>>,
    child: Mutex<Option<Child>>,
}

impl Program {
    /// `toney serve` with its data in the temporary folder and its health on a free port.
    pub fn toney() -> Self {
        let program = Self::new(env!("CARGO_BIN_EXE_toney"), &["serve"]);
        let http = format!("127.0.0.1:{}", free_port());
        let data = program.folder.path.join("data").display().to_string();
        program.set("TONEY_HTTP_ADDR", http);
        program.set("TONEY_DATA_DIR", data);
        // Nobody may be asked but who a test names.
        program.set("TONEY__MODELS__NEARBY", "");
        program.set("TONEY__KNOWLEDGE__STARTER", "false");
        program
    }

    pub fn new(program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        Self {
            folder: Folder::new(None),
            program: program.into(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            settings: Mutex::default(),
            child: Mutex::default(),
        }
    }

    /// Sets a variable of its environment; holds from the next start.
    pub fn set(&self, name: &str, value: impl Into<String>) {
        let mut settings = self.settings.lock().expect("settings");
        settings.insert(name.to_owned(), value.into());
    }

    pub fn setting(&self, name: &str) -> String {
        let settings = self.settings.lock().expect("settings");
        settings.get(name).cloned().unwrap_or_default()
    }

    /// The folder of its data and its log.
    pub fn folder(&self) -> &PathBuf {
        &self.folder.path
    }

    /// Starts it; returns at once.
    pub fn start(&self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path.join("log"))
            .expect("a log file");
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&*self.settings.lock().expect("settings"))
            .current_dir(&self.folder.path)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", self.program.display()));
        // The folder's watchdog ends it when the test process is gone.
        fs::write(self.folder.path.join("pid"), child.id().to_string()).expect("a file");
        *self.child() = Some(child);
    }

    /// Runs another command of the program, with the same settings; what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let done = Command::new(&self.program)
            .args(arguments)
            .env_clear()
            .envs(&*self.settings.lock().expect("settings"))
            .current_dir(&self.folder.path)
            .output()
            .expect("a command that runs");
        let (said, wrong) = (
            done.stdout,
            String::from_utf8_lossy(&done.stderr).into_owned(),
        );
        String::from_utf8_lossy(&said).into_owned() + &wrong
    }

    /// SIGKILL; returns when it is gone. Does nothing when it is down.
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            child.kill().ok();
            child.wait().ok();
            fs::remove_file(self.folder.path.join("pid")).ok();
        }
    }

    /// SIGTERM; returns how it ended, or `None` when it did not within the time and had to be killed.
    pub async fn stop(&self, within: Duration) -> Option<ExitStatus> {
        let pid = self.pid().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().ok();
        let begun = Instant::now();
        while begun.elapsed() < within {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.kill();
        None
    }

    /// How it ended by itself, if it did.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child().as_mut()?.try_wait().ok().flatten()
    }

    pub fn pid(&self) -> u32 {
        self.child().as_ref().map_or(0, Child::id)
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kibibytes.unwrap_or(0) * 1024
    }

    /// Processor time used so far, of the program and of the system on its behalf.
    pub fn processor(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        let rest = stat.rsplit(')').next().unwrap_or_default();
        let ticks = rest.split_whitespace().skip(11).take(2);
        let ticks: u32 = ticks.filter_map(|field| field.parse::<u32>().ok()).sum();
        TICK * ticks
    }

    /// Everything it has said so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.path.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Keeps the log of a failure where it outlives the folder; returns the place.
    pub fn keep_log(&self, name: &str) -> PathBuf {
        let place = std::env::temp_dir().join(format!("toney-{name}-{}.log", std::process::id()));
        fs::write(&place, self.log()).ok();
        place
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().expect("child")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
