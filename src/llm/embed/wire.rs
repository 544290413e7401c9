use reqwest_llm::Client;
use serde::Deserialize;
use serde_json::json;

use crate::llm::wire::Place;
use crate::llm::{Error, Wait, guard};

/// Bytes of an answer beyond its vectors.
const FRAME: usize = 64 * 1024;
/// Bytes of one vector at most, as text.
const VECTOR: usize = 400 * 1024;

/// A model behind OpenAI's wire, which Ollama speaks too.
pub(super) struct Wire {
    http: Client,
    place: Place,
    id: String,
    dimensions: Option<usize>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Piece>,
}

#[derive(Deserialize)]
struct Piece {
    /// Which text it belongs to; by its place where a server leaves it out.
    index: Option<usize>,
    embedding: Vec<f32>,
}

impl Wire {
    /// A model by its name on the wire; `dimensions` is asked for where it is given.
    pub(super) fn new(http: Client, place: Place, id: &str, dimensions: Option<usize>) -> Self {
        Self {
            http,
            place,
            id: id.to_owned(),
            dimensions,
        }
    }

    /// The vectors of these texts, in their order and of whatever length the model gave them.
    pub(super) async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Error> {
        let mut body = json!({"model": self.id, "input": texts, "encoding_format": "float"});
        if let (Some(dimensions), Some(object)) = (self.dimensions, body.as_object_mut()) {
            object.insert("dimensions".to_owned(), dimensions.into());
        }
        let base = self.place.base.trim_end_matches('/');
        let mut request = self.http.post(format!("{base}/embeddings")).json(&body);
        if let Some(key) = &self.place.key {
            request = request.bearer_auth(key.expose());
        }
        let sent = request.send().await;
        let response = sent.map_err(|error| match error.is_timeout() && !error.is_connect() {
            true => Error::Late(Wait::End),
            false => guard::transport(&error),
        })?;
        let limit = FRAME + texts.len().saturating_mul(VECTOR);
        let body = guard::document(response, limit).await?;
        let answer = serde_json::from_slice(&body).map_err(|_| Error::Nonsense("broken JSON"))?;
        in_order(answer, texts.len())
    }
}

/// The vectors in the order of the texts, one for each.
fn in_order(answer: Answer, count: usize) -> Result<Vec<Vec<f32>>, Error> {
    const COUNT: Error = Error::Nonsense("another number of vectors than of texts");
    if answer.data.len() != count {
        return Err(COUNT);
    }
    let mut sorted: Vec<Option<Vec<f32>>> = vec![None; count];
    for (place, Piece { index, embedding }) in answer.data.into_iter().enumerate() {
        let slot = sorted.get_mut(index.unwrap_or(place)).ok_or(COUNT)?;
        *slot = Some(embedding);
    }
    sorted.into_iter().collect::<Option<_>>().ok_or(COUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, count: usize) -> Option<Vec<Vec<f32>>> {
        in_order(serde_json::from_str(text).ok()?, count).ok()
    }

    #[test]
    fn vectors_come_back_in_the_order_of_their_texts() {
        let turned = r#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1.5]}]}"#;
        assert_eq!(read(turned, 2).unwrap(), [vec![1.5], vec![2.0]]);
        let plain = r#"{"data":[{"embedding":[1]},{"embedding":[2]}]}"#;
        assert_eq!(read(plain, 2).unwrap(), [vec![1.0], vec![2.0]]);
        assert_eq!(read(turned, 3), None);
        let twice = r#"{"data":[{"index":0,"embedding":[2]},{"index":0,"embedding":[1]}]}"#;
        assert_eq!(read(twice, 2), None);
        let beyond = r#"{"data":[{"index":9,"embedding":[2]}]}"#;
        assert_eq!(read(beyond, 1), None);
        assert_eq!(
            read(r#"{"data":[{"index":0,"embedding":[null]}]}"#, 1),
            None
        );
        assert_eq!(
            read(r#"{"data":[{"index":0,"embedding":"AAAA"}]}"#, 1),
            None
        );
    }
}
