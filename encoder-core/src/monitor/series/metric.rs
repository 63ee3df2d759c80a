//! What is recorded, and of whom.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::EncoderId;

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A figure that is recorded over time.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Metric {
            $($(#[$doc])* $name,)*
        }

        impl Metric {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The wire name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

metrics! {
    /// An encoder's overall health, 0 to 100.
    HealthScore = "health_score",
    /// An encoder's heat, 0 to 100.
    TemperatureScore = "temperature_score",
    /// Degrees Celsius.
    Temperature = "temperature",
    /// Processor load of an encoder in percent.
    CpuUsage = "cpu_usage",
    /// Memory in use of an encoder in percent.
    MemoryUsage = "memory_usage",
    /// Revolutions per minute.
    FanSpeed = "fan_speed",
    /// Measured bits per second that an encoder puts out.
    Bitrate = "bitrate",
    /// Measured pictures per second that an encoder puts out.
    Fps = "fps",
    /// Pictures dropped since the stream started.
    DroppedFrames = "dropped_frames",
    /// Median time in which an encoder answers, in milliseconds.
    LatencyMs = "latency_ms",
    /// Share of failed requests to an encoder, 0 to 1.
    ErrorRate = "error_rate",
    /// Use of an encoder's fullest medium in percent.
    StoragePercent = "storage_percent",
    /// Streams that hold an encoder.
    Streams = "streams",
    /// Events that the manager puts on its bus in a second, as the mean of a minute.
    EventsPerSecond = "events_per_second",
    /// Time from an observation to a client's socket, in milliseconds, that 99 of 100 recent
    /// deliveries did not exceed.
    EventLatencyMs = "event_latency_ms",
    /// Events that some subscriber of the manager's bus has not taken yet.
    EventBacklog = "event_backlog",
    /// Commands that wait for the tasks of all streams.
    StreamCommands = "stream_commands",
    /// Commands that wait for the store.
    StoreQueue = "store_queue",
    /// Processor load of the manager's process, in percent of one core.
    CpuPercent = "cpu_percent",
    /// Memory in use of the manager's process.
    MemoryBytes = "memory_bytes",
    /// Files and connections that the manager's process has open.
    OpenFiles = "open_files",
    /// Threads of the manager's process.
    Threads = "threads",
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let named = Self::ALL.iter().find(|metric| metric.as_str() == text);
        named.copied().ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|metric| metric.as_str()).collect();
            let message = format!("there is no such metric; known: {}", known.join(", "));
            Error::new(ErrorKind::ValidationFailed, message)
        })
    }
}

/// Whose readings they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SeriesSubject {
    /// An encoder's.
    Encoder(EncoderId),
    /// The manager's own.
    Manager,
}

impl fmt::Display for SeriesSubject {
    /// As the store names it: `encoder/ID` or `manager`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoder(id) => write!(f, "encoder/{id}"),
            Self::Manager => f.write_str("manager"),
        }
    }
}
