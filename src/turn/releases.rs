//! Handing in a release: `/release` asks for what is missing, shows it, and asks whoever manages it; `/releases`
//! shows where each stands. What happens to a release behind that is not this file's business.

use async_trait::async_trait;

use crate::approval::Approved;
use crate::capability::release::{Draft, KIND, hand_in};
use crate::jobs::{Work, Worker};
use crate::model::{
    ApprovalId, ApprovalPress as Press, ApprovedAction, ArtistId, Button, Clock, Content, Event,
    Failure, Happening, Message, ReleaseId, phrases,
};
use crate::store::{Change, Release, Store, Write};

use super::commit::Commit;
use super::waiting::Wanted;
use super::{Scene, Turn};

/// Releases that are listed.
const LISTED: i64 = 20;

impl Turn {
    /// `/release`, with the title behind it or without.
    pub(super) async fn release(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        args: &str,
    ) -> Result<Change, Failure> {
        if self.artist_of(&commit).await?.is_none() {
            commit.say(scene, phrases::NO_ARTIST_HERE.to_owned());
            return Ok(commit.done().await);
        }
        // Who began before goes on where they were.
        let awaited = commit.awaited();
        if let Some(awaited) = &awaited {
            commit.close_question(awaited);
        }
        let draft = match awaited.map(|awaited| awaited.wanted) {
            Some(Wanted::Release(draft)) if args.trim().is_empty() => draft,
            Some(Wanted::Release(_) | Wanted::Reason { .. }) | None => Draft::default(),
        };
        self.describe(scene, commit, (draft, args)).await
    }

    /// The artist for whom somebody hands something in: themselves before those whom they manage.
    pub(super) async fn artist_of(&self, commit: &Commit<'_>) -> Result<Option<ArtistId>, Failure> {
        let asker = self.standings(commit).await?;
        Ok(asker.artists().first().copied())
    }

    /// Takes words in, and asks for what is missing.
    pub(super) async fn describe(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (mut draft, words): (Draft, &str),
    ) -> Result<Change, Failure> {
        let wrong = match words.trim() {
            "" => None,
            words => draft.answer(words, scene.now).err(),
        };
        let cancel = Press::Cancel.button(phrases::CANCEL);
        let (text, buttons) = match (wrong, draft.next()) {
            (Some(wrong), _) => (wrong.to_owned(), vec![vec![cancel]]),
            (None, Some(next)) => (next.to_owned(), vec![vec![cancel]]),
            (None, None) => self.ready(&commit, &draft).await?,
        };
        commit.say_with(scene, text, buttons);
        commit.wait_for(scene, Wanted::Release(draft))?;
        Ok(commit.done().await)
    }

    async fn ready(
        &self,
        commit: &Commit<'_>,
        draft: &Draft,
    ) -> Result<(String, Vec<Vec<Button>>), Failure> {
        let artist = match self.artist_of(commit).await? {
            Some(artist) => self.store.artist(&artist.to_string()).await?,
            None => None,
        };
        let artist = artist.map(|artist| artist.name).unwrap_or_default();
        let preview = draft.preview().unwrap_or_default();
        let text = phrases::release_ready(&preview, &artist);
        let buttons = vec![vec![
            Press::Submit.button(phrases::SUBMIT),
            Press::Cancel.button(phrases::CANCEL),
        ]];
        Ok((text, buttons))
    }

    /// The button under the preview.
    pub(super) async fn submit_release(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        card: Option<Message>,
    ) -> Result<Change, Failure> {
        let draft = match commit.awaited().map(|awaited| awaited.wanted) {
            Some(Wanted::Release(draft)) => Some(draft),
            Some(Wanted::Reason { .. }) | None => None,
        };
        let release = match (&draft, self.artist_of(&commit).await?) {
            (Some(draft), Some(artist)) => self.drafted(scene, &commit, (draft, artist)).await?,
            _ => None,
        };
        let Some(release) = release else {
            return Ok(self
                .outdated(scene, commit, phrases::RELEASE_GONE, card)
                .await);
        };
        if let Some(message) = card {
            let buttons = Vec::new();
            commit.send(scene, "buttons", Content::Buttons { message, buttons });
        }
        let asked = hand_in(&self.approvals, &release, &commit.address())?;
        commit.besides(asked);
        commit.end_dialogue()?;
        let said = phrases::release_handed_in(&release.title, release.revision);
        commit.say(scene, said);
        Ok(commit.done().await)
    }

    /// What the draft comes to; none while something is missing, or when what it is a version of may not be
    /// changed any more.
    async fn drafted(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
        (draft, artist): (&Draft, ArtistId),
    ) -> Result<Option<Release>, Failure> {
        let Draft {
            of,
            title: Some(title),
            date: Some(date),
            notes: Some(notes),
            links: Some(links),
        } = draft.clone()
        else {
            return Ok(None);
        };
        let ids = commit.ids();
        let (id, approval, revision, artist) = match of {
            Some((id, approval, revision)) => {
                let known = self.store.release_of(approval).await?;
                let Some(known) = known.filter(|known| known.id == id) else {
                    return Ok(None);
                };
                (id, approval, revision, known.artist)
            }
            None => (ReleaseId::new(ids), ApprovalId::new(ids), 1, artist),
        };
        Ok(Some(Release {
            id,
            artist,
            person: Some(commit.person()),
            title,
            date,
            notes,
            links,
            revision,
            state: "requested".to_owned(),
            approval,
            note: String::new(),
            at: scene.now,
        }))
    }

    /// The button under what was sent back: what was handed in, to be changed.
    pub(super) async fn release_again(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        approval: ApprovalId,
    ) -> Result<Change, Failure> {
        let asker = self.standings(&commit).await?;
        let release = self.store.release_of(approval).await?;
        let mine = release.filter(|release| asker.artists().contains(&release.artist));
        let Some(release) = mine.filter(|release| release.state == "changes") else {
            return Ok(self
                .outdated(scene, commit, phrases::RELEASE_GONE, None)
                .await);
        };
        let draft = Draft {
            of: Some((release.id, approval, release.revision + 1)),
            title: Some(release.title),
            date: Some(release.date),
            notes: Some(release.notes),
            links: Some(release.links),
        };
        let preview = draft.preview().unwrap_or_default();
        let text = format!("{}\n\n{preview}", phrases::RELEASE_AGAIN);
        let buttons = vec![vec![
            Press::Submit.button(phrases::SUBMIT),
            Press::Cancel.button(phrases::CANCEL),
        ]];
        commit.say_with(scene, text, buttons);
        commit.wait_for(scene, Wanted::Release(draft))?;
        Ok(commit.done().await)
    }

    /// `/releases`.
    pub(super) async fn releases(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
    ) -> Result<Change, Failure> {
        let asker = self.standings(&commit).await?;
        let mut lines = Vec::new();
        let mut buttons = Vec::new();
        for artist in asker.artists() {
            for release in self.store.releases(artist, LISTED).await? {
                let Release {
                    title,
                    date,
                    state,
                    note,
                    approval,
                    ..
                } = release;
                if state == "changes" && buttons.len() < 4 {
                    let again = Press::Again(approval).button(phrases::NEXT_VERSION);
                    buttons.push(vec![again]);
                }
                lines.push(phrases::release_line(&title, &date, &state, &note));
            }
        }
        let text = match lines.as_slice() {
            [] if asker.artists().is_empty() => phrases::NO_ARTIST_HERE.to_owned(),
            [] => phrases::NO_RELEASES.to_owned(),
            lines => format!("{}\n{}", phrases::RELEASES, lines.join("\n")),
        };
        commit.say_with(scene, text, buttons);
        Ok(commit.done().await)
    }
}

/// Carries out that a release was approved: from now on it is. The chain behind it begins here.
pub struct ReleaseApproved {
    /// What is remembered.
    pub store: Store,
    /// The time.
    pub clock: Clock,
}

#[async_trait]
impl Worker for ReleaseApproved {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let Some((_, ordered)) = work.only::<ApprovedAction>()? else {
            return Ok(Change::default());
        };
        let approved = Approved::obtain(&self.store, &ordered).await?;
        let approved = approved.map_err(|refused| Failure::GiveUp(refused.into()))?;
        let about = (approved.approval(), approved.revision());
        let write = Write::release_decided(about, ("approved", ""), self.clock.now())?;
        Ok(Change {
            writes: vec![write],
            ..Change::default()
        })
    }
}

/// Brings what was decided about a release, other than a yes, to the release.
pub struct ReleaseDecided {
    /// What is remembered.
    pub store: Store,
}

impl ReleaseDecided {
    /// The kind of its jobs, for subscriptions.
    pub const KIND: &str = "release_decided";
}

#[async_trait]
impl Worker for ReleaseDecided {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    async fn run(&self, work: &mut Work) -> Result<Change, Failure> {
        let mut change = Change::default();
        for job in &work.jobs {
            let event: Event = job.read()?;
            let Happening::ApprovalDecided { approval, state } = event.what else {
                continue;
            };
            let Some(row) = self.store.approval(approval).await? else {
                continue;
            };
            // A newer version may wait by now; and a yes is carried out, not just noted.
            let is_news = row.kind == KIND && row.state.as_str() == state && state != "approved";
            if is_news {
                let about = (approval, row.revision);
                let write = Write::release_decided(about, (&state, &row.note), event.at)?;
                change.writes.push(write);
            }
        }
        Ok(change)
    }
}
