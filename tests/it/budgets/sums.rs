//! What calls of models came to: added up by everything, for everybody, for one, and after one was erased.

use toney::model::{ArtistId, Clock, ModelCallId, PersonId, Time};
use toney::store::{Change, ModelCall, NewPerson, Spender, Usage, UsageBy};

use super::DAY;
use crate::store::{Home, Process, START, on_both};

on_both! {
    calls_are_added_up
}

struct Call<'a> {
    person: Option<PersonId>,
    artist: Option<ArtistId>,
    task: &'a str,
    model: &'a str,
    result: &'a str,
    cost: i64,
    own: bool,
    at: Time,
}

fn call(process: &Process, call: Call<'_>) -> ModelCall {
    let Call {
        person,
        artist,
        task,
        model,
        result,
        cost,
        own,
        at,
    } = call;
    ModelCall {
        id: ModelCallId::new(&process.ids),
        turn: None,
        person,
        artist,
        own: own.into(),
        task: task.to_owned(),
        provider: "p".to_owned(),
        model: model.to_owned(),
        result: result.to_owned(),
        tokens_in: 100,
        tokens_out: 10,
        cache_read: 40,
        cost_nano_usd: cost,
        first_token_ms: 1,
        total_ms: 2,
        at,
    }
}

/// Three calls for Ann and her band, one for Bob, and one for nobody long ago.
fn calls(process: &Process, (ann, bob): (PersonId, PersonId), band: ArtistId) -> Vec<ModelCall> {
    let plain = Call {
        person: Some(ann),
        artist: Some(band),
        task: "chat",
        model: "p/dear",
        result: "answered",
        cost: 5_000,
        own: false,
        at: START.plus(DAY),
    };
    let calls = [
        Call { ..plain },
        Call {
            cost: 700,
            own: true,
            ..plain
        },
        Call {
            task: "classify",
            result: "down: no connection",
            cost: 0,
            at: START,
            ..plain
        },
        Call {
            person: Some(bob),
            artist: None,
            model: "p/cheap",
            result: "cached",
            cost: 30,
            ..plain
        },
        Call {
            person: None,
            artist: None,
            model: "p/cheap",
            at: Time::from_ms(1),
            ..plain
        },
    ];
    calls.map(|one| call(process, one)).into()
}

/// Name, failed and all calls, tokens read (from the cache) and written, what was paid by whom.
fn line(sums: Usage) -> String {
    let Usage {
        key,
        name,
        calls,
        failed,
        tokens_in,
        cache_read,
        tokens_out,
        cost_nano_usd,
        own_nano_usd,
    } = sums;
    let key = if name.is_empty() { key } else { name };
    format!(
        "{key} {failed}/{calls} {tokens_in}({cache_read})+{tokens_out} {cost_nano_usd}+{own_nano_usd}"
    )
}

async fn calls_are_added_up(home: Home) {
    let process = Process::start(&home, &Clock::manual(START)).await;
    let (ann, bob) = (PersonId::new(&process.ids), PersonId::new(&process.ids));
    let band = process.store.make_artist("The Band").await.unwrap();
    let person = NewPerson {
        person: ann,
        platform: "fake".to_owned(),
        user: "1".to_owned(),
        name: "Ann".to_owned(),
        language: String::new(),
        at: START,
    };
    process
        .apply(Change {
            people: vec![person],
            calls: calls(&process, (ann, bob), band.id),
            ..Change::default()
        })
        .await;
    let store = &process.store;
    let sums = async |by, whose, since| -> Vec<String> {
        let found = store.usage(by, whose, since).await.unwrap();
        found.into_iter().map(line).collect()
    };
    let all = Spender::Installation;
    let of_ann = Spender::Person(ann);
    let of_band = Spender::Artist(band.id);
    let bob_said = format!("{bob} 0/1 100(40)+10 30+0");
    assert_eq!(
        sums(UsageBy::Person, all, START).await,
        ["Ann 1/3 300(120)+30 5000+700", bob_said.as_str()]
    );
    assert_eq!(
        sums(UsageBy::Artist, all, START).await,
        ["The Band 1/3 300(120)+30 5000+700", " 0/1 100(40)+10 30+0"]
    );
    assert_eq!(
        sums(UsageBy::Task, all, START).await,
        [
            "chat 0/3 300(120)+30 5030+700",
            "classify 1/1 100(40)+10 0+0"
        ]
    );
    assert_eq!(
        sums(UsageBy::Model, all, Time::from_ms(0)).await,
        [
            "p/cheap 0/2 200(80)+20 5030+0",
            "p/dear 1/3 300(120)+30 5000+700"
        ]
    );
    assert_eq!(
        sums(UsageBy::Day, of_ann, START).await,
        ["19676 0/2 200(80)+20 5000+700", "19675 1/1 100(40)+10 0+0"]
    );
    assert_eq!(
        sums(UsageBy::Model, of_band, START.plus(DAY)).await,
        ["p/dear 0/2 200(80)+20 5000+700"]
    );
    // What was paid stays in the sums, and nothing says any more for whom.
    let kept = store.export_person(ann).await.unwrap();
    assert_eq!(kept["model_calls"].as_array().map(Vec::len), Some(3));
    store.erase_person(ann).await.unwrap();
    let kept = store.export_person(ann).await.unwrap();
    assert_eq!(kept["model_calls"].as_array().map(Vec::len), Some(0));
    assert_eq!(sums(UsageBy::Model, of_ann, START).await, [""; 0]);
    assert_eq!(
        sums(UsageBy::Person, all, START).await,
        [" 1/3 300(120)+30 5000+700", bob_said.as_str()]
    );
}
