//! The plan as a document: a page that every phone and browser shows, that can be printed, mailed and written on.

use std::fmt::Write as _;

use crate::model::{Content, Failure, Outcome, Shown, Time, phrases};
use crate::store::Milestone;

use super::plan::{day, plan_of};
use super::{Call, Capability, Hands, Nothing, Ran, Risk, Whose};

/// What people keep it as.
const NAME: &str = "plan.html";
/// How it looks; it stands in the page, so that nothing is fetched.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:42em;margin:2em auto;padding:0 1em;color:#222}\
    h1{font-size:1.5em;line-height:1.25}p{color:#555}table{border-collapse:collapse;width:100%}\
    td{border-top:1px solid #ccc;padding:.5em .4em;vertical-align:top}td.when{white-space:nowrap;color:#555}\
    tr.done td{color:#777}tr.late td.when{color:#a00;font-weight:600}@media print{body{margin:0}}";

/// Brings the plan as a document.
pub(super) struct Export;

impl Capability for Export {
    const NAME: &'static str = "plan_export";
    const ABOUT: &'static str =
        "Sends the artist's plan as a document that can be printed and passed on.";
    const RISK: Risk = Risk::Read;
    const WHOSE: Whose = Whose::Team;
    type Args = Nothing;

    fn preview(_: &Nothing) -> String {
        phrases::WOULD_EXPORT_PLAN.to_owned()
    }

    async fn run(hands: &Hands, call: &Call<'_>, _: Nothing) -> Result<Ran, Failure> {
        let steps = plan_of(hands, call).await?;
        let (Some(artist), Some(goal)) = (call.artist(), steps.last().map(|one| &one.goal)) else {
            return Ok(Ran::only(Outcome::Done(Shown::text(phrases::NO_PLAN))));
        };
        let artist = hands.store.artist(&artist.to_string()).await?;
        let artist = artist.map(|artist| artist.name).unwrap_or_default();
        let page = page((&artist, goal), &steps, call.now);
        let file = super::outgoing(hands, &format!("plan-{}.html", call.key), page).await?;
        let caption = phrases::plan_for(goal);
        let shown = Shown {
            files: vec![Content::File {
                file,
                name: NAME.to_owned(),
                caption,
                reply_to: None,
                instead: phrases::PLAN_NOT_SENT.to_owned(),
            }],
            ..Shown::text(phrases::PLAN_EXPORTED)
        };
        Ok(Ran::only(Outcome::Done(shown)))
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

/// The page.
fn page((artist, goal): (&str, &str), steps: &[Milestone], now: Time) -> String {
    let (artist, goal) = (escaped(artist), escaped(goal));
    let done = steps.iter().filter(|step| step.is_done).count();
    let sum = phrases::plan_stands((done, steps.len()), &day(now));
    let mut text = format!(
        "<!doctype html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{goal}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{goal}</h1>\n\
         <p>{artist}. {}</p>\n<table>\n",
        escaped(&sum)
    );
    for (number, step) in (1..).zip(steps) {
        let (class, mark) = match (step.is_done, step.due_at < now) {
            (true, _) => ("done", "✓"),
            (false, true) => ("late", phrases::OVERDUE),
            (false, false) => ("open", ""),
        };
        let (due, said) = (day(step.due_at), escaped(&step.step));
        writeln!(
            text,
            "<tr class=\"{class}\"><td>{number}.</td><td>{said}</td><td class=\"when\">{due} {}</td></tr>",
            escaped(mark)
        )
        .ok();
    }
    text.push_str("</table>\n</body>\n</html>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, Ids, MilestoneId};

    #[test]
    fn the_page_says_all_of_the_plan_and_runs_nothing() {
        let ids = Ids::new(Clock::System, Some(4));
        let step = |step: &str, due: i64, is_done| Milestone {
            id: MilestoneId::new(&ids),
            goal: "Tour".to_owned(),
            step: step.to_owned(),
            due_at: Time::from_ms(due * 86_400_000),
            is_done,
        };
        let steps = [
            step("Write <b>cities</b> & dates down", 20_000, true),
            step("Call \"the hall\"", 20_010, false),
            step("Play", 20_100, false),
        ];
        let now = Time::from_ms(20_050 * 86_400_000);
        let page = page(("Ann <script>", "Tour & more"), &steps, now);
        assert!(page.contains("<h1>Tour &amp; more</h1>"));
        assert!(page.contains("Ann &lt;script&gt;. 1 of 3 steps done, as of 2024-11-23."));
        assert!(page.contains("Write &lt;b&gt;cities&lt;/b&gt; &amp; dates down"));
        assert!(page.contains("<tr class=\"late\"><td>2.</td><td>Call &quot;the hall&quot;</td>"));
        assert_eq!(page.matches("<tr ").count(), 3);
        assert_eq!(page.matches("class=\"open\"").count(), 1);
        assert!(!page.contains("<script") && !page.contains("http"));
    }
}
