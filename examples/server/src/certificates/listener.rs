//! Accepts connections with TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Clients that shake hands at the same time. Beyond that, the next waits for one to end, which
/// takes no longer than the time that a handshake has.
const HANDSHAKES: usize = 512;

type Accepted = Option<(TlsStream<TcpStream>, SocketAddr)>;

/// A listener whose connections have shaken hands already. All of them do so at the same time and
/// within a time, so that one that is slow or silent keeps nobody else waiting.
pub(crate) struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    timeout: Duration,
    handshakes: FuturesUnordered<BoxFuture<'static, Accepted>>,
}

impl TlsListener {
    /// Over a listener that is bound already.
    pub(crate) fn new(tcp: TcpListener, config: ServerConfig, timeout: Duration) -> Self {
        Self {
            tcp,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            timeout,
            handshakes: FuturesUnordered::new(),
        }
    }

    fn shake(&self, stream: TcpStream, peer: SocketAddr) -> BoxFuture<'static, Accepted> {
        let (handshake, timeout) = (self.acceptor.accept(stream), self.timeout);
        Box::pin(async move {
            match tokio::time::timeout(timeout, handshake).await {
                Ok(Ok(stream)) => Some((stream, peer)),
                Ok(Err(error)) => {
                    tracing::debug!(%peer, %error, "a client did not shake hands");
                    None
                }
                Err(_) => {
                    tracing::debug!(%peer, "a client took too long to shake hands");
                    None
                }
            }
        })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let has_room = self.handshakes.len() < HANDSHAKES;
            tokio::select! {
                (stream, peer) = Listener::accept(&mut self.tcp), if has_room => {
                    let handshake = self.shake(stream, peer);
                    self.handshakes.push(handshake);
                }
                Some(done) = self.handshakes.next(), if !self.handshakes.is_empty() => {
                    if let Some(accepted) = done {
                        return accepted;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
