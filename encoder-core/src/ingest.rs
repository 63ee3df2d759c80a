//! What arrives at an ingest, as the ingest itself tells.
//!
//! Everything else here believes what an encoder says of itself. An [`IngestWitness`] is the second
//! opinion: it sees who publishes under which key and how many bytes come in. It is optional, and a
//! witness that cannot be asked says nothing: no stream is judged by its silence.
//!
//! Playing the stream and looking at its pictures would tell more, and costs a decoder per stream;
//! the statistics of an ingest cost one request for all of them.

use std::fmt::Debug;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Bitrate, PublishTarget, Resolution};

mod attempt;
mod authorize;
mod board;
mod identify;
mod judge;
mod meter;
mod trace;
mod watch;

pub use self::attempt::{PublishAttempt, PublishDenial, PublishVerdict};
pub(crate) use self::authorize::authorize;
pub(crate) use self::board::{Interest, Watched, Witnesses};
pub(crate) use self::identify::Identity;
pub(crate) use self::judge::{
    OnAir, Testimony, is_fresh, is_suspect, on_air, publisher_of, testify,
};
pub(crate) use self::meter::{Meter, Move};
pub(crate) use self::trace::{Moment, Seen};
pub(crate) use self::watch::watch;

/// Who sends a stream, as the ingest sees it. Neither part is proof of identity: several encoders
/// may share an address, and a publisher chooses its own agent text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Publisher {
    /// Where the connection comes from.
    pub address: Option<IpAddr>,
    /// What the publisher calls itself, `flashver` in RTMP. Untrusted.
    pub agent: Option<String>,
}

impl Publisher {
    /// A publisher of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets where the connection comes from.
    #[must_use]
    pub fn with_address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Sets what the publisher calls itself.
    #[must_use]
    pub fn with_agent(mut self, agent: impl Into<String>) -> Self {
        self.agent = Some(agent.into());
        self
    }
}

/// A stream that is being published to an ingest at this moment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sighting {
    /// Address and key, as a stream's destination names them.
    pub target: PublishTarget,
    /// Who sends it; several on an ingest that accepts several.
    pub publishers: Vec<Publisher>,
    /// Bytes received from the present publisher, or since the key was first used. Only growth
    /// means anything; a smaller number than before is a new beginning.
    pub bytes_in: Option<u64>,
    /// Measured bitrate.
    pub bitrate: Option<Bitrate>,
    /// Picture size.
    pub resolution: Option<Resolution>,
    /// Pictures per second.
    pub fps: Option<f64>,
    /// How long the present publisher has been connected.
    pub connected_for: Option<Duration>,
}

impl Sighting {
    /// A stream of which nothing but its existence is known.
    #[must_use]
    pub fn new(target: PublishTarget) -> Self {
        Self {
            target,
            publishers: Vec::new(),
            bytes_in: None,
            bitrate: None,
            resolution: None,
            fps: None,
            connected_for: None,
        }
    }
}

/// Sees what arrives at one ingest.
///
/// # Contract
///
/// 1. `covers_is_stable`: [`covers`](Self::covers) answers the same for the same address.
/// 2. `sees_only_what_it_covers`: every sighting is at an address that it covers.
/// 3. `an_idle_ingest_is_empty`: a key that nobody publishes has no sighting.
/// 4. `a_publisher_is_seen`: one that publishes is in the next look, and gone from the look after
///    it left.
/// 5. `received_bytes_grow`: while media arrives, a later look has more
///    [`bytes_in`](Sighting::bytes_in), where it counts them at all.
/// 6. `a_dead_ingest_is_an_error`: one that does not answer is
///    [`ErrorKind::DeviceUnreachable`] within the witness's own timeout, never an empty list.
/// 7. `dropped_publishers_leave`: after [`drop_publishers`](Self::drop_publishers) returned `Ok`,
///    nobody publishes the key, unless somebody connected anew.
///
/// # Cancellation
///
/// Dropping a future stops waiting. A drop that is on the wire may still happen.
#[async_trait]
pub trait IngestWitness: Debug + Send + Sync + 'static {
    /// Its name, for messages.
    fn name(&self) -> &str;

    /// Whether it sees what is published to this address, which is server and application without
    /// the key.
    fn covers(&self, url: &str) -> bool;

    /// Everything that is being published now.
    ///
    /// # Errors
    /// [`ErrorKind::DeviceUnreachable`] and [`ErrorKind::DeviceProtocol`].
    async fn look(&self) -> Result<Vec<Sighting>>;

    /// Ends the connections of whoever publishes this key.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] unless the ingest can, otherwise as for [`look`](Self::look).
    async fn drop_publishers(&self, target: &PublishTarget) -> Result<()> {
        let _ = target;
        Err(Error::new(
            ErrorKind::Unsupported,
            "this ingest cannot drop a publisher",
        )
        .with_context("ingest", self.name()))
    }
}
