//! The port: accepting, breaking and refusing connections.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Path, Query, Request, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{Discord, Inner, gateway, rest};

impl Discord {
    pub(super) fn listen_on(&self, listener: TcpListener) {
        let open = self.open_token();
        let weak = Arc::downgrade(&self.inner);
        let accepting = Accepting {
            listener,
            open: open.clone(),
        };
        let app = router(weak).into_make_service_with_connect_info::<Wire>();
        tokio::spawn(async move {
            tokio::select! {
                _ = axum::serve(accepting, app) => {}
                () = open.cancelled() => {}
            }
        });
    }

    /// Breaks every connection and refuses new ones until `resume_service`.
    pub fn outage(&self) {
        self.open_token().cancel();
    }

    /// Listens again, on the same port.
    pub async fn resume_service(&self) {
        let listener = loop {
            // The old listener closes as soon as its task has seen the cancellation.
            match TcpListener::bind(("127.0.0.1", self.inner.port)).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        *self.inner.open.lock().expect("not poisoned") = self.inner.stop.child_token();
        self.listen_on(listener);
    }

    fn open_token(&self) -> CancellationToken {
        self.inner.open.lock().expect("not poisoned").clone()
    }
}

fn router(weak: Weak<Inner>) -> Router {
    let at_gateway = weak.clone();
    let at_files = weak.clone();
    Router::new()
        .route(
            "/gateway",
            get(
                async move |Query(query): Query<HashMap<String, String>>,
                            upgrade: WebSocketUpgrade| {
                    match at_gateway.upgrade() {
                        Some(inner) => {
                            let discord = Discord { inner, life: None };
                            upgrade
                                .max_message_size(4096 * 4)
                                .on_upgrade(move |socket| gateway::serve(discord, socket, query))
                        }
                        None => gone(),
                    }
                },
            ),
        )
        .route(
            "/attachments/{channel}/{file}/{name}",
            get(async move |Path((_, file, _)): Path<(u64, u64, String)>| {
                match at_files.upgrade() {
                    Some(inner) => rest::download(&Discord { inner, life: None }, file),
                    None => gone(),
                }
            }),
        )
        .fallback(
            async move |ConnectInfo(wire): ConnectInfo<Wire>, request: Request| match weak.upgrade()
            {
                Some(inner) => rest::serve(Discord { inner, life: None }, wire, request).await,
                None => gone(),
            },
        )
}

fn gone() -> Response {
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

/// What a handler may do to its own connection.
#[derive(Clone)]
pub struct Wire {
    pub cut: CancellationToken,
}

impl Connected<IncomingStream<'_, Accepting>> for Wire {
    fn connect_info(stream: IncomingStream<'_, Accepting>) -> Self {
        Self {
            cut: stream.io().cut.clone(),
        }
    }
}

pub struct Accepting {
    listener: TcpListener,
    open: CancellationToken,
}

impl Listener for Accepting {
    type Io = Cuttable;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            if let Ok((stream, address)) = self.listener.accept().await {
                let _ = stream.set_nodelay(true);
                let cut = self.open.child_token();
                let wait = Box::pin(cut.clone().cancelled_owned());
                return (Cuttable { stream, cut, wait }, address);
            }
            tokio::task::yield_now().await;
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that fails at once, in both directions, when its token is cancelled.
pub struct Cuttable {
    stream: TcpStream,
    cut: CancellationToken,
    wait: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Cuttable {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.wait.as_mut().poll(cx) {
            Poll::Ready(()) => {
                let _ = self.stream.set_zero_linger();
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
