//! Simulated encoders named `helo-1`, `helo-2`, … around one simulated ingest.

use std::time::Duration;

use encoder_aja::AjaConfig;
use encoder_aja::simulator::{
    Fault, IngestChange, IngestRecord, Personality as Ingesting, Publisher, SimulatedIngest,
    Simulator, SimulatorConfig,
};
use encoder_core::ManagerConfig;
use encoder_core::model::{
    DestinationRequest, EncoderId, EncoderSpec, Personality, Protection, Secret, StreamRequest,
};

/// Main address of every stream.
pub const URL: &str = "rtmp://ingest.example/live";
/// Backup address of streams that have one.
pub const BACKUP_URL: &str = "rtmp://backup.example/live";
/// Stream key of every stream; must not show anywhere.
pub const KEY: &str = "geheimer_schluessel_0815";
/// Password of devices that have one; must not show anywhere.
pub const DEVICE_PASSWORD: &str = "maschinenraum-4711";

/// The encoder of that number, counted from 1.
///
/// # Panics
/// Never: the name is a valid id.
#[must_use]
pub fn helo(number: usize) -> EncoderId {
    EncoderId::try_new(format!("helo-{number}")).expect("a valid id")
}

/// What a scenario starts from.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How many devices there are.
    pub count: usize,
    /// How the ingest treats a second publisher.
    pub personality: Personality,
    /// How long the ingest keeps a publisher that vanished.
    pub ingest_idle_timeout: Duration,
    /// Every device, unless [`Setup::special`] says otherwise.
    pub device: SimulatorConfig,
    /// Devices of their own kind, by number.
    pub special: Vec<(usize, SimulatorConfig)>,
    /// Whether devices ask for a login.
    pub locked: bool,
    /// Where each device is; without it each is at a site of its own.
    pub sites: Vec<&'static str>,
    /// Size of the disk under a manager in this process.
    pub max_bytes: Option<u64>,
    /// The manager.
    pub config: ManagerConfig,
    /// The driver.
    pub aja: AjaConfig,
}

impl Setup {
    /// That many devices with delays of some tens of milliseconds, and a manager that is quick
    /// to notice, to act and to forgive.
    #[must_use]
    pub fn quick(count: usize, personality: Personality) -> Self {
        Self {
            count,
            personality,
            ingest_idle_timeout: Duration::from_secs(10),
            device: SimulatorConfig::fast(),
            special: Vec::new(),
            locked: false,
            sites: Vec::new(),
            max_bytes: None,
            config: quick_manager(),
            aja: quick_driver(),
        }
    }

    /// As many devices as there are sites, at these sites.
    #[must_use]
    pub fn at_sites(sites: &[&'static str], personality: Personality) -> Self {
        Self {
            sites: sites.to_vec(),
            ..Self::quick(sites.len(), personality)
        }
    }

    /// Makes one device different.
    #[must_use]
    pub fn with_device(mut self, number: usize, device: SimulatorConfig) -> Self {
        self.special.push((number, device));
        self
    }

    fn device(&self, number: usize, ingest: &SimulatedIngest) -> SimulatorConfig {
        let special = self.special.iter().find(|(known, _)| *known == number);
        let device = special.map_or(&self.device, |(_, device)| device).clone();
        let device = if self.locked {
            device.with_password(DEVICE_PASSWORD)
        } else {
            device
        };
        device
            .with_serial(helo(number).as_str())
            .with_ingest(ingest.clone())
    }

    /// A request for a stream on `helo-1`.
    #[must_use]
    pub fn request(&self, protection: Protection) -> StreamRequest {
        let json = r#"{"resolution":"1920x1080","bitrate":8000000,"fps":29.97}"#;
        let mut request: StreamRequest = serde_json::from_str(json).expect("a valid request");
        request.protection = Some(protection);
        request.encoder_id = Some(helo(1));
        let apart = self.personality == Personality::Separate || protection == Protection::Hot;
        request.destination = Some(DestinationRequest {
            url: Some(URL.to_owned()),
            stream_key: Some(Secret::from(KEY)),
            backup_url: apart.then(|| BACKUP_URL.to_owned()),
            personality: Some(self.personality),
            idle_timeout_seconds: None,
        });
        request
    }
}

fn quick_manager() -> ManagerConfig {
    let ms = Duration::from_millis;
    let mut config = ManagerConfig::default();
    config.lease_ttl = Duration::from_secs(3);
    config.drain = Duration::from_secs(3);
    config.watch.active_interval = ms(100);
    config.watch.idle_interval = ms(200);
    config.watch.retry_interval = ms(50);
    config.watch.silent_interval = ms(200);
    config.watch.timeout = ms(500);
    config.watch.report_interval = Duration::from_secs(1);
    // Polls come ten times as often as usual, so ten times as many fit into a period.
    config.thermal.burst_requests = 1000;
    config.failover.hold_down = Duration::from_secs(2);
    config.failover.start_grace = Duration::from_secs(2);
    config.failover.min_start_grace = ms(700);
    config.failover.fence_deadline = ms(1500);
    config.failover.command_timeout = ms(1500);
    config.failover.store_patience = ms(300);
    config.failover.fence_retry = ms(200);
    config.failover.witness_timeout = ms(400);
    config.failover.reinstate_after = ms(500);
    config.failover.protection_interval = ms(200);
    config.failover.drill_dwell = ms(500);
    config.remediation.restart_deadline = ms(1500);
    config.errors.settle = Duration::from_secs(1);
    config.errors.calm = Duration::from_secs(3);
    config.errors.save_interval = ms(200);
    config
}

fn quick_driver() -> AjaConfig {
    let ms = Duration::from_millis;
    let mut config = AjaConfig::default();
    config.connect_timeout = ms(400);
    config.read_timeout = ms(450);
    config.write_timeout = ms(1000);
    config.readback_pause = ms(20);
    config.reconnect_min = ms(20);
    config.reconnect_max = ms(100);
    config.media_release = ms(100);
    config.media_mount = ms(400);
    config.media_poll = ms(20);
    config.media_refresh = ms(200);
    // A status with everything in it is done before a poll gives up.
    config.refresh_budget = ms(300);
    config
}

/// The devices and their ingest.
#[derive(Debug)]
pub struct Devices {
    /// Where all streams arrive.
    pub ingest: SimulatedIngest,
    simulators: Vec<Simulator>,
    sites: Vec<&'static str>,
    locked: bool,
}

impl Devices {
    /// Starts them.
    ///
    /// # Panics
    /// When the loopback has no port left.
    pub async fn start(setup: &Setup) -> Self {
        let ingest = SimulatedIngest::new(match setup.personality {
            Personality::Takeover => Ingesting::Takeover,
            Personality::Reject => Ingesting::Reject,
            Personality::Separate => Ingesting::Separate,
        })
        .with_idle_timeout(setup.ingest_idle_timeout);
        let mut simulators = Vec::new();
        for number in 1..=setup.count {
            let config = setup.device(number, &ingest);
            simulators.push(Simulator::start(config).await.expect("a free port"));
        }
        Self {
            ingest,
            simulators,
            sites: setup.sites.clone(),
            locked: setup.locked,
        }
    }

    /// The device of that number, counted from 1.
    #[must_use]
    pub fn nth(&self, number: usize) -> &Simulator {
        &self.simulators[number - 1]
    }

    /// The device behind an encoder.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn of(&self, encoder: &EncoderId) -> &Simulator {
        let mut all = self.simulators.iter();
        all.find(|helo| helo.device().serial() == encoder.as_str())
            .expect("a device of that name")
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Simulator> {
        self.simulators.iter()
    }

    /// Lets the same happen to several devices at once. They are counted from 1.
    pub fn inject_at(&self, numbers: impl IntoIterator<Item = usize>, fault: impl Into<Fault>) {
        let fault = fault.into();
        for number in numbers {
            self.nth(number).inject(fault.clone());
        }
    }

    /// How to register them; each is at a site of its own unless the setup says otherwise.
    pub fn specs(&self) -> impl Iterator<Item = EncoderSpec> {
        self.simulators.iter().zip(1..).map(|(simulator, number)| {
            let spec = EncoderSpec::new(helo(number), simulator.url());
            let site = self.sites.get(number - 1);
            let site = site.map_or_else(|| format!("site-{number}"), ToString::to_string);
            let spec = spec.with_site(site);
            if self.locked {
                spec.with_password(Secret::from(DEVICE_PASSWORD))
            } else {
                spec
            }
        })
    }

    /// Who sends media to the main address now.
    #[must_use]
    pub fn on_air(&self) -> Vec<String> {
        self.on_air_at(URL)
    }

    /// Who sends media to an address now.
    #[must_use]
    pub fn on_air_at(&self, url: &str) -> Vec<String> {
        let publishers = self.ingest.publishers(url, KEY).into_iter();
        let sending = publishers.filter(|publisher: &Publisher| publisher.silent_since.is_none());
        sending.map(|publisher| publisher.serial).collect()
    }

    /// What happened at the ingest, as `helo-1 accepted`.
    #[must_use]
    pub fn story(&self) -> Vec<String> {
        let told = self.ingest.history().into_iter();
        told.map(|record| {
            let what = format!("{:?}", record.what).to_lowercase();
            format!("{} {what}", record.serial)
        })
        .collect()
    }

    /// The first time something happened to a device at the ingest.
    #[must_use]
    pub fn first(&self, number: usize, what: IngestChange) -> Option<IngestRecord> {
        let name = helo(number);
        let mut history = self.ingest.history().into_iter();
        history.find(|record| record.serial == name.as_str() && record.what == what)
    }

    /// How often something happened to a device at the ingest.
    #[must_use]
    pub fn times(&self, number: usize, what: IngestChange) -> usize {
        let name = helo(number);
        let history = self.ingest.history().into_iter();
        history
            .filter(|record| record.serial == name.as_str() && record.what == what)
            .count()
    }
}
