//! What takes tips, put together.

use std::sync::Arc;

use anyhow::Result;
use axum::http::HeaderMap;

use crate::config::Config;
use crate::delivery::Delivery;
use crate::external::stripe::Stripe;
use crate::http::Hook;
use crate::intake::SEALED;
use crate::jobs::Worker;
use crate::model::{Clock, Ids};
use crate::platform::{Platform, Webhook};
use crate::store::Store;
use crate::tips::{Ask, Book, Fan, Fees, HEADERS, Hooks, Settings, Tips, Verdict};

use super::{entrusted, misset};

/// What takes tips; asks nobody.
pub(crate) fn tips(
    config: &Config,
    (store, delivery): (&Store, &Delivery),
    platforms: &[Arc<dyn Platform>],
    (clock, ids): &(Clock, Ids),
) -> Result<Tips> {
    let settings: Settings = config.section("tips")?;
    let stripe = match settings.stripe_key.is_empty() {
        true => None,
        false => Some(Stripe::new(&settings.stripe_url, &settings.stripe_key).map_err(misset)?),
    };
    Ok(Tips {
        store: store.clone(),
        delivery: delivery.clone(),
        platforms: platforms.to_vec(),
        stripe,
        settings: Arc::new(settings),
        seal: entrusted::seal(config),
        sealed_in: SEALED,
        clock: clock.clone(),
        ids: ids.clone(),
    })
}

/// What takes tips, for a command that looks into the providers' lists without a gateway.
pub(crate) fn tips_alone(config: &Config, store: &Store, tools: &(Clock, Ids)) -> Result<Tips> {
    let configured = super::ACCOUNTS.iter().filter(|one| config.has(one.token));
    let accounts = configured.map(|one| (one.account)(config, tools.0.clone()));
    let platforms = accounts.collect::<Result<Vec<_>>>()?;
    let how = config.section("delivery")?;
    let delivery = Delivery::new((store.clone(), None), how, tools.clone(), &platforms);
    tips(config, (store, &delivery), &platforms, tools)
}

/// Who does which kind of job. One piece each.
pub(crate) fn workers(tips: &Tips) -> Vec<Arc<dyn Worker>> {
    let tips = || tips.clone();
    vec![
        Arc::new(Book { tips: tips() }),
        Arc::new(Ask { tips: tips() }),
        Arc::new(Fan { tips: tips() }),
        Arc::new(Fees { tips: tips() }),
    ]
}

/// Where the providers bring their webhooks.
pub(super) fn hooks(tips: &Tips) -> Vec<(&'static str, Hook)> {
    let hooks = Arc::new(Hooks { tips: tips.clone() });
    let hook = |(provider, header): (&'static str, &'static str)| {
        let hooks = hooks.clone();
        let hook: Hook = Arc::new(move |headers: HeaderMap, body| {
            let hooks = hooks.clone();
            Box::pin(async move {
                let proof = headers.get(header).and_then(|value| value.to_str().ok());
                match hooks.take(provider, proof, &body).await {
                    Verdict::Stored => Webhook::Stored,
                    Verdict::Stranger => Webhook::Stranger,
                    Verdict::Malformed => Webhook::Malformed,
                    Verdict::Later => Webhook::Later,
                    Verdict::NotHere => Webhook::NotHere,
                }
            })
        });
        (provider, hook)
    };
    HEADERS.into_iter().map(hook).collect()
}
