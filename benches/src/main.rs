//! Measurements of the promises that come with a number. See `benches/README.md`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rustls::crypto::ring::default_provider;

mod assess;
mod failover;
mod history;
mod idle;
mod init;
mod process;
mod report;
mod rig;
mod server;
mod simulators;
mod viewer;

use report::Report;

/// What every measurement returns; an error means that nothing was measured.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures one promise and compares it with its goal.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
    /// Prints one JSON object instead of a table.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// What it costs to judge an encoder.
    Assess(assess::Options),
    /// How long after a failure the backup is told to start.
    Failover(failover::Options),
    /// What the server adds to the time a device needs to go on air.
    Init(init::Options),
    /// What watching a large fleet costs when nothing happens.
    Idle(idle::Options),
    /// What a day of recorded readings costs in memory.
    History(history::Options),
    /// What a viewer loses when an encoder is lost.
    Viewer(viewer::Options),
    /// Simulated devices in a process of their own, for `idle`.
    #[command(hide = true)]
    Simulators(simulators::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // The bare clients that measurements compare with speak plain HTTP, and are not built without
    // a provider all the same. A second installation is refused and harmless.
    let _ = default_provider().install_default();
    match run(cli.bench).await {
        Ok(Some(report)) => {
            println!(
                "{}",
                if cli.json {
                    report.json()
                } else {
                    report.table()
                }
            );
            ExitCode::from(u8::from(!report.meets_goals()))
        }
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("not measured: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(bench: Bench) -> Outcome<Option<Report>> {
    match bench {
        Bench::Assess(options) => assess::measure(&options).await.map(Some),
        Bench::Failover(options) => failover::measure(&options).await.map(Some),
        Bench::Init(options) => init::measure(&options).await.map(Some),
        Bench::Idle(options) => idle::measure(&options).await.map(Some),
        Bench::History(options) => history::measure(&options).map(Some),
        Bench::Viewer(options) => viewer::measure(&options).await.map(Some),
        Bench::Simulators(options) => simulators::run(&options).await.map(|()| None),
    }
}
