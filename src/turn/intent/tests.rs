use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::model::weights::fingerprint;

use super::*;

const EXAMPLES: &str = include_str!("../../../config/intents.jsonl");
const HELD_OUT: &str = include_str!("../../../tests/data/intents-held-out.jsonl");
const ACTS: &str = include_str!("../../../config/acts.toml");

#[derive(Deserialize)]
struct Labelled {
    text: String,
    scope: Target,
    act: Act,
    #[serde(default)]
    history: Vec<Earlier>,
    role: Option<String>,
    #[serde(default)]
    must_not: bool,
}

#[derive(Deserialize)]
struct Earlier {
    from: String,
    text: String,
}

fn labelled(lines: &str) -> Vec<Labelled> {
    let line = |line: &str| serde_json::from_str(line).unwrap();
    lines.lines().map(line).collect()
}

fn read(reader: &Reader, line: &Labelled) -> Intent {
    let history: Vec<Turn<'_>> = line
        .history
        .iter()
        .map(|earlier| Turn {
            from_toney: earlier.from == "toney",
            text: &earlier.text,
        })
        .collect();
    reader.read(&Said {
        text: &line.text,
        history: &history,
        role: line.role.as_deref(),
    })
}

fn plain(reader: &Reader, text: &str) -> Intent {
    reader.read(&Said {
        text,
        history: &[],
        role: None,
    })
}

fn after(reader: &Reader, toney: &str, text: &str) -> Intent {
    reader.read(&Said {
        text,
        history: &[Turn {
            from_toney: true,
            text: toney,
        }],
        role: None,
    })
}

/// Whoever changes the examples, the acts, the concepts or the features makes the weights anew:
/// `cargo bench --bench intents -- --write`.
#[test]
fn the_weights_belong_to_the_examples() {
    let weights = Weights::read(MAGIC, MODEL).expect("weights that can be read");
    let wanted = fingerprint(&[EXAMPLES, ACTS, CONCEPTS], features::VERSION);
    assert_eq!(
        weights.fingerprint, wanted,
        "cargo bench --bench intents -- --write"
    );
    assert!(MODEL.len() <= 600 * 1024, "{} bytes", MODEL.len());
    assert_eq!(weights.write(), MODEL);
}

#[test]
fn weights_that_are_cut_or_bent_are_refused() {
    for length in [0, 7, 40, 50, 200, 10_000, MODEL.len() - 1] {
        assert!(
            Weights::read(MAGIC, &MODEL[..length]).is_none(),
            "{length} bytes"
        );
    }
    let mut longer = MODEL.to_vec();
    longer.push(0);
    assert!(Weights::read(MAGIC, &longer).is_none());
}

#[test]
fn lines_of_another_hand_are_read_right() {
    let reader = Reader::new();
    let lines = labelled(HELD_OUT);
    let (mut acts, mut scopes, mut harm) = (0, 0, Vec::new());
    for line in &lines {
        let intent = read(&reader, line);
        acts += usize::from(intent.act == line.act);
        scopes += usize::from(intent.target == line.scope);
        if line.must_not && intent.act.has_effect() {
            harm.push(format!("{}: {}", intent.act, line.text));
        }
    }
    let least = lines.len() * 80 / 100;
    assert!(acts >= least, "{acts} acts of {} are right", lines.len());
    assert!(
        scopes >= least,
        "{scopes} scopes of {} are right",
        lines.len()
    );
    assert!(harm.is_empty(), "{harm:#?}");
}

#[test]
fn every_act_is_reached() {
    let reader = Reader::new();
    let mut right: BTreeMap<Act, usize> = BTreeMap::new();
    // Every fifth example says as much and takes a fifth of the time.
    for line in labelled(EXAMPLES).iter().step_by(5) {
        if read(&reader, line).act == line.act {
            *right.entry(line.act).or_default() += 1;
        }
    }
    for act in Act::ALL {
        assert!(right.get(&act).is_some_and(|count| *count >= 10), "{act}");
    }
}

#[test]
fn acts_are_those_of_the_file() {
    #[derive(Deserialize)]
    struct File {
        acts: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        name: String,
        about: String,
        scope: String,
        effect: bool,
        slots: Vec<String>,
    }
    let file: File = toml::from_str(ACTS).unwrap();
    assert_eq!(file.acts.len(), Act::ALL.len());
    for (row, act) in file.acts.iter().zip(Act::ALL) {
        assert_eq!(row.name, act.name());
        assert_eq!(row.name.parse(), Ok(act));
        assert_eq!(row.about, act.about());
        assert_eq!(row.effect, act.has_effect(), "{act}");
        for target in act.targets() {
            assert!(row.scope.contains(target.as_str()), "{act} {target}");
        }
        let ours: BTreeSet<&str> = act.slot_names().collect();
        let theirs: BTreeSet<&str> = row.slots.iter().map(String::as_str).collect();
        assert_eq!(ours, theirs, "{act}");
    }
}

/// Words of an order that are none, and the act that they must not become.
const NO_ORDERS: [(&str, Act); 72] = [
    ("don't pay me out yet", Act::Payout),
    ("please do not release the single", Act::ReleaseSubmit),
    ("no need to delete anything", Act::Forget),
    ("never submit it without asking me", Act::ReleaseSubmit),
    (
        "I'm not approving that today, don't approve it",
        Act::Approve,
    ),
    ("don't pause the music", Act::Pause),
    ("no publiques nada todavía", Act::ReleaseSubmit),
    ("no me pagues aún", Act::Payout),
    ("no borres mis documentos", Act::Forget),
    ("no pauses la música", Act::Pause),
    ("todavía no lo apruebes, no apruebes nada", Act::Approve),
    ("não saque nada agora", Act::Payout),
    ("não publique o single ainda", Act::ReleaseSubmit),
    ("não apague meus arquivos", Act::Forget),
    ("não precisa criar automação", Act::WorkflowCreate),
    ("nunca envie sem me perguntar", Act::ReleaseSubmit),
    ("ne publie rien aujourd'hui", Act::ReleaseSubmit),
    ("ne supprime pas mes fichiers", Act::Forget),
    ("surtout ne retire pas l'argent", Act::Payout),
    ("n'approuve rien sans moi, n'approuve pas", Act::Approve),
    ("lance pas encore la musique, ne lance rien", Act::Play),
    ("zahl das noch nicht aus", Act::Payout),
    ("veröffentliche bitte nichts", Act::ReleaseSubmit),
    ("du sollst nichts löschen", Act::Forget),
    ("das darfst du nicht freigeben", Act::Approve),
    ("spiel jetzt bitte keine musik", Act::Play),
    ("should I approve the budget?", Act::Approve),
    ("what happens if I reject it", Act::Reject),
    ("is it worth pausing the campaign", Act::WorkflowPause),
    ("debería aprobar la portada?", Act::Approve),
    ("vale la pena lanzar en diciembre?", Act::ReleaseSubmit),
    ("devo aprovar a arte?", Act::Approve),
    ("o que acontece se eu recusar", Act::Reject),
    ("dois-je valider la pochette ?", Act::Approve),
    ("faut-il sortir le single en été ?", Act::ReleaseSubmit),
    ("soll ich das cover freigeben?", Act::Approve),
    (
        "lohnt es sich im dezember zu veröffentlichen",
        Act::ReleaseSubmit,
    ),
    ("we were thinking about deleting everything", Act::Forget),
    ("estaba pensando en retirar 200 euros", Act::Payout),
    ("tava pensando em sacar tudo", Act::Payout),
    ("je pensais publier en mars", Act::ReleaseSubmit),
    (
        "ich überlege ob ich das einreichen soll",
        Act::ReleaseSubmit,
    ),
    ("he said release it on friday", Act::ReleaseSubmit),
    ("el sello me dijo publica ya", Act::ReleaseSubmit),
    (
        "meu empresário me disse saca tudo, ele falou saca",
        Act::Payout,
    ),
    ("le label m'a dit publie maintenant", Act::ReleaseSubmit),
    (
        "mein manager hat gesagt veröffentliche es",
        Act::ReleaseSubmit,
    ),
    ("I already withdrew my money", Act::Payout),
    ("my manager approved it yesterday", Act::Approve),
    ("we submitted the album last week", Act::ReleaseSubmit),
    ("ya lo hemos enviado", Act::ReleaseSubmit),
    ("ele já aprovou isso", Act::Approve),
    ("il a déjà approuvé", Act::Approve),
    ("ich hab das geld schon abgehoben", Act::Payout),
    ("\"skip this\" is what they all say", Act::Skip),
    ("the chorus goes \"delete everything\"", Act::Forget),
    ("our new song is called Pause", Act::Pause),
    ("der song heißt Überspringen", Act::Skip),
    ("if the label agrees, release it", Act::ReleaseSubmit),
    (
        "wenn das master fertig ist, reich es ein",
        Act::ReleaseSubmit,
    ),
    (
        "an old lady left me a 20 dollar tip at the merch table",
        Act::Tip,
    ),
    ("unos turistas me dejaron 10 euros de propina", Act::Tip),
    ("ein Fan hat mir gestern Trinkgeld zugesteckt", Act::Tip),
    ("let's wait with the payout", Act::Payout),
    ("the payout can wait", Act::Payout),
    ("the release can wait, no rush", Act::ReleaseSubmit),
    (
        "avoid sending anything to the shops today",
        Act::ReleaseSubmit,
    ),
    ("no wait, hold the approval", Act::Approve),
    ("espera con el pago, por favor", Act::Payout),
    ("calma com o pagamento, espera com isso", Act::Payout),
    ("attends avant de publier", Act::ReleaseSubmit),
    ("warte noch mit der Veröffentlichung", Act::ReleaseSubmit),
];

#[test]
fn what_is_no_order_is_refused() {
    let reader = Reader::new();
    let mut missed = Vec::new();
    for (text, act) in NO_ORDERS {
        let intent = plain(&reader, text);
        let refused = intent.refused.iter().any(|(refused, _)| *refused == act);
        if !refused || intent.act == act {
            missed.push((text, act, intent.act));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Orders that a guard must not take for something else.
const ORDERS: [(&str, Act); 35] = [
    ("I can't wait, push the single out", Act::ReleaseSubmit),
    (
        "don't wait for the label, pay me out 200 euros",
        Act::Payout,
    ),
    ("wait, yes, approve it", Act::Approve),
    ("pay me out 200 euros", Act::Payout),
    ("why don't you play some jazz", Act::Play),
    ("no more changes, push the single out", Act::ReleaseSubmit),
    ("no, skip this one", Act::Skip),
    ("play \"Delete Everything\"", Act::Play),
    ("don't send me any more nudges", Act::StopNudges),
    ("don't share my contract with Theo any more", Act::Documents),
    ("submit the single", Act::ReleaseSubmit),
    ("delete everything you know about me", Act::Forget),
    ("spela nästa", Act::Skip),
    ("págame 100 euros", Act::Payout),
    ("publica el single el viernes", Act::ReleaseSubmit),
    ("pausa la música", Act::Pause),
    ("salta esta canción", Act::Skip),
    ("borra todos mis datos", Act::Forget),
    ("apruebo la portada", Act::Approve),
    ("saca 50 reais pra minha conta", Act::Payout),
    ("toca um samba", Act::Play),
    ("pula essa", Act::Skip),
    ("apaga meus documentos", Act::Forget),
    ("aprovo a capa", Act::Approve),
    ("mets en pause la musique", Act::Pause),
    ("passe au morceau suivant", Act::Skip),
    ("publie le single vendredi", Act::ReleaseSubmit),
    ("vire-moi 80 euros", Act::Payout),
    ("j'approuve la pochette", Act::Approve),
    ("spiel was ruhiges", Act::Play),
    ("nächstes lied bitte", Act::Skip),
    ("zahl mir 80 euro aus", Act::Payout),
    ("reich die single ein", Act::ReleaseSubmit),
    ("lösch alle meine daten", Act::Forget),
    ("ich gebe das cover frei", Act::Approve),
];

#[test]
fn an_order_is_an_order() {
    let reader = Reader::new();
    let mut missed = Vec::new();
    for (text, act) in ORDERS {
        let intent = plain(&reader, text);
        if intent.act != act {
            missed.push((text, act, intent.act, intent.guarded));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn a_yes_answers_what_was_proposed() {
    let reader = Reader::new();
    for (asked, yes, no) in [
        (
            "Shall I release the single on Friday?",
            "yes",
            "no, not yet",
        ),
        ("¿Lo publico el viernes?", "sí, dale", "no"),
        ("Posso publicar na sexta?", "pode", "não"),
        ("Je le publie vendredi ?", "oui", "non"),
        ("Soll ich es am Freitag einreichen?", "ja", "nein"),
    ] {
        assert_eq!(after(&reader, asked, yes).act, Act::Approve, "{yes}");
        assert_eq!(after(&reader, asked, no).act, Act::Reject, "{no}");
        assert!(
            !plain(&reader, yes).act.has_effect(),
            "{yes} out of the blue"
        );
    }
    let shorter = after(
        &reader,
        "Here is a caption: Night falls on Riga…",
        "make it shorter",
    );
    assert_eq!(shorter.act, Act::Content);
}

#[test]
fn slots_hold_what_was_said() {
    let reader = Reader::new();
    for (text, act, slots) in [
        (
            "pay me out 250,50 € to my paypal",
            Act::Payout,
            "account=paypal amount=250.50 currency=EUR",
        ),
        (
            "zahl mir 80 euro aus",
            Act::Payout,
            "amount=80 currency=EUR",
        ),
        (
            "tip Ada 5 euros every month",
            Act::Tip,
            "amount=5 currency=EUR repeat=monthly to=Ada",
        ),
        (
            "play \"Midnight Rain\" by Taylor Swift in the kitchen",
            Act::Play,
            "artist=Taylor Swift device=kitchen title=Midnight Rain",
        ),
        (
            "make me a 20 song playlist for the gym called Sweat",
            Act::Playlist,
            "count=20 mood=workout name=Sweat",
        ),
        ("spela nästa", Act::Skip, "direction=next"),
        ("turn it down to 30", Act::Player, "volume=30"),
        ("go to 1:30", Act::Player, "position=1:30"),
        (
            "how much did Low Tide make on spotify last month in germany",
            Act::Earnings,
            "period=last month song=Low Tide source=spotify territory=Germany",
        ),
        (
            "pause the thank-you flow until monday",
            Act::WorkflowPause,
            "state=pause until=monday",
        ),
        (
            "release \"Night Bus\" on friday",
            Act::ReleaseSubmit,
            "date=friday title=Night Bus",
        ),
        (
            "write a funny caption in spanish about the new single",
            Act::Content,
            "kind=caption language=es subject=the new single tone=funny",
        ),
        (
            "reject it because the logo is pixelated",
            Act::Reject,
            "reason=the logo is pixelated",
        ),
        (
            "rename the document to \"Rider 2026\"",
            Act::Documents,
            "action=rename name=Rider 2026",
        ),
        ("answer me in german from now on", Act::Settings, "value=de"),
    ] {
        let intent = plain(&reader, text);
        assert_eq!(intent.act, act, "{text}");
        let found = intent
            .args
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        assert_eq!(found.collect::<Vec<_>>().join(" "), slots, "{text}");
    }
}

#[test]
fn nothing_said_breaks_the_reader() {
    let reader = Reader::new();
    let long = "skip ".repeat(5_000);
    for text in [
        "",
        " ",
        "\"",
        "“",
        "'",
        "«»",
        "?!…",
        "👍",
        "1",
        "\u{200b}",
        "é́́",
        "漢字",
        long.as_str(),
    ] {
        let intent = plain(&reader, text);
        assert!(
            intent.confidence.act.is_finite() && intent.confidence.scope.is_finite(),
            "{text:?}"
        );
    }
    assert!(!plain(&reader, "").act.has_effect());
}

#[test]
fn a_models_word_holds_only_where_the_guards_let_it() {
    let reader = Reader::new();
    let model = |text: &str| reply::parse(text).unwrap();
    let payout = r#"{"scope":"personal","act":"payout","confidence":1,"args":{"amount":"50"}}"#;

    let forbidden = plain(&reader, "don't pay me out yet");
    let settled = settle(&forbidden, Some(model(payout)));
    assert_eq!(settled.act, forbidden.act);
    assert_eq!(settled.guarded, Some("negated"));

    let ordered = plain(&reader, "pay me out 250 euros");
    let settled = settle(&ordered, Some(model(payout)));
    assert_eq!(settled.act, Act::Payout);
    assert_eq!(settled.args.get("amount").unwrap(), "250");

    assert_eq!(settle(&ordered, None), ordered);
    let danger = plain(&reader, "i want to kill myself");
    assert_eq!(settle(&danger, Some(model(payout))).act, Act::Crisis);
}

#[test]
fn what_is_not_the_shape_is_nothing() {
    let good =
        r#"{"scope":"none","act":"skip","confidence":0.9,"args":{"count":2,"nonsense":"x"}}"#;
    let intent = reply::parse(good).unwrap();
    assert_eq!((intent.act, intent.target), (Act::Skip, Target::None));
    assert_eq!(
        intent.args,
        BTreeMap::from([("count".to_owned(), "2".to_owned())])
    );
    assert_eq!(reply::parse(&format!("```json\n{good}\n```")), Some(intent));
    for bad in [
        "",
        "skip",
        "{}",
        "[]",
        r#"{"scope":"all","act":"skip","confidence":1,"args":{}}"#,
        r#"{"scope":"none","act":"dance","confidence":1,"args":{}}"#,
        r#"{"scope":"none","act":"skip","confidence":7,"args":{}}"#,
        r#"{"scope":"none","act":"skip","confidence":1,"args":{},"more":1}"#,
        r#"Sure! {"scope":"none","act":"skip","confidence":1,"args":{}}"#,
    ] {
        assert_eq!(reply::parse(bad), None, "{bad}");
    }
    let odd = r#"{"scope":"global","act":"payout","confidence":1,"args":{}}"#;
    assert_eq!(reply::parse(odd).unwrap().target, Target::Personal);
    let asks = |query: &str| {
        let more = format!(
            r#"{{"scope":"global","act":"ask","confidence":1,"args":{{}},"query":{query}}}"#
        );
        reply::parse(&more).unwrap().query
    };
    assert_eq!(
        asks(r#"" who pays mechanicals? ""#).as_deref(),
        Some("who pays mechanicals?")
    );
    let long = format!("\"{}\"", "x".repeat(501));
    for odd in ["\"\"", "null", "[1]", r#""two\nlines""#, long.as_str()] {
        assert_eq!(asks(odd), None, "{odd}");
    }
    let schema = reply::schema();
    assert_eq!(
        schema["properties"]["act"]["enum"]
            .as_array()
            .unwrap()
            .len(),
        Act::ALL.len()
    );
}
