//! One encoder in the scoreboard, and how it reads as JSON.

use serde::{Deserialize, Serialize};

use crate::model::{EncoderId, Health, Heat};

/// One encoder, as it is entered into the scoreboard.
///
/// As JSON also with `load`, the share of the capacity in use, and `eligible`. Both follow from the
/// rest and may be left out; an `eligible` that contradicts the rest is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RowDocument", into = "RowDocument")]
pub struct Row {
    /// The encoder.
    pub id: EncoderId,
    /// Its failure domain; `None` is a domain of its own.
    pub site: Option<String>,
    /// Operator's preference.
    pub weight: f64,
    /// Streams it may carry.
    pub capacity: u32,
    /// Streams it holds, as primary or backup.
    pub streams: u32,
    /// Its health.
    pub health: Option<Health>,
    /// Its heat; `None` never counts against it.
    pub heat: Option<Heat>,
    /// Why it may not take a stream; empty when it may.
    pub reasons: Vec<String>,
}

impl Row {
    /// A healthy, cool, empty encoder with room for one stream.
    pub fn new(id: EncoderId) -> Self {
        Self {
            id,
            site: None,
            weight: 1.0,
            capacity: 1,
            streams: 0,
            health: Some(Health::MAX),
            heat: None,
            reasons: Vec::new(),
        }
    }

    /// Whether it may take a stream: nothing speaks against it and there is room.
    pub fn is_eligible(&self) -> bool {
        self.reasons.is_empty() && self.streams < self.capacity
    }
}

/// Share of a capacity in use; 1 where there is none.
pub(super) fn load(streams: u32, capacity: u32) -> f64 {
    match capacity {
        0 => 1.0,
        capacity => f64::from(streams) / f64::from(capacity),
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RowDocument {
    encoder_id: EncoderId,
    #[serde(default)]
    site: Option<String>,
    #[serde(default = "one")]
    weight: f64,
    #[serde(default = "place_for_one")]
    capacity: u32,
    #[serde(default)]
    streams: u32,
    #[serde(default)]
    load: Option<f64>,
    #[serde(default)]
    health: Option<f64>,
    #[serde(default)]
    heat: Option<f64>,
    #[serde(default)]
    eligible: Option<bool>,
    #[serde(default)]
    reasons: Vec<String>,
}

const fn one() -> f64 {
    1.0
}

const fn place_for_one() -> u32 {
    1
}

impl From<Row> for RowDocument {
    fn from(row: Row) -> Self {
        Self {
            load: Some(load(row.streams, row.capacity)),
            eligible: Some(row.is_eligible()),
            encoder_id: row.id,
            site: row.site,
            weight: row.weight,
            capacity: row.capacity,
            streams: row.streams,
            health: row.health.map(Health::value),
            heat: row.heat.map(Heat::value),
            reasons: row.reasons,
        }
    }
}

impl TryFrom<RowDocument> for Row {
    type Error = &'static str;
    fn try_from(document: RowDocument) -> Result<Self, Self::Error> {
        let row = Self {
            id: document.encoder_id,
            site: document.site,
            weight: document.weight,
            capacity: document.capacity,
            streams: document.streams,
            health: document.health.map(Health::new),
            heat: document.heat.map(Heat::new),
            reasons: document.reasons,
        };
        match document.eligible {
            Some(eligible) if eligible != row.is_eligible() => {
                Err("`eligible` contradicts `reasons`, `streams` and `capacity`")
            }
            _ => Ok(row),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_json() {
        let row = Row {
            site: Some("north".to_owned()),
            capacity: 4,
            streams: 1,
            heat: Some(Heat::new(40.0)),
            ..Row::new(EncoderId::try_new("helo-1").unwrap())
        };
        let text = serde_json::to_string(&row).unwrap();
        assert!(text.contains(r#""load":0.25"#), "{text}");
        assert!(text.contains(r#""eligible":true"#), "{text}");
        assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
    }

    #[test]
    fn unknown_health_stays_unknown() {
        let row: Row = serde_json::from_str(r#"{"encoder_id": "helo-1"}"#).unwrap();
        assert_eq!((row.health, row.heat, row.weight), (None, None, 1.0));
    }

    #[test]
    fn a_row_that_contradicts_itself_is_refused() {
        let text = r#"{"encoder_id": "helo-1", "eligible": false}"#;
        let refused = serde_json::from_str::<Row>(text).unwrap_err().to_string();
        assert!(refused.contains("`eligible` contradicts"), "{refused}");
    }
}
