//! Which hour and which kind of nudge is tried next: Thompson sampling. Pure; randomness is handed in.
//!
//! Each hour and each kind has a Beta distribution over how likely somebody takes a nudge up. One value is drawn from
//! each, and the greatest draw wins: what is promising is tried often, what is little known now and then, what failed
//! hardly (Thompson, "On the likelihood that one unknown probability exceeds another", 1933; Chapelle and Li, "An
//! Empirical Evaluation of Thompson Sampling", 2011). Of somebody new nothing is known but what others did: the prior is
//! the share of all people together with the weight of `STRENGTH` nudges, so that a person's own answers soon count
//! for more (an empirical Bayes prior; Russo and others, "A Tutorial on Thompson Sampling", 2018, section 5).

use std::collections::BTreeMap;

/// Hours that are told apart: two each.
pub const BUCKETS: usize = 12;
/// What everybody did weighs as much as so many nudges of one's own.
const STRENGTH: f64 = 6.0;
/// Before anybody did anything: three of ten are taken up.
const GUESS: (f64, f64) = (3.0, 10.0);

/// Random numbers, as [`crate::model::Ids::random`] makes them.
pub type Dice<'a> = &'a mut dyn FnMut() -> u64;

/// How often something was tried, and how often it was taken up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub tried: u32,
    pub taken: u32,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, taken: bool) {
        self.tried = self.tried.saturating_add(1);
        self.taken = self.taken.saturating_add(u32::from(taken));
    }

    /// The share that was taken up; 0 when none was tried.
    pub fn share(self) -> f64 {
        f64::from(self.taken) / f64::from(self.tried.max(1))
    }
}

/// How nudges fared by hour and by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tallies {
    hours: [Tally; BUCKETS],
    kinds: BTreeMap<String, Tally>,
}

impl Tallies {
    /// Counts a nudge that went out at this minute of the person's day.
    pub fn count(&mut self, (minute, kind): (u16, &str), taken: bool) {
        self.add(
            (minute, kind),
            Tally {
                tried: 1,
                taken: u32::from(taken),
            },
        );
    }

    /// Counts several at once.
    pub fn add(&mut self, (minute, kind): (u16, &str), more: Tally) {
        let plus = |tally: &mut Tally| {
            tally.tried = tally.tried.saturating_add(more.tried);
            tally.taken = tally.taken.saturating_add(more.taken);
        };
        if let Some(hour) = self.hours.get_mut(bucket(minute)) {
            plus(hour);
        }
        plus(self.kinds.entry(kind.to_owned()).or_default());
    }

    /// How nudges of this hour fared.
    pub fn hour(&self, bucket: usize) -> Tally {
        self.hours.get(bucket).copied().unwrap_or_default()
    }

    /// How nudges of this kind fared.
    pub fn kind(&self, kind: &str) -> Tally {
        self.kinds.get(kind).copied().unwrap_or_default()
    }

    /// All kinds that were tried.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, Tally)> {
        self.kinds
            .iter()
            .map(|(kind, tally)| (kind.as_str(), *tally))
    }
}

/// The two hours to which a minute of the day belongs.
pub fn bucket(minute: u16) -> usize {
    usize::from(minute / 120).min(BUCKETS - 1)
}

/// What is known of a person, and of everybody.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub own: &'a Tallies,
    pub all: &'a Tallies,
}

impl Known<'_> {
    /// A draw for this hour.
    pub fn draw_hour(&self, bucket: usize, dice: Dice<'_>) -> f64 {
        draw(self.own.hour(bucket), self.all.hour(bucket), dice)
    }

    /// A draw for this kind.
    pub fn draw_kind(&self, kind: &str, dice: Dice<'_>) -> f64 {
        draw(self.own.kind(kind), self.all.kind(kind), dice)
    }
}

/// One draw from what is believed of somebody's own share.
fn draw(own: Tally, all: Tally, dice: Dice<'_>) -> f64 {
    let (taken, tried) = GUESS;
    let share = (f64::from(all.taken) + taken) / (f64::from(all.tried) + tried);
    let missed = own.tried.saturating_sub(own.taken);
    let alpha = share * STRENGTH + f64::from(own.taken);
    let beta = (1.0 - share) * STRENGTH + f64::from(missed);
    sample(alpha, beta, dice)
}

/// A value of the Beta distribution: X / (X + Y) of two Gamma values.
fn sample(alpha: f64, beta: f64, dice: Dice<'_>) -> f64 {
    let (x, y) = (gamma(alpha, dice), gamma(beta, dice));
    if x + y > 0.0 { x / (x + y) } else { 0.5 }
}

/// A value of the Gamma distribution with scale 1 (Marsaglia and Tsang, "A Simple Method for Generating Gamma
/// Variables", 2000; below 1 with their boost).
fn gamma(shape: f64, dice: Dice<'_>) -> f64 {
    if shape < 1.0 {
        let boost = uniform(dice).powf(1.0 / shape.max(1e-6));
        return gamma(shape + 1.0, dice) * boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    // Each round succeeds with more than nineteen chances of twenty.
    for _ in 0..64 {
        let x = normal(dice);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && uniform(dice).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
    d
}

/// A value of the standard normal distribution (Box and Muller, 1958).
fn normal(dice: Dice<'_>) -> f64 {
    let radius = (-2.0 * uniform(dice).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(dice)).cos()
}

/// A value above 0 and up to 1.
fn uniform(dice: Dice<'_>) -> f64 {
    // 32 bits are exact in a float, and finer than anything that is decided here.
    let high = u32::try_from(dice() >> 32).unwrap_or(u32::MAX);
    (f64::from(high) + 1.0) / 4_294_967_296.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    #[test]
    fn draws_have_the_mean_and_the_spread_of_their_distribution() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut dice = || rng.next_u64();
        for (alpha, beta) in [(0.5, 0.5), (1.0, 1.0), (2.0, 5.0), (30.0, 10.0)] {
            let draws: Vec<f64> = (0..20_000)
                .map(|_| sample(alpha, beta, &mut dice))
                .collect();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let spread = draws.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / 20_000.0;
            let total: f64 = alpha + beta;
            assert!(
                (mean - alpha / total).abs() < 0.01,
                "{alpha} {beta}: {mean}"
            );
            let right = alpha * beta / (total * total * (total + 1.0));
            assert!((spread - right).abs() < 0.01, "{alpha} {beta}: {spread}");
        }
    }

    /// Somebody with an hour and a kind that they like better than the others.
    struct Somebody {
        hour: usize,
        kind: usize,
    }

    const KINDS: [&str; 4] = ["earnings", "plan", "fans", "release"];

    impl Somebody {
        /// Most like the evening and hear of their earnings best; the others are spread.
        fn new(dice: Dice<'_>) -> Self {
            let mut of = |count: u64| usize::try_from(dice() % count).unwrap();
            let hour = if of(2) == 0 { 9 } else { 4 + of(7) };
            let kind = if of(5) < 2 { 0 } else { of(4) };
            Self { hour, kind }
        }

        fn takes(&self, (hour, kind): (usize, usize), dice: Dice<'_>) -> bool {
            let hour = if hour == self.hour { 0.8 } else { 0.35 };
            let kind = if kind == self.kind { 0.8 } else { 0.3 };
            uniform(dice) < hour * kind
        }
    }

    /// The share that is taken up when `choose` says what is tried.
    fn tell(seed: u64, choose: impl Fn(&Known<'_>, Dice<'_>) -> (usize, usize)) -> (Tally, Tally) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut dice = || rng.next_u64();
        let people: Vec<Somebody> = (0..500).map(|_| Somebody::new(&mut dice)).collect();
        let mut own = vec![Tallies::default(); people.len()];
        let mut all = Tallies::default();
        let (mut whole, mut late) = (Tally::default(), Tally::default());
        for round in 0..104 {
            for (person, own) in people.iter().zip(&mut own) {
                let known = Known { own, all: &all };
                let (hour, kind) = choose(&known, &mut dice);
                let taken = person.takes((hour, kind), &mut dice);
                let minute = u16::try_from(hour * 120).unwrap();
                own.count((minute, KINDS[kind]), taken);
                all.count((minute, KINDS[kind]), taken);
                whole.count(taken);
                if round >= 78 {
                    late.count(taken);
                }
            }
        }
        (whole, late)
    }

    fn best(count: usize, draw: impl FnMut(usize) -> f64) -> usize {
        let draws: Vec<f64> = (0..count).map(draw).collect();
        let greatest = draws.iter().copied().fold(f64::MIN, f64::max);
        draws.iter().position(|one| *one >= greatest).unwrap()
    }

    /// Two nudges a week for a year, for 500 people with known preferences, between 08:00 and 22:00.
    #[test]
    fn a_learned_hour_and_kind_beat_fixed_ones() {
        let learned = tell(7, |known, dice| {
            let hour = 4 + best(7, |at| known.draw_hour(4 + at, dice));
            (hour, best(4, |at| known.draw_kind(KINDS[at], dice)))
        });
        let only_hour = tell(7, |known, dice| {
            let hour = 4 + best(7, |at| known.draw_hour(4 + at, dice));
            (hour, usize::try_from(dice() % 4).unwrap())
        });
        let only_kind = tell(7, |known, dice| {
            (5, best(4, |at| known.draw_kind(KINDS[at], dice)))
        });
        let random = tell(7, |_, dice| {
            let hour = 4 + usize::try_from(dice() % 7).unwrap();
            (hour, usize::try_from(dice() % 4).unwrap())
        });
        // The best that one hour and one kind for everybody can do: the one that most people like.
        let fixed = tell(7, |_, _| (9, 0));
        let ten = tell(7, |_, dice| (5, usize::try_from(dice() % 4).unwrap()));
        for (name, (whole, late)) in [
            ("learned hour and kind", learned),
            ("learned hour, any kind", only_hour),
            ("fixed hour (10:00), learned kind", only_kind),
            ("any hour, any kind", random),
            ("fixed hour (10:00), any kind", ten),
            ("the best fixed hour and kind", fixed),
        ] {
            println!(
                "{name}: {:.3}, last quarter {:.3}",
                whole.share(),
                late.share()
            );
        }
        let share = |(whole, _): (Tally, Tally)| whole.share();
        assert!(share(learned) > share(fixed) * 1.05);
        assert!(share(learned) > share(ten) * 1.5);
        assert!(share(only_hour) > share(ten) * 1.15);
        assert!(share(only_kind) > share(ten) * 1.15);
        assert!(learned.1.share() > learned.0.share());
    }
}
