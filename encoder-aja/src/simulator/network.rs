//! The device's network port: open, silent or closed.
//!
//! Silence and refusal act below HTTP, on the socket, so that a client meets what it would meet on
//! a real network, in the middle of a reply and in the middle of a long poll.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use axum::serve::Listener;
use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

/// What passes through the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traffic {
    /// Everything.
    Open,
    /// Connections open, bytes do not pass.
    Silent,
    /// Nothing: open connections end, new ones are refused.
    Refused,
}

/// The state of the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gate {
    pub(super) traffic: Traffic,
    /// Connections older than this generation end.
    pub(super) generation: u32,
}

/// The port of one device; clones are the same port.
#[derive(Clone, Debug)]
pub(super) struct Port {
    address: SocketAddr,
    gate: watch::Sender<Gate>,
    door: Arc<Mutex<Door>>,
    runtime: Handle,
}

#[derive(Debug)]
struct Door {
    socket: Socket,
    acceptor: Option<Waker>,
}

#[derive(Debug)]
enum Socket {
    Listening(TcpListener),
    /// Bound and not listening: the system refuses connections, and nobody else gets the port.
    Held(TcpSocket),
    /// Somebody else has taken the port.
    Lost,
    /// The device is gone for good.
    Closed,
}

impl Port {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let listener = bind(address)?.listen(BACKLOG)?;
        let gate = Gate {
            traffic: Traffic::Open,
            generation: 0,
        };
        Ok(Self {
            address: listener.local_addr()?,
            gate: watch::Sender::new(gate),
            door: Arc::new(Mutex::new(Door {
                socket: Socket::Listening(listener),
                acceptor: None,
            })),
            runtime: Handle::current(),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Applies `gate`; once this returns, new connections meet it.
    pub(super) fn set(&self, gate: Gate) {
        if *self.gate.borrow() == gate {
            return;
        }
        let _runtime = self.runtime.enter();
        let mut door = self.lock();
        if matches!(door.socket, Socket::Closed) {
            return;
        }
        door.turn(self.address, gate.traffic != Traffic::Refused);
        self.gate.send_replace(gate);
    }

    /// Closes the port for good and ends every connection.
    pub(super) fn close(&self) {
        self.lock().socket = Socket::Closed;
        self.gate
            .send_modify(|gate| gate.traffic = Traffic::Refused);
    }

    fn lock(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const BACKLOG: u32 = 256;

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

impl Door {
    fn turn(&mut self, address: SocketAddr, open: bool) {
        let before = std::mem::replace(&mut self.socket, Socket::Lost);
        let after = match (before, open) {
            (Socket::Listening(listener), false) => {
                drop(listener);
                bind(address).map(Socket::Held)
            }
            (Socket::Held(socket), true) => socket.listen(BACKLOG).map(Socket::Listening),
            (Socket::Lost, true) => bind(address)
                .and_then(|socket| socket.listen(BACKLOG))
                .map(Socket::Listening),
            (unchanged, _) => Ok(unchanged),
        };
        self.socket = after.unwrap_or_else(|error| {
            tracing::warn!(%address, %error, "the simulated port cannot be kept");
            Socket::Lost
        });
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.wake();
        }
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<(TcpStream, SocketAddr)> {
        self.acceptor = Some(cx.waker().clone());
        let Socket::Listening(listener) = &self.socket else {
            return Poll::Pending;
        };
        loop {
            match listener.poll_accept(cx) {
                Poll::Ready(Ok(accepted)) => return Poll::Ready(accepted),
                Poll::Ready(Err(error)) if is_of_one_connection(&error) => {}
                Poll::Ready(Err(error)) => {
                    tracing::warn!(%error, "the simulated port cannot accept");
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

impl Listener for Port {
    type Io = GatedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (GatedStream, SocketAddr) {
        let (stream, peer) = std::future::poll_fn(|cx| self.lock().poll_accept(cx)).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY on a simulated connection");
        }
        (GatedStream::new(stream, &self.gate), peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection that follows the gate of its port.
#[derive(Debug)]
pub(super) struct GatedStream {
    stream: TcpStream,
    changes: WatchStream<Gate>,
    gate: Gate,
    generation: u32,
}

impl GatedStream {
    fn new(stream: TcpStream, gate: &watch::Sender<Gate>) -> Self {
        let now = *gate.borrow();
        Self {
            stream,
            changes: WatchStream::new(gate.subscribe()),
            gate: now,
            generation: now.generation,
        }
    }

    /// Ready when bytes may pass, or when the connection is over.
    fn poll_gate(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Poll::Ready(change) = Pin::new(&mut self.changes).poll_next(cx) {
            match change {
                Some(gate) => self.gate = gate,
                None => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            }
        }
        if self.gate.generation != self.generation || self.gate.traffic == Traffic::Refused {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        match self.gate.traffic {
            Traffic::Open => Poll::Ready(Ok(())),
            Traffic::Silent | Traffic::Refused => Poll::Pending,
        }
    }
}

impl AsyncRead for GatedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_gate(cx))?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for GatedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_gate(cx))?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_gate(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
