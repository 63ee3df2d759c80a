//! A store that takes nothing: locked by somebody else, or out of space.

use std::time::Duration;

use encoder_aja::simulator::FaultKind;
use encoder_core::ErrorKind;
use encoder_core::model::{EncoderId, EncoderSpec, Personality, Protection};
use encoder_tests::{Setup, Station, Studio};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn locked_store_is_503_and_loses_nothing_that_was_acknowledged() {
    let mut station = Station::open(Setup::quick(3, Personality::Takeover)).await;
    let id = station.live(&station.request(Protection::None)).await;
    let held = station.hold_database();
    let mut body = station.request(Protection::None);
    body["encoder_id"] = json!("helo-2");
    let refused = station.client.post("/api/streams/init", &body).await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert_eq!(refused.body["code"], "store_unavailable");
    assert!(refused.header("retry-after").is_some());
    assert!(
        !refused.text.contains(&*station.data().to_string_lossy()),
        "names no file"
    );
    let encoder = json!({"encoder_id": "late", "address": "http://127.0.0.1:9"});
    assert_eq!(
        station.client.post("/api/encoders", &encoder).await.status,
        503
    );
    assert_eq!(
        station.client.get("/api/streams").await.status,
        200,
        "reading goes on"
    );
    assert_eq!(station.devices.on_air(), ["helo-1"], "nothing was begun");
    drop(held);
    let accepted = station
        .client
        .post("/api/streams/init?wait=live", &body)
        .await;
    assert_eq!(accepted.status, 201, "{}", accepted.text);
    station.kill().await;
    station.start_again().await;
    let streams = station.client.get("/api/streams").await.body;
    let ids: Vec<_> = streams["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["stream_id"])
        .collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert!(ids.contains(&&json!(id)));
    let late = station.client.get("/api/encoders/late").await;
    assert_eq!(late.status, 404, "what was refused does not turn up later");
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_refuses_new_work_keeps_the_old_and_moves_streams_still() {
    let mut setup = Setup::quick(3, Personality::Takeover);
    setup.max_bytes = Some(160 * 1024);
    let mut studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let mut accepted = Vec::new();
    let refused = loop {
        let id = EncoderId::try_new(format!("ballast-{}", accepted.len())).unwrap();
        let mut spec = EncoderSpec::new(id.clone(), "http://127.0.0.1:9");
        spec.maintenance = true;
        spec.labels = (0..32)
            .map(|n| (format!("label-{n}"), "x".repeat(200)))
            .collect();
        match studio.manager.add_encoder(spec).await {
            Ok(_) => accepted.push(id),
            Err(error) => break error,
        }
        assert!(accepted.len() < 200, "the disk never fills");
    };
    assert_eq!(refused.kind(), ErrorKind::StoreUnavailable, "{refused}");
    assert!(!accepted.is_empty());
    let backup = studio.backup(&stream).unwrap();
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    studio
        .until("moved all the same", |s| {
            s.devices.on_air() == [backup.as_str()]
        })
        .await;
    studio.setup.max_bytes = None;
    studio.restart().await;
    for id in accepted {
        studio
            .manager
            .encoder(&id)
            .expect("what was acknowledged is there");
    }
    studio
        .until("the stream, too", |s| s.primary(&stream) == backup)
        .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(studio.devices.on_air(), [backup.as_str()]);
    studio.close().await;
}
