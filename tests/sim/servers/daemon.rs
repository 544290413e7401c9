//! One server process in a temporary folder: started, killed, started again, and gone with the test process.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to answer. A crowded machine needs some of it; a healthy one some tens of milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A free port below the range from which the kernel takes the ports of outgoing connections. A server that was killed
/// therefore finds its port free again, and a client that keeps trying can't end up connected to itself.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 997).expect("below 997") * 12;
    for _ in 0..12_000 {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed) % 12_000) % 12_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between 20000 and 31999");
}

/// The account for servers that refuse to run as root.
#[derive(Clone, Copy)]
pub struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// Nobody else when the tests run without root's rights anyway.
    pub fn unprivileged() -> Option<Self> {
        if fs::metadata("/proc/self").expect("/proc is mounted").uid() != 0 {
            return None;
        }
        let accounts = fs::read_to_string("/etc/passwd").expect("accounts");
        let find = |name: &str| {
            let mut fields = accounts
                .lines()
                .map(|line| line.split(':').collect::<Vec<_>>());
            let fields = fields.find(|fields| fields[0] == name)?;
            Some(Self {
                uid: fields[2].parse().ok()?,
                gid: fields[3].parse().ok()?,
            })
        };
        Some(
            find("postgres")
                .expect("an account called `postgres`: run tests/run once, it adds one"),
        )
    }
}

/// A folder with a short path (a socket's path has at most 107 bytes) that goes with the test process.
pub struct Folder {
    pub path: PathBuf,
    watchdog: Mutex<Child>,
}

impl Folder {
    pub fn new(user: Option<User>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(format!("/tmp/toney-{}-{number}", std::process::id()));
        // A test process of the same number may have been killed together with its watchdog.
        fs::remove_dir_all(&path).ok();
        fs::create_dir(&path).expect("a new folder");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("a private folder");
        if let Some(user) = user {
            chown(&path, Some(user.uid), Some(user.gid)).expect("a folder of another user");
        }
        let watchdog = Mutex::new(watch(&path));
        Self { path, watchdog }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).ok();
        let mut watchdog = self.watchdog.lock().expect("watchdog");
        drop(watchdog.stdin.take());
        watchdog.wait().ok();
    }
}

/// Reads from this process until it is gone, however it went; then ends the server and removes the folder. It stands in
/// a group of its own, so that Ctrl-C does not end it first.
fn watch(folder: &Path) -> Child {
    // A server's own children may write for a moment longer than it lives, so removing may take several tries.
    const SCRIPT: &str = r#"cat >/dev/null
        [ ! -s "$1/pid" ] || kill -9 "$(cat "$1/pid")" 2>/dev/null
        for _ in 1 2 3 4 5 6 7 8 9; do [ -d "$1" ] || break; rm -rf "$1" || sleep 1; done"#;
    let mut command = Command::new("sh");
    command
        .args(["-c", SCRIPT, "sh"])
        .arg(folder)
        .process_group(0)
        .current_dir("/");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().expect("a shell")
}

/// A server that runs or is down; both are normal.
pub struct Daemon {
    pub folder: Folder,
    pub user: Option<User>,
    program: PathBuf,
    arguments: Vec<String>,
    child: Mutex<Option<Child>>,
}

impl Daemon {
    pub fn new(
        folder: Folder,
        user: Option<User>,
        program: PathBuf,
        arguments: Vec<String>,
    ) -> Self {
        Self {
            folder,
            user,
            program,
            arguments,
            child: Mutex::new(None),
        }
    }

    /// Starts the server and waits until `ready` says so.
    pub async fn start(&self, ready: impl AsyncFn() -> bool) {
        let log = self.log();
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("a log file");
        let mut command = command(&self.program, self.user, &self.folder.path);
        command
            .args(&self.arguments)
            .process_group(0)
            .stdin(Stdio::null());
        command
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file);
        let child = command.spawn().unwrap_or_else(|error| {
            panic!(
                "{} does not start ({error}): run tests/run once, it installs it",
                self.program.display()
            )
        });
        fs::write(self.folder.path.join("pid"), child.id().to_string())
            .expect("a file for the watchdog");
        *self.child.lock().expect("child") = Some(child);
        let begun = Instant::now();
        while !ready().await {
            let gone = self
                .child
                .lock()
                .expect("child")
                .as_mut()
                .and_then(|child| child.try_wait().ok().flatten());
            if gone.is_some() || begun.elapsed() > PATIENCE {
                let log = fs::read_to_string(&log).unwrap_or_default();
                panic!(
                    "{} is not ready ({gone:?}); it said:\n{log}",
                    self.program.display()
                );
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }

    /// SIGKILL for the server and its own children, as when a machine's memory runs out; does nothing when it is down.
    pub fn kill(&self) {
        let Some(mut child) = self.child.lock().expect("child").take() else {
            return;
        };
        // A stopped server has no more children while they are counted.
        signal("STOP", &[child.id().to_string()]);
        let children = children(child.id());
        child.kill().ok();
        signal("KILL", &children);
        let begun = Instant::now();
        // PostgreSQL does not start again while one of them still holds the shared memory.
        while children.iter().any(|pid| is_alive(pid)) && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.wait().ok();
        fs::remove_file(self.folder.path.join("pid")).ok();
    }

    fn log(&self) -> PathBuf {
        self.folder.path.join("log")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command that runs in that folder, as that user.
pub fn command(program: &Path, user: Option<User>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}

fn signal(name: &str, processes: &[String]) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "kill -s \"$@\" 2>/dev/null", "sh", name]);
    if !processes.is_empty() {
        shell.args(processes).status().ok();
    }
}

/// The direct children of a process, as text.
fn children(parent: u32) -> Vec<String> {
    let parent = parent.to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = processes.filter_map(|entry| entry.file_name().into_string().ok());
    let is_child = |pid: &String| status(pid).is_some_and(|(_, of)| of == parent);
    names.filter(is_child).collect()
}

/// A zombie has let go of everything and only waits to be counted.
fn is_alive(pid: &str) -> bool {
    status(pid).is_some_and(|(state, _)| state != "Z")
}

/// The state and the parent of a process.
fn status(pid: &str) -> Option<(String, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in the second field may hold spaces and brackets: the fields after the last bracket are plain.
    let mut fields = stat
        .rsplit(')')
        .next()?
        .split_whitespace()
        .map(String::from);
    Some((fields.next()?, fields.next()?))
}
