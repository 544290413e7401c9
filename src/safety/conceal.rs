//! Takes secrets and other people's data out of a text: keys, tokens, addresses, numbers of phones, cards and
//! accounts. Pure, linear in the text.

use crate::model::key_among;

/// Stands where something was.
const GONE: &str = "[…]";
/// Nobody writes a number of a phone or a card with more letters: pages of figures are looked at in time.
const LONGEST_NUMBER: usize = 48;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Secret {
    /// A provider's key, a bot's token, a signed token.
    Key,
    PrivateKey,
    Email,
    Phone,
    /// A card's number that adds up.
    Card,
    /// An account's number that adds up.
    Iban,
    /// The address of a machine.
    Ip,
}

/// A text without secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Concealed {
    pub text: String,
    /// What was taken out, each kind once, in the order in which it came.
    pub found: Vec<Secret>,
}

/// Takes out what nobody has to read. `may_stand` says what stays: what the person wrote themselves, what a source
/// that they may read says, a crisis line. A key never stays.
pub fn conceal(text: &str, may_stand: impl Fn(&str) -> bool) -> Concealed {
    let mut concealed = Concealed::default();
    let open = without_private_keys(text, &mut concealed.found);
    let mut rest = open.as_str();
    while let Some(first) = rest.chars().next() {
        let (taken, secret) = match number(rest) {
            Some((taken, secret)) => (taken, secret),
            None if first.is_whitespace() => (first.len_utf8(), None),
            None => word(rest),
        };
        let taken = taken.clamp(first.len_utf8(), rest.len());
        let (piece, after) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        match secret {
            Some((secret, core)) if secret == Secret::Key || !may_stand(core) => {
                concealed.text.push_str(&piece.replacen(core, GONE, 1));
                if !concealed.found.contains(&secret) {
                    concealed.found.push(secret);
                }
            }
            _ => concealed.text.push_str(piece),
        }
        rest = after;
    }
    concealed
}

/// Takes out blocks that begin and end as keys in files do.
fn without_private_keys(text: &str, found: &mut Vec<Secret>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("-----BEGIN ") {
        let is_key = after
            .split('\n')
            .next()
            .is_some_and(|line| line.contains("PRIVATE KEY"));
        out.push_str(before);
        if !is_key {
            out.push_str("-----BEGIN ");
            rest = after;
            continue;
        }
        found.push(Secret::PrivateKey);
        out.push_str(GONE);
        rest = match after.split_once("-----END ") {
            Some((_, end)) => end.split_once("KEY-----").map_or("", |(_, behind)| behind),
            None => "",
        };
    }
    out.push_str(rest);
    out
}

type Seen<'a> = (usize, Option<(Secret, &'a str)>);

/// The word at the beginning, and what it is.
fn word(text: &str) -> Seen<'_> {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let word = text.get(..end).unwrap_or(text);
    let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let secret = if let Some(key) = key_among(word) {
        Some((Secret::Key, key))
    } else if is_token(core) {
        Some((Secret::Key, core))
    } else if is_email(core) {
        Some((Secret::Email, core))
    } else if is_ip(core) {
        Some((Secret::Ip, core))
    } else {
        None
    };
    (end, secret)
}

/// A number that runs over spaces, at the beginning, and what it is; `None` where no number begins.
fn number(text: &str) -> Option<Seen<'_>> {
    let iban = iban(text);
    if let Some(end) = iban {
        return Some((end, Some((Secret::Iban, text.get(..end)?))));
    }
    let first = text.chars().next()?;
    if !(first.is_ascii_digit() || first == '+' || first == '(') {
        return None;
    }
    let goes_on = |letter: &u8| letter.is_ascii_digit() || b" -.()+".contains(letter);
    let run = text.bytes().take(LONGEST_NUMBER).take_while(goes_on);
    let run = text.get(..run.count())?;
    let core = run.trim_end_matches(|c: char| !c.is_ascii_digit());
    let behind = text.get(core.len()..)?.chars().next();
    let ends = behind.is_none_or(|c| !c.is_alphanumeric() && !":/_".contains(c));
    let digits: Vec<u32> = core.chars().filter_map(|c| c.to_digit(10)).collect();
    let mut words = core.split([' ', '-']);
    let one_line = words.all(|word| word.len() <= 16);
    if ends && one_line && matches!(digits.len(), 15 | 16 | 19) && is_card(&digits) {
        return Some((core.len(), Some((Secret::Card, core))));
    }
    if ends && is_phone(core, digits.len()) {
        return Some((core.len(), Some((Secret::Phone, core))));
    }
    // One word at a time, so that a number behind another one is seen.
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let single = text.get(..end).filter(|word| word.contains('.'));
    let address = single.map(|word| word.trim_end_matches(|c: char| !c.is_ascii_digit()));
    match address.filter(|word| is_ip(word)) {
        Some(ip) => Some((end, Some((Secret::Ip, ip)))),
        None => Some(word(text)),
    }
}

/// A number as people write it abroad, or as North America groups it.
fn is_phone(core: &str, digits: usize) -> bool {
    let abroad = core.starts_with('+') || core.starts_with("00");
    if abroad {
        return (8..=15).contains(&digits);
    }
    let lengths: Vec<usize> = core
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(str::len)
        .collect();
    lengths == [3, 3, 4]
}

/// Whether digits add up as those of cards do.
fn is_card(digits: &[u32]) -> bool {
    let begins = digits.first().is_some_and(|first| (3..=6).contains(first));
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match at % 2 {
            0 => *digit,
            _ if *digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        })
        .sum();
    begins && sum.is_multiple_of(10)
}

/// Where an account's number at the beginning ends, if its rest by 97 is 1.
fn iban(text: &str) -> Option<usize> {
    let mut letters = text.chars();
    let country = letters.next()?.is_ascii_uppercase() && letters.next()?.is_ascii_uppercase();
    let check = letters.next()?.is_ascii_digit() && letters.next()?.is_ascii_digit();
    if !country || !check {
        return None;
    }
    let mut whole = String::new();
    let mut best = None;
    for (at, letter) in text.char_indices() {
        match letter {
            ' ' => {}
            'A'..='Z' | '0'..='9' => whole.push(letter),
            _ => break,
        }
        if whole.len() > 34 {
            break;
        }
        let behind = text.get(at + 1..).and_then(|rest| rest.chars().next());
        let ends = behind.is_none_or(|c| !c.is_alphanumeric());
        if letter != ' ' && ends && whole.len() >= 15 && is_iban(&whole) {
            best = Some(at + 1);
        }
    }
    best
}

fn is_iban(whole: &str) -> bool {
    let Some((head, body)) = whole.split_at_checked(4) else {
        return false;
    };
    let rest = body
        .chars()
        .chain(head.chars())
        .try_fold(0, |rest, letter| {
            let value = letter.to_digit(36)?;
            Some((rest * if value > 9 { 100 } else { 10 } + value) % 97)
        });
    rest == Some(1)
}

/// A signed token, a bot's token, or a key that begins as well-known ones do.
fn is_token(word: &str) -> bool {
    const BEGINNINGS: [&str; 14] = [
        "AKIA",
        "ASIA",
        "ghp_",
        "gho_",
        "ghs_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "xapp-",
        "sk_live_",
        "rk_live_",
        "whsec_",
        "ya29.",
    ];
    let body = |part: &str| {
        part.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    let begins = BEGINNINGS.iter().any(|known| word.starts_with(known));
    if begins && word.len() >= 20 {
        return true;
    }
    if let Some((id, secret)) = word.split_once(':') {
        let is_id = (8..=11).contains(&id.len()) && id.chars().all(|c| c.is_ascii_digit());
        if is_id && secret.len() >= 30 && body(secret) {
            return true;
        }
    }
    let parts: Vec<&str> = word.split('.').collect();
    match parts.as_slice() {
        [head, middle, end] => {
            let signed = head.starts_with("eyJ") && middle.len() >= 10 && end.len() >= 10;
            let bot = head.len() >= 23 && middle.len() == 6 && end.len() >= 27;
            (signed || bot) && [head, middle, end].iter().all(|part| body(part))
        }
        _ => false,
    }
}

fn is_email(word: &str) -> bool {
    let Some((name, host)) = word.split_once('@') else {
        return false;
    };
    let name_is = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    let host_is = |c: char| c.is_alphanumeric() || ".-".contains(c);
    let ending = host.rsplit('.').next().unwrap_or_default();
    !name.is_empty()
        && name.chars().all(name_is)
        && host.contains('.')
        && host.chars().all(host_is)
        && ending.len() >= 2
        && ending.chars().all(char::is_alphabetic)
}

fn is_ip(word: &str) -> bool {
    let parts = word.split('.');
    let fits = |part: &str| part.len() <= 3 && part.parse::<u8>().is_ok();
    parts.clone().count() == 4 && parts.clone().all(fits)
}
