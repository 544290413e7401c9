//! A mail server that keeps what it is given. It speaks RFC 5321 strictly: a command out of its turn, a line that ends
//! with a bare newline, or an address that is none is refused and counted as a fault.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// A letter that was taken.
#[derive(Debug, Clone)]
pub struct Mail {
    pub from: String,
    pub to: String,
    pub data: String,
}

/// What happens to the next letters instead of taking them.
#[derive(Debug, Clone, Copy)]
pub enum Trouble {
    /// This answer to the recipient.
    Recipient(&'static str),
    /// This answer to the letter.
    Letter(&'static str),
    /// The letter is taken, and the connection is dropped before the answer.
    Drop,
}

#[derive(Default)]
struct State {
    mails: Vec<Mail>,
    troubles: VecDeque<Trouble>,
    always: Option<Trouble>,
    faults: Vec<String>,
}

#[derive(Clone)]
pub struct Sink {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _task: Arc<AbortOnDropHandle<()>>,
}

impl Sink {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let task = tokio::task::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                tokio::task::spawn(async move { drop(talk(stream, state).await) });
            }
        });
        Self {
            address,
            state,
            _task: Arc::new(AbortOnDropHandle::new(task)),
        }
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.state.lock().unwrap().mails.clone()
    }

    /// What clients did that a strict server does not take.
    pub fn faults(&self) -> Vec<String> {
        self.state.lock().unwrap().faults.clone()
    }

    pub fn then(&self, trouble: Trouble) {
        self.state.lock().unwrap().troubles.push_back(trouble);
    }

    /// From now on this happens to every letter, or nothing any more.
    pub fn always(&self, trouble: Option<Trouble>) {
        self.state.lock().unwrap().always = trouble;
    }
}

/// One line up to CR LF; a bare newline is a fault.
async fn line(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    loop {
        let mut byte = [0_u8];
        if stream.read(&mut byte).await? == 0 {
            return Ok(None);
        }
        bytes.push(byte[0]);
        if bytes.ends_with(b"\r\n") {
            bytes.truncate(bytes.len() - 2);
            return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

/// The address between the brackets.
fn path(rest: &str, word: &str) -> Option<String> {
    let inside = rest.strip_prefix(word)?.strip_prefix('<')?;
    let (address, _) = inside.split_once('>')?;
    let (user, host) = address.rsplit_once('@')?;
    let plain = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    (plain(user) && plain(host)).then(|| address.to_owned())
}

/// What the next recipient is told in place of a yes, if anything.
fn refused(state: &Mutex<State>) -> Option<&'static str> {
    let mut state = state.lock().unwrap();
    if let Some(Trouble::Recipient(answer)) = state.troubles.front().copied() {
        state.troubles.pop_front();
        return Some(answer);
    }
    match state.always {
        Some(Trouble::Recipient(answer)) => Some(answer),
        _ => None,
    }
}

/// What happens to the next letter instead of taking it, if anything.
fn trouble(state: &Mutex<State>) -> Option<Trouble> {
    let mut state = state.lock().unwrap();
    let next = state.troubles.pop_front();
    next.or(state.always)
}

/// The lines up to the dot; `None` when the other side goes before.
async fn letter(stream: &mut TcpStream, fault: &impl Fn(&str)) -> std::io::Result<Option<String>> {
    let mut data = String::new();
    loop {
        let Some(piece) = line(stream).await? else {
            return Ok(None);
        };
        if piece.contains('\n') || piece.len() > 998 {
            fault("a line that no server need take");
        }
        if piece == "." {
            return Ok(Some(data));
        }
        data.push_str(piece.strip_prefix('.').unwrap_or(&piece));
        data.push('\n');
    }
}

async fn talk(mut stream: TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let fault = |what: &str| state.lock().unwrap().faults.push(what.to_owned());
    stream.write_all(b"220 sink ESMTP\r\n").await?;
    let (mut greeted, mut from, mut to) = (false, None, None);
    while let Some(said) = line(&mut stream).await? {
        if said.contains('\n') || said.contains('\r') {
            fault("a bare newline");
        }
        let (verb, rest) = said.split_once(' ').unwrap_or((&said, ""));
        let answer: String = match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => {
                greeted = true;
                "250-sink\r\n250 8BITMIME".to_owned()
            }
            "MAIL" if greeted && from.is_none() => {
                from = path(rest, "FROM:");
                if from.is_some() {
                    "250 ok".to_owned()
                } else {
                    "501 no address".to_owned()
                }
            }
            "RCPT" if from.is_some() => {
                let trouble = refused(&state);
                match trouble {
                    Some(answer) => answer.to_owned(),
                    None => {
                        to = path(rest, "TO:");
                        if to.is_some() {
                            "250 ok".to_owned()
                        } else {
                            "501 no address".to_owned()
                        }
                    }
                }
            }
            "DATA" if to.is_some() => {
                stream.write_all(b"354 go on\r\n").await?;
                let Some(data) = letter(&mut stream, &fault).await? else {
                    return Ok(());
                };
                let mail = Mail {
                    from: from.take().unwrap_or_default(),
                    to: to.take().unwrap_or_default(),
                    data,
                };
                match trouble(&state) {
                    Some(Trouble::Letter(answer) | Trouble::Recipient(answer)) => answer.to_owned(),
                    Some(Trouble::Drop) => {
                        state.lock().unwrap().mails.push(mail);
                        return Ok(());
                    }
                    None => {
                        state.lock().unwrap().mails.push(mail);
                        "250 taken".to_owned()
                    }
                }
            }
            "RSET" => {
                (from, to) = (None, None);
                "250 ok".to_owned()
            }
            "NOOP" => "250 ok".to_owned(),
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => {
                fault(&format!("{verb} out of its turn"));
                "503 not now".to_owned()
            }
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.write_all(b"\r\n").await?;
    }
    Ok(())
}
