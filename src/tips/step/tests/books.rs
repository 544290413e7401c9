//! Many payments over several providers, artists and currencies, told in any order and more than once: the ledger against
//! sums that are made by definition.

use super::*;

/// What becomes of a payment in the end.
#[derive(Debug, Clone)]
struct Life {
    provider: &'static str,
    currency: &'static str,
    artist: &'static str,
    gross: i64,
    fee: Option<i64>,
    /// All that went back, as it grew.
    back: Vec<i64>,
    /// How much of it, what it costs, and how it ended.
    dispute: Option<(i64, i64, Option<bool>)>,
}

fn lives() -> impl Strategy<Value = Life> {
    let gross = prop_oneof![8 => 1..50_000_i64, 1 => Just(0), 1 => Just(-3), 1 => Just(MOST)];
    let places = (
        prop::sample::select(vec!["stars", "stripe", "kofi", "buymeacoffee"]),
        prop::sample::select(vec!["EUR", "USD", "JPY", "KWD", "XTR", "bottle caps"]),
        prop::sample::select(vec!["art_1", "art_2"]),
    );
    let dispute = (1..60_000_i64, 0..2_000_i64, prop::option::of(any::<bool>()));
    let rest = (
        prop::option::of(0..900_i64),
        prop::collection::vec(1..60_000_i64, 0..3),
        prop::option::of(dispute),
    );
    (places, gross, rest).prop_map(|(places, gross, (fee, mut back, dispute))| {
        let (provider, currency, artist) = places;
        back.sort_unstable();
        Life {
            provider,
            currency,
            artist,
            gross,
            fee,
            back,
            dispute,
        }
    })
}

/// Everything that is told of a payment, with what is told in another currency than was paid.
fn told(life: &Life) -> Vec<Fact> {
    let currency = life.currency.to_owned();
    let mut facts = vec![Fact::Paid {
        gross: life.gross,
        currency: currency.to_lowercase(),
        at: Time::from_ms(1_790_000_000_000),
    }];
    facts.extend(life.fee.map(|minor| Fact::Fee {
        minor,
        currency: currency.clone(),
    }));
    facts.extend(life.back.iter().map(|total| Fact::Refunded {
        total: *total,
        currency: currency.clone(),
    }));
    if let Some((minor, fee, won)) = life.dispute {
        let dispute = |won, at| Fact::Disputed {
            minor,
            currency: currency.clone(),
            fee,
            won,
            at,
        };
        facts.push(dispute(None, 5));
        facts.extend(won.map(|won| dispute(Some(won), 9)));
    }
    facts
}

/// What is known, and the ledger by account and currency.
#[derive(Debug, Default, PartialEq, Eq)]
struct Books {
    tips: BTreeMap<usize, TipRow>,
    ledger: BTreeMap<(String, String), i64>,
}

impl Books {
    fn hears(&mut self, number: usize, life: &Life, fact: &Fact) -> Result<(), TestCaseError> {
        let tip = self.tips.entry(number).or_insert_with(|| TipRow {
            id: format!("tip_{number}"),
            provider: life.provider.to_owned(),
            artist_id: life.artist.to_owned(),
            state: "pending".to_owned(),
            ..TipRow::default()
        });
        let before = tip.clone();
        fold(tip, fact);
        let booked = entries(&before, tip);
        prop_assert_eq!(booked.iter().map(|(_, minor)| minor).sum::<i64>(), 0);
        let currency = tip.currency.clone();
        for (account, minor) in booked {
            prop_assert!(currency.parse::<Currency>().is_ok(), "no money: {currency}");
            *self.ledger.entry((account, currency.clone())).or_default() += minor;
        }
        Ok(())
    }

    /// What the accounts hold, without those that hold nothing.
    fn held(&self) -> BTreeMap<(String, String), i64> {
        let held = self.ledger.iter().filter(|(_, minor)| **minor != 0);
        held.map(|(account, minor)| (account.clone(), *minor))
            .collect()
    }

    fn balance(&self) -> Result<(), TestCaseError> {
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        for ((_, currency), minor) in &self.ledger {
            *sums.entry(currency).or_default() += minor;
        }
        prop_assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");
        Ok(())
    }
}

/// What the accounts have to hold, by definition.
fn wanted(lives: &[Life]) -> BTreeMap<(String, String), i64> {
    let mut held: BTreeMap<(String, String), i64> = BTreeMap::new();
    for life in lives {
        if life.gross < 1 || life.currency == "bottle caps" {
            continue;
        }
        let mut put = |account: String, minor: i64| {
            *held.entry((account, life.currency.to_owned())).or_default() += minor;
        };
        let back = life.back.last().map_or(0, |back| *back.min(&life.gross));
        let fee = life.fee.unwrap_or(0);
        let (disputed, cost, won) = life.dispute.unwrap_or((0, 0, Some(true)));
        let disputed = disputed.min(life.gross);
        let (open, lost) = match won {
            None => (disputed, 0),
            Some(false) => (0, disputed),
            Some(true) => (0, 0),
        };
        let provider = life.provider;
        put(
            format!("artist:{}:tips", life.artist),
            back + lost - life.gross,
        );
        put(
            format!("{provider}:cash"),
            life.gross - fee - cost - back - open - lost,
        );
        put(format!("fees:{provider}"), fee + cost);
        put(format!("{provider}:disputed"), open);
    }
    held.retain(|_, minor| *minor != 0);
    held
}

type Telling = Vec<(usize, Fact)>;

/// Payments, and two ways in which they may be told: in any order, each fact once or more.
fn tellings() -> impl Strategy<Value = (Vec<Life>, Telling, Telling)> {
    let lives = prop::collection::vec((lives(), 0_usize..40), 1..12);
    lives.prop_flat_map(|lives| {
        let mut all = Telling::new();
        for (number, (life, again)) in lives.iter().enumerate() {
            let facts = told(life);
            let twice = facts.get(again % (2 * facts.len())).cloned();
            all.extend(facts.into_iter().chain(twice).map(|fact| (number, fact)));
        }
        let lives = lives.into_iter().map(|(life, _)| life).collect::<Vec<_>>();
        (
            Just(lives),
            Just(all.clone()).prop_shuffle(),
            Just(all).prop_shuffle(),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn many_payments_balance_by_account_and_currency((lives, first, second) in tellings()) {
        let (mut one, mut other) = (Books::default(), Books::default());
        for (number, fact) in &first {
            one.hears(*number, &lives[*number], fact)?;
            one.balance()?;
        }
        for (number, fact) in &second {
            other.hears(*number, &lives[*number], fact)?;
        }
        prop_assert_eq!(one.held(), wanted(&lives));
        // What is known and what is held does not hang on the order.
        prop_assert_eq!(one.held(), other.held());
        prop_assert_eq!(&one.tips, &other.tips);
        // Told all over again, nothing is booked.
        for (number, fact) in &second {
            one.hears(*number, &lives[*number], fact)?;
        }
        prop_assert_eq!(one.held(), other.held());
    }

    /// What speaks of other money than was paid never brings the books out of balance.
    #[test]
    fn foreign_money_does_not_count(
        (lives, mut told, _) in tellings(),
        foreign in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..9_000_i64), 1..6),
    ) {
        for (place, whose, total) in foreign {
            let number = whose.index(lives.len());
            let fact = Fact::Refunded { total, currency: "CHF".to_owned() };
            told.insert(place.index(told.len()), (number, fact));
        }
        let mut books = Books::default();
        for (number, fact) in &told {
            books.hears(*number, &lives[*number], fact)?;
            books.balance()?;
        }
        let mut targets: BTreeMap<(String, String), i64> = BTreeMap::new();
        for tip in books.tips.values() {
            for (account, minor) in target(tip) {
                *targets.entry((account, tip.currency.clone())).or_default() += minor;
            }
        }
        targets.retain(|_, minor| *minor != 0);
        prop_assert_eq!(books.held(), targets);
        prop_assert!(books.ledger.keys().all(|(_, currency)| currency != "CHF"));
    }
}
