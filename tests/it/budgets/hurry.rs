//! Many calls at once, at two processes that share a limit.

use tokio::task::JoinSet;
use toney::llm::{Payer, Purse, Short};
use toney::model::{Clock, PersonId};
use toney::store::{Amount, Spender};

use super::{Paying, bill, day_of, fits, limit_of, limits};
use crate::store::{Home, START, on_both};
use crate::world::until_so;

on_both! {
    a_crowd_never_spends_more_than_is_allowed
}

/// Each of these makes one call after the other; a third of them at once could use up the day.
const CROWD: i64 = 60;
const CALLS: i64 = 12;

async fn a_crowd_never_spends_more_than_is_allowed(home: Home) {
    let clock = Clock::manual(START);
    let two = [
        Paying::start(&home.url, &clock, limits()).await,
        Paying::start(&home.url, &clock, limits()).await,
    ];
    let ours = async || {
        let ours = Spender::Installation;
        two[0].store.budget(ours, day_of(START)).await.unwrap()
    };
    let mut crowd = JoinSet::new();
    for (number, paying) in (0..CROWD).zip(two.iter().cycle()) {
        let (till, ids) = (paying.till.clone(), paying.ids.clone());
        crowd.spawn(async move {
            let payer = Payer {
                person: Some(PersonId::new(&ids)),
                artist: None,
            };
            let (mut spent, mut refused) = (0, 0);
            for _ in 0..CALLS {
                let most = Amount {
                    nano_usd: 50_000_000 + number * 100_000,
                    tokens: 1,
                };
                match till.reserve(&payer, bill(most)).await {
                    Ok(hold) => {
                        let cost = Amount {
                            nano_usd: most.nano_usd / 50,
                            tokens: 1,
                        };
                        tokio::task::yield_now().await;
                        spent += cost.nano_usd;
                        hold.settle(bill(cost));
                    }
                    Err(short) => {
                        assert!(matches!(short, Short::Spent { .. }), "{short:?}");
                        refused += 1;
                    }
                }
            }
            (spent, refused)
        });
    }
    let (_, limit) = limit_of(Spender::Installation);
    let (mut spent, mut refused) = (0, 0);
    while !crowd.is_empty() {
        let one = ours().await;
        let sum = one.spent.plus(one.held);
        assert!(fits(sum, limit), "{sum:?}");
        while let Some(paid) = crowd.try_join_next() {
            let (paid, not) = paid.unwrap();
            spent += paid;
            refused += not;
        }
    }
    assert!(refused > 0 && refused < CROWD * CALLS, "{refused}");
    until_so("everything is settled", async || {
        let one = ours().await;
        (one.spent.nano_usd, one.held) == (spent, Amount::default())
    })
    .await;
    for paying in two {
        paying.end().await;
    }
    assert_eq!(home.read("SELECT id FROM budget_holds").await, [""; 0]);
}
