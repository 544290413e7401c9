//! The public collection, read from beside the project.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct Document {
    #[serde(rename = "_id")]
    pub id: String,
    #[serde(default)]
    pub title: String,
    pub text: String,
}

pub struct Collection {
    pub documents: Vec<Document>,
    pub questions: Vec<Document>,
    /// Which documents answer a question.
    pub answers: HashMap<String, Vec<String>>,
}

/// `../shared/retrieval`, beside the project or beside the folder in which its copies stand.
fn folder() -> Option<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = project.ancestors().skip(1).take(2);
    places
        .map(|place| place.join("shared/retrieval/scifact"))
        .find(|place| place.is_dir())
}

impl Collection {
    /// `None`, with a line that says so, where it is not at hand.
    pub fn load() -> Option<Self> {
        let Some(folder) = folder() else {
            println!("skipped: ../shared/retrieval/scifact is not there");
            return None;
        };
        let open = |name: &str| std::fs::File::open(folder.join(name)).expect(name);
        let lines = |reader: &mut dyn BufRead| -> Vec<Document> {
            let parse =
                |line: std::io::Result<String>| serde_json::from_str(&line.unwrap()).unwrap();
            reader.lines().map(parse).collect()
        };
        let documents = lines(&mut BufReader::new(GzDecoder::new(open("corpus.jsonl.gz"))));
        let mut questions = lines(&mut BufReader::new(open("queries.jsonl")));
        let mut answers: HashMap<String, Vec<String>> = HashMap::new();
        for line in BufReader::new(open("qrels.tsv")).lines().skip(1) {
            let line = line.unwrap();
            let mut fields = line.split('\t').map(str::to_owned);
            let (question, document) = (fields.next().unwrap(), fields.next().unwrap());
            if fields.next().is_some_and(|grade| grade.trim() != "0") {
                answers.entry(question).or_default().push(document);
            }
        }
        questions.retain(|question| answers.contains_key(&question.id));
        Some(Self {
            documents,
            questions,
            answers,
        })
    }

    /// Every sentence of its documents.
    pub fn sentences(&self) -> Vec<&str> {
        let texts = self.documents.iter();
        let sentences = texts.flat_map(|document| document.text.split_inclusive(". "));
        sentences
            .map(str::trim)
            .filter(|sentence| sentence.len() > 20)
            .collect()
    }
}
