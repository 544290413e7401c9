//! What people say of themselves, and what of it is worth keeping. Pure.
//!
//! Only plain statements in the first person are taken, word for word, so that a fact is never more than what was
//! said. What may be a secret, about health, faith, love or law, or told by somebody in need is never taken: a rule
//! that leaves out too much costs a little comfort, one that keeps too much costs trust.

use std::collections::BTreeSet;

use crate::model::terms;
use crate::store::{Fact, GoalKind};

/// Longest sentence that is a fact.
const MOST: usize = 160;
/// Longest message that is looked at; longer ones are texts, not talk.
const MOST_TEXT: usize = 1_500;
/// Most facts of one message.
const MOST_FACTS: usize = 4;

/// How sentences begin that hold one thing at a time, and what that is.
const SLOTS: &[(&str, &str)] = &[
    ("my name is ", "name"),
    ("call me ", "name"),
    ("i live in ", "home"),
    ("i am living in ", "home"),
    ("i am based in ", "home"),
    ("we are based in ", "home"),
    ("i moved to ", "home"),
    ("i am from ", "origin"),
    ("i am signed to ", "label"),
    ("we are signed to ", "label"),
    ("my birthday is ", "birthday"),
    ("i release my next ", "next release"),
    ("i am releasing my next ", "next release"),
];

/// What one has one of; `my X is …` and `our X is …` hold one thing at a time.
const POSSESSIONS: &str = "manager|label|producer|booker|booking agent|agent|distributor|publicist|publisher|engineer|\
    mixing engineer|photographer|studio|daw|instrument|main instrument|genre|band|hometown|day job|\
    next single|next album|next ep|next release|next show|next gig|release date|tour|budget|brand color|\
    brand colour|favorite artist|favourite artist|biggest influence";

/// How sentences begin that tell one thing of several.
const OPENINGS: &str = "i play |i sing |i produce |i rap |i write |i compose |i make |i mix |i dj |i record |i teach |\
    i work as |i work at |i work with |i release |i am releasing |we release |i am a |i am an |\
    we are a |we play |we make |i prefer |i like |i love |i hate |i never |i always |i use |i own |\
    i tour |i studied |i speak ";

/// Parts of words that make a sentence too private to be kept: health and what somebody in need says; secrets; what
/// the law calls special, and what can be held against somebody.
const PRIVATE: &str = "sick|illness| ill |depress|anxi|panic|therap|medicat|medicine|pill|diagnos|cancer|pregnan|hiv|\
    disorder|adhd|autis|bipolar|suicid|kill|self-harm|hurt|cut myself| die |dying|dead|overdos|addict|\
    rehab|sober|relapse|drunk|drug|cocaine|hospital|surgery|doctor|disab|allerg|diabet|epilep|insomnia|\
    burnout|burned out|lonely|abuse|violen|beat me|hits me| eating|weight|hopeless|worthless|password|\
    passcode|passphrase|pin |iban|card number|account number|cvv|api key|secret|token|ssn|\
    social security|passport|licence number|license number|recovery|seed phrase|private key|login|@|\
    http|sk-|gay|lesbian|bisex|transgender|trans |queer|sex|muslim|jewish|islam|christian|hindu|buddhis|\
    atheis|religio|church|vote|politic|union|arrest|prison|jail|court|lawsuit|convict|police|visa|\
    immigra|divorc|affair|debt|bankrupt";

/// Words that make a statement none.
const DOUBTFUL: &[&str] = &[
    " if ",
    " would ",
    " could ",
    " might ",
    " maybe ",
    " perhaps ",
    " wish ",
    " imagine ",
    " pretend ",
    " used to ",
    " not ",
    "n't ",
    " no longer ",
    " lyrics",
    " he said",
    " she said",
    " they said",
    " told me",
    " says ",
    " quote",
    " example",
    " suppose",
];

/// A fact in what somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is about, where one thing at a time holds; empty otherwise.
    pub slot: String,
    /// Their words.
    pub text: String,
}

/// Whether something may never be kept.
pub fn is_private(text: &str) -> bool {
    let lower = format!(" {} ", plain(text));
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits >= 7 || PRIVATE.split('|').any(|part| lower.contains(part))
}

/// What of a message is worth keeping, by rules.
pub fn extract(text: &str) -> Vec<Found> {
    // One private sentence makes the whole message a talk that is nobody's business later.
    if text.chars().count() > MOST_TEXT || is_private(text) {
        return Vec::new();
    }
    let quoted = |line: &&str| line.trim_start().starts_with('>');
    let mut found: Vec<Found> = Vec::new();
    for line in text.lines().filter(|line| !quoted(line)) {
        for sentence in sentences(line) {
            let fact = fact(&sentence);
            found.extend(fact.filter(|new| found.iter().all(|old| old.text != new.text)));
        }
    }
    found.truncate(MOST_FACTS);
    found
}

/// A goal or a need in what somebody said, in their words.
pub fn proposal(text: &str) -> Option<(GoalKind, String)> {
    const GOALS: [&str; 6] = [
        "my goal is to ",
        "my goal is ",
        "my goal for this year is ",
        "i want to reach ",
        "my dream is to ",
        "i am aiming to ",
    ];
    const PAINS: [&str; 5] = [
        "my biggest problem is ",
        "my problem is ",
        "my biggest challenge is ",
        "i struggle with ",
        "i am struggling with ",
    ];
    if text.chars().count() > MOST_TEXT || is_private(text) {
        return None;
    }
    for sentence in text.lines().flat_map(sentences) {
        let lower = plain(&sentence);
        let is_doubtful = is_doubtful(&lower);
        for (openings, kind) in [(&GOALS[..], GoalKind::Goal), (&PAINS[..], GoalKind::Pain)] {
            let behind = openings
                .iter()
                .find_map(|opening| lower.strip_prefix(opening));
            let words = behind.map(|behind| behind.chars().count());
            if let Some(words) = words.filter(|words| *words > 2 && !is_doubtful) {
                let skipped = sentence.chars().count().saturating_sub(words);
                let text: String = sentence.chars().skip(skipped).collect();
                let text = text.trim().to_owned();
                return (text.chars().count() <= MOST).then_some((kind, text));
            }
        }
    }
    None
}

/// What a fact says, so that the same said in other letters is the same.
pub fn same_as(text: &str) -> String {
    let lower = plain(text);
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// The facts that help to answer something, the best first.
pub fn relevant<'a>(facts: &'a [Fact], asked: &str, most: usize) -> Vec<&'a Fact> {
    /// What is nearly always good to know.
    const CORE: [&str; 3] = ["name", "home", "manager"];
    let query = terms::of_query(asked);
    let language = terms::language(asked).map_or("en", terms::Language::code);
    let held: Vec<BTreeSet<u32>> = facts
        .iter()
        .map(|fact| {
            let (terms, _) =
                terms::of_passage("", &format!("{} {}", fact.slot, fact.text), language);
            terms.into_iter().map(|(term, _)| term).collect()
        })
        .collect();
    let all = held.len() as f32;
    let rarity = |word: &terms::QueryWord| {
        let holds = |one: &&BTreeSet<u32>| word.terms.iter().any(|term| one.contains(term));
        let holding = held.iter().filter(holds).count() as f32;
        word.weight * (1.0 + (all - holding + 0.5) / (holding + 0.5)).ln()
    };
    let weights: Vec<f32> = query.words.iter().map(rarity).collect();
    let score = |terms: &BTreeSet<u32>| {
        let words = query.words.iter().zip(&weights);
        let said = words.filter(|(word, _)| word.terms.iter().any(|term| terms.contains(term)));
        said.map(|(_, weight)| weight).sum::<f32>()
    };
    let mut scored: Vec<(f32, &Fact)> = facts
        .iter()
        .zip(&held)
        .map(|(fact, terms)| {
            let core = if CORE.contains(&fact.slot.as_str()) {
                0.01
            } else {
                0.0
            };
            (score(terms) + core, fact)
        })
        .filter(|(score, _)| *score > 0.0)
        .collect();
    scored.sort_by(|one, other| other.0.total_cmp(&one.0));
    scored
        .into_iter()
        .take(most)
        .map(|(_, fact)| fact)
        .collect()
}

/// The facts that somebody means who wants one forgotten.
pub fn meant<'a>(facts: &'a [Fact], what: &str) -> Vec<&'a Fact> {
    let what = same_as(what);
    let wanted: BTreeSet<&str> = what.split(' ').filter(|word| word.len() > 2).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let says = |fact: &&Fact| {
        let said = format!("{} {}", fact.slot, same_as(&fact.text));
        let said: BTreeSet<&str> = said.split(' ').collect();
        // All that was named, so that nothing else goes with it.
        wanted.iter().all(|word| said.contains(word))
    };
    facts.iter().filter(says).collect()
}

fn fact(sentence: &str) -> Option<Found> {
    let lower = plain(sentence);
    let letters = sentence.chars().count();
    if letters > MOST || sentence.contains(['"', '“', '„', '«']) || is_doubtful(&lower) {
        return None;
    }
    let slot = slot(&lower)?;
    Some(Found {
        slot,
        text: sentence.to_owned(),
    })
}

fn slot(lower: &str) -> Option<String> {
    let enough = |rest: &str| rest.trim().chars().count() > 1;
    let known = SLOTS.iter().find_map(|(opening, slot)| {
        let rest = lower.strip_prefix(opening)?;
        enough(rest).then(|| (*slot).to_owned())
    });
    let possession = || {
        let rest = lower
            .strip_prefix("my ")
            .or_else(|| lower.strip_prefix("our "))?;
        let (what, value) = rest.split_once(" is ")?;
        (POSSESSIONS.split('|').any(|one| one == what) && enough(value)).then(|| what.to_owned())
    };
    let one_of_several = || {
        let mut openings = OPENINGS.split('|');
        let is_one = openings.any(|opening| lower.strip_prefix(opening).is_some_and(enough));
        is_one.then(String::new)
    };
    known.or_else(possession).or_else(one_of_several)
}

fn is_doubtful(lower: &str) -> bool {
    let spaced = format!(" {lower} ");
    DOUBTFUL.iter().any(|word| spaced.contains(word))
}

/// In small letters, with short forms written out and one kind of apostrophe.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let lower = words.join(" ").to_lowercase().replace('’', "'");
    lower
        .replace("i'm ", "i am ")
        .replace("we're ", "we are ")
        .replace("my name's ", "my name is ")
}

/// The sentences of a line that state something, without what only leads in.
fn sentences(line: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut now = String::new();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let ends = matches!(letter, '.' | '!' | '?' | ';')
            && letters.peek().is_none_or(|next| next.is_whitespace());
        if !ends {
            now.push(letter);
            continue;
        }
        if letter != '?' {
            all.push(std::mem::take(&mut now));
        }
        now.clear();
    }
    all.push(now);
    all.iter()
        .map(|sentence| lead_in(sentence.trim()).to_owned())
        .filter(|sentence| !sentence.is_empty() && !sentence.ends_with('?'))
        .collect()
}

fn lead_in(sentence: &str) -> &str {
    const LEADS: [&str; 8] = [
        "and ",
        "but ",
        "so ",
        "also ",
        "also, ",
        "btw ",
        "btw, ",
        "by the way, ",
    ];
    let lead = LEADS.iter().find_map(|lead| {
        let (head, rest) = sentence.split_at_checked(lead.len())?;
        head.eq_ignore_ascii_case(lead).then_some(rest)
    });
    lead.unwrap_or(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, FactId, Ids, PersonId, Time};
    use proptest::prelude::*;

    fn texts(said: &str) -> Vec<(String, String)> {
        let found = extract(said).into_iter();
        found.map(|one| (one.slot, one.text)).collect()
    }

    #[test]
    fn plain_statements_are_kept_word_for_word() {
        for (said, slot, text) in [
            ("I live in Berlin.", "home", "I live in Berlin"),
            (
                "btw I'm based in Lisbon now",
                "home",
                "I'm based in Lisbon now",
            ),
            (
                "hi! My manager is Jo Park. What now?",
                "manager",
                "My manager is Jo Park",
            ),
            ("I play the viola", "", "I play the viola"),
            ("Our label is Warp", "label", "Our label is Warp"),
            ("I release on Fridays", "", "I release on Fridays"),
        ] {
            assert_eq!(texts(said), [(slot.to_owned(), text.to_owned())], "{said}");
        }
    }

    #[test]
    fn what_is_no_statement_of_ones_own_is_left() {
        for said in [
            "Where do I live?",
            "> I live in Berlin",
            "He said “I live in Berlin”",
            "If I live in Berlin, what then",
            "I don't live in Berlin",
            "I used to live in Berlin",
            "You live in Berlin",
            "My song is great",
            "hello 17",
            "I play",
        ] {
            assert_eq!(texts(said), [], "{said}");
        }
    }

    #[test]
    fn what_is_private_is_never_kept() {
        for said in [
            "I live in Berlin and my password is swordfish",
            "I am a recovering addict",
            "I play guitar. I am so depressed.",
            "I love a man but I'm not out as gay",
            "My manager is jo@example.org",
            "I use 4111 1111 1111 1111",
            "I want to kill myself. I live in Berlin.",
            "I take my pills",
        ] {
            assert!(is_private(said), "{said}");
            assert_eq!(texts(said), [], "{said}");
            assert_eq!(proposal(said), None, "{said}");
        }
    }

    #[test]
    fn goals_and_needs_are_found() {
        let goal = proposal("Well. My goal is to sell out the Lido");
        assert_eq!(goal, Some((GoalKind::Goal, "sell out the Lido".to_owned())));
        let pain = proposal("I'm struggling with promo.");
        assert_eq!(pain, Some((GoalKind::Pain, "promo".to_owned())));
        assert_eq!(proposal("is my goal to sell out?"), None);
        assert_eq!(proposal("my goal is to sing if I could"), None);
    }

    fn facts(all: &[(&str, &str)]) -> Vec<Fact> {
        let ids = Ids::new(Clock::System, Some(9));
        let person = PersonId::new(&ids);
        all.iter()
            .map(|(slot, text)| Fact {
                id: FactId::new(&ids),
                person,
                slot: (*slot).to_owned(),
                text: (*text).to_owned(),
                source: "said".to_owned(),
                message: None,
                said: Time::default(),
            })
            .collect()
    }

    #[test]
    fn what_helps_is_recalled_and_what_is_meant_is_found() {
        let facts = facts(&[
            ("home", "I live in Berlin"),
            ("", "I play the viola"),
            ("", "I love vinyl records"),
            ("manager", "My manager is Jo Park"),
        ]);
        let found = |asked: &str| -> Vec<&str> {
            let found = relevant(&facts, asked, 2);
            found.into_iter().map(|fact| fact.text.as_str()).collect()
        };
        assert_eq!(
            found("who could teach viola lessons?")[0],
            "I play the viola"
        );
        assert_eq!(found("should I press vinyl?")[0], "I love vinyl records");
        assert_eq!(found("hi"), ["I live in Berlin", "My manager is Jo Park"]);
        let named = |what: &str| -> Vec<&str> {
            let found = meant(&facts, what);
            found.into_iter().map(|fact| fact.text.as_str()).collect()
        };
        assert_eq!(named("I live in Berlin"), ["I live in Berlin"]);
        assert_eq!(named("my manager"), ["My manager is Jo Park"]);
        assert_eq!(named("that I play"), [""; 0], "not all of it is said");
        assert_eq!(named(""), [""; 0]);
    }

    proptest! {
        /// Whatever is said: nothing private comes out, and nothing that was not said.
        #[test]
        fn a_fact_is_what_was_said(text in "(I live in |my manager is |I play |secret |[a-z]{1,8} |\\. |\\? |> |\n|é|“){0,30}") {
            for found in extract(&text) {
                prop_assert!(text.contains(&found.text));
                prop_assert!(!is_private(&found.text));
                prop_assert!(found.text.chars().count() <= MOST);
            }
        }
    }
}
