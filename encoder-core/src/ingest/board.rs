//! The witnesses of a manager, what they saw last, and who wants to know.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::meter::{Measured, Meter};
use super::trace::{Moment, Seen};
use super::{IngestWitness, Sighting};
use crate::config::IngestConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{PublishTarget, StreamId, Timestamp};

/// What a stream wants to know of an ingest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interest {
    /// Where it is, was or may be published.
    pub(crate) targets: HashSet<PublishTarget>,
    /// What should arrive, and since when: the encoder on air says that it streams.
    pub(crate) expected: Option<(PublishTarget, Timestamp)>,
    /// Whether something is under way that wants closer looks.
    pub(crate) restless: bool,
}

/// One witness with its memory.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(super) witness: Arc<dyn IngestWitness>,
    seen: watch::Sender<Arc<Seen>>,
    pub(super) look_now: Notify,
    desk: Mutex<Desk>,
    timeout: Duration,
}

#[derive(Debug, Default)]
struct Desk {
    interests: BTreeMap<StreamId, Interest>,
    meters: Vec<Meter>,
    measured: Vec<Measured>,
}

/// All witnesses. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witnesses(Arc<[Arc<Watched>]>);

impl Witnesses {
    pub(crate) fn new(witnesses: Vec<Arc<dyn IngestWitness>>, config: &IngestConfig) -> Self {
        let watched = witnesses.into_iter().map(|witness| {
            Arc::new(Watched {
                witness,
                seen: watch::Sender::default(),
                look_now: Notify::new(),
                desk: Mutex::default(),
                timeout: config.timeout,
            })
        });
        Self(watched.collect())
    }

    pub(crate) fn all(&self) -> &[Arc<Watched>] {
        &self.0
    }

    /// The first witness that sees what is published to that address.
    pub(crate) fn covering(&self, url: &str) -> Option<&Arc<Watched>> {
        self.0.iter().find(|watched| watched.witness.covers(url))
    }

    /// Forgets a stream.
    pub(crate) fn forget(&self, stream: &StreamId) {
        for watched in self.all() {
            watched.desk().forget(stream);
        }
    }
}

impl Watched {
    pub(crate) fn name(&self) -> &str {
        self.witness.name()
    }

    pub(crate) fn covers(&self, url: &str) -> bool {
        self.witness.covers(url)
    }

    pub(crate) fn seen(&self) -> Arc<Seen> {
        self.seen.borrow().clone()
    }

    pub(crate) fn follow(&self) -> watch::Receiver<Arc<Seen>> {
        self.seen.subscribe()
    }

    /// Asks for a look at once.
    pub(crate) fn look_now(&self) {
        self.look_now.notify_one();
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// States what a stream wants to know from now on. Restlessness that is new is answered by a
    /// look at once.
    pub(crate) fn interest(&self, stream: &StreamId, interest: Interest) {
        let mut desk = self.desk();
        let was_restless = desk.is_restless();
        let known = desk.interests.get(stream).map(|known| &known.targets);
        let news = known != Some(&interest.targets);
        desk.interests.insert(stream.clone(), interest);
        if news || (desk.is_restless() && !was_restless) {
            self.look_now();
        }
    }

    /// Everything that should arrive at this ingest.
    pub(crate) fn expected(&self) -> Vec<(PublishTarget, Timestamp)> {
        let desk = self.desk();
        let expected = desk.interests.values();
        expected.filter_map(|i| i.expected.clone()).collect()
    }

    /// Measures a move from now on.
    pub(crate) fn measure(&self, meter: Meter) {
        let mut desk = self.desk();
        desk.meters.retain(|other| other.stream() != meter.stream());
        desk.meters.push(meter);
        self.look_now();
    }

    /// Gives up measuring a stream, because it did not move after all.
    pub(crate) fn cancel_measurement(&self, stream: &StreamId) {
        self.desk().meters.retain(|meter| meter.stream() != stream);
    }

    /// Measurements of a stream that are done. Each is given once.
    pub(crate) fn take_measured(&self, stream: &StreamId) -> Vec<Measured> {
        let mut desk = self.desk();
        let (done, rest) = std::mem::take(&mut desk.measured)
            .into_iter()
            .partition(|measured| measured.stream == *stream);
        desk.measured = rest;
        done
    }

    /// Time to the next look.
    pub(super) fn interval(&self, config: &IngestConfig) -> Duration {
        if self.desk().is_restless() {
            config.moving_interval
        } else {
            config.poll_interval
        }
    }

    /// Takes what a look found.
    pub(super) fn looked(&self, found: Result<Vec<Sighting>>, now: Moment, config: &IngestConfig) {
        let last = self.seen();
        let next = match found {
            Ok(sightings) => {
                let mut desk = self.desk();
                let next = last.after(&sightings, &desk.wanted(), now, config.missing_after);
                desk.feed(&next, now);
                next
            }
            Err(error) => last.after_failure(error.to_string(), now),
        };
        self.seen.send_replace(Arc::new(next));
    }

    /// Tells the ingest to end whoever publishes the target.
    ///
    /// # Errors
    /// Those of [`IngestWitness::drop_publishers`].
    pub(crate) async fn drop_publishers(&self, target: &PublishTarget) -> Result<()> {
        let dropping = self.witness.drop_publishers(target);
        let result = tokio::time::timeout(self.timeout, dropping).await;
        self.look_now();
        result.unwrap_or_else(|_| {
            let message = format!("no answer within {} ms", self.timeout.as_millis());
            Err(Error::new(ErrorKind::DeviceUnreachable, message)
                .with_operation("IngestWitness::drop_publishers")
                .with_context("ingest", self.name()))
        })
    }
}

impl Desk {
    fn is_restless(&self) -> bool {
        !self.meters.is_empty() || self.interests.values().any(|interest| interest.restless)
    }

    fn wanted(&self) -> HashSet<PublishTarget> {
        let targets = self.interests.values().flat_map(|i| i.targets.iter());
        targets.cloned().collect()
    }

    fn feed(&mut self, seen: &Seen, now: Moment) {
        let mut open = Vec::new();
        for mut meter in std::mem::take(&mut self.meters) {
            match meter.look(seen, now) {
                Some(measured) => self.measured.push(measured),
                None if meter.is_hopeless(now) => {}
                None => open.push(meter),
            }
        }
        self.meters = open;
    }

    fn forget(&mut self, stream: &StreamId) {
        self.interests.remove(stream);
        self.meters.retain(|meter| meter.stream() != stream);
        self.measured.retain(|measured| measured.stream != *stream);
    }
}
