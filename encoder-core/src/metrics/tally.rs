//! What happened at one encoder since it was registered: counted where it happens, gone with it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus::Histogram;

use super::encoder::REQUEST_SECONDS;
use crate::error::{ErrorKind, Result};
use crate::model::{CoolingReason, CoolingTransition, EncoderStatus, Timestamp};

/// Counts of one encoder. They go over to the encoder that replaces it under the same name.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(super) answers: Histogram,
    counted: Mutex<Counted>,
}

/// Plain counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    /// By name of the error kind.
    pub(super) failures: BTreeMap<&'static str, u64>,
    pub(super) reboots: u64,
    /// What the watcher counted of them; begins anew with another unit.
    reboots_seen: u64,
    pub(super) coolings: BTreeMap<CoolingReason, u64>,
    pub(super) warm_ups: u64,
    /// When the watcher last concluded something.
    pub(super) last_pass: Option<Timestamp>,
}

impl Default for Tally {
    fn default() -> Self {
        let answers = Histogram::with_opts(REQUEST_SECONDS.bounds());
        Self {
            answers: answers.expect("name and bounds are valid constants"),
            counted: Mutex::default(),
        }
    }
}

impl Tally {
    /// A status poll was answered, or failed.
    pub(crate) fn polled(&self, latency: Duration, result: &Result<EncoderStatus>) {
        self.answers.observe(latency.as_secs_f64());
        if let Err(error) = result {
            self.failed(error.kind());
        }
    }

    fn failed(&self, kind: ErrorKind) {
        *self.locked().failures.entry(kind.as_str()).or_default() += 1;
    }

    /// The watcher concluded something, and knows of so many restarts. A unit that was replaced
    /// counts from zero again, which a counter must not.
    pub(crate) fn passed(&self, at: Timestamp, reboots: u64) {
        let mut counted = self.locked();
        counted.last_pass = Some(at);
        let fewer = reboots < counted.reboots_seen;
        let before = if fewer { 0 } else { counted.reboots_seen };
        counted.reboots += reboots - before;
        counted.reboots_seen = reboots;
    }

    /// The encoder's cooling went on.
    pub(crate) fn cooled(&self, transition: CoolingTransition, reason: CoolingReason) {
        let mut counted = self.locked();
        match transition {
            CoolingTransition::Started => *counted.coolings.entry(reason).or_default() += 1,
            CoolingTransition::WarmingUp => counted.warm_ups += 1,
            _ => {}
        }
    }

    pub(super) fn counted(&self) -> Counted {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
