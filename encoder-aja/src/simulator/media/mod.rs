//! Real pictures and sound: while the device streams, H.264 and AAC flow to the URL and key of its
//! profile.
//!
//! Pictures are drawn here and written to ffmpeg in real time, so that their content can go wrong on
//! demand and every one says who made it and when. A test source of ffmpeg itself would need no
//! drawing, but could not freeze, turn black or lose pictures while it runs.
//!
//! Whatever takes time happens in one task for each device, the [`Transmitter`](uplink::Transmitter). The device hands
//! it orders through an [`Uplink`] and reads in a [`Transmission`] what became of them, so that the
//! device itself never waits.

mod config;
mod encoding;
mod picture;
mod sending;
mod uplink;

pub use config::MediaConfig;
pub(super) use encoding::{Encoding, Rate};
pub(super) use picture::PictureFaults;
pub(super) use uplink::{Transmission, Uplink, uplink};
