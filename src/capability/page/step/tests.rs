use proptest::prelude::*;

use super::*;
use crate::model::{Clock, Ids};

const MINUTE: Duration = Duration::from_secs(60);

struct Scene {
    ids: Ids,
    person: PersonId,
    row: Option<Page>,
    now: Time,
}

impl Scene {
    fn new() -> Self {
        let ids = Ids::new(Clock::System, Some(5));
        Self {
            person: PersonId::new(&ids),
            ids,
            row: None,
            now: Time::from_ms(1_000_000),
        }
    }

    fn seen(&self, level: Level) -> Came {
        Came::Seen(Box::new(Seen {
            level,
            topic: Topic::Suicide,
            other: false,
            address: "p:main:1".parse().unwrap(),
            setting: Setting::Direct,
            excerpt: "…".to_owned(),
            language: "en".to_owned(),
            at: self.now,
        }))
    }

    fn press(&self, by: PersonId) -> Came {
        Came::Pressed(Pressed {
            page: self.row.as_ref().unwrap().id,
            person: by,
            name: "max".to_owned(),
            address: "p:main:2".parse().unwrap(),
        })
    }

    fn due(&self) -> Came {
        let row = self.row.as_ref().unwrap();
        Came::Due {
            page: row.id,
            circle: row.circle,
        }
    }

    /// Lets it come after `minutes`; the row is then as the effects say.
    fn comes(&mut self, minutes: u32, (came, may): (Came, bool)) -> Vec<Effect> {
        self.now = self.now.plus(MINUTE * minutes);
        let state = State {
            row: self.row.as_ref(),
            may,
            fresh: PageId::new(&self.ids),
            care: MINUTE * 60,
            patience: MINUTE * 10,
            most: 3,
            now: self.now,
        };
        let effects = step(&state, self.person, &came);
        for effect in &effects {
            if let Effect::Row(row) = effect {
                self.row = Some(row.as_ref().clone());
            }
        }
        effects
    }
}

fn record(effects: &[Effect]) -> Option<&'static str> {
    effects.iter().find_map(|effect| match effect {
        Effect::Record(what) => Some(*what),
        _ => None,
    })
}

#[test]
fn nobody_answers_and_more_are_told_but_not_for_ever() {
    let mut scene = Scene::new();
    let opened = scene.comes(0, (scene.seen(Level::High), true));
    assert!(opened.contains(&Effect::Cards { all: false }));
    assert!(opened.contains(&Effect::Timer(scene.now.plus(MINUTE * 10))));
    for circle in 1..=3 {
        let more = scene.comes(10, (scene.due(), true));
        assert_eq!(record(&more), Some("page_escalated"));
        assert!(more.contains(&Effect::Cards { all: true }));
        assert_eq!(scene.row.as_ref().unwrap().circle, circle);
    }
    let last = scene.comes(10, (scene.due(), true));
    assert_eq!(last, [Effect::Record("page_unanswered")]);
    // Somebody who writes again is heard again.
    let again = scene.comes(1, (scene.seen(Level::High), true));
    assert_eq!(record(&again), Some("page_again"));
    assert!(again.contains(&Effect::Cards { all: true }));
}

#[test]
fn a_page_is_one_until_it_is_over() {
    let mut scene = Scene::new();
    scene.comes(0, (scene.seen(Level::High), true));
    let first = scene.row.as_ref().unwrap().id;
    let more = scene.comes(5, (scene.seen(Level::High), true));
    assert_eq!(record(&more), Some("page_updated"));
    let told_anew = |effects: &[Effect]| {
        effects
            .iter()
            .any(|one| matches!(one, Effect::Cards { .. }))
    };
    assert!(!told_anew(&more));
    let row = scene.row.as_ref().unwrap();
    assert_eq!((row.id, row.signs), (first, 2));
    scene.comes(61, (scene.seen(Level::High), true));
    assert_ne!(scene.row.as_ref().unwrap().id, first);
}

#[test]
fn what_gets_graver_goes_out_again_even_if_somebody_took_care() {
    let mut scene = Scene::new();
    let max = PersonId::new(&scene.ids);
    scene.comes(0, (scene.seen(Level::High), true));
    scene.comes(1, (scene.press(max), true));
    let same = scene.comes(1, (scene.seen(Level::High), true));
    assert!(same.contains(&Effect::Again));
    let raised = scene.comes(1, (scene.seen(Level::Imminent), true));
    assert_eq!(record(&raised), Some("page_raised"));
    let row = scene.row.as_ref().unwrap();
    assert_eq!((row.level.as_str(), row.taken_by), ("imminent", None));
    // What is milder afterwards lowers nothing.
    scene.comes(1, (scene.seen(Level::High), true));
    assert_eq!(scene.row.as_ref().unwrap().level, "imminent");
}

#[test]
fn one_human_takes_care_of_it_however_late() {
    let mut scene = Scene::new();
    let (max, eve) = (PersonId::new(&scene.ids), PersonId::new(&scene.ids));
    scene.comes(0, (scene.seen(Level::Imminent), true));
    let stranger = scene.comes(0, (scene.press(eve), false));
    assert_eq!(stranger, [Effect::Answer(Answer::NotYours)]);
    scene.comes(10, (scene.due(), true));
    let old = scene.due();
    let first = scene.comes(45, (scene.press(max), true));
    assert!(first.contains(&Effect::Tell) && first.contains(&Effect::Copies));
    assert_eq!(
        scene.comes(0, (scene.press(max), true)),
        [Effect::Answer(Answer::Before)]
    );
    assert_eq!(
        scene.comes(0, (scene.press(eve), true)),
        [Effect::Answer(Answer::TooLate)]
    );
    assert_eq!(scene.comes(10, (old, true)), []);
}

proptest! {
    /// Whatever comes in whatever order: the person is told of a human only when one pressed who was told, and only a
    /// bounded number of times anybody is told without a new sign.
    #[test]
    fn nobody_is_promised_and_nobody_is_flooded(came in proptest::collection::vec((0..4_u8, any::<bool>(), 0..30_u32), 0..40)) {
        let mut scene = Scene::new();
        let max = PersonId::new(&scene.ids);
        let mut silent = 0;
        for (what, may, minutes) in came {
            let came = match (what, &scene.row) {
                (0, _) | (_, None) => scene.seen(Level::High),
                (1, _) => scene.seen(Level::Imminent),
                (2, _) => scene.press(max),
                _ => scene.due(),
            };
            let is_sign = matches!(came, Came::Seen(_));
            let is_press = matches!(came, Came::Pressed(_));
            let effects = scene.comes(minutes, (came, may));
            let cards = effects.iter().filter(|one| matches!(one, Effect::Cards { .. })).count();
            silent = if is_sign { 0 } else { silent + cards };
            prop_assert!(silent <= 3);
            prop_assert!(!effects.contains(&Effect::Tell) || is_press && may);
        }
    }
}
