//! The vectors of one scope in RAM, small enough to be looked through one by one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

/// What a row costs beside its numbers, in bytes.
const PER_ROW: usize = size_of::<i64>() + size_of::<f32>();

/// Rows of 8-bit numbers, each with the factor that makes it a vector of length one again. A number
/// of a vector of length one is off by half a percent of the vector's largest at most: good enough to
/// choose from, and whoever is chosen is measured again by the whole vector.
#[derive(Debug, Clone, Default)]
pub(super) struct Matrix {
    dimensions: usize,
    ids: Vec<i64>,
    scales: Vec<f32>,
    numbers: Vec<i8>,
}

impl Matrix {
    /// Adds a vector; one of another length than the first, or without a length, is left out.
    pub(super) fn push(&mut self, id: i64, vector: impl ExactSizeIterator<Item = f32> + Clone) {
        let largest = vector.clone().fold(0.0_f32, |most, n| most.max(n.abs()));
        if self.ids.is_empty() {
            self.dimensions = vector.len();
        }
        if vector.len() != self.dimensions || !(largest.is_normal()) {
            return;
        }
        let scale = largest / f32::from(i8::MAX);
        self.ids.push(id);
        self.scales.push(scale);
        self.numbers
            .extend(vector.map(|number| (number / scale).round() as i8));
    }

    /// Adds the rows of another matrix and gives back what was reserved for more.
    pub(super) fn append(&mut self, other: Self) {
        if self.ids.is_empty() {
            *self = other;
        } else if self.dimensions == other.dimensions {
            self.ids.extend(other.ids);
            self.scales.extend(other.scales);
            self.numbers.extend(other.numbers);
        }
        self.shrink();
    }

    /// Gives back what was reserved for more rows.
    pub(super) fn shrink(&mut self) {
        self.ids.shrink_to_fit();
        self.scales.shrink_to_fit();
        self.numbers.shrink_to_fit();
    }

    /// Keeps the rows whose id is wanted.
    pub(super) fn retain(&mut self, wanted: impl Fn(i64) -> bool) {
        let mut kept = Self {
            dimensions: self.dimensions,
            ..Self::default()
        };
        for ((id, scale), row) in self.rows() {
            if wanted(id) {
                kept.ids.push(id);
                kept.scales.push(scale);
                kept.numbers.extend_from_slice(row);
            }
        }
        *self = kept;
    }

    /// Drops the rows of these ids.
    pub(super) fn remove(&mut self, ids: &HashSet<i64>) {
        if self.ids.iter().any(|id| ids.contains(id)) {
            self.retain(|id| !ids.contains(&id));
        }
    }

    /// Rows.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// What it takes in RAM.
    pub(super) fn bytes(&self) -> usize {
        self.numbers.capacity() + self.ids.capacity() * PER_ROW
    }

    fn rows(&self) -> impl Iterator<Item = ((i64, f32), &[i8])> {
        let heads = self.ids.iter().copied().zip(self.scales.iter().copied());
        heads.zip(self.numbers.chunks_exact(self.dimensions.max(1)))
    }

    /// Puts the rows nearest to `asked` into `best`.
    pub(super) fn scan(&self, asked: &Asked, best: &mut Best) {
        if asked.numbers.len() != self.dimensions {
            return;
        }
        for ((id, scale), row) in self.rows() {
            best.offer(id, scale * asked.scale * dot(&asked.numbers, row) as f32);
        }
    }
}

/// A question's vector as the rows are held against it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    scale: f32,
    numbers: Vec<i16>,
}

impl Asked {
    pub(super) fn new(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0.0_f32, |most, n| most.max(n.abs()));
        let scale = if largest.is_normal() {
            largest / f32::from(i8::MAX)
        } else {
            1.0
        };
        let numbers = vector.iter().map(|n| (n / scale).round() as i16).collect();
        Self { scale, numbers }
    }
}

/// The sum of products. A product of two 8-bit numbers in 16-bit clothes is what every processor
/// since 2001 adds up eight at a time; the compiler sees that by itself when the lengths are fixed.
fn dot(asked: &[i16], row: &[i8]) -> i32 {
    const LANES: usize = 32;
    let (left, left_rest) = asked.as_chunks::<LANES>();
    let (right, right_rest) = row.as_chunks::<LANES>();
    let mut sum = 0_i32;
    for (left, right) in left.iter().zip(right) {
        let mut part = 0_i32;
        for (l, r) in left.iter().zip(right) {
            part += i32::from(*l) * i32::from(i16::from(*r));
        }
        sum += part;
    }
    let rest = left_rest.iter().zip(right_rest);
    sum + rest
        .map(|(l, r)| i32::from(*l) * i32::from(*r))
        .sum::<i32>()
}

/// The sum of products of two whole vectors; 0 where they are of different models.
pub(super) fn exact(asked: &[f32], vector: impl ExactSizeIterator<Item = f32>) -> f32 {
    if asked.len() != vector.len() {
        return 0.0;
    }
    asked
        .iter()
        .zip(vector)
        .map(|(left, right)| left * right)
        .sum()
}

/// The best so many of whatever is offered.
#[derive(Debug, Clone)]
pub(super) struct Best {
    most: usize,
    heap: BinaryHeap<Reverse<Scored>>,
    /// Below this nothing gets in.
    floor: f32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Scored {
    score: f32,
    id: i64,
}

impl Eq for Scored {}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scored {
    /// By score, and the older first where that is the same.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then(other.id.cmp(&self.id))
    }
}

impl Best {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            heap: BinaryHeap::with_capacity(most + 1),
            floor: f32::NEG_INFINITY,
        }
    }

    pub(super) fn offer(&mut self, id: i64, score: f32) {
        if score < self.floor {
            return;
        }
        self.heap.push(Reverse(Scored { score, id }));
        if self.heap.len() > self.most {
            self.heap.pop();
            self.floor = self
                .heap
                .peek()
                .map_or(self.floor, |Reverse(least)| least.score);
        }
    }

    /// The best first.
    pub(super) fn into_sorted(self) -> Vec<(i64, f32)> {
        let sorted = self.heap.into_sorted_vec().into_iter();
        sorted
            .map(|Reverse(Scored { score, id })| (id, score))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Vectors of length one, in clumps as those of real texts are.
    fn clumps(rows: usize, size: usize) -> Vec<Vec<f32>> {
        let mut dice = StdRng::seed_from_u64(7);
        let mut number = move || (0..6).map(|_| dice.random::<f32>()).sum::<f32>() - 3.0;
        let middles: Vec<Vec<f32>> = (0..20)
            .map(|_| (0..size).map(|_| number()).collect())
            .collect();
        let near = |middle: &Vec<f32>| -> Vec<f32> {
            let moved: Vec<f32> = middle.iter().map(|n| n + 0.8 * number()).collect();
            let length = moved.iter().map(|n| n * n).sum::<f32>().sqrt();
            moved.iter().map(|n| n / length).collect()
        };
        middles.iter().cycle().take(rows).map(near).collect()
    }

    fn matrix(vectors: &[Vec<f32>]) -> Matrix {
        let mut matrix = Matrix::default();
        for (id, vector) in (0..).zip(vectors) {
            matrix.push(id, vector.iter().copied());
        }
        matrix
    }

    #[test]
    fn the_nearest_are_among_those_that_rounding_chooses() {
        let vectors = clumps(2_000, 100);
        let matrix = matrix(&vectors);
        let mut missed = 0;
        for asked in vectors.iter().step_by(100) {
            let mut rounded = Best::new(100);
            matrix.scan(&Asked::new(asked), &mut rounded);
            let rounded = rounded.into_sorted();
            let mut whole = Best::new(20);
            for (id, vector) in (0..).zip(&vectors) {
                whole.offer(id, exact(asked, vector.iter().copied()));
            }
            let kept = |id: i64| rounded.iter().any(|(other, _)| *other == id);
            missed += whole
                .into_sorted()
                .iter()
                .filter(|(id, _)| !kept(*id))
                .count();
            // Rounding moves a product of vectors of length one by a percent.
            assert!((rounded[0].1 - 1.0).abs() < 0.01);
        }
        assert_eq!(missed, 0);
    }

    #[test]
    fn rows_come_and_go() {
        let vectors = clumps(50, 40);
        let mut all = matrix(&vectors);
        all.push(99, [1.0, 0.0].into_iter());
        all.push(98, std::iter::repeat_n(0.0, 40));
        all.push(97, std::iter::repeat_n(f32::NAN, 40));
        assert_eq!(all.len(), 50);
        all.remove(&HashSet::from([3, 4]));
        all.retain(|id| id != 5);
        let mut more = Matrix::default();
        more.push(3, vectors[3].iter().copied());
        all.append(more);
        assert_eq!((all.len(), all.bytes()), (48, 48 * (40 + PER_ROW)));
        let mut best = Best::new(1);
        all.scan(&Asked::new(&vectors[3]), &mut best);
        assert_eq!(best.into_sorted()[0].0, 3);
        let mut none = Best::new(5);
        all.scan(&Asked::new(&[1.0, 0.0]), &mut none);
        assert!(none.into_sorted().is_empty());
    }

    proptest! {
        /// The best are the best, in order, whatever is offered.
        #[test]
        fn the_best_are_kept(scores in prop::collection::vec(-1.0_f32..1.0, 0..200), most in 1usize..20) {
            let mut best = Best::new(most);
            for (id, score) in (0..).zip(&scores) {
                best.offer(id, *score);
            }
            let mut sorted = scores.clone();
            sorted.sort_by(|left, right| right.total_cmp(left));
            sorted.truncate(most);
            let kept: Vec<f32> = best.into_sorted().into_iter().map(|(_, score)| score).collect();
            prop_assert_eq!(kept, sorted);
        }

        /// However long the rows are, the fast sum is the plain one.
        #[test]
        fn sums_are_right(pairs in prop::collection::vec((-127_i8..=127, -127_i8..=127), 0..200)) {
            let asked: Vec<i16> = pairs.iter().map(|(left, _)| i16::from(*left)).collect();
            let row: Vec<i8> = pairs.iter().map(|(_, right)| *right).collect();
            let plain: i32 = pairs.iter().map(|(l, r)| i32::from(*l) * i32::from(*r)).sum();
            prop_assert_eq!(dot(&asked, &row), plain);
        }
    }
}
