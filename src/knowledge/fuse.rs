//! Makes one order of several ranked lists, by rank alone: scores of different lists cannot be compared.

use std::collections::HashMap;

use serde::Serialize;

use crate::store::Hit;

/// A ranked list, the best first.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) name: String,
    /// How much its word counts.
    pub(super) weight: f32,
    pub(super) hits: Vec<Hit>,
}

/// Where a list has a chunk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct By {
    /// The list's name.
    pub list: String,
    /// From 1.
    pub rank: usize,
    /// The list's own score.
    pub score: f32,
}

/// A chunk in the order of all lists.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fused {
    pub(super) chunk: i64,
    pub(super) score: f32,
    pub(super) by: Vec<By>,
}

/// Reciprocal rank fusion: each list gives a chunk its weight divided by `k` and the rank. A small `k` makes the first
/// ranks count more than being on many lists.
pub(super) fn fuse(lists: &[Listed], k: f32) -> Vec<Fused> {
    let mut all: HashMap<i64, Fused> = HashMap::new();
    for Listed { name, weight, hits } in lists {
        for (rank, hit) in (1_u16..).zip(hits) {
            let fused = all.entry(hit.chunk).or_insert_with(|| Fused {
                chunk: hit.chunk,
                score: 0.0,
                by: Vec::new(),
            });
            fused.score += weight / (k + f32::from(rank));
            fused.by.push(By {
                list: name.clone(),
                rank: usize::from(rank),
                score: hit.score,
            });
        }
    }
    let mut order: Vec<Fused> = all.into_values().collect();
    order.sort_by(|one, other| {
        other
            .score
            .total_cmp(&one.score)
            .then(one.chunk.cmp(&other.chunk))
    });
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(name: &str, weight: f32, chunks: &[i64]) -> Listed {
        let hit = |chunk: &i64| Hit {
            chunk: *chunk,
            score: 1.0,
        };
        Listed {
            name: name.to_owned(),
            weight,
            hits: chunks.iter().map(hit).collect(),
        }
    }

    fn order(lists: &[Listed]) -> Vec<i64> {
        fuse(lists, 20.0).iter().map(|fused| fused.chunk).collect()
    }

    #[test]
    fn what_two_lists_name_comes_before_what_one_names() {
        let lists = [list("words", 1.0, &[1, 2, 3]), list("model", 1.0, &[4, 3])];
        assert_eq!(order(&lists), [3, 1, 4, 2]);
        let first = fuse(&lists, 20.0).remove(0);
        let by: Vec<(&str, usize)> = first
            .by
            .iter()
            .map(|by| (by.list.as_str(), by.rank))
            .collect();
        assert_eq!(by, [("words", 3), ("model", 2)]);
    }

    #[test]
    fn a_list_with_more_weight_decides() {
        let lists = [list("words", 1.0, &[1, 2]), list("model", 1.5, &[2, 1])];
        assert_eq!(order(&lists), [2, 1]);
    }

    proptest! {
        #[test]
        fn one_list_keeps_its_order(chunks in prop::collection::btree_set(0..1_000_i64, 0..50)) {
            let chunks: Vec<i64> = chunks.into_iter().rev().collect();
            prop_assert_eq!(order(&[list("words", 1.0, &chunks)]), chunks);
        }

        #[test]
        fn nothing_is_lost_or_doubled(lists in prop::collection::vec(prop::collection::btree_set(0..40_i64, 0..30), 0..5)) {
            let all: std::collections::BTreeSet<i64> = lists.iter().flatten().copied().collect();
            let lists: Vec<Listed> = lists.iter()
                .map(|chunks| list("a", 1.0, &chunks.iter().copied().collect::<Vec<_>>()))
                .collect();
            let mut found = order(&lists);
            found.sort_unstable();
            prop_assert_eq!(found, all.into_iter().collect::<Vec<_>>());
        }
    }
}
