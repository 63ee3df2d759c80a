//! Settings of the server, every one with a default.
//!
//! They come from a YAML file, then the few short names of the environment, then `.env`, then the
//! environment; the later wins. A key that
//! nobody knows is an error that names it, so that a typing mistake never becomes a default.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use encoder_core::ManagerConfig;
use encoder_core::model::{EncoderSpec, seconds};
use serde::{Deserialize, Serialize};

mod ingest;
mod load;
mod short;
#[cfg(test)]
mod tests;

pub use crate::audit::AuditConfig;
pub use ingest::{IngestAddress, IngestConfig, WitnessConfig};
pub use load::{ConfigProblem, check_file, check_files, load};

/// Settings of the server.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Folder of the database; made when it is not there.
    pub data: PathBuf,
    /// What is logged, and how.
    pub log: LogConfig,
    /// How much clients may ask for.
    pub limits: LimitsConfig,
    /// API keys.
    pub auth: AuthConfig,
    /// How long it is kept who did what.
    pub audit: AuditConfig,
    /// Whether `/metrics` answers without a key.
    pub metrics_open: bool,
    /// Web pages of other origins.
    pub cors: CorsConfig,
    /// Live connections.
    pub sockets: SocketsConfig,
    /// The ingest that streams are published to.
    pub ingest: IngestConfig,
    /// Watching, placing, failing over.
    pub manager: ManagerConfig,
    /// The driver for AJA HELO encoders.
    pub aja: encoder_aja::AjaConfig,
    /// The driver for software encoders: ffmpeg on the server's machine.
    pub ffmpeg: encoder_ffmpeg::FfmpegConfig,
    /// Encoders to register at start.
    pub encoders: Vec<EncoderSpec>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("data"),
            log: LogConfig::default(),
            limits: LimitsConfig::default(),
            auth: AuthConfig::default(),
            audit: AuditConfig::default(),
            metrics_open: false,
            cors: CorsConfig::default(),
            sockets: SocketsConfig::default(),
            ingest: IngestConfig::default(),
            manager: ManagerConfig::default(),
            aja: encoder_aja::AjaConfig::default(),
            ffmpeg: encoder_ffmpeg::FfmpegConfig::default(),
            encoders: Vec::new(),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged, in the notation of `RUST_LOG`.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            filter: "info".to_owned(),
        }
    }
}

/// Requests per minute of one key or one address. 0 switches a limit off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateConfig {
    /// Reading requests.
    pub read_per_minute: u32,
    /// Requests that change something.
    pub control_per_minute: u32,
}

impl Default for RateConfig {
    fn default() -> Self {
        Self {
            read_per_minute: 100,
            control_per_minute: 30,
        }
    }
}

/// How much clients may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests with one API key.
    pub key: RateConfig,
    /// Requests from one address (an IPv6 client counts by its /64 network).
    pub address: RateConfig,
    /// Failed logins from one address. 0 switches the limit off.
    pub failed_auth_per_minute: u32,
    /// Questions of the ingest about publishers. 0 switches the limit off.
    pub ingest_per_minute: u32,
    /// Largest request body.
    pub body_bytes: usize,
    /// How long a client may take to send its body.
    #[serde(rename = "body_timeout_seconds", with = "seconds")]
    pub body_timeout: Duration,
    /// How long `?wait=live` waits before the stream is stopped and released.
    #[serde(rename = "wait_live_seconds", with = "seconds")]
    pub wait_live: Duration,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            key: RateConfig::default(),
            address: RateConfig::default(),
            failed_auth_per_minute: 10,
            ingest_per_minute: 600,
            body_bytes: 64 * 1024,
            body_timeout: Duration::from_secs(10),
            wait_live: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
        }
    }
}

/// API keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// How long a key lasts unless its creator says otherwise.
    pub expiry_days: u32,
    /// How long a key is believed before the store is asked again: the longest time for which a
    /// key revoked by another process still works.
    #[serde(rename = "cache_seconds", with = "seconds")]
    pub cache: Duration,
    /// `last_used_at` is written at most this often per key.
    #[serde(rename = "last_used_interval_seconds", with = "seconds")]
    pub last_used_interval: Duration,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            expiry_days: 30,
            cache: Duration::from_secs(10),
            last_used_interval: Duration::from_secs(60),
        }
    }
}

/// Web pages of other origins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsConfig {
    /// Origins that may call the API from a browser, for example `https://ops.example`.
    pub allowed_origins: Vec<String>,
}

/// Live connections: Socket.IO, WebSocket, server-sent events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SocketsConfig {
    /// Messages a client may send per minute. 0 switches the limit off.
    pub messages_per_minute: u32,
    /// Largest message of a client.
    pub message_bytes: usize,
    /// Events waiting for a slow client before it loses its oldest health updates.
    pub queue: usize,
    /// How long a client may take to authenticate in its first frame.
    #[serde(rename = "auth_timeout_seconds", with = "seconds")]
    pub auth_timeout: Duration,
    /// Time between signs of life on an idle connection.
    #[serde(rename = "heartbeat_seconds", with = "seconds")]
    pub heartbeat: Duration,
}

impl Default for SocketsConfig {
    fn default() -> Self {
        Self {
            messages_per_minute: 100,
            message_bytes: 64 * 1024,
            queue: 256,
            auth_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(15),
        }
    }
}
