//! The embeddings address: words hashed into places, and everything that can go wrong there.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{EMBEDDINGS, Server, refuse, wire};

/// Dimensions of a model that this server does not know by name.
pub(super) const SIZE: usize = 64;

/// How one embeddings request goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmbedFault {
    /// An error in OpenAI's form.
    Status(u16),
    /// 429 with so many seconds to wait.
    Busy(u64),
    /// A proxy's page where JSON belongs.
    Html,
    /// One vector less than texts.
    Short,
    /// One vector twice, so that another is missing.
    Twice,
    /// A number that JSON does not have, as some servers write it all the same.
    NotANumber,
    /// A number beyond what a vector can hold.
    Infinite,
    /// Zeros only.
    Zero,
    /// Twice as many dimensions as the model has.
    Wide,
    /// The vectors in another order; not wrong, since each says where it belongs.
    Turned,
    /// Not even a status line.
    Hang,
}

/// A text that this server never takes.
#[derive(Clone, Debug)]
pub(super) struct Poison {
    words: String,
    status: u16,
}

impl Server {
    /// The next embeddings request without a fault goes wrong like this.
    pub fn fault_embedding(&self, fault: EmbedFault) {
        self.script().embed_faults.push_back(fault);
    }

    /// From now on every embeddings request with these words in a text fails with this status.
    pub fn poison(&self, words: &str, status: u16) {
        self.script().poison.push(Poison {
            words: words.to_owned(),
            status,
        });
    }

    /// From now on models that this server does not know by name have so many dimensions.
    pub fn resize(&self, dimensions: usize) {
        self.script().embed_size = dimensions;
    }

    /// The texts of every embeddings request so far, those that failed included.
    pub fn embedded(&self) -> Vec<Vec<String>> {
        self.requests()
            .iter()
            .filter(|request| request.path == EMBEDDINGS)
            .map(|request| texts(&request.body))
            .collect()
    }
}

fn texts(body: &Value) -> Vec<String> {
    match &body["input"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list
            .iter()
            .filter_map(Value::as_str)
            .map(String::from)
            .collect(),
        _ => Vec::new(),
    }
}

/// Dimensions of a model, and whether they can be chosen.
fn size(model: &str, usual: usize) -> (usize, bool) {
    match model {
        "text-embedding-3-small" => (1_536, true),
        "bge-base-en-v1.5" | "nomic-embed-text" => (768, false),
        "all-minilm" => (384, false),
        _ => (usual, true),
    }
}

pub(super) async fn embeddings(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = match server.read(EMBEDDINGS, "CreateEmbeddingRequest", &headers, &body) {
        Ok(request) => request,
        Err(refusal) => return *refusal,
    };
    server.held().await;
    let invalid = |message: &str| *refuse(400, "invalid_request_error", message);
    if request.body["encoding_format"] == "base64" {
        return invalid("This server knows the encoding format `float` only.");
    }
    let texts = texts(&request.body);
    if texts.iter().any(String::is_empty) {
        return invalid("'$.input' is invalid: an input is empty.");
    }
    let usual = server.script().embed_size;
    let (mut size, reducible) = size(&request.model, usual);
    match request.body["dimensions"].as_u64().map(usize::try_from) {
        Some(Ok(asked)) if reducible => size = asked,
        Some(_) => return invalid("This model does not support specifying dimensions."),
        None => {}
    }
    let (fault, poison) = {
        let mut script = server.script();
        (script.embed_faults.pop_front(), script.poison.clone())
    };
    for Poison { words, status } in poison {
        if texts.iter().any(|text| text.contains(&words)) {
            return *refuse(status, "server_error", "This text is not taken.");
        }
    }
    answer(&request.model, &texts, size, fault).await
}

async fn answer(model: &str, texts: &[String], size: usize, fault: Option<EmbedFault>) -> Response {
    use EmbedFault::{
        Busy, Hang, Html, Infinite, NotANumber, Short, Status, Turned, Twice, Wide, Zero,
    };
    let size = size * if fault == Some(Wide) { 2 } else { 1 };
    let vector = |(index, text): (usize, &String)| json!({"object": "embedding", "index": index, "embedding": wire::embed(text, size)});
    let mut data: Vec<Value> = texts.iter().enumerate().map(vector).collect();
    match fault {
        Some(Status(status)) => return *refuse(status, "server_error", "Scripted refusal"),
        Some(Busy(seconds)) => {
            let refusal = *refuse(429, "rate_limit_exceeded", "Scripted refusal");
            return ([(header::RETRY_AFTER, seconds.to_string())], refusal).into_response();
        }
        Some(Html) => {
            let page = "<!doctype html><title>Bad gateway</title>";
            return ([(header::CONTENT_TYPE, "text/html")], page).into_response();
        }
        Some(Hang) => std::future::pending().await,
        Some(Short) => drop(data.pop()),
        Some(Twice) => data[0] = data[data.len() - 1].clone(),
        Some(Infinite) => data[0]["embedding"][0] = json!(1e300),
        Some(Zero) => data[0]["embedding"] = json!(vec![0.0; size]),
        Some(Turned) => data.reverse(),
        Some(NotANumber | Wide) | None => {}
    }
    let tokens: usize = texts.iter().map(|text| text.len().div_ceil(4)).sum();
    let whole = json!({
        "object": "list", "model": model, "data": data,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    });
    if fault == Some(NotANumber) {
        let body = whole
            .to_string()
            .replacen("\"embedding\":[", "\"embedding\":[NaN,", 1);
        return ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    }
    Json(whole).into_response()
}
