use proptest::prelude::*;

use super::*;

fn words_of(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    words::each(text, |word| all.push(word.text.to_owned()));
    all
}

fn finds(question: &str, passage: &str, language: &str) -> bool {
    let (terms, _) = of_passage("", passage, language);
    let has = |term: &u32| terms.iter().any(|(known, _)| known == term);
    let Query { words } = of_query(question);
    !words.is_empty() && words.iter().all(|word| word.terms.iter().any(has))
}

#[test]
fn words_are_cut_as_people_write_them() {
    for (text, expected) in [
        ("Split sheets, signed!", "split sheets signed"),
        ("QZ-AAA-26-00001", "qz aaa 26 00001 qzaaa2600001"),
        ("hip-hop", "hip hop hiphop"),
        (
            "The artist’s label doesn't pay",
            "the artist label doesnt pay",
        ),
        ("l'artiste d'Angelo qu'il", "artiste angelo il"),
        (
            "1,000 or 1.000.000 or 3,5 % of 1,000.50",
            "1000 or 1000000 or 3.5 of 1000.50",
        ),
        (
            "2026-11-21 and 21.11.2026",
            "2026 11 21 20261121 and 21 11 2026 21112026",
        ),
        ("R&B and a@b.com", "r b rb and a b com bcom"),
        ("Ｆｕｌｌ ﬁle", "full file"),
        ("音楽著作権 JASRAC", "音楽 楽著 著作 作権 jasrac"),
        ("end.Begin -dash- ...", "end begin endbegin dash"),
        ("", ""),
    ] {
        assert_eq!(words_of(text).join(" "), expected, "{text}");
    }
}

#[test]
fn a_question_finds_other_forms_of_its_words() {
    for (question, passage, language) in [
        (
            "how do I register my songs?",
            "Registration of a song with a society. Registered songs pay.",
            "en",
        ),
        ("qzaaa2600001", "The ISRC is QZ-AAA-26-00001.", "en"),
        (
            "ISRC QZ-AAA-26-00001",
            "isrc: QZAAA2600001, qz aaa 26 00001",
            "en",
        ),
        ("¿qué son las regalías?", "La regalía mecánica", "es"),
        ("que son las regalias", "La regalía mecánica", "es"),
        ("publicacion", "La publicación", "es"),
        ("direitos autorais", "O direito autoral de um autor", "pt"),
        (
            "quelles sont les répétitions",
            "La répétition générale",
            "fr",
        ),
        (
            "Welche Verträge brauche ich?",
            "Ein Vertrag mit dem Verlag",
            "de",
        ),
        ("strasse", "Die Straße", "de"),
        ("hiphop", "Hip-Hop", "en"),
        ("artist's royalties", "An artist and a royalty", "en"),
    ] {
        assert!(finds(question, passage, language), "{question} → {passage}");
    }
    assert!(!finds("royalties", "A loyal dog", "en"));
}

#[test]
fn stop_and_question_words_are_left_out_of_questions_only() {
    let meant = |text: &str| of_query(text).words.len();
    assert_eq!(
        meant("What is the best way to get my songs on playlists?"),
        3
    );
    assert_eq!(meant("¿Cómo puedo registrar mis canciones?"), 2);
    assert_eq!(meant("Como eu posso registrar as minhas músicas?"), 2);
    assert_eq!(
        meant("Comment est-ce que je peux déposer mes chansons ?"),
        2
    );
    assert_eq!(meant("Wie kann ich meine Lieder anmelden?"), 2);
    // An English word that another language asks with.
    assert_eq!(meant("do fans die for this?"), 2);
    // Nothing else was said.
    assert_eq!(meant("what about it?"), 3);
    assert_eq!(meant("?!"), 0);
    assert_eq!(of_passage("", "what about it", "en").1, 3);
}

#[test]
fn a_word_said_twice_counts_double_and_a_title_too() {
    let query = of_query("split or splits");
    assert_eq!(query.words.len(), 1);
    assert!((query.words[0].weight - 2.0).abs() < f32::EPSILON);
    let (terms, length) = of_passage("Splits", "one split", "en");
    assert_eq!(length, 4);
    let counts: Vec<u8> = terms.iter().map(|(_, count)| *count).collect();
    assert!(counts.contains(&3) && counts.contains(&1), "{counts:?}");
}

#[test]
fn a_long_question_is_cut() {
    let text: String = (0..200).map(|number| format!("word{number} ")).collect();
    assert_eq!(of_query(&text).words.len(), MOST_WORDS);
}

/// Terms are kept in databases: another number for the same word would lose what was indexed before.
#[test]
fn terms_stay_what_they_are() {
    assert_eq!(
        of_passage("", "royalties", "en").0,
        of_passage("", "royalty", "en").0
    );
    let kept = vec![(255_809_795, 1), (711_150_657, 1), (943_930_863, 1)];
    assert_eq!(of_passage("", "Músicas de 2026", "pt"), (kept, 3));
}

proptest! {
    #[test]
    fn any_text_has_terms_within_the_limit(path in ".{0,40}", text in ".{0,200}", language in "[a-z]{0,3}") {
        let (terms, _) = of_passage(&path, &text, &language);
        prop_assert!(terms.windows(2).all(|pair| pair[0].0 < pair[1].0));
        prop_assert!(terms.iter().all(|(term, count)| (1..=LIMIT).contains(term) && *count > 0));
        let query = of_query(&text);
        prop_assert!(query.words.len() <= MOST_WORDS);
        prop_assert!(query.terms().iter().all(|term| (1..=LIMIT).contains(term)));
    }

    #[test]
    fn a_text_asked_for_in_its_own_words_is_found(words in "[a-zA-Z0-9áéíóúñçãõäöüß' .-]{1,60}", language in 0..5_usize) {
        let code = ["en", "es", "pt", "fr", "de"][language];
        let query = of_query(&words);
        prop_assume!(!query.is_empty());
        prop_assert!(finds(&words, &words, code), "{words}");
    }
}
