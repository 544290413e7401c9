//! What somebody's thumbs taught: shown document by document and wish by wish, and taken back with one press.

use crate::knowledge::weight;
use crate::model::{Button, Failure, MePress as Press, Setting, phrases::learned as words};
use crate::store::forget_feedback;

use super::Turn;
use super::commit::Commit;
use super::me::besides;

/// Documents that are shown.
const SHOWN: usize = 8;

impl Turn {
    /// All of it.
    pub(super) async fn learned_card(
        &self,
        commit: &Commit<'_>,
    ) -> Result<(String, Vec<Vec<Button>>), Failure> {
        let esteem = self.store.esteem(commit.person()).await?;
        let wrong: i64 = esteem.wrong.values().sum();
        if esteem.good + wrong == 0 {
            return Ok((words::NOTHING_LEARNED.to_owned(), Vec::new()));
        }
        let mut lines = vec![words::learned_head(esteem.good, wrong)];
        let asker = commit.asker(Setting::Direct).await?;
        let mut documents: Vec<_> = esteem.documents.iter().filter(|one| *one.1 != 0).collect();
        documents.sort_by_key(|(_, net)| std::cmp::Reverse(net.abs()));
        for (document, net) in documents.into_iter().take(SHOWN) {
            // What was deleted meanwhile counts for nothing.
            if let Some(known) = self.store.document(asker, *document).await? {
                let percent = (weight(*net) * 100.0).round() as i64;
                lines.push(words::document_counts(&known.name, (*net, percent)));
            }
        }
        if let Some(times) = esteem.wrong.get("long") {
            lines.push(words::too_long(*times));
        }
        let undo = Press::ForgetThumbs.button(words::BUTTON_UNLEARN);
        Ok((lines.join("\n"), vec![vec![undo]]))
    }

    /// Takes it back.
    pub(super) fn thumbs_gone(commit: &mut Commit<'_>) -> Result<String, Failure> {
        let write = forget_feedback(commit.person()).map_err(Failure::GiveUp)?;
        besides(commit, vec![write]);
        Ok(words::UNLEARNED.to_owned())
    }
}
