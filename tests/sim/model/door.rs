//! The listening side: keeps a handle on every connection, so that a test can end them all or close one half of one.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::{TcpListener, TcpStream};

/// A second handle on an open connection.
#[derive(Clone, Debug)]
pub struct Line(Arc<std::net::TcpStream>);

impl Line {
    fn of(stream: &TcpStream) -> io::Result<Self> {
        let copy = stream.as_fd().try_clone_to_owned()?;
        Ok(Self(Arc::new(copy.into())))
    }

    /// The client reads the end of the stream, while its own words still arrive.
    pub fn close_write(&self) {
        // An error says that the client has left already.
        self.0.shutdown(Shutdown::Write).ok();
    }
}

impl Connected<IncomingStream<'_, Door>> for Line {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.remote_addr().clone()
    }
}

/// The open connections of one server.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<Weak<std::net::TcpStream>>>>);

impl Lines {
    fn add(&self, line: &Line) {
        let mut lines = self.0.lock().expect("lines");
        // Doubling keeps the sweep over ended connections cheap per connection.
        if lines.len() == lines.capacity() {
            lines.retain(|line| line.strong_count() > 0);
        }
        lines.push(Arc::downgrade(&line.0));
    }

    pub fn close_all(&self) {
        for line in self
            .0
            .lock()
            .expect("lines")
            .drain(..)
            .filter_map(|line| line.upgrade())
        {
            line.shutdown(Shutdown::Both).ok();
        }
    }
}

pub struct Door {
    pub listener: TcpListener,
    pub lines: Lines,
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = Line;

    async fn accept(&mut self) -> (TcpStream, Line) {
        loop {
            let accepted = self.listener.accept().await.and_then(|(stream, _)| {
                stream.set_nodelay(true)?;
                let line = Line::of(&stream)?;
                Ok((stream, line))
            });
            match accepted {
                Ok((stream, line)) => {
                    self.lines.add(&line);
                    return (stream, line);
                }
                // Too many open files, most likely: a later connection may succeed.
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<Line> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
