//! The stories that the demo can tell. Each breaks something, follows what becomes of it over the
//! wire, and knows what was promised.

use clap::ValueEnum;
use serde::Serialize;

use super::cast::Cast;
use crate::config::ServerConfig;

mod cable;
mod site_outage;

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// The network cable of an encoder on air is pulled.
    #[default]
    Cable,
    /// A whole site loses its network.
    SiteOutage,
}

/// How a story ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// What was seen, as one line of JSON.
    pub(super) line: String,
    /// Whether it is what was promised.
    pub(super) happened: bool,
}

impl Ending {
    /// # Errors
    /// When the outcome is no JSON.
    pub(super) fn of(outcome: &impl Serialize, happened: bool) -> anyhow::Result<Self> {
        Ok(Self {
            line: serde_json::to_string(outcome)?,
            happened,
        })
    }
}

impl Scenario {
    /// Whether encoders send real video where that is possible. The others are told by what the
    /// simulated ingest counts.
    pub(super) const fn shows_video(self) -> bool {
        matches!(self, Self::Cable)
    }

    /// Settings that let the story happen within a minute.
    pub(super) fn prepare(self, config: &mut ServerConfig) {
        match self {
            Self::Cable => {}
            Self::SiteOutage => site_outage::prepare(config),
        }
    }

    /// Tells the story.
    ///
    /// # Errors
    /// Whatever kept it from happening.
    pub(super) async fn tell(self, cast: &Cast<'_>) -> anyhow::Result<Ending> {
        match self {
            Self::Cable => cable::tell(cast).await,
            Self::SiteOutage => site_outage::tell(cast).await,
        }
    }
}
