//! In which order the models of a chain are asked.

use std::time::Duration;

use serde::Deserialize;

use super::catalogue::Entry;
use super::money::Cost;
use super::{Request, tokens};

/// What decides between models that are all well: the setting `models.prefer`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Prefer {
    /// Their place in the list.
    #[default]
    Order,
    /// What they cost.
    Price,
    /// How soon their answers begin.
    Speed,
}

/// A model as it stands at the moment.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) entry: Entry,
    /// Tokens that it may answer with at most.
    pub(super) limit: u32,
    /// How soon half of its answers begin; none while that is not known.
    pub(super) speed: Option<Duration>,
    /// Whether its provider has as many answers under way as it is to have.
    pub(super) full: bool,
    /// Whether the person chose it.
    pub(super) wished: bool,
}

impl Candidate {
    /// What a request may cost here at most.
    pub(super) fn price(&self, tokens_in: u64) -> Cost {
        most(&self.entry, tokens_in, self.limit)
    }
}

/// What a request may cost at most: its fee, all of it read at the dearest price, and the longest answer.
pub(super) fn most(entry: &Entry, tokens_in: u64, limit: u32) -> Cost {
    let [price_in, price_out] = entry.price;
    let written = entry.cache.map_or(price_in, |[_, written]| written);
    let read = price_in.max(written).times(tokens_in);
    entry.fee + read + price_out.times(u64::from(limit))
}

/// The places of the candidates in the order in which they are to be asked. Left out is who cannot do
/// it at all: a model without eyes where there is something to see. The one that the person chose comes
/// first; then who can do it well before who cannot, and who has room before who has none; among those
/// decides `prefer`, or the price where money is `near` its end; and at last the place in the list.
pub(super) fn order(
    candidates: &[Candidate],
    request: &Request,
    (prefer, near): (Prefer, bool),
) -> Vec<usize> {
    let tokens_in = tokens::of_request(request);
    let sees = request.sees();
    let all: Vec<_> = candidates.iter().map(|one| &one.entry).collect();
    let can = |one: &Candidate| !sees || one.entry.is_shown(&all);
    let suits = |one: &Candidate| {
        let needed = tokens_in.saturating_add(u64::from(one.limit));
        let has_tools = one.entry.tools || !(request.acts || request.force.is_some());
        has_tools && (one.entry.guessed || needed <= u64::from(one.entry.context))
    };
    // A price that is a guess may be far more in truth, so it stands behind those that are known.
    let price = |one: &Candidate| {
        let price = one.price(tokens_in);
        (one.entry.guessed && price > Cost::ZERO, price.nanos())
    };
    let weight = |one: &Candidate| match prefer {
        _ if near => price(one),
        Prefer::Order => (false, 0),
        Prefer::Price => price(one),
        // One that nobody knows is tried first, so that it gets known.
        Prefer::Speed => {
            let speed = one.speed.unwrap_or_default();
            (false, i64::try_from(speed.as_millis()).unwrap_or(i64::MAX))
        }
    };
    let mut places: Vec<_> = candidates
        .iter()
        .enumerate()
        .filter(|(_, one)| can(one))
        .map(|(place, one)| ((!one.wished, !suits(one), one.full, weight(one)), place))
        .collect();
    places.sort();
    places.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::llm::{Image, Line, Role, Tool};

    fn candidate(price: i64) -> Candidate {
        let entry = Entry {
            guessed: false,
            context: 8_000,
            price: [Cost::from_nanos(price); 2],
            ..Entry::unknown("x/y")
        };
        Candidate {
            entry,
            limit: 1_000,
            speed: None,
            full: false,
            wished: false,
        }
    }

    fn question() -> Request {
        Request {
            messages: vec![Line::new(Role::Person, "Hello?")],
            ..Request::default()
        }
    }

    fn asked(candidates: &[Candidate], prefer: Prefer) -> Vec<usize> {
        order(candidates, &question(), (prefer, false))
    }

    #[test]
    fn the_list_counts_unless_something_else_is_preferred() {
        let mut all = [candidate(300), candidate(100), candidate(200)];
        assert_eq!(asked(&all, Prefer::Order), [0, 1, 2]);
        assert_eq!(asked(&all, Prefer::Price), [1, 2, 0]);
        assert_eq!(order(&all, &question(), (Prefer::Order, true)), [1, 2, 0]);
        for (one, ms) in all.iter_mut().zip([400, 900, 200]) {
            one.speed = Some(Duration::from_millis(ms));
        }
        assert_eq!(asked(&all, Prefer::Speed), [2, 0, 1]);
        all[1].speed = None;
        assert_eq!(asked(&all, Prefer::Speed), [1, 2, 0]);
    }

    #[test]
    fn a_guessed_price_does_not_come_first() {
        let mut all = [candidate(300), candidate(100), candidate(0)];
        all[1].entry.guessed = true;
        all[2].entry.guessed = true;
        assert_eq!(order(&all, &question(), (Prefer::Order, true)), [2, 0, 1]);
        assert_eq!(asked(&all, Prefer::Price), [2, 0, 1]);
        assert_eq!(asked(&all, Prefer::Order), [0, 1, 2]);
    }

    #[test]
    fn a_fee_is_part_of_the_price() {
        let mut all = [candidate(1), candidate(100)];
        all[0].entry.fee = Cost::from_nanos(10_000_000);
        assert_eq!(asked(&all, Prefer::Price), [1, 0]);
        let most = most(&all[0].entry, 10, 20);
        assert_eq!(most, Cost::from_nanos(10_000_000 + 10 + 20));
    }

    #[test]
    fn who_is_busy_or_unfit_stands_behind_and_the_wish_before() {
        let mut all = [candidate(1), candidate(1), candidate(1), candidate(1)];
        all[0].full = true;
        all[1].entry.context = 900;
        assert_eq!(asked(&all, Prefer::Order), [2, 3, 0, 1]);
        all[3].wished = true;
        all[3].full = true;
        assert_eq!(asked(&all, Prefer::Order), [3, 2, 0, 1]);
        let mut request = question();
        request.tools.push(Tool {
            name: "tip".to_owned(),
            about: String::new(),
            schema: serde_json::json!({"type": "object"}).into(),
        });
        all[2].entry.tools = false;
        // Where words do as well, the list counts.
        assert_eq!(order(&all, &request, (Prefer::Order, false)), [3, 2, 0, 1]);
        request.acts = true;
        assert_eq!(order(&all, &request, (Prefer::Order, false)), [3, 0, 1, 2]);
    }

    #[test]
    fn who_cannot_see_is_not_asked_about_a_picture() {
        let mut all = [candidate(1), candidate(1), candidate(1)];
        all[1].entry.vision = true;
        all[2].entry.guessed = true;
        let mut request = question();
        request.messages[0].images.push(Image {
            mime: "image/png".to_owned(),
            bytes: Bytes::new(),
        });
        assert_eq!(order(&all, &request, (Prefer::Order, false)), [1]);
        // Nobody is known to see, so that a try can tell.
        all[1].entry.vision = false;
        assert_eq!(order(&all, &request, (Prefer::Order, false)), [2]);
    }

    proptest! {
        /// Whatever is known of them, every model that can do it is asked once.
        #[test]
        fn nobody_is_forgotten(
            all in prop::collection::vec((0i64..9, 500u32..9_000, any::<[bool; 4]>(), 0u64..9), 0..8),
            prefer in prop::sample::select(vec![Prefer::Order, Prefer::Price, Prefer::Speed]),
            near in any::<bool>(),
        ) {
            let all: Vec<_> = all.into_iter().map(|(price, context, [full, wished, tools, known], ms)| {
                let mut one = candidate(price);
                one.entry.context = context;
                one.entry.tools = tools;
                Candidate { full, wished, speed: known.then(|| Duration::from_millis(ms)), ..one }
            }).collect();
            let mut asked = order(&all, &question(), (prefer, near));
            let wished = all.iter().filter(|one| one.wished).count();
            prop_assert!(asked.iter().take(wished).all(|place| all[*place].wished));
            asked.sort_unstable();
            prop_assert_eq!(asked, (0..all.len()).collect::<Vec<_>>());
        }
    }
}
