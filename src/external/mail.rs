//! SMTP: one letter to one mailbox.

use std::time::Duration;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

/// The longest a server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a letter did not go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server cannot be had, or says later; the code where it said one.
    #[error("the mail server does not take it now ({0})")]
    Later(String),
    /// The server refuses it for good.
    #[error("the mail server refused it ({0})")]
    Refused(String),
    /// It is no letter: the address is none, or a header cannot be made.
    #[error("{0}")]
    Invalid(&'static str),
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {wanted}")]
pub struct Wrong {
    pub setting: &'static str,
    pub wanted: &'static str,
}

/// One letter.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    /// What stands before the `@` of its id; the same letter has the same one.
    pub id: &'a str,
    pub to: &'a str,
    pub to_name: &'a str,
    pub from_name: &'a str,
    pub subject: &'a str,
    pub text: &'a str,
    pub html: &'a str,
    /// Where whoever gets it can stop more of them: links and mailboxes.
    pub unsubscribe: &'a [String],
}

/// A mail server.
#[derive(Clone)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
    reply_to: Option<Mailbox>,
}

impl Smtp {
    /// A server by its address: `smtps://user:password@host` speaks TLS from the start, `smtp://…?tls=required` after
    /// STARTTLS, `smtp://host` not at all. Asks nobody.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(url: &str, from: &str, reply_to: Option<&str>) -> Result<Self, Wrong> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| Wrong {
            setting: "mail.url (TONEY_MAIL_URL)",
            wanted: "it wants smtps://USER:PASSWORD@HOST or smtp://USER:PASSWORD@HOST:587?tls=required",
        })?;
        let from: Address = from.trim().parse().map_err(|_| Wrong {
            setting: "mail.from (TONEY_MAIL_FROM)",
            wanted: "it wants the address that mail comes from, like hello@example.org",
        })?;
        let reply_to = reply_to
            .map(str::trim)
            .filter(|to| !to.is_empty())
            .map(str::parse);
        let reply_to = reply_to.transpose().map_err(|_| Wrong {
            setting: "mail.reply_to",
            wanted: "it wants the address that answers go to",
        })?;
        let hello = ClientId::Domain(from.domain().to_owned());
        Ok(Self {
            transport: transport.timeout(Some(PATIENCE)).hello_name(hello).build(),
            from,
            reply_to,
        })
    }

    /// The whole id of a letter.
    pub fn message_id(&self, id: &str) -> String {
        format!("<{id}@{}>", self.from.domain())
    }

    /// The address that mail comes from.
    pub fn from(&self) -> String {
        self.from.to_string()
    }

    /// Sends it once.
    ///
    /// # Errors
    /// Sorted by what can be done about it.
    pub async fn send(&self, letter: &Letter<'_>) -> Result<(), Error> {
        let message = self.message(letter)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let code = error.status().map(|code| code.to_string());
                match code {
                    Some(code) if error.is_permanent() => Err(Error::Refused(code)),
                    Some(code) => Err(Error::Later(code)),
                    None if error.is_timeout() => Err(Error::Later("timeout".to_owned())),
                    None => Err(Error::Later("no connection".to_owned())),
                }
            }
        }
    }

    fn message(&self, letter: &Letter<'_>) -> Result<Message, Error> {
        let to: Address = letter
            .to
            .trim()
            .parse()
            .map_err(|_| Error::Invalid("the address is none"))?;
        let mut builder = Message::builder()
            .from(Mailbox::new(name(letter.from_name), self.from.clone()))
            .to(Mailbox::new(name(letter.to_name), to))
            .subject(line(letter.subject, 150))
            .message_id(Some(self.message_id(letter.id)));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let ways: Vec<String> = letter
            .unsubscribe
            .iter()
            .map(|way| format!("<{way}>"))
            .collect();
        if !ways.is_empty() {
            builder = builder.header(Unsubscribe(ways.join(", ")));
        }
        if letter.unsubscribe.iter().any(|way| way.starts_with("http")) {
            builder = builder.header(OneClick);
        }
        let part = |kind, text: &str| SinglePart::builder().header(kind).body(text.to_owned());
        let body = MultiPart::alternative()
            .singlepart(part(ContentType::TEXT_PLAIN, letter.text))
            .singlepart(part(ContentType::TEXT_HTML, letter.html));
        builder
            .multipart(body)
            .map_err(|_| Error::Invalid("it cannot be put together"))
    }
}

/// A name in one line; none where nothing is left of it.
fn name(text: &str) -> Option<String> {
    let name = line(text, 60);
    (!name.is_empty()).then_some(name)
}

/// Text without anything that could end a header.
fn line(text: &str, most: usize) -> String {
    let letters = text.chars().map(|letter| match letter {
        letter if letter.is_control() || letter == '\u{2028}' || letter == '\u{2029}' => ' ',
        letter => letter,
    });
    let line: String = letters.take(most).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[derive(Clone)]
struct Unsubscribe(String);

impl Header for Unsubscribe {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        // A link is not folded: some servers take the piece for the whole.
        HeaderValue::dangerous_new_pre_encoded(Self::name(), self.0.clone(), self.0.clone())
    }
}

#[derive(Clone)]
struct OneClick;

impl Header for OneClick {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe-Post")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "List-Unsubscribe=One-Click".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(letter: &Letter<'_>) -> String {
        let smtp = Smtp::new("smtp://127.0.0.1:1", "toney@example.org", None).unwrap();
        String::from_utf8(smtp.message(letter).unwrap().formatted()).unwrap()
    }

    #[tokio::test]
    async fn nobody_writes_headers_but_us() {
        let unsubscribe = ["https://t.example/mail/stop/x".to_owned()];
        let text = written(&Letter {
            id: "abc",
            to: "kim@example.com",
            to_name: "Kim\r\nBcc: all@example.com",
            from_name: "Léa \"The Voice\", <x@y.z>",
            subject: "Danke\r\nX-Evil: 1\u{2028}für 10 €",
            text: "Hello",
            html: "<p>Hello</p>",
            unsubscribe: &unsubscribe,
        });
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            !head
                .lines()
                .any(|line| line.starts_with("Bcc") || line.starts_with("X-Evil"))
        );
        assert!(head.contains("Message-ID: <abc@example.org>"), "{head}");
        assert!(
            head.contains("List-Unsubscribe: <https://t.example/mail/stop/x>"),
            "{head}"
        );
        assert!(
            head.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"),
            "{head}"
        );
        assert!(text.contains("multipart/alternative") && text.contains("<p>Hello</p>"));
        for wrong in ["", "kim", "kim@", "a@b\r\nRCPT TO:<c@d>", "<a@b>", "a b@c"] {
            let smtp = Smtp::new("smtp://127.0.0.1:1", "toney@example.org", None).unwrap();
            let letter = Letter {
                id: "x",
                to: wrong,
                to_name: "",
                from_name: "",
                subject: "",
                text: "",
                html: "",
                unsubscribe: &[],
            };
            assert!(smtp.message(&letter).is_err(), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn settings_say_what_they_want() {
        assert!(Smtp::new("ftp://x", "a@b.c", None).is_err());
        assert!(Smtp::new("smtp://x", "nobody", None).is_err());
        assert!(Smtp::new("smtp://x", "a@b.c", Some("no")).is_err());
        assert!(Smtp::new("smtps://u:p@x", "a@b.c", Some("d@e.f")).is_ok());
    }
}
