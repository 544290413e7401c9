//! What somebody asks for who has more than words: a definition that is whole already, or a change to a workflow that
//! is named. Both end in the same proposal as words do.

use crate::model::{Address, ArtistId, PersonId};
use crate::store::{Change, ProposalRow};

use super::definition::{Action, Definition};
use super::handle::{Answer, Shown, Workflows};
use super::read::{Refusal, Rules};

impl Workflows {
    /// Lays a definition out. What must not be done is refused whoever wrote it down, and what is wrong with it is said.
    pub async fn propose_definition(
        &self,
        whose: (ArtistId, PersonId),
        address: &Address,
        (wish, definition): (&str, Definition),
    ) -> anyhow::Result<(Change, Answer)> {
        if let Some(refusal) = refusal(&self.rules, wish, &definition) {
            return Ok((Change::default(), Answer::Refused(refusal)));
        }
        let row = self.begun(whose, address).await?;
        let row = match row.workflow_id.as_str() {
            "" => row,
            // What was asked back there is how another one should change.
            _ => self.fresh_proposal(whose, address),
        };
        self.open(row, (wish, definition), None)
    }

    /// Lays out how a workflow would be after a change in words.
    pub async fn propose_change(
        &self,
        whose: (ArtistId, PersonId),
        address: &Address,
        (shown, words): (&Shown, &str),
    ) -> anyhow::Result<(Change, Answer)> {
        let row = ProposalRow {
            workflow_id: shown.row.id.clone(),
            revision: shown.row.revision,
            ..self.fresh_proposal(whose, address)
        };
        self.propose_edit(row, words).await
    }

    /// The workflows of an artist that a name surely means: the one of that id, even when it was deleted; else those
    /// that share a word with it.
    pub async fn meant(&self, artist: ArtistId, name: &str) -> anyhow::Result<Vec<Shown>> {
        if let Ok(id) = name.trim().parse() {
            let row = self.engine.store.workflow_of_anybody(id).await?;
            let row = row.filter(|row| row.artist_id == artist.to_string());
            let shown = row.map(|row| {
                let definition = serde_json::from_str::<Definition>(&row.definition);
                Shown {
                    preview: definition.map(|one| one.preview()).unwrap_or_default(),
                    row,
                    tally: crate::store::TallyRow::default(),
                }
            });
            return Ok(shown.into_iter().collect());
        }
        let wanted = name.to_lowercase();
        let words: Vec<&str> = wanted
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| word.chars().count() > 2)
            .collect();
        let shares = |shown: &Shown| {
            let text = format!("{} {}", shown.row.name, shown.preview).to_lowercase();
            words.iter().any(|word| text.contains(word))
        };
        let mut named = self.named(artist, name).await?;
        named.retain(shares);
        Ok(named)
    }
}

/// The refusal that a definition asks for in any of its words.
fn refusal(rules: &Rules, wish: &str, definition: &Definition) -> Option<Refusal> {
    let mut texts = vec![wish, definition.name.as_str()];
    for action in &definition.actions {
        match action {
            Action::SendChat { text }
            | Action::NotifyArtist { text }
            | Action::PostAnnouncement { text } => texts.extend(text.as_deref()),
            Action::SendEmail { subject, text } => {
                texts.extend(subject.as_deref());
                texts.extend(text.as_deref());
            }
            Action::AddToList { list } => texts.push(list),
            Action::CreateTask { text } => texts.push(text),
            Action::AskApproval { question } => texts.extend(question.as_deref()),
            Action::Wait { .. } => {}
        }
    }
    texts.into_iter().find_map(|text| rules.refused(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(text: &str) -> Definition {
        serde_json::from_value(serde_json::json!({
            "name": "Hello", "trigger": {"kind": "new_fan"},
            "actions": [{"kind": "send_chat", "text": text}],
        }))
        .unwrap()
    }

    #[test]
    fn every_word_of_a_definition_is_held_against_the_rules() {
        let rules = Rules::new();
        let refused = |wish: &str, text: &str| refusal(&rules, wish, &definition(text));
        assert_eq!(refused("welcome new fans", "Hi {fan}!"), None);
        assert_eq!(
            refused("buy 1000 followers", "Hi {fan}!"),
            Some(Refusal::Buying)
        );
        assert_eq!(
            refused("welcome new fans", "buy 1000 followers"),
            Some(Refusal::Buying)
        );
    }
}
