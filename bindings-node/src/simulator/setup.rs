//! How simulated devices are set up.

use std::time::Duration;

use encoder_aja::simulator::{Personality, SimulatedIngest, SimulatorConfig, Timing};
use encoder_core::foreign::read_document;
use encoder_core::{ErrorKind, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// What devices are started from.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) count: u16,
    /// Of each device.
    pub(super) config: SimulatorConfig,
    /// Where the streams of all of them arrive.
    pub(super) ingest: SimulatedIngest,
}

/// The [`SimulatorConfig`] of all devices, and what else there is to say.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct SetupDocument {
    count: u16,
    fast: bool,
    ingest: IngestDocument,
    #[serde(flatten)]
    config: Map<String, Value>,
}

impl Default for SetupDocument {
    fn default() -> Self {
        Self {
            count: 1,
            fast: false,
            ingest: IngestDocument::default(),
            config: Map::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct IngestDocument {
    personality: Personality,
    idle_timeout_ms: u64,
}

impl Default for IngestDocument {
    fn default() -> Self {
        Self {
            personality: Personality::Takeover,
            idle_timeout_ms: 10_000,
        }
    }
}

impl Setup {
    /// Reads the document.
    ///
    /// # Errors
    /// [`ErrorKind::ValidationFailed`].
    pub(super) fn read(document: &str) -> Result<Self> {
        let mut setup: SetupDocument = read("simulator", document)?;
        if setup.fast {
            setup.hurry();
        }
        let config = Value::Object(setup.config).to_string();
        let mut config: SimulatorConfig = read("simulator", &config)?;
        let ingest = SimulatedIngest::new(setup.ingest.personality)
            .with_idle_timeout(Duration::from_millis(setup.ingest.idle_timeout_ms));
        config.ingest = Some(ingest.clone());
        Ok(Self {
            count: setup.count,
            config,
            ingest,
        })
    }
}

impl SetupDocument {
    /// Takes short times where none are given.
    fn hurry(&mut self) {
        let fast = serde_json::to_value(Timing::fast()).expect("times have JSON");
        let timing = self.config.entry("timing").or_insert_with(|| json!({}));
        if let (Value::Object(timing), Value::Object(fast)) = (timing, fast) {
            for (name, time) in fast {
                timing.entry(name).or_insert(time);
            }
        }
    }
}

/// Reads a document; what is wrong is named by its path, without the values of secrets.
pub(super) fn read<T: DeserializeOwned>(what: &str, document: &str) -> Result<T> {
    read_document(what, document, ErrorKind::ValidationFailed)
}
