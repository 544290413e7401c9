//! Writes down the calls whose end no turn hears of, so that what is told of models and what is left of
//! the budgets say the same.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::llm::Stray;
use crate::model::{Clock, Ids, ModelCallId};
use crate::store::{Change, ModelCall, Store};

/// Most calls in one transaction.
const BATCH: usize = 256;
/// So many calls may wait while the store is away.
const ROOM: usize = 16 * BATCH;
/// At the end, writing is tried for so long.
const LAST: Duration = Duration::from_secs(2);

/// Where to tell of such calls, and the task that writes them down until `stop` is called.
pub fn strays(
    store: Store,
    tools: &(Clock, Ids),
    stop: CancellationToken,
) -> (
    mpsc::Sender<Stray>,
    impl Future<Output = ()> + Send + 'static,
) {
    let (tell, told) = mpsc::channel(ROOM);
    (tell, keep(store, tools.clone(), told, stop))
}

async fn keep(
    store: Store,
    tools: (Clock, Ids),
    mut told: mpsc::Receiver<Stray>,
    stop: CancellationToken,
) {
    let mut heard = Vec::new();
    // What is written; it keeps its ids, so that a second try changes nothing.
    let mut calls: Vec<ModelCall> = Vec::new();
    loop {
        tokio::select! {
            got = told.recv_many(&mut heard, BATCH) => if got == 0 { return },
            () = stop.cancelled() => break,
        }
        calls = heard.drain(..).map(|stray| call(&stray, &tools)).collect();
        tokio::select! {
            // It fails when nothing of this process becomes true any more.
            written = store.insist(change(&calls)) => if written.is_err() { return },
            () = stop.cancelled() => break,
        }
        calls.clear();
    }
    told.close();
    let ended = async {
        loop {
            if !calls.is_empty() && store.insist(change(&calls)).await.is_err() {
                return;
            }
            if told.recv_many(&mut heard, BATCH).await == 0 {
                return;
            }
            calls = heard.drain(..).map(|stray| call(&stray, &tools)).collect();
        }
    };
    drop(timeout(LAST, ended).await);
}

fn change(calls: &[ModelCall]) -> Change {
    Change {
        calls: calls.to_vec(),
        ..Change::default()
    }
}

fn call(stray: &Stray, (clock, ids): &(Clock, Ids)) -> ModelCall {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let [tokens_in, tokens_out] = stray.tokens.map(whole);
    ModelCall {
        id: ModelCallId::new(ids),
        turn: None,
        person: stray.payer.person,
        artist: stray.payer.artist,
        own: stray.own.into(),
        task: stray.task.to_owned(),
        provider: stray.model.split('/').next().unwrap_or_default().to_owned(),
        model: stray.model.clone(),
        result: stray.result.clone(),
        tokens_in,
        tokens_out,
        cache_read: 0,
        cost_nano_usd: stray.cost.nanos(),
        first_token_ms: 0,
        total_ms: i64::try_from(stray.took.as_millis()).unwrap_or(i64::MAX),
        at: clock.now(),
    }
}
