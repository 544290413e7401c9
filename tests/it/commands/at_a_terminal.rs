//! `toney chat` on a screen of its own, as a person sees it.

use super::*;

use std::io::{Read, Write};

const ENDING: &str = "Finishing what is under way";

/// A screen with a keyboard, and the program in front of it.
struct Screen {
    child: Child,
    keys: std::fs::File,
    shown: std::sync::Arc<Mutex<String>>,
}

impl Screen {
    fn chat(machine: &Machine) -> Self {
        let pty = nix::pty::openpty(None, None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = Command::new(env!("CARGO_BIN_EXE_toney"))
            .arg("chat")
            .env_clear()
            .envs(machine.env.iter().map(|(name, value)| (name, value)))
            .env("TERM", "xterm")
            .current_dir(&machine.folder)
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let keys = std::fs::File::from(pty.master);
        let mut screen = keys.try_clone().unwrap();
        let shown = std::sync::Arc::new(Mutex::new(String::new()));
        let seen = std::sync::Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            // Reading fails once the program has let go of the screen.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                let piece = String::from_utf8_lossy(&bytes[..count]).into_owned();
                seen.lock().unwrap().push_str(&piece);
            }
        });
        Self { child, keys, shown }
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn text(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    async fn shows(&self, words: &str) {
        let begun = Instant::now();
        while !self.text().contains(words) {
            assert!(begun.elapsed() < PATIENCE, "{words}: {}", self.text());
            pause().await;
        }
    }

    /// The exit code, and how long it took from now.
    async fn ends(&mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let ended = ended.unwrap_or_else(|_| panic!("it does not end: {}", self.text()));
        (ended.unwrap().code(), begun.elapsed())
    }
}

/// The prompt stands there: what is typed is read.
async fn sits_down(machine: &Machine) -> Screen {
    let screen = Screen::chat(machine);
    screen.shows("> ").await;
    screen
}

#[tokio::test]
async fn leaving_with_nothing_under_way_ends_at_once() {
    let model = Model::start().await;
    let machine = Machine::new().with_model(&model);
    let mut screen = sits_down(&machine).await;
    model.push(Answer::text("Hello there."));
    screen.types("hi\r");
    screen.shows("Hello there.").await;
    screen.types("\x04");
    let (code, took) = screen.ends().await;
    assert_eq!(code, Some(0), "{}", screen.text());
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(!screen.text().contains(ENDING), "{}", screen.text());
}

#[tokio::test]
async fn leaving_before_the_answer_is_told_what_it_waits_for() {
    let model = Model::start().await;
    let machine = Machine::new().with_model(&model);
    let mut screen = sits_down(&machine).await;
    model.push(Answer::text("Hello there."));
    model.hold();
    screen.types("hi\r");
    model.wait_until("a turn", |c| c.waiting == 1).await;
    screen.types("\x04");
    screen.shows(ENDING).await;
    model.release();
    let (code, took) = screen.ends().await;
    assert_eq!(code, Some(0), "{}", screen.text());
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(screen.text().matches(ENDING).count(), 1);
    // Whether it was shown is a matter of moments; shown or kept, it is not made again.
    let ran = machine.reads(&["chat"], "").await.with(0);
    let shown = screen.text() + &ran.out;
    assert!(shown.contains("Hello there."), "{shown}");
    assert_eq!(model.counts().started, 1);
}

#[tokio::test]
async fn whoever_will_not_wait_leaves_at_once() {
    let model = Model::start().await;
    let machine = Machine::new().with_model(&model);
    let mut screen = sits_down(&machine).await;
    model.hold();
    screen.types("hi\r");
    model.wait_until("a turn", |c| c.waiting == 1).await;
    screen.types("\x04");
    screen.shows(ENDING).await;
    let id = screen.child.id().unwrap().to_string();
    let done = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(done.unwrap().success());
    let (code, took) = screen.ends().await;
    assert_eq!(code, Some(1), "{}", screen.text());
    assert!(took < Duration::from_secs(3), "{took:?}");
    // It is answered when the chat is opened again.
    model.release();
    let ran = machine.reads(&["chat"], "").await.with(0);
    assert!(ran.out.ends_with("\nhi\n"), "{ran:#?}");
}

const DEAL: &str = "# Deal\n\nAnn receives 60 % of the net receipts and the label keeps 40 %.\n";

#[tokio::test]
async fn a_file_that_is_dropped_is_read_and_asked_about() {
    let model = Model::start().await;
    let machine = Machine::new().with_model(&model);
    let file = machine.folder.join("my deal.md");
    std::fs::write(&file, DEAL).unwrap();
    let mut screen = sits_down(&machine).await;
    screen.shows("Drop a file").await;
    let pasted = file.display().to_string().replace(' ', "\\ ");
    // Terminals put a blank behind it.
    screen.types(&format!("{pasted} \r"));
    screen.shows("I've read “my deal.md”").await;
    model.push(Answer::text("You receive 60 % of the net receipts [1]."));
    screen.types("what share of the net receipts do I get in my deal?\r");
    screen.shows("[1] Deal (your document)").await;
    assert_eq!(model.counts().started, 1, "{}", screen.text());
    screen.types("\x04");
    assert_eq!(screen.ends().await.0, Some(0), "{}", screen.text());
    // It was copied: it is the person's to move or delete.
    std::fs::remove_file(&file).unwrap();
    let ran = machine.reads(&["chat"], "/docs\n").await.with(0);
    assert!(ran.out.contains("my deal.md"), "{ran:#?}");
}

/// In a pipe the end waits until it is read; a path among words is words, and so is the path of what is no document.
#[tokio::test]
async fn a_path_in_a_pipe_is_a_file_only_when_it_stands_alone() {
    let model = Model::start().await;
    let machine = Machine::new().with_model(&model).set("HOME", "home");
    let home = machine.folder.join("home");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("deal.md"), DEAL).unwrap();
    std::fs::write(home.join("song.wav"), "RIFF").unwrap();
    let ran = machine.reads(&["chat"], "~/deal.md\n").await.with(0);
    assert!(ran.out.contains("I've read “deal.md”"), "{ran:#?}");
    for words in ["read ~/deal.md", "~/song.wav", "~/nothing.md"] {
        let ran = machine.reads(&["chat"], &format!("{words}\n")).await;
        assert!(ran.with(0).out.ends_with(&format!("{words}\n")));
    }
    std::fs::write(home.join("cover.jpg"), b"\xff\xd8\xff\xe0 and so on").unwrap();
    model.push(Answer::text("A blue door."));
    let ran = machine.reads(&["chat"], "~/cover.jpg\n").await.with(0);
    assert!(ran.out.ends_with("A blue door.\n"), "{ran:#?}");
    assert_eq!(model.requests().last().unwrap().pictures, 1);
    std::fs::write(home.join("note.ogg"), crate::sim::model::opus("x")).unwrap();
    model.will_hear("which label?");
    model.push(Answer::text("A small one."));
    let ran = machine.reads(&["chat"], "~/note.ogg\n").await.with(0);
    assert!(ran.out.contains("which label?"), "{ran:#?}");
    assert!(ran.out.ends_with("A small one.\n"), "{ran:#?}");
    let ran = machine.reads(&["chat"], "/speak\n").await.with(0);
    let (_, file) = ran.out.rsplit_once("The recording is ").unwrap();
    let spoken = std::fs::read(file.trim()).unwrap();
    assert_eq!(spoken, crate::sim::model::opus("A small one."));
    let path = home.join("deal.md").display().to_string();
    let asked = machine.run(&["ask", &path]).await.with(0);
    assert_eq!(asked.out, format!("{path}\n"), "a question is words");
}
