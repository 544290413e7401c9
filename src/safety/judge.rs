//! What the rules that stand in a message say together. A sign says how great a danger is; guards say whether the
//! words are meant. A guard reaches no further than its sentence, so that what else is written around a cry for
//! help never hides it.

use std::collections::BTreeMap;

use super::course::Cue;
use super::pattern::Span;
use super::rules::{Found, Guard, Meaning};
use super::vocabulary::Line;
use super::{Level, Sign, Topic};

/// Words between a frame and what it frames, at most.
const FRAME_BEFORE: usize = 16;
/// And where the frame stands behind.
const FRAME_AFTER: usize = 8;
/// Words between a frame and its colon, behind which everything is framed.
const COLON: usize = 6;
/// Words between a denial and what it denies.
const DENIED: usize = 3;
/// Words between somebody who says something and what it is.
const SAID: usize = 12;
/// Words behind a sentence where a laugh still belongs to it.
const LAUGH: usize = 3;

/// One sign, with what its guards left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Weighed {
    level: Level,
    topic: Topic,
    other: bool,
    language: &'static str,
}

/// What the rules make of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// What it shows by itself.
    pub(super) sign: Sign,
    /// Whether words of danger stand in it that a guard says are meant otherwise.
    pub(super) explained: bool,
}

/// What a message shows by itself.
pub(super) fn judge(line: &Line, found: &[Found]) -> Judged {
    let mut guards: BTreeMap<Guard, Vec<&Found>> = BTreeMap::new();
    for one in found {
        if let Meaning::Guard(guard) = one.meaning {
            guards.entry(guard).or_default().push(one);
        }
    }
    let judge = Judge {
        line,
        serious: guards.contains_key(&Guard::Serious),
        guards,
    };
    let mut best: Option<Weighed> = None;
    let mut cues: Vec<Cue> = Vec::new();
    let mut explained = false;
    for one in found {
        let weighed = match one.meaning {
            Meaning::Sign { level, .. } => {
                let weighed = judge.sign(one);
                let left = weighed.map_or(Level::None, |left| left.level);
                explained |= level.is_crisis() && !left.is_crisis();
                weighed
            }
            Meaning::Cue(cue) => {
                let seen = judge.cue(one, cue);
                if seen.is_some() && !cues.contains(&cue) {
                    cues.push(cue);
                }
                seen.filter(|seen| seen.level > Level::None)
            }
            Meaning::Guard(_) => None,
        };
        let Some(weighed) = weighed else { continue };
        // What is about the writer comes before what is about others.
        let rank = |w: &Weighed| (w.level, !w.other, std::cmp::Reverse(w.topic));
        if best.as_ref().is_none_or(|best| rank(&weighed) > rank(best)) {
            best = Some(weighed);
        }
    }
    let Some(best) = best else {
        let sign = Sign {
            cues,
            ..Sign::default()
        };
        return Judged { sign, explained };
    };
    let sign = Sign {
        level: best.level,
        alone: best.level,
        topic: best.topic,
        other: best.other,
        cues,
        language: (best.language.len() == 2).then(|| best.language.to_owned()),
        ..Sign::default()
    };
    Judged { sign, explained }
}

struct Judge<'a> {
    line: &'a Line,
    guards: BTreeMap<Guard, Vec<&'a Found>>,
    /// Whether the writer says that it is meant.
    serious: bool,
}

impl Judge<'_> {
    fn sign(&self, one: &Found) -> Option<Weighed> {
        let Meaning::Sign {
            mut level,
            topic,
            mut other,
            sure,
        } = one.meaning
        else {
            return None;
        };
        let span = one.span;
        if self.idiom(span) {
            return None;
        }
        let said = self.before(Guard::Says, span, SAID).next().is_some();
        if !self.serious && (self.quotation(span, said) || self.framed(one)) {
            return None;
        }
        other |= said;
        if !self.serious && self.denied(one) {
            let own = matches!(topic, Topic::Suicide | Topic::SelfHarm) && !other;
            level = if own { Level::Concern } else { Level::None };
        }
        let past = self.in_sentence(Guard::Past, span);
        if past && !self.serious && self.guards(Guard::Now).next().is_none() {
            level = level.min(Level::Concern);
        }
        if !sure && !self.serious && self.laughed(span) {
            level = match level {
                Level::High | Level::Imminent => Level::Concern,
                Level::Concern | Level::None => Level::None,
            };
        }
        if level == Level::High && topic == Topic::Suicide && self.in_sentence(Guard::Urgent, span)
        {
            level = Level::Imminent;
        }
        (level > Level::None).then_some(Weighed {
            level,
            topic,
            other,
            language: one.language,
        })
    }

    fn cue(&self, one: &Found, cue: Cue) -> Option<Weighed> {
        let span = one.span;
        let idiom = self.idiom(span);
        let art = self.quotation(span, false) || self.framed(one);
        if !self.serious && (idiom || art || self.denied(one) || self.laughed(span)) {
            return None;
        }
        let said = self.before(Guard::Says, span, SAID).next().is_some();
        Some(Weighed {
            level: cue.alone(),
            topic: Topic::MentalHealthCrisis,
            other: said,
            language: one.language,
        })
    }

    fn guards(&self, guard: Guard) -> impl Iterator<Item = Span> {
        self.found(guard).map(|one| one.span)
    }

    fn found(&self, guard: Guard) -> impl Iterator<Item = &Found> {
        self.guards.get(&guard).into_iter().flatten().copied()
    }

    /// Whether a manner of speaking explains the words. One that is only a part of them does not.
    fn idiom(&self, span: Span) -> bool {
        let mut near = self.guards(Guard::Idiom).filter(|idiom| idiom.meets(span));
        near.any(|idiom| !(idiom != span && span.from <= idiom.from && idiom.to <= span.to))
    }

    /// Guards that end at most so many words before, in the same sentence.
    fn before(&self, guard: Guard, span: Span, reach: usize) -> impl Iterator<Item = Span> {
        let near = move |other: &Span| other.to <= span.from && span.from - other.to <= reach;
        let here = self.sentence(span.from);
        self.guards(guard)
            .filter(near)
            .filter(move |other| self.sentence(other.from) == here)
    }

    fn in_sentence(&self, guard: Guard, span: Span) -> bool {
        let here = self.sentence(span.from);
        self.guards(guard)
            .any(|other| self.sentence(other.from) == here)
    }

    fn sentence(&self, at: usize) -> Option<u16> {
        self.line.words.get(at).map(|word| word.sentence)
    }

    fn all(&self, span: Span, is_so: impl Fn(&super::text::Word) -> bool) -> bool {
        let words = self.line.words.get(span.from..span.to);
        words.is_some_and(|words| words.iter().all(is_so))
    }

    /// Whether the words stand between quotation marks, or are written like a title, and something beside them says
    /// that they are art.
    fn quotation(&self, span: Span, said: bool) -> bool {
        let quoted = self.all(span, |word| word.quoted);
        let here = self.sentence(span.from);
        let small =
            |word: &super::text::Word| Some(word.sentence) == here && !word.capital && !word.quoted;
        let titled = span.to - span.from > 1
            && self.all(span, |word| word.capital)
            && self.line.words.iter().any(small);
        if !(titled || quoted && !said) {
            return false;
        }
        let kinds = [Guard::Stage, Guard::Frame, Guard::FrameAfter];
        let outside = |span: Span| !self.all(span, |word| word.quoted);
        kinds.into_iter().any(|kind| self.guards(kind).any(outside))
    }

    /// Whether a frame reaches it.
    fn framed(&self, one: &Found) -> bool {
        let span = one.span;
        let broken = |from: usize, to: usize| {
            let begins = |other: Span| other.from >= from && other.from < to;
            self.guards(Guard::Break).any(begins)
        };
        let clause = |at: usize| self.line.words.get(at).map(|word| word.clause);
        let last = |frame: Span| frame.to.saturating_sub(1);
        let before = self.frames(one, Guard::Frame).any(|frame| {
            let near = frame.to <= span.from && span.from - frame.to <= FRAME_BEFORE;
            let same = clause(last(frame)) == clause(span.from);
            near && same && !broken(frame.to, span.from + 1)
        });
        if before || self.behind_colon(one) {
            return true;
        }
        let here = self.sentence(span.from);
        self.frames(one, Guard::FrameAfter).any(|frame| {
            let near = frame.from >= span.to && frame.from - span.to <= FRAME_AFTER;
            let same = self.sentence(frame.from) == here || frame.from == span.to;
            near && same && !broken(span.to, frame.from)
        })
    }

    /// Frames in the language of a sign, or of several words in English; round a quotation any.
    fn frames(&self, one: &Found, guard: Guard) -> impl Iterator<Item = Span> {
        let quoted = self.all(one.span, |word| word.quoted);
        let language = one.language;
        self.found(guard)
            .filter(move |other| {
                let words = other.span.to - other.span.from;
                let english = other.language == "en" && words > 1;
                quoted || other.language == language || english
            })
            .map(|other| other.span)
    }

    /// Whether a frame with a colon stands anywhere before: `lyrics so far: …`.
    fn behind_colon(&self, one: &Found) -> bool {
        self.frames(one, Guard::Frame).any(|frame| {
            let last = frame.to.saturating_sub(1);
            let words = self.line.words.iter().enumerate();
            let mut near = words.skip(last).take(COLON);
            let colon = near.find(|(_, word)| word.colon);
            colon.is_some_and(|(at, _)| frame.to <= one.span.from && at < one.span.from)
        })
    }

    /// Whether the clause denies it.
    fn denied(&self, one: &Found) -> bool {
        let clause = |at: usize| self.line.words.get(at).map(|word| word.clause);
        self.found(Guard::Not)
            .filter(|other| other.language == one.language)
            .map(|other| other.span)
            .filter(|not| not.to <= one.span.from && one.span.from - not.to <= DENIED)
            .filter(|not| clause(not.from) == clause(one.span.from))
            .any(|not| !self.guards(Guard::NotNot).any(|other| other.meets(not)))
    }

    /// Whether a laugh belongs to it.
    fn laughed(&self, span: Span) -> bool {
        let here = self.sentence(span.from);
        let ends = self.line.words.iter().skip(span.to);
        let end = span.to + ends.take_while(|word| Some(word.sentence) == here).count();
        self.guards(Guard::Joke).any(|joke| {
            let same = self.sentence(joke.from) == here;
            same || (joke.from >= end && joke.from - end < LAUGH)
        })
    }
}
