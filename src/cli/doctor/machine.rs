use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::Result;

use crate::config::{Config, Wrong};
use crate::model::{Clock, Time};

use super::Finding;

/// Below this a database soon cannot grow; bytes.
const TIGHT: u64 = 1 << 30;
/// Below this writing fails any moment; bytes.
const FULL: u64 = 64 << 20;
/// Two clocks may differ by so much, in milliseconds: an HTTP date counts whole seconds, and an answer
/// takes its time.
const SKEW: u64 = 15_000;
/// No clock that is set stands before the day this was written, in 2025.
const EARLIEST: Time = Time::from_ms(1_735_689_600_000);

/// The folder, its disk, and the key in it.
pub(super) fn look(config: &Config, clock: &Clock) -> Result<Vec<Finding>, Wrong> {
    let dir = config.data()?.dir;
    Ok(vec![folder(&dir, clock), key(config, &dir)])
}

/// The next folder upwards that is there: the first start makes the rest.
fn standing(dir: &Path) -> PathBuf {
    let here = |path: &&Path| path.is_dir();
    let found = dir.ancestors().find(here).map(Path::to_path_buf);
    found.unwrap_or_else(|| PathBuf::from("."))
}

fn folder(dir: &Path, clock: &Clock) -> Finding {
    let shown = dir.display();
    let elsewhere = "give it to the user that runs Toney, or set TONEY_DATA_DIR to another folder";
    if dir.exists() && !dir.is_dir() {
        return Finding::wrong("data", format!("{shown} is not a folder"), elsewhere);
    }
    let place = standing(dir);
    if let Err(error) = written(&place, clock) {
        let place = place.display();
        return Finding::wrong(
            "data",
            format!("{place} cannot be written to: {error}"),
            elsewhere,
        );
    }
    let state = if dir.is_dir() {
        format!("the folder {shown} can be written to")
    } else {
        format!("the folder {shown} is made at the first start")
    };
    let Ok(disk) = nix::sys::statvfs::statvfs(&place) else {
        let found = format!("{state}; how much room its disk has cannot be told");
        return Finding::warning("data", found, "look with `df`");
    };
    // The widths of the fields differ between systems.
    #[allow(
        clippy::useless_conversion,
        reason = "on other systems they are narrower"
    )]
    let free = u64::from(disk.blocks_available()).saturating_mul(u64::from(disk.fragment_size()));
    let found = format!("{state}; {} MB are free", free / 1_000_000);
    let room = "free some room, or set TONEY_DATA_DIR to a folder on another disk";
    match free {
        0..FULL => Finding::wrong("data", found, room),
        FULL..TIGHT => Finding::warning("data", found, room),
        TIGHT.. => Finding::ok("data", found),
    }
}

/// Writes a file and takes it away again; when it was written, by the clock of the file system.
fn written(dir: &Path, clock: &Clock) -> io::Result<Option<Time>> {
    let name = format!(".doctor.{}.{}", std::process::id(), clock.now().ms());
    let path = dir.join(name);
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&path);
    let time = file.and_then(|mut file| {
        io::Write::write_all(&mut file, b"?")?;
        file.metadata()?.modified()
    });
    fs::remove_file(&path)?;
    let since = time?.duration_since(UNIX_EPOCH).ok();
    Ok(since.map(|since| Time::default().plus(since)))
}

fn key(config: &Config, dir: &Path) -> Finding {
    let file = dir.join("secret.key");
    let set = config.has("data.secret_key");
    let mode = fs::metadata(&file).map(|file| file.permissions().mode());
    match mode {
        Err(error) if !set && error.kind() == io::ErrorKind::NotFound => {
            return Finding::ok("secret", "the key is made at the first start");
        }
        Ok(mode) if mode & 0o077 != 0 => {
            let found = format!("{} can be read by others", file.display());
            return Finding::warning("secret", found, "chmod 600 it");
        }
        Ok(_) | Err(_) => {}
    }
    match config.secret_key() {
        Ok(_) if set => Finding::ok(
            "secret",
            format!("{} is set", config.name("data.secret_key")),
        ),
        Ok(_) => Finding::ok(
            "secret",
            format!("{} is for its owner alone", file.display()),
        ),
        Err(wrong) => Finding::wrong("secret", wrong.to_string(), "put the right key back"),
    }
}

/// The clock, against others: those of the platforms, or that of the file system.
pub(super) fn clock(
    config: &Config,
    clock: &Clock,
    dates: &[(String, Time)],
) -> Result<Finding, Wrong> {
    let now = clock.now();
    let advice = "set the clock, or let the machine keep it by NTP";
    if now < EARLIEST {
        return Ok(Finding::wrong(
            "clock",
            format!("it is said to be {now}"),
            advice,
        ));
    }
    let file = written(&standing(&config.data()?.dir), clock)
        .ok()
        .flatten();
    let file = file.map(|time| ("the file system".to_owned(), time));
    let others: Vec<_> = dates.iter().cloned().chain(file).collect();
    for (name, time) in &others {
        let apart = now.ms().abs_diff(time.ms());
        if apart > SKEW {
            let found = format!("it is {now} here and {time} at {name}");
            return Ok(Finding::warning("clock", found, advice));
        }
    }
    let names: Vec<_> = others.iter().map(|(name, _)| name.as_str()).collect();
    let as_at = match names.as_slice() {
        [] => String::new(),
        names => format!(", as at {}", names.join(" and ")),
    };
    Ok(Finding::ok("clock", format!("it is {now}{as_at}")))
}
