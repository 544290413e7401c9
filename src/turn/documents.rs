//! `/docs` and `/forget`, and the buttons under documents and sources: what is there, who reaches it, what
//! a passage says, and doing away with it.
//!
//! Nothing is taken from the button but the id: whether whoever pressed it may see or change the
//! document is asked of the store each time.

use crate::knowledge::forget::sweep;
use crate::model::{
    Button, Content, DocumentId, DocumentPress as Press, Failure, Message, Setting, Target, phrases,
};
use crate::store::{Asker, Change, Chunk, DocumentRow, Scope};

use super::commit::Commit;
use super::{Scene, Turn};

/// Documents on one page of the list.
const PAGE: usize = 8;
/// Most characters of a passage that a button shows.
const SHOWN: usize = 3_000;

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

    /// `/forget WHAT`: the documents that are called so or say so, each with a button to delete it.
    pub(super) async fn forget(
        &self,
        scene: &Scene,
        mut commit: Commit<'_>,
        what: &str,
    ) -> Result<Change, Failure> {
        let asker = self.asker(scene, &commit).await?;
        let card = if scene.setting() == Setting::Group {
            Card::plain(phrases::DOCS_IN_GROUP)
        } else if what.trim().is_empty() {
            Card::plain(phrases::FORGET_WHAT)
        } else {
            let all = self.store.documents(&asker, Target::Personal).await?;
            let mut meant = named(&all, what);
            if meant.is_empty() {
                let ids = self.knowledge.documents_about(&asker, what).await?;
                meant = all.iter().filter(|row| ids.contains(&row.id)).collect();
            }
            forgettable(&meant, what)
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
        let shown = match press {
            Press::Read(id, range) => {
                let chunks = self.store.around(&asker, id, range).await?;
                let text = passage(&chunks).unwrap_or_else(|| phrases::NOT_READABLE.to_owned());
                commit.say(scene, text);
                return Ok(commit.done().await);
            }
            Press::Page(page) => {
                let all = self.store.documents(&asker, Target::Personal).await?;
                list(&all, page)
            }
            Press::Show(id) => self.card(&asker, id).await?,
            Press::Share(id) => {
                self.share(&asker, id, true).await?;
                self.card(&asker, id).await?
            }
            Press::Keep(id) => {
                self.share(&asker, id, false).await?;
                self.card(&asker, id).await?
            }
            Press::Drop(id) => match self.own(&asker, id).await? {
                Some(row) => Card {
                    text: phrases::really_delete(&row.name),
                    buttons: vec![vec![
                        Press::Delete(id).button("Yes, delete it"),
                        Press::Show(id).button("No"),
                    ]],
                },
                None => Card::plain(phrases::NOT_READABLE),
            },
            Press::Delete(id) => self.delete(&asker, id).await?,
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
        let meant = named(all, order.which);
        let [row] = meant.as_slice() else {
            return Ok(Card::plain(phrases::which_document(
                order.which,
                meant.len(),
            )));
        };
        Ok(match order.verb {
            Verb::Show => self.card(asker, row.id).await?,
            Verb::Share => {
                self.share(asker, row.id, true).await?;
                self.card(asker, row.id).await?
            }
            Verb::Keep => {
                self.share(asker, row.id, false).await?;
                self.card(asker, row.id).await?
            }
            Verb::Delete => self.delete(asker, row.id).await?,
            Verb::Rename("") => Card::plain(phrases::RENAME_HOW),
            Verb::Rename(name) => {
                let may = self.store.rename_document(asker, row.id, name).await?;
                match may {
                    true => self.card(asker, row.id).await?,
                    false => Card::plain(phrases::NOT_YOURS),
                }
            }
        })
    }

    async fn own(&self, asker: &Asker, id: DocumentId) -> Result<Option<DocumentRow>, Failure> {
        let row = self.store.document(asker, id).await?;
        Ok(row.filter(|row| row.scope.is_personal()))
    }

    async fn card(&self, asker: &Asker, id: DocumentId) -> Result<Card, Failure> {
        let row = self.own(asker, id).await?;
        Ok(match row {
            Some(row) => detail(&row, asker),
            None => Card::plain(phrases::NOT_READABLE),
        })
    }

    /// Whoever may not is shown the card as it is.
    async fn share(&self, asker: &Asker, id: DocumentId, with_team: bool) -> Result<(), Failure> {
        let Some(row) = self.own(asker, id).await? else {
            return Ok(());
        };
        let to = match (with_team, row.artist, row.owner) {
            (true, Some(artist), _) => Scope::Team(artist),
            (false, Some(artist), Some(owner)) => Scope::Own(artist, owner),
            (_, _, _) => return Ok(()),
        };
        self.store.share_document(asker, id, to).await?;
        Ok(())
    }

    async fn delete(&self, asker: &Asker, id: DocumentId) -> Result<Card, Failure> {
        let Some(row) = self.own(asker, id).await? else {
            return Ok(Card::plain(phrases::ALREADY_GONE));
        };
        if !self.store.remove_document(asker, id).await? {
            return Ok(Card::plain(phrases::NOT_YOURS));
        }
        let struck = self.store.strike(id).await?;
        sweep(&self.store).await?;
        Ok(Card::plain(phrases::deleted(&row.name, row.chunks, struck)))
    }
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

fn list(all: &[DocumentRow], page: usize) -> Card {
    if all.is_empty() {
        return Card::plain(phrases::NO_DOCS);
    }
    let first = page * PAGE;
    let shown = all.iter().enumerate().skip(first).take(PAGE);
    let mut text = phrases::docs(all.len());
    let mut row = Vec::new();
    for (place, document) in shown {
        text.push_str(&format!("\n{}. {}", place + 1, line(document)));
        row.push(Press::Show(document.id).button(format!("{}", place + 1)));
    }
    let mut buttons: Vec<Vec<Button>> = row.chunks(4).map(<[Button]>::to_vec).collect();
    if all.len() > first + PAGE {
        buttons.push(vec![Press::Page(page + 1).button("More")]);
    }
    Card { text, buttons }
}

fn line(document: &DocumentRow) -> String {
    let who = match document.scope {
        Scope::Global => "everybody",
        Scope::Team(_) => "shared with managers",
        Scope::Own(_, _) => "only you",
    };
    let pages = match document.pages {
        1 => "1 page".to_owned(),
        pages => format!("{pages} pages"),
    };
    format!("**{}** ({pages}, {who})", document.name)
}

fn detail(row: &DocumentRow, asker: &Asker) -> Card {
    let mut text = line(row);
    if !row.title.is_empty() && row.title != row.name {
        text.push_str(&format!("\n{}", row.title));
    }
    let passages = match row.chunks {
        1 => "1 passage".to_owned(),
        chunks => format!("{chunks} passages"),
    };
    text.push_str(&format!("\n{passages}, taken in {}", row.created_at));
    let is_own = row.owner.is_some() && row.owner == asker.person();
    let mut buttons = vec![Press::Read(row.id, (0, 1)).button("Read the beginning")];
    match row.scope {
        Scope::Own(_, _) if is_own => {
            buttons.push(Press::Share(row.id).button(phrases::SHARE_DOCUMENT))
        }
        Scope::Team(_) if is_own => {
            buttons.push(Press::Keep(row.id).button(phrases::KEEP_DOCUMENT))
        }
        Scope::Own(_, _) | Scope::Team(_) | Scope::Global => {}
    }
    buttons.push(Press::Drop(row.id).button(phrases::DELETE_DOCUMENT));
    Card {
        text,
        buttons: vec![buttons],
    }
}

fn forgettable(meant: &[&DocumentRow], what: &str) -> Card {
    if meant.is_empty() {
        return Card::plain(phrases::nothing_to_forget(what));
    }
    let mut text = phrases::forgettable(what);
    let mut buttons = Vec::new();
    for document in meant.iter().take(PAGE) {
        text.push_str(&format!("\n- {}", line(document)));
        let label: String = document.name.chars().take(30).collect();
        buttons.push(vec![
            Press::Drop(document.id).button(format!("Delete {label}")),
        ]);
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
