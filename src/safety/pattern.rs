//! Rules as sequences of words, and where they stand in a message.
//!
//! A rule is written like a sentence: `<i> <want> to die`. In it `<name>` is a group of expressions, `a|b` one
//! word or the other, `beg*` any word that begins so, `word?` may be missing, and `..3` stands for up to three words
//! of any kind. Words that only strengthen (`really`, `just`) may stand anywhere inside and need not be written.
//! There is no backtracking without bound: each part of a rule looks at a few words and no more.

use anyhow::{Context, Result, bail};

use super::text;
use super::vocabulary::{HashMap, HashSet, Line, Symbol, Vocabulary};

/// A group of expressions.
type Group = u32;

/// Strengthening words that may stand in a row.
const FILLERS: usize = 3;
/// Steps that looking for one rule from one word may take.
const STEPS: usize = 400;

/// Words from one to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Span {
    /// Whether both have a word in common.
    pub(super) fn meets(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Word(Symbol),
    Group(Group),
    Gap(usize),
}

#[derive(Debug, Clone, Copy)]
struct Element {
    part: Part,
    optional: bool,
}

/// Rules that are looked for all at once; each has a number given by whoever adds it.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    rules: Vec<(usize, Vec<Element>)>,
    /// Rules that begin with this word.
    by_word: HashMap<Symbol, Vec<usize>>,
    /// Rules that begin with this group.
    by_group: HashMap<Group, Vec<usize>>,
    names: HashMap<String, Group>,
    groups: Group,
    /// The expressions of all groups, and all rules that are nothing but words, as one tree.
    tree: Tree,
    fillers: HashSet<Symbol>,
}

/// From the root by its first word, from any other node by the next one, to another node.
#[derive(Debug, Default)]
struct Tree {
    root: HashMap<Symbol, usize>,
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    next: Vec<(Symbol, usize)>,
    /// What ends here.
    ends: Vec<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Group(Group),
    Rule(usize),
}

impl Tree {
    fn next(&self, node: Option<usize>, symbol: Symbol) -> Option<usize> {
        let Some(node) = node else {
            return self.root.get(&symbol).copied();
        };
        let next = &self.nodes.get(node)?.next;
        let at = next
            .binary_search_by_key(&symbol, |(known, _)| *known)
            .ok()?;
        next.get(at).map(|(_, to)| *to)
    }

    fn step(&mut self, node: Option<usize>, symbol: Symbol) -> usize {
        if let Some(known) = self.next(node, symbol) {
            return known;
        }
        let new = self.nodes.len();
        match node.and_then(|node| self.nodes.get_mut(node)) {
            Some(node) => {
                let at = node.next.partition_point(|(known, _)| *known < symbol);
                node.next.insert(at, (symbol, new));
            }
            None => {
                self.root.insert(symbol, new);
            }
        }
        self.nodes.push(Node::default());
        new
    }

    /// Adds words one after the other, of which some may be missing.
    fn add(&mut self, words: &[(Symbol, bool)], end: End) -> bool {
        let mut nodes = vec![None];
        for (symbol, optional) in words {
            let mut next = if *optional { nodes.clone() } else { Vec::new() };
            next.extend(nodes.iter().map(|node| Some(self.step(*node, *symbol))));
            nodes = next;
        }
        for node in &nodes {
            let Some(node) = node.and_then(|node| self.nodes.get_mut(node)) else {
                return false;
            };
            if !node.ends.contains(&end) {
                node.ends.push(end);
            }
        }
        true
    }
}

/// Where groups stand in a message: for each word which, and up to where.
struct Stands(Vec<Vec<(Group, usize)>>);

/// The words and groups that a message holds anywhere.
struct Present {
    symbols: HashSet<Symbol>,
    groups: HashSet<Group>,
}

impl Present {
    /// Whether everything is there that a rule cannot do without.
    fn has(&self, elements: &[Element]) -> bool {
        elements.iter().all(|element| {
            element.optional
                || match element.part {
                    Part::Word(symbol) => self.symbols.contains(&symbol),
                    Part::Group(group) => self.groups.contains(&group),
                    Part::Gap(_) => true,
                }
        })
    }
}

impl Patterns {
    /// Adds strengthening words.
    pub(super) fn fill(&mut self, words: &str, vocabulary: &mut Vocabulary) {
        for word in text::words(words) {
            self.fillers.insert(vocabulary.word(&word.text));
        }
    }

    /// Adds a group. `scope` keeps the groups of one file apart from those of another. An expression may name groups
    /// that were added before.
    pub(super) fn group(
        &mut self,
        (scope, name): (&str, &str),
        expressions: &[&str],
        vocabulary: &mut Vocabulary,
    ) -> Result<()> {
        let group = self.new_group();
        for expression in expressions {
            self.expression(scope, group, expression, vocabulary)?;
        }
        self.names.insert(format!("{scope}.{name}"), group);
        Ok(())
    }

    fn new_group(&mut self) -> Group {
        self.groups += 1;
        self.groups
    }

    fn expression(
        &mut self,
        scope: &str,
        group: Group,
        expression: &str,
        vocabulary: &mut Vocabulary,
    ) -> Result<()> {
        let elements = self.parse(scope, expression, vocabulary)?;
        let Some(words) = words_of(&elements) else {
            bail!("`{expression}` stands in a group and may hold words only");
        };
        if !self.tree.add(&words, End::Group(group)) {
            bail!("`{expression}` may be empty");
        }
        Ok(())
    }

    /// Adds a rule under a number.
    pub(super) fn rule(
        &mut self,
        scope: &str,
        (number, rule): (usize, &str),
        vocabulary: &mut Vocabulary,
    ) -> Result<()> {
        let elements = self
            .parse(scope, rule, vocabulary)
            .with_context(|| format!("Reading `{rule}`"))?;
        if let Some(words) = words_of(&elements) {
            if !self.tree.add(&words, End::Rule(number)) {
                bail!("`{rule}` may be empty");
            }
            return Ok(());
        }
        let at = self.rules.len();
        match elements.first() {
            Some(Element {
                part: Part::Word(symbol),
                optional: false,
            }) => self.by_word.entry(*symbol).or_default().push(at),
            Some(Element {
                part: Part::Group(group),
                optional: false,
            }) => self.by_group.entry(*group).or_default().push(at),
            _ => bail!("`{rule}` has to begin with a word or a group"),
        }
        self.rules.push((number, elements));
        Ok(())
    }

    fn parse(
        &mut self,
        scope: &str,
        rule: &str,
        vocabulary: &mut Vocabulary,
    ) -> Result<Vec<Element>> {
        let mut elements = Vec::new();
        for word in rule.split_whitespace() {
            if let Some(most) = word.strip_prefix("..") {
                let most = most.parse().with_context(|| format!("`{word}`"))?;
                elements.push(Element {
                    part: Part::Gap(most),
                    optional: false,
                });
                continue;
            }
            let (word, optional) = match word.strip_suffix('?') {
                Some(word) => (word, true),
                None => (word, false),
            };
            if let Some(name) = word.strip_prefix('<').and_then(|w| w.strip_suffix('>')) {
                let group = self.names.get(&format!("{scope}.{name}"));
                let part = Part::Group(*group.with_context(|| format!("No group `{name}`"))?);
                elements.push(Element { part, optional });
                continue;
            }
            if word.contains('|') {
                let group = self.new_group();
                for one in word.split('|') {
                    self.expression(scope, group, one, vocabulary)?;
                }
                let part = Part::Group(group);
                elements.push(Element { part, optional });
                continue;
            }
            let (word, begins) = match word.strip_suffix('*') {
                Some(word) => (word, true),
                None => (word, false),
            };
            if !begins && word.bytes().all(|c| c.is_ascii_lowercase()) {
                let part = Part::Word(vocabulary.word(word));
                elements.push(Element { part, optional });
                continue;
            }
            let parts = text::words(word);
            let last = parts.len().saturating_sub(1);
            for (at, part) in parts.iter().enumerate() {
                let symbol = if begins && at == last {
                    vocabulary.beginning(&part.text)
                } else {
                    vocabulary.word(&part.text)
                };
                let part = Part::Word(symbol);
                elements.push(Element { part, optional });
            }
        }
        Ok(elements)
    }

    /// Every rule that stands in a message, and where. No rule reaches over the end of a sentence.
    pub(super) fn find(&self, line: &Line) -> Vec<(usize, Span)> {
        let mut found = Vec::new();
        let mut stands = Stands(Vec::with_capacity(line.words.len()));
        let mut present = Present {
            symbols: line.symbols.iter().flatten().copied().collect(),
            groups: HashSet::default(),
        };
        for from in 0..line.words.len() {
            let mut groups = Vec::new();
            for (end, to) in self.ends_at(line, from) {
                match end {
                    End::Group(group) => {
                        present.groups.insert(group);
                        groups.push((group, to));
                    }
                    End::Rule(number) => found.push((number, Span { from, to })),
                }
            }
            stands.0.push(groups);
        }
        for from in 0..line.words.len() {
            let by_word = line.symbols(from).iter().map(|s| self.by_word.get(s));
            let groups = stands.0.get(from).map_or(&[][..], Vec::as_slice);
            let mut seen = None;
            let by_group = groups.iter().filter_map(|(group, _)| {
                let again = seen.replace(*group) == Some(*group);
                (!again).then(|| self.by_group.get(group))
            });
            for at in by_word.chain(by_group).flatten().flatten() {
                let Some((number, elements)) = self.rules.get(*at) else {
                    continue;
                };
                if !present.has(elements) {
                    continue;
                }
                let mut search = Search {
                    patterns: self,
                    line,
                    stands: &stands,
                    steps: STEPS,
                };
                if let Some(to) = search.rest(elements, from, true) {
                    found.push((*number, Span { from, to }));
                }
            }
        }
        found
    }

    /// What stands at a word, each with where it ends: groups, those of one following one another, and rules.
    fn ends_at(&self, line: &Line, from: usize) -> Vec<(End, usize)> {
        let mut found = Vec::new();
        let mut open = vec![(None, from, 0)];
        let sentence = line.words.get(from).map(|first| first.sentence);
        while let Some((node, at, filled)) = open.pop() {
            if line.words.get(at).map(|word| word.sentence) != sentence {
                continue;
            }
            for symbol in line.symbols(at) {
                if let Some(next) = self.tree.next(node, *symbol) {
                    let ends = self.tree.nodes.get(next).map(|node| node.ends.as_slice());
                    found.extend(ends.unwrap_or_default().iter().map(|end| (*end, at + 1)));
                    open.push((Some(next), at + 1, 0));
                }
            }
            if node.is_some() && filled < FILLERS && self.is_filler(line, at) {
                open.push((node, at + 1, filled + 1));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn is_filler(&self, line: &Line, at: usize) -> bool {
        let mut symbols = line.symbols(at).iter();
        symbols.any(|symbol| self.fillers.contains(symbol))
    }
}

/// The words of a rule that is nothing but words, and whether each may be missing.
fn words_of(elements: &[Element]) -> Option<Vec<(Symbol, bool)>> {
    let word = |element: &Element| match element.part {
        Part::Word(symbol) => Some((symbol, element.optional)),
        Part::Group(_) | Part::Gap(_) => None,
    };
    elements.iter().map(word).collect()
}

struct Search<'a> {
    patterns: &'a Patterns,
    line: &'a Line,
    stands: &'a Stands,
    steps: usize,
}

impl Search<'_> {
    /// Where the last of these elements ends, if they stand here one after the other.
    fn rest(&mut self, elements: &[Element], at: usize, first: bool) -> Option<usize> {
        let Some((element, rest)) = elements.split_first() else {
            return Some(at);
        };
        self.steps = self.steps.checked_sub(1)?;
        match element.part {
            Part::Gap(most) => {
                let ways = at..=at + most;
                for next in ways {
                    if next > at && !self.follows(next - 1, at) {
                        break;
                    }
                    if let Some(end) = self.rest(rest, next, first) {
                        return Some(end);
                    }
                }
                None
            }
            Part::Word(_) | Part::Group(_) => {
                for here in at..=at + FILLERS {
                    if !first && !self.follows(here, at) {
                        break;
                    }
                    if let Some(end) = self.one(element.part, rest, here) {
                        return Some(end);
                    }
                    if first || !self.patterns.is_filler(self.line, here) {
                        break;
                    }
                }
                if element.optional {
                    return self.rest(rest, at, first);
                }
                None
            }
        }
    }

    fn one(&mut self, part: Part, rest: &[Element], at: usize) -> Option<usize> {
        match part {
            Part::Word(symbol) => {
                let here = self.line.symbols(at).contains(&symbol);
                here.then(|| self.rest(rest, at + 1, false)).flatten()
            }
            Part::Group(group) => {
                let stands = self.stands;
                let here = stands.0.get(at).map_or(&[][..], Vec::as_slice);
                // The longest first.
                let ends = here.iter().rev().filter(|(other, _)| *other == group);
                for (_, end) in ends {
                    if let Some(end) = self.rest(rest, *end, false) {
                        return Some(end);
                    }
                }
                None
            }
            Part::Gap(_) => None,
        }
    }

    /// Whether a word exists and belongs to the sentence of the one before another.
    fn follows(&self, at: usize, begun: usize) -> bool {
        let before = begun.checked_sub(1).and_then(|at| self.line.words.get(at));
        match (before, self.line.words.get(at)) {
            (Some(before), Some(word)) => before.sentence == word.sentence,
            _ => false,
        }
    }
}
