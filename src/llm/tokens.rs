use std::borrow::Cow;

use super::catalogue::Entry;
use super::{Line, Request, Role, sight};

/// Tokens that every message costs beyond its text.
const PER_LINE: u64 = 6;
/// Tokens of a letter beyond the usual planes.
const PER_RARE: u64 = 3;
/// An answer needs that much room at least, or the window is cut.
const LEAST_OUTPUT: u64 = 512;

/// About how many tokens a text has, rather too many than too few.
///
/// Byte-pair vocabularies take 3.5 to 4.5 letters of English per token and one token for most
/// other letters; 3 and 1 leave a margin of some 20 %. The size of documents' pieces is counted otherwise, nearer to
/// the middle: a piece that is some tokens larger harms nobody.
pub fn estimate(text: &str) -> u64 {
    of_letters(letters(text))
}

/// Letters of a text: of ASCII, and others; a rare one, as an emoji is, counts for the tokens that it has.
pub(super) fn letters(text: &str) -> [u64; 2] {
    let mut counts = [0, 0];
    let [ascii, other] = &mut counts;
    for letter in text.chars() {
        match letter.len_utf8() {
            1 => *ascii += 1,
            4 => *other += PER_RARE,
            _ => *other += 1,
        }
    }
    counts
}

/// About how many tokens so many letters have.
pub(super) fn of_letters([ascii, other]: [u64; 2]) -> u64 {
    ascii.div_ceil(3).saturating_add(other)
}

/// Vocabularies by a part of the names of the models that use them; the first that fits counts. Those of
/// Anthropic, Google and xAI are not published.
const VOCABULARIES: [(&str, &str); 12] = [
    ("gpt-3.5", ""),
    ("gpt-4-", ""),
    ("glm", ""),
    ("openai/", "o200k_base"),
    ("gpt-oss", "o200k_base"),
    ("deepseek", "deepseek_v3"),
    ("qwen", "qwen2"),
    ("mistral", "mistral_v3"),
    ("ministral", "mistral_v3"),
    ("magistral", "mistral_v3"),
    ("devstral", "mistral_v3"),
    ("codestral", "mistral_v3"),
];

/// The vocabulary of a model; none where it is not at hand.
fn vocabulary(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let known = VOCABULARIES.iter().find(|(part, _)| name.contains(part));
    known
        .map(|(_, vocabulary)| *vocabulary)
        .filter(|vocabulary| !vocabulary.is_empty())
}

/// Counts tokens with a vocabulary, and a twentieth more: makers change them a little from model to model.
fn counter(vocabulary: &str) -> Option<impl Fn(&str) -> u64> {
    let words = tiktoken::get_encoding(vocabulary)?;
    Some(move |text: &str| {
        let count = u64::try_from(words.count(text)).unwrap_or(u64::MAX);
        count.saturating_add(count.div_ceil(20))
    })
}

fn weight(line: &Line, count: impl Fn(&str) -> u64) -> u64 {
    let calls: u64 = line
        .calls
        .iter()
        .map(|call| count(&call.name) + count(&call.arguments) + PER_LINE)
        .sum();
    let images = sight::TOKENS.saturating_mul(line.images.len() as u64);
    count(&line.text) + images + calls + PER_LINE
}

/// About how many tokens a request has.
pub(super) fn of_request(request: &Request) -> u64 {
    counted(request, estimate)
}

fn counted(request: &Request, count: impl Fn(&str) -> u64) -> u64 {
    let tools: u64 = request
        .tools
        .iter()
        .map(|tool| count(&tool.name) + count(&tool.about) + count(tool.schema.text()))
        .sum();
    let lines = request.messages.iter();
    tools + lines.map(|line| weight(line, &count)).sum::<u64>()
}

/// Tokens that a request may have, so that there is room for its answer.
fn room(request: &Request, entry: &Entry) -> u64 {
    let context = u64::from(entry.context);
    let output = u64::from(request.max_output.unwrap_or(entry.output).min(entry.output))
        .min(context / 4)
        .max(LEAST_OUTPUT.min(context / 2));
    context.saturating_sub(output)
}

/// Cuts a window to what fits a model: system lines and the last line stay, the oldest of the
/// rest go first, and a tool's answer goes with the call it belongs to. None when even so it is
/// too long; a model whose context is a guess is asked all the same.
///
/// What is near the limit by the estimate is counted with the model's vocabulary where that is at hand.
pub(super) async fn fit<'a>(request: &'a Request, entry: &Entry) -> Option<Cow<'a, Request>> {
    if of_request(request) <= room(request, entry) {
        return Some(Cow::Borrowed(request));
    }
    let Some(vocabulary) = vocabulary(&entry.name) else {
        return cut(request, entry, estimate);
    };
    // To load a vocabulary takes a quarter of a second, once; nobody else is to wait for it.
    let (asked, entry) = (request.clone(), entry.clone());
    let counted = tokio::task::spawn_blocking(move || {
        let fitted = match counter(vocabulary) {
            Some(count) => cut(&asked, &entry, count),
            None => cut(&asked, &entry, estimate),
        };
        fitted.map(Cow::into_owned)
    });
    counted.await.ok()?.map(Cow::Owned)
}

fn cut<'a>(
    request: &'a Request,
    entry: &Entry,
    count: impl Fn(&str) -> u64,
) -> Option<Cow<'a, Request>> {
    let room = room(request, entry);
    let mut total = counted(request, &count);
    if total <= room {
        return Some(Cow::Borrowed(request));
    }
    let mut kept = request.clone();
    let mut lines: Vec<Option<Line>> = kept.messages.drain(..).map(Some).collect();
    let last = lines
        .iter()
        .rposition(|line| line.as_ref().is_some_and(|line| line.role == Role::Person))
        .unwrap_or_else(|| lines.len().saturating_sub(1));
    let mut orphaned = false;
    for slot in lines.iter_mut().take(last) {
        let Some(line) = slot.as_ref() else { continue };
        let follows = orphaned && matches!(line.role, Role::Tool(_));
        if line.role == Role::System || (total <= room && !follows) {
            orphaned = false;
            continue;
        }
        orphaned = follows || !line.calls.is_empty();
        total = total.saturating_sub(weight(line, &count));
        *slot = None;
    }
    if total > room && !entry.guessed {
        return None;
    }
    kept.messages = lines.into_iter().flatten().collect();
    Some(Cow::Owned(kept))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::llm::ToolCall;

    fn small(context: u32) -> Entry {
        Entry {
            context,
            output: 100,
            guessed: false,
            ..Entry::unknown("x/y")
        }
    }

    #[test]
    fn the_estimate_leaves_a_margin() {
        // 44 letters are 10 tokens for cl100k; "Привет, как дела?" is 8, "你好世界" 5 to 6.
        assert_eq!(estimate("The quick brown fox jumps over the lazy dog."), 15);
        assert!(estimate("Привет, как дела?") >= 8);
        assert!(estimate("你好世界") >= 4);
        assert_eq!(estimate(""), 0);
    }

    #[test]
    fn the_oldest_go_and_tool_answers_go_with_their_call() {
        let mut call = Line::new(Role::Toney, "x".repeat(300));
        call.calls.push(ToolCall {
            id: "a".into(),
            name: "tip".into(),
            arguments: "{}".into(),
        });
        let request = Request {
            messages: vec![
                Line::new(Role::System, "be kind"),
                call,
                Line::new(Role::Tool("a".into()), "done"),
                Line::new(Role::Toney, "short"),
                Line::new(Role::Person, "and now?"),
            ],
            ..Request::default()
        };
        let fitted = cut(&request, &small(220), estimate).unwrap();
        let roles: Vec<_> = fitted.messages.iter().map(|line| &line.role).collect();
        assert_eq!(roles, [&Role::System, &Role::Toney, &Role::Person]);
        assert!(matches!(
            cut(&request, &small(8_000), estimate),
            Some(Cow::Borrowed(_))
        ));
        assert!(cut(&request, &small(20), estimate).is_none());
    }

    #[tokio::test]
    async fn what_is_near_the_limit_is_counted_exactly() {
        // 900 words that are one token each, and that the estimate takes for three.
        let words = " international".repeat(900);
        let request = Request {
            messages: vec![
                Line::new(Role::Toney, "before"),
                Line::new(Role::Person, words),
            ],
            ..Request::default()
        };
        assert!(of_request(&request) > 3_000);
        let entry = |name: &str| Entry {
            name: name.to_owned(),
            ..small(1_700)
        };
        for known in [
            "openai/gpt-6-luna",
            "deepseek/deepseek-v4-flash",
            "x/openai/gpt-oss-20b",
        ] {
            let fitted = fit(&request, &entry(known)).await;
            assert_eq!(fitted.unwrap().messages.len(), 2, "{known}");
        }
        assert!(
            fit(&request, &entry("anthropic/claude-haiku-5-5"))
                .await
                .is_none()
        );
    }

    #[test]
    fn every_vocabulary_that_is_named_is_at_hand() {
        for (part, name) in VOCABULARIES {
            let count = counter(name);
            assert_eq!(count.is_some(), !name.is_empty(), "{part}");
            assert!(count.is_none_or(|count| (3..9).contains(&count("How are you today?"))));
        }
        assert_eq!(vocabulary("mistral/zai-glm-5-3"), None);
        assert_eq!(vocabulary("huggingface/Qwen/Qwen3.6-27B"), Some("qwen2"));
    }

    proptest! {
        #[test]
        fn what_fits_keeps_system_and_question(
            lengths in prop::collection::vec(0usize..600, 1..30),
            context in 200u32..4_000,
        ) {
            let mut messages = vec![Line::new(Role::System, "rules")];
            for (index, length) in lengths.iter().enumerate() {
                let role = if index % 2 == 0 { Role::Person } else { Role::Toney };
                messages.push(Line::new(role, "w".repeat(*length)));
            }
            messages.push(Line::new(Role::Person, "question"));
            let request = Request { messages, ..Request::default() };
            if let Some(fitted) = cut(&request, &small(context), estimate) {
                prop_assert!(of_request(&fitted) < u64::from(context));
                prop_assert_eq!(&fitted.messages.first().unwrap().text, "rules");
                prop_assert_eq!(&fitted.messages.last().unwrap().text, "question");
            }
        }
    }
}
