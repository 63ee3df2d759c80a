//! Trouble to watch: six simulated encoders, a real server, and something that goes wrong.
//!
//! Everything goes over the wire, as a client would do it: the streams are started over REST, and
//! what happens is told from the live feed alone. Where ffmpeg and nginx are installed, the
//! encoders send real video, and a player tells what a viewer saw.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use encoder_aja::simulator::{Personality, SimulatedIngest, SimulatorConfig, SimulatorFleet};
use encoder_core::model::{EncoderId, EncoderSpec, Secret};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::auth::Scope;
use crate::config::ServerConfig;
use crate::serve;
use crate::state::AppState;
use cast::Cast;
use scenarios::Scenario;
use video::Video;

mod cast;
mod client;
mod scenarios;
mod video;

const ENCODERS: u16 = 6;

/// How long the whole story may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(90);

/// How the demo runs.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// What goes wrong.
    #[arg(long, value_enum, default_value_t)]
    scenario: Scenario,
    /// Ends after the story instead of staying up.
    #[arg(long)]
    once: bool,
    /// Prints one line of JSON instead of the story.
    #[arg(long)]
    json: bool,
    /// Sends no video, even if ffmpeg and nginx are installed.
    #[arg(long)]
    no_video: bool,
    /// Address to listen on; a free port unless given.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// Runs the demo. The exit code is a failure when any part of it did not happen.
///
/// # Errors
/// Whatever kept it from happening.
pub async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let stage = Stage::build(&args).await?;
    let client = client::Client::new(stage.address, stage.key.clone())?;
    if !args.json {
        stage.introduce();
    }
    let cast = Cast {
        client: &client,
        fleet: &stage.fleet,
        video: stage.video.as_ref().ok(),
        aloud: !args.json,
    };
    let ending = tokio::time::timeout(PATIENCE, args.scenario.tell(&cast))
        .await
        .context("what was promised did not happen in time")??;
    // The last line of every story says in figures what was seen.
    if args.json || args.scenario != Scenario::Cable {
        println!("{}", ending.line);
    }
    if !args.once {
        if !args.json {
            stage.invite();
        }
        serve::termination().await;
    }
    stage.clear().await?;
    Ok(match ending.happened {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Simulated encoders and a server that manages them.
struct Stage {
    fleet: SimulatorFleet,
    /// The ingest, or why there is none.
    video: Result<Video, String>,
    address: SocketAddr,
    key: Secret,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
    /// The database; goes away with the demo.
    _data: tempfile::TempDir,
}

/// Encoders whose streams are only counted.
fn simulated() -> SimulatorConfig {
    SimulatorConfig::default().with_ingest(SimulatedIngest::new(Personality::Takeover))
}

impl Stage {
    async fn build(args: &DemoArgs) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(args.listen).await?;
        let address = listener.local_addr()?;
        let video = match (args.no_video, args.scenario.shows_video()) {
            (true, _) => Err("--no-video".to_owned()),
            (_, false) => Err("this story needs none".to_owned()),
            _ => Video::open(address).await.map_err(|why| why.to_string()),
        };
        let encoders = video.as_ref().map_or_else(|_| simulated(), Video::encoders);
        let encoders = args.scenario.devices(encoders);
        let fleet = SimulatorFleet::start(ENCODERS, encoders);
        let fleet = fleet.await.context("the simulated encoders cannot start")?;
        let data = tempfile::tempdir()?;
        let mut config = ServerConfig {
            data: data.path().to_owned(),
            ..ServerConfig::default()
        };
        if let Ok(video) = &video {
            config.ingest = video.server();
        }
        // The demo asks more often than an operator may.
        config.limits.key.read_per_minute = 0;
        config.limits.address.read_per_minute = 0;
        for (place, url) in fleet.urls().into_iter().enumerate() {
            let id = EncoderId::try_new(format!("helo-{}", place + 1))?;
            config.encoders.push(EncoderSpec::new(id, url));
        }
        args.scenario.prepare(&mut config);
        let store = Arc::new(serve::open_store(&config.data).await?);
        let manager = serve::build_manager(&config, store).await?;
        let state = AppState::new(manager, config);
        let (_, key) = state.keys().create("demo", Scope::Admin, None).await?;
        let stop = CancellationToken::new();
        let served = serve::serve(state, listener, stop.clone().cancelled_owned());
        #[expect(
            clippy::disallowed_methods,
            reason = "the demo is the outermost supervisor"
        )]
        let server = tokio::spawn(served);
        Ok(Self {
            fleet,
            video,
            address,
            key,
            stop,
            server,
            _data: data,
        })
    }

    fn introduce(&self) {
        println!("Six simulated HELO encoders are running:");
        for (place, url) in self.fleet.urls().iter().enumerate() {
            println!("  helo-{}  {url}", place + 1);
        }
        match &self.video {
            Ok(video) => println!("They send real video to an nginx at {}", video.url()),
            Err(why) => println!("They send no video: {why}"),
        }
        println!(
            "The server is at http://{0}, its documentation at http://{0}/docs",
            self.address
        );
        println!("API key (admin): {}\n", self.key.expose());
    }

    fn invite(&self) {
        let api = format!("http://{}/api", self.address);
        let curl = "curl -H \"Authorization: Bearer $KEY\"";
        println!("\nEverything stays up. Try, for example:");
        println!("  export KEY={}", self.key.expose());
        for path in ["streams", "encoders", "monitoring/load-balancer"] {
            println!("  {curl} {api}/{path}");
        }
        println!("  {curl} -N {api}/events");
        if let Ok(video) = &self.video {
            println!("Watch a stream; $ID is its stream_id:");
            println!("  {curl} -o picture.jpg {api}/streams/$ID/thumbnail");
            println!("  {curl} \"{api}/streams/$ID?reveal=key\"");
            println!("  ffplay {}/$STREAM_KEY", video.url());
        }
        println!("Ctrl-C ends it.");
    }

    async fn clear(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.server.await.context("the server panicked")??;
        self.fleet.shutdown().await;
        if let Ok(video) = self.video {
            video.close().await;
        }
        Ok(())
    }
}
