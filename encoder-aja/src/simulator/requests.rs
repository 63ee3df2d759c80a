//! What the device was asked, for tests and benches that need the moment on the wire.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::catalogue::is_secret;

/// One request as it arrived, before any fault was applied.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RequestRecord {
    /// Its place in the order of arrival, counted from 1.
    pub sequence: u64,
    /// When its head (and form) had been read.
    #[serde(skip)]
    pub at: Instant,
    /// The HTTP method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// Query and form fields in order; values of passwords and stream keys read `***`.
    pub params: Vec<(String, String)>,
    /// Whether a valid session cookie came along, or none was needed.
    pub authenticated: bool,
}

impl RequestRecord {
    /// The first field of this name.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        field(&self.params, name)
    }

    /// Whether the request writes `value` to the parameter; its name may lack `eParamID_`.
    #[must_use]
    pub fn sets(&self, id: &str, value: &str) -> bool {
        let bare = |id: &str| id.trim_start_matches(super::catalogue::PREFIX).to_owned();
        self.param("action") == Some("set")
            && self.param("paramid").map(bare) == Some(bare(id))
            && self.param("value") == Some(value)
    }
}

/// The first field of this name.
pub(super) fn field<'a>(params: &'a [(String, String)], name: &str) -> Option<&'a str> {
    params
        .iter()
        .find(|(field, _)| field == name)
        .map(|(_, value)| value.as_str())
}

/// The fields with every secret value replaced.
pub(super) fn redacted(params: &[(String, String)]) -> Vec<(String, String)> {
    let secret_parameter = field(params, "paramid").is_some_and(is_secret);
    let secret = |name: &str| name == "password_provided" || (secret_parameter && name == "value");
    params
        .iter()
        .map(|(name, value)| match secret(name) {
            true => (name.clone(), "***".to_owned()),
            false => (name.clone(), value.clone()),
        })
        .collect()
}

/// The latest requests of one device.
#[derive(Debug)]
pub(super) struct RequestLog {
    kept: usize,
    records: Mutex<Records>,
}

#[derive(Debug)]
struct Records {
    latest: VecDeque<RequestRecord>,
    count: u64,
    // Made on first use: a broadcast channel reserves its whole buffer.
    arrivals: Option<broadcast::Sender<RequestRecord>>,
}

impl RequestLog {
    pub(super) fn new(kept: usize) -> Self {
        let records = Records {
            latest: VecDeque::new(),
            count: 0,
            arrivals: None,
        };
        Self {
            kept,
            records: Mutex::new(records),
        }
    }

    pub(super) fn push(&self, mut record: RequestRecord) -> RequestRecord {
        let mut records = self.lock();
        records.count += 1;
        record.sequence = records.count;
        if let Some(arrivals) = &records.arrivals {
            // Nobody listening is no failure.
            let _ = arrivals.send(record.clone());
        }
        if self.kept > 0 {
            if records.latest.len() >= self.kept {
                records.latest.pop_front();
            }
            records.latest.push_back(record.clone());
        }
        record
    }

    pub(super) fn all(&self) -> Vec<RequestRecord> {
        self.lock().latest.iter().cloned().collect()
    }

    pub(super) fn clear(&self) {
        self.lock().latest.clear();
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<RequestRecord> {
        self.lock().subscribe()
    }

    pub(super) async fn wait_for(
        &self,
        matches: impl Fn(&RequestRecord) -> bool + Send + Sync,
        timeout: Duration,
    ) -> Option<RequestRecord> {
        let mut arrivals = {
            let mut records = self.lock();
            if let Some(record) = records.latest.iter().find(|record| matches(record)) {
                return Some(record.clone());
            }
            records.subscribe()
        };
        let arrived = async {
            loop {
                match arrivals.recv().await {
                    Ok(record) if matches(&record) => return Some(record),
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        let found = self.all().into_iter().find(|record| matches(record));
                        if found.is_some() {
                            return found;
                        }
                    }
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        };
        tokio::time::timeout(timeout, arrived).await.ok().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn subscribe(&mut self) -> broadcast::Receiver<RequestRecord> {
        self.arrivals
            .get_or_insert_with(|| broadcast::Sender::new(256))
            .subscribe()
    }
}
