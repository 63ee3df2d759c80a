//! A real Prometheus looks at a real server while things go wrong. Everything that a rule or a panel
//! asks is answered, and there is something to show.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::Duration;

use encoder_aja::simulator::{Fault, FaultKind, Media, MediumKind, Thermal, Timing};
use encoder_core::model::{Personality, Protection};
use encoder_tests::{Prometheus, Setup, Station, installed, until};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::shipped::{Query, dashboard_queries, dashboards, items, metrics, rule_queries, text};

/// Panels that have nothing to show here, and why.
const EMPTY: &[(&str, &str)] = &[
    ("one.json: Output", "a HELO does not measure its output"),
    ("one.json: Pictures", "a HELO counts no pictures"),
    ("one.json: Processor and memory", "a HELO reads neither"),
    ("heat.json: Fan", "a HELO does not read its fan"),
    ("streams.json: Bitrate", "no ingest is asked"),
    (
        "streams.json: Dropped pictures",
        "a HELO counts no pictures",
    ),
    (
        "streams.json: Interruption at the ingest",
        "no ingest is asked",
    ),
    ("manager.json: Notifications", "no sink is configured"),
    (
        "manager.json: Notifications that wait",
        "no sink is configured",
    ),
    (
        "manager.json: First certificate to end",
        "no certificate is watched",
    ),
    ("manager.json: Certificates", "no certificate is watched"),
];

/// Seven encoders at two sites that heat and cool within seconds, with a disk each besides their card,
/// one of which takes its time to restart; and a server that refuses whoever commands too often.
async fn open() -> Station {
    // Backups are at the other site, where nothing happens.
    let sites = [
        "north", "south", "north", "north", "north", "north", "south",
    ];
    let mut setup = Setup::at_sites(&sites, Personality::Takeover);
    let mut thermal = Thermal::default();
    (thermal.near_over, thermal.shutdown) = (120.0, 130.0);
    thermal.settling = Duration::from_secs(2);
    setup.device = setup
        .device
        .with_thermal(thermal)
        .with_medium(MediumKind::Usb, Media::default())
        .with_value("SecondaryRecordingDestination", "1");
    let mut timing = Timing::fast();
    timing.reboot_silence = Duration::from_millis(300);
    timing.boot = Duration::from_millis(800);
    let shaky = setup.device.clone().with_timing(timing);
    let mut setup = setup.with_device(4, shaky);
    setup.aja.slow_refresh = Duration::from_millis(300);
    setup.config.thermal.period = Duration::from_secs(2);
    setup.config.adaptation.trouble_after = Duration::from_millis(300);
    let limits = json!({"limits": {"key": {"control_per_minute": 60}}});
    Station::open_with(setup, limits).await
}

/// A stream goes there and back in a rehearsal, and then its encoder falls silent.
async fn failover(station: &Station, prometheus: &Prometheus) {
    let stream = station.live(&station.request(Protection::Warm)).await;
    let path = format!("/api/streams/{stream}/drill");
    let answer = station.client.post(&path, &json!({})).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    until("rehearsed", async || station.completed(&stream).await == 2).await;
    let ready = |stream: &Value| stream["backup"]["ready"] == true && stream["state"] == "live";
    station.until_stream(&stream, "protected", ready).await;
    station.devices.nth(1).inject(FaultKind::NetworkSilence {
        media_continues: false,
    });
    until("it moved", async || station.completed(&stream).await == 3).await;
    let silent = r#"encoder_issue{encoder_id="helo-1", code="device_silent"}"#;
    prometheus.until("it is seen", silent).await;
    station.devices.nth(1).clear_faults();
    let answers = r#"encoder_state{encoder_id="helo-1", state="offline"} == 0"#;
    prometheus.until("it is back", answers).await;
}

/// A network carries too little, and nothing may be done for the stream but to say so.
async fn slow_network(station: &Station) {
    let mut body = station.request(Protection::None);
    body["encoder_id"] = json!("helo-3");
    body["destination"]["stream_key"] = json!("zweiter_schluessel_4711");
    let stream = station.live(&body).await;
    let name = "Network_Too_Slow_Alarm".to_owned();
    station.devices.nth(3).inject(FaultKind::Alarm { name });
    let path = format!("/api/streams/{stream}/timeline");
    until("a step is proposed", async || {
        let timeline = station.client.get(&path).await;
        timeline.text.contains("remediation_proposed")
    })
    .await;
}

/// A card runs full under a recording, which goes on with the disk, and that one has little room.
async fn full_card(station: &Station, prometheus: &Prometheus) {
    let record = json!({"action": "start_recording"});
    let path = "/api/encoders/helo-5/control";
    let answer = station.client.post(path, &record).await;
    assert_eq!(answer.body["confirmed"], true, "{}", answer.text);
    let full = Fault::new(FaultKind::StorageFull).on_medium(MediumKind::Sd);
    station.devices.nth(5).inject(full);
    until("it goes on with the disk", async || {
        let path = "/api/monitoring/storage?encoder_id=helo-5";
        let storage = station.client.get(path).await.body;
        storage["encoders"][0]["switches"][0]["outcome"] == "switched"
    })
    .await;
    let name = "Media_Low_Alarm".to_owned();
    station.devices.nth(5).inject(FaultKind::Alarm { name });
    let low = r#"encoder_issue{encoder_id="helo-5", code="media_low"}"#;
    prometheus.until("it is seen", low).await;
}

/// An encoder gets hot, and cool again.
async fn overheat(station: &Station, prometheus: &Prometheus) {
    station.devices.nth(6).inject(FaultKind::OverTemperature {
        celsius: 84.0,
        ramp: Duration::from_secs(1),
    });
    let path = "/api/monitoring/thermal/helo-6/temperature";
    let cooling = async || station.client.get(path).await.body["cooling_active"] == true;
    until("it is cooled", &cooling).await;
    let step = r#"encoder_cooling_step{encoder_id="helo-6"} > 0"#;
    prometheus.until("it is seen", step).await;
    station.devices.nth(6).clear_faults();
    until("it warms up", async || !cooling().await).await;
}

/// A client that commands too often.
async fn refused(station: &Station) {
    let key = station.key("control", 1).await;
    let client = station.client.with_key(Some(&key)).deaf();
    let mut answer = 0;
    for _ in 0..200 {
        let path = "/api/streams/str_none/drill";
        answer = client.post(path, &json!({})).await.status;
        if answer == 429 {
            break;
        }
    }
    assert_eq!(answer, 429);
}

/// A query as Grafana sends it, with everything chosen, or the encoder that most happens to.
fn chosen(query: &str, dashboard: &Value, age: Duration) -> String {
    let age = format!("{}s", age.as_secs().max(1));
    let mut query = query
        .replace("$__rate_interval", "5s")
        .replace("$__range", &age);
    for variable in items(&dashboard["templating"]["list"]) {
        let name = format!("${}", text(&variable["name"]));
        let value = if variable["multi"] == true {
            ".+"
        } else {
            "helo-1"
        };
        query = query.replace(&name, value);
    }
    query
}

/// Panels and notes of all dashboards.
fn asked(age: Duration) -> Vec<Query> {
    let all = dashboards();
    let queries = all.iter().flat_map(|(name, board)| {
        let queries = dashboard_queries(name, board).into_iter();
        queries.map(|query| Query {
            text: chosen(&query.text, board, age),
            ..query
        })
    });
    queries.collect()
}

async fn assert_answered(prometheus: &Prometheus) {
    let mut shows: BTreeMap<String, usize> = BTreeMap::new();
    for Query {
        place,
        text,
        labels,
    } in asked(prometheus.age())
    {
        let found = prometheus.ever(&text).await;
        let found = found.unwrap_or_else(|error| panic!("{place}: {text}\n{error}"));
        for label in labels {
            let named = found.iter().any(|series| series[&label].is_string());
            assert!(
                named || found.is_empty(),
                "{place}: no {label} in {found:?}"
            );
        }
        *shows.entry(place).or_default() += found.len();
    }
    let empty: BTreeSet<_> = shows.iter().filter(|(_, found)| **found == 0).collect();
    let empty: BTreeSet<_> = empty.into_iter().map(|(place, _)| place.as_str()).collect();
    let expected: BTreeSet<_> = EMPTY.iter().map(|(place, _)| *place).collect();
    let missing: Vec<_> = empty.difference(&expected).collect();
    assert!(missing.is_empty(), "nothing to show: {missing:#?}");
    let filled: Vec<_> = expected.difference(&empty).collect();
    assert!(filled.is_empty(), "no reason any more: {filled:#?}");
}

async fn assert_rules_work(prometheus: &Prometheus) {
    let rules = prometheus.get("/api/v1/rules").await;
    let groups = items(&rules["data"]["groups"]).iter();
    let all: Vec<_> = groups.flat_map(|group| items(&group["rules"])).collect();
    assert_eq!(all.len(), rule_queries().len());
    for rule in all {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert_eq!(rule.get("lastError"), None, "{rule}");
    }
}

/// Every name in a rule or panel is one that the server tells, or that the docs promise.
fn assert_known(exposition: &str) {
    let told = exposition.lines().filter_map(|line| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        Some((name.to_owned(), kind == "histogram"))
    });
    let promised = include_str!("../../../encoder-core/src/docs/metrics.md")
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let name = cells.next()?.trim_end_matches('`').to_owned();
            Some((name, cells.next()? == "histogram"))
        });
    let mut known = BTreeSet::new();
    for (name, histogram) in told.chain(promised) {
        if histogram {
            known.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        } else {
            known.insert(name);
        }
    }
    let queries = rule_queries().into_iter().chain(asked(Duration::ZERO));
    for query in queries {
        for name in metrics(&query.text) {
            let ours = !name.contains(':');
            assert!(!ours || known.contains(&name), "{}: {name}", query.place);
        }
    }
}

/// `promtool check metrics` finds nothing to complain of.
async fn assert_well_formed(exposition: &str) {
    let mut checking = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = checking.stdin.take().unwrap();
    pipe.write_all(exposition.as_bytes()).await.unwrap();
    drop(pipe);
    let said = checking.wait_with_output().await.unwrap();
    let error = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_has_something_to_show_and_every_rule_works() {
    if !installed("prometheus", "prometheus") || !installed("promtool", "prometheus") {
        return;
    }
    let station = open().await;
    let prometheus = Prometheus::watching(&station).await;
    let _listening = station.client.feed(None).await;
    station.devices.nth(4).inject(FaultKind::SelfReboot);
    tokio::join!(
        failover(&station, &prometheus),
        slow_network(&station),
        full_card(&station, &prometheus),
        overheat(&station, &prometheus),
        refused(&station),
    );
    let told =
        r#"ALERTS{alertname="FailoverHappened", alertstate="firing", reason="device_silent"}"#;
    prometheus.until("the failover is told", told).await;
    for counted in [
        "encoder_drills_total >= 1",
        "encoder_reboots_total >= 1",
        "sum(encoder_warm_ups:increase5m) >= 1",
        "sum(encoder_remediation_steps:increase5m) >= 1",
    ] {
        prometheus.until("it is counted", counted).await;
    }
    let down = r#"ALERTS{alertname=~"StreamDown|FailoverFailed|ManagerDown", alertstate="firing"}"#;
    assert_eq!(prometheus.ever(down).await, Ok(Vec::new()));
    assert_answered(&prometheus).await;
    assert_rules_work(&prometheus).await;
    let exposition = station.client.get("/metrics").await.text;
    assert_well_formed(&exposition).await;
    assert_known(&exposition);
}
