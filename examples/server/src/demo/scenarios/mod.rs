//! The stories that the demo can tell. Each breaks something, follows what becomes of it over the
//! wire, and knows what was promised.

use std::time::Duration;

use clap::ValueEnum;
use encoder_aja::simulator::{Media, MediumKind, SimulatorConfig};
use serde::Serialize;

use super::cast::Cast;
use crate::config::ServerConfig;

mod cable;
mod overheat;
mod reboot_loop;
mod signal_loss;
mod site_outage;
mod storage;

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// The network cable of an encoder on air is pulled.
    #[default]
    Cable,
    /// The fan of an encoder on air stands still.
    Overheat,
    /// The medium of a recording runs full.
    Storage,
    /// An encoder on air restarts again and again.
    RebootLoop,
    /// The picture of an encoder on air is lost, and comes back.
    SignalLoss,
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
            Self::Overheat => overheat::prepare(config),
            Self::SiteOutage => site_outage::prepare(config),
            Self::Cable | Self::Storage | Self::RebootLoop | Self::SignalLoss => {}
        }
    }

    /// The devices that the story plays with.
    pub(super) fn devices(self, device: SimulatorConfig) -> SimulatorConfig {
        match self {
            Self::Overheat => overheat::devices(device),
            Self::Storage => device
                .with_medium(MediumKind::Usb, Media::default())
                .with_value("SecondaryRecordingDestination", "1"),
            Self::RebootLoop => {
                // A real one is away for longer than an audience likes to wait.
                let mut timing = device.timing.clone();
                timing.reboot_silence = Duration::from_secs(3);
                timing.boot = Duration::from_secs(3);
                device.with_timing(timing)
            }
            Self::Cable | Self::SignalLoss | Self::SiteOutage => device,
        }
    }

    /// Tells the story.
    ///
    /// # Errors
    /// Whatever kept it from happening.
    pub(super) async fn tell(self, cast: &Cast<'_>) -> anyhow::Result<Ending> {
        match self {
            Self::Cable => cable::tell(cast).await,
            Self::Overheat => overheat::tell(cast).await,
            Self::Storage => storage::tell(cast).await,
            Self::RebootLoop => reboot_loop::tell(cast).await,
            Self::SignalLoss => signal_loss::tell(cast).await,
            Self::SiteOutage => site_outage::tell(cast).await,
        }
    }
}
