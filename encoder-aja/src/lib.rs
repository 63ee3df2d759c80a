//! AJA HELO driver for [`encoder_core`].
//!
//! [`AjaDriver`] is an [`EncoderDriver`](encoder_core::EncoderDriver) over the REST API of a HELO;
//! [`AjaDriverFactory`] makes one for each registered encoder. A HELO is one device with one
//! encoder, so one driver is one device.
//!
//! # What it does with a device
//!
//! - One request at a time, beside one long poll. Every request is bounded in time and size. A
//!   lost session is noticed by its 404 and renewed by one login.
//! - Every setting is read back. What the device accepts and does not hold is
//!   [`DeviceRejected`](encoder_core::ErrorKind::DeviceRejected), and names the parameter.
//! - It writes one streaming profile, the tenth unless [`AjaConfig::profile`] says otherwise, and
//!   selects it; the other nine stay as operators left them.
//! - While the long poll is up, a status costs one request, and a start costs one.
//! - A reading that a HELO does not have (processor, memory, fan, uptime, measured bitrate,
//!   dropped pictures) is `None`, never zero.
//!
//! # What nobody knows about a HELO
//!
//! AJA's documents leave questions open: how long a long poll is held, whether a profile may be
//! edited while it streams, whether stream keys read back in clear. Each answer this driver
//! relies on is a field of [`AjaConfig`], with the careful answer as default.
//!
//! # Example
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use encoder_aja::{AjaConfig, AjaDriver};
//! use encoder_core::model::{
//!     Bitrate, DeviceStreamState, EncoderId, FrameRate, PublishTarget, Resolution, Secret,
//!     StreamConfig,
//! };
//! use encoder_core::{EncoderDriver, EncoderDriverExt};
//!
//! # async fn run() -> encoder_core::Result<()> {
//! let id = EncoderId::try_new("helo-1")?;
//! let helo = AjaDriver::new(id, AjaConfig::default(), "http://10.0.0.21", None)?;
//! let config = StreamConfig {
//!     resolution: Resolution::new(1920, 1080),
//!     bitrate: Bitrate::from_kbps(5000),
//!     fps: FrameRate::from_fps(29.97),
//!     keyframe_interval: Duration::from_secs(2),
//!     audio_bitrate: Bitrate::from_kbps(128),
//! };
//! let target = PublishTarget {
//!     url: "rtmp://ingest.example/live".to_owned(),
//!     stream_key: Secret::from("council"),
//! };
//! helo.configure(&config, &target).await?;
//! helo.start().await?;
//! let streams = |status: &encoder_core::model::EncoderStatus| {
//!     status.stream_state == DeviceStreamState::Streaming
//! };
//! helo.wait_until(Duration::from_secs(5), Duration::from_millis(200), streams).await?;
//! # Ok(())
//! # }
//! ```

mod alarms;
mod client;
mod codes;
mod config;
mod configure;
mod control;
mod device;
mod driver;
mod error;
mod feed;
mod http;
mod params;
mod poll;
mod readings;
mod reply;
mod settings;
mod status;
mod text;

#[cfg(feature = "simulator")]
pub mod simulator;

pub use config::{AjaConfig, UnknownInput};
pub use driver::{AjaDriver, AjaDriverFactory, DRIVER_NAME};
