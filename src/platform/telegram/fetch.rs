use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use reqwest::Response;
use serde::Deserialize;
use teloxide_core::payloads::GetFile;
use teloxide_core::types::FileId;

use super::call::{self, Api, CallError};
use crate::model::File;
use crate::platform::{FetchError, FileStream};

/// Longest silence between two pieces of a file.
const SILENCE: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Place {
    #[serde(default)]
    file_size: Option<u64>,
    #[serde(default)]
    file_path: Option<String>,
}

/// Streams a file and ends with an error once more than `limit` bytes came.
pub(super) async fn fetch(api: &Api, file: &File, limit: u64) -> Result<FileStream, FetchError> {
    let File {
        handle,
        name: _,
        mime: _,
        size,
        seconds: _,
    } = file;
    let fits = |size: Option<u64>| match size {
        Some(size) if size > limit => Err(FetchError::TooLarge { limit }),
        Some(_) | None => Ok(()),
    };
    fits(*size)?;
    let request = GetFile::new(FileId(handle.clone()));
    let Place {
        file_size,
        file_path,
    } = api
        .call(&request)
        .await
        .map_err(|error| sort(error, limit))?;
    fits(file_size)?;
    let path = file_path.ok_or(FetchError::Gone)?;
    if path.starts_with('/') {
        let why = "the Bot API server runs with --local and gives files on its own disk; start it without";
        return Err(FetchError::Failed(why.to_owned()));
    }
    let response = api.file(&path).await.map_err(|error| sort(error, limit))?;
    fits(response.content_length())?;
    Ok(pieces(response, limit))
}

fn pieces(response: Response, limit: u64) -> FileStream {
    let stream: BoxStream<'static, _> =
        stream::unfold(Some((response, 0u64)), move |state| async move {
            let (mut response, mut passed) = state?;
            let piece = match tokio::time::timeout(SILENCE, response.chunk()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => return None,
                Ok(Err(error)) => {
                    return Some((Err(FetchError::Failed(call::sort(error).to_string())), None));
                }
                Err(_) => {
                    return Some((
                        Err(FetchError::Failed("the file stopped coming".to_owned())),
                        None,
                    ));
                }
            };
            passed = passed.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            if passed > limit {
                return Some((Err(FetchError::TooLarge { limit }), None));
            }
            Some((Ok(piece), Some((response, passed))))
        })
        .boxed();
    stream
}

fn sort(error: CallError, limit: u64) -> FetchError {
    match error {
        CallError::Refused {
            code: 400,
            description,
        } => {
            let said = description.to_lowercase();
            if said.contains("too big") {
                FetchError::TooLarge { limit }
            } else if said.contains("temporarily") {
                FetchError::Failed(description)
            } else {
                FetchError::Gone
            }
        }
        CallError::Refused {
            code: 404 | 410,
            description: _,
        } => FetchError::Gone,
        error => FetchError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer that does not say how long it is.
    fn endless(piece: &'static [u8], times: usize) -> Response {
        let pieces = stream::iter((0..times).map(move |_| Ok::<_, std::io::Error>(piece)));
        let body = reqwest::Body::wrap_stream(pieces);
        Response::from(axum::http::Response::new(body))
    }

    #[tokio::test]
    async fn reading_ends_with_the_limit() {
        let read: Vec<_> = pieces(endless(b"12345", 1_000), 12).collect().await;
        assert!(
            matches!(
                read.as_slice(),
                [Ok(_), Ok(_), Err(FetchError::TooLarge { limit: 12 })]
            ),
            "{read:?}"
        );
        let read: Vec<_> = pieces(endless(b"12345", 3), 15).collect().await;
        assert!(read.len() == 3 && read.iter().all(Result::is_ok));
    }

    #[test]
    fn refusals_are_told_apart() {
        let sorted = |code, text: &str| {
            sort(
                CallError::Refused {
                    code,
                    description: text.to_owned(),
                },
                9,
            )
        };
        assert!(matches!(
            sorted(400, "Bad Request: file is too big"),
            FetchError::TooLarge { limit: 9 }
        ));
        assert!(matches!(
            sorted(400, "Bad Request: invalid file_id"),
            FetchError::Gone
        ));
        assert!(matches!(
            sorted(
                400,
                "Bad Request: wrong file_id or the file is temporarily unavailable"
            ),
            FetchError::Failed(_)
        ));
        assert!(matches!(sorted(404, ""), FetchError::Gone));
        assert!(matches!(sort(CallError::Timeout, 9), FetchError::Failed(_)));
    }
}
