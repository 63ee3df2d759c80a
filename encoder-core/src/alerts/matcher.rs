//! Which alerts are meant: the same words in routes and silences.

use serde::{Deserialize, Serialize};

use super::notice::NoticeAlert;
use crate::model::{EncoderId, Severity, StreamId};

/// Which alerts are meant: those that match every list; an empty list matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertMatcher {
    /// One of these severities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub severity: Vec<Severity>,
    /// One of these categories, for example `stream`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// One of these codes, for example `device_silent`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<String>,
    /// About one of these encoders, or a stream that one of them publishes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub encoder: Vec<EncoderId>,
    /// About one of these streams.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stream: Vec<StreamId>,
    /// At one of these sites.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub site: Vec<String>,
}

impl AlertMatcher {
    /// Whether it matches every alert.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an alert is meant.
    pub fn matches(&self, told: &NoticeAlert) -> bool {
        let alert = &told.alert;
        is_one(&self.severity, Some(&alert.severity))
            && is_one(&self.category, Some(&alert.category))
            && is_one(&self.code, Some(&alert.code))
            && is_one(&self.encoder, told.encoder())
            && is_one(&self.stream, alert.stream_id.as_ref())
            && is_one(&self.site, told.site.as_ref())
    }
}

/// An alert without the property matches no list that asks for it.
fn is_one<T: PartialEq>(wanted: &[T], value: Option<&T>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.contains(value))
}
