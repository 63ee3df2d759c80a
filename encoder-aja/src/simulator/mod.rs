//! A HELO on the loopback, for tests, benches and trying things out.
//!
//! [`Simulator`] answers the requests of AJA's REST API as the documents and captures show them,
//! from all 971 parameters of a real unit, and behaves like one: commands take time, a stream needs
//! a signal and a destination, media fills, the unit warms up and restarts. What nobody has
//! established is a switch in [`Assumptions`], and everything that can go wrong is a [`Fault`].
//! Streams end at a [`SimulatedIngest`], or nowhere; with the feature `media` and
//! `SimulatorConfig::live_media`, real pictures and sound go to the real destination.
//!
//! An idle device costs a parked task and a socket, so hundreds fit into one process: readings are
//! computed when somebody looks. A mock that replays canned replies was no alternative, since the
//! interesting failures are those of a device that answers and does something else.
//!
//! ```
//! use std::time::Duration;
//! use encoder_aja::simulator::{FaultKind, Simulator, SimulatorConfig};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = SimulatorConfig::fast()
//!     .with_value("StreamType", "0")
//!     .with_value("RTMPServerURL", "rtmp://ingest.example/live");
//! let helo = Simulator::start(config).await?;
//! let patience = Duration::from_secs(5);
//! assert!(helo.device().wait_for("ReplicatorStreamState", "1", patience).await);
//!
//! helo.device().command("ReplicatorCommand", "3")?;
//! assert!(helo.device().wait_for("ReplicatorStreamState", "2", patience).await);
//!
//! helo.inject(FaultKind::StreamFails);
//! assert_eq!(helo.device().get("ReplicatorStreamState").as_deref(), Some("4"));
//! helo.shutdown().await;
//! # Ok(())
//! # }
//! ```

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod alarm;
mod assumptions;
mod catalogue;
mod config;
mod control;
mod device;
mod events;
mod faults;
mod fleet;
mod http;
mod ingest;
#[cfg(feature = "media")]
mod media;
mod millis;
mod network;
mod requests;
mod standing;
mod storage;

pub use alarm::{AlarmMessage, AlarmText};
pub use assumptions::{
    Assumptions, ConnectionIdForm, EditWhileStreaming, OutOfRange, RebootReply, RebootSilence,
    Refusal, SecretReadback, SetBody, StartWithoutInput, TextValueName, TooManyConnections,
    UnknownConnection, UnknownParameter as UnknownParameterReply,
};
pub use catalogue::{
    AlarmFacts, Catalogue, Choice, PREFIX, Parameter, ParameterIndex, ParameterKind, Profile,
    catalogue,
};
pub use config::{Media, MediumKind, Password, Signal, SimulatorConfig, Thermal, Timing};
pub use control::{Control, control_router};
pub use device::{Device, UnknownParameter};
pub use faults::{Fault, FaultKind};
pub use fleet::SimulatorFleet;
pub use ingest::{IngestChange, IngestRecord, Personality, Publisher, SimulatedIngest};
#[cfg(feature = "media")]
pub use media::MediaConfig;
pub use requests::RequestRecord;

use device::Outlet;
use network::Port;

/// A running device. Dropping it closes its port at once; [`shutdown`](Self::shutdown) also waits
/// until its tasks are gone.
#[derive(Debug)]
pub struct Simulator {
    device: Arc<Device>,
    port: Port,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Simulator {
    /// Opens the port and starts the device.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound, or there is no ffmpeg for real media.
    #[cfg_attr(
        not(feature = "media"),
        expect(clippy::unused_async, reason = "waits for ffmpeg with real media")
    )]
    pub async fn start(config: SimulatorConfig) -> io::Result<Self> {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        #[cfg(feature = "media")]
        let outlet = match &config.live_media {
            Some(media) => open_uplink(media, &tasks, &stop).await?,
            None => Outlet::default(),
        };
        #[cfg(not(feature = "media"))]
        let outlet = Outlet::default();
        let port = Port::open(config.listen)?;
        let device = Arc::new(Device::new(Arc::new(config), port.clone(), outlet));
        // Opens the gate for the first life of the unit, before anybody connects.
        device.with(|_, _| ());
        let simulator = Self {
            device,
            port,
            stop,
            tasks,
        };
        simulator.spawn_tasks();
        Ok(simulator)
    }

    fn spawn_tasks(&self) {
        let device = Arc::clone(&self.device);
        self.spawn(async move { device.live().await });
        let router = http::router(Arc::clone(&self.device));
        let port = self.port.clone();
        self.spawn(async move {
            // Accepting retries by itself, so that serving ends with its task only.
            let _ = axum::serve(port, router).await;
        });
    }

    /// Runs a task until the device ends.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        spawn(&self.tasks, async move {
            stop.run_until_cancelled_owned(task).await;
        });
    }

    /// The address of the device.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.port.address()
    }

    /// The address as `http://host:port`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// The device from the inside.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Lets something go wrong. Once this returns, the next request meets it.
    pub fn inject(&self, fault: impl Into<Fault>) {
        self.device.inject(fault);
    }

    /// Ends every fault. Once this returns, the next request is answered.
    pub fn clear_faults(&self) {
        self.device.clear_faults();
    }

    /// The latest requests in order of arrival, as many as
    /// [`request_log`](SimulatorConfig::request_log).
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.device.log.all()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.device.log.clear();
    }

    /// The first matching request, already arrived or within `timeout`.
    pub async fn wait_for_request(
        &self,
        matches: impl Fn(&RequestRecord) -> bool + Send + Sync,
        timeout: Duration,
    ) -> Option<RequestRecord> {
        self.device.log.wait_for(matches, timeout).await
    }

    /// Every request from now on. A reader more than 256 requests behind loses the oldest and is
    /// told so.
    #[must_use]
    pub fn subscribe_requests(&self) -> broadcast::Receiver<RequestRecord> {
        self.device.log.subscribe()
    }

    /// Ends the device and waits until its tasks are gone.
    pub async fn shutdown(self) {
        self.end().await;
    }

    async fn end(&self) {
        self.halt();
        self.tasks.wait().await;
    }

    fn halt(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.port.close();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.halt();
    }
}

/// Prepares a device to send, and starts the task that does; it ends what it sends by itself.
#[cfg(feature = "media")]
async fn open_uplink(
    config: &MediaConfig,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> io::Result<Outlet> {
    let version = config.check().await?;
    let (uplink, transmitter) = media::uplink(config, version);
    spawn(tasks, transmitter.serve(stop.clone()));
    let uplink = Some(uplink);
    Ok(Outlet { uplink })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of the simulator that spawns, and it waits for what it spawned"
)]
fn spawn(tasks: &TaskTracker, task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(tasks.track_future(task));
}
