//! Simulated devices in a process of their own, so that their work does not count as the
//! server's.
//!
//! The child prints its addresses as one line of JSON, then the number of requests so far for
//! every line it reads, and ends with its input. So it cannot outlive its parent.

use std::process::Stdio;

use clap::Args;
use encoder_aja::simulator::{Simulator, SimulatorConfig, SimulatorFleet};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::Outcome;

/// Settings of the child.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many devices.
    #[arg(long)]
    count: u16,
}

/// Runs the child.
pub(crate) async fn run(options: &Options) -> Outcome<()> {
    let mut config = SimulatorConfig::default();
    config.request_log = 1;
    // A device warms up for minutes after its stream began; here nothing shall change.
    config.thermal.streaming = 0.0;
    let fleet = SimulatorFleet::start(options.count, config).await?;
    println!("{}", serde_json::to_string(&fleet.urls())?);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        println!("{}", fleet.iter().map(requests).sum::<u64>());
    }
    Ok(())
}

fn requests(device: &Simulator) -> u64 {
    device
        .requests()
        .last()
        .map_or(0, |request| request.sequence)
}

/// The parent's end.
#[derive(Debug)]
pub(crate) struct Simulators {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    pub(crate) urls: Vec<String>,
}

impl Simulators {
    pub(crate) async fn spawn(count: u16) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["simulators", "--count", &count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = child.stdin.take().ok_or("the input is piped")?;
        let output = child.stdout.take().ok_or("the output is piped")?;
        let mut output = BufReader::new(output).lines();
        let line = output.next_line().await?.ok_or("the simulators ended")?;
        Ok(Self {
            urls: serde_json::from_str(&line)?,
            child,
            input,
            output,
        })
    }

    /// Requests that all devices got so far, the long polls included.
    pub(crate) async fn requests(&mut self) -> Outcome<u64> {
        self.input.write_all(b"\n").await?;
        let line = self.output.next_line().await?;
        Ok(line.ok_or("the simulators ended")?.parse()?)
    }

    /// Ends the devices.
    pub(crate) async fn end(self) -> Outcome<()> {
        let Self {
            mut child, input, ..
        } = self;
        drop(input);
        child.wait().await?;
        Ok(())
    }
}
