//! Web pages: their words with headings, lists and tables; nothing of what a page does.

use html5gum::{DefaultEmitter, Token, Tokenizer};

use super::Unreadable;
use super::child::Body;

/// Elements whose content nobody reads as text.
const HIDDEN: [&str; 15] = [
    "script", "style", "nav", "noscript", "template", "svg", "math", "head", "iframe", "object",
    "canvas", "select", "button", "footer", "aside",
];
/// Elements that stand in a line.
const INLINE: [&str; 30] = [
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "label", "mark", "q", "ruby", "s", "samp", "small", "span", "strong", "sub", "sup",
    "time", "u", "var", "wbr",
];

struct Writer {
    out: String,
    line: String,
    title: String,
    titled: bool,
    /// The hidden element that is open, and how many of its name.
    hidden: Option<(String, usize)>,
    preformatted: usize,
}

/// The words of a page.
pub(super) fn read(html: &str, most: u64) -> Result<Body, Unreadable> {
    let mut emitter = DefaultEmitter::default();
    // Inside `script` and the like, signs are no tags.
    emitter.naively_switch_states(true);
    let mut writer = Writer {
        out: String::new(),
        line: String::new(),
        title: String::new(),
        titled: false,
        hidden: None,
        preformatted: 0,
    };
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                writer.open(&name, tag.self_closing);
            }
            Token::EndTag(tag) => writer.close(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => writer.push(&String::from_utf8_lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
        if (writer.out.len() + writer.line.len()) as u64 > most {
            return Err(Unreadable::TooLong { most });
        }
    }
    writer.end_line();
    let title: Vec<&str> = writer.title.split_whitespace().collect();
    Ok(Body {
        title: (!title.is_empty()).then(|| title.join(" ")),
        pages: None,
        text: writer.out,
    })
}

impl Writer {
    fn open(&mut self, name: &str, closed: bool) {
        if name == "title" {
            // Pictures have titles too.
            self.titled =
                self.title.is_empty() && self.hidden.as_ref().is_none_or(|(h, _)| h == "head");
            return;
        }
        // What a page forgot to close ends where its words begin.
        if name == "body" || name == "main" || name == "article" {
            self.hidden = None;
        }
        if let Some((hidden, depth)) = &mut self.hidden {
            *depth += usize::from(hidden == name && !closed);
            return;
        }
        if HIDDEN.contains(&name) {
            self.end_line();
            if !closed {
                self.hidden = Some((name.to_owned(), 1));
            }
            return;
        }
        match name {
            "br" => self.end_line(),
            "pre" => {
                self.end_block();
                self.preformatted += 1;
            }
            "li" => {
                self.end_line();
                self.line.push_str("- ");
            }
            "td" | "th" => {
                if !self.line.trim().is_empty() {
                    self.line.push_str(" | ");
                }
            }
            "tr" => self.end_line(),
            _ if heading(name).is_some() => {
                self.end_block();
                let level = heading(name).unwrap_or(1);
                self.line.push_str(&"#".repeat(level));
                self.line.push(' ');
            }
            _ if INLINE.contains(&name) => {}
            _ => self.end_block(),
        }
    }

    fn close(&mut self, name: &str) {
        if name == "title" {
            self.titled = false;
            return;
        }
        if let Some((hidden, depth)) = &mut self.hidden {
            *depth -= usize::from(hidden == name);
            if *depth == 0 {
                self.hidden = None;
            }
            return;
        }
        match name {
            "pre" => {
                self.end_block();
                self.preformatted = self.preformatted.saturating_sub(1);
            }
            "li" | "tr" => self.end_line(),
            "td" | "th" => {}
            _ if INLINE.contains(&name) => {}
            _ => self.end_block(),
        }
    }

    fn push(&mut self, text: &str) {
        if self.titled {
            self.title.push_str(text);
        } else if self.hidden.is_some() {
        } else if self.preformatted > 0 {
            for (index, line) in text.split('\n').enumerate() {
                if index > 0 {
                    self.end_line();
                }
                self.line.push_str(line);
            }
        } else {
            for letter in text.chars() {
                match letter.is_whitespace() && letter != '\u{a0}' {
                    true if self.line.is_empty() || self.line.ends_with(' ') => {}
                    true => self.line.push(' '),
                    false => self.line.push(letter),
                }
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.trim_end();
        if !line.trim_start_matches(['#', '-', '|', ' ']).is_empty() {
            self.out.push_str(line);
            self.out.push('\n');
        }
    }

    fn end_block(&mut self) {
        // A block inside a list's item does not part it from its sign.
        if matches!(self.line.as_str(), "- ") {
            return;
        }
        self.end_line();
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }
}

fn heading(name: &str) -> Option<usize> {
    let level = name.strip_prefix('h')?.parse().ok()?;
    (1..=6).contains(&level).then_some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_page_stay() {
        let page =
            "<!doctype html><html><head><title>Split &amp; share</title><style>p{}</style></head>
            <body><nav><ul><li>Home</nav><h1>Splits</h1><p>Who <b>wrote</b>&nbsp;it<br>counts.
            <script>if (1 < 2) { '<p>no' }</script><ul><li>words<li><p>music</p></ul>
            <table><tr><th>Name<th>Share<tr><td>Ann<td>50&#37;</table><h2>More</h2>
            <pre>a\n  b</pre><footer>(c)</footer></body></html>";
        let body = read(page, 10_000).unwrap();
        assert_eq!(body.title.as_deref(), Some("Split & share"));
        assert_eq!(
            body.text,
            "# Splits\n\nWho wrote\u{a0}it\ncounts.\n\n- words\n- music\n\nName | Share\nAnn | 50%\n\n\
             ## More\n\na\n  b\n\n"
        );
    }

    #[test]
    fn soup_is_read_as_far_as_it_goes() {
        let words = |html: &str| read(html, 100_000).unwrap().text.trim().to_owned();
        assert_eq!(words("<p>a<p>b"), "a\n\nb");
        assert_eq!(words("<nav><nav>x</nav>y</nav>z"), "z");
        assert_eq!(words("<head><title>t</title><body>words"), "words");
        assert_eq!(words("<script>never closed"), "");
        assert_eq!(
            words("<form>All of it <button>Send</button></form>"),
            "All of it"
        );
        assert_eq!(
            words("a < b & c &copy; &nosuch; <"),
            "a < b & c © &nosuch; <"
        );
        assert_eq!(words(&format!("{}x", "<div>".repeat(10_000))), "x");
        assert!(read(&"<p>long</p>".repeat(1_000), 100).is_err());
    }
}
