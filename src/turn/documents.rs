//! `/docs` and `/forget`, and the buttons under documents and sources: what is there, who reaches it, what
//! a passage says, and doing away with it.
//!
//! Nothing is taken from the button but the id: whether whoever pressed it may see or change the
//! document is asked of the store each time.

use crate::knowledge::Found;
use crate::knowledge::forget::sweep;
use crate::model::{
    Address, Button, Content, DocumentId, DocumentPress as Press, Failure, Message, ReadId,
    Setting, Target, phrases,
};
use crate::store::{Asker, Change, Chunk, DocumentRow, NewRead, ReadPassage, Renamed, Scope};

use super::commit::Commit;
use super::ground::hash;
use super::{Scene, Turn};

/// Documents on one page of the list.
const PAGE: usize = 8;
/// Most characters of a passage that a button shows.
const SHOWN: usize = 3_000;
/// Letters of a word that tells one document from another.
const TELLING: usize = 5;

/// What is shown, and the buttons under it.
struct Card {
    text: String,
    buttons: Vec<Vec<Button>>,
}

impl Card {
    fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            buttons: Vec::new(),
        }
    }
}

impl Turn {
    /// `/docs`, with nothing behind it or with what to do to which document.
    pub(super) async fn docs(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        args: &str,
    ) -> Result<Change, Failure> {
        let asker = self.asker(scene, &commit).await?;
        let card = if scene.setting() == Setting::Group {
            Card::plain(phrases::DOCS_IN_GROUP)
        } else {
            let all = self.store.documents(&asker, Target::Personal).await?;
            match Order::parse(args) {
                None => list(&all, 0),
                Some(order) => self.obey(&asker, &all, order).await?,
            }
        };
        commit.say_with(scene, card.text, card.buttons);
        Ok(commit.done().await)
    }

    /// `/forget WHAT`: the documents that are called so or say so, each with a button to delete it. Behind what
    /// was understood stands what was said, if that was more.
    pub(super) async fn forget(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (what, said): (&str, &str),
    ) -> Result<Change, Failure> {
        let asker = self.asker(scene, &commit).await?;
        let card = if scene.setting() == Setting::Group {
            Card::plain(phrases::DOCS_IN_GROUP)
        } else {
            let all = self.store.documents(&asker, Target::Personal).await?;
            let mut meant = named(&all, what);
            // What was understood may stand there in another language than it was said in.
            let is_said = said.is_empty() || said.to_lowercase().contains(&what.to_lowercase());
            let words = if is_said { what } else { said };
            if !is_said {
                meant.extend(named_in(&all, words));
                meant.sort_by_key(|row| row.id);
                meant.dedup_by_key(|row| row.id);
            }
            match what.trim().to_lowercase().as_str() {
                "" => Card::plain(phrases::FORGET_WHAT),
                _ if !meant.is_empty() => forgettable(&asker, &meant, what),
                "everything" | "all" | "history" => Card::plain(phrases::FORGET_WHAT),
                "last document" => match all.iter().find(|row| asker.may_change(row)) {
                    Some(newest) => really(newest),
                    None => Card::plain(phrases::NO_DOCS),
                },
                _ => {
                    let found = self.knowledge.documents_about(&asker, words).await?;
                    let read = looked_for(scene, &commit, (&asker, words), &found);
                    commit.reading(read);
                    let speaks = |row: &&DocumentRow| {
                        !found.abstain && found.documents.iter().any(|one| one.id == row.id)
                    };
                    let meant: Vec<_> = all.iter().filter(speaks).collect();
                    forgettable(&asker, &meant, what)
                }
            }
        };
        commit.say_with(scene, card.text, card.buttons);
        Ok(commit.done().await)
    }

    /// A button under a document or a source.
    pub(super) async fn document_press(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        (press, card): (Press, Option<Message>),
    ) -> Result<Change, Failure> {
        let asker = self.asker(scene, &commit).await?;
        if let Press::Read(id, range) = press {
            let chunks = self.store.around(&asker, id, range).await?;
            let read = opened(scene, &commit, &chunks);
            commit.reading(read);
            let text = passage(&chunks).unwrap_or_else(|| phrases::NOT_READABLE.to_owned());
            commit.say(scene, text);
            return Ok(commit.done().await);
        }
        // No card of documents ever stood where others read along; whatever this stands under stays.
        if scene.setting() == Setting::Group {
            commit.say(scene, phrases::DOCS_IN_GROUP.to_owned());
            return Ok(commit.done().await);
        }
        let shown = match press {
            Press::Page(page) => {
                let all = self.store.documents(&asker, Target::Personal).await?;
                list(&all, page)
            }
            Press::Read(id, _) | Press::Show(id) => self.card(&asker, id).await?,
            Press::Share(id) => self.share(&asker, id, true).await?,
            Press::Keep(id) => self.share(&asker, id, false).await?,
            Press::Drop(id) => self.ask_to_delete(&asker, id).await?,
            Press::Delete(id) => {
                let (shown, chats) = self.delete(&asker, id).await?;
                commit.forget(chats);
                shown
            }
        };
        match card {
            Some(message) => commit.send(
                scene,
                "",
                Content::Edit {
                    message,
                    text: shown.text,
                    buttons: shown.buttons,
                },
            ),
            None => commit.say_with(scene, shown.text, shown.buttons),
        }
        Ok(commit.done().await)
    }

    /// What the ledger holds of the last answer here, and of what was read since; for `/why`.
    pub(super) async fn on_record(
        &self,
        scene: &Scene,
        commit: &Commit<'_>,
    ) -> Result<String, Failure> {
        let session = commit.recalled().session;
        let reads = self
            .store
            .reads_since_answer(commit.person(), session)
            .await?;
        let asker = self.asker(scene, commit).await?;
        let mut text = String::new();
        for read in reads {
            let mut passages = Vec::new();
            for ReadPassage {
                document,
                ordinals,
                score: _,
                cited,
            } in read.passages
            {
                let row = self.store.document(&asker, document).await?;
                let name = row.as_ref().map(|row| row.name.as_str());
                passages.push(phrases::passage_on_record(name, ordinals, cited));
            }
            text.push_str(&phrases::on_record(&passages, &read.why));
        }
        Ok(text)
    }

    /// Who asks here.
    pub(super) async fn asker(&self, scene: &Scene, commit: &Commit<'_>) -> Result<Asker, Failure> {
        Ok(commit.asker(scene.setting()).await?.clone())
    }

    async fn obey(
        &self,
        asker: &Asker,
        all: &[DocumentRow],
        order: Order<'_>,
    ) -> Result<Card, Failure> {
        if order.which.is_empty() {
            return Ok(Card::plain(phrases::WHICH_DOCUMENT));
        }
        let meant = named(all, order.which);
        let [row] = meant.as_slice() else {
            return Ok(Card::plain(phrases::which_document(
                order.which,
                meant.len(),
            )));
        };
        Ok(match order.verb {
            Verb::Show => self.card(asker, row.id).await?,
            Verb::Share => self.share(asker, row.id, true).await?,
            Verb::Keep => self.share(asker, row.id, false).await?,
            // A number means another document once this one is gone, should the turn have to be run again.
            Verb::Delete => self.ask_to_delete(asker, row.id).await?,
            Verb::Rename("") => Card::plain(phrases::RENAME_HOW),
            Verb::Rename(name) => match self.store.rename_document(asker, row.id, name).await? {
                Renamed::Done => self.card(asker, row.id).await?,
                Renamed::NotYours => Card::plain(phrases::NOT_YOURS),
                Renamed::Taken => Card::plain(phrases::NAME_TAKEN),
            },
        })
    }

    async fn own(&self, asker: &Asker, id: DocumentId) -> Result<Option<DocumentRow>, Failure> {
        let row = self.store.document(asker, id).await?;
        Ok(row.filter(|row| row.scope.is_personal()))
    }

    async fn card(&self, asker: &Asker, id: DocumentId) -> Result<Card, Failure> {
        let Some(row) = self.own(asker, id).await? else {
            return Ok(Card::plain(phrases::NOT_READABLE));
        };
        // Who works for one artist knows whose it is.
        let artist = match row.artist.filter(|_| asker.artists().len() > 1) {
            Some(artist) => self.store.artist(&artist.to_string()).await?,
            None => None,
        };
        let artist = artist.as_ref().map(|artist| artist.name.as_str());
        Ok(detail(&row, asker, artist))
    }

    async fn share(&self, asker: &Asker, id: DocumentId, with_team: bool) -> Result<Card, Failure> {
        let Some(row) = self.own(asker, id).await? else {
            return Ok(Card::plain(phrases::NOT_READABLE));
        };
        let to = match (with_team, row.artist, row.owner) {
            (true, Some(artist), _) => Some(Scope::Team(artist)),
            (false, Some(artist), Some(owner)) => Some(Scope::Own(artist, owner)),
            (_, _, _) => None,
        };
        let may = match to {
            Some(to) => self.store.share_document(asker, id, to).await?,
            None => false,
        };
        match may {
            true => self.card(asker, id).await,
            false => Ok(Card::plain(phrases::NOT_YOURS)),
        }
    }

    async fn ask_to_delete(&self, asker: &Asker, id: DocumentId) -> Result<Card, Failure> {
        Ok(match self.own(asker, id).await? {
            Some(row) if asker.may_change(&row) => really(&row),
            Some(_) => Card::plain(phrases::NOT_YOURS),
            None => Card::plain(phrases::NOT_READABLE),
        })
    }

    /// Deletes a document; answers the conversations in which answers were struck, too.
    async fn delete(&self, asker: &Asker, id: DocumentId) -> Result<(Card, Vec<Address>), Failure> {
        let Some(row) = self.own(asker, id).await? else {
            // Whoever deleted it may have been broken off behind that.
            sweep(&self.store).await?;
            return Ok((Card::plain(phrases::ALREADY_GONE), Vec::new()));
        };
        let Some(struck) = self.store.remove_document(asker, id).await? else {
            return Ok((Card::plain(phrases::NOT_YOURS), Vec::new()));
        };
        sweep(&self.store).await?;
        let card = Card::plain(phrases::deleted(&row.name, row.chunks, struck.answers));
        Ok((card, struck.chats))
    }
}

/// What was shown by a button, for the ledger.
fn opened(scene: &Scene, commit: &Commit<'_>, chunks: &[Chunk]) -> Option<NewRead> {
    let (first, last) = (chunks.first()?, chunks.last()?);
    let target = match first.scope.is_personal() {
        true => Target::Personal,
        false => Target::Global,
    };
    let passage = ReadPassage {
        document: first.document,
        ordinals: (first.ordinal, last.ordinal),
        score: 0.0,
        cited: true,
    };
    Some(NewRead {
        id: ReadId::new(commit.ids()),
        person: Some(commit.person()),
        session: Some(commit.recalled().session),
        turn: Some(scene.turn),
        query_hash: String::new(),
        target,
        why: phrases::OPENED.to_owned(),
        scopes: first.scope.to_string(),
        passages: vec![passage],
        at: scene.now,
    })
}

/// What was read to find what is to be forgotten, for the ledger.
fn looked_for(
    scene: &Scene,
    commit: &Commit<'_>,
    (asker, words): (&Asker, &str),
    found: &Found,
) -> Option<NewRead> {
    let scopes = asker.scopes(Target::Personal);
    let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    let passages = found.passages.iter().map(|passage| ReadPassage {
        document: passage.document,
        ordinals: passage.ordinals,
        score: passage.score,
        cited: false,
    });
    (!found.passages.is_empty()).then(|| NewRead {
        id: ReadId::new(commit.ids()),
        person: Some(commit.person()),
        session: Some(commit.recalled().session),
        turn: Some(scene.turn),
        query_hash: hash(words),
        target: Target::Personal,
        why: phrases::LOOKED_FOR.to_owned(),
        scopes: scopes.join(" "),
        passages: passages.collect(),
        at: scene.now,
    })
}

/// What to do to which document.
struct Order<'a> {
    verb: Verb<'a>,
    which: &'a str,
}

enum Verb<'a> {
    Show,
    Share,
    Keep,
    Delete,
    Rename(&'a str),
}

impl<'a> Order<'a> {
    /// Reads what stands behind `/docs`; a word that is no order names a document to be shown.
    fn parse(args: &'a str) -> Option<Self> {
        let args = args.trim();
        let (word, which) = args.split_once(' ').unwrap_or((args, ""));
        let which = which.trim();
        let verb = match word {
            "" => return None,
            "list" if which.is_empty() => return None,
            "show" => Verb::Show,
            "share" => Verb::Share,
            "keep" | "unshare" => Verb::Keep,
            "delete" | "remove" => Verb::Delete,
            "rename" => {
                let (which, name) = which.split_once(' ').unwrap_or((which, ""));
                let verb = Verb::Rename(name.trim());
                return Some(Self { verb, which });
            }
            _ => {
                let (verb, which) = (Verb::Show, args);
                return Some(Self { verb, which });
            }
        };
        Some(Self { verb, which })
    }
}

/// The documents that are meant by their number in the list, by name, or by a part of it.
fn named<'a>(all: &'a [DocumentRow], which: &str) -> Vec<&'a DocumentRow> {
    let number = which
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_sub(1));
    if let Some(row) = number.and_then(|place| all.get(place)) {
        return vec![row];
    }
    let which = which.trim().to_lowercase();
    let is = |text: &str| text.to_lowercase() == which;
    let exact: Vec<_> = all
        .iter()
        .filter(|row| is(&row.name) || is(&row.title))
        .collect();
    if !exact.is_empty() || which.is_empty() {
        return exact;
    }
    let holds = |text: &str| text.to_lowercase().contains(&which);
    let parts = all
        .iter()
        .filter(|row| holds(&row.name) || holds(&row.title));
    parts.collect()
}

/// The documents whose names hold one of these words that is long enough to mean something.
fn named_in<'a>(all: &'a [DocumentRow], words: &str) -> Vec<&'a DocumentRow> {
    let words = words.to_lowercase();
    let long: Vec<&str> = words
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| word.chars().count() >= TELLING)
        .collect();
    let holds = |row: &&DocumentRow| {
        let name = row.name.to_lowercase();
        long.iter().any(|word| name.contains(word))
    };
    all.iter().filter(holds).collect()
}

fn list(all: &[DocumentRow], page: usize) -> Card {
    if all.is_empty() {
        return Card::plain(phrases::NO_DOCS);
    }
    // There may be fewer than when the button was made.
    let page = page.min((all.len() - 1) / PAGE);
    let first = page * PAGE;
    let shown = all.iter().enumerate().skip(first).take(PAGE);
    let mut text = phrases::docs(all.len());
    let mut row = Vec::new();
    for (place, document) in shown {
        text.push_str(&format!("\n{}. {}", place + 1, line(document)));
        row.push(Press::Show(document.id).button(format!("{}", place + 1)));
    }
    let mut buttons: Vec<Vec<Button>> = row.chunks(4).map(<[Button]>::to_vec).collect();
    let mut pages = Vec::new();
    if page > 0 {
        pages.push(Press::Page(page - 1).button(phrases::BACK));
    }
    if all.len() > first + PAGE {
        pages.push(Press::Page(page + 1).button(phrases::MORE));
    }
    if !pages.is_empty() {
        buttons.push(pages);
    }
    Card { text, buttons }
}

fn line(document: &DocumentRow) -> String {
    let who = match document.scope {
        Scope::Global => phrases::EVERYBODY,
        Scope::Team(_) => phrases::TEAM,
        Scope::Own(_, _) => phrases::ONLY_YOU,
    };
    phrases::document_line(&document.name, document.pages, who)
}

fn detail(row: &DocumentRow, asker: &Asker, artist: Option<&str>) -> Card {
    let mut text = line(row);
    if !row.title.is_empty() && row.title != row.name {
        text.push_str(&format!("\n{}", row.title));
    }
    let facts = phrases::document_facts(row.chunks, row.created_at, artist);
    text.push_str(&format!("\n{facts}"));
    let mut buttons = vec![Press::Read(row.id, (0, 1)).button(phrases::READ_BEGINNING)];
    match row.scope {
        Scope::Own(_, _) if asker.is_own(row) => {
            let label = phrases::share_document(artist);
            buttons.push(Press::Share(row.id).button(label));
        }
        Scope::Team(_) if asker.is_own(row) => {
            buttons.push(Press::Keep(row.id).button(phrases::KEEP_DOCUMENT));
        }
        Scope::Own(_, _) | Scope::Team(_) | Scope::Global => {}
    }
    if asker.may_change(row) {
        buttons.push(Press::Drop(row.id).button(phrases::DELETE_DOCUMENT));
    }
    Card {
        text,
        buttons: vec![buttons],
    }
}

/// Asks once more before a document is deleted.
fn really(row: &DocumentRow) -> Card {
    Card {
        text: phrases::really_delete(&row.name),
        buttons: vec![vec![
            Press::Delete(row.id).button(phrases::YES_DELETE),
            Press::Show(row.id).button(phrases::NO_KEEP),
        ]],
    }
}

fn forgettable(asker: &Asker, meant: &[&DocumentRow], what: &str) -> Card {
    if meant.is_empty() {
        return Card::plain(phrases::nothing_to_forget(what));
    }
    let mut own = meant.iter().filter(|row| asker.may_change(row)).peekable();
    if own.peek().is_none() {
        return Card::plain(phrases::NOT_YOURS);
    }
    let mut text = phrases::forgettable(what);
    let mut buttons = Vec::new();
    for document in own.take(PAGE) {
        text.push_str(&format!("\n- {}", line(document)));
        let label = phrases::delete_named(&document.name);
        buttons.push(vec![Press::Drop(document.id).button(label)]);
    }
    Card { text, buttons }
}

/// A passage as it is read: where it stands, then its words. Overlap between its pieces is said once.
fn passage(chunks: &[Chunk]) -> Option<String> {
    let first = chunks.first()?;
    let mut words = String::new();
    let mut end = first.start;
    for chunk in chunks {
        let overlap = usize::try_from(end - chunk.start).unwrap_or(0);
        words.extend(chunk.text.chars().skip(overlap));
        let letters = i64::try_from(chunk.text.chars().count()).unwrap_or(0);
        end = end.max(chunk.start + letters);
    }
    let mut shown: String = words.chars().take(SHOWN).collect();
    if shown.len() < words.len() {
        shown.push_str(" …");
    }
    Some(format!("**{}**\n{}\n\n{shown}", first.name, first.path))
}
