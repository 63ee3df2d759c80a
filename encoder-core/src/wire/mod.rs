//! What goes over the wire: one struct per document, made from the model and nothing else.
//!
//! The model could be serialised itself; these structs keep the wire still when the model moves,
//! and carry the schemas of the OpenAPI document.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{Issue, Timestamp};

mod adaptation;
mod alerts;
mod connection;
mod encoder;
mod errors;
mod fields;
mod health;
mod history;
mod ingest;
mod input;
mod monitoring;
mod page;
mod performance;
mod storage;
mod stream;
mod thermal;
mod timeline;

pub use adaptation::*;
pub use alerts::*;
pub use connection::*;
pub use encoder::*;
pub use errors::*;
pub use fields::Fields;
pub use health::*;
pub use history::*;
pub use ingest::*;
pub use input::*;
pub use monitoring::*;
pub use page::*;
pub use performance::*;
pub use storage::*;
pub use stream::*;
pub use thermal::*;
pub use timeline::*;

/// A moment: RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = DateTime, example = "2026-11-23T08:00:00.000Z")]
pub struct Time(pub Timestamp);

impl From<Timestamp> for Time {
    fn from(moment: Timestamp) -> Self {
        Self(moment)
    }
}

/// Something that is wrong, and since when.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct IssueDto {
    /// Stable snake_case name.
    pub code: String,
    /// How bad: `info`, `warning` or `critical`.
    pub severity: String,
    /// One line for people, with the figures that led to it.
    pub message: String,
    /// Since when.
    pub since: Time,
    /// The figures that led to it, one each.
    pub evidence: Vec<String>,
}

impl From<&Issue> for IssueDto {
    fn from(issue: &Issue) -> Self {
        Self {
            code: issue.code.as_str().to_owned(),
            severity: issue.severity.as_str().to_owned(),
            message: issue.message.clone(),
            since: issue.since.into(),
            evidence: issue.evidence.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The wire name of a fieldless enum of the model.
pub fn name<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        other => unreachable!("fieldless enums are names on the wire, not {other:?}"),
    }
}
