//! What SQLite complains of, in the project's own terms.

use rusqlite::ErrorCode;

use crate::error::{Error, ErrorKind, Retry};

/// The store did not do it.
pub(super) fn unavailable(message: &'static str) -> Error {
    Error::new(ErrorKind::StoreUnavailable, message)
}

/// A failed statement or transaction; nothing was written. Can be handed to every caller whose
/// command was part of it.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    code: Option<ErrorCode>,
    detail: String,
}

impl Failure {
    /// Whether another process holds the lock: trying again at once would only wait once more.
    pub(super) fn is_lock(&self) -> bool {
        matches!(
            self.code,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
    }

    /// The error for one caller.
    pub(super) fn to_error(&self) -> Error {
        let (retry, message) = advice(self.code);
        unavailable(message)
            .with_retry(retry)
            .with_source(self.detail.clone())
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self {
            code: error.sqlite_error_code(),
            detail: error.to_string(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.to_error()
    }
}

fn advice(code: Option<ErrorCode>) -> (Retry, &'static str) {
    use ErrorCode as Code;

    match code {
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => (
            Retry::Safe,
            "the store's file is locked by another process; nothing was written",
        ),
        Some(Code::DiskFull) => (
            Retry::Safe,
            "the disk is full; nothing was written, free some space",
        ),
        Some(Code::SystemIoFailure) => (
            Retry::Safe,
            "the disk failed to read or write; check it, and the space on it",
        ),
        Some(Code::NotADatabase | Code::DatabaseCorrupt) => (
            Retry::Never,
            "the store's file is damaged or no database; stop the program, then put back a \
             backup of it, or move it away together with its -wal and -shm files to begin anew",
        ),
        Some(Code::ReadOnly | Code::PermissionDenied | Code::CannotOpen) => (
            Retry::Never,
            "the store's file cannot be opened for writing; check that its folder exists and \
             that this user may write there",
        ),
        Some(Code::TooBig) => (Retry::Never, "the record is larger than the store takes"),
        _ => (Retry::Never, "the store failed"),
    }
}
