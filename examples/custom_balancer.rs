//! A balancer of your own: fill one site before the next, so that idle sites can be switched off.
//!
//! `cargo run -p encoder-examples --bin custom_balancer`
//!
//! A balancer is a pure choice over the scoreboard. It asks nobody, remembers nothing and rolls no
//! dice of its own, so the whole of it can be tried on a scoreboard made by hand, as `main` does
//! first.

use std::cmp::Reverse;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use encoder_core::Manager;
use encoder_core::balancer::{Balancer, Demand, Placement};
use encoder_core::fleet::{Row, Scoreboard};
use encoder_core::model::{
    Bitrate, EncoderId, EncoderSpec, FrameRate, Protection, Resolution, StreamRequest,
};
use encoder_core::testkit::FakeEncoder;

/// Prefers the site that is busiest already.
#[derive(Debug)]
struct FillOneSite;

impl FillOneSite {
    fn streams_at_site(fleet: &Scoreboard, row: usize) -> u32 {
        let same_site = |other: &usize| fleet.domain(*other) == fleet.domain(row);
        (0..fleet.len())
            .filter(same_site)
            .map(|other| fleet.streams(other))
            .sum()
    }

    /// The busiest site first, and within it the fleet's own order.
    fn best(fleet: &Scoreboard, allowed: impl Fn(usize) -> bool) -> Option<usize> {
        (0..fleet.len())
            .filter(|row| fleet.is_eligible(*row) && allowed(*row))
            .min_by_key(|row| (Reverse(Self::streams_at_site(fleet, *row)), *row))
    }
}

impl Balancer for FillOneSite {
    fn name(&self) -> &'static str {
        "fill_one_site"
    }

    fn select(&self, demand: &Demand, fleet: &Scoreboard, _draw: u64) -> Option<Placement> {
        let free = |row: usize| !demand.exclude.contains(fleet.id(row));
        let elsewhere = |row: usize| free(row) && fleet.site(row) != demand.avoid_site.as_deref();
        let primary = match &demand.primary {
            Some(wanted) => Self::best(fleet, |row| free(row) && fleet.id(row) == wanted)?,
            None if demand.avoid_site.is_some() => {
                Self::best(fleet, elsewhere).or_else(|| Self::best(fleet, free))?
            }
            None => Self::best(fleet, free)?,
        };
        let other_domain = |row: usize| free(row) && fleet.domain(row) != fleet.domain(primary);
        let backup = demand.backup.then(|| {
            Self::best(fleet, other_domain)
                .or_else(|| Self::best(fleet, |row| free(row) && row != primary))
        });
        Some(Placement {
            primary,
            backup: backup.flatten(),
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    try_on_paper()?;
    try_on_a_fleet().await
}

/// The choice alone: no runtime, no devices.
fn try_on_paper() -> Result<(), Box<dyn StdError>> {
    let row = |name: &str, site: &str, streams| -> encoder_core::Result<Row> {
        let mut row = Row::new(EncoderId::try_new(name)?);
        row.site = Some(site.to_owned());
        row.capacity = 2;
        row.streams = streams;
        Ok(row)
    };
    let fleet = Scoreboard::from_rows([row("a1", "hall-a", 0)?, row("b1", "hall-b", 1)?]);
    let chosen = FillOneSite.select(&Demand::default(), &fleet, 0);
    let chosen = chosen.ok_or("two encoders are free")?;
    println!("on paper: {}", fleet.id(chosen.primary));
    if fleet.id(chosen.primary).as_str() != "b1" {
        return Err("the busier site comes first".into());
    }
    Ok(())
}

async fn try_on_a_fleet() -> Result<(), Box<dyn StdError>> {
    let mut builder = Manager::builder().with_balancer(Arc::new(FillOneSite));
    for (name, site) in [
        ("a1", "hall-a"),
        ("a2", "hall-a"),
        ("b1", "hall-b"),
        ("b2", "hall-b"),
    ] {
        let spec = EncoderSpec::new(EncoderId::try_new(name)?, "in-process").with_site(site);
        builder = builder.with_encoder_driver(spec, FakeEncoder::new(name).driver());
    }
    let manager = builder.build().await?;
    let known = async {
        while manager.fleet_counts().online < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), known).await?;

    let mut sites = Vec::new();
    for _ in 0..2 {
        let view = manager.start_stream(request()).await?;
        let live = manager
            .wait_live(&view.record.id, Duration::from_secs(10))
            .await?;
        let encoder = manager.encoder(&live.record.primary.encoder_id)?;
        println!("{} went to {}", live.record.id, encoder.spec.id);
        sites.push(encoder.spec.site);
    }
    if sites[0] != sites[1] {
        return Err(format!("both streams belong into one hall: {sites:?}").into());
    }
    manager.shutdown().await;
    Ok(())
}

fn request() -> StreamRequest {
    let (picture, fps) = (Resolution::new(1920, 1080), FrameRate::from_fps(30.0));
    StreamRequest::new(picture, Bitrate::from_kbps(8_000), fps)
        .to_url("rtmp://ingest.example/live")
        .with_protection(Protection::Cold)
}

#[cfg(test)]
mod tests {
    use super::FillOneSite;

    // One test per item of the balancer's contract.
    encoder_core::balancer_conformance!(conformance, || FillOneSite);
}
