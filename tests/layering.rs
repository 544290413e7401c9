//! Holds `src` to its map: who may use whom, where the words of a wire stand, how long a file gets.
//! The map is the fenced block of `src/ARCHITECTURE.md` whose lines read `room/  number  sentence`.
#![allow(clippy::unwrap_used, reason = "a test may stop at a surprise")]

use std::{collections::BTreeMap, fs, path::Path};

/// Words, and the only places where each may stand.
const WORDS: [(&str, &str); 7] = [
    ("teloxide", "platform"),
    ("serenity", "platform"),
    ("telegram", "platform config app cli http"),
    ("discord", "platform config app cli http"),
    ("sqlx::", "store"),
    ("redis::", "store"),
    ("async_openai", "llm"),
];

#[test]
fn src_keeps_to_its_map() {
    let found = check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_breaks_the_map_is_found() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layering");
    fs::create_dir_all(root.join("turn")).unwrap();
    let write = |name: &str, text: &str| fs::write(root.join(name), text).unwrap();
    write(
        "ARCHITECTURE.md",
        "```\nstore/  1  Keeps.\nturn/  6  Answers.\n```\n",
    );
    write(
        "stray.rs",
        &("use crate::{turn};".to_owned() + &"\n".repeat(601)),
    );
    write(
        "turn/mod.rs",
        "crate::turn::x; crate::jobs::y;\n// Discord\nsqlx::q",
    );
    assert_eq!(check(&root).len(), 7, "{:#?}", check(&root));
}

fn check(src: &Path) -> Vec<String> {
    let map = fs::read_to_string(src.join("ARCHITECTURE.md")).unwrap_or_default();
    let fenced = map.split("```").skip(1).step_by(2).flat_map(str::lines);
    let entries = fenced.filter_map(|line| line.split_once(' '));
    let number = |rest: &str| rest.split_whitespace().next()?.parse::<u32>().ok();
    let rooms = entries
        .filter_map(|(name, rest)| Some((room_of(name), number(rest)?)))
        .collect();
    let (mut files, mut found) = (Vec::new(), Vec::new());
    collect(src, "", &mut files);
    if map.is_empty() || map.lines().count() > 200 {
        found.push("ARCHITECTURE.md needs 1 to 200 lines".to_owned());
    }
    for (path, text) in &files {
        check_file(path, text, &rooms, &mut found);
    }
    let exists = |room: &str| files.iter().any(|(path, _)| room_of(path) == room);
    let missing = rooms.keys().filter(|room| !exists(room));
    found.extend(missing.map(|room| format!("`{room}` is on the map only")));
    found
}

fn check_file(path: &str, text: &str, rooms: &BTreeMap<&str, u32>, found: &mut Vec<String>) {
    let room = room_of(path);
    if text.lines().count() > 600 {
        found.push(format!("{path} has more than 600 lines"));
    }
    let foreign = WORDS
        .iter()
        .filter(|(_, places)| !places.split(' ').any(|place| place == room));
    let said = foreign.filter(|(word, _)| !after(&text.to_lowercase(), word).is_empty());
    found.extend(said.map(|(word, _)| format!("{path} may not say `{word}`")));
    // `main` and `lib` only join the rooms together.
    let number = rooms
        .get(room)
        .or((room == "main" || room == "lib").then_some(&u32::MAX));
    if number.is_none() {
        found.push(format!("{path} is not on the map"));
    }
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    for rest in code.flat_map(|line| after(line, "crate::")) {
        let used = rest
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap();
        if used != room && rooms.get(used).is_none_or(|other| Some(other) >= number) {
            found.push(format!(
                "{path} may not use `crate::{used}` (one `use` per room)"
            ));
        }
    }
}

fn room_of(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap()
}

/// What follows each place where `word` begins as a word of its own.
fn after<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let splits = text.match_indices(word).map(|(at, _)| text.split_at(at));
    let alone = splits.filter(|(before, _)| !before.ends_with(inside));
    alone
        .filter_map(|(_, rest)| rest.strip_prefix(word))
        .collect()
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = format!("{prefix}{}", entry.file_name().display());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else if path.ends_with(".rs") {
            files.push((path, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}
