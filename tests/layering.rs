//! Holds `src` to its own map: who may use whom, where the words of a wire stand, and how long a file gets.
//!
//! The map is the fenced block of `src/ARCHITECTURE.md` whose lines read `room/  number  sentence`.

#![allow(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::indexing_slicing,
    reason = "a test may stop at a surprise"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Words, and the only places where they may stand.
const WORDS: &[(&[&str], &[&str])] = &[
    (&["teloxide", "serenity"], &["platform"]),
    (&["sqlx::", "redis::"], &["store"]),
    (&["async_openai"], &["llm"]),
    (
        &["telegram", "discord"],
        &["platform", "config", "app", "cli", "http"],
    ),
];
/// They only join the rooms together.
const FREE: [&str; 2] = ["main", "lib"];

#[test]
fn src_keeps_to_its_map() {
    let found = check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_breaks_the_map_is_found() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layering");
    fs::remove_dir_all(&root).ok();
    fs::create_dir_all(root.join("turn")).unwrap();
    fs::write(
        root.join("ARCHITECTURE.md"),
        "```text\nstore/  1  Keeps.\nturn/  6  Answers.\n```\n",
    )
    .unwrap();
    fs::write(root.join("lib.rs"), "pub mod turn;\n").unwrap();
    fs::write(
        root.join("stray.rs"),
        "use crate::{turn};\n".to_owned() + &"\n".repeat(600),
    )
    .unwrap();
    fs::write(
        root.join("turn/mod.rs"),
        "use crate::turn::x; use crate::jobs::y;\n// Discord\nfn f() { sqlx::q() }\n",
    )
    .unwrap();
    assert_eq!(check(&root).len(), 8, "{:#?}", check(&root));
}

fn check(src: &Path) -> Vec<String> {
    let map = fs::read_to_string(src.join("ARCHITECTURE.md")).unwrap_or_default();
    let rooms = rooms(&map);
    let mut files = Vec::new();
    collect(src, "", &mut files);
    let mut found: Vec<String> = Vec::new();
    if map.is_empty() || map.lines().count() > 200 {
        found.push("ARCHITECTURE.md has to have 1 to 200 lines".to_owned());
    }
    for name in rooms
        .keys()
        .filter(|name| !files.iter().any(|(path, _)| room_of(path) == **name))
    {
        found.push(format!(
            "ARCHITECTURE.md lists `{name}`, which does not exist"
        ));
    }
    for (path, text) in &files {
        let room = room_of(path);
        if text.lines().count() > 600 {
            found.push(format!("{path} has more than 600 lines"));
        }
        for (words, places) in WORDS.iter().filter(|(_, places)| !places.contains(&room)) {
            let lower = text.to_lowercase();
            for word in words
                .iter()
                .filter(|word| starts(&lower, word).next().is_some())
            {
                found.push(format!("{path} says `{word}`, which belongs to {places:?}"));
            }
        }
        let number = rooms.get(room).copied();
        match number {
            _ if FREE.contains(&room) => continue,
            None => found.push(format!("{path} belongs to no room of ARCHITECTURE.md")),
            Some(_) => {}
        }
        let code: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .flat_map(|line| [line, "\n"])
            .collect();
        for other in starts(&code, "crate::").map(|rest| {
            &rest[..rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len())]
        }) {
            if other != room
                && rooms
                    .get(other)
                    .copied()
                    .is_none_or(|other| number.is_none_or(|number| other >= number))
            {
                found.push(format!("{path} may not use `crate::{other}`: smaller numbers only, one `use` for each room"));
            }
        }
    }
    found
}

fn rooms(map: &str) -> BTreeMap<&str, u32> {
    let fenced = map.split("```").skip(1).step_by(2).flat_map(str::lines);
    fenced
        .filter_map(|line| {
            let (name, rest) = line.trim().split_once(' ')?;
            Some((
                name.strip_suffix('/')
                    .or_else(|| name.strip_suffix(".rs"))?,
                rest.split_whitespace().next()?.parse().ok()?,
            ))
        })
        .collect()
}

fn room_of(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap_or_default()
}

/// What follows each place where `word` begins as a word of its own.
fn starts<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    let alone =
        |at: usize| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    text.match_indices(word)
        .filter(move |(at, _)| alone(*at))
        .map(|(at, _)| &text[at + word.len()..])
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else if path.ends_with(".rs") {
            files.push((path, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}
