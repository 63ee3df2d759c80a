//! Somebody wants to publish, and the ingest asks whether it may.

use crate::ingest::Publisher;
use crate::model::{EncoderId, Secret, StreamId};

/// What an ingest knows of somebody who wants to publish.
///
/// ```
/// use encoder_core::PublishAttempt;
/// use encoder_core::ingest::Publisher;
///
/// let address = "10.0.0.21".parse().expect("an address");
/// let attempt = PublishAttempt::new("live_4f2a".into(), Publisher::new().with_address(address))
///     .with_url("rtmp://ingest.example/live");
/// assert_eq!(attempt.url.as_deref(), Some("rtmp://ingest.example/live"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishAttempt {
    /// The address it connected to, server and application without the key; `tcUrl` in RTMP.
    pub url: Option<String>,
    /// The key it names.
    pub stream_key: Secret,
    /// Who it is, as far as the ingest can tell.
    pub publisher: Publisher,
}

impl PublishAttempt {
    /// An attempt under that key, at an address that is not known.
    #[must_use]
    pub const fn new(stream_key: Secret, publisher: Publisher) -> Self {
        Self {
            url: None,
            stream_key,
            publisher,
        }
    }

    /// Sets the address.
    #[must_use]
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }
}

/// Why somebody may not publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublishDenial {
    /// No stream has this key.
    UnknownStreamKey,
    /// The stream ended, or is being stopped.
    StreamOver,
    /// An encoder of the fleet that has no business on this stream now.
    EncoderNotEntitled,
    /// An encoder that may publish the stream, and not at this address.
    WrongAddress,
    /// Nobody of the fleet, and `ingest.unknown_publishers` is `deny`.
    UnknownPublisher,
}

impl PublishDenial {
    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownStreamKey => "unknown_stream_key",
            Self::StreamOver => "stream_over",
            Self::EncoderNotEntitled => "encoder_not_entitled",
            Self::WrongAddress => "wrong_address",
            Self::UnknownPublisher => "unknown_publisher",
        }
    }
}

/// Whether somebody may publish.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishVerdict {
    /// It may.
    Allow {
        /// The stream that it publishes.
        stream_id: StreamId,
        /// The encoder that it is; `None` when that cannot be told.
        encoder_id: Option<EncoderId>,
        /// Whether the ingest was told to drop whoever published before it, and did.
        dropped: bool,
    },
    /// It may not.
    Deny {
        /// Why, for programs.
        denial: PublishDenial,
        /// The stream whose key it named.
        stream_id: Option<StreamId>,
        /// The encoder that it is; `None` when that cannot be told.
        encoder_id: Option<EncoderId>,
        /// Why, for people. Without secrets.
        reason: String,
    },
}

impl PublishVerdict {
    /// Whether it may publish.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow { .. })
    }

    /// `allow`, or the wire name of the denial.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Allow { .. } => "allow",
            Self::Deny { denial, .. } => denial.as_str(),
        }
    }
}
