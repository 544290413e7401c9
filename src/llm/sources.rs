//! The pages of the web that some models bring with their answer.

use serde_json::Value;

use super::Source;

/// More pages than an answer rests on.
const MOST: usize = 50;
/// Letters of a title that are kept.
const TITLE_LIMIT: usize = 120;
/// Bytes of an address; a longer one is no use to a person.
const URL_LIMIT: usize = 2_000;

/// The sources that a piece names, in the order of their numbers; none when it names none.
///
/// Perplexity gives addresses in `citations`, and the same with titles in `search_results`; xAI
/// gives the first alone. A place without a usable address keeps its number.
pub(super) fn read(piece: &Value) -> Option<Vec<Source>> {
    let list = |name: &str| {
        let all = piece.get(name).and_then(Value::as_array);
        all.filter(|all| !all.is_empty())
    };
    let found: Vec<Source> = list("search_results")
        .into_iter()
        .flatten()
        .map(source)
        .take(MOST)
        .collect();
    let Some(cited) = list("citations") else {
        return Some(found).filter(|found| !found.is_empty());
    };
    let titled = |cited: &Value| {
        let cited = source(cited);
        let known = found.iter().find(|found| found.url == cited.url);
        known.cloned().unwrap_or(cited)
    };
    Some(cited.iter().map(titled).take(MOST).collect())
}

fn source(value: &Value) -> Source {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let url = value.as_str().or_else(|| text("url")).unwrap_or_default();
    let title: Vec<&str> = text("title")
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    Source {
        title: title.join(" ").chars().take(TITLE_LIMIT).collect(),
        url: usable(url).unwrap_or_default(),
    }
}

/// An address that a person may be shown.
fn usable(url: &str) -> Option<String> {
    let known = url::Url::parse(url).ok()?;
    let is_web = ["http", "https"].contains(&known.scheme()) && known.has_host();
    let known = String::from(known);
    (is_web && known.len() <= URL_LIMIT).then_some(known)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn source(title: &str, url: &str) -> Source {
        Source {
            title: title.to_owned(),
            url: url.to_owned(),
        }
    }

    #[test]
    fn addresses_keep_their_numbers_and_get_their_titles() {
        let piece = json!({
            "citations": ["https://a.example/x", "javascript:alert(1)", "https://b.example/"],
            "search_results": [
                {"title": "  B\n says ", "url": "https://b.example/", "date": "2026-01-01"},
                {"title": "A", "url": "https://a.example/x"},
            ],
        });
        assert_eq!(
            read(&piece).unwrap(),
            [
                source("A", "https://a.example/x"),
                source("", ""),
                source("B says", "https://b.example/"),
            ]
        );
    }

    #[test]
    fn either_list_is_enough_and_odd_ones_are_none() {
        let only = json!({"search_results": [{"title": "A", "url": "http://a.example/"}]});
        assert_eq!(read(&only).unwrap(), [source("A", "http://a.example/")]);
        let long = format!("https://a.example/{}", "x".repeat(URL_LIMIT));
        for (odd, count) in [
            (json!({}), 0),
            (json!({"citations": [], "search_results": "x"}), 0),
            (json!({"citations": [1, null, {"url": 3}]}), 3),
            (json!({"citations": vec![long; 90]}), MOST),
        ] {
            let found = read(&odd).unwrap_or_default();
            assert_eq!(found.len(), count, "{odd}");
            assert!(found.iter().all(|source| source.url.is_empty()));
        }
    }
}
