//! Multinomial logistic regression by stochastic gradient descent (Adagrad, features dropped at
//! random, smoothed labels), then pruned, learnt on with what is left, and rounded to bytes.

use std::collections::HashMap;

use toney::model::weights::Weights;

const EPOCHS: usize = 30;
const EPOCHS_PRUNED: usize = 10;
const RATE: f32 = 0.25;
const DECAY: f32 = 1e-5;

/// What a line shows, and the place of its label.
pub type Lesson = (Vec<(u32, f32)>, usize);

/// What keeps it from learning lines by heart.
#[derive(Clone, Copy)]
pub struct Care {
    /// The share of features that are left out at random each time.
    pub dropped: f32,
    /// The share of certainty that goes to the other labels.
    pub smooth: f32,
}

/// Learns from these lines. A feature that fewer than so many show is left out, and so many weights are kept at most.
pub fn learn(
    lessons: &[Lesson],
    (magic, labels): ([u8; 8], &[[u8; 2]]),
    (fewest, kept): (usize, usize),
    care: Care,
) -> Weights {
    let mut learner = Learner::new(lessons, labels.len(), fewest, care);
    learner.run(EPOCHS);
    learner.prune(kept);
    learner.run(EPOCHS_PRUNED);
    let mut weights = learner.weights();
    (weights.magic, weights.labels) = (magic, labels.to_vec());
    weights
}

struct Learner {
    hashes: Vec<u32>,
    shown_by: Vec<usize>,
    lines: Vec<(Vec<(usize, f32)>, usize)>,
    labels: usize,
    weights: Vec<f32>,
    squares: Vec<f32>,
    kept: Vec<bool>,
    random: Random,
    care: Care,
}

impl Learner {
    fn new(lessons: &[Lesson], labels: usize, fewest: usize, care: Care) -> Self {
        let mut counts: HashMap<u32, usize> = HashMap::new();
        for (hash, _) in lessons.iter().flat_map(|(shown, _)| shown) {
            *counts.entry(*hash).or_default() += 1;
        }
        counts.retain(|_, count| *count >= fewest);
        let mut hashes: Vec<u32> = counts.keys().copied().collect();
        hashes.sort_unstable();
        let place: HashMap<u32, usize> = hashes.iter().copied().zip(0..).collect();
        let known = |shown: &Vec<(u32, f32)>| {
            let known = shown.iter();
            known
                .filter_map(|(hash, weight)| Some((*place.get(hash)?, *weight)))
                .collect()
        };
        let size = hashes.len() * labels;
        Self {
            shown_by: hashes.iter().map(|hash| counts[hash]).collect(),
            lines: lessons
                .iter()
                .map(|(shown, label)| (known(shown), *label))
                .collect(),
            hashes,
            labels,
            weights: vec![0.0; size],
            squares: vec![1e-8; size],
            kept: vec![true; size],
            random: Random(88_172_645_463_325_252),
            care,
        }
    }

    fn run(&mut self, epochs: usize) {
        let mut order: Vec<usize> = (0..self.lines.len()).collect();
        for epoch in 0..epochs {
            for last in (1..order.len()).rev() {
                order.swap(last, self.random.below(last + 1));
            }
            let rate = RATE * (1.0 - 0.9 * epoch as f32 / epochs as f32);
            for at in &order {
                self.step(*at, rate);
            }
        }
    }

    fn step(&mut self, at: usize, rate: f32) {
        let (list, label) = &self.lines[at];
        let Care { dropped, smooth } = self.care;
        let shown: Vec<(usize, f32)> = list
            .iter()
            .filter(|_| self.random.unit() >= dropped)
            .map(|(feature, value)| (*feature, value / (1.0 - dropped)))
            .collect();
        let mut errors = vec![0.0_f32; self.labels];
        for (feature, value) in &shown {
            let row = &self.weights[feature * self.labels..][..self.labels];
            for (error, weight) in errors.iter_mut().zip(row) {
                *error += weight * value;
            }
        }
        softmax(&mut errors);
        for (number, error) in errors.iter_mut().enumerate() {
            let wanted = if number == *label {
                1.0 - smooth
            } else {
                smooth / (self.labels - 1) as f32
            };
            *error -= wanted;
        }
        for (feature, value) in &shown {
            let range = feature * self.labels..(feature + 1) * self.labels;
            let rows = self.weights[range.clone()].iter_mut();
            let rows = rows
                .zip(&mut self.squares[range.clone()])
                .zip(&self.kept[range]);
            for (error, ((weight, square), kept)) in errors.iter().zip(rows) {
                let slope = error * value + DECAY * *weight;
                *square += slope * slope;
                let change = rate * slope / square.sqrt();
                *weight -= if *kept { change } else { 0.0 };
            }
        }
    }

    /// Keeps the weights that matter most. What a feature gives to every label alike changes no
    /// probability, so its median is taken away first, which leaves few weights that matter.
    fn prune(&mut self, most: usize) {
        for row in self.weights.chunks_mut(self.labels) {
            let mut sorted = row.to_vec();
            sorted.sort_unstable_by(f32::total_cmp);
            let median = sorted[sorted.len() / 2];
            row.iter_mut().for_each(|weight| *weight -= median);
        }
        let worth = |at: usize| {
            self.weights[at].abs() * (self.shown_by[at / self.labels] as f32).powf(0.25)
        };
        let mut all: Vec<f32> = (0..self.weights.len()).map(worth).collect();
        if all.len() <= most {
            return;
        }
        let (_, bar, _) = all.select_nth_unstable_by(most, |one, other| other.total_cmp(one));
        let bar = *bar;
        let kept: Vec<bool> = (0..self.weights.len()).map(|at| worth(at) > bar).collect();
        for (weight, kept) in self.weights.iter_mut().zip(&kept) {
            *weight = if *kept { *weight } else { 0.0 };
        }
        self.kept = kept;
        self.squares.fill(1e-2);
    }

    fn weights(&self) -> Weights {
        let most = self
            .weights
            .iter()
            .fold(0.0_f32, |most, weight| most.max(weight.abs()));
        let step = (most / 127.0).max(1e-6);
        let mut rounded = Weights::default();
        rounded.temperature = 1.0;
        rounded.step = step;
        for (hash, row) in self.hashes.iter().zip(self.weights.chunks(self.labels)) {
            let before = rounded.weights.len();
            for (label, weight) in row.iter().enumerate() {
                let steps = (weight / step).round() as i8;
                if steps != 0 {
                    rounded.weights.push((label as u8, steps));
                }
            }
            if rounded.weights.len() > before {
                rounded.hashes.push(*hash);
                rounded.ends.push(rounded.weights.len() as u32);
            }
        }
        rounded
    }
}

fn softmax(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::MIN, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - most).exp();
        sum += *score;
    }
    for score in scores.iter_mut() {
        *score /= sum;
    }
}

/// Xorshift: the same numbers every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }

    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }
}
