use proptest::prelude::*;

use super::*;
use crate::model::{Clock, Ids};

const WIDE: Limits = Limits {
    passages: 10,
    per_document: 3,
    characters: 10_000,
};

fn documents(many: usize) -> Vec<DocumentId> {
    let ids = Ids::new(Clock::manual(Time::from_ms(1)), Some(7));
    (0..many).map(|_| DocumentId::new(&ids)).collect()
}

fn chunk(document: DocumentId, ordinal: i64, text: &str) -> Chunk {
    Chunk {
        id: ordinal + 100,
        document,
        scope: Scope::Global,
        ordinal,
        path: "Contract".to_owned(),
        start: ordinal * 10,
        text: text.to_owned(),
        name: "contract".to_owned(),
        title: "Contract".to_owned(),
        updated_at: Time::from_ms(1),
    }
}

/// In the order of the list, each a little worse.
fn found(chunks: Vec<Chunk>) -> Vec<(Fused, Chunk)> {
    let scored = (1_u16..).zip(chunks).map(|(rank, chunk)| {
        let fused = Fused {
            chunk: chunk.id,
            score: 1.0 / f32::from(rank),
            by: Vec::new(),
        };
        (fused, chunk)
    });
    scored.collect()
}

fn texts(passages: &[Passage]) -> Vec<&str> {
    passages
        .iter()
        .map(|passage| passage.text.as_str())
        .collect()
}

#[test]
fn what_was_said_already_is_left_out() {
    let [one, other] = documents(2).try_into().unwrap();
    let passages = choose(
        found(vec![
            chunk(one, 1, "The split is half and half for all of us."),
            chunk(other, 1, "THE SPLIT is half and half, for all of us!"),
            chunk(
                other,
                9,
                "The tour begins in March in Lisbon and ends in May.",
            ),
        ]),
        WIDE,
    );
    assert_eq!(passages.len(), 2, "{passages:#?}");
    assert_eq!(passages[0].document, one);
}

#[test]
fn of_two_copies_ones_own_is_shown() {
    let [one, other] = documents(2).try_into().unwrap();
    let ids = Ids::new(Clock::manual(Time::from_ms(1)), Some(8));
    let mut own = chunk(other, 1, "The split is half and half for all of us.");
    own.scope = Scope::Team(crate::model::ArtistId::new(&ids));
    let text = own.text.clone();
    let between = chunk(one, 5, "The tour begins in March.");
    let passages = choose(found(vec![chunk(one, 1, &text), between, own]), WIDE);
    assert_eq!(passages.len(), 2);
    assert_eq!(passages[0].document, other);
}

#[test]
fn neighbours_become_one_passage_without_the_overlap() {
    let [one] = documents(1).try_into().unwrap();
    let passages = choose(
        found(vec![
            chunk(
                one,
                3,
                "and every quarter it is paid out. Ask for statements.",
            ),
            chunk(
                one,
                2,
                "Royalties are counted twice a year and every quarter it is paid out.",
            ),
            chunk(one, 7, "Something else entirely stands here."),
        ]),
        WIDE,
    );
    assert_eq!(
        texts(&passages),
        [
            "Royalties are counted twice a year and every quarter it is paid out. Ask for statements.",
            "Something else entirely stands here."
        ]
    );
    assert_eq!(passages[0].ordinals, (2, 3));
    assert_eq!(passages[0].chunks, [102, 103]);
    assert_eq!(passages[0].start, 20);
    assert!((passages[0].score - 1.0).abs() < f32::EPSILON);
}

#[test]
fn one_document_does_not_take_every_place() {
    let [one, other] = documents(2).try_into().unwrap();
    let mut chunks: Vec<Chunk> = (0..8)
        .map(|number| {
            chunk(
                one,
                number * 2,
                &format!("Sentence {number} {} of one.", number * 7),
            )
        })
        .collect();
    chunks.push(chunk(other, 1, "A word of the other document."));
    let limits = Limits {
        passages: 4,
        ..WIDE
    };
    let passages = choose(found(chunks.clone()), limits);
    let of_one = passages.iter().filter(|passage| passage.document == one);
    assert_eq!((passages.len(), of_one.count()), (4, 3));
    // Nobody else has anything to say.
    chunks.pop();
    assert_eq!(choose(found(chunks), limits).len(), 4);
}

#[test]
fn a_passage_is_widened_by_what_stands_beside_it() {
    let [one, other] = documents(2).try_into().unwrap();
    let mut passage = choose(found(vec![chunk(one, 5, "in the middle")]), WIDE).remove(0);
    for near in [
        chunk(one, 6, "after"),
        chunk(one, 4, "before"),
        chunk(one, 9, "far"),
        chunk(other, 7, "elsewhere"),
    ] {
        passage.widen(&near);
    }
    assert_eq!(passage.text, "before\nin the middle\nafter");
    assert_eq!(passage.ordinals, (4, 6));
}

proptest! {
    #[test]
    fn the_limits_hold(
        words in prop::collection::vec("[a-zé]{1,12}( [a-zé]{1,12}){0,20}", 1..20),
        passages in 1..8_usize, per_document in 1..4_usize, characters in 1..400_usize,
    ) {
        let ids = documents(3);
        let chunks: Vec<Chunk> = words.iter().enumerate()
            .map(|(at, text)| chunk(ids[at % 3], i64::try_from(at).unwrap(), text))
            .collect();
        let limits = Limits { passages, per_document, characters };
        let chosen = choose(found(chunks), limits);
        prop_assert!(!chosen.is_empty() && chosen.len() <= passages);
        let said: usize = chosen.iter().map(|passage| passage.text.chars().count()).sum();
        // Joining may add a line break each.
        prop_assert!(said <= characters + passages, "{said} > {characters}");
        prop_assert!(chosen.windows(2).all(|pair| pair[0].score >= pair[1].score));
        let mut all: Vec<i64> = chosen.iter().flat_map(|passage| passage.chunks.clone()).collect();
        let many = all.len();
        all.sort_unstable();
        all.dedup();
        prop_assert_eq!(all.len(), many);
    }

    #[test]
    fn joining_loses_nothing(text in "[a-zé .]{60,120}", cut in 5..20_usize, overlap in 13..20_usize) {
        let letters: Vec<char> = text.chars().collect();
        let before: String = letters[..letters.len() - cut].iter().collect();
        let after: String = letters[letters.len().saturating_sub(cut + overlap)..].iter().collect();
        let whole = joined(&before, &after);
        prop_assert!(whole.len() <= text.len());
        prop_assert!(whole.starts_with(&before) && whole.ends_with(&letters[letters.len() - cut..].iter().collect::<String>()));
    }
}
