//! What can go wrong between a request and its reply, and what that means to a caller.

use std::error::Error as _;
use std::io;

use encoder_core::model::EncoderId;
use encoder_core::{Error, ErrorKind, Retry};

/// Why a request did not bring a value.
///
/// Nothing in here holds a URL, a value or a cookie, so it may become the source of a public
/// error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplyError {
    /// No connection was made.
    #[error("the device does not accept connections")]
    Refused(#[source] reqwest::Error),
    /// A connection, but no trusted encryption on it.
    #[error("the TLS handshake with the device failed; is its certificate trusted?")]
    Handshake(#[source] reqwest::Error),
    /// Nothing, or not everything, came in time.
    #[error("no answer in time")]
    Silent(#[source] reqwest::Error),
    /// An earlier request was not answered either, so this one was not sent.
    #[error("no answer in time to an earlier request")]
    Busy,
    /// The connection ended before the reply did.
    #[error("the device cut the connection")]
    Cut(#[source] reqwest::Error),
    /// The request could not be made or sent.
    #[error("the request could not be sent")]
    Unsendable(#[source] reqwest::Error),
    /// More bytes than any reply of a HELO.
    #[error("the reply is longer than {0} bytes")]
    TooLong(usize),
    /// A status that the protocol does not foresee.
    #[error("the device answered status {0}")]
    Status(u16),
    /// Status 404, which a device with authentication gives instead of 401.
    #[error(
        "the device answered 404: it asks for a login and no password is set, or it does not know the parameter"
    )]
    NotFound,
    /// Status 404 in spite of a fresh session.
    #[error("the device answered 404 right after a login")]
    NotFoundAfterLogin,
    /// The body is not JSON.
    #[error("the reply is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// JSON of another shape.
    #[error("the reply has no {0}")]
    Missing(&'static str),
    /// The password was not accepted.
    #[error("the device did not accept the password")]
    WrongPassword,
}

impl ReplyError {
    /// Sorts an error of the HTTP client, without the URL, whose query may hold a stream key.
    pub(crate) fn from_transport(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_timeout() {
            Self::Silent(error)
        } else if is_of_tls(&error) {
            Self::Handshake(error)
        } else if error.is_connect() {
            Self::Refused(error)
        } else if error.is_builder() {
            Self::Unsendable(error)
        } else {
            Self::Cut(error)
        }
    }

    /// Whether the connection failed, rather than the reply.
    pub(crate) const fn is_of_connection(&self) -> bool {
        matches!(
            self,
            Self::Refused(_) | Self::Silent(_) | Self::Busy | Self::Cut(_)
        )
    }

    const fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(_) | Self::Silent(_) | Self::Busy | Self::Cut(_) => {
                ErrorKind::DeviceUnreachable
            }
            Self::WrongPassword | Self::NotFound => ErrorKind::DeviceAuth,
            Self::Unsendable(_) => ErrorKind::Unexpected,
            _ => ErrorKind::DeviceProtocol,
        }
    }

    const fn retry(&self) -> Retry {
        match self {
            Self::Status(500..) => Retry::Safe,
            error if error.is_of_connection() => Retry::Safe,
            _ => Retry::Never,
        }
    }

    /// The error as callers of the driver see it.
    pub(crate) fn at(self, place: Place<'_>) -> Error {
        let message = self.to_string();
        let mut error = Error::new(self.kind(), message)
            .with_retry(self.retry())
            .with_operation(place.operation)
            .with_context("encoder", place.encoder);
        if let Some(parameter) = place.parameter {
            error = error.with_context("parameter", parameter);
        }
        error.with_source(self)
    }
}

/// Whether TLS is among the causes. I/O errors hide theirs behind `get_ref`.
fn is_of_tls(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<rustls::Error>() {
            return true;
        }
        cause = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

/// Where an error happened: which call, which encoder, which parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) operation: &'static str,
    pub(crate) encoder: &'a EncoderId,
    pub(crate) parameter: Option<&'a str>,
}

impl Place<'_> {
    /// An error of the driver itself.
    pub(crate) fn error(self, kind: ErrorKind, message: impl Into<String>) -> Error {
        let error = Error::new(kind, message.into())
            .with_operation(self.operation)
            .with_context("encoder", self.encoder);
        match self.parameter {
            Some(parameter) => error.with_context("parameter", parameter),
            None => error,
        }
    }
}
