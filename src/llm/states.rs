//! How the models do: who may be asked now, who is slow, who is to be asked first.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::breaker::{Admission, Breaker, Change};
use super::choose::{Candidate, order};
use super::door::Inside;
use super::pass::{Errand, Link};
use super::pulse::Pulse;
use super::{Error, Model, Request, Wish};
use crate::model::Time;

/// However fast a model usually is, it is given so long before another one is asked as well.
const LEAST_HEDGE: Duration = Duration::from_millis(300);
/// One of so many calls may have another one beside it.
const HEDGED_SHARE: usize = 10;
/// So many may in any case.
const LEAST_HEDGES: usize = 4;

/// How one model at one provider does.
#[derive(Default)]
pub(super) struct State {
    pub(super) breaker: Breaker,
    pulse: Pulse,
}

/// What a model's breaker says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// Go ahead; true: on this call it depends whether others may follow.
    Go(bool),
    /// Not before that time; none: once the call is over on which it depends.
    Wait(Option<Time>),
}

impl Inside {
    pub(super) fn states(&self) -> MutexGuard<'_, HashMap<String, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The models of a chain in the order in which they are to be asked, the wished one first.
    pub(super) fn links(&self, chain: &[Arc<dyn Model>], request: &Request) -> Vec<Link> {
        let listed = |model: &Arc<dyn Model>| Link {
            model: Arc::clone(model),
            errand: Errand::Listed,
        };
        let mut links: Vec<Link> = chain.iter().map(listed).collect();
        if let Some(wish) = &request.wish {
            self.grant(wish, &mut links);
        }
        if let [_] | [] = links.as_slice() {
            return links;
        }
        let is_near = self.purse().is_near(&request.payer);
        let candidates: Vec<Candidate> = {
            let states = self.states();
            let candidate = |link: &Link| {
                let entry = link.model.entry().clone();
                let state = states.get(&entry.name);
                let is_own = link.errand == Errand::Own;
                let is_full = || {
                    let is_slow = state.is_some_and(|state| state.pulse.is_overtaken());
                    is_slow || self.is_full(&states, entry.provider())
                };
                Candidate {
                    limit: link.model.limit(request),
                    speed: state.and_then(|state| state.pulse.within(50)),
                    full: !is_own && is_full(),
                    wished: is_own || (link.errand == Errand::Wished && !is_near),
                    entry,
                }
            };
            links.iter().map(candidate).collect()
        };
        let order = order(&candidates, request, (self.prefer, is_near));
        let link = |place: usize| links.get(place).cloned();
        order.into_iter().filter_map(link).collect()
    }

    /// Puts the model that somebody chose among those of the chain.
    fn grant(&self, wish: &Wish, links: &mut Vec<Link>) {
        let Wish { model, key } = wish;
        if key.is_none()
            && let Some(link) = links.iter_mut().find(|link| link.model.name() == model)
        {
            link.errand = Errand::Wished;
            return;
        }
        let made = self
            .shop
            .as_ref()
            .and_then(|shop| shop.make(model, key.as_ref()));
        if let Some(model) = made {
            let errand = if key.is_some() {
                Errand::Own
            } else {
                Errand::Wished
            };
            links.insert(0, Link { model, errand });
        }
    }

    /// Whether a provider has as many answers under way as it is to have at a time.
    fn is_full(&self, states: &HashMap<String, State>, provider: &str) -> bool {
        let Some(most) = self
            .shop
            .as_ref()
            .and_then(|shop| shop.side_by_side(provider))
        else {
            return false;
        };
        let of_it = states.iter().filter(|(name, _)| {
            let found = name.split_once('/').map(|(provider, _)| provider);
            found == Some(provider)
        });
        of_it.map(|(_, state)| state.pulse.running).sum::<usize>() >= most
    }

    /// Asks a model's breaker for the leave to make a call. Unless it says to wait, exactly one of
    /// `end`, `overtaken` and `abandon` has to follow.
    pub(super) fn begin(&self, name: &str) -> Leave {
        let now = self.clock.now();
        let mut states = self.states();
        let state = match states.get_mut(name) {
            Some(state) => state,
            None => states.entry(name.to_owned()).or_default(),
        };
        let is_probe = match state.breaker.admit(now) {
            Admission::Pass => false,
            Admission::Probe => true,
            Admission::Wait => return Leave::Wait(state.breaker.until()),
        };
        state.pulse.running += 1;
        Leave::Go(is_probe)
    }

    /// Whether a model is to be asked in the background: it was left alone long enough, or others overtook
    /// it and nobody knows how long it takes.
    pub(super) fn is_due(&self, name: &str) -> bool {
        let now = self.clock.now();
        let states = self.states();
        let is_due = |state: &State| state.breaker.is_due(now) || state.pulse.is_unmeasured();
        states.get(name).is_some_and(is_due)
    }

    /// The first sign of an answer came after so long. On whose call it depended, that is well.
    pub(super) fn began(&self, name: &str, (after, probe): (Duration, bool)) -> Option<Change> {
        let mut states = self.states();
        let state = states.get_mut(name)?;
        state.pulse.began(after);
        if probe {
            state.breaker.succeeded()
        } else {
            None
        }
    }

    /// A call is over; `check`: it was made to find out whether the model is well.
    pub(super) fn end(&self, name: &str, (error, check): (Option<&Error>, bool)) -> Option<Change> {
        let now = self.clock.now();
        let mut states = self.states();
        let State { breaker, pulse } = states.get_mut(name)?;
        pulse.running = pulse.running.saturating_sub(1);
        match error.map(Error::severity) {
            // Nobody asks first again who shows no sign while there is all the time.
            Some(Some(_)) if check && pulse.is_overtaken() => breaker.give_up(now),
            Some(Some(severity)) => breaker.failed(now, severity),
            // The provider is well, whatever it thought of this request.
            Some(None) | None => breaker.succeeded(),
        }
    }

    /// Others were faster, before it was known how long it takes.
    pub(super) fn overtaken(&self, name: &str, probe: bool) {
        if let Some(state) = self.states().get_mut(name) {
            state.pulse.overtaken();
        }
        self.abandon(name, probe);
    }

    /// A call was given up before it could tell anything.
    pub(super) fn abandon(&self, name: &str, probe: bool) {
        let now = self.clock.now();
        let mut states = self.states();
        if let Some(state) = states.get_mut(name) {
            state.pulse.running = state.pulse.running.saturating_sub(1);
            if probe {
                state.breaker.abandoned(now);
            }
        }
    }

    /// How long a model's first sign is waited for before another one is asked as well; none: never.
    pub(super) fn hedge_after(&self, name: &str) -> Option<Duration> {
        let untold = self.deadlines.hedge()?;
        let states = self.states();
        let Some(pulse) = states.get(name).map(|state| &state.pulse) else {
            return Some(untold);
        };
        let known = pulse.within(95).map(|known| known.max(LEAST_HEDGE));
        Some(known.unwrap_or_else(|| untold.max(pulse.slowest() * 3 / 2)))
    }

    /// Whether one more call may run beside one that is late: few of all do, lest a crowd that waits
    /// becomes two crowds; more where the late one is known to be in trouble.
    pub(super) fn may_hedge(&self, late: &str) -> bool {
        let states = self.states();
        let running: usize = states.values().map(|state| state.pulse.running).sum();
        let is_ill = |state: &State| state.breaker.is_open() || state.pulse.is_overtaken();
        let most = (running / HEDGED_SHARE).max(LEAST_HEDGES);
        states.get(late).is_some_and(is_ill) || self.hedges.load(Ordering::Relaxed) < most
    }
}
