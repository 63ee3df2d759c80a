//! The statistics of a [`FakeIngest`], and what can be wrong with them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::FakeIngest;
use super::ingest::Publishing;
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::{IngestWitness, Publisher, Sighting};
use crate::model::{Bitrate, PublishTarget};

/// Sees what arrives at a [`FakeIngest`]. Clones are the same witness.
///
/// It covers every address, counts bytes, drops publishers, and names each encoder's id in the
/// agent text, which is a fake encoder's serial number, too.
///
/// ```
/// use encoder_core::IngestWitness;
/// use encoder_core::model::Personality;
/// use encoder_core::testkit::{FakeIngest, FakeWitness};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let ingest = FakeIngest::new(Personality::Takeover);
/// let witness = FakeWitness::new("ingest-1", &ingest);
/// assert!(witness.look().await?.is_empty());
/// witness.set_failing(true);
/// assert!(witness.look().await.is_err());
/// # Ok::<(), encoder_core::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FakeWitness(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    ingest: FakeIngest,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    prefix: String,
    hidden: HashSet<PublishTarget>,
    failing: bool,
    counts_bytes: bool,
    names_publishers: bool,
    drops: bool,
    dropped: Vec<PublishTarget>,
    looks: usize,
}

/// Making one.
impl FakeWitness {
    /// A witness of everything that is published there.
    pub fn new(name: &str, ingest: &FakeIngest) -> Self {
        Self(Arc::new(Inner {
            name: name.to_owned(),
            ingest: ingest.clone(),
            state: Mutex::new(State {
                prefix: String::new(),
                hidden: HashSet::new(),
                failing: false,
                counts_bytes: true,
                names_publishers: true,
                drops: true,
                dropped: Vec::new(),
                looks: 0,
            }),
        }))
    }

    /// Covers only addresses that begin like that.
    #[must_use]
    pub fn covering(self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.lock().prefix);
        self
    }

    /// Tells of streams and not of bytes.
    #[must_use]
    pub fn without_bytes(self) -> Self {
        self.lock().counts_bytes = false;
        self
    }

    /// Does not tell who publishes.
    #[must_use]
    pub fn without_publishers(self) -> Self {
        self.lock().names_publishers = false;
        self
    }

    /// Cannot drop anybody.
    #[must_use]
    pub fn without_drop(self) -> Self {
        self.lock().drops = false;
        self
    }
}

/// What the test does to it, and observes.
impl FakeWitness {
    /// Whether it answers from now on.
    pub fn set_failing(&self, failing: bool) {
        self.lock().failing = failing;
    }

    /// Sees nothing of that stream from now on.
    pub fn hide(&self, target: &PublishTarget) {
        self.lock().hidden.insert(target.clone());
    }

    /// Sees everything again.
    pub fn reveal(&self) {
        self.lock().hidden.clear();
    }

    /// How often it looked.
    pub fn looks(&self) -> usize {
        self.lock().looks
    }

    /// Whom it was told to drop, in order.
    pub fn dropped(&self) -> Vec<PublishTarget> {
        self.lock().dropped.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let state = &self.0.state;
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(&self) -> Result<()> {
        if !self.lock().failing {
            return Ok(());
        }
        let error = Error::new(ErrorKind::DeviceUnreachable, "the ingest does not answer");
        Err(error.with_context("ingest", &self.0.name))
    }
}

impl State {
    fn sees(&self, target: &PublishTarget) -> bool {
        target.url.starts_with(&self.prefix) && !self.hidden.contains(target)
    }

    fn sighting(&self, publishing: Publishing) -> Sighting {
        let mut sighting = Sighting::new(publishing.target);
        if self.names_publishers {
            let agent = format!("fake/1.0 ({})", publishing.encoder);
            sighting.publishers.push(Publisher::new().with_agent(agent));
        }
        if self.counts_bytes {
            sighting.bytes_in = Some(publishing.bytes);
            sighting.bitrate = Some(Bitrate::from_kbps(8000));
        }
        sighting.connected_for = Some(publishing.connected_for);
        sighting
    }
}

#[async_trait]
impl IngestWitness for FakeWitness {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn covers(&self, url: &str) -> bool {
        url.starts_with(&self.lock().prefix)
    }

    async fn look(&self) -> Result<Vec<Sighting>> {
        self.lock().looks += 1;
        self.reach()?;
        let publishing = self.0.ingest.publishing().into_iter();
        let state = self.lock();
        let seen = publishing.filter(|publishing| state.sees(&publishing.target));
        Ok(seen.map(|publishing| state.sighting(publishing)).collect())
    }

    async fn drop_publishers(&self, target: &PublishTarget) -> Result<()> {
        self.reach()?;
        if !self.lock().drops {
            let message = "this ingest cannot drop a publisher";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        self.lock().dropped.push(target.clone());
        self.0.ingest.drop_publisher(target);
        Ok(())
    }
}
