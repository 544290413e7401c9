//! The pages of the web that a model found by itself, named behind its answer. Pure.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::llm::Source;
use crate::model::phrases;

/// Most pages that are named when the answer says of none what rests on it.
const FEW: usize = 5;

/// The pages that `said` cites under the numbers that it gives them, or the first few where it
/// cites none; empty when there is nothing to name.
pub(super) fn pages(said: &str, sources: &[Source]) -> String {
    let cited = numbers(said);
    let is_named = |number: usize| cited.is_empty() && number <= FEW || cited.contains(&number);
    let numbered = (1..)
        .zip(sources)
        .filter(|(_, source)| !source.url.is_empty());
    let mut text = String::new();
    for (number, Source { title, url }) in numbered.filter(|(number, _)| is_named(*number)) {
        let gap = if title.is_empty() { "" } else { ": " };
        write!(text, "\n[{number}] {title}{gap}{url}").ok();
    }
    if text.is_empty() {
        return text;
    }
    format!("{}{text}", phrases::SOURCES)
}

/// The numbers in brackets.
fn numbers(said: &str) -> BTreeSet<usize> {
    let after = said.split('[').skip(1);
    let inside = after.filter_map(|rest| rest.split_once(']'));
    inside
        .filter_map(|(number, _)| number.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(title: &str, url: &str) -> Source {
        Source {
            title: title.to_owned(),
            url: url.to_owned(),
        }
    }

    #[test]
    fn cited_pages_are_named_under_their_numbers() {
        let sources = [
            source("One", "https://a.example/"),
            source("", ""),
            source("", "https://c.example/"),
        ];
        assert_eq!(
            pages("So it is [3][2], and [so] on [9] [1].", &sources),
            "**Sources**\n[1] One: https://a.example/\n[3] https://c.example/"
        );
        assert_eq!(
            pages("It is [3].", &sources),
            "**Sources**\n[3] https://c.example/"
        );
        assert_eq!(pages("It is [2].", &sources), "");
        assert_eq!(pages("It is.", &[]), "");
        let many = vec![source("", "https://a.example/"); 9];
        assert_eq!(pages("It is.", &many).lines().count(), 1 + FEW);
    }
}
