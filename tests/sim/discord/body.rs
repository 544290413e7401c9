//! Bodies: reading JSON and multipart requests, writing answers with their limit headers.

use axum::body::Body;
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::rates::Standing;
use super::rest::Reply;

const MAX_REQUEST: usize = 64 * 1024 * 1024;

pub struct Upload {
    pub index: u64,
    pub name: String,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

pub async fn read(request: Request) -> Result<(Option<Value>, Vec<Upload>), String> {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    if !kind.starts_with("multipart/form-data") {
        let bytes = axum::body::to_bytes(request.into_body(), MAX_REQUEST)
            .await
            .map_err(|e| e.to_string())?;
        if bytes.is_empty() {
            return Ok((None, Vec::new()));
        }
        if !kind.starts_with("application/json") {
            return Err(format!("a body with content type {kind:?}"));
        }
        let body = serde_json::from_slice(&bytes).map_err(|e| e.to_string())?;
        return Ok((Some(body), Vec::new()));
    }
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|e| e.to_string())?;
    let (mut body, mut files) = (json!({}), Vec::new());
    while let Some(part) = parts.next_field().await.map_err(|e| e.to_string())? {
        let field = part.name().unwrap_or_default().to_owned();
        if field == "payload_json" {
            body = serde_json::from_slice(&part.bytes().await.map_err(|e| e.to_string())?)
                .map_err(|e| e.to_string())?;
            continue;
        }
        let index = field
            .strip_prefix("files[")
            .and_then(|f| f.strip_suffix(']'))
            .and_then(|f| f.parse().ok());
        let Some(index) = index else {
            return Err(format!("an unknown part {field:?}"));
        };
        let name = part.file_name().unwrap_or("file").to_owned();
        let content_type = part
            .content_type()
            .unwrap_or("application/octet-stream")
            .to_owned();
        let bytes = part.bytes().await.map_err(|e| e.to_string())?.to_vec();
        files.push(Upload {
            index,
            name,
            content_type,
            bytes,
        });
    }
    Ok((Some(body), files))
}

pub fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

pub fn plain(status: u16, body: &Value) -> Response {
    if body.is_null() {
        return code(status).into_response();
    }
    (
        code(status),
        [(header::CONTENT_TYPE, "application/json")],
        Body::from(body.to_string()),
    )
        .into_response()
}

pub fn with_limits(reply: Reply, standing: &Standing) -> Response {
    let mut response = plain(reply.status, &reply.body);
    let reset_after = standing.reset_after.as_secs_f64();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64();
    let mut pairs = vec![
        ("x-ratelimit-limit", standing.limit.to_string()),
        ("x-ratelimit-remaining", standing.remaining.to_string()),
        ("x-ratelimit-reset", format!("{:.3}", now + reset_after)),
        ("x-ratelimit-reset-after", format!("{reset_after:.3}")),
        ("x-ratelimit-bucket", standing.bucket.clone()),
    ];
    if let Some(refusal) = standing.refused {
        pairs.push(("retry-after", format!("{}", refusal.after.ceil() as u64)));
        pairs.push((
            "x-ratelimit-scope",
            if refusal.global { "global" } else { "user" }.to_owned(),
        ));
        if refusal.global {
            pairs.push(("x-ratelimit-global", "true".to_owned()));
        }
    }
    for (name, value) in pairs {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
