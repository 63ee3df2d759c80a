//! The built-in parts as if they were written in another language: JSON in, JSON out.

use std::collections::HashMap;
use std::future::ready;
use std::sync::Arc;

use encoder_core::balancer::{Balancer, Demand, Weighted};
use encoder_core::fleet::{Row, Scoreboard};
use encoder_core::foreign::{LentDriver, PlacementDocument};
use encoder_core::model::{Action, EncoderStatus, PublishTarget, StreamConfig};
use encoder_core::remediation::{Attempt, Incident, Ladder, Remediator, Step};
use encoder_core::{DeviceEvent, EncoderDriver, Error, ErrorKind, Result};
use futures::StreamExt;
use futures::stream::BoxStream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::script::Script;

pub(crate) fn arguments<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

pub(crate) fn json(value: impl Serialize) -> String {
    serde_json::to_string(&value).unwrap()
}

fn done(outcome: Result<()>) -> Result<String> {
    outcome.map(|()| "null".to_owned())
}

/// An error that crossed as its document.
fn crossed<T>(outcome: Result<T>) -> Result<T> {
    outcome.map_err(|error| {
        encoder_core::foreign::read_error(&encoder_core::foreign::error_document(&error))
    })
}

type Feeds = Arc<Mutex<HashMap<u64, BoxStream<'static, DeviceEvent>>>>;

/// A driver in another language.
pub(crate) fn driver(driver: &Arc<dyn EncoderDriver>) -> Script {
    let feeds = Feeds::default();
    let shared = || Arc::clone(driver);
    let (status, configure, start, stop, control, events) =
        (shared(), shared(), shared(), shared(), shared(), shared());
    let closing = Arc::clone(&feeds);
    Script::new()
        .with("status", move |_, _| {
            let driver = Arc::clone(&status);
            async move { crossed(driver.status().await).map(json) }
        })
        .with("configure", move |json, _| {
            let driver = Arc::clone(&configure);
            let (config, target): (StreamConfig, PublishTarget) = arguments(&json);
            async move { crossed(done(driver.configure(&config, &target).await)) }
        })
        .with("start", move |_, _| {
            let driver = Arc::clone(&start);
            async move { crossed(done(driver.start().await)) }
        })
        .with("stop", move |_, _| {
            let driver = Arc::clone(&stop);
            async move { crossed(done(driver.stop().await)) }
        })
        .with("control", move |json, _| {
            let driver = Arc::clone(&control);
            let (action,): (Action,) = arguments(&json);
            async move { crossed(done(driver.control(&action).await)) }
        })
        .with("next_event", move |json, _| {
            let (feeds, driver) = (Arc::clone(&feeds), Arc::clone(&events));
            let (number,): (u64,) = arguments(&json);
            async move {
                let mut feeds = feeds.lock().await;
                let feed = feeds.entry(number).or_insert_with(|| driver.events());
                Ok(self::json(feed.next().await))
            }
        })
        .with("close_feed", move |json, _| {
            let feeds = Arc::clone(&closing);
            let (number,): (u64,) = arguments(&json);
            async move {
                feeds.lock().await.remove(&number);
                done(Ok(()))
            }
        })
}

/// The weighted balancer in another language.
pub(crate) fn balancer() -> Script {
    Script::new().with("select", |json, _| {
        let (demand, rows, draw): (Demand, Vec<Row>, u64) = arguments(&json);
        assert!(draw < 1 << 53, "no language holds {draw} exactly");
        let fleet = Scoreboard::from_rows(rows);
        let placement = Weighted::default().select(&demand, &fleet, draw);
        let placement = placement.map(|placement| PlacementDocument::new(placement, &fleet));
        ready(Ok(self::json(placement)))
    })
}

/// A policy that agrees with the built-in one.
pub(crate) fn policy() -> Script {
    Script::new().with("assess", |json, _| {
        let (history,): (Value,) = arguments(&json);
        ready(Ok(history["assessment"].to_string()))
    })
}

/// The built-in ladder in another language, its steps performed by the manager.
pub(crate) fn ladder(ladder: Ladder) -> Script {
    Script::new().with("next_step", move |json, _| {
        let (incident, tried): (Incident, Vec<Attempt>) = arguments(&json);
        ready(Ok(self::json(ladder.next_step(&incident, &tried))))
    })
}

/// The same with steps that the object performs on the driver that is lent to it.
pub(crate) fn running_ladder(config: Ladder) -> Script {
    ladder(config).with("run", |json, driver| {
        let (step,): (Step,) = arguments(&json);
        async move {
            let driver = driver.expect("`run` gets a driver");
            perform(&step, &driver).await
        }
    })
}

async fn perform(step: &Step, driver: &LentDriver) -> Result<String> {
    let none = || "[]".to_owned();
    if !matches!(step, Step::Start { .. } | Step::Restart { .. }) {
        return Err(Error::new(ErrorKind::Unsupported, "not this one"));
    }
    if matches!(step, Step::Restart { .. }) {
        driver.call("stop", none()).await?;
    }
    driver.call("start", none()).await?;
    let status: EncoderStatus = arguments(&driver.call("status", none()).await?);
    Ok(json(status.stream_state))
}
