//! `helo-simulator`: simulated AJA HELOs on this machine.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use encoder_aja::simulator::{
    Control, Personality, SimulatedIngest, SimulatorConfig, SimulatorFleet, control_router,
};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// Simulated AJA HELO encoders, answering AJA's REST API over plain HTTP.
///
/// Every device gets its own port. Prints one line per device (its number, address and serial
/// number) once all of them answer, and ends on SIGINT or SIGTERM.
///
/// With --media, real pictures and sound flow to where the devices are told to stream.
///
/// With --control, faults and looks inside go over HTTP, devices counted from 1:
///
///   GET    /devices              addresses, states and faults
///   POST   /devices/{n}/faults   {"kind": "hang", "times": 2, "path": "/config"}
///   DELETE /devices/{n}/faults   end all faults
///   POST   /devices/{n}/set      {"param": "Temperature", "value": "71"}
///   POST   /devices/{n}/on       turn a unit on again after a shutdown
///   GET    /devices/{n}/requests the requests received, secrets hidden
///   GET    /ingest               what happened at the shared ingest
#[derive(Parser, Debug)]
#[command(version, verbatim_doc_comment)]
struct Args {
    /// Address of the first device; the others follow on the next ports. Port 0 takes free ports.
    #[arg(long, default_value = "127.0.0.1:8101")]
    listen: SocketAddr,

    /// How many devices.
    #[arg(long, default_value_t = 1)]
    count: u16,

    /// The password of every device; without it, authentication is off.
    #[arg(long, env = "HELO_PASSWORD", hide_env_values = true)]
    password: Option<String>,

    /// Address of the control endpoint.
    #[arg(long)]
    control: Option<SocketAddr>,

    /// A file with the settings of the devices as JSON (what --listen and --password say wins).
    #[arg(long, value_name = "FILE")]
    json_config: Option<PathBuf>,

    /// Simulate the ingest too: how it treats a second publisher of one key.
    #[arg(long, value_enum)]
    ingest: Option<IngestChoice>,

    /// How long the ingest keeps a publisher that vanished without stopping.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    ingest_idle_timeout_ms: u64,

    #[cfg(feature = "media")]
    #[command(flatten)]
    media: MediaArgs,

    /// Start from the settings for tests, where everything takes some tens of milliseconds.
    #[arg(long, conflicts_with = "json_config")]
    fast: bool,

    /// Print one JSON line instead of text once all devices answer.
    #[arg(long)]
    json: bool,

    /// End when the standard input is closed, so that no simulator outlives its parent.
    #[arg(long)]
    exit_with_stdin: bool,
}

/// Real pictures and sound.
#[cfg(feature = "media")]
#[derive(clap::Args, Debug)]
struct MediaArgs {
    /// Publish real H.264 and AAC to the RTMP URL and key of the profile, through ffmpeg. A mark and
    /// text in the pictures say which device made them, and when.
    #[arg(long, conflicts_with = "ingest")]
    media: bool,

    /// The ffmpeg to use instead of the one in PATH.
    #[arg(long, value_name = "PATH", requires = "media")]
    ffmpeg: Option<PathBuf>,

    /// Encode at most this size, whatever the profile says, to spare a small machine.
    #[arg(long, value_name = "WxH", requires = "media", value_parser = size)]
    media_size: Option<(u32, u32)>,

    /// Encode at most this many pictures per second.
    #[arg(long, value_name = "N", requires = "media")]
    media_fps: Option<f64>,
}

#[cfg(feature = "media")]
fn size(text: &str) -> Result<(u32, u32), &'static str> {
    let (width, height) = text.split_once('x').ok_or("not WIDTHxHEIGHT")?;
    let length = |text: &str| {
        text.parse()
            .ok()
            .filter(|length| (16..=4096).contains(length))
    };
    let size = length(width).zip(length(height));
    size.ok_or("not two lengths from 16 to 4096")
}

#[cfg(feature = "media")]
impl MediaArgs {
    /// What the command line says wins over the file.
    fn apply(&self, config: SimulatorConfig) -> SimulatorConfig {
        if !self.media {
            return config;
        }
        let mut media = config.live_media.clone().unwrap_or_default();
        if let Some(ffmpeg) = &self.ffmpeg {
            media.ffmpeg.clone_from(ffmpeg);
        }
        media.max_resolution = self.media_size.or(media.max_resolution);
        media.max_fps = self.media_fps.or(media.max_fps);
        config.with_live_media(media)
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum IngestChoice {
    /// The newcomer is accepted and the other one dropped.
    Takeover,
    /// The newcomer is refused.
    Reject,
    /// Both are accepted.
    Separate,
    /// Both are dropped.
    DropBoth,
}

impl From<IngestChoice> for Personality {
    fn from(choice: IngestChoice) -> Self {
        match choice {
            IngestChoice::Takeover => Self::Takeover,
            IngestChoice::Reject => Self::Reject,
            IngestChoice::Separate => Self::Separate,
            IngestChoice::DropBoth => Self::DropBoth,
        }
    }
}

#[tokio::main]
async fn main() {
    // A blocked read of the standard input would keep the runtime from ending.
    match run().await {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("helo-simulator: {error}");
            std::process::exit(1)
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let args = Args::parse();
    // Listened for before anybody can know of this process, so that no signal is lost.
    let end = end_of_process(args.exit_with_stdin)?;
    let config = settings(&args)?;
    let fleet = Arc::new(SimulatorFleet::start(args.count, config).await?);
    let control = match args.control {
        Some(address) => Some(TcpListener::bind(address).await?),
        None => None,
    };
    let control_address = control.as_ref().map(TcpListener::local_addr).transpose()?;
    announce(&fleet, control_address, args.json)?;
    serve_until(end, control, &fleet).await?;
    // Programs that the devices started are gone before this one is.
    fleet.end().await;
    Ok(())
}

/// The settings of the devices from file and command line.
fn settings(args: &Args) -> Result<SimulatorConfig, Box<dyn Error>> {
    let mut config = match &args.json_config {
        Some(file) => serde_json::from_str(&std::fs::read_to_string(file)?)?,
        None if args.fast => SimulatorConfig::fast(),
        None => SimulatorConfig::default(),
    };
    config.listen = args.listen;
    if let Some(password) = &args.password {
        config = config.with_password(password);
    }
    if let Some(choice) = args.ingest {
        let idle_timeout = Duration::from_millis(args.ingest_idle_timeout_ms);
        let ingest = SimulatedIngest::new(choice.into()).with_idle_timeout(idle_timeout);
        config = config.with_ingest(ingest);
    }
    #[cfg(feature = "media")]
    let config = args.media.apply(config);
    Ok(config)
}

/// Serves the control endpoint, if any, until `end`.
async fn serve_until(
    end: impl Future<Output = ()>,
    control: Option<TcpListener>,
    fleet: &Arc<SimulatorFleet>,
) -> std::io::Result<()> {
    let Some(listener) = control else {
        end.await;
        return Ok(());
    };
    let router = control_router(Control::new(Arc::clone(fleet)));
    let serving = axum::serve(listener, router);
    tokio::select! {
        result = serving.into_future() => result,
        () = end => Ok(()),
    }
}

/// Tells the caller where the devices are.
fn announce(
    fleet: &SimulatorFleet,
    control: Option<SocketAddr>,
    as_json: bool,
) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let control = control.map(|address| format!("http://{address}"));
    if as_json {
        let devices: Vec<_> = fleet
            .iter()
            .map(|simulator| json!({"url": simulator.url(), "serial": simulator.device().serial()}))
            .collect();
        writeln!(
            out,
            "{}",
            json!({"ready": true, "devices": devices, "control": control})
        )?;
    } else {
        for (simulator, place) in fleet.iter().zip(1..) {
            writeln!(
                out,
                "{place} {} {}",
                simulator.url(),
                simulator.device().serial()
            )?;
        }
        if let Some(control) = control {
            writeln!(out, "control {control}")?;
        }
    }
    out.flush()
}

/// Ends with SIGINT, SIGTERM, or the standard input when asked to.
fn end_of_process(with_stdin: bool) -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = end_of_stdin(), if with_stdin => {}
        }
    })
}

async fn end_of_stdin() {
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 256];
    // What arrives does not matter; a failing read is an end as well.
    while matches!(stdin.read(&mut buffer).await, Ok(read) if read > 0) {}
}
