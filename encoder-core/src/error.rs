//! One error for the whole project.
//!
//! Callers branch on [`ErrorKind`] and [`Retry`], never on message text. Parsing errors of a
//! single module may be richer inside; at the crate edge they become the [`Error::source`].

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::model::Violation;

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as a caller can act on it.
///
/// [`ErrorKind::as_str`] is at once the `code` of a REST problem document, the name behind the
/// Python exception class, the `code` of a Node error and a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value breaks a rule; [`Error::violations`] lists every one of them.
    ValidationFailed,
    /// Settings of the program itself are wrong: a file, a builder, an environment variable.
    ConfigInvalid,
    /// There is no encoder, stream or record of that name.
    NotFound,
    /// Something of that name exists already.
    AlreadyExists,
    /// The request contradicts the present state, for example deleting an encoder on air.
    Conflict,
    /// The record changed since the caller read it.
    RevisionMismatch,
    /// The driver or the configuration lacks this ability.
    Unsupported,
    /// No encoder may take the stream; [`Error::violations`] says why for each of them.
    NoEncoderAvailable,
    /// The device did not answer: refused, timed out, or cut the connection.
    DeviceUnreachable,
    /// The device answered something that its protocol does not allow.
    DeviceProtocol,
    /// The device answered, and refused or silently ignored the request.
    DeviceRejected,
    /// The device asked for a login and did not accept the password.
    DeviceAuth,
    /// The wanted state was not reached in time.
    DeadlineExceeded,
    /// The store did not take or give the record; nothing was acknowledged.
    StoreUnavailable,
    /// Another manager holds the lease, so this one does not command devices.
    NotLeader,
    /// The manager is shutting down and takes no new work.
    ShuttingDown,
    /// None of the above: a defect in this program or its environment.
    Unexpected,
}

impl ErrorKind {
    /// Every kind, in declaration order.
    pub const ALL: [Self; 17] = [
        Self::ValidationFailed,
        Self::ConfigInvalid,
        Self::NotFound,
        Self::AlreadyExists,
        Self::Conflict,
        Self::RevisionMismatch,
        Self::Unsupported,
        Self::NoEncoderAvailable,
        Self::DeviceUnreachable,
        Self::DeviceProtocol,
        Self::DeviceRejected,
        Self::DeviceAuth,
        Self::DeadlineExceeded,
        Self::StoreUnavailable,
        Self::NotLeader,
        Self::ShuttingDown,
        Self::Unexpected,
    ];

    /// The stable snake_case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ValidationFailed => "validation_failed",
            Self::ConfigInvalid => "config_invalid",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Conflict => "conflict",
            Self::RevisionMismatch => "revision_mismatch",
            Self::Unsupported => "unsupported",
            Self::NoEncoderAvailable => "no_encoder_available",
            Self::DeviceUnreachable => "device_unreachable",
            Self::DeviceProtocol => "device_protocol",
            Self::DeviceRejected => "device_rejected",
            Self::DeviceAuth => "device_auth",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::StoreUnavailable => "store_unavailable",
            Self::NotLeader => "not_leader",
            Self::ShuttingDown => "shutting_down",
            Self::Unexpected => "unexpected",
        }
    }

    /// The kind of that name, the reverse of [`as_str`](Self::as_str).
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether the same call may help when it is made again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The same call fails again until something else changes.
    #[default]
    Never,
    /// The call had no effect, or has the same effect twice.
    Safe,
    /// It was retried already, as often as configured.
    Exhausted,
}

impl Retry {
    /// The stable snake_case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Safe => "safe",
            Self::Exhausted => "exhausted",
        }
    }

    /// The word of that name, the reverse of [`as_str`](Self::as_str).
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Never, Self::Safe, Self::Exhausted];
        all.into_iter().find(|retry| retry.as_str() == name)
    }
}

/// The error of every fallible function in the project.
///
/// `Display` is one line without secrets, fit for an operator. `Debug` adds the chain of causes.
///
/// ```
/// use encoder_core::{Error, ErrorKind, Retry};
///
/// let error = Error::new(ErrorKind::DeviceUnreachable, "no answer within 1 s")
///     .with_operation("EncoderDriver::status")
///     .with_context("encoder", "helo-1")
///     .with_retry(Retry::Safe);
/// assert_eq!(
///     error.to_string(),
///     "device_unreachable: no answer within 1 s (EncoderDriver::status, encoder=helo-1)"
/// );
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retry: Retry,
    message: Cow<'static, str>,
    operation: Option<Cow<'static, str>>,
    context: Vec<(Cow<'static, str>, String)>,
    violations: Vec<Violation>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error that must not be retried and has no cause; add what is known with `with_*`.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            retry: Retry::Never,
            message: message.into(),
            operation: None,
            context: Vec::new(),
            violations: Vec::new(),
            source: None,
        }))
    }

    /// Names the call that failed, as `Type::method`.
    #[must_use]
    pub fn with_operation(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.0.operation = Some(operation.into());
        self
    }

    /// Adds one fact about the circumstances. Never pass a secret.
    #[must_use]
    pub fn with_context(
        mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl fmt::Display,
    ) -> Self {
        self.0.context.push((key.into(), value.to_string()));
        self
    }

    /// States whether the call may be repeated.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Lists the rules that were broken.
    #[must_use]
    pub fn with_violations(mut self, violations: Vec<Violation>) -> Self {
        self.0.violations = violations;
        self
    }

    /// Keeps the cause for `Debug` and [`StdError::source`].
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the call may be repeated.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The message alone, without kind and context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The call that failed.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// The circumstances, in the order they were added.
    pub fn context(&self) -> &[(Cow<'static, str>, String)] {
        &self.0.context
    }

    /// The rules that were broken; empty unless the kind is about values or placement.
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind, self.0.message)?;
        let operation = self.operation().map(str::to_owned);
        let facts = self
            .0
            .context
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        let facts: Vec<_> = operation.into_iter().chain(facts).collect();
        if !facts.is_empty() {
            write!(f, " ({})", facts.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("retry", &self.0.retry)
            .field("message", &self.0.message)
            .field("operation", &self.0.operation)
            .field("context", &self.0.context)
            .field("violations", &self.0.violations)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_line_and_hides_the_cause() {
        let error = Error::new(ErrorKind::DeviceProtocol, "no `value` in the answer")
            .with_operation("EncoderDriver::status")
            .with_source(std::io::Error::other("internal\nchatter"));
        assert_eq!(
            error.to_string(),
            "device_protocol: no `value` in the answer (EncoderDriver::status)"
        );
        assert!(format!("{error:?}").contains("chatter"));
    }

    #[test]
    fn kinds_have_distinct_names() {
        let mut names: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorKind::ALL.len());
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::named(kind.as_str()), Some(kind));
        }
        assert_eq!(ErrorKind::named("device"), None);
    }
}
