//! Who does which kind of job.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::budget::Limits;
use crate::capability::{Fans, Hands, React, Takes};
use crate::config::Config;
use crate::delivery::Delivery;
use crate::health::Notice;
use crate::intake;
use crate::jobs::Worker;
use crate::knowledge::Knowledge;
use crate::llm::{Door, Prompts, Voices};
use crate::memory::{Contexts, Memory, Summarise};
use crate::model::{Clock, Ids};
use crate::people::Profiles;
use crate::store::{Redis, Store};
use crate::tips::Tips;
use crate::turn::intent::Reader;
use crate::turn::{self, Care, Looked, Turn, Wishes};

use super::money::limits;
use super::{
    WINDOWS, approval, books, care as care_room, entrusted, flows, nudges, people, proactive, voice,
};

/// Who does which kind of job. One piece each.
pub(super) fn workers(
    config: &Config,
    (knowledge, redis, tips, care): (Knowledge, Option<Redis>, &Tips, &Care),
    (door, voices, delivery): (&Door, &Voices, &Delivery),
    tools: &(Clock, Ids),
) -> Result<Vec<Arc<dyn Worker>>> {
    let store = knowledge.store.clone();
    let (clock, ids) = tools;
    let (prompts, limits) = (Arc::new(Prompts::new()?), limits(config)?);
    let books = books::books(&store, clock);
    let mut all = books::workers(config, (&books, delivery), ids)?;
    let approvals = approval::approvals(config, (&store, delivery), tools)?;
    all.extend(approval::workers(config, &approvals));
    let way = (&store, delivery);
    all.extend(nudges::workers(config, way, &approvals, tools)?);
    let how = config.section::<turn::Settings>("turn")?;
    all.push(Arc::new(people::linker(config, (&store, delivery), tools)));
    all.push(Arc::new(people::remember(
        (&store, door, &prompts),
        (limits, how.facts),
        tools,
    )));
    all.push(Arc::new(voice::speak(
        config,
        voices,
        delivery,
        tools.clone(),
    )?));
    all.push(summarise((&store, door), (&prompts, limits), tools));
    all.extend(what_follows(&store, delivery, tools));
    all.extend(proactive::watchers(config, &store, tools)?);
    all.extend(care_room::workers(care));
    all.extend(super::tips::workers(tips));
    let intake: intake::Settings = config.section("intake")?;
    let engine = flows::engine(config, (&store, delivery), tools)?;
    all.extend(flows::workers(config, &engine)?);
    let workflows = flows::workflows(&engine, door, &prompts);
    let (contexts, profiles) = known(&store, tools);
    all.push(Arc::new(Turn {
        books: books.clone(),
        memory: Memory::new(store.clone(), redis, ids.clone(), WINDOWS),
        reader: Arc::new(Reader::new()),
        wishes: Wishes::new(store.clone(), entrusted::seal(config), clock.clone()),
        hands: Hands {
            store: store.clone(),
            knowledge: knowledge.clone(),
            door: door.clone(),
            prompts: prompts.clone(),
            books: books.clone(),
            workflows: workflows.clone(),
            contexts: contexts.clone(),
            people: profiles.clone(),
            approvals: approvals.clone(),
            tips: tips.clone(),
            delivery: delivery.clone(),
            outgoing: voice::outgoing(config)?,
            clock: clock.clone(),
            ids: ids.clone(),
        },
        workflows,
        contexts,
        people: profiles,
        approvals,
        store,
        knowledge,
        door: door.clone(),
        voices: voices.clone(),
        prompts,
        limits,
        tips: tips.clone(),
        care: care.clone(),
        delivery: delivery.clone(),
        settings: how,
        queue: intake.queue,
        quiet: Duration::from_millis(intake.quiet_ms),
        asks_consent: nudges::settings(config)?.ask,
        looked: Looked::default(),
        files: config.data()?.dir.join("files"),
        clock: clock.clone(),
        ids: ids.clone(),
    }));
    Ok(all)
}

/// Who writes summaries.
fn summarise(
    (store, door): (&Store, &Door),
    (prompts, limits): (&Arc<Prompts>, Limits),
    (clock, ids): &(Clock, Ids),
) -> Arc<dyn Worker> {
    Arc::new(Summarise {
        store: store.clone(),
        door: door.clone(),
        prompts: prompts.clone(),
        limits,
        clock: clock.clone(),
        ids: ids.clone(),
    })
}

/// What is known of artists, and what changes it.
fn known(store: &Store, tools: &(Clock, Ids)) -> (Contexts, Profiles) {
    let (store, clock) = (store.clone(), tools.0.clone());
    let contexts = Contexts::new(store.clone(), clock, vec![books::KNOWN]);
    (contexts, Profiles::new(store, tools.clone()))
}

/// What is said and counted when something happens.
fn what_follows(
    store: &Store,
    delivery: &Delivery,
    (clock, ids): &(Clock, Ids),
) -> [Arc<dyn Worker>; 4] {
    let react = React {
        store: store.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
    };
    let fans = Fans {
        store: store.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
    };
    let takes = Takes {
        store: store.clone(),
        delivery: delivery.clone(),
    };
    let notice = Notice {
        delivery: delivery.clone(),
    };
    [
        Arc::new(react),
        Arc::new(fans),
        Arc::new(takes),
        Arc::new(notice),
    ]
}
