//! Many devices in one process.

use std::io;
use std::ops::Deref;

use super::Simulator;
use super::config::SimulatorConfig;
use super::faults::Fault;
use super::ingest::SimulatedIngest;

/// Several simulated devices that differ in address and serial number.
///
/// ```
/// use encoder_aja::simulator::{SimulatorConfig, SimulatorFleet};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let fleet = SimulatorFleet::start(3, SimulatorConfig::fast()).await?;
/// assert_eq!(fleet.urls().len(), 3);
/// assert_ne!(fleet[0].device().serial(), fleet[1].device().serial());
/// fleet.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SimulatorFleet {
    simulators: Vec<Simulator>,
    ingest: Option<SimulatedIngest>,
}

impl SimulatorFleet {
    /// Starts `count` devices: on consecutive ports from the configured one, or on free ports when
    /// that is 0. Serial numbers get the place, counted from 1, as a suffix, and pictures say it. All
    /// share the configured ingest.
    ///
    /// # Errors
    ///
    /// When one address cannot be bound or ffmpeg is missing; the devices started before are stopped.
    pub async fn start(count: u16, config: SimulatorConfig) -> io::Result<Self> {
        let mut simulators = Vec::with_capacity(usize::from(count));
        for place in 0..count {
            let mut own = config.clone();
            own.serial = format!("{}-{}", config.serial, place + 1);
            #[cfg(feature = "media")]
            if let Some(media) = &mut own.live_media {
                // Beyond 255 devices numbers are used again.
                media.source = (place + 1) as u8;
            }
            if config.listen.port() != 0 {
                let port = config.listen.port().checked_add(place);
                let port = port.ok_or(io::ErrorKind::AddrNotAvailable)?;
                own.listen.set_port(port);
            }
            simulators.push(Simulator::start(own).await?);
        }
        Ok(Self {
            simulators,
            ingest: config.ingest,
        })
    }

    /// The devices in order; the fleet also dereferences to them.
    #[must_use]
    pub fn simulators(&self) -> &[Simulator] {
        &self.simulators
    }

    /// The addresses in order, as `http://host:port`.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.simulators.iter().map(Simulator::url).collect()
    }

    /// The shared ingest, when one is configured.
    #[must_use]
    pub fn ingest(&self) -> Option<&SimulatedIngest> {
        self.ingest.as_ref()
    }

    /// Lets the same happen to several devices at once, as when their site loses its network or its
    /// power. Devices are counted from 0.
    ///
    /// # Panics
    ///
    /// When there is no such device.
    pub fn inject_at(&self, places: impl IntoIterator<Item = usize>, fault: impl Into<Fault>) {
        let fault = fault.into();
        for place in places {
            self.simulators[place].inject(fault.clone());
        }
    }

    /// Ends all faults of several devices at once.
    ///
    /// # Panics
    ///
    /// When there is no such device.
    pub fn clear_faults_at(&self, places: impl IntoIterator<Item = usize>) {
        for place in places {
            self.simulators[place].clear_faults();
        }
    }

    /// Ends every device.
    pub async fn shutdown(self) {
        self.end().await;
    }

    /// The same for a fleet that others still look at.
    pub async fn end(&self) {
        // All at once, and only then one after the other.
        self.simulators.iter().for_each(Simulator::halt);
        for simulator in &self.simulators {
            simulator.end().await;
        }
    }
}

impl Deref for SimulatorFleet {
    type Target = [Simulator];

    fn deref(&self) -> &[Simulator] {
        &self.simulators
    }
}
