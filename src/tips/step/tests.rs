mod books;

use proptest::prelude::*;

use super::*;
use crate::model::{Clock, Ids};

fn row() -> TipRow {
    TipRow {
        id: "tip".to_owned(),
        provider: "stripe".to_owned(),
        external_id: "pi_1".to_owned(),
        artist_id: "art".to_owned(),
        state: "pending".to_owned(),
        ..TipRow::default()
    }
}

fn known(facts: &[Fact]) -> TipRow {
    let mut tip = row();
    for fact in facts {
        fold(&mut tip, fact);
    }
    tip
}

fn paid(gross: i64) -> Fact {
    Fact::Paid {
        gross,
        currency: "eur".to_owned(),
        at: Time::from_ms(1_790_000_000_000),
    }
}

fn fee(minor: i64) -> Fact {
    let currency = "EUR".to_owned();
    Fact::Fee { minor, currency }
}

fn refunded(total: i64) -> Fact {
    let currency = "EUR".to_owned();
    Fact::Refunded { total, currency }
}

fn disputed(minor: i64, won: Option<bool>, at: i64) -> Fact {
    Fact::Disputed {
        minor,
        currency: "EUR".to_owned(),
        fee: 15,
        won,
        at,
    }
}

fn names(before: &TipRow, after: &TipRow) -> Vec<&'static str> {
    let id = TipId::new(&Ids::new(Clock::System, Some(1)));
    let events = happened(id, before, after);
    events.iter().map(Happening::name).collect()
}

#[test]
fn a_tip_is_booked_with_its_fee_and_comes_undone() {
    let tip = known(&[paid(1_500), fee(73)]);
    assert_eq!((tip.state.as_str(), tip.net), ("received", 1_427));
    assert_eq!(
        (tip.month.as_str(), tip.currency.as_str()),
        ("2026-09", "EUR")
    );
    let held = |name: &str, tip: &TipRow| target(tip).get(name).copied().unwrap_or(0);
    assert_eq!(held("stripe:cash", &tip), 1_427);
    assert_eq!(held("artist:art:tips", &tip), -1_500);
    assert_eq!(held("fees:stripe", &tip), 73);
    let mut partly = tip.clone();
    fold(&mut partly, &refunded(500));
    assert_eq!((partly.state.as_str(), partly.net), ("partly", 927));
    assert_eq!(names(&tip, &partly), ["tip_refunded"]);
    let mut whole = partly.clone();
    fold(&mut whole, &refunded(1_500));
    assert_eq!((whole.state.as_str(), whole.net), ("refunded", -73));
    assert_eq!(held("artist:art:tips", &whole), 0);
}

#[test]
fn disputes_hold_the_money_until_they_end() {
    let tip = known(&[paid(1_000)]);
    let mut open = tip.clone();
    fold(&mut open, &disputed(1_000, None, 5));
    assert_eq!(
        (open.state.as_str(), names(&tip, &open)),
        ("disputed", vec!["tip_disputed"])
    );
    assert_eq!(target(&open).get("stripe:disputed"), Some(&1_000));
    let mut lost = open.clone();
    fold(&mut lost, &disputed(1_000, Some(false), 9));
    assert_eq!((lost.state.as_str(), lost.net), ("lost", -15));
    assert_eq!(target(&lost).get("stripe:disputed"), None);
    let mut won = open.clone();
    fold(&mut won, &disputed(1_000, Some(true), 9));
    assert_eq!((won.state.as_str(), won.net), ("received", 985));
    // That it was opened is told once more after it ended.
    let again = won.clone();
    fold(&mut won, &disputed(1_000, None, 5));
    assert_eq!(won, again);
}

#[test]
fn a_refund_waits_for_its_payment() {
    let mut early = known(&[refunded(300)]);
    assert_eq!((early.state.as_str(), target(&early).len()), ("pending", 0));
    let before = early.clone();
    fold(&mut early, &paid(1_000));
    assert_eq!((early.state.as_str(), early.net), ("partly", 700));
    assert_eq!(names(&before, &early), ["tip_received", "tip_refunded"]);
    let before = known(&[refunded(1_000)]);
    let mut gone = before.clone();
    fold(&mut gone, &paid(1_000));
    assert_eq!(gone.state, "refunded");
    assert!(names(&before, &gone).is_empty(), "nobody is thanked for it");
}

#[test]
fn what_is_no_money_is_kept_and_not_booked() {
    let odd = |gross: i64, currency: &str| {
        known(&[Fact::Paid {
            gross,
            currency: currency.to_owned(),
            at: Time::from_ms(0),
        }])
    };
    for (gross, currency, why) in [
        (0, "EUR", NO_AMOUNT),
        (-5, "EUR", NO_AMOUNT),
        (i64::MIN, "EUR", NO_AMOUNT),
        (i64::MAX, "EUR", NO_AMOUNT),
        (MOST + 1, "EUR", NO_AMOUNT),
        (5, "", NO_CURRENCY),
        (5, "bottle caps", NO_CURRENCY),
    ] {
        let tip = odd(gross, currency);
        assert_eq!((tip.state.as_str(), tip.trouble.as_str()), ("pending", why));
        assert!(target(&tip).is_empty() && names(&row(), &tip).is_empty());
    }
    assert_eq!(odd(MOST, "XTR").state, "received");
    let mut homeless = row();
    homeless.artist_id.clear();
    fold(&mut homeless, &paid(5));
    assert_eq!(homeless.trouble, NO_ARTIST);
    // Who it is for becomes known later.
    let before = homeless.clone();
    let artist = "art".to_owned();
    meet(
        &mut homeless,
        &Giver {
            artist,
            ..Giver::default()
        },
    );
    settle(&mut homeless);
    assert_eq!(names(&before, &homeless), ["tip_received"]);
    let other = || Fact::Refunded {
        total: 5,
        currency: "USD".to_owned(),
    };
    for mixed in [known(&[paid(100), other()]), known(&[other(), paid(100)])] {
        assert_eq!((mixed.refunded, mixed.state.as_str()), (0, "received"));
    }
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let gross = prop_oneof![
        Just(0),
        Just(-7),
        1..100_000_i64,
        Just(MOST),
        Just(i64::MAX)
    ];
    let life = (
        gross,
        prop::option::of(0..500_i64),
        prop::collection::vec(-5..120_000_i64, 0..3),
        prop::collection::vec(
            (1..100_000_i64, prop::option::of(any::<bool>()), 0..9_i64),
            0..3,
        ),
    );
    life.prop_flat_map(|(gross, kept, refunds, disputes)| {
        let mut facts = vec![paid(gross)];
        facts.extend(kept.map(fee));
        facts.extend(refunds.into_iter().map(refunded));
        facts.extend(
            disputes
                .into_iter()
                .map(|(minor, won, at)| disputed(minor, won, at)),
        );
        let twice = facts.clone();
        facts.extend(twice);
        Just(facts).prop_shuffle()
    })
}

proptest! {
    /// Whatever is told in whatever order and however often: each booking sums to 0, the ledger holds what follows
    /// from all that is known, and what follows does not hang on the order.
    #[test]
    fn the_ledger_balances_in_any_order(told in facts()) {
        let mut tip = row();
        let mut ledger: BTreeMap<String, i64> = BTreeMap::new();
        let (mut came, mut went) = (0_i64, 0_i64);
        for fact in &told {
            let before = tip.clone();
            fold(&mut tip, fact);
            let booked = entries(&before, &tip);
            prop_assert_eq!(booked.iter().map(|(_, minor)| minor).sum::<i64>(), 0);
            for (account, minor) in booked {
                *ledger.entry(account).or_default() += minor;
            }
            let id = TipId::new(&Ids::new(Clock::System, Some(1)));
            for event in happened(id, &before, &tip) {
                match event {
                    Happening::TipReceived { gross, .. } => came += gross.minor,
                    Happening::TipRefunded { gross, .. } => went += gross.minor,
                    _ => {}
                }
            }
        }
        ledger.retain(|_, minor| *minor != 0);
        prop_assert_eq!(&ledger, &target(&tip));
        prop_assert_eq!(ledger.values().sum::<i64>(), 0);
        // By definition: what the artist has is what came less what went and what a dispute took.
        let lost = if tip.dispute == "lost" { super::disputed(&tip) } else { 0 };
        let artist = if is_booked(&tip) { back(&tip) + lost - tip.gross } else { 0 };
        prop_assert_eq!(ledger.get("artist:art:tips").copied().unwrap_or(0), artist);
        prop_assert!(came == 0 || (came == tip.gross && went == back(&tip)));
        let mut sorted = told.clone();
        sorted.sort_by_key(|fact| format!("{fact:?}"));
        let other = known(&sorted);
        prop_assert_eq!(target(&other), target(&tip));
        prop_assert_eq!(other.state, tip.state);
    }
}
