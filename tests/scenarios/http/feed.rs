//! The live feed over server-sent events.

use std::collections::HashMap;

use encoder_aja::simulator::FaultKind;
use encoder_core::model::{Personality, Protection};
use encoder_tests::{Setup, Station, Told};

/// Checks that no subject skips a number.
fn assert_gapless<'a>(told: impl IntoIterator<Item = &'a Told>) {
    let mut last = HashMap::new();
    for told in told {
        assert_ne!(told.event, "lagged");
        let subject = match told.event.as_str() {
            "health_update" => format!("encoder {}", told.data["encoder_id"]),
            "alert" => "alerts".to_owned(),
            _ => format!("stream {}", told.data["stream_id"]),
        };
        let sequence = told.data["sequence"].as_u64().unwrap();
        assert!(told.data["timestamp"].is_string());
        if let Some(last) = last.insert(subject.clone(), sequence) {
            assert_eq!(sequence, last + 1, "{subject}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failover_is_told_without_a_gap() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let id = station.live(&station.request(Protection::Warm)).await;
    let mut feed = station.client.feed(None).await;
    station.devices.nth(1).inject(FaultKind::StreamFails);
    let end = |told: &Told| told.event == "stream_failover" && told.data["phase"] == "completed";
    let told = feed.until(end).await;
    assert_gapless(&told);
    let moves: Vec<_> = told
        .iter()
        .filter(|t| t.event == "stream_failover")
        .collect();
    let phases: Vec<_> = moves
        .iter()
        .map(|t| t.data["phase"].as_str().unwrap())
        .collect();
    assert_eq!(phases, ["start", "confirm", "completed"]);
    for event in moves {
        assert_eq!(event.data["stream_id"], id.as_str());
        assert_eq!(
            (&event.data["from"], &event.data["to"]),
            (&"helo-1".into(), &"helo-2".into())
        );
        assert!(event.data["elapsed_ms"].is_u64() && event.data["reason"].is_string());
    }
    assert!(told.iter().any(|t| t.event == "stream_error"));
    assert!(told.iter().any(|t| t.event == "stream_health"));
}

#[tokio::test(flavor = "multi_thread")]
async fn returning_client_gets_what_it_missed() {
    let station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    station.live(&station.request(Protection::Warm)).await;
    let mut feed = station.client.feed(None).await;
    let first = feed.next().await.unwrap();
    drop(feed);
    station.devices.nth(1).inject(FaultKind::StreamFails);
    encoder_tests::until("moved", async || station.devices.on_air() == ["helo-2"]).await;
    let mut feed = station.client.feed(Some(&first.id)).await;
    let end = |told: &Told| told.event == "stream_failover" && told.data["phase"] == "completed";
    let mut told = feed.until(end).await;
    told.insert(0, first);
    assert_gapless(&told);
    let ids: Vec<u64> = told.iter().map(|told| told.id.parse().unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
}
