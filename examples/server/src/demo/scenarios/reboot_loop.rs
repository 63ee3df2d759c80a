//! An encoder on air restarts again and again.

use std::time::Duration;

use encoder_aja::simulator::FaultKind;
use serde::Serialize;
use serde_json::Value;

use super::Ending;
use crate::demo::cast::{Cast, word};

/// How long the encoder is up each time.
const UP: Duration = Duration::from_secs(2);
/// How long the encoder is watched for whether it gets a part again.
const KEPT_OUT: Duration = Duration::from_secs(5);

/// What was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Outcome {
    reboots: usize,
    detected: bool,
    moved: bool,
    kept_out: bool,
}

impl Outcome {
    fn happened(&self) -> bool {
        self.reboots >= 3 && self.detected && self.moved && self.kept_out
    }
}

/// Lets the primary restart until that is recognised, and looks who carries the stream then.
pub(super) async fn tell(cast: &Cast<'_>) -> anyhow::Result<Ending> {
    cast.all_online().await?;
    let stream = cast.start("Council meeting", 8_000_000).await?;
    let id = word(&stream["stream_id"]);
    cast.protected(id).await?;
    let victim = word(&stream["primary"]["encoder_id"]);
    cast.say(format!(
        "\nThe power supply of {victim} fails now and then …"
    ));
    cast.device(victim)?
        .inject(FaultKind::RebootLoop { up: UP });
    let path = format!("/api/monitoring/storage?encoder_id={victim}");
    let mut known = 0;
    let report = loop {
        let next = |report: &Value| reboots(report).len() > known;
        let report = cast.until(&path, next).await?;
        let all = reboots(&report);
        for reboot in &all[known..] {
            let evidence = &reboot["evidence"];
            cast.say(format!("  {victim} restarted: {evidence}"));
        }
        known = all.len();
        if report["encoders"][0]["reboots"]["looping"] == true {
            break report;
        }
    };
    cast.say(format!(
        "{victim} restarts again and again, and gets no streams."
    ));
    cast.device(victim)?.clear_faults();
    let stream_path = format!("/api/streams/{id}");
    let elsewhere = |stream: &Value| {
        stream["state"] == "live"
            && stream["primary"]["encoder_id"] != victim
            && stream["backup"]["encoder_id"] != victim
            && stream["backup"]["ready"] == true
    };
    let moved = cast.until(&stream_path, elsewhere).await?;
    let primary = word(&moved["primary"]["encoder_id"]);
    cast.say(format!("{primary} carries the stream."));
    tokio::time::sleep(KEPT_OUT).await;
    let stream = cast.client.get(&stream_path).await?;
    let outcome = Outcome {
        reboots: known,
        detected: report["encoders"][0]["reboots"]["looping"] == true,
        moved: elsewhere(&stream),
        kept_out: is_kept_out(cast, victim).await?,
    };
    Ending::of(&outcome, outcome.happened())
}

fn reboots(report: &Value) -> &[Value] {
    let recent = report["encoders"][0]["reboots"]["recent"].as_array();
    recent.map_or(&[], Vec::as_slice)
}

/// Whether the balancer refuses the encoder for its restarts.
async fn is_kept_out(cast: &Cast<'_>, encoder: &str) -> anyhow::Result<bool> {
    let report = cast.client.get("/api/monitoring/load-balancer").await?;
    let mut rows = report["encoders"].as_array().into_iter().flatten();
    let row = rows.find(|row| row["encoder_id"] == encoder);
    Ok(row.is_some_and(|row| {
        let reasons = row["reasons"].to_string();
        row["eligible"] == false && reasons.contains("reboots again and again")
    }))
}
