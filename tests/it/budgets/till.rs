//! One till: what it asks the store, what it does without it, and what is left of a call.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::JoinSet;
use toney::budget::Limits;
use toney::llm::{Limit, Payer, Purse, Short};
use toney::model::{Clock, HoldId, PersonId};
use toney::store::{Amount, Fenced, Reservation, Settlement, Share, Spender, Unsure};

use super::{DAY, LIMITS, Paying, bill, day_of, limits};
use crate::sim::servers::Postgres;
use crate::store::{Home, START, on_both};
use crate::world::until_so;

on_both! {
    what_is_said_twice_counts_once
    a_call_that_nobody_limits_leaves_no_trace
    nearly_spent_is_known_without_asking
    a_ticket_that_nobody_takes_is_given_back
    a_process_that_lost_its_lease_pays_nothing
    nothing_of_a_person_who_was_erased_comes_back
    who_is_erased_while_others_book_is_gone
    the_running_day_is_never_pruned
    a_hold_stays_with_its_day
}

fn usd(cents: i64) -> Amount {
    Amount {
        nano_usd: cents * 10_000_000,
        tokens: 0,
    }
}

async fn installation(one: &Paying, clock: &Clock) -> (Amount, Amount) {
    let budgets = one.store.budgets(day_of(clock.now())).await.unwrap();
    let ours = budgets
        .iter()
        .find(|one| one.spender == Spender::Installation);
    ours.map(|one| (one.spent, one.held)).unwrap_or_default()
}

async fn what_is_said_twice_counts_once(home: Home) {
    let clock = Clock::manual(START);
    let one = Paying::start(&home.url, &clock, limits()).await;
    let day = day_of(START);
    let limit = usd(100);
    let reservation = |cents| Reservation {
        id: HoldId::new(&one.ids),
        day,
        shares: vec![Share {
            spender: Spender::Installation,
            limit,
        }],
        most: usd(cents),
    };
    let (first, second) = (reservation(60), reservation(60));
    let both = [first.clone(), second.clone()];
    for _ in 0..2 {
        let booked = one.store.book(&both, &[]).await.unwrap();
        assert_eq!(booked.refused, [None, Some(Spender::Installation)]);
        assert_eq!(installation(&one, &clock).await, (usd(0), usd(60)));
    }
    let settlement = |id, cents| Settlement {
        id,
        day,
        cost: usd(cents),
    };
    for _ in 0..2 {
        // What was never set aside is not settled either.
        let over = [settlement(first.id, 25), settlement(second.id, 25)];
        one.store.book(&[], &over).await.unwrap();
        assert_eq!(installation(&one, &clock).await, (usd(25), usd(0)));
    }
    // What comes free is there for whoever asks in the same moment.
    let all = reservation(75);
    let booked = one
        .store
        .book(std::slice::from_ref(&all), &[])
        .await
        .unwrap();
    assert_eq!(booked.refused, [None]);
    let next = reservation(40);
    let booked = one.store.book(&[next], &[settlement(all.id, 30)]).await;
    assert_eq!(booked.unwrap().refused, [None]);
    assert_eq!(installation(&one, &clock).await, (usd(55), usd(40)));
    one.end().await;
    assert_eq!(home.read("SELECT id FROM budget_holds").await, [""; 0]);
}

async fn a_call_that_nobody_limits_leaves_no_trace(home: Home) {
    let clock = Clock::manual(START);
    let free = Paying::start(&home.url, &clock, Limits::none()).await;
    let payer = Payer::default();
    let hold = free.till.reserve(&payer, bill(usd(1_000))).await.unwrap();
    hold.settle(bill(usd(1_000)));
    let one = Paying::start(&home.url, &clock, limits()).await;
    let hold = one.till.reserve(&payer, bill(Amount::default())).await;
    drop(hold.unwrap());
    free.end().await;
    one.end().await;
    assert_eq!(home.read("SELECT scope FROM budgets").await, [""; 0]);
}

async fn nearly_spent_is_known_without_asking(home: Home) {
    let clock = Clock::manual(START);
    let one = Paying::start(&home.url, &clock, limits()).await;
    let [_, _, limit] = LIMITS;
    let ann = Payer {
        person: Some(PersonId::new(&one.ids)),
        artist: None,
    };
    let bob = Payer {
        person: Some(PersonId::new(&one.ids)),
        artist: None,
    };
    let most = Amount {
        nano_usd: limit.nano_usd * 8 / 10,
        tokens: 1,
    };
    let hold = one.till.reserve(&ann, bill(most)).await.unwrap();
    assert!(one.till.is_near(&ann), "it may all be spent");
    assert!(!one.till.is_near(&bob));
    hold.settle(bill(usd(1)));
    until_so("it was not", async || !one.till.is_near(&ann)).await;
    drop(one.till.reserve(&ann, bill(most)).await.unwrap());
    until_so("it was", async || {
        let (spent, held) = installation(&one, &clock).await;
        spent != usd(1) && held == Amount::default()
    })
    .await;
    one.end().await;
    // Whoever starts anew knows it from the store.
    let other = Paying::start(&home.url, &clock, limits()).await;
    until_so("it is known", async || other.till.is_near(&ann)).await;
    let short = other.till.reserve(&ann, bill(most)).await.err();
    let (limit, until) = (Limit::Person, day_of(START).plus(DAY));
    assert_eq!(short, Some(Short::Spent { limit, until }));
    clock.advance(DAY);
    assert!(!other.till.is_near(&ann));
    assert!(other.till.reserve(&ann, bill(most)).await.is_ok());
    other.end().await;
}

async fn a_ticket_that_nobody_takes_is_given_back(home: Home) {
    let clock = Clock::manual(START);
    let one = Paying::start(&home.url, &clock, limits()).await;
    let mut asking = JoinSet::new();
    for _ in 0..20 {
        let till = one.till.clone();
        asking.spawn(async move { drop(till.reserve(&Payer::default(), bill(usd(1))).await) });
    }
    // Some have asked by now, and some have not.
    tokio::task::yield_now().await;
    asking.shutdown().await;
    until_so("nothing is held", async || {
        installation(&one, &clock).await.1 == Amount::default()
    })
    .await;
    let (spent, _) = installation(&one, &clock).await;
    assert!(spent.nano_usd <= usd(20).nano_usd);
    one.end().await;
}

async fn a_process_that_lost_its_lease_pays_nothing(home: Home) {
    if !home.is_postgres() {
        return;
    }
    let clock = Clock::manual(START);
    let one = Paying::start(&home.url, &clock, limits()).await;
    let other = Paying::start(&home.url, &clock, limits()).await;
    let hold = one.till.reserve(&Payer::default(), bill(usd(10))).await;
    let me = one.store.process();
    let over = format!("UPDATE processes SET lease_until = 1 WHERE id = '{me}' RETURNING id");
    home.read(&over).await;
    other.store.renew().await.unwrap();
    assert_eq!(installation(&other, &clock).await, (usd(10), usd(0)));
    hold.unwrap().settle(bill(usd(1)));
    let short = one.till.reserve(&Payer::default(), bill(usd(1))).await;
    assert_eq!(short.err(), Some(Short::Unknown));
    let error = one.store.book(&[], &[]).await.unwrap_err();
    assert!(error.is::<Fenced>());
    assert_eq!(installation(&other, &clock).await, (usd(10), usd(0)));
    other.end().await;
}

async fn nothing_of_a_person_who_was_erased_comes_back(home: Home) {
    let clock = Clock::manual(START);
    let one = Paying::start(&home.url, &clock, limits()).await;
    let ann = PersonId::new(&one.ids);
    let payer = Payer {
        person: Some(ann),
        artist: None,
    };
    let most = Amount {
        tokens: 10,
        ..usd(10)
    };
    let hold = one.till.reserve(&payer, bill(most)).await.unwrap();
    drop(one.till.reserve(&payer, bill(most)).await);
    let kept = one.store.export_person(ann).await.unwrap();
    assert_eq!(kept["budgets"].as_array().map(Vec::len), Some(1));
    one.store.erase_person(ann).await.unwrap();
    hold.settle(bill(usd(3)));
    until_so("it is settled", async || {
        installation(&one, &clock).await
            == (
                Amount {
                    tokens: 10,
                    ..usd(13)
                },
                usd(0),
            )
    })
    .await;
    assert_eq!(
        home.read("SELECT scope FROM budgets").await,
        ["installation"]
    );
    one.end().await;
}

/// Somebody else has looked at the day, and writes down what the person is to pay after the erasure began.
async fn who_is_erased_while_others_book_is_gone(home: Home) {
    if !home.is_postgres() {
        return;
    }
    let clock = Clock::manual(START);
    let one = Paying::start(&home.url, &clock, limits()).await;
    let ann = PersonId::new(&one.ids);
    let payer = Payer {
        person: Some(ann),
        artist: None,
    };
    let hold = one.till.reserve(&payer, bill(usd(10))).await.unwrap();
    let mut other = PgConnection::connect(&home.url).await.unwrap();
    let mut run = async |sql: String| {
        let sql = AssertSqlSafe(sql);
        sqlx::query(sql).execute(&mut other).await.unwrap();
    };
    run("BEGIN".to_owned()).await;
    run("SELECT day FROM budgets WHERE scope = 'installation' FOR UPDATE".to_owned()).await;
    let store = one.store.clone();
    let erased = tokio::spawn(async move { store.erase_person(ann).await });
    let waits = "SELECT CAST(COUNT(*) AS TEXT) FROM pg_locks WHERE NOT granted";
    let mut tries = 0;
    // Without the lock it is through long before.
    while home.read(waits).await == ["0"] && !erased.is_finished() && tries < 500 {
        crate::world::pause().await;
        tries += 1;
    }
    run(format!(
        "INSERT INTO budgets (scope, day, spent_nano_usd, spent_tokens, held_nano_usd, held_tokens)
         VALUES ('{ann}', {}, 0, 0, -5, 0) ON CONFLICT (scope, day) DO UPDATE
         SET held_nano_usd = budgets.held_nano_usd - 5",
        day_of(START).ms()
    ))
    .await;
    run("COMMIT".to_owned()).await;
    erased.await.unwrap().unwrap();
    hold.settle(bill(usd(3)));
    until_so("it is settled", async || {
        installation(&one, &clock).await == (usd(3), usd(0))
    })
    .await;
    let scopes = home.read("SELECT scope FROM budgets").await;
    assert_eq!(scopes, ["installation"]);
    one.end().await;
}

async fn the_running_day_is_never_pruned(home: Home) {
    let clock = Clock::manual(START);
    let one = Paying::start(&home.url, &clock, limits()).await;
    let hold = one.till.reserve(&Payer::default(), bill(usd(10))).await;
    hold.unwrap().settle(bill(usd(3)));
    let spent = async || installation(&one, &clock).await == (usd(3), usd(0));
    until_so("it is settled", async || spent().await).await;
    clock.advance(Duration::from_secs(1));
    one.store.prune(0).await.unwrap();
    assert!(spent().await);
    clock.advance(2 * DAY);
    assert_eq!(one.store.prune(0).await.unwrap(), 1);
    one.end().await;
}

async fn a_hold_stays_with_its_day(home: Home) {
    let clock = Clock::manual(START);
    let one = Paying::start(&home.url, &clock, limits()).await;
    let hold = one.till.reserve(&Payer::default(), bill(usd(90))).await;
    clock.advance(DAY);
    let next = one.till.reserve(&Payer::default(), bill(usd(90))).await;
    hold.unwrap().settle(bill(usd(80)));
    next.unwrap().settle(bill(usd(70)));
    let spent = async || {
        home.read("SELECT CAST(spent_nano_usd / 10000000 AS TEXT) FROM budgets ORDER BY day")
            .await
    };
    until_so("both are settled", async || spent().await == ["80", "70"]).await;
    one.end().await;
}

/// The database is away for a while: nothing more is spent, and what ends meanwhile is settled after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_asked_is_not_spent() {
    let server = Postgres::start().await;
    server.create_database("toney").await;
    let clock = Clock::manual(START);
    let one = Paying::start(&server.url("toney"), &clock, limits()).await;
    let payer = Payer::default();
    let hold = one.till.reserve(&payer, bill(usd(20))).await.unwrap();
    server.kill();
    let short = one.till.reserve(&payer, bill(usd(10))).await.err();
    assert_eq!(short, Some(Short::Unknown));
    // What never began needs no second look.
    let error = one.store.book(&[], &[]).await.unwrap_err();
    assert!(!error.is::<Unsure>());
    hold.settle(bill(usd(1)));
    server.restart().await;
    until_so("it is settled", async || {
        let day = day_of(START);
        let found = one.store.budget(Spender::Installation, day).await;
        found.is_ok_and(|one| (one.spent, one.held) == (usd(1), usd(0)))
    })
    .await;
    let again = one.till.reserve(&payer, bill(usd(99))).await;
    again.unwrap().settle(bill(usd(2)));
    one.end().await;
}
