//! Files that people send: streamed from the platform into the files folder, with a limit.

use std::path::Path;

use anyhow::{Context, Result};
use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::jobs::Work;
use crate::knowledge::worker::Order;
use crate::llm::Image;
use crate::model::{ArtistId, AttachmentId, Failure, File, MediaKind, Setting, phrases};
use crate::platform::{FetchError, FileStream};
use crate::store::{Artist, Change, NewAttachment, Scope};

use super::commit::Commit;
use super::gather::{Said, captioned};
use super::hearing::Listened;
use super::sight::{self, Seen};
use super::talk::Talk;
use super::{Scene, Turn};

/// A file to keep, and what was said with it.
pub(super) struct Kept {
    pub(super) media: MediaKind,
    pub(super) file: File,
    pub(super) caption: String,
    /// What a model wrote down of it; empty = nothing.
    pub(super) heard: String,
}

/// A file that cannot be fetched must not hold up a conversation for long.
const TRIES: i64 = 4;

/// What became of a file.
struct Stored {
    size: u64,
    sha256: String,
}

impl Kept {
    pub(super) async fn answer(
        self,
        turn: &Turn,
        scene: &Scene,
        mut commit: Commit<'_>,
        work: &mut Work,
    ) -> Result<Change, Failure> {
        let what = word(self.media);
        let tried = work.jobs.first().map_or(0, |job| job.attempts) + 1;
        // The same path at every attempt: what an attempt that died left behind is overwritten.
        let path = turn.files.join(scene.key.replace(':', "-"));
        // Whoever deletes it may stand in another folder than whoever kept it.
        let path = std::path::absolute(path).context("Finding the files folder")?;
        let stored = match self.fetch(turn, scene, (&path, tried)).await? {
            Ok(stored) => stored,
            Err(sentence) => {
                commit.say(scene, sentence);
                return Ok(commit.done().await);
            }
        };
        let attachment = AttachmentId::new(&turn.ids);
        commit.attachment(NewAttachment {
            id: attachment,
            conversation: commit.conversation(),
            person: commit.person(),
            media: what.to_owned(),
            name: self.file.name.clone().unwrap_or_default(),
            mime: self.file.mime.clone().unwrap_or_default(),
            size: i64::try_from(stored.size).unwrap_or(i64::MAX),
            sha256: stored.sha256.clone(),
            path: path.display().to_string(),
            at: scene.now,
        });
        let size = bytes(stored.size);
        if sight::is_picture(self.media, &path).await? {
            let wish = turn.wish(commit.person()).await;
            return match turn.picture((&path, stored.size), wish.as_ref()).await? {
                Seen::Shown(image) => self.show(turn, scene, (commit, work), image).await,
                Seen::Unseen(why) => self.leave(turn, scene, (commit, work), (&size, why)).await,
                Seen::TooLarge(why) => {
                    commit.say(scene, phrases::kept_file(what, &self.named(), &size, &why));
                    Ok(commit.done().await)
                }
            };
        }
        if self.media == MediaKind::Voice {
            return match turn
                .listen(scene, &mut commit, (&path, stored.size, self.file.seconds))
                .await?
            {
                Listened::Words(words) => self.heard(turn, scene, (commit, work), words).await,
                Listened::Deaf(why) => self.leave(turn, scene, (commit, work), (&size, why)).await,
                Listened::Nothing(why) => {
                    commit.say(scene, why);
                    Ok(commit.done().await)
                }
            };
        }
        let order = self.order(turn, scene, &commit, (attachment, &path));
        if let Some(order) = order.await? {
            let job = order.job(&turn.clock, &turn.ids);
            let job = job.map_err(|error| Failure::GiveUp(error.into()))?;
            let is_table = File::is_table(&order.name) && is_cut(&order.name, &path).await;
            commit.job(match is_table {
                true => turn.statement(order, &stored.sha256, job)?,
                false => job,
            });
            if self.caption.trim().is_empty() {
                // Whoever reads it says what came of it.
                return Ok(commit.done().await);
            }
            let besides = format!(
                "[sent with a {what} {}that you are about to read]",
                self.named()
            );
            return self
                .talk(turn, scene, (commit, work), (besides, None))
                .await;
        }
        let why = match scene.setting() {
            Setting::Group => phrases::READ_ALONE,
            Setting::Direct => phrases::READ_FOR_MEMBERS,
        };
        self.leave(turn, scene, (commit, work), (&size, why)).await
    }

    /// Shows a picture to a model; what is remembered of it is that there was one.
    async fn show(
        self,
        turn: &Turn,
        scene: &Scene,
        with: (Commit<'_>, &mut Work),
        image: Image,
    ) -> Result<Change, Failure> {
        let besides = format!("[{}]", word(MediaKind::Photo));
        self.talk(turn, scene, with, (besides, Some(image))).await
    }

    /// Answers what was said in it, and written under it; it is remembered as spoken.
    async fn heard(
        mut self,
        turn: &Turn,
        scene: &Scene,
        with: (Commit<'_>, &mut Work),
        words: String,
    ) -> Result<Change, Failure> {
        let besides = format!("[said in a {}]", word(MediaKind::Voice));
        self.caption = captioned(&self.caption, &words);
        self.heard = words;
        self.talk(turn, scene, with, (besides, None)).await
    }

    /// Only keeps it: says so, or answers what was said with it.
    async fn leave(
        self,
        turn: &Turn,
        scene: &Scene,
        (mut commit, work): (Commit<'_>, &mut Work),
        (size, why): (&str, &str),
    ) -> Result<Change, Failure> {
        let (what, name) = (word(self.media), self.named());
        if self.caption.trim().is_empty() {
            commit.say(scene, phrases::kept_file(what, &name, size, why));
            return Ok(commit.done().await);
        }
        let besides = format!("[sent with a {what} {name}that you cannot open]");
        self.talk(turn, scene, (commit, work), (besides, None))
            .await
    }

    /// Answers what was said with it.
    async fn talk(
        self,
        turn: &Turn,
        scene: &Scene,
        with: (Commit<'_>, &mut Work),
        (besides, image): (String, Option<Image>),
    ) -> Result<Change, Failure> {
        let (commit, work) = with;
        let Some(last) = scene.last() else {
            return Ok(commit.done().await);
        };
        let said = Said {
            text: self.caption,
            besides,
            images: image.into_iter().collect(),
            heard: self.heard,
            message: last.message.clone(),
            by: last.sender.name.clone(),
            user: last.sender.user.clone(),
        };
        // The future of a talk is large, and a file has one in several places.
        Box::pin(Talk::answer(turn, scene, vec![said], (commit, work))).await
    }

    /// Its name for a sentence, with a space behind it; nothing where it has none.
    fn named(&self) -> String {
        let name = self.file.name.as_deref();
        name.map(|name| format!("“{name}” ")).unwrap_or_default()
    }
}

impl Kept {
    /// Brings the file here; the inner error is a sentence for the person.
    async fn fetch(
        &self,
        turn: &Turn,
        scene: &Scene,
        (path, tried): (&Path, i64),
    ) -> Result<Result<Stored, String>, Failure> {
        let what = word(self.media);
        let Some(platform) = scene
            .last()
            .and_then(|last| turn.delivery.platform(&last.address))
        else {
            return Ok(Err(phrases::lost_file(what)));
        };
        let limit = turn
            .settings
            .max_file_bytes
            .min(platform.features().max_download);
        if self.file.size.is_some_and(|size| size > limit) {
            return Ok(Err(phrases::too_large(what, &bytes(limit))));
        }
        let fetched = match platform.fetch(&self.file, limit).await {
            Ok(stream) => keep(stream, path).await,
            Err(error) => Err(error.into()),
        };
        match fetched {
            Ok(stored) => Ok(Ok(stored)),
            Err(error) => match error.downcast_ref::<FetchError>() {
                Some(FetchError::TooLarge { limit }) => {
                    Ok(Err(phrases::too_large(what, &bytes(*limit))))
                }
                Some(FetchError::Gone) => Ok(Err(phrases::lost_file(what))),
                Some(FetchError::Failed(_)) | None if tried >= TRIES => {
                    Ok(Err(phrases::lost_file(what)))
                }
                Some(FetchError::Failed(_)) | None => Err(error.into()),
            },
        }
    }

    /// What the document is called: a newer one of that name replaces it, so one without a name gets its own.
    fn name(&self, attachment: AttachmentId) -> String {
        let given = self.file.name.clone();
        given
            .filter(|name| !name.trim().is_empty())
            .unwrap_or_else(|| {
                let own: String = attachment.body().chars().skip(20).collect();
                format!("{} {own}", word(self.media))
            })
    }

    /// What is to be done with a document of somebody who works for an artist; others' are only kept, and
    /// so is what comes up in a group.
    async fn order(
        &self,
        turn: &Turn,
        scene: &Scene,
        commit: &Commit<'_>,
        (attachment, path): (AttachmentId, &Path),
    ) -> Result<Option<Order>, Failure> {
        let Some(last) = scene.last() else {
            return Ok(None);
        };
        if self.media != MediaKind::Document {
            return Ok(None);
        }
        let (person, asker) = (commit.person(), commit.asker(last.setting).await?);
        let artist = self.artist(turn, &asker.artists()).await?;
        Ok(artist.map(|artist| Order {
            attachment,
            path: path.to_owned(),
            name: self.name(attachment),
            address: last.address.clone(),
            person,
            artist,
            scope: Scope::Own(artist, person).to_string(),
        }))
    }

    /// Whose the document is: of several, the one who is named with it, or the first.
    async fn artist(&self, turn: &Turn, mine: &[ArtistId]) -> Result<Option<ArtistId>> {
        if mine.len() > 1 {
            let said = self.caption.to_lowercase();
            let all = turn.store.artists().await?;
            let is_meant = |artist: &&Artist| {
                mine.contains(&artist.id) && said.contains(&artist.name.to_lowercase())
            };
            if let Some(meant) = all.iter().find(is_meant) {
                return Ok(Some(meant.id));
            }
        }
        Ok(mine.first().copied())
    }
}

/// Whether what is called a text has columns: tabs stand between them.
async fn is_cut(name: &str, path: &Path) -> bool {
    const HEAD: usize = 2_000;
    let is_text = name.to_lowercase().ends_with(".txt");
    if !is_text {
        return true;
    }
    let mut head = Vec::new();
    let Ok(file) = tokio::fs::File::open(path).await else {
        return false;
    };
    let read = file.take(HEAD as u64).read_to_end(&mut head).await;
    read.is_ok() && head.iter().filter(|byte| **byte == b'\t').count() > 3
}

async fn keep(mut stream: FileStream, path: &Path) -> Result<Stored> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder)
            .await
            .context("Making the files folder")?;
    }
    let mut file = tokio::fs::File::create(path)
        .await
        .context("Making a file")?;
    let mut hash = Sha256::new();
    let mut size = 0;
    while let Some(piece) = stream.next().await {
        let piece = piece?;
        hash.update(&piece);
        size += piece.len() as u64;
        file.write_all(&piece).await.context("Writing a file")?;
    }
    file.flush().await.context("Writing a file")?;
    let sha256 = crate::model::hex(hash.finalize());
    Ok(Stored { size, sha256 })
}

fn word(media: MediaKind) -> &'static str {
    match media {
        MediaKind::Document => "document",
        MediaKind::Voice => "voice note",
        MediaKind::Photo => "photo",
    }
}

/// A size in words: bytes below a kilobyte, then whole kilobytes, then megabytes.
pub(super) fn bytes(size: u64) -> String {
    match size {
        0..1_024 => format!("{size} bytes"),
        1_024..1_048_576 => format!("{} KB", size / 1_024),
        _ => format!("{} MB", size / 1_048_576),
    }
}
