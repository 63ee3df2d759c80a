//! Identifiers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// Longest identifier an operator may choose.
const MAX_LENGTH: usize = 64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text: 1 to 64 characters of `[A-Za-z0-9._-]`.
            ///
            /// # Errors
            /// [`ErrorKind::ValidationFailed`] otherwise.
            pub fn try_new(text: impl AsRef<str>) -> Result<Self> {
                check(text.as_ref(), $what).map(Self)
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                Self::try_new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self> {
                Self::try_new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

macro_rules! generated {
    ($name:ident, $prefix:literal) => {
        impl $name {
            /// A fresh identifier; later ones sort after earlier ones.
            pub fn generate() -> Self {
                let text = format!(concat!($prefix, "_{}"), uuid::Uuid::now_v7().simple());
                Self(text.into())
            }
        }
    };
}

id!(
    /// Names an encoder; chosen by the operator.
    EncoderId,
    "encoder id"
);
id!(
    /// Names a managed live stream.
    StreamId,
    "stream id"
);
id!(
    /// Names an incident: one fault and everything done about it.
    IncidentId,
    "incident id"
);
id!(
    /// Names a request of a client.
    RequestId,
    "request id"
);
id!(
    /// Names an alert.
    AlertId,
    "alert id"
);

id!(
    /// Names a group of alerts with one cause, which is notified of once.
    AlertGroupId,
    "alert group id"
);
id!(
    /// Names a notice: one message about alerts.
    NoticeId,
    "notice id"
);
id!(
    /// Names a silence.
    SilenceId,
    "silence id"
);

generated!(EncoderId, "enc");
generated!(StreamId, "str");
generated!(IncidentId, "inc");
generated!(AlertId, "alt");
generated!(RequestId, "req");
generated!(AlertGroupId, "grp");
generated!(NoticeId, "ntc");
generated!(SilenceId, "sil");

fn check(text: &str, what: &'static str) -> Result<Arc<str>> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.is_empty() || text.len() > MAX_LENGTH || !text.chars().all(allowed) {
        let message = format!("{what} must be 1 to {MAX_LENGTH} characters of [A-Za-z0-9._-]");
        return Err(Error::new(ErrorKind::ValidationFailed, message));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_what_would_break_paths_and_labels() {
        for bad in ["", "a/b", "a b", "ä", &"x".repeat(65)] {
            assert!(EncoderId::try_new(bad).is_err(), "{bad:?}");
        }
        assert!(EncoderId::try_new("Rack-1.helo_2").is_ok());
    }

    #[test]
    fn generated_ids_are_valid_and_sorted() {
        let first = StreamId::generate();
        let second = StreamId::generate();
        assert!(first < second);
        assert!(StreamId::try_new(first.as_str()).is_ok());
    }
}
