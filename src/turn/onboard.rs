//! The first questions to an artist, in a chat: offered, asked, kept, taken up again elsewhere.

use crate::model::{
    ArtistId, Button, Dialogue, DialoguePress, Failure, GoalId, Message, Reply, Setting, phrases,
};
use crate::people::onboarding::{self, Field, Input, State, Step, Then};
use crate::people::zone;
use crate::store::{
    Change, Goal, GoalKind, GoalState, Manners, Need, Origin, ProfileField, put_field, put_goal,
    put_manners, rename_artist, touch_context,
};

use super::commit::Commit;
use super::dialogue::{Question, Told, Words};
use super::linking::replace;
use super::{Scene, Turn};

/// What stands on the button that begins the questions, or goes on with them.
pub(super) const BEGIN: &str = "onboarding:begin";

/// Choices side by side.
const ABREAST: usize = 2;

impl Turn {
    /// Says hello, and offers an artist of whom nothing is known the first questions.
    pub(super) async fn welcome(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        text: String,
    ) -> Result<Change, Failure> {
        // What was joined just now is not in what was read before.
        let asker = self.store.asker(commit.person(), scene.setting()).await?;
        let Ok(acting) = asker.acting(Need::Lead) else {
            commit.say(scene, text);
            return Ok(commit.done().await);
        };
        let open = self.open_questions(&commit).await?;
        let offer = match open {
            Some((state, _)) if state.artist == acting.artist() => Some((
                phrases::onboarding_offer_again(state.step + 1, Field::ALL.len()),
                phrases::ONBOARDING_GO_ON,
            )),
            _ if self.store.profile(acting.artist()).await?.is_empty() => Some((
                phrases::ONBOARDING_OFFER.to_owned(),
                phrases::ONBOARDING_BEGIN,
            )),
            _ => None,
        };
        match offer {
            Some((offer, label)) => {
                let text = format!("{text}\n\n{offer}");
                commit.say_with(scene, text, vec![vec![begin(label)]]);
            }
            None => commit.say(scene, text),
        }
        Ok(commit.done().await)
    }

    /// Begins the questions, or goes on where they were, in whatever chat.
    pub(super) async fn begin_onboarding(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        card: Option<Message>,
    ) -> Result<Change, Failure> {
        if scene.setting() == Setting::Group {
            let gone = phrases::BUTTON_OUTDATED;
            return Ok(self.outdated(scene, commit, gone, card).await);
        }
        let asker = commit.asker(scene.setting()).await?;
        let Ok(acting) = asker.acting(Need::Lead) else {
            commit.say(scene, phrases::ONLY_ARTISTS.to_owned());
            return Ok(commit.done().await);
        };
        let open = self.open_questions(&commit).await?;
        let state = match open {
            Some((state, elsewhere)) if state.artist == acting.artist() => {
                commit.besides(Change {
                    writes: elsewhere,
                    ..Change::default()
                });
                State {
                    paused: false,
                    ..state
                }
            }
            _ => {
                let artist = self.store.artist(&acting.artist().to_string()).await?;
                let name = artist.map(|artist| artist.name).unwrap_or_default();
                State::new(acting.artist(), &name)
            }
        };
        self.keep_asking(scene, &mut commit, &state)?;
        let (text, buttons) = put(&state, scene);
        commit.say_with(scene, text, buttons);
        Ok(commit.done().await)
    }

    /// The questions as far as they got, wherever that was, and what ends them there.
    async fn open_questions(
        &self,
        commit: &Commit<'_>,
    ) -> Result<Option<(State, Vec<crate::store::Write>)>, Failure> {
        let person = commit.person();
        let open = self.store.dialogues_of(person, onboarding::KIND).await?;
        let mut ends = Vec::new();
        for (conversation, _) in &open {
            ends.push(crate::store::end_dialogue(person, *conversation).map_err(Failure::GiveUp)?);
        }
        let newest = open.first().and_then(|(_, dialogue)| dialogue.read());
        Ok(newest.map(|state| (state, ends)))
    }

    /// Words that answer a question.
    pub(super) async fn onboarding_said<'a>(
        &self,
        scene: &Scene,
        mut commit: Commit<'a>,
        (dialogue, words): (Dialogue, Words<'_>),
    ) -> Result<Told<'a>, Failure> {
        let Some(state) = dialogue.read::<State>().filter(|state| !state.paused) else {
            return Ok(Told::Aside(Box::new(commit)));
        };
        let step = onboarding::step(&state, Input::Said(&words.text));
        commit.remember_said(scene, words.said, false);
        let change = self.go_on(scene, commit, (step, None)).await?;
        Ok(Told::Answered(Box::new(change)))
    }

    /// A button under a question.
    pub(super) async fn onboarding_press(
        &self,
        scene: &Scene,
        commit: Commit<'_>,
        (press, card): (DialoguePress, Option<Message>),
    ) -> Result<Change, Failure> {
        let open = self.store.dialogues_in(commit.conversation()).await?;
        let mut mine = open.into_iter().filter(|(of, _)| *of == commit.person());
        let state = mine
            .find_map(|(_, dialogue)| dialogue.read::<State>())
            .filter(|state| !state.paused && token(state) == press.step);
        let Some(state) = state else {
            let gone = phrases::BUTTON_OUTDATED;
            return Ok(self.outdated(scene, commit, gone, card).await);
        };
        let step = onboarding::step(&state, Input::Pressed(press.reply));
        self.go_on(scene, commit, (step, card)).await
    }

    /// `/stop` while something is asked.
    pub(super) async fn stop_asking(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
    ) -> Result<Change, Failure> {
        let state = commit.dialogue().and_then(|open| open.read::<State>());
        match state.filter(|state| !state.paused) {
            Some(state) => {
                let step = onboarding::step(&state, Input::Pressed(Reply::Stop));
                self.go_on(scene, commit, (step, None)).await
            }
            None => {
                commit.say(scene, phrases::NOTHING_TO_STOP.to_owned());
                Ok(commit.done().await)
            }
        }
    }

    async fn go_on(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (step, card): (Step, Option<Message>),
    ) -> Result<Change, Failure> {
        let Step { state, set, then } = step;
        // Whoever asked them to leave meanwhile does not want to be told by them any more.
        let asker = commit.asker(scene.setting()).await?;
        if asker.acting_for(state.artist, Need::Lead).is_err() {
            commit.end_dialogue()?;
            commit.say(scene, phrases::ONLY_ARTISTS.to_owned());
            return Ok(commit.done().await);
        }
        if let Some((field, value)) = set {
            let person = commit.person();
            let manners = self.store.manners(person).await?;
            let origin = Origin {
                source: "asked".to_owned(),
                person: Some(person),
                message: commit.last_said(),
                at: scene.now,
            };
            let writes = self.kept(state.artist, (field, value), (origin, manners));
            commit.besides(Change {
                writes: writes.map_err(Failure::GiveUp)?,
                ..Change::default()
            });
        }
        if matches!(then, Then::Done | Then::Stopped) {
            self.ask_about_nudges(scene, &mut commit)?;
        }
        let (text, buttons) = match then {
            Then::Ask => {
                self.keep_asking(scene, &mut commit, &state)?;
                put(&state, scene)
            }
            Then::Unclear => {
                let (text, buttons) = put(&state, scene);
                (format!("{} {text}", phrases::ONBOARDING_UNCLEAR), buttons)
            }
            Then::Done => {
                commit.end_dialogue()?;
                (phrases::ONBOARDING_DONE.to_owned(), Vec::new())
            }
            Then::Stopped => {
                self.keep_asking(scene, &mut commit, &state)?;
                (phrases::ONBOARDING_STOPPED.to_owned(), Vec::new())
            }
        };
        replace(scene, &mut commit, (card, text), buttons);
        Ok(commit.done().await)
    }

    fn keep_asking(
        &self,
        scene: &Scene,
        commit: &mut Commit<'_>,
        state: &State,
    ) -> Result<(), Failure> {
        let dialogue = Dialogue::new(onboarding::KIND, state, scene.now);
        commit.ask(dialogue.map_err(|error| Failure::GiveUp(error.into()))?)
    }

    /// What is true once an answer is known.
    fn kept(
        &self,
        artist: ArtistId,
        (field, value): (Field, String),
        (origin, manners): (Origin, Manners),
    ) -> anyhow::Result<Vec<crate::store::Write>> {
        let mut writes = vec![touch_context(artist)?];
        match field {
            Field::Goal => writes.push(put_goal(&Goal {
                id: GoalId::new(&self.ids),
                artist,
                kind: GoalKind::Goal,
                text: value,
                state: GoalState::Open,
                was_proposed: false,
                person: origin.person,
                message: origin.message,
                created: origin.at,
                changed: origin.at,
            })?),
            Field::Name => {
                writes.push(rename_artist(artist, &value)?);
                writes.push(noted(artist, field, (value, origin))?);
            }
            Field::Zone => {
                let zone = value.clone();
                writes.push(put_manners(&Manners { zone, ..manners })?);
                writes.push(noted(artist, field, (value, origin))?);
            }
            Field::Language => {
                let speaks = value.clone();
                writes.push(put_manners(&Manners { speaks, ..manners })?);
                writes.push(noted(artist, field, (value, origin))?);
            }
            Field::Genres | Field::Stage | Field::Audience => {
                writes.push(noted(artist, field, (value, origin))?);
            }
        }
        Ok(writes)
    }
}

fn noted(
    artist: ArtistId,
    field: Field,
    (value, origin): (String, Origin),
) -> anyhow::Result<crate::store::Write> {
    let field = field.name().to_owned();
    let field = ProfileField {
        field,
        value,
        origin,
    };
    put_field(artist, &field)
}

/// The button that begins the questions, or goes on with them.
pub(super) fn begin(label: &str) -> Button {
    Button::new(label, BEGIN)
}

/// How the open question is put once more.
pub(super) fn again(dialogue: &Dialogue) -> Option<Question> {
    let state = dialogue.read::<State>().filter(|state| !state.paused)?;
    Some(question(&state, None))
}

/// Tells the question from the guess that follows it.
fn token(state: &State) -> usize {
    2 * state.step + usize::from(state.zone.is_some())
}

fn put(state: &State, scene: &Scene) -> Question {
    let clock = state.zone.as_ref().map(|zone| zone::clock(scene.now, zone));
    question(state, clock)
}

fn question(state: &State, clock: Option<String>) -> Question {
    let Some(field) = state.field() else {
        return (phrases::ONBOARDING_DONE.to_owned(), Vec::new());
    };
    let press = |reply| DialoguePress {
        kind: onboarding::KIND.to_owned(),
        step: token(state),
        reply,
    };
    let labels: Vec<String> = match (&state.zone, field) {
        (Some(_), _) => vec![phrases::YES.to_owned(), phrases::NO.to_owned()],
        (None, Field::Name) => vec![phrases::keep_name(&state.name)],
        (None, _) => state.choices().iter().map(ToString::to_string).collect(),
    };
    let choices: Vec<Button> = labels
        .into_iter()
        .enumerate()
        .map(|(number, label)| press(Reply::Pick(number)).button(label))
        .collect();
    let mut buttons: Vec<Vec<Button>> = choices.chunks(ABREAST).map(<[_]>::to_vec).collect();
    let mut last = vec![press(Reply::Skip).button(phrases::SKIP)];
    if state.step > 0 {
        last.push(press(Reply::Back).button(phrases::ONE_BACK));
    }
    last.push(press(Reply::Stop).button(phrases::LATER));
    buttons.push(last);
    let guess = match (&state.zone, clock) {
        (Some(zone), Some(clock)) => Some(phrases::zone_guess(zone, &clock)),
        (zone, _) => zone.clone(),
    };
    let place = (state.step + 1, Field::ALL.len());
    let text = phrases::onboarding_question(field.name(), place, guess.as_deref());
    (text, buttons)
}
