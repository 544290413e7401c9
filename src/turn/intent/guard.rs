//! Tells an order from a mention of it. Words alone do not: "don't pay me out", "should I approve it?",
//! "she said release it", "our song is called Skip" all hold the words of an order and none is one.
//!
//! A guard only ever refuses an act that has an effect, never grants one, and it holds for a model's
//! word as it does for the rules'. The groups of words stand in `config/guards.txt`.

use super::Said;
use super::act::Act;
use super::concepts::Concepts;
use super::features::Cut;
use super::text::Token;

/// Words between a refusal and what it refuses, at most.
const REACH: usize = 4;
/// German and French put the refusal behind, after what is refused and when.
const REACH_BEHIND: usize = 7;

/// The groups of `config/guards.txt`.
#[derive(Debug)]
pub(super) struct Guards {
    table: Concepts,
}

/// A line with the groups of its words.
struct Line<'a> {
    guards: &'a Guards,
    tokens: &'a [Token],
    groups: Vec<Vec<u16>>,
    /// Which clause each word stands in.
    clauses: Vec<usize>,
}

impl Guards {
    /// Reads the groups.
    pub(super) fn read(table: &'static str) -> Self {
        Self {
            table: Concepts::read(table),
        }
    }

    /// The acts that may not follow from these words, each with why.
    pub(super) fn refused(&self, said: &Said<'_>, cut: &Cut) -> Vec<(Act, &'static str)> {
        let line = Line::new(self, &cut.tokens);
        let acts = Act::ALL.into_iter();
        acts.filter_map(|act| Some((act, refusal(said, &line, act)?)))
            .collect()
    }
}

fn refusal(said: &Said<'_>, line: &Line<'_>, act: Act) -> Option<&'static str> {
    // Help for somebody in danger, or a person for somebody who asks for one, is never refused.
    if !act.has_effect() || matches!(act, Act::Crisis | Act::Human) {
        return None;
    }
    let words = Triggers::find(line, act);
    quoted(&words)
        .or_else(|| title(line, &words))
        .or_else(|| negated(line, &words, act))
        .or_else(|| postponed(line, act))
        .or_else(|| wondering(line, &words, act))
        .or_else(|| conditional(line, act))
        .or_else(|| past(line, &words, act))
        .or_else(|| unasked(said, line, &words, act))
}

/// Where a line orders an act and where it tells of one.
struct Triggers {
    orders: Vec<usize>,
    tales: Vec<usize>,
    /// Whether words of an order stand in quotation marks while others do not.
    quoted: bool,
}

impl Triggers {
    fn find(line: &Line<'_>, act: Act) -> Self {
        let at = |kind: &str| line.all(&format!("{kind}.{}", act.name()));
        let (orders, tales) = (at("do"), at("did"));
        let inside = |at: &usize| line.tokens.get(*at).is_some_and(|token| token.quoted);
        let open = |all: &[usize]| -> Vec<usize> {
            all.iter().copied().filter(|at| !inside(at)).collect()
        };
        let some_outside = line
            .tokens
            .iter()
            .any(|token| !token.quoted && token.word.chars().any(char::is_alphanumeric));
        Self {
            quoted: some_outside && orders.iter().any(inside),
            orders: if some_outside { open(&orders) } else { orders },
            tales: if some_outside { open(&tales) } else { tales },
        }
    }
}

fn quoted(words: &Triggers) -> Option<&'static str> {
    (words.quoted && words.orders.is_empty()).then_some("quoted")
}

/// "Our opener is called Skip It."
fn title(line: &Line<'_>, words: &Triggers) -> Option<&'static str> {
    let called = *line.all("called").first()?;
    let before = words.orders.iter().any(|order| *order < called);
    let after = words.orders.iter().any(|order| *order > called);
    (after && !before).then_some("title")
}

/// "Don't pay me out", "zahl das noch nicht aus", "no publiques nada".
fn negated(line: &Line<'_>, words: &Triggers, act: Act) -> Option<&'static str> {
    if !line.all("polite").is_empty() || words.orders.is_empty() {
        return None;
    }
    // "Don't share it with Theo any more" is an order.
    let ends = matches!(
        act,
        Act::Documents | Act::Settings | Act::Player | Act::Link
    );
    if ends && !line.all("anymore").is_empty() {
        return None;
    }
    let (before, behind) = (line.all("not"), line.all("after"));
    let refused = |order: &usize| {
        before
            .iter()
            .any(|not| not < order && order - not <= REACH && line.same_clause(*not, *order))
            || behind.iter().any(|not| {
                not > order && not - order <= REACH_BEHIND && line.same_clause(*not, *order)
            })
    };
    words.orders.iter().all(refused).then_some("negated")
}

/// "The payout can wait", "attends avant de publier". Who puts a request off rejects it, so that stays.
fn postponed(line: &Line<'_>, act: Act) -> Option<&'static str> {
    let is_put_off = !line.all("later").is_empty() && line.all("polite").is_empty();
    let can_wait = is_grave(act) || act == Act::Tip;
    (can_wait && is_put_off).then_some("postponed")
}

/// Whether an act takes money out, publishes, decides or destroys.
fn is_grave(act: Act) -> bool {
    matches!(
        act,
        Act::Payout | Act::ReleaseSubmit | Act::Approve | Act::Forget
    )
}

/// "Should I approve it?", "we were thinking about pausing", "she said release it".
fn wondering(line: &Line<'_>, words: &Triggers, act: Act) -> Option<&'static str> {
    if !line.all("maybe").is_empty() {
        return Some("hypothetical");
    }
    if !line.all("musing").is_empty() {
        return Some("musing");
    }
    if act != Act::WorkflowCreate && !line.all("reported").is_empty() {
        return Some("reported");
    }
    let order = matches!(
        act,
        Act::Payout | Act::ReleaseSubmit | Act::Approve | Act::Reject
    );
    let how = order && !line.all("howto").is_empty() && !words.orders.is_empty();
    how.then_some("question")
}

/// "If the label agrees, release it": not now, and nobody has promised to watch for it.
fn conditional(line: &Line<'_>, act: Act) -> Option<&'static str> {
    (is_grave(act) && !line.all("condition").is_empty()).then_some("conditional")
}

/// "I tipped her 20 yesterday", "der Manager hat es schon freigegeben".
fn past(line: &Line<'_>, words: &Triggers, act: Act) -> Option<&'static str> {
    // Who was given something orders nothing to be given.
    if act == Act::Tip && !line.all("given").is_empty() {
        return Some("past");
    }
    let only_tales = words.orders.iter().all(|order| words.tales.contains(order));
    if words.tales.is_empty() || !only_tales {
        return None;
    }
    let mut who = line.all("third");
    // "Approved" by whoever writes it is the approval itself.
    if !matches!(act, Act::Approve | Act::Reject) {
        who.extend(line.all("first"));
    }
    who.extend(line.all("already"));
    let told = |tale: &usize| {
        who.iter()
            .any(|who| who < tale && tale - who <= REACH && line.same_clause(*who, *tale))
    };
    words.tales.iter().any(told).then_some("past")
}

/// A bare yes answers nothing when Toney proposed nothing.
fn unasked(said: &Said<'_>, line: &Line<'_>, words: &Triggers, act: Act) -> Option<&'static str> {
    let proposed = said.history.last().is_some_and(|last| last.from_toney);
    if act != Act::Approve || proposed || !words.orders.is_empty() || !words.tales.is_empty() {
        return None;
    }
    let yes = line.all("yes");
    let mut spoken = line.tokens.iter().enumerate();
    let bare = spoken
        .all(|(at, token)| yes.contains(&at) || !token.word.chars().any(char::is_alphanumeric));
    bare.then_some("nothing proposed")
}

impl<'a> Line<'a> {
    fn new(guards: &'a Guards, tokens: &'a [Token]) -> Self {
        let groups = guards.table.of(tokens);
        let mut clause = 0;
        let clauses = tokens.iter().map(|token| {
            let ends = matches!(
                token.word.as_str(),
                "," | "." | ";" | ":" | "!" | "?" | "-" | "–" | "—" | "(" | ")"
            ) || matches!(
                token.word.as_str(),
                "but" | "aber" | "pero" | "mas" | "mais" | "sondern" | "sino"
            );
            if ends && !token.quoted {
                clause += 1;
            }
            clause
        });
        let clauses = clauses.collect();
        Self {
            guards,
            tokens,
            groups,
            clauses,
        }
    }

    /// Where words of this group stand.
    fn all(&self, group: &str) -> Vec<usize> {
        let Some(number) = self.guards.table.number(group) else {
            return Vec::new();
        };
        let found = self.groups.iter().enumerate();
        found
            .filter(|(_, groups)| groups.contains(&number))
            .map(|(at, _)| at)
            .collect()
    }

    fn same_clause(&self, one: usize, other: usize) -> bool {
        self.clauses.get(one) == self.clauses.get(other)
    }
}
