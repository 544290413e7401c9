//! Whether somebody's words got darker or brighter. A lexicon of our own with how strong each word is, from -4 to 4, and
//! the arithmetic of VADER (Hutto and Gilbert 2014, MIT): a word behind a negation counts -0.74 of itself, a booster adds
//! 0.293, and a sum x becomes x / sqrt(x² + 15).
//!
//! It says nothing about anybody's health: it only sees that a change may be worth a friendly question.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Time;
use crate::store::DirectLine;

/// The last days, and those before them that they are held against.
const LAST: Duration = Duration::from_secs(7 * 86_400);
const BEFORE: Duration = Duration::from_secs(28 * 86_400);
/// From fewer messages with a feeling in them nothing is concluded, on either side.
const ENOUGH: usize = 3;
/// A negation reaches over so many words.
const REACH: usize = 3;
const NEGATED: f64 = -0.74;
const BOOST: f64 = 0.293;
const NORMAL: f64 = 15.0;

const WORDS: &str = "
amazing 3 awesome 3 beautiful 2.5 best 2.5 better 1.5 brilliant 3 calm 1 confident 2 cool 1.5 celebrate 2.5 delighted 3
easy 1 energised 2.5 enjoy 2 enjoyed 2 excellent 3 excited 2.5 exciting 2.5 fantastic 3 fine 1 fun 2 glad 2 good 2
grateful 2.5 great 3 happy 2.5 hope 1.5 hopeful 2 inspired 2.5 joy 3 keen 1.5 love 3 loved 2.5 lovely 2.5 lucky 2
motivated 2.5 nice 2 optimistic 2 perfect 3 pleased 2 proud 2.5 ready 1 relieved 1.5 stoked 3 success 2.5 super 2.5
thrilled 3 win 2.5 winning 2.5 wonderful 3 wow 2.5 yay 2.5 progress 1.5 finally 1
afraid -2 alone -1.5 angry -2.5 annoyed -2 annoying -2 anxious -2 awful -3 bad -2.5 bored -1.5 boring -1.5 broke -1.5
burned -1.5 burnout -3 confused -1 crap -2.5 cry -2 defeated -2.5 demotivated -3 depressing -2.5 difficult -1
disappointed -2.5 disappointing -2.5 discouraged -2.5 doubt -1.5 drained -2 empty -1.5 exhausted -2.5 fail -2.5
failed -2.5 failing -2.5 failure -3 fear -2 frustrated -2.5 frustrating -2.5 hard -1 hate -3 hopeless -3 horrible -3
hurt -2 impossible -2 jealous -1.5 lonely -2 lost -1.5 mess -1.5 miserable -3 nervous -1.5 overwhelmed -2 pointless -3
rejected -2.5 sad -2 scared -2 sick -1.5 stressed -2 struggling -2 stuck -2 sucks -2.5 terrible -3 tired -1.5 ugly -2
unhappy -2.5 unmotivated -3 useless -2.5 worried -2 worse -2 worst -3 worthless -3 quit -1.5 nobody -1
feliz 2.5 genial 3 bien 1.5 mejor 1.5 encanta 3 orgulloso 2.5 orgullosa 2.5 emocionado 2.5 emocionada 2.5 contento 2
contenta 2 triste -2 cansado -1.5 cansada -1.5 mal -2 peor -2 frustrado -2.5 frustrada -2.5 agotado -2.5 agotada -2.5
odio -3 difícil -1 perdido -1.5 perdida -1.5
ótimo 3 ótima 3 adoro 3 animado 2.5 animada 2.5 orgulhoso 2.5 orgulhosa 2.5 cansaço -1.5 desanimado -2.5 desanimada -2.5
pior -2 ruim -2.5 péssimo -3
heureux 2.5 heureuse 2.5 super 2.5 génial 3 fier 2.5 fière 2.5 content 2 contente 2 j'adore 3 motivé 2.5 motivée 2.5
fatigué -1.5 fatiguée -1.5 nul -2.5 déçu -2.5 déçue -2.5 découragé -2.5 découragée -2.5 pire -2 déteste -3
glücklich 2.5 toll 2.5 froh 2 stolz 2.5 gut 2 besser 1.5 motiviert 2.5 freue 2.5 liebe 2.5 klasse 2.5 traurig -2
müde -1.5 schlecht -2.5 schlimm -2.5 enttäuscht -2.5 frustriert -2.5 erschöpft -2.5 hasse -3 mies -2.5 sinnlos -3";

const NEGATIONS: &[&str] = &[
    "not", "no", "never", "none", "without", "isn't", "don't", "doesn't", "didn't", "can't",
    "cannot", "won't", "wasn't", "aren't", "nicht", "kein", "keine", "nie", "nunca", "não", "sin",
    "sem", "pas", "jamais", "sans", "ni",
];
const BOOSTERS: &[&str] = &[
    "very",
    "really",
    "so",
    "extremely",
    "totally",
    "super",
    "absolutely",
    "muy",
    "muito",
    "très",
    "tellement",
    "sehr",
    "wirklich",
    "total",
    "too",
];

static LEXICON: LazyLock<HashMap<&'static str, f64>> = LazyLock::new(|| {
    let mut pieces = WORDS.split_whitespace();
    let mut words = HashMap::new();
    while let (Some(word), Some(strength)) = (pieces.next(), pieces.next()) {
        words.insert(word, strength.parse().unwrap_or_default());
    }
    words
});

/// How bright the last seven days were, and the 21 before them, each from 0 to 1 with the messages it was counted from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    pub now: f64,
    pub before: f64,
    pub counted: (usize, usize),
}

impl Trend {
    /// By how much it fell; below zero it rose.
    pub fn fell(&self) -> f64 {
        self.before - self.now
    }
}

/// From -1 to 1; `None` where no word tells a feeling.
pub fn valence(text: &str) -> Option<f64> {
    let lower = text.to_lowercase().replace('’', "'");
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric() && letter != '\'')
        .filter(|word| !word.is_empty())
        .collect();
    let (mut sum, mut found) = (0.0, false);
    for (at, word) in words.iter().enumerate() {
        let Some(strength) = LEXICON.get(word) else {
            continue;
        };
        found = true;
        let before = words.get(at.saturating_sub(REACH)..at).unwrap_or_default();
        let boosts = before.last().is_some_and(|word| BOOSTERS.contains(word));
        let boosted = strength
            + if boosts {
                BOOST * strength.signum()
            } else {
                0.0
            };
        let negations = before
            .iter()
            .filter(|word| NEGATIONS.contains(word))
            .count();
        sum += if negations % 2 == 1 {
            boosted * NEGATED
        } else {
            boosted
        };
    }
    found.then(|| sum / (sum * sum + NORMAL).sqrt())
}

/// When a message told a feeling, and which, from 0 to 1.
pub fn felt(theirs: &[&DirectLine]) -> Vec<(Time, f64)> {
    let felt = theirs.iter().filter_map(|line| {
        let valence = valence(&line.text)?;
        Some((line.at, f64::midpoint(valence, 1.0)))
    });
    felt.collect()
}

/// How the last seven days compare with the 21 before them; `None` where there is too little to tell.
pub fn trend(felt: &[(Time, f64)], now: Time) -> Option<Trend> {
    let mean = |from: Duration, to: Duration| {
        let aged = felt.iter().filter(|(at, _)| *at <= now);
        let levels = aged.filter(|(at, _)| now.since(*at) >= from && now.since(*at) < to);
        let levels: Vec<f64> = levels.map(|(_, level)| *level).collect();
        let enough = levels.len() >= ENOUGH;
        enough.then(|| {
            (
                levels.iter().sum::<f64>() / levels.len() as f64,
                levels.len(),
            )
        })
    };
    let (now, new) = mean(Duration::ZERO, LAST)?;
    let (before, old) = mean(LAST, BEFORE)?;
    Some(Trend {
        now,
        before,
        counted: (new, old),
    })
}
