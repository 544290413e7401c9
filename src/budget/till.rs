//! The purse that the store keeps: whatever waits to be set aside or settled is gathered into one
//! transaction.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::llm::{Bill, Hold, Payer, Purse, Short};
use crate::model::{Clock, HoldId, Ids, Time};
use crate::store::{Amount, Booked, Fenced, Reservation, Settlement, Store, Unsure};

use super::limits::{Limits, amount, day_after, day_of, is_limited, limit_of, spenders};
use super::seen::{Seen, count_refusal, show};

/// Most orders in one transaction; more would only make the first of them wait.
const BATCH: usize = 512;
/// Whoever talks waits no longer for the store to say whether a call may be made.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many amounts whose fate is unknown are taken back later; what is beyond them stays set aside until
/// the process ends.
const DOUBTFUL: usize = 8 * BATCH;
/// Between two tries to settle while the store does not answer.
const PAUSE: Duration = Duration::from_millis(500);
/// At the end, settling is tried for so long.
const LAST: Duration = Duration::from_secs(2);

/// Keeps the money that models cost, in the store.
pub struct Till {
    limits: Limits,
    orders: mpsc::UnboundedSender<Order>,
    seen: Arc<Mutex<Seen>>,
    clock: Clock,
    ids: Ids,
}

/// What the task is asked to do.
enum Order {
    Reserve(Reservation, oneshot::Sender<Result<Ticket, Short>>),
    Settle(Settlement),
}

/// An amount that was set aside and that nobody has taken yet; dropped, it is given back whole.
struct Ticket {
    id: HoldId,
    day: Time,
    orders: Option<mpsc::UnboundedSender<Order>>,
}

impl Ticket {
    fn settle(&mut self, cost: Amount) {
        let Self { id, day, orders } = self;
        if let Some(orders) = orders.take() {
            let (id, day) = (*id, *day);
            // Fails once the process ends; what is left counts as spent then.
            drop(orders.send(Order::Settle(Settlement { id, day, cost })));
        }
    }

    fn into_hold(mut self, most: Bill) -> Hold {
        Hold::new(most, move |cost| self.settle(amount(cost)))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.settle(Amount::default());
    }
}

impl Till {
    /// Opens the till and hands out its task, which settles what is over when `stop` is called and ends.
    pub fn open(
        store: Store,
        limits: Limits,
        (clock, ids): &(Clock, Ids),
        stop: CancellationToken,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let (orders, waiting) = mpsc::unbounded_channel();
        let seen = Arc::<Mutex<Seen>>::default();
        let till = Self {
            limits,
            orders: orders.clone(),
            seen: seen.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
        };
        let clerk = Clerk {
            store,
            limits,
            seen,
            clock: clock.clone(),
            orders: orders.downgrade(),
            unsettled: VecDeque::new(),
            is_away: false,
        };
        (Arc::new(till), clerk.run(waiting, stop))
    }

    /// What may be spent.
    pub fn limits(&self) -> Limits {
        self.limits
    }
}

#[async_trait::async_trait]
impl Purse for Till {
    fn is_near(&self, payer: &Payer) -> bool {
        let day = day_of(self.clock.now());
        let seen = locked(&self.seen);
        spenders(payer)
            .into_iter()
            .any(|spender| seen.is_near(spender, day))
    }

    async fn reserve(&self, payer: &Payer, most: Bill) -> Result<Hold, Short> {
        let shares = self.limits.shares(payer);
        let wanted = amount(most);
        if !is_limited(&shares, wanted) {
            return Ok(Hold::free());
        }
        let reservation = Reservation {
            id: HoldId::new(&self.ids),
            day: day_of(self.clock.now()),
            shares,
            most: wanted,
        };
        let (answer, answered) = oneshot::channel();
        let order = Order::Reserve(reservation, answer);
        self.orders.send(order).map_err(|_| Short::Unknown)?;
        match timeout(PATIENCE, answered).await {
            Ok(Ok(granted)) => granted.map(|ticket| ticket.into_hold(most)),
            // Late, or at the process's end; a ticket that comes all the same gives back what it holds.
            Ok(Err(_)) | Err(_) => Err(Short::Unknown),
        }
    }
}

/// The task behind a till.
struct Clerk {
    store: Store,
    limits: Limits,
    seen: Arc<Mutex<Seen>>,
    clock: Clock,
    orders: mpsc::WeakUnboundedSender<Order>,
    /// What is over and not settled yet.
    unsettled: VecDeque<Settlement>,
    /// Whether the store did not answer when it was last asked.
    is_away: bool,
}

impl Clerk {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>, stop: CancellationToken) {
        self.look_back().await;
        let mut waiting = Vec::new();
        loop {
            tokio::select! {
                got = orders.recv_many(&mut waiting, BATCH) => if got == 0 { break },
                () = sleep(PAUSE), if !self.unsettled.is_empty() => {}
                () = stop.cancelled() => break,
            }
            self.serve(std::mem::take(&mut waiting)).await;
        }
        orders.close();
        let ended = async {
            while orders.recv_many(&mut waiting, BATCH).await > 0 {
                self.serve(std::mem::take(&mut waiting)).await;
            }
            while !self.unsettled.is_empty() {
                self.serve(Vec::new()).await;
                if self.is_away {
                    sleep(PAUSE).await;
                }
            }
        };
        drop(timeout(LAST, ended).await);
    }

    /// Whose limit was near before this process began.
    async fn look_back(&mut self) {
        let day = day_of(self.clock.now());
        match self.store.budgets(day).await {
            Ok(budgets) => {
                show(&budgets, day);
                // The operator heard of it when it came about.
                drop(locked(&self.seen).stands(&self.limits, &budgets));
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::debug!(error, "What was spent on this day is not known yet");
            }
        }
    }

    async fn serve(&mut self, orders: Vec<Order>) {
        let (mut reservations, mut answers) = (Vec::new(), Vec::new());
        for order in orders {
            match order {
                // Nobody waits for it any more.
                Order::Reserve(_, answer) if answer.is_closed() => {}
                Order::Reserve(reservation, answer) => {
                    reservations.push(reservation);
                    answers.push(answer);
                }
                Order::Settle(settlement) => self.unsettled.push_back(settlement),
            }
        }
        let settled = self.unsettled.len().min(BATCH);
        let settlements: Vec<_> = self.unsettled.iter().take(settled).copied().collect();
        if reservations.is_empty() && settlements.is_empty() {
            return;
        }
        metrics::histogram!("toney_budget_batch_changes")
            .record((reservations.len() + settled) as f64);
        let mut booked = self.store.book(&reservations, &settlements).await;
        let unsure = |booked: &Result<Booked, anyhow::Error>| {
            let error = booked.as_ref().err();
            error.is_some_and(anyhow::Error::is::<Unsure>)
        };
        let mut doubtful = unsure(&booked);
        if booked.is_err() && !self.is_away {
            // Two may have stood in each other's way, and whoever waits is to be told nothing of that.
            booked = self.store.book(&reservations, &settlements).await;
            doubtful |= unsure(&booked);
        }
        match booked {
            Ok(booked) => {
                self.is_away = false;
                self.unsettled.drain(..settled);
                self.answer(booked, reservations, answers);
            }
            Err(error) => {
                self.fail(&error);
                if doubtful {
                    self.doubt(&reservations);
                }
                if error.is::<Fenced>() {
                    // Whoever took over has counted them as spent.
                    self.unsettled.clear();
                }
                for answer in answers {
                    drop(answer.send(Err(Short::Unknown)));
                }
            }
        }
    }

    /// They may have been set aside all the same, though nobody was told.
    fn doubt(&mut self, reservations: &[Reservation]) {
        let room = DOUBTFUL.saturating_sub(self.unsettled.len());
        let doubtful = reservations.iter().take(room).map(|one| Settlement {
            id: one.id,
            day: one.day,
            cost: Amount::default(),
        });
        self.unsettled.extend(doubtful);
    }

    fn answer(
        &mut self,
        booked: Booked,
        reservations: Vec<Reservation>,
        answers: Vec<oneshot::Sender<Result<Ticket, Short>>>,
    ) {
        let Booked { refused, budgets } = booked;
        show(&budgets, day_of(self.clock.now()));
        let mut seen = locked(&self.seen);
        let today = budgets.iter().map(|one| one.day).max().unwrap_or_default();
        let mut notices = seen.stands(&self.limits, &budgets);
        for ((reservation, answer), full) in reservations.into_iter().zip(answers).zip(refused) {
            let Reservation { id, day, .. } = reservation;
            let granted = match full {
                None => Ok(Ticket {
                    id,
                    day,
                    orders: self.orders.upgrade(),
                }),
                Some(spender) => {
                    count_refusal(spender);
                    notices.extend(seen.refused(spender, day));
                    Err(Short::Spent {
                        limit: limit_of(spender),
                        until: day_after(day),
                    })
                }
            };
            // Dropped where nobody waits any more, a ticket gives back what it holds.
            drop(answer.send(granted));
        }
        drop(seen);
        for notice in notices {
            notice.tell(&self.limits, day_after(today));
        }
    }

    fn fail(&mut self, error: &anyhow::Error) {
        let error = format!("{error:#}");
        if std::mem::replace(&mut self.is_away, true) {
            tracing::debug!(error, "What models cost still cannot be written down");
        } else {
            tracing::warn!(
                error,
                "What models cost cannot be written down, so calls with a limit are refused"
            );
        }
    }
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
