//! The listening side: connections that can be reset on purpose, routing, and request bodies.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use bytes::Bytes;
use futures::task::AtomicWaker;
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::Inner;
use super::answers::{ApiError, failure};
use super::spec::{Method, Ty, spec};

/// Larger than the largest upload the Bot API takes (50 MB).
const MAX_BODY: usize = 60 << 20;

/// One client connection as the handlers see it.
#[derive(Clone)]
pub(super) struct Peer(Arc<Cut>);

#[derive(Default)]
struct Cut {
    now: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Peer {
    /// Resets the connection: the client sees RST, never a byte of an answer.
    pub(super) fn reset(&self) {
        self.0.cut();
    }
}

impl Cut {
    fn cut(&self) {
        self.now.store(true, Ordering::SeqCst);
        self.reader.wake();
        self.writer.wake();
    }
}

/// Every open connection, so that an outage can end them all.
#[derive(Default)]
pub(super) struct Connections(Mutex<Vec<Weak<Cut>>>);

impl Connections {
    fn add(&self, cut: &Arc<Cut>) {
        let mut open = self.0.lock().unwrap();
        if open.len() == open.capacity() {
            open.retain(|c| c.strong_count() > 0);
        }
        open.push(Arc::downgrade(cut));
    }

    pub(super) fn reset_all(&self) {
        for cut in self.0.lock().unwrap().drain(..) {
            if let Some(cut) = cut.upgrade() {
                cut.cut();
            }
        }
    }
}

pub(super) struct Gate {
    listener: TcpListener,
    connections: Arc<Connections>,
}

pub(super) struct Conn {
    stream: TcpStream,
    cut: Arc<Cut>,
}

impl Conn {
    fn broken(&self, waker: &AtomicWaker, cx: &Context<'_>) -> Option<io::Error> {
        waker.register(cx.waker());
        if !self.cut.now.load(Ordering::SeqCst) {
            return None;
        }
        self.stream.set_zero_linger().ok();
        Some(io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.broken(&self.cut.reader, cx) {
            Some(e) => Poll::Ready(Err(e)),
            None => Pin::new(&mut self.stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Conn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.broken(&self.cut.writer, cx) {
            Some(e) => Poll::Ready(Err(e)),
            None => Pin::new(&mut self.stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Listener for Gate {
    type Io = Conn;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Conn, SocketAddr) {
        loop {
            if let Ok((stream, addr)) = self.listener.accept().await {
                stream.set_nodelay(true).ok();
                let cut = Arc::new(Cut::default());
                self.connections.add(&cut);
                return (Conn { stream, cut }, addr);
            }
            // The process may be out of descriptors; give the others a chance to close some.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Gate>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Self {
        Self(stream.io().cut.clone())
    }
}

/// Listens on `addr` (port 0 picks one) and serves until the returned task is aborted.
pub(super) async fn listen(
    inner: Arc<Inner>,
    addr: SocketAddr,
) -> io::Result<(SocketAddr, tokio::task::AbortHandle)> {
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    let gate = Gate {
        listener,
        connections: inner.connections.clone(),
    };
    let service = Router::new()
        .fallback(handle)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(inner)
        .into_make_service_with_connect_info::<Peer>();
    let task = tokio::runtime::Handle::current().spawn(async move {
        axum::serve(gate, service).await.ok();
    });
    Ok((addr, task.abort_handle()))
}

/// A file that came with a multipart body.
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) mime: String,
    pub(super) bytes: Bytes,
}

/// One request, understood but not yet applied.
pub(super) struct Call {
    pub(super) method: &'static Method,
    pub(super) params: Map<String, Value>,
    pub(super) files: HashMap<String, Upload>,
    pub(super) arrived: Instant,
}

async fn handle(
    State(inner): State<Arc<Inner>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let arrived = Instant::now();
    let path = request.uri().path().to_owned();
    let (is_file, rest) = match (path.strip_prefix("/file/bot"), path.strip_prefix("/bot")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return failure(&ApiError::new(404, "Not Found")),
    };
    let Some((token, name)) = rest.split_once('/') else {
        return failure(&ApiError::new(404, "Not Found"));
    };
    if token.replace("%3A", ":") != inner.opts.token {
        return failure(&ApiError::new(401, "Unauthorized"));
    }
    if is_file {
        // The library escapes the slash inside a file path.
        let path = name.replace("%2F", "/");
        return inner.download(&path, &peer).await;
    }
    let Some(method) = spec().method(name) else {
        inner
            .lock()
            .violation(format!("{name} is no method of this server"));
        return failure(&ApiError::new(404, "Not Found"));
    };
    let read = read_call(method, request).await;
    match read {
        Ok((params, files)) => {
            inner
                .serve(
                    Call {
                        method,
                        params,
                        files,
                        arrived,
                    },
                    peer,
                )
                .await
        }
        Err(problem) => {
            inner
                .lock()
                .violation(format!("{}: {problem}", method.name));
            failure(&ApiError::new(400, format!("Bad Request: {problem}")))
        }
    }
}

type Parsed = (Map<String, Value>, HashMap<String, Upload>);

async fn read_call(method: &Method, request: Request) -> Result<Parsed, String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    if let Some(query) = request.uri().query() {
        pairs.extend(url::form_urlencoded::parse(query.as_bytes()).into_owned());
    }
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut files = HashMap::new();
    let mut params = Map::new();
    if kind.starts_with("multipart/form-data") {
        let form = Multipart::from_request(request, &())
            .await
            .map_err(|e| e.to_string())?;
        read_multipart(form, &mut pairs, &mut files).await?;
    } else {
        let body = to_bytes(request.into_body(), MAX_BODY)
            .await
            .map_err(|e| e.to_string())?;
        if kind.starts_with("application/x-www-form-urlencoded") {
            pairs.extend(url::form_urlencoded::parse(&body).into_owned());
        } else if !body.is_empty() {
            if !kind.starts_with("application/json") {
                return Err(format!("unsupported content type {kind:?}"));
            }
            params = serde_json::from_slice(&body)
                .map_err(|e| format!("can't parse the JSON object: {e}"))?;
            params.retain(|_, value| !value.is_null());
        }
    }
    for (key, text) in pairs {
        let value = typed(method, &key, text);
        params.insert(key, value);
    }
    for key in files.keys() {
        if method.param(key).is_some() {
            params.insert(key.clone(), Value::from(format!("attach://{key}")));
        }
    }
    Ok((params, files))
}

async fn read_multipart(
    mut form: Multipart,
    pairs: &mut Vec<(String, String)>,
    files: &mut HashMap<String, Upload>,
) -> Result<(), String> {
    while let Some(part) = form.next_field().await.map_err(|e| e.to_string())? {
        let key = part.name().unwrap_or_default().to_owned();
        let name = part.file_name().map(str::to_owned);
        let mime = part
            .content_type()
            .unwrap_or("application/octet-stream")
            .to_owned();
        let bytes = part.bytes().await.map_err(|e| e.to_string())?;
        if let Some(name) = name {
            files.insert(key, Upload { name, mime, bytes });
        } else {
            let text = String::from_utf8(bytes.to_vec()).map_err(|e| e.to_string())?;
            pairs.push((key, text));
        }
    }
    Ok(())
}

/// Gives a form field the type that the method wants; what does not fit stays text and is
/// refused by the check that follows.
fn typed(method: &Method, key: &str, text: String) -> Value {
    let Some(field) = method.param(key) else {
        return Value::from(text);
    };
    for ty in &field.types {
        let value = match ty {
            Ty::Str | Ty::File => Some(Value::from(text.clone())),
            Ty::Boolean if text.eq_ignore_ascii_case("true") => Some(Value::from(true)),
            Ty::Boolean if text.eq_ignore_ascii_case("false") => Some(Value::from(false)),
            Ty::Boolean => None,
            _ => serde_json::from_str(&text).ok(),
        };
        if let Some(value) = value.filter(|v| spec().check_any(&field.types, v).is_ok()) {
            return value;
        }
    }
    Value::from(text)
}

/// A plain answer with a body of any type.
pub(super) fn reply(status: u16, content_type: &'static str, body: impl Into<Body>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .body(body.into())
        .expect("a valid answer")
}
