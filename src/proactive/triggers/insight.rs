//! A week that brought something is over. The episode is the week; a thin one is passed over in silence.

use crate::capability::insights_said;
use crate::model::phrases::insights as words;
use crate::model::{Category, Suggested, Time};
use crate::money::insight::{Week, insight};
use crate::store::Seat;

use super::{DAY, Eyes, Found};

/// Tells how it went.
pub struct WeekOver(pub Eyes);

super::watched_trigger!(WeekOver, Category::Earnings);

impl WeekOver {
    /// Its name.
    pub const NAME: &'static str = "weekly_insight";

    pub(super) async fn find(
        &self,
        seat: &Seat,
        now: Time,
    ) -> anyhow::Result<(Option<Found>, Time)> {
        let (_, over) = Week::before(now).span();
        let again = over.plus(DAY * 7);
        // Whoever looks on Thursday has the next week in mind.
        let expires = over.plus(DAY * 3);
        if now > expires {
            return Ok((None, again));
        }
        for role in &seat.roles {
            let insight = insight(&self.0.store, role.artist, now).await?;
            if !insight.is_news() {
                continue;
            }
            let found = Found {
                artist: Some(role.artist),
                episode: format!("{}:{}", role.artist, insight.week.name()),
                priority: 20,
                expires,
                text: insights_said(&role.name, &insight),
                why: words::why_insight(&insight.week.to_string()),
                deed: Some(Suggested {
                    label: words::SHOW_INSIGHTS.to_owned(),
                    capability: "insights".to_owned(),
                    args: serde_json::json!({}),
                }),
            };
            return Ok((Some(found), again));
        }
        Ok((None, again))
    }
}
