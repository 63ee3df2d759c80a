//! Plain data as a [`History`], so that the built-in policies can be asked about it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, de};

use crate::error::ErrorKind;
use crate::health::{ContactOutcome, History, HistoryConfig};
use crate::model::{EncoderStatus, Timestamp, seconds};

/// What was observed of one encoder, oldest first.
///
/// As JSON an array. Each entry has its `age_seconds` and one of three things:
///
/// ```
/// use encoder_core::foreign::Observations;
///
/// let observed: Observations = serde_json::from_str(r#"[
///     {"age_seconds": 9, "publishing_intended": true},
///     {"age_seconds": 2, "contact": {"outcome": "failed", "error": "device_unreachable"}},
///     {"age_seconds": 1, "contact": {"outcome": "answered", "latency_ms": 12.5}},
///     {"age_seconds": 1, "status": {"stream_state": "streaming"}}
/// ]"#)?;
/// # let _ = observed;
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observations(Vec<Observation>);

#[derive(Clone, Debug, PartialEq)]
struct Observation {
    age: Duration,
    seen: Seen,
}

#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Contact(ContactOutcome),
    Status(Box<EncoderStatus>),
    PublishingIntended(bool),
}

/// Oldest age that is taken: about a century.
const OLDEST: Duration = Duration::from_secs(3_000_000_000);

impl Observations {
    /// The history of it, and the moment that the ages are counted back from, which is `wall`.
    pub fn replay(&self, config: HistoryConfig, wall: Timestamp) -> (History, Instant) {
        let oldest = self.0.first().map_or(Duration::ZERO, |first| first.age);
        // Counted from the oldest on, since a monotonic clock may not reach back that far.
        let start = tokio::time::Instant::now().into_std();
        let now = start + oldest;
        let mut history = History::new(config, start, wall.minus(oldest));
        for Observation { age, seen } in &self.0 {
            let at = start + oldest.saturating_sub(*age);
            match seen {
                Seen::Contact(outcome) => history.record_contact(at, *outcome),
                Seen::Status(status) => history.record_status(at, EncoderStatus::clone(status)),
                Seen::PublishingIntended(intended) => history.intend_publishing(at, *intended),
            }
        }
        (history, now)
    }
}

impl<'de> Deserialize<'de> for Observations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let observed = Vec::<Observation>::deserialize(deserializer)?;
        let newer = |pair: &[Observation]| pair[0].age < pair[1].age;
        if let Some(first) = observed.windows(2).position(newer) {
            let message = format!("[{}] is older than the one before; oldest first", first + 1);
            return Err(de::Error::custom(message));
        }
        Ok(Self(observed))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ObservationDocument {
    #[serde(rename = "age_seconds", with = "seconds")]
    age: Duration,
    #[serde(default)]
    contact: Option<ContactDocument>,
    #[serde(default)]
    status: Option<Box<EncoderStatus>>,
    #[serde(default)]
    publishing_intended: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContactDocument {
    outcome: OutcomeName,
    #[serde(default)]
    latency_ms: Option<f64>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeName {
    Answered,
    Spoke,
    Failed,
}

impl<'de> Deserialize<'de> for Observation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = ObservationDocument::deserialize(deserializer)?;
        let seen = match (
            document.contact,
            document.status,
            document.publishing_intended,
        ) {
            (Some(contact), None, None) => outcome(&contact).map(Seen::Contact),
            (None, Some(status), None) => Ok(Seen::Status(status)),
            (None, None, Some(intended)) => Ok(Seen::PublishingIntended(intended)),
            _ => Err("takes one of `contact`, `status` and `publishing_intended`".to_owned()),
        };
        if document.age > OLDEST {
            return Err(de::Error::custom("`age_seconds` is beyond a century"));
        }
        Ok(Self {
            age: document.age,
            seen: seen.map_err(de::Error::custom)?,
        })
    }
}

fn outcome(contact: &ContactDocument) -> Result<ContactOutcome, String> {
    match (&contact.outcome, contact.latency_ms, &contact.error) {
        (OutcomeName::Answered, Some(latency), None) => {
            let latency = Duration::try_from_secs_f64(latency / 1000.0);
            let latency = latency.map_err(|error| format!("`latency_ms`: {error}"))?;
            Ok(ContactOutcome::Answered { latency })
        }
        (OutcomeName::Spoke, None, None) => Ok(ContactOutcome::Spoke),
        (OutcomeName::Failed, None, Some(code)) => match ErrorKind::named(code) {
            Some(kind) => Ok(ContactOutcome::Failed { kind }),
            None => Err(format!("`error`: unknown code `{}`", code.escape_default())),
        },
        (OutcomeName::Answered, ..) => Err("`answered` takes `latency_ms` only".to_owned()),
        (OutcomeName::Spoke, ..) => Err("`spoke` takes nothing".to_owned()),
        (OutcomeName::Failed, ..) => Err("`failed` takes `error` only".to_owned()),
    }
}
