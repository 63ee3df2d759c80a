//! What the server adds to the time a device needs to go on air.
//!
//! Ours is one `POST /api/streams/init?wait=live` over a real connection: key, limits, checks,
//! placement, durable intent, configuring, starting, and the device's own word that it streams.
//! The peer is a bare client that sends the requests which the driver would send to a device of
//! the same kind, and waits on the long poll. Both take turns, so each difference is between two
//! neighbours in time; the script runs twice, to tell what of a difference is the machine's.

use std::time::Duration;

use clap::Args;
use encoder_aja::simulator::{SimulatorConfig, SimulatorFleet};
use encoder_core::model::{Secret, StreamId};
use encoder_server::AppState;
use encoder_server::auth::Scope;
use serde_json::Value;
use tokio::time::Instant;

mod script;

use crate::Outcome;
use crate::report::{Figure, Report, Spread, millis};
use crate::rig::request;
use crate::server::Server;
use script::Script;

/// What the server may add, in milliseconds.
const GOAL: f64 = 20.0;
/// Starts before it counts: the first ones write settings that later ones find in place.
const WARM_UP: usize = 8;
const SCRIPT: &str = "bare script with the same requests";
const NOISE: &str = "the script against itself";

/// Settings of this measurement.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Streams that are started, one after the other.
    #[arg(long, default_value_t = 300)]
    samples: usize,
    /// Encoders to choose from.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(2..))]
    encoders: u16,
}

pub(crate) async fn measure(options: &Options) -> Outcome<Report> {
    let fleet = SimulatorFleet::start(options.encoders, SimulatorConfig::fast()).await?;
    let server = Server::start(&fleet.urls()).await?;
    let client = Client::new(&server).await?;
    let script = Script::prepare().await?;
    let comparison = compare(options.samples, &client, &script);
    let report = server.serve_during(comparison).await;
    script.shutdown().await;
    fleet.shutdown().await;
    report
}

async fn compare(samples: usize, client: &Client, script: &Script) -> Outcome<Report> {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let (mut added, mut noise) = (Vec::new(), Vec::new());
    for sample in 0..samples + WARM_UP {
        let with = client.init().await?;
        let (without, again) = (script.run().await?, script.run().await?);
        if sample >= WARM_UP {
            ours.push(with);
            bare.push(without);
            added.push(millis(with) - millis(without));
            noise.push(millis(again) - millis(without));
        }
    }
    let (ours, bare) = (Spread::of(&ours), Spread::of(&bare));
    let (added, noise) = (Spread::of_millis(added), Spread::of_millis(noise));
    let figure = |what: &str, percent| {
        let figure = Figure::millis(format!("request to live, {what}"), ours.percentile(percent));
        figure.beside(SCRIPT, bare.percentile(percent))
    };
    let difference = |what: &str, percent| {
        let what = format!("added by the server, {what}");
        let figure = Figure::millis(what, added.percentile(percent)).at_most(GOAL);
        figure.beside(NOISE, noise.percentile(percent))
    };
    Ok(Report {
        name: "init",
        samples: ours.len(),
        figures: vec![
            figure("p50", 50),
            figure("p99", 99),
            difference("p50", 50),
            difference("p99", 99),
        ],
        text: None,
    })
}

/// A client of the server.
struct Client {
    http: reqwest::Client,
    url: String,
    key: Secret,
    state: AppState,
}

impl Client {
    async fn new(server: &Server) -> Outcome<Self> {
        let state = server.state.clone();
        let (_, key) = state.keys().create("bench", Scope::Control, None).await?;
        let address = server.address()?;
        Ok(Self {
            http: reqwest::Client::builder()
                .no_proxy()
                .tcp_nodelay(true)
                .build()?,
            url: format!("http://{address}/api/streams/init?wait=live"),
            key,
            state,
        })
    }

    /// Starts a stream and tells how long that took; then stops it.
    async fn init(&self) -> Outcome<Duration> {
        let call = self.http.post(&self.url).bearer_auth(self.key.expose());
        let call = call.json(&request());
        let begun = Instant::now();
        let answer = call.send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        let taken = begun.elapsed();
        let id = body.get("stream_id").and_then(Value::as_str);
        let id = id.ok_or_else(|| format!("{status}: {}", body["detail"]))?;
        self.state
            .manager()
            .stop_stream(&StreamId::try_new(id)?)
            .await?;
        Ok(taken)
    }
}
