//! What `promtool` says of metrics.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// What promtool would have in another unit: bitrates are told in bits everywhere in video, from a
/// device's page to the request that starts a stream, and a dashboard in bytes would mislead.
const ACCEPTED: [&str; 2] = [
    "encoder_output_bits_per_second ",
    "encoder_stream_bits_per_second ",
];

/// The complaints of `promtool check metrics` about metrics in Prometheus' text format, but for
/// those that are accepted on purpose. Without that program it says that `test` is skipped, and
/// there are none.
///
/// # Panics
/// When the program cannot be spoken to.
pub fn complaints(test: &str, metrics: &str) -> Vec<String> {
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = started else {
        eprintln!("skipped: {test}, for promtool is missing");
        return Vec::new();
    };
    let mut input = promtool.stdin.take().expect("it was asked for");
    let written = input.write_all(metrics.as_bytes());
    written.expect("promtool reads to the end");
    drop(input);
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let lines = said.lines().map(str::to_owned);
    lines
        .filter(|line| !ACCEPTED.iter().any(|name| line.starts_with(name)))
        .collect()
}
