//! Runs over random crashes. The engine's own workers do the steps over a real store; a desk of jobs stands for the
//! runner, and at each job chance says whether what it answered is lost, becomes true, becomes true twice, or whether the
//! job is even done once more afterwards.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::engine::{APPROVED, DECIDED, EVENTS, Engine, Order, STEP, order_of};
use super::super::note::{NOTE, Notes};
use super::super::workers::{ApprovedSteps, Decisions, Events, Steps};
use super::*;
use crate::delivery::{self, Delivery};
use crate::jobs::{Work, Worker};
use crate::model::{
    ApprovalId, ArtistId, Clock, Content, ConversationId, Currency, Event, EventId, Happening, Ids,
    MailState, Money, PersonId, RunId, SendMail, SessionId, Setting, Time, TipId, WorkflowId,
};
use crate::store::{
    Change, Conversation, NewJob, NewPerson, RunRow, StepRow, Store, TipRow, VoiceRow, WorkflowRow,
    Write,
};

/// Tips come from so many fans.
const FANS: usize = 3;
/// A failed run is tried again so often.
const TRIES: i64 = 2;

/// One random case.
#[derive(Debug, Clone)]
struct Case {
    workflows: Vec<Vec<u8>>,
    /// The fan of each tip.
    tips: Vec<usize>,
    /// What chance says, from the first to the last, and over again.
    chances: Vec<u8>,
}

fn cases() -> impl Strategy<Value = Case> {
    let workflows = prop::collection::vec(prop::collection::vec(0_u8..8, 1..6), 1..3);
    let tips = prop::collection::vec(0..FANS, 1..6);
    (workflows, tips, prop::collection::vec(any::<u8>(), 40..90)).prop_map(
        |(workflows, tips, chances)| Case {
            workflows,
            tips,
            chances,
        },
    )
}

fn action_of(number: u8) -> Value {
    match number {
        0 => json!({"kind": "send_chat"}),
        1 => json!({"kind": "send_email"}),
        2 => json!({"kind": "notify_artist"}),
        3 => json!({"kind": "post_announcement"}),
        4 => json!({"kind": "add_to_list", "list": "vips"}),
        5 => json!({"kind": "create_task", "text": "write back"}),
        6 => json!({"kind": "wait", "minutes": 30}),
        _ => json!({"kind": "ask_approval"}),
    }
}

/// A job, and whether it is done.
struct Task {
    job: NewJob,
    is_done: bool,
}

/// The jobs, and what went out.
struct Desk {
    engine: Engine,
    clock: Clock,
    ids: Ids,
    artist: ArtistId,
    chances: Vec<u8>,
    at: usize,
    tasks: Vec<Task>,
    sent: BTreeMap<String, Content>,
    happened: BTreeMap<EventId, Happening>,
    /// What became of each letter: to whom, and how.
    mails: BTreeMap<String, (String, MailState)>,
    declined: usize,
}

fn engine(store: Store, (clock, ids): (Clock, Ids)) -> Engine {
    let settings = delivery::Settings {
        pace: false,
        max_attempts: 3,
        settle_ms: 1,
        side_by_side: 1,
        preview_every_ms: 1,
    };
    let tools = (clock.clone(), ids.clone());
    Engine {
        delivery: Delivery::new((store.clone(), None), settings, tools, &[]),
        store,
        settings: Settings {
            thanks_hours: 24,
            notes_at_once: 1_000,
            understand_ms: 1,
        },
        clock,
        ids,
    }
}

impl Desk {
    fn chance(&mut self, of: usize) -> usize {
        let chance = self.chances[self.at % self.chances.len()];
        self.at += 1;
        usize::from(chance) % of
    }

    /// Whoever waits in a lane waits behind its first job; chance says which lane is next.
    fn next(&mut self) -> Option<usize> {
        let mut seen = BTreeSet::new();
        let open = self
            .tasks
            .iter()
            .enumerate()
            .filter(|(_, one)| !one.is_done);
        let firsts = open.filter(|(_, one)| seen.insert(one.job.lane.clone()));
        let firsts: Vec<(usize, Time)> = firsts.map(|(at, one)| (at, one.job.run_at)).collect();
        let soonest = firsts.iter().map(|(_, run_at)| *run_at).min()?;
        let now = self.clock.now();
        if soonest > now {
            self.clock.advance(soonest.since(now));
        }
        let now = self.clock.now();
        let due = firsts.iter().filter(|(_, run_at)| *run_at <= now);
        let due: Vec<usize> = due.map(|(at, _)| *at).collect();
        let chosen = self.chance(due.len());
        Some(due[chosen])
    }

    fn put(&mut self, job: NewJob) -> bool {
        let is_new = self.tasks.iter().all(|one| one.job.key != job.key);
        if is_new {
            self.tasks.push(Task {
                job,
                is_done: false,
            });
        }
        is_new
    }

    async fn work(&mut self, job: &NewJob) -> Change {
        let mut work = Work::alone(job.clone());
        let engine = self.engine.clone();
        let done = match job.kind.as_str() {
            EVENTS => Events(engine).run(&mut work).await,
            STEP => Steps(engine).run(&mut work).await,
            APPROVED => ApprovedSteps(engine).run(&mut work).await,
            DECIDED => Decisions(engine).run(&mut work).await,
            NOTE => Notes(engine).run(&mut work).await,
            SendMail::KIND => Ok(self.mail(job)),
            "ask_approval" => Ok(self.decide(job)),
            other => panic!("nobody does {other}"),
        };
        done.unwrap_or_else(|failure| panic!("{}: {failure}", job.kind))
    }

    fn answer(&self, (kind, lane, key): (&str, String, String), payload: &Value) -> Change {
        let now = self.clock.now();
        Change::jobs(vec![NewJob {
            id: crate::model::JobId::new(&self.ids),
            kind: kind.to_owned(),
            lane,
            key,
            ordering: 0,
            payload: payload.to_string(),
            run_at: now,
            at: now,
        }])
    }

    /// A letter arrives, comes back, is not wanted, or is taken by nobody.
    fn mail(&mut self, job: &NewJob) -> Change {
        let mail: SendMail = serde_json::from_str(&job.payload).unwrap();
        let chance = self.chance(8);
        let known = self.mails.entry(job.key.clone());
        let (_, state) = known.or_insert_with(|| {
            let state = match chance {
                0 | 1 => MailState::Failed,
                2 => MailState::Bounced,
                3 => MailState::Stopped,
                _ => MailState::Sent,
            };
            (mail.to, state)
        });
        let mailed = json!({"state": *state, "reason": ""});
        let tell = mail.tell.unwrap();
        let mut body = tell.body;
        body["mailed"] = mailed;
        self.answer(
            (&tell.kind, tell.lane, format!("mailed:{}", job.key)),
            &body,
        )
    }

    /// Somebody decides, once.
    fn decide(&mut self, job: &NewJob) -> Change {
        let ask: Value = serde_json::from_str(&job.payload).unwrap();
        let approval: ApprovalId = serde_json::from_value(ask["approval"].clone()).unwrap();
        // The same decision whenever it is asked for: by the request, not by chance.
        let is_yes = !job
            .id
            .to_string()
            .ends_with(['0', '1', '2', '3', '4', '5', '6']);
        let key = format!("decided:{approval}");
        if is_yes {
            let approved = json!({"approval": approval, "action": ask["action"]});
            return self.answer((APPROVED, key.clone(), key), &approved);
        }
        let state = ["rejected", "expired", "changes"][self.declined % 3].to_owned();
        let event = Event {
            id: EventId::new(&self.ids),
            at: self.clock.now(),
            person: None,
            artist: Some(self.artist),
            address: None,
            what: Happening::ApprovalDecided { approval, state },
        };
        self.answer((DECIDED, key.clone(), key), &json!(event))
    }

    /// Makes a change true, once or twice.
    async fn commit(&mut self, change: Change, times: usize) {
        let Change {
            jobs,
            outbound,
            events,
            writes,
            ..
        } = change;
        for job in jobs {
            let is_no = job.kind == DECIDED;
            if self.put(job) && is_no {
                self.declined += 1;
            }
        }
        for letter in outbound {
            let letter = letter.outbound;
            self.sent.entry(letter.key).or_insert(letter.content);
        }
        for event in events {
            self.happened.entry(event.id).or_insert(event.what);
        }
        for _ in 0..times {
            let change = Change {
                writes: writes.clone(),
                ..Change::default()
            };
            self.engine.store.apply(change).await.unwrap();
        }
    }

    /// Does everything there is to do, with crashes.
    async fn drain(&mut self) {
        for _ in 0..3_000 {
            let Some(at) = self.next() else { return };
            let job = self.tasks[at].job.clone();
            let change = self.work(&job).await;
            match self.chance(8) {
                // Killed before anything became true.
                0 | 1 => continue,
                // Nobody knows whether it became true, so it is said again.
                2 => self.commit(change, 2).await,
                // Somebody who was thought dead did the same.
                3 => {
                    self.commit(change, 1).await;
                    let again = self.work(&job).await;
                    self.commit(again, 1).await;
                }
                _ => self.commit(change, 1).await,
            }
            self.tasks[at].is_done = true;
        }
        panic!("it never ends");
    }
}

/// Fans: one with a chat and an address, one with a chat alone, one with an address alone.
async fn people(desk: &Desk, store: &Store) -> Vec<Option<PersonId>> {
    let mut fans = Vec::new();
    let mut change = Change::default();
    for number in 0..FANS {
        if number == 2 {
            fans.push(None);
            continue;
        }
        let (person, at) = (PersonId::new(&desk.ids), desk.clock.now());
        change.people.push(NewPerson {
            person,
            platform: "p".to_owned(),
            user: number.to_string(),
            name: format!("Fan {number}"),
            language: String::new(),
            at,
        });
        change.conversations.push(Conversation {
            id: ConversationId::new(&desk.ids),
            address: format!("p:main:{number}").parse().unwrap(),
            account: "p:main".to_owned(),
            setting: Setting::Direct,
            person: Some(person),
            session: SessionId::new(&desk.ids),
            last_inbound: String::new(),
            at,
        });
        fans.push(Some(person));
    }
    store.apply(change).await.unwrap();
    fans
}

/// The workflows and the tips of a case; each tip is told of twice.
async fn begin(desk: &mut Desk, case: &Case, fans: &[Option<PersonId>]) -> Vec<WorkflowId> {
    let store = desk.engine.store.clone();
    let (artist, now) = (desk.artist, desk.clock.now());
    let (mut writes, mut workflows) = (Vec::new(), Vec::new());
    for actions in &case.workflows {
        let id = WorkflowId::new(&desk.ids);
        let actions: Vec<Value> = actions.iter().map(|number| action_of(*number)).collect();
        let row = WorkflowRow {
            id: id.to_string(),
            artist_id: artist.to_string(),
            person_id: PersonId::new(&desk.ids).to_string(),
            name: "Thanks".to_owned(),
            trigger_kind: "tip".to_owned(),
            definition: json!({"name": "Thanks", "trigger": {"kind": "tip"}, "zone": "UTC",
                "conditions": [], "actions": actions})
            .to_string(),
            state: "active".to_owned(),
            revision: 1,
            created_at: now.ms(),
            changed_at: now.ms(),
        };
        writes.push(Write::workflows(&[row]).unwrap());
        workflows.push(id);
    }
    let voice = VoiceRow {
        artist_id: artist.to_string(),
        public_address: "p:main:99".to_owned(),
        ..VoiceRow::default()
    };
    writes.push(Write::voices(&[voice]).unwrap());
    for (number, fan) in case.tips.iter().enumerate() {
        let (id, person) = (TipId::new(&desk.ids), fans[*fan]);
        let tip = TipRow {
            id: id.to_string(),
            provider: "stripe".to_owned(),
            external_id: format!("pi_{number}"),
            artist_id: artist.to_string(),
            person_id: person.map(|person| person.to_string()).unwrap_or_default(),
            email: if *fan == 1 {
                String::new()
            } else {
                format!("fan{fan}@example.com")
            },
            is_public: 1,
            state: "received".to_owned(),
            paid: 1,
            gross: 1_000,
            currency: "USD".to_owned(),
            ..TipRow::default()
        };
        writes.push(Write::tip(&tip).unwrap());
        let event = Event {
            id: EventId::new(&desk.ids),
            at: now,
            person,
            artist: Some(artist),
            address: None,
            what: Happening::TipReceived {
                tip: id,
                gross: Money {
                    minor: 1_000,
                    currency: Currency::USD,
                },
            },
        };
        for telling in 0..2 {
            let key = format!("event:{number}:{telling}");
            let told = desk.answer((EVENTS, key.clone(), key), &json!(event));
            desk.commit(told, 0).await;
        }
    }
    let change = Change {
        writes,
        ..Change::default()
    };
    store.apply(change).await.unwrap();
    workflows
}

/// Every run that failed and may be tried again; whether there was one.
async fn try_again(desk: &mut Desk, runs: &[RunRow]) -> bool {
    let mut any = false;
    for row in runs {
        if row.state != "failed" || row.tries >= TRIES {
            continue;
        }
        let order = Order {
            retry: true,
            ..order_of(row).unwrap()
        };
        let id: RunId = row.id.parse().unwrap();
        let names = (
            STEP,
            format!("run:{id}"),
            format!("retry:{id}:{}", row.tries),
        );
        let retry = desk.answer(names, &json!(order));
        desk.commit(retry, 0).await;
        any = true;
    }
    any
}

/// The runs of a case, and the steps that each did.
async fn runs_of(desk: &Desk, workflows: &[WorkflowId]) -> (Vec<RunRow>, Vec<StepRow>) {
    let (mut runs, mut steps) = (Vec::new(), Vec::new());
    for workflow in workflows {
        let store = &desk.engine.store;
        for run in store.runs(desk.artist, *workflow, 100).await.unwrap() {
            steps.extend(store.steps_of(run.id.parse().unwrap()).await.unwrap());
            runs.push(run);
        }
    }
    (runs, steps)
}

async fn play(case: Case, store: Store, (clock, ids): (Clock, Ids)) -> Result<(), TestCaseError> {
    store.start().await.unwrap();
    let artist = store.make_artist("Ann").await.unwrap().id;
    let mut desk = Desk {
        engine: engine(store.clone(), (clock.clone(), ids.clone())),
        clock,
        ids,
        artist,
        chances: case.chances.clone(),
        at: 0,
        tasks: Vec::new(),
        sent: BTreeMap::new(),
        happened: BTreeMap::new(),
        mails: BTreeMap::new(),
        declined: 0,
    };
    let fans = people(&desk, &store).await;
    let workflows = begin(&mut desk, &case, &fans).await;
    loop {
        desk.drain().await;
        let (runs, _) = runs_of(&desk, &workflows).await;
        if !try_again(&mut desk, &runs).await {
            break;
        }
    }
    let (runs, steps) = runs_of(&desk, &workflows).await;
    prop_assert_eq!(runs.len(), case.tips.len() * case.workflows.len());
    judge(&desk, &runs, &steps)
}

fn judge(desk: &Desk, runs: &[RunRow], steps: &[StepRow]) -> Result<(), TestCaseError> {
    let count = |name: &str, result: &str| {
        let is_so = |step: &&StepRow| step.action == name && step.result == result;
        steps.iter().filter(is_so).count()
    };
    for run in runs {
        let is_over = ["done", "stopped", "failed"].contains(&run.state.as_str());
        prop_assert!(is_over, "{run:?} never ended");
        let own: Vec<i64> = steps
            .iter()
            .filter(|step| step.run_id == run.id)
            .map(|step| step.step)
            .collect();
        prop_assert_eq!(own, (0..run.step).collect::<Vec<_>>());
    }
    let ended = |state: &str| runs.iter().filter(|run| run.state == state).count();
    let happened = |name: &str| {
        desk.happened
            .values()
            .filter(|one| one.name() == name)
            .count()
    };
    prop_assert_eq!(happened("workflow_done"), ended("done"));
    prop_assert_eq!(ended("stopped"), desk.declined);
    let letters = |state: MailState| desk.mails.values().filter(move |(_, one)| *one == state);
    // Each failure is told of, and only what was tried often enough stays so.
    prop_assert_eq!(
        happened("workflow_failed"),
        letters(MailState::Failed).count()
    );
    let tried = |run: &&RunRow| run.state == "failed" && run.tries < TRIES;
    prop_assert_eq!(runs.iter().filter(tried).count(), 0);
    prop_assert_eq!(
        count("send_email", "sent"),
        letters(MailState::Sent).count()
    );
    let out = |begin: &str| {
        desk.sent
            .keys()
            .filter(|key| key.starts_with(begin))
            .count()
    };
    prop_assert_eq!(count("send_chat", "sent"), out("thanks:"));
    prop_assert_eq!(count("post_announcement", "approved"), out("run:"));
    let notes = desk.tasks.iter().filter(|one| one.job.kind == NOTE).count();
    prop_assert_eq!(count("notify_artist", "told"), notes);
    // Once a day by each way, however many tips and workflows.
    let mut to = BTreeMap::<&str, usize>::new();
    for (address, _) in letters(MailState::Sent) {
        *to.entry(address).or_default() += 1;
    }
    prop_assert!(to.values().all(|letters| *letters == 1), "{to:?}");
    let mut thanked = BTreeMap::<&str, usize>::new();
    for step in steps
        .iter()
        .filter(|step| step.action == "send_chat" && step.result == "sent")
    {
        let run = runs.iter().find(|run| run.id == step.run_id).unwrap();
        *thanked.entry(&run.person_id).or_default() += 1;
    }
    prop_assert!(thanked.values().all(|times| *times == 1), "{thanked:?}");
    // Who is said to have been thanked lately was.
    for step in steps
        .iter()
        .filter(|step| step.result == "the fan was thanked lately")
    {
        let run = runs.iter().find(|run| run.id == step.run_id).unwrap();
        let is_thanked = thanked.contains_key(run.person_id.as_str());
        prop_assert!(step.action != "send_chat" || is_thanked, "{step:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_dies_each_action_is_done_once(case in cases(), seed: u64) {
        let clock = Clock::manual(Time::from_ms(1_795_000_000_000));
        let ids = Ids::new(clock.clone(), Some(seed));
        let folder = std::env::temp_dir().join(format!("toney-runs-{}-{seed}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let settings = crate::store::Settings {
            url: format!("sqlite://{}/toney.db", folder.display()),
            redis_url: String::new(),
            power_safe: false,
            lease_seconds: 10,
            keep_days: 30,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let verdict = runtime.block_on(async {
            let tools = (clock.clone(), ids.clone());
            let (store, writer, _news) = Store::open(&settings, clock, ids).await.unwrap();
            let story = play(case, store, tools);
            let (verdict, _) = tokio::join!(story, writer);
            verdict
        });
        std::fs::remove_dir_all(&folder).ok();
        verdict?;
    }
}
