//! Holds `src` to its map: who may use whom, where the words of a wire stand, how long a file gets.
//! The map is the fenced block of `src/ARCHITECTURE.md` whose lines read `room/  number  sentence`.
#![allow(clippy::unwrap_used, reason = "a test may stop at a surprise")]

use std::{collections::BTreeMap, fs, path::Path};

/// Words, and the only places where each may stand.
const WORDS: [(&str, &str); 4] = [
    ("teloxide serenity", "platform"),
    ("telegram discord", "platform config app cli http"),
    ("sqlx:: rusqlite:: redis::", "store"),
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
    write("ARCHITECTURE.md", "```\nstore/ 1 A.\nturn/ 6 B.\n```");
    write("stray.rs", &format!("use crate::{{turn}};{:\n<601}", ""));
    write("turn/mod.rs", "crate::turn;crate::job;\n//Discord\nsqlx::q");
    assert_eq!(check(&root).len(), 7, "{:#?}", check(&root));
}

fn check(src: &Path) -> Vec<String> {
    let map = fs::read_to_string(src.join("ARCHITECTURE.md")).unwrap_or_default();
    let fenced = map.split("```").skip(1).step_by(2).flat_map(str::lines);
    let entries = fenced.filter_map(|line| line.trim().split_once(' '));
    let number = |rest: &str| rest.split_whitespace().next()?.parse::<u32>().ok();
    let room = |(name, rest)| Some((room_of(name), number(rest)?));
    let rooms = entries.filter_map(room).collect();
    let (mut files, mut found) = (Vec::new(), Vec::new());
    collect(src, "", &mut files);
    let fits = (1..=200).contains(&map.lines().count());
    found.extend((!fits).then(|| "the map needs 1 to 200 lines".to_owned()));
    for (path, text) in &files {
        check_file(path, text, &rooms, &mut found);
    }
    let exists = |room: &str| files.iter().any(|(path, _)| room_of(path) == room);
    let missing = rooms.keys().filter(|room| !exists(room));
    found.extend(missing.map(|room| format!("`{room}` is on the map only")));
    found
}

fn check_file(path: &str, text: &str, rooms: &BTreeMap<&str, u32>, found: &mut Vec<String>) {
    let (room, lower) = (room_of(path), text.to_lowercase());
    let long = text.lines().count() > 600;
    found.extend(long.then(|| format!("{path} has more than 600 lines")));
    let said = |word: &&str| !after(&lower, word).is_empty();
    let foreign = |(_, places): &(&str, &str)| after(places, room).is_empty();
    for (words, _) in WORDS.into_iter().filter(foreign) {
        let words = words.split(' ').filter(said);
        found.extend(words.map(|word| format!("{path} may not say `{word}`")));
    }
    // `main` and `lib` only join the rooms together.
    let free = ["main", "lib"].contains(&room).then_some(&u32::MAX);
    let number = rooms.get(room).or(free);
    let unknown = number.is_none();
    found.extend(unknown.then(|| format!("{path} is not on the map")));
    let code = |line: &&str| !line.trim_start().starts_with("//");
    let paths = |line| after(line, "crate::");
    for rest in text.lines().filter(code).flat_map(paths) {
        let end = |c: char| !c.is_alphanumeric() && c != '_';
        let used = rest.split_once(end).map_or(rest, |(used, _)| used);
        if used != room && rooms.get(used).is_none_or(|other| Some(other) >= number) {
            found.push(format!("{path} may not use `crate::{used}`, if a room"));
        }
    }
}

fn room_of(path: &str) -> &str {
    path.split_once(['/', '.']).map_or(path, |(room, _)| room)
}

/// What follows each place where `word` begins as a word of its own.
fn after<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let splits = text.match_indices(word).map(|(at, _)| text.split_at(at));
    let alone = splits.filter(|(before, _)| !before.ends_with(inside));
    let rests = alone.map(|(_, rest)| rest.trim_start_matches(word));
    rests.collect()
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
