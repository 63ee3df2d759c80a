//! A fleet watched the simple way: every value of every device, one after the other, again and
//! again. No long poll, no judgement, nothing kept.

use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::Usage;
use crate::Outcome;
use crate::simulators::Simulators;

const EVERY: Duration = Duration::from_secs(5);

/// What the driver reads for a whole status without the long poll; the benches in other languages
/// read the same.
const VALUES: &str = include_str!("../../values.json");

/// What the loop costs.
pub(super) async fn measure(span: Duration, devices: &mut Simulators) -> Outcome<Usage> {
    let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true);
    let http = http.build()?;
    let values: Vec<String> = serde_json::from_str(VALUES)?;
    let urls = devices.urls.clone();
    let count = u32::try_from(urls.len())?.max(1);
    let begun = Instant::now();
    let places = (0..).zip(&urls);
    let loops =
        places.map(|(place, url)| follow(&http, &values, url, begun + EVERY / count * place));
    let usage = async {
        tokio::time::sleep(EVERY).await;
        Usage::over(span, devices).await
    };
    tokio::select! {
        _ = join_all(loops) => Err("a loop without end ended".into()),
        usage = usage => usage,
    }
}

/// Reads everything of one device at every tick. A value that does not come is left out.
async fn follow(http: &reqwest::Client, values: &[String], url: &str, from: Instant) {
    let mut ticks = interval_at(from, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for value in values {
            let query = format!("{url}/config?action=get&paramid=eParamID_{value}");
            if let Ok(answer) = http.get(query).send().await {
                std::hint::black_box(answer.json::<Value>().await.ok());
            }
        }
    }
}
