//! Fetching what people sent.

use futures::{StreamExt, TryStreamExt};
use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

use super::Core;
use super::rest::{Route, Trouble};
use super::wire::FileHandle;
use crate::model::File;
use crate::platform::{FetchError, FileStream};

#[derive(Deserialize)]
struct Attachments {
    attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
struct Attachment {
    id: String,
    url: String,
}

impl Core {
    pub(super) async fn fetch(&self, file: &File, limit: u64) -> Result<FileStream, FetchError> {
        if file.size.is_some_and(|size| size > limit) {
            return Err(FetchError::TooLarge { limit });
        }
        let handle = FileHandle::parse(&file.handle);
        let url = handle.as_ref().map_or(&file.handle, |handle| &handle.url);
        match (self.open(url, limit).await, handle) {
            // Addresses are signed for about a day; the message knows a fresh one.
            (Err(FetchError::Gone), Some(handle)) => {
                let url = self.fresh_url(&handle).await?;
                self.open(&url, limit).await
            }
            (opened, _) => opened,
        }
    }

    async fn open(&self, url: &str, limit: u64) -> Result<FileStream, FetchError> {
        let refused = || FetchError::Failed("its address is not one of the platform's".to_owned());
        let url = Url::parse(url).map_err(|_| refused())?;
        if !self.rest.base.trusts_file(&url) {
            return Err(refused());
        }
        let answer = self.rest.files().get(url).send().await.map_err(failed)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => {
                return Err(FetchError::Gone);
            }
            status => {
                return Err(FetchError::Failed(format!(
                    "the store answered {}",
                    status.as_u16()
                )));
            }
        }
        if answer.content_length().is_some_and(|length| length > limit) {
            return Err(FetchError::TooLarge { limit });
        }
        let pieces = answer.bytes_stream().map_err(failed);
        // What is announced may be wrong or missing, so what comes is counted.
        let counted = pieces.scan((0u64, false), move |(sum, over), piece| {
            if *over {
                return futures::future::ready(None);
            }
            let piece = piece.and_then(|bytes| {
                *sum = sum.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                if *sum > limit {
                    return Err(FetchError::TooLarge { limit });
                }
                Ok(bytes)
            });
            *over = piece.is_err();
            futures::future::ready(Some(piece))
        });
        Ok(counted.boxed())
    }

    async fn fresh_url(&self, handle: &FileHandle) -> Result<String, FetchError> {
        let route = Route::message(handle.channel, handle.message);
        let message: Attachments =
            self.rest
                .call(route, None)
                .await
                .map_err(|trouble| match trouble {
                    Trouble::Refused {
                        status: 403 | 404, ..
                    } => FetchError::Gone,
                    trouble => FetchError::Failed(trouble.to_string()),
                })?;
        message
            .attachments
            .into_iter()
            .find(|attachment| attachment.id == handle.attachment.to_string())
            .map(|attachment| attachment.url)
            .ok_or(FetchError::Gone)
    }
}

fn failed(error: reqwest::Error) -> FetchError {
    FetchError::Failed(format!("{:#}", anyhow::Error::from(error.without_url())))
}
