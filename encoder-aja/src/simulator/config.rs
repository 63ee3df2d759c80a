//! How a simulated HELO is set up.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::assumptions::Assumptions;
use super::ingest::SimulatedIngest;
#[cfg(feature = "media")]
use super::media::MediaConfig;
use super::millis;
pub use super::storage::{Media, MediumKind};

/// One simulated HELO.
///
/// ```
/// use encoder_aja::simulator::SimulatorConfig;
///
/// let config = SimulatorConfig::fast()
///     .with_password("studio")
///     .with_value("RTMPServerURL", "rtmp://127.0.0.1/live");
/// assert!(!format!("{config:?}").contains("studio"));
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SimulatorConfig {
    /// Where the device answers; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The serial number; the system name is made from it.
    pub serial: String,
    /// The firmware version the device reports.
    pub firmware: String,
    /// The password; `None` leaves authentication off.
    #[serde(skip_serializing)]
    pub password: Option<Password>,
    /// Whether it boots when it is started, like a unit whose power comes on; otherwise it has
    /// been up for a while.
    pub cold_start: bool,
    /// How long things take.
    pub timing: Timing,
    /// How warm the device gets.
    pub thermal: Thermal,
    /// The SD card, which recordings go to unless another medium is selected.
    pub media: Media,
    /// The other media; those that are left out are not there.
    pub other_media: BTreeMap<MediumKind, Media>,
    /// What is plugged into the inputs.
    pub signal: Signal,
    /// The answers to everything nobody has established.
    pub assumptions: Assumptions,
    /// Values that differ from the factory defaults, by parameter name.
    #[serde(skip_serializing)]
    pub values: BTreeMap<String, String>,
    /// How many requests [`requests`](super::Simulator::requests) remembers.
    pub request_log: usize,
    /// Where streams arrive; `None` accepts every stream.
    #[serde(skip)]
    pub ingest: Option<SimulatedIngest>,
    /// How real pictures and sound are published: RTMP streams then go to their real destination,
    /// past [`ingest`](Self::ingest). `None` only pretends to stream.
    #[cfg(feature = "media")]
    pub live_media: Option<MediaConfig>,
}

impl fmt::Debug for SimulatorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values may hold stream keys, so that only their names show.
        f.debug_struct("SimulatorConfig")
            .field("listen", &self.listen)
            .field("serial", &self.serial)
            .field("password", &self.password)
            .field("timing", &self.timing)
            .field("assumptions", &self.assumptions)
            .field("values", &self.values.keys())
            .field("ingest", &self.ingest)
            .finish_non_exhaustive()
    }
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            serial: "SIM000001".to_owned(),
            firmware: "4.3.0.8-12r".to_owned(),
            password: None,
            cold_start: false,
            timing: Timing::default(),
            thermal: Thermal::default(),
            media: Media::default(),
            other_media: BTreeMap::new(),
            signal: Signal::default(),
            assumptions: Assumptions::default(),
            values: BTreeMap::new(),
            request_log: 1024,
            ingest: None,
            #[cfg(feature = "media")]
            live_media: None,
        }
    }
}

impl SimulatorConfig {
    /// A device whose delays are some tens of milliseconds, for tests.
    #[must_use]
    pub fn fast() -> Self {
        Self {
            timing: Timing::fast(),
            ..Self::default()
        }
    }

    /// Sets where the device answers.
    #[must_use]
    pub fn with_listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// Sets the serial number.
    #[must_use]
    pub fn with_serial(mut self, serial: impl Into<String>) -> Self {
        self.serial = serial.into();
        self
    }

    /// Turns authentication on.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Password::new(password));
        self
    }

    /// Sets how long things take.
    #[must_use]
    pub fn with_timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Sets how warm the device gets.
    #[must_use]
    pub fn with_thermal(mut self, thermal: Thermal) -> Self {
        self.thermal = thermal;
        self
    }

    /// Sets the SD card.
    #[must_use]
    pub fn with_media(mut self, media: Media) -> Self {
        self.media = media;
        self
    }

    /// Sets the medium of that kind.
    #[must_use]
    pub fn with_medium(mut self, kind: MediumKind, media: Media) -> Self {
        match kind {
            MediumKind::Sd => self.media = media,
            other => {
                self.other_media.insert(other, media);
            }
        }
        self
    }

    /// The medium of that kind, absent unless it was set.
    pub(super) fn medium(&self, kind: MediumKind) -> Media {
        let absent = || Media {
            mounted: false,
            ..Media::default()
        };
        match kind {
            MediumKind::Sd => self.media.clone(),
            other => self.other_media.get(&other).cloned().unwrap_or_else(absent),
        }
    }

    /// Sets what is plugged into the inputs.
    #[must_use]
    pub fn with_signal(mut self, signal: Signal) -> Self {
        self.signal = signal;
        self
    }

    /// Answers the open questions about the device.
    #[must_use]
    pub fn with_assumptions(mut self, assumptions: Assumptions) -> Self {
        self.assumptions = assumptions;
        self
    }

    /// Gives one parameter a value at power-up; the name may lack `eParamID_`.
    #[must_use]
    pub fn with_value(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// Sends the device's streams to `ingest`.
    #[must_use]
    pub fn with_ingest(mut self, ingest: SimulatedIngest) -> Self {
        self.ingest = Some(ingest);
        self
    }

    /// Publishes real pictures and sound to the device's real destination.
    #[cfg(feature = "media")]
    #[must_use]
    pub fn with_live_media(mut self, media: MediaConfig) -> Self {
        self.live_media = Some(media);
        self
    }
}

/// The device's password; it never shows in debug output.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// Wraps a password.
    #[must_use]
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(super) fn matches(&self, provided: &str) -> bool {
        self.0 == provided
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// How long things take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Timing {
    /// From power-up to idle; the device already answers requests.
    #[serde(rename = "boot_ms", with = "millis")]
    pub boot: Duration,
    /// From the stream command to streaming.
    #[serde(rename = "stream_start_ms", with = "millis")]
    pub stream_start: Duration,
    /// From the stop command to idle.
    #[serde(rename = "stream_stop_ms", with = "millis")]
    pub stream_stop: Duration,
    /// From the record command to recording.
    #[serde(rename = "record_start_ms", with = "millis")]
    pub record_start: Duration,
    /// From the stop command to idle.
    #[serde(rename = "record_stop_ms", with = "millis")]
    pub record_stop: Duration,
    /// Between the attempts of a failing stream to recover.
    #[serde(rename = "recover_ms", with = "millis")]
    pub recover: Duration,
    /// How long a preset is recalled, stored or erased.
    #[serde(rename = "preset_ms", with = "millis")]
    pub preset: Duration,
    /// From the reboot command to silence, so that the reply can leave.
    #[serde(rename = "reboot_grace_ms", with = "millis")]
    pub reboot_grace: Duration,
    /// How long a restarting device is silent, before `boot` begins.
    #[serde(rename = "reboot_silence_ms", with = "millis")]
    pub reboot_silence: Duration,
    /// How long a medium that is no longer selected takes to be let go.
    #[serde(rename = "media_release_ms", with = "millis")]
    pub media_release: Duration,
    /// How long the newly selected medium takes to be mounted after that.
    #[serde(rename = "media_mount_ms", with = "millis")]
    pub media_mount: Duration,
    /// How often moving readings (durations, temperature, media) become events.
    #[serde(rename = "tick_ms", with = "millis")]
    pub tick: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            boot: Duration::from_secs(5),
            stream_start: Duration::from_millis(1500),
            stream_stop: Duration::from_secs(1),
            record_start: Duration::from_millis(800),
            record_stop: Duration::from_millis(500),
            recover: Duration::from_secs(5),
            preset: Duration::from_secs(1),
            reboot_grace: Duration::from_millis(50),
            reboot_silence: Duration::from_secs(30),
            media_release: Duration::from_secs(1),
            media_mount: Duration::from_secs(3),
            tick: Duration::from_secs(1),
        }
    }
}

impl Timing {
    /// Some tens of milliseconds for everything.
    #[must_use]
    pub fn fast() -> Self {
        Self {
            boot: Duration::from_millis(50),
            stream_start: Duration::from_millis(30),
            stream_stop: Duration::from_millis(20),
            record_start: Duration::from_millis(20),
            record_stop: Duration::from_millis(20),
            recover: Duration::from_millis(100),
            preset: Duration::from_millis(30),
            reboot_grace: Duration::from_millis(20),
            reboot_silence: Duration::from_millis(200),
            media_release: Duration::from_millis(20),
            media_mount: Duration::from_millis(40),
            tick: Duration::from_millis(250),
        }
    }
}

/// How warm the device gets, in degrees Celsius.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Thermal {
    /// Where the temperature settles at rest.
    pub idle: f64,
    /// What streaming adds.
    pub streaming: f64,
    /// What recording adds.
    pub recording: f64,
    /// After this time about two thirds of a change have happened.
    #[serde(rename = "settling_ms", with = "millis")]
    pub settling: Duration,
    /// Where `Near_Over_Temp_Alarm` is raised.
    pub near_over: f64,
    /// Where the device shuts down.
    pub shutdown: f64,
}

impl Default for Thermal {
    fn default() -> Self {
        Self {
            idle: 42.0,
            streaming: 10.0,
            recording: 6.0,
            settling: Duration::from_secs(120),
            near_over: 75.0,
            shutdown: 90.0,
        }
    }
}

/// The signals at the inputs, as numbers of `DetectInputFormat`; 0 is no signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Signal {
    /// At the SDI input.
    pub sdi: u16,
    /// At the HDMI input.
    pub hdmi: u16,
}

impl Default for Signal {
    fn default() -> Self {
        // 1920x1080p 60: whole and half of it are the rates that most streams ask for.
        Self { sdi: 15, hdmi: 15 }
    }
}
