use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::Gateway;
use crate::mail::Stops;

/// The page behind a mail's link; opening it changes nothing.
pub(super) async fn ask(
    State(gateway): State<Arc<Gateway>>,
    Path(token): Path<String>,
) -> Response {
    let is_known = gateway
        .stops
        .as_ref()
        .is_some_and(|stops| stops.is_known(&token));
    let status = if is_known {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    (status, Html(Stops::page(false, is_known))).into_response()
}

/// One press, by a person or by their mail program (RFC 8058).
pub(super) async fn stop(
    State(gateway): State<Arc<Gateway>>,
    Path(token): Path<String>,
) -> Response {
    let Some(stops) = &gateway.stops else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match stops.stop(&token).await {
        Ok(is_known) => {
            let status = if is_known {
                StatusCode::OK
            } else {
                StatusCode::NOT_FOUND
            };
            (status, Html(Stops::page(true, is_known))).into_response()
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
