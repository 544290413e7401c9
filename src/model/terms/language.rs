//! Which language a text is in, by the small words that every sentence needs.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Language;

/// Letters of a text that are looked at.
const SAMPLE: usize = 6_000;

/// Small words; those that several languages have count less. The last lists are neighbours that would
/// be taken for ours.
const WORDS: [(Option<Language>, &str); 8] = [
    (
        Some(Language::English),
        "the and of to is in that for it with are on as be this by you not or have from your an at which \
         they was their will can has if we how what do my when who does i me",
    ),
    (
        Some(Language::Spanish),
        "el la los las de que y en un una es por con para se del no al lo como su más o pero sus le ya \
         este sí porque esta son entre cuando muy sin sobre también hay qué cómo mi yo cuánto puedo",
    ),
    (
        Some(Language::Portuguese),
        "o a os as de que e em um uma é por com para se do da não ao dos das no na mais mas como seu sua \
         ou pelo pela são quando muito nos já está também você isso eu meu minha ele foi à às",
    ),
    (
        Some(Language::French),
        "le la les des du de et en un une est que qui dans pour pas au aux sur par ce il elle plus ne se \
         avec sont son sa ou mais vous nous cette être comme je mon ma c'est d'un l'on quand leur à été",
    ),
    (
        Some(Language::German),
        "der die das und ist in den von zu mit sich des auf für nicht ein eine dem als auch es an werden \
         aus er hat dass sie nach wird bei einer um am sind noch wie einem über so zum kann ich mein wenn",
    ),
    (
        None,
        "il la le di che e è per un una in con non del della dei sono si da al come più gli anche nel alla \
         ma questo lo ho mi perché degli delle dal i",
    ),
    (
        None,
        "de het een van en is dat in te op voor met zijn niet aan er om ook als bij maar of je naar door \
         uit wordt deze nog wat ik hij kan over",
    ),
    (
        None,
        "och att det som en på är av för med den till inte om har de et i og er ikke til av jeg af men \
         nie się na że jest do z w o jak ale bir ve bu için ile da de ne çok",
    ),
];

/// Which lists have a word.
static LISTS: LazyLock<HashMap<&'static str, Vec<usize>>> = LazyLock::new(|| {
    let mut lists: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, (_, words)) in WORDS.iter().enumerate() {
        for word in words.split_whitespace() {
            let known = lists.entry(word).or_default();
            if known.last() != Some(&index) {
                known.push(index);
            }
        }
    }
    lists
});

/// The language of a text; `None` where it shows none of ours.
pub fn language(text: &str) -> Option<Language> {
    let sample = text
        .char_indices()
        .nth(SAMPLE)
        .map_or(text, |(end, _)| text.get(..end).unwrap_or(text));
    let mut scores = [0.0_f64; WORDS.len()];
    let (mut words, mut latin, mut foreign) = (0_usize, 0_usize, 0_usize);
    for c in sample.chars().filter(|c| c.is_alphabetic()) {
        match u32::from(c) < 0x250 {
            true => latin += 1,
            false => foreign += 1,
        }
    }
    if foreign > latin {
        return None;
    }
    for word in sample.split(|c: char| !c.is_alphabetic() && c != '\'' && c != '’') {
        if word.is_empty() {
            continue;
        }
        words += 1;
        let word = word.to_lowercase().replace('’', "'");
        // French and Italian words lean on each other.
        let known = LISTS.get(word.as_str());
        let share = known.map_or(0.0, |lists| 1.0 / lists.len() as f64);
        for index in known.into_iter().flatten() {
            if let Some(score) = scores.get_mut(*index) {
                *score += share;
            }
        }
        for (index, letters) in LETTERS {
            if word.contains(letters)
                && let Some(score) = scores.get_mut(index)
            {
                *score += 0.5;
            }
        }
    }
    let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    match best {
        Some((index, score)) if *score > 0.0 && *score * 25.0 >= words as f64 => {
            WORDS.get(index).and_then(|(language, _)| *language)
        }
        _ => None,
    }
}

/// Letters that one of the languages has and its neighbours lack.
const LETTERS: [(usize, &[char]); 5] = [
    (1, &['ñ', '¿', '¡']),
    (2, &['ã', 'õ']),
    (3, &['è', 'ê', 'ù', 'œ', 'û']),
    (4, &['ß', 'ä']),
    (7, &['å', 'ø', 'ł', 'ş', 'ğ', 'ı', 'ę', 'ż', 'ś']),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_apart() {
        for (code, text) in [
            (
                "en",
                "How are mechanical royalties paid, and who collects them for me?",
            ),
            ("en", "The label recoups the advance from your share."),
            ("es", "¿Cuánto me pagan por cada reproducción en Spotify?"),
            (
                "es",
                "Los derechos de autor se pagan dos veces al año a los socios.",
            ),
            (
                "pt",
                "Como registro as minhas músicas e quanto vou receber por isso?",
            ),
            (
                "pt",
                "O contrato não permite que a gravadora fique com todos os direitos.",
            ),
            (
                "fr",
                "Comment sont payés les droits d'auteur et qui les collecte pour moi ?",
            ),
            (
                "fr",
                "Le contrat est signé par l’artiste et le label dans les trente jours.",
            ),
            (
                "de",
                "Wie werden die Tantiemen ausgezahlt und wer sammelt sie für mich ein?",
            ),
            ("de", "Der Vorschuss wird mit den Einnahmen verrechnet."),
            (
                "other",
                "Come vengono pagati i diritti d'autore e chi li raccoglie per me?",
            ),
            (
                "other",
                "Hoe worden de royalty's betaald en wie int ze voor mij?",
            ),
            ("other", "Как выплачиваются авторские отчисления?"),
            ("other", "ISRC DEAB12600001 12,50 EUR"),
            ("other", ""),
        ] {
            let found = language(text).map_or("other", Language::code);
            assert_eq!(found, code, "{text}");
        }
    }
}
