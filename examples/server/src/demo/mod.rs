//! A failover to watch: six simulated encoders, a real server, two streams, and a pulled cable.
//!
//! Everything goes over the wire, as a client would do it: the streams are started over REST, and
//! what happens is told from the live feed alone.

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

mod client;
mod story;

const ENCODERS: u16 = 6;

/// How long the whole story may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(90);

/// How the demo runs.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Ends after the failover instead of staying up.
    #[arg(long)]
    once: bool,
    /// Prints one line of JSON instead of a story.
    #[arg(long)]
    json: bool,
    /// Address to listen on; a free port unless given.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// Runs the demo. The exit code is a failure when any part of it did not happen.
///
/// # Errors
/// Whatever kept it from happening.
pub async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let stage = Stage::build(args.listen).await?;
    let client = client::Client::new(stage.address, stage.key.clone())?;
    if !args.json {
        stage.introduce();
    }
    let told = story::tell(&client, &stage.fleet, !args.json);
    let outcome = tokio::time::timeout(PATIENCE, told)
        .await
        .context("the failover did not happen in time")??;
    if args.json {
        println!("{}", serde_json::to_string(&outcome)?);
    }
    if !args.once {
        if !args.json {
            stage.invite();
        }
        serve::termination().await;
    }
    stage.clear().await?;
    Ok(outcome.exit_code())
}

/// Simulated encoders and a server that manages them.
struct Stage {
    fleet: SimulatorFleet,
    address: SocketAddr,
    key: Secret,
    stop: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
    /// The database; goes away with the demo.
    _data: tempfile::TempDir,
}

impl Stage {
    async fn build(listen: SocketAddr) -> anyhow::Result<Self> {
        let ingest = SimulatedIngest::new(Personality::Takeover);
        let fleet = SimulatorFleet::start(ENCODERS, SimulatorConfig::default().with_ingest(ingest));
        let fleet = fleet.await.context("the simulated encoders cannot start")?;
        let data = tempfile::tempdir()?;
        let mut config = ServerConfig {
            data: data.path().to_owned(),
            ..ServerConfig::default()
        };
        // The demo asks more often than an operator may.
        config.limits.key.read_per_minute = 0;
        config.limits.address.read_per_minute = 0;
        for (place, url) in fleet.urls().into_iter().enumerate() {
            let id = EncoderId::try_new(format!("helo-{}", place + 1))?;
            config.encoders.push(EncoderSpec::new(id, url));
        }
        let store = Arc::new(serve::open_store(&config.data).await?);
        let manager = serve::build_manager(&config, store).await?;
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
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
        println!(
            "The server is at http://{0}, its documentation at http://{0}/docs",
            self.address
        );
        println!("API key (admin): {}\n", self.key.expose());
    }

    fn invite(&self) {
        let address = self.address;
        println!("\nEverything stays up. Try, for example:");
        println!("  export KEY={}", self.key.expose());
        for path in [
            "/api/streams",
            "/api/encoders",
            "/api/monitoring/load-balancer",
        ] {
            println!("  curl -H \"Authorization: Bearer $KEY\" http://{address}{path}");
        }
        println!("  curl -N -H \"Authorization: Bearer $KEY\" http://{address}/api/events");
        println!("Ctrl-C ends it.");
    }

    async fn clear(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.server.await.context("the server panicked")??;
        self.fleet.shutdown().await;
        Ok(())
    }
}
