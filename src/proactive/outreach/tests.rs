//! What triggers do in the moment of sending, over a real store: some panic, some lost their reason or their words.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::delivery;
use crate::model::{Category, Chat, Content, ConversationId, NudgeSettings, SessionId, Setting};
use crate::proactive::gate::tests::{NOON, usual};
use crate::proactive::wish::{self, Wish};
use crate::store::{self, Conversation, NewPerson};

/// What a trigger does when it is asked again.
#[derive(Debug, Clone, Copy)]
enum Does {
    SaysTheSame,
    SaysNewFigures,
    SaysSomethingElse,
    SaysNothing,
    LeavesAPlaceOpen,
    Panics,
    CannotRead,
}

struct Told(&'static str, Does);

fn seen(person: PersonId, kind: &str) -> Impulse {
    Impulse {
        person,
        artist: None,
        category: Category::Earnings,
        trigger: kind.to_owned(),
        episode: "1".to_owned(),
        priority: 100,
        expires: Time::from_ms(NOON + 86_400_000),
        is_exempt: true,
        text: format!("{kind}: 12 came in."),
        why: "12 is more than 10.".to_owned(),
        deed: None,
    }
}

#[async_trait]
impl Trigger for Told {
    fn name(&self) -> &'static str {
        self.0
    }

    fn category(&self) -> Category {
        Category::Earnings
    }

    async fn look(&self, person: PersonId, _: Time) -> anyhow::Result<Option<Impulse>> {
        let impulse = seen(person, self.0);
        Ok(match self.1 {
            Does::SaysTheSame => Some(impulse),
            Does::SaysNewFigures => Some(Impulse {
                text: "13 came in.".to_owned(),
                ..impulse
            }),
            Does::SaysSomethingElse => Some(Impulse {
                episode: "2".to_owned(),
                ..impulse
            }),
            Does::SaysNothing => None,
            Does::LeavesAPlaceOpen => Some(Impulse {
                text: "{amount} came in.".to_owned(),
                ..impulse
            }),
            Does::Panics => panic!("a trigger of somebody else's"),
            Does::CannotRead => anyhow::bail!("the database is away"),
        })
    }
}

/// A store with one person in it who agreed to everything, at noon in UTC.
async fn outreach(folder: &Path, triggers: Vec<Told>) -> (Outreach, PersonId) {
    let clock = Clock::manual(Time::from_ms(NOON));
    let ids = Ids::new(clock.clone(), Some(5));
    let settings = store::Settings {
        url: format!("sqlite://{}/toney.db", folder.display()),
        redis_url: String::new(),
        power_safe: false,
        lease_seconds: 60,
        keep_days: 14,
    };
    let (store, writer, _news) = Store::open(&settings, clock.clone(), ids.clone())
        .await
        .unwrap();
    tokio::task::spawn_local(writer);
    store.start().await.unwrap();
    let (person, at) = (PersonId::new(&ids), clock.now());
    let address = Address {
        platform: "p".into(),
        bot: "main".into(),
        chat: Chat::new("1"),
        thread: None,
    };
    let wants = wish::changed(&NudgeSettings::new(person), Wish::All(true), at);
    let change = Change {
        people: vec![NewPerson {
            person,
            platform: "p".to_owned(),
            user: "1".to_owned(),
            name: "Ann".to_owned(),
            language: String::new(),
            at,
        }],
        conversations: vec![Conversation {
            id: ConversationId::new(&ids),
            account: address.account(),
            address,
            setting: Setting::Direct,
            person: Some(person),
            session: SessionId::new(&ids),
            last_inbound: String::new(),
            at: Time::from_ms(NOON - 3_600_000),
        }],
        writes: vec![Write::nudge_settings(&wants).unwrap()],
        ..Change::default()
    };
    store.apply(change).await.unwrap();
    let manners = store.manners(person).await.unwrap();
    let manners = crate::store::Manners {
        zone: "Etc/UTC".to_owned(),
        ..manners
    };
    let writes = vec![crate::store::put_manners(&manners).unwrap()];
    store
        .apply(Change {
            writes,
            ..Change::default()
        })
        .await
        .unwrap();
    let how = delivery::Settings {
        pace: false,
        max_attempts: 3,
        settle_ms: 1,
        side_by_side: 1,
        preview_every_ms: 1,
    };
    let tools = (clock.clone(), ids.clone());
    let triggers = triggers
        .into_iter()
        .map(|one| Arc::new(one) as Arc<dyn Trigger>);
    let outreach = Outreach {
        delivery: Delivery::new((store.clone(), None), how, tools, &[]),
        store,
        triggers: Arc::new(triggers.collect()),
        settings: Arc::new(Settings {
            digest_most: 9,
            ..usual()
        }),
        shared: Arc::default(),
        clock,
        ids,
    };
    (outreach, person)
}

/// Takes these in, looks once, and makes it true.
async fn look(outreach: &Outreach, impulses: &[Impulse]) -> Result<Change, Failure> {
    let now = outreach.clock.now();
    for impulse in impulses {
        let id = NudgeId::new(&outreach.ids);
        let writes = vec![Write::take_nudge((id, impulse), now)?];
        outreach
            .store
            .apply(Change {
                writes,
                ..Change::default()
            })
            .await?;
    }
    let person = impulses[0].person;
    let mut work = Work::alone(outreach.soon(person, "now")?);
    let change = Looks(outreach.clone()).run(&mut work).await?;
    let writes = change.writes.clone();
    outreach
        .store
        .apply(Change {
            writes,
            ..Change::default()
        })
        .await?;
    Ok(change)
}

#[test]
fn what_a_trigger_does_in_the_moment_of_sending_harms_nobody() {
    let folder = std::env::temp_dir().join(format!("toney-outreach-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, Box::pin(tell(&folder)));
    std::fs::remove_dir_all(&folder).unwrap();
}

async fn tell(folder: &Path) {
    let all = [
        ("same", Does::SaysTheSame),
        ("newer", Does::SaysNewFigures),
        ("other", Does::SaysSomethingElse),
        ("over", Does::SaysNothing),
        ("open", Does::LeavesAPlaceOpen),
        ("panics", Does::Panics),
    ];
    let triggers = all.iter().map(|(name, does)| Told(name, *does)).collect();
    let (outreach, person) = outreach(folder, triggers).await;
    let mut impulses: Vec<Impulse> = all.iter().map(|(name, _)| seen(person, name)).collect();
    // Announced by nobody who could be asked again.
    impulses.push(seen(person, "announced"));
    let change = look(&outreach, &impulses).await.unwrap();
    let rows = outreach.store.nudges(20).await.unwrap();
    let rows: BTreeMap<String, String> = rows
        .into_iter()
        .map(|row| {
            (
                row.impulse.trigger,
                format!("{} {}", row.state, row.reason)
                    .trim_end()
                    .to_owned(),
            )
        })
        .collect();
    let right = [
        ("announced", "sent"),
        ("newer", "sent"),
        ("open", "failed words"),
        ("other", "dropped reason"),
        ("over", "dropped reason"),
        ("panics", "failed panic"),
        ("same", "sent"),
    ];
    assert_eq!(
        rows,
        right
            .map(|(kind, state)| (kind.to_owned(), state.to_owned()))
            .into()
    );
    assert_eq!(change.outbound.len(), 1);
    let outbound = &change.outbound[0].outbound;
    let Content::Message { text, buttons, .. } = &outbound.content else {
        panic!("a message");
    };
    assert!(outbound.key.starts_with("nudge:ndg_") && outbound.priority == Priority::Nudge);
    assert!(
        text.contains("13 came in.") && text.contains("same: 12") && text.contains("announced: 12"),
        "{text}"
    );
    assert_eq!(buttons.len(), 1);
    // It is looked at again when it is known whether anybody reacted.
    assert_eq!(
        change.jobs[0].run_at,
        outreach.clock.now().plus(outreach.settings.ignored_after())
    );
    // The same once more is known.
    let again = look(&outreach, &impulses).await.unwrap();
    assert!(again.outbound.is_empty());
    // A store that cannot be read is nobody's fault: it is tried again.
    let away = Outreach {
        triggers: Arc::new(vec![Arc::new(Told("away", Does::CannotRead))]),
        ..outreach.clone()
    };
    away.clock.advance(Duration::from_secs(3_600));
    let failed = look(&away, &[seen(person, "away")]).await;
    assert!(matches!(failed, Err(Failure::Retry { .. })));
}
