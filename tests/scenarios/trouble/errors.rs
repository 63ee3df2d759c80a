//! Error analysis: one outage is one cause, however many alarms it raises.

use std::time::Duration;

use encoder_aja::simulator::FaultKind;
use encoder_core::model::{Personality, Protection};
use encoder_tests::{BACKUP_URL, KEY, Setup, Station, URL, helo, watch_nothing_happen};
use serde_json::{Value, json};

const ROUTE: &str = "/api/monitoring/errors";

const SITES: [&str; 6] = ["north", "north", "north", "south", "south", "south"];

/// Waits until the analysis is as wanted, and returns it.
async fn analysis(station: &Station, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let mut found = Value::Null;
    let begun = std::time::Instant::now();
    while !holds(&found) {
        let late = begun.elapsed() > encoder_tests::PATIENCE;
        assert!(!late, "never happened: {what}\n{found:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let answer = station.client.get(ROUTE).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        found = answer.body;
    }
    found
}

/// Alerts of a category that are not over.
async fn alerts(station: &Station, category: &str) -> Vec<Value> {
    let path = format!("/api/monitoring/alerts?category={category}");
    let found = station.client.get(&path).await.body;
    let items = found["items"].as_array().cloned().unwrap_or_default();
    let mut items: Vec<_> = items.into_iter().collect();
    items.retain(|alert| alert["state"] != "resolved");
    items
}

fn on(station: &Station, number: usize, key: &str, url: &str) -> Value {
    let mut body = station.request(Protection::Warm);
    body["encoder_id"] = json!(helo(number).as_str());
    body["destination"]["stream_key"] = json!(key);
    body["destination"]["url"] = json!(url);
    body
}

fn texts(list: &Value) -> Vec<&str> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).collect()
}

/// The candidate of that name.
fn cause<'a>(found: &'a Value, name: &str) -> Option<&'a Value> {
    let mut all = found["root_causes"].as_array()?.iter();
    all.find(|candidate| candidate["cause"] == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn site_without_network_is_one_cause_and_one_escalation() {
    let station = Station::open(Setup::at_sites(&SITES, Personality::Takeover)).await;
    let first = station.live(&on(&station, 1, KEY, URL)).await;
    let other_key = "zweiter_schluessel_0816";
    let second = station.live(&on(&station, 2, other_key, URL)).await;
    let silence = FaultKind::NetworkSilence {
        media_continues: false,
    };
    station.devices.inject_at(1..=3, silence);
    for stream in [&first, &second] {
        station
            .until_stream(stream, "on air at the other site", |s| {
                let primary = s["primary"]["encoder_id"].as_str().unwrap_or_default();
                s["state"] == "live" && ["helo-4", "helo-5", "helo-6"].contains(&primary)
            })
            .await;
    }
    blames_the_site(&station).await;
    stays_one_escalation(&station).await;
    // The network is back: errors end, and the escalation with them.
    for number in 1..=3 {
        station.devices.nth(number).clear_faults();
    }
    analysis(&station, "calm", |found| {
        found["patterns"].as_array().is_some_and(|p| {
            p.iter()
                .all(|pattern| pattern["pattern"] != "network_timeout")
        }) && found["escalations"] == json!([])
    })
    .await;
    encoder_tests::until("alerts resolved", async || {
        alerts(&station, "error").await.is_empty() && alerts(&station, "site").await.is_empty()
    })
    .await;
}

/// The route names the site, with the evidence for and against it and its encoders.
async fn blames_the_site(station: &Station) {
    let found = analysis(station, "escalated", |found| {
        found["escalations"][0]["cause"].is_string()
    })
    .await;
    let top = &found["root_causes"][0];
    assert_eq!(top["cause"], "site:north", "{found:#}");
    assert_eq!((&top["affected"], &top["exposed"]), (&json!(3), &json!(3)));
    let evidence = texts(&top["evidence_for"]);
    let says = |part: &str| evidence.iter().any(|line| line.contains(part));
    assert!(says("3 of 3 encoders of site north"), "{evidence:?}");
    assert!(says("none of 3 encoders elsewhere"), "{evidence:?}");
    assert_eq!(top["evidence_against"], json!([]));
    let encoder = cause(&found, "encoder:helo-1").expect("a candidate");
    assert!(encoder["score"].as_f64() < top["score"].as_f64());
    let against = texts(&encoder["evidence_against"]);
    let fell = |line: &str| line.contains("2 other encoders at the same moment");
    assert!(against.iter().any(|line| fell(line)), "{against:?}");
    assert_eq!(found["escalations"][0]["cause"], "site:north");
    assert_eq!(found["patterns"][0]["pattern"], "network_timeout");
    assert_eq!(found["impact"]["viewers"], Value::Null);
    let impaired = texts(&found["impact"]["encoder_ids"]);
    assert!(
        impaired.starts_with(&["helo-1", "helo-2", "helo-3"]),
        "{impaired:?}"
    );
    let group = &found["correlations"][0]["correlations"][0];
    assert_eq!(
        (&group["factor"], &group["lift"]),
        (&json!("site"), &json!(2.0)),
        "{group}"
    );
    let acts = found["automated_actions"]
        .as_array()
        .expect("a list")
        .iter();
    let moves = acts.filter(|act| act["action"] == "failover" && act["outcome"] == "succeeded");
    assert_eq!(moves.count(), 2, "{found:#}");
}

async fn stays_one_escalation(station: &Station) {
    // Whatever follows, it stays one escalation and one suspected site.
    watch_nothing_happen(Duration::from_secs(3)).await;
    let (raised, sites) = (
        alerts(station, "error").await,
        alerts(station, "site").await,
    );
    assert_eq!(
        (raised.len(), sites.len()),
        (1, 1),
        "{raised:#?} {sites:#?}"
    );
    let said = raised[0]["description"].as_str().unwrap_or_default();
    assert!(said.ends_with("site:north"), "{said}");
    assert_eq!(sites[0]["summary"], "site north: site suspect");
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_that_rejects_the_key_is_the_destination_and_not_the_encoders() {
    let sites = ["a", "b", "c", "d"];
    let station = Station::open(Setup::at_sites(&sites, Personality::Takeover)).await;
    let refused = station.live(&on(&station, 1, KEY, URL)).await;
    let other_key = "zweiter_schluessel_0816";
    let mut elsewhere = on(&station, 3, other_key, BACKUP_URL);
    elsewhere["encoder_id"] = Value::Null;
    let content = station.live(&elsewhere).await;
    let path = format!("/api/streams/{content}");
    let undisturbed = station.client.get(&path).await.body["primary"]["encoder_id"].clone();
    station.devices.ingest.refuse_key(URL, KEY, true);
    let destination = format!("destination:{URL}");
    let found = analysis(&station, "the destination is blamed", |found| {
        found["root_causes"][0]["cause"] == destination.as_str()
    })
    .await;
    let top = &found["root_causes"][0];
    assert!(
        texts(&top["stream_ids"]).contains(&refused.as_str()),
        "{top:#}"
    );
    assert!(
        !texts(&top["stream_ids"]).contains(&content.as_str()),
        "{top:#}"
    );
    let for_it = texts(&top["evidence_for"]).join("; ");
    assert!(for_it.contains("attempts to publish elsewhere"), "{for_it}");
    let encoder = cause(&found, "encoder:helo-1").expect("a candidate");
    assert!(encoder["score"].as_f64() < top["score"].as_f64());
    let fine = station.client.get(&path).await;
    assert_eq!(fine.body["state"], "live");
    assert_eq!(fine.body["primary"]["encoder_id"], undisturbed);
    let suggested = found["suggested_actions"].to_string();
    assert!(suggested.contains("stream key"), "{suggested}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_picture_is_the_encoder_or_its_source() {
    let station = Station::open(Setup::at_sites(&["a", "a", "b"], Personality::Takeover)).await;
    let stream = station.live(&on(&station, 1, KEY, URL)).await;
    station.devices.nth(1).inject(FaultKind::InputLost);
    let found = analysis(&station, "the encoder is blamed", |found| {
        let mut patterns = found["patterns"].as_array().into_iter().flatten();
        patterns.any(|pattern| pattern["pattern"] == "video_signal_loss")
    })
    .await;
    assert_eq!(
        found["root_causes"][0]["cause"], "encoder:helo-1",
        "{found:#}"
    );
    assert!(cause(&found, "site:a").is_none(), "{found:#}");
    assert_eq!(found["escalations"], json!([]));
    station
        .until_stream(&stream, "moved", |s| {
            s["state"] == "live" && s["primary"]["encoder_id"] != "helo-1"
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_survives_a_restart_and_can_be_asked_for() {
    let mut station = Station::open(Setup::at_sites(&["a", "b"], Personality::Takeover)).await;
    station.devices.nth(2).inject(FaultKind::InputLost);
    let before = analysis(&station, "noticed", |found| {
        found["history"]["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty())
    })
    .await;
    station.devices.nth(2).clear_faults();
    let error = before["history"]["items"][0].clone();
    assert_eq!(error["encoder_id"], "helo-2");
    analysis(&station, "over", |found| {
        found["history"]["items"][0]["ended_at"].is_string()
    })
    .await;
    station.terminate().await;
    station.start_again().await;
    let id = error["error_id"].as_str().expect("a name");
    let again = analysis(&station, "remembered", |found| {
        found["history"].to_string().contains(id)
    })
    .await;
    let of = |found: &Value| {
        let items = found["history"]["items"].as_array().cloned();
        let mut items = items.unwrap_or_default().into_iter();
        items.find(|item| item["error_id"] == id)
    };
    let (then, now) = (&error, of(&again).expect("found again"));
    for field in [
        "pattern",
        "code",
        "site",
        "encoder_id",
        "first_seen",
        "count",
    ] {
        assert_eq!(then[field], now[field], "{field}");
    }
    let ask = async |query: &str| {
        let answer = station
            .client
            .get(&format!("/errors/analysis?{query}"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        of(&answer.body).is_some()
    };
    assert!(ask("encoder_id=helo-2&site=b&severity=critical").await);
    assert!(ask("pattern=video_signal_loss&from=2020-01-01T00:00:00Z").await);
    assert!(!ask("encoder_id=helo-1").await);
    assert!(!ask("to=2020-01-01T00:00:00Z").await);
    let wrong = station
        .client
        .get(&format!("{ROUTE}?from=yesterday&severity=bad&limit=0"))
        .await;
    assert_eq!(
        (wrong.status, wrong.fields()),
        (422, vec!["from", "severity"])
    );
    assert!(!again.to_string().contains(KEY));
}

#[tokio::test(flavor = "multi_thread")]
async fn pattern_of_the_operator_is_recognised() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("patterns.json");
    let pattern = json!({"patterns": [{
        "id": "crew_unplugs", "title": "The crew unplugs the camera", "severity": "warning",
        "matches": {"codes": ["input_lost", "no_video_input"]},
        "suggested_actions": ["Ask the crew."],
    }]});
    std::fs::write(&file, pattern.to_string()).expect("a file");
    let setup = Setup::at_sites(&["a", "b"], Personality::Takeover);
    let settings = json!({"manager": {"errors": {"patterns": file}}});
    let station = Station::open_with(setup, settings).await;
    station.devices.nth(1).inject(FaultKind::InputLost);
    let found = analysis(&station, "recognised", |found| {
        found["patterns"][0]["pattern"] == "crew_unplugs"
    })
    .await;
    assert_eq!(found["suggested_actions"][0]["action"], "Ask the crew.");
    encoder_tests::until("counted", async || {
        let figures = station.client.get("/metrics").await.text;
        ["encoder_errors_open", "encoder_errors_total"]
            .iter()
            .all(|name| figures.contains(&format!("{name}{{pattern=\"crew_unplugs\"}} 1")))
    })
    .await;
}
