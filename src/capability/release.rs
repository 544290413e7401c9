//! Hands a release in: whoever manages it is asked, as by `/release`, and decides by a press. Nothing is released here.

mod draft;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::approval::Approvals;
use crate::model::{
    Action, Address, ApprovalId, AskApproval, Failure, Outcome, ReleaseId, Shown, Time, phrases,
};
use crate::store::{Change, Release, Write};

use super::{Call, Capability, Hands, Ran, Risk, Whose};

pub use draft::Draft;

/// The kind of request, and of the job that carries it out.
pub const KIND: &str = "release";

/// Hands one in.
pub(super) struct HandIn;

/// What is handed in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    pub title: String,
    /// The day it comes out: 2026-12-24.
    pub date: String,
    /// What those who decide should know.
    #[serde(default)]
    pub notes: String,
    /// Addresses of the files, each with http or https.
    #[serde(default)]
    pub links: Vec<String>,
}

impl Args {
    fn draft(&self, now: Time) -> Result<Draft, &'static str> {
        let or = |text: String| {
            if text.trim().is_empty() {
                "skip".to_owned()
            } else {
                text
            }
        };
        let (notes, links) = (or(self.notes.clone()), or(self.links.join(" ")));
        Draft::whole([&self.title, &self.date, &notes, &links], now)
    }
}

impl Capability for HandIn {
    const NAME: &'static str = "release_request";
    const ABOUT: &'static str = "Hands a release in (title, date, notes, links to files), so that those who manage the artist are asked to approve it. Only with the person's own words for title and date.";
    const RISK: Risk = Risk::Confirm;
    const WHOSE: Whose = Whose::Team;
    type Args = Args;

    fn preview(args: &Args) -> String {
        let (notes, links) = (args.notes.trim(), args.links.join(" "));
        phrases::would_hand_in(&phrases::release_preview(
            &args.title,
            &args.date,
            notes,
            &links,
        ))
    }

    fn check(args: &Args, now: Time) -> Result<(), String> {
        args.draft(now).map(drop).map_err(str::to_owned)
    }

    async fn run(hands: &Hands, call: &Call<'_>, args: Args) -> Result<Ran, Failure> {
        let Some(artist) = call.artist() else {
            return Ok(Ran::only(Outcome::Refused(phrases::NO_ARTIST.to_owned())));
        };
        let draft = match args.draft(call.now) {
            Ok(draft) => draft,
            Err(wrong) => return Ok(Ran::only(Outcome::Refused(wrong.to_owned()))),
        };
        let Draft {
            of: _,
            title,
            date,
            notes,
            links,
        } = draft;
        let approval = ApprovalId::new(&hands.ids);
        let release = Release {
            id: ReleaseId::new(&hands.ids),
            artist,
            person: Some(call.person),
            title: title.unwrap_or_default(),
            date: date.unwrap_or_default(),
            notes: notes.unwrap_or_default(),
            links: links.unwrap_or_default(),
            revision: 1,
            state: "requested".to_owned(),
            approval,
            note: String::new(),
            at: call.now,
        };
        let shown = Shown::text(phrases::release_handed_in(&release.title, release.revision));
        Ok(Ran {
            change: hand_in(&hands.approvals, &release, call.address)?,
            ..Ran::only(Outcome::AwaitingApproval { shown, approval })
        })
    }
}

/// Keeps a release, and asks those who decide about it.
///
/// # Errors
/// When it cannot be written down.
pub fn hand_in(
    approvals: &Approvals,
    release: &Release,
    address: &Address,
) -> anyhow::Result<Change> {
    let mut change = approvals.ask(&asked(release, Some(address.clone())))?;
    change.writes.push(Write::release(release)?);
    Ok(change)
}

/// Asks for a decision about a release; the answer goes to `answer_to`.
pub fn asked(release: &Release, answer_to: Option<Address>) -> AskApproval {
    let Release {
        id,
        artist,
        person,
        title,
        date,
        notes,
        links,
        revision,
        ..
    } = release;
    AskApproval {
        approval: release.approval,
        revision: *revision,
        artist: *artist,
        asker: *person,
        kind: KIND.to_owned(),
        subject: phrases::release_subject(title),
        preview: phrases::release_preview(title, date, notes, links),
        reason: String::new(),
        cost: None,
        action: Action {
            kind: KIND.to_owned(),
            body: json!({
                "release": id, "revision": revision, "title": title, "date": date,
                "notes": notes, "links": links,
            }),
        },
        answer_to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_handed_in_is_not_laid_out() {
        let now = Time::from_ms(1_795_305_600_000);
        let checked = |args: serde_json::Value| {
            let args: Args = serde_json::from_value(args).unwrap();
            HandIn::check(&args, now)
        };
        let good = json!({"title": "Night Drive", "date": "2026-12-24"});
        assert_eq!(checked(good), Ok(()));
        for (wrong, why) in [
            (
                json!({"title": " ", "date": "2026-12-24"}),
                phrases::RELEASE_TITLE,
            ),
            (
                json!({"title": "A", "date": "soon"}),
                phrases::RELEASE_NO_DATE,
            ),
            (
                json!({"title": "A", "date": "2020-01-01"}),
                phrases::RELEASE_PAST,
            ),
            (
                json!({"title": "A", "date": "2026-12-24", "links": ["javascript:alert(1)"]}),
                phrases::RELEASE_NO_LINK,
            ),
        ] {
            assert_eq!(checked(wrong), Err(why.to_owned()));
        }
    }
}
