//! Finds the passages that may answer a question.
//!
//! The words of the last turn count in full, those of the turns before it less the longer ago they were said, and
//! those that Toney said last a little, for a question often leans on them ("and how long does that take?"). They are
//! one search and not several that are fused: a passage that says a word of both turns beats one that says the same
//! words of one. Every embedding model is asked beside it. A list that is late or fails is missing and nothing else.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use futures::future::{BoxFuture, join_all};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout};

use crate::llm::Embedder;
use crate::model::{
    DocumentId, Target, hex,
    terms::{Query, of_query},
};
use crate::store::{Asker, Chunk, Esteem, Hit, Ranked, ReadPassage, Store};

use super::esteem::{THUMBS, weight};
use super::fuse::{Fused, Listed, fuse};
use super::passages::{Limits, choose};

pub use super::fuse::By;
pub use super::passages::Passage;

/// What the words of the person's turn before the last count, and how much less with each further one.
const BEFORE: f32 = 0.35;
const FADES: f32 = 0.4;
/// So many turns of the person before the last are heard.
const TURNS: usize = 3;
/// What the words of Toney's last answer count.
const ANSWER: f32 = 0.05;

/// Hits that each list is asked for.
const HITS: usize = 50;
/// Chunks that are looked at once the lists are one.
const LOOKED_AT: usize = 60;
/// What each list of an embedding model weighs beside the words: a model is asked about the last turn alone and
/// together with the one before, which makes two.
const MEANING: f32 = 0.6;
/// How much nearer own documents are when a person may ask about their own affairs.
const OWN: f32 = 1.6;
/// How much the distance between the first hit and the tenth says beside how much the first says of the question.
const STANDS_OUT: f32 = 0.5;
/// How far a hit stands out that has fewer than nine behind it.
const SILENCE: f32 = 2.0;
/// How many of the best passages are shown with what stands beside them.
const WIDENED: usize = 2;

/// Settings of the section `[retrieve]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How little the first ranks of a list count more than the others.
    pub fusion_k: f32,
    /// How long a list may take, in milliseconds.
    pub list_ms: u64,
    /// Most passages of an answer.
    pub passages: usize,
    /// Most passages of one document, as long as others have something to say.
    pub per_document: usize,
    /// Most characters of all passages together.
    pub characters: usize,
    /// Below this the best passage hardly says what was asked.
    pub floor: f32,
    /// A passage this near to the question answers it whatever its words, as the cosine of an embedding model.
    pub near: f32,
}

/// What is asked, and what it leans on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    /// The person's last turn.
    pub last: &'a str,
    /// The person's turns before it, the newest first.
    pub before: &'a [&'a str],
    /// What Toney said last.
    pub answer: Option<&'a str>,
    /// The question as a model put it to stand alone, if one did.
    pub rewrite: Option<&'a str>,
    /// Whether nothing is read where nothing that was found really answers it.
    pub strict: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Found {
    /// The best first.
    pub passages: Vec<Passage>,
    /// The documents that have something to say, the best first, whether or not a passage of theirs was taken.
    pub documents: Vec<Document>,
    /// What was asked, and what came of it.
    pub lists: Vec<List>,
    /// How much of the question the best passage says, and how far it stands out.
    pub sure: f32,
    /// Whether this hardly answers the question, so that it is better to say so.
    pub abstain: bool,
    /// Whether an embedding model was asked as well.
    pub by_meaning: bool,
}

/// A document that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    pub id: DocumentId,
    pub name: String,
}

/// What became of a list.
#[derive(Debug, Clone, Serialize)]
pub struct List {
    pub name: String,
    pub state: State,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// How a list ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has so many hits.
    Found(usize),
    /// It was not there in time.
    Late,
    /// It could not be asked.
    Failed(String),
}

/// Finds passages.
#[derive(Clone)]
pub struct Knowledge {
    pub store: Store,
    pub embedder: Embedder,
    pub settings: Settings,
}

/// What a list answers with: its hits, and for words what a full hit scores.
type Answer = Result<Vec<(Listed, f32)>>;

impl Question<'_> {
    /// Its words, weighed.
    pub fn words(&self) -> Query {
        let mut words = of_query(self.last);
        let mut weight = BEFORE;
        for turn in self.before.iter().take(TURNS) {
            words.add(&of_query(turn), weight);
            weight *= FADES;
        }
        if let Some(answer) = self.answer {
            words.add(&of_query(answer), ANSWER);
        }
        words
    }

    /// What an embedding model is asked.
    fn meanings(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![("", self.last.to_owned())];
        if let Some(before) = self.before.first() {
            all.push((", with the turn before", format!("{before}\n{}", self.last)));
        }
        all.extend(self.rewrite.map(|text| (", rewritten", text.to_owned())));
        all
    }
}

/// A hash that tells whether the same was asked, and nothing else.
pub fn query_hash(text: &str) -> String {
    let digest = Sha256::digest(text.trim().to_lowercase().as_bytes());
    hex(digest.into_iter().take(8))
}

impl Found {
    /// What was read of it, for the ledger; `cited` are the places of passages that an answer names.
    pub fn read(&self, cited: &[usize]) -> Vec<ReadPassage> {
        let passages = self.passages.iter().enumerate();
        let read = |(place, passage): (usize, &Passage)| ReadPassage {
            document: passage.document,
            ordinals: passage.ordinals,
            score: passage.score,
            cited: !self.abstain && cited.contains(&place),
        };
        passages.map(read).collect()
    }

    /// How was searched, for whoever asked: one piece for each list, and whether any knew more than words.
    pub fn ways(&self) -> Vec<String> {
        let way = |List { name, state, .. }: &List| match state {
            State::Found(hits) => format!("{name} ({hits})"),
            State::Late => format!("{name} (too late)"),
            State::Failed(_) => format!("{name} (failed)"),
        };
        let mut ways: Vec<String> = self.lists.iter().map(way).collect();
        if !self.by_meaning {
            ways.push("by meaning not at all, since no embedding model is set up".to_owned());
        }
        ways
    }

    /// How was searched, one piece for each list.
    pub fn told(&self) -> Vec<String> {
        let told = |List { name, state, ms }: &List| match state {
            State::Found(hits) => format!("{name}: {hits} in {ms} ms"),
            State::Late => format!("{name}: late"),
            State::Failed(_) => format!("{name}: failed"),
        };
        self.lists.iter().map(told).collect()
    }
}

impl Knowledge {
    /// The passages of a target that the asker reaches and that may answer the question; none when they cannot be
    /// read, which is said in the log and in what is found.
    pub async fn find(&self, asker: &Asker, target: Target, question: &Question<'_>) -> Found {
        match self.search(asker, target, question).await {
            Ok(found) => found,
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(error, "Passages that were found could not be read");
                let state = State::Failed(error);
                let name = "passages".to_owned();
                Found {
                    lists: vec![List { name, state, ms: 0 }],
                    abstain: true,
                    ..Found::default()
                }
            }
        }
    }

    /// Like [`Knowledge::find`].
    ///
    /// # Errors
    /// When what was found cannot be read. A list that cannot be asked is no error.
    pub async fn search(
        &self,
        asker: &Asker,
        target: Target,
        question: &Question<'_>,
    ) -> Result<Found> {
        let (mut listed, mut lists, mut fulls) = (Vec::new(), Vec::new(), Vec::new());
        for (name, took, answer) in join_all(self.ask(asker, target, question)).await {
            let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let mut note = |name, state| lists.push(List { name, state, ms });
            match answer {
                None => note(name, State::Late),
                Some(Err(error)) => note(name, State::Failed(format!("{error:#}"))),
                Some(Ok(answers)) => {
                    for (list, full) in answers {
                        note(list.name.clone(), State::Found(list.hits.len()));
                        fulls.push(full);
                        listed.push(list);
                    }
                }
            }
        }
        let sure = sureness(&listed, &fulls);
        let near = nearness(&listed, &fulls);
        let fits = sure >= self.settings.floor || near >= self.settings.near;
        let fused = match fits || !question.strict {
            true => fuse(&listed, self.settings.fusion_k),
            false => Vec::new(),
        };
        let found = self.read(asker, target, fused).await?;
        let documents = documents(&found);
        let limits = Limits {
            passages: self.settings.passages,
            per_document: self.settings.per_document,
            characters: self.settings.characters,
        };
        let mut passages = choose(found, limits);
        self.widen(asker, &mut passages).await?;
        Ok(Found {
            abstain: passages.is_empty() || !fits,
            passages,
            documents,
            lists,
            sure,
            by_meaning: !self.embedder.models().is_empty(),
        })
    }

    /// Everything that is asked, side by side.
    fn ask<'a>(
        &'a self,
        asker: &'a Asker,
        target: Target,
        question: &'a Question<'_>,
    ) -> Vec<BoxFuture<'a, (String, Duration, Option<Answer>)>> {
        let mut asked: Vec<BoxFuture<'a, _>> = Vec::new();
        let mut put = |name: String, answer: BoxFuture<'a, Answer>| {
            let deadline = Duration::from_millis(self.settings.list_ms);
            asked.push(Box::pin(async move {
                let begun = Instant::now();
                let answer = timeout(deadline, answer).await.ok();
                (name, begun.elapsed(), answer)
            }));
        };
        let rewrite = question
            .rewrite
            .map(|text| ("words, rewritten", of_query(text)));
        for (name, words) in [("words", question.words())].into_iter().chain(rewrite) {
            let answer = self.words(asker, target, name, words);
            put(name.to_owned(), Box::pin(answer));
        }
        for model in self.embedder.models() {
            let answer = self.meaning(asker, target, model.clone(), question);
            put(model, Box::pin(answer));
        }
        asked
    }

    async fn words(&self, asker: &Asker, target: Target, name: &str, words: Query) -> Answer {
        let Ranked { mut hits, whole } = self.store.lexical(asker, target, &words, HITS).await?;
        hits.truncate(2 * HITS);
        let list = Listed {
            name: name.to_owned(),
            weight: 1.0,
            hits,
        };
        Ok(vec![(list, whole)])
    }

    async fn meaning(
        &self,
        asker: &Asker,
        target: Target,
        model: String,
        question: &Question<'_>,
    ) -> Answer {
        if asker.scopes(target).is_empty() {
            return Ok(Vec::new());
        }
        let (names, texts): (Vec<_>, Vec<String>) = question.meanings().into_iter().unzip();
        let deadline = Duration::from_millis(self.settings.list_ms);
        let vectors = self.embedder.queries(&model, &texts, deadline).await?;
        let mut lists = Vec::new();
        for (name, vector) in names.into_iter().zip(vectors) {
            let hits = self
                .store
                .dense(asker, target, (&model, &vector), HITS)
                .await?;
            let name = format!("{model}{name}");
            let weight = MEANING;
            lists.push((Listed { name, weight, hits }, 0.0));
        }
        Ok(lists)
    }

    /// The chunks behind the best hits, as far as the asker still reaches them; own ones first among equals.
    async fn read(
        &self,
        asker: &Asker,
        target: Target,
        mut fused: Vec<Fused>,
    ) -> Result<Vec<(Fused, Chunk)>> {
        fused.truncate(LOOKED_AT);
        let ids: Vec<i64> = fused.iter().map(|fused| fused.chunk).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let chunks = self.store.chunks(asker, &ids).await?;
        let mut chunks: HashMap<i64, Chunk> =
            chunks.into_iter().map(|chunk| (chunk.id, chunk)).collect();
        let mut found: Vec<(Fused, Chunk)> = fused
            .into_iter()
            .filter_map(|fused| chunks.remove(&fused.chunk).map(|chunk| (fused, chunk)))
            .collect();
        let esteem = match asker.person() {
            // Only of those who work for somebody, and where others read along nobody does.
            Some(person) if !asker.standings().is_empty() => self.store.esteem(person).await?,
            _ => Esteem::default(),
        };
        for (fused, chunk) in &mut found {
            if target != Target::Global && chunk.scope.is_personal() {
                fused.score *= OWN;
            }
            let net = esteem.documents.get(&chunk.document);
            if let Some(net) = net.filter(|net| **net != 0) {
                let score = weight(*net);
                fused.score *= score;
                let list = THUMBS.to_owned();
                fused.by.push(By {
                    list,
                    rank: 1,
                    score,
                });
            }
        }
        found.sort_by(|(one, chunk), (other, rival)| {
            let own = rival.scope.is_personal().cmp(&chunk.scope.is_personal());
            other.score.total_cmp(&one.score).then(own)
        });
        Ok(found)
    }

    /// Shows the best passages with what stands beside them, as far as there is room.
    async fn widen(&self, asker: &Asker, passages: &mut [Passage]) -> Result<()> {
        let taken: usize = passages
            .iter()
            .map(|passage| passage.text.chars().count())
            .sum();
        let mut room = self.settings.characters.saturating_sub(taken);
        let mut held: Vec<i64> = passages
            .iter()
            .flat_map(|passage| passage.chunks.clone())
            .collect();
        for passage in passages.iter_mut().take(WIDENED) {
            let (first, last) = passage.ordinals;
            let beside = (first - 1, last + 1);
            let near = self.store.around(asker, passage.document, beside).await?;
            for chunk in near {
                let length = chunk.text.chars().count();
                if length <= room && !held.contains(&chunk.id) {
                    passage.widen(&chunk);
                    held.push(chunk.id);
                    room -= length;
                }
            }
        }
        Ok(())
    }
}

/// How much of the question the best hit of the words says, and how far it stands out from the tenth.
fn sureness(lists: &[Listed], fulls: &[f32]) -> f32 {
    let of_list = |(list, full): (&Listed, &f32)| {
        let score = |hit: &Hit| hit.score;
        let best = list.hits.first().map(score).filter(|_| *full > 0.0)?;
        // Where there are not ten, the rest is silence; how far that is, nobody knows.
        let tenth = list.hits.get(9).map_or(best / SILENCE, score);
        Some(best / full + STANDS_OUT * (best / tenth.max(f32::EPSILON)).ln())
    };
    lists
        .iter()
        .zip(fulls)
        .filter_map(of_list)
        .fold(0.0, f32::max)
}

/// The best cosine of all embedding models.
fn nearness(lists: &[Listed], fulls: &[f32]) -> f32 {
    let meanings = lists.iter().zip(fulls).filter(|(_, full)| **full <= 0.0);
    let best = meanings.filter_map(|(list, _)| list.hits.first().map(|hit| hit.score));
    best.fold(-1.0, f32::max)
}

/// Each document once, where its best chunk stands.
fn documents(found: &[(Fused, Chunk)]) -> Vec<Document> {
    let mut all: Vec<Document> = Vec::new();
    for (_, chunk) in found {
        if all.iter().all(|known| known.id != chunk.document) {
            all.push(Document {
                id: chunk.document,
                name: chunk.name.clone(),
            });
        }
    }
    all
}
