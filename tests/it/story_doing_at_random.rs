//! A model under anybody's spell, presses of anybody under anybody's cards, and roles that come and go: whatever the
//! order, nothing that changes something is done without the press of whoever it was laid out for, who may have it done
//! at that moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use toney::capability::{ALL, Entry, Risk, Whose};
use toney::model::{Standing, phrases};

use crate::sim::dice::Dice;
use crate::sim::model::{Answer, Behaviour};
use crate::world::{Engine, Person, World, on_both};

on_both! {
    nothing_is_done_without_its_press
}

/// What is said and asked, not what is done: here words may stand that nobody pressed for.
const WORDS: [&str; 10] = [
    "jobs",
    "lanes",
    "outbound",
    "messages",
    "proposals",
    "model_calls",
    "drafts",
    "sessions",
    "dialogues",
    "workflow_proposals",
];
const MOVES: usize = 45;

/// Arguments by their schema, with `mark` wherever words go.
fn arguments(entry: &Entry, mark: &str) -> Value {
    let schema = entry.tool().schema.value().clone();
    filled(&schema, &schema, mark)
}

fn filled(schema: &Value, whole: &Value, mark: &str) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return filled(&whole["$defs"][name], whole, mark);
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema[several].as_array().and_then(|all| all.first()) {
            return filled(first, whole, mark);
        }
    }
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    if let Some(one) = schema.get("const") {
        return one.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(several) => several[0].as_str().unwrap(),
        one => one.as_str().unwrap_or("string"),
    };
    match kind {
        "object" => {
            let none = serde_json::Map::new();
            let fields = schema["properties"].as_object().unwrap_or(&none).iter();
            let fields = fields.map(|(name, field)| {
                let value = match name {
                    name if name.contains("date") => json!("2030-12-24"),
                    _ => filled(field, whole, mark),
                };
                (name.clone(), value)
            });
            Value::Object(fields.collect())
        }
        "array" => json!([filled(&schema["items"], whole, mark)]),
        "integer" | "number" => json!(3),
        "boolean" => json!(true),
        _ => json!(mark),
    }
}

/// Somebody, and what they are to the artist.
struct One {
    person: Person,
    standing: Standing,
}

/// Something that was laid out.
struct Card {
    owner: usize,
    mark: String,
    whose: Whose,
    data: String,
    is_open: bool,
}

struct Story {
    world: World,
    people: Vec<One>,
    cards: Vec<Card>,
    /// The call that the model makes next.
    next: Arc<Mutex<Option<(String, Value)>>>,
    /// All calls, and whether what was called may have been done.
    called: BTreeMap<String, bool>,
}

impl Story {
    async fn on(engine: Engine) -> Self {
        let world = World::on(engine).await;
        let mut people = Vec::new();
        for (name, standing) in [
            ("ann", Standing::Artist),
            ("max", Standing::Manager),
            ("eve", Standing::Manager),
        ] {
            let person = world.invited(name, ("Ann Example", standing)).await;
            people.push(One { person, standing });
        }
        let next = Arc::new(Mutex::new(None::<(String, Value)>));
        let script = next.clone();
        world.model.otherwise(Behaviour::call(move |request| {
            let may_call = request.body["tools"].is_array();
            let call = if may_call {
                script.lock().unwrap().take()
            } else {
                None
            };
            match call {
                Some((name, args)) => Answer::tool("c1", &name, &args),
                None => Answer::text("As you wish."),
            }
        }));
        Self {
            world,
            people,
            cards: Vec::new(),
            next,
            called: BTreeMap::new(),
        }
    }

    /// Somebody says something, and the model calls what it likes.
    async fn is_called(&mut self, who: usize, dice: &mut Dice) {
        let entry = &ALL[dice.below(ALL.len())];
        let mark = format!("mark{}x", self.called.len());
        *self.next.lock().unwrap() = Some((entry.name.to_owned(), arguments(entry, &mark)));
        self.called.insert(mark.clone(), entry.risk == Risk::Read);
        let person = &self.people[who].person;
        person.says("What would be a good plan for the release of my single in autumn?");
        self.world.settle().await;
        self.next.lock().unwrap().take();
        let said = self
            .world
            .telegram
            .look(|s| s.replies(person).last().cloned().cloned());
        let said = said.expect("an answer");
        let mut under = said.buttons.iter().flatten();
        let yes = under.find(|button| button.label == phrases::YES);
        if let Some(data) = yes.and_then(|button| button.data.clone()) {
            self.cards.push(Card {
                owner: who,
                mark,
                whose: entry.whose,
                data,
                is_open: true,
            });
        }
    }

    /// Somebody presses Yes or No under a card, be it theirs or not.
    async fn presses(&mut self, who: usize, dice: &mut Dice) {
        if self.cards.is_empty() {
            return;
        }
        let at = dice.below(self.cards.len());
        let card = &mut self.cards[at];
        let one = &self.people[who];
        let own = self
            .world
            .telegram
            .look(|s| s.replies(&one.person).last().unwrap().id);
        let is_yes = dice.chance(70);
        let data = match is_yes {
            true => card.data.clone(),
            false => card.data.replacen("do:", "leave:", 1),
        };
        self.world
            .telegram
            .presses_data(one.person.user, one.person.user, own, &data);
        self.world.settle().await;
        let may = card.whose != Whose::Team || one.standing != Standing::Fan;
        if who == card.owner && card.is_open {
            if is_yes && may {
                self.called.insert(card.mark.clone(), true);
            }
            card.is_open = is_yes && !may;
        }
    }

    /// Somebody becomes something else to the artist.
    async fn turns(&mut self, who: usize, dice: &mut Dice) {
        let standing = match dice.below(3) {
            0 => Standing::Fan,
            1 => Standing::Manager,
            _ => Standing::Artist,
        };
        self.people[who].standing = standing;
        let user = self.people[who].person.user.id;
        let turned = format!(
            "UPDATE memberships SET standing = '{}' WHERE person_id =
             (SELECT person_id FROM identities WHERE platform_user = '{user}')",
            standing.as_str()
        );
        self.world.write(&turned).await;
    }

    /// Where the words of a call stand besides in what was said; everywhere that something was done.
    async fn done(&self, mark: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (table, columns) in self.tables().await {
            let has = columns
                .iter()
                .map(|name| format!("\"{name}\" LIKE '%{mark}%'"));
            let has = has.collect::<Vec<_>>().join(" OR ");
            let sql = format!("SELECT '{table}' FROM {table} WHERE {has}");
            found.extend(self.world.read(&sql).await);
        }
        found
    }

    /// The tables in which nothing stands before it is done, with their columns of text.
    async fn tables(&self) -> BTreeMap<String, Vec<String>> {
        let all =
            "SELECT m.name || ' ' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
            WHERE m.type = 'table' AND c.type = 'TEXT'";
        let postgres = "SELECT table_name || ' ' || column_name FROM information_schema.columns
            WHERE table_schema = 'public' AND data_type = 'text'";
        let all = if self.world.is_postgres() {
            postgres
        } else {
            all
        };
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in self.world.read(all).await {
            let (table, column) = row.split_once(' ').unwrap();
            if !WORDS.contains(&table) && !table.starts_with('_') {
                tables
                    .entry(table.to_owned())
                    .or_default()
                    .push(column.to_owned());
            }
        }
        tables
    }
}

async fn nothing_is_done_without_its_press(engine: Engine) {
    let seed = Dice::seed();
    println!("seed {seed}");
    let mut dice = Dice::new(seed);
    let mut story = Story::on(engine).await;
    for _ in 0..MOVES {
        let who = dice.below(story.people.len());
        match dice.below(10) {
            0..5 => story.is_called(who, &mut dice).await,
            5..8 => story.presses(who, &mut dice).await,
            _ => story.turns(who, &mut dice).await,
        }
    }
    // What was laid out and is open is done when whoever may presses: the story does not pass by doing nothing.
    for at in 0..story.people.len() {
        story.people[at].standing = Standing::Artist;
    }
    story
        .world
        .write("UPDATE memberships SET standing = 'artist'")
        .await;
    let (mut done, mut pressed) = (0, 0);
    for at in 0..story.cards.len() {
        let Card { owner, is_open, .. } = story.cards[at];
        if is_open {
            let data = story.cards[at].data.clone();
            let person = &story.people[owner].person;
            let own = story
                .world
                .telegram
                .look(|s| s.replies(person).last().unwrap().id);
            story
                .world
                .telegram
                .presses_data(person.user, person.user, own, &data);
            story.world.settle().await;
            story.called.insert(story.cards[at].mark.clone(), true);
        }
    }
    for (mark, may) in &story.called {
        let found = story.done(mark).await;
        assert!(
            *may || found.is_empty(),
            "seed {seed}: {mark} stands in {found:?}"
        );
        pressed += usize::from(*may);
        done += usize::from(!found.is_empty());
    }
    println!(
        "{} calls, {pressed} looked up or pressed for, {done} done",
        story.called.len()
    );
    assert!(
        done > 0 || story.cards.is_empty(),
        "seed {seed}: nothing was ever done"
    );
    for one in &story.people {
        story.world.sees(&one.person);
    }
    story.world.finish().await;
}
