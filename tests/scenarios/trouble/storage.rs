//! Recordings whose medium takes no more.

use std::time::Duration;

use encoder_aja::simulator::{Fault, FaultKind, IngestChange, Media, MediumKind, SimulatorConfig};
use encoder_core::model::{Personality, Protection};
use encoder_tests::{Setup, Station, until, watch_nothing_happen};
use serde_json::{Value, json};

/// One device that records to an SD card, with a USB disk for the second recording, on air.
async fn recording(usb: Media) -> (Station, String) {
    let device = SimulatorConfig::fast()
        .with_medium(MediumKind::Usb, usb)
        .with_value("SecondaryRecordingDestination", "1");
    let setup = Setup::quick(1, Personality::Takeover).with_device(1, device);
    let station = Station::open(setup).await;
    let stream = station.live(&station.request(Protection::None)).await;
    let action = json!({"action": "start_recording"});
    let path = "/api/encoders/helo-1/control";
    let answer = station.client.post(path, &action).await;
    assert_eq!(answer.body["confirmed"], true, "{}", answer.body);
    until("the recording is known", async || {
        storage(&station).await["recording_state"] == "recording"
    })
    .await;
    (station, stream)
}

async fn storage(station: &Station) -> Value {
    let path = "/api/monitoring/storage?encoder_id=helo-1";
    let answer = station.client.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["encoders"][0].clone()
}

async fn alert(station: &Station, code: &str) -> Option<Value> {
    let path = "/api/monitoring/alerts?encoder_id=helo-1";
    let alerts = station.client.get(path).await.body;
    let items = alerts["items"].as_array().cloned().unwrap_or_default();
    items.into_iter().find(|alert| alert["code"] == code)
}

fn value(station: &Station, parameter: &str) -> String {
    let device = station.devices.nth(1).device();
    device.get(parameter).unwrap_or_default()
}

/// The stream was accepted once and nothing else ever happened to it at the ingest.
fn assert_stream_untouched(station: &Station) {
    assert_eq!(station.devices.story(), ["helo-1 accepted"]);
    assert_eq!(station.devices.times(1, IngestChange::Accepted), 1);
    assert_eq!(station.devices.on_air(), ["helo-1"]);
}

async fn switched(station: &Station) -> Value {
    until("the recording goes on elsewhere", async || {
        let storage = storage(station).await;
        storage["switches"][0]["outcome"] == "switched"
            && storage["recording_state"] == "recording"
            && storage["media"][0]["kind"] == "usb"
    })
    .await;
    storage(station).await["switches"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn full_medium_moves_the_recording_and_never_the_stream() {
    let (station, stream) = recording(Media::default()).await;
    let full = Fault::new(FaultKind::StorageFull).on_medium(MediumKind::Sd);
    station.devices.nth(1).inject(full);
    let switch = switched(&station).await;
    assert_eq!(
        [&switch["from"], &switch["to"], &switch["reason"]],
        ["sd", "usb", "full"]
    );
    assert_eq!(switch["stopped_recording"], false);
    assert!(
        switch["message"]
            .as_str()
            .unwrap()
            .contains("file was closed")
    );
    assert_eq!(value(&station, "RecordingDestination"), "1");
    assert_eq!(value(&station, "ReplicatorRecordState"), "2");
    let told = alert(&station, "recording_switched").await.unwrap();
    assert_eq!([&told["severity"], &told["state"]], ["info", "resolved"]);
    let document = station.client.get(&format!("/api/streams/{stream}")).await;
    assert_eq!(document.body["state"], "live");
    assert_stream_untouched(&station);
    let metrics = station.client.get("/metrics").await.text;
    let series = r#"encoder_medium_free_bytes{encoder_id="helo-1",medium="primary"}"#;
    assert!(metrics.contains(series), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pulled_out_medium_moves_the_recording() {
    let (station, _) = recording(Media::default()).await;
    let gone = Fault::new(FaultKind::StorageRemoved).on_medium(MediumKind::Sd);
    station.devices.nth(1).inject(gone);
    assert_eq!(switched(&station).await["reason"], "absent");
    assert_eq!(value(&station, "RecordingDestination"), "1");
    assert_stream_untouched(&station);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_medium_is_left_by_closing_its_file_first() {
    let (station, _) = recording(Media::default()).await;
    let slow = Fault::new(FaultKind::StorageSlow).on_medium(MediumKind::Sd);
    station.devices.nth(1).inject(slow);
    let switch = switched(&station).await;
    assert_eq!(switch["reason"], "slow");
    assert_eq!(switch["stopped_recording"], true);
    assert!(switch["message"].as_str().unwrap().contains("was stopped"));
    assert_stream_untouched(&station);
}

#[tokio::test(flavor = "multi_thread")]
async fn nowhere_to_go_is_an_alert_and_nothing_is_done() {
    let mut nearly = Media::default();
    nearly.used_bytes = nearly.total_bytes;
    let (station, _) = recording(nearly).await;
    let full = Fault::new(FaultKind::StorageFull).on_medium(MediumKind::Sd);
    station.devices.nth(1).inject(full);
    until("it is told", async || {
        alert(&station, "storage_full").await.is_some()
    })
    .await;
    watch_nothing_happen(Duration::from_secs(2)).await;
    let storage = storage(&station).await;
    assert_eq!(storage["switches"], json!([]));
    let advice = storage["recommendations"][0].as_str().unwrap();
    assert!(advice.contains("usb is full"), "{advice}");
    assert_eq!(value(&station, "RecordingDestination"), "0");
    let written: Vec<_> = station.devices.nth(1).requests();
    let sets = |what: &str| {
        let matching = written.iter().filter(|request| {
            request.param("action") == Some("set")
                && request
                    .param("paramid")
                    .is_some_and(|id| id.ends_with(what))
        });
        matching.count()
    };
    assert_eq!(sets("RecordingDestination"), 0);
    assert_stream_untouched(&station);
}
