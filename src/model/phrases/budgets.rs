//! What is said about what models cost.

use super::Time;

/// Whose budget it is, where all share it.
pub const BUDGET_OF_ALL: &str = "The budget for language models here";
/// Whose budget it is, where an artist has one.
pub const BUDGET_OF_ARTIST: &str = "The artist's budget for language models";
/// Whose budget it is, where a person has one.
pub const BUDGET_OF_PERSON: &str = "Your budget for language models";

/// The answer when a model could cost more than is left of somebody's budget.
pub fn over_budget(whose: &str, until: Time) -> String {
    let anew = anew(until);
    format!(
        "{whose} is used up for today, so I can't talk this through with you before {anew}. \
         Your message is kept. Until then I quote what stands in documents and answer commands; /help lists them."
    )
}

/// The answer when nobody can say what models may still cost.
pub const BUDGET_UNKNOWN: &str = "I can't look up at the moment what my language models may still cost, so I ask none of them. \
    Your message is kept; try again in a few minutes. Commands like /help and /privacy work meanwhile.";

/// Behind passages that are quoted because somebody's budget is used up.
pub fn quoted_over_budget(whose: &str, until: Time) -> String {
    let anew = anew(until);
    format!(
        "_{whose} is used up until {anew}, so these are the passages that fit best, word for word._"
    )
}

/// `/why`, where a budget was used up.
pub fn why_over_budget(whose: &str, until: Time) -> String {
    format!("{} is used up until {until}", decapitalised(whose))
}

/// `/why`, where nobody could say what was spent.
pub const WHY_BUDGET_UNKNOWN: &str = "nobody could say what models may still cost";

/// `/why`, of a model that was too dear.
pub fn why_too_dear(model: &str, whose: &str) -> String {
    format!(
        "{model} could have cost more than is left of {}",
        decapitalised(whose)
    )
}

/// `/usage` where others read along.
pub const USAGE_IN_GROUP: &str = "What language models cost is private, so I don't say it where others read along. Ask me in our direct chat.";

/// `/usage`, its first line.
pub const USAGE_YOURS: &str = "**What language models cost for you**";

/// `/usage`, above what they cost for an artist.
pub fn usage_of_artist(name: &str) -> String {
    format!("**What language models cost for {name}**")
}

/// `/usage` of somebody who used none.
pub const USAGE_NONE: &str = "- Nothing in 30 days";

/// `/usage` for operators, above everybody's.
pub const USAGE_OF_ALL: &str = "**The whole installation, in 30 days**";

/// `/usage`, a list of sums.
pub fn usage_by(what: &str) -> String {
    format!("By {what}:")
}

/// `/usage`, what some calls came to.
pub fn usage_sum(of: &str, nano_usd: i64, calls: i64) -> String {
    let plural = if calls == 1 { "" } else { "s" };
    format!("- {of}: {} for {calls} call{plural}", dollars(nano_usd))
}

/// `/usage`, what persons paid with keys of their own.
pub fn usage_own(nano_usd: i64) -> String {
    format!(
        "- Paid with a person's own key besides: {}",
        dollars(nano_usd)
    )
}

/// `/usage`, how many more there are than are listed.
pub fn usage_more(count: usize) -> String {
    format!("- and {count} more")
}

/// `/usage`, whose sums a line shows where that is not known.
pub const USAGE_UNKNOWN: &str = "nobody known";

/// `/usage`, what is left of a budget: the sentence's subject, money and its limit in nano-dollars, tokens and
/// theirs; 0 is no limit.
pub fn usage_left(whose: &str, (left, limit): (i64, i64), (tokens, most): (i64, i64)) -> String {
    let money = (limit > 0).then(|| format!("{} of {}", dollars(left), dollars(limit)));
    let tokens = (most > 0).then(|| format!("{tokens} of {most} tokens"));
    let left: Vec<String> = [money, tokens].into_iter().flatten().collect();
    format!("- {whose}: {} left for today (UTC)", left.join(" and "))
}

/// Nano-dollars as people write them; what is less than a hundredth of a cent is said as such.
pub fn dollars(nanos: i64) -> String {
    match nanos {
        ..=0 => "$0".to_owned(),
        1..=99_999 => "less than $0.0001".to_owned(),
        _ => {
            let tenths_of_milli = nanos / 100_000;
            format!(
                "${}.{:04}",
                tenths_of_milli / 10_000,
                tenths_of_milli % 10_000
            )
        }
    }
}

/// When a budget begins anew, in words.
fn anew(until: Time) -> String {
    let text = until.to_string();
    let clock = text.split(' ').nth(1).and_then(|clock| clock.get(..5));
    format!("tomorrow ({} UTC)", clock.unwrap_or("00:00"))
}

/// A sentence's beginning in the middle of another.
fn decapitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_whose_and_until_when() {
        let until = Time::from_ms(1_700_006_400_000);
        assert_eq!(
            quoted_over_budget(BUDGET_OF_PERSON, until),
            "_Your budget for language models is used up until tomorrow (00:00 UTC), so these are \
             the passages that fit best, word for word._"
        );
        assert_eq!(
            why_over_budget(BUDGET_OF_ALL, until),
            "the budget for language models here is used up until 2023-11-15 00:00:00 UTC"
        );
    }

    #[test]
    fn what_is_left_is_said_of_what_is_limited() {
        assert_eq!(
            usage_left("Yours", (1_980_000_000, 2_000_000_000), (5, 0)),
            "- Yours: $1.9800 of $2.0000 left for today (UTC)"
        );
        assert_eq!(
            usage_left("Yours", (0, 2_000_000_000), (5, 10)),
            "- Yours: $0 of $2.0000 and 5 of 10 tokens left for today (UTC)"
        );
    }
}
