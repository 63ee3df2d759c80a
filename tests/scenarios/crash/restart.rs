//! The server, or the manager alone, ends and comes back while a stream is on air.

use std::time::Duration;

use encoder_aja::simulator::{FaultKind, IngestChange};
use encoder_core::model::{Personality, Protection, StreamState};
use encoder_tests::{Setup, Station, Studio, URL, helo, watch_nothing_happen};

#[tokio::test(flavor = "multi_thread")]
async fn stream_stays_on_air_through_a_graceful_restart() {
    let mut studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.restart().await;
    studio
        .until("taken up", |s| {
            s.state(&stream) == StreamState::Live && s.view(&stream).backup.ready
        })
        .await;
    assert_eq!(studio.devices.story(), ["helo-1 accepted"]);
    assert_eq!(studio.failovers(&stream), 0);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_while_the_manager_was_away_is_dealt_with_by_the_next() {
    let mut studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    assert!(studio.manager.shutdown().await);
    studio.devices.nth(1).inject(FaultKind::StreamFails);
    studio.restart().await;
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    assert_eq!(studio.devices.on_air(), ["helo-2"]);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_found_publishing_the_stream_is_adopted() {
    let mut studio = Studio::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    assert!(studio.manager.shutdown().await);
    // Somebody moved the stream by hand, on the devices.
    studio
        .devices
        .nth(1)
        .device()
        .command("ReplicatorCommand", "4")
        .unwrap();
    studio
        .until("stopped", |s| {
            s.devices.times(1, IngestChange::Stopped) == 1
        })
        .await;
    studio
        .devices
        .nth(2)
        .device()
        .command("ReplicatorCommand", "3")
        .unwrap();
    studio
        .until("started", |s| s.devices.on_air() == ["helo-2"])
        .await;
    studio.restart().await;
    studio.until("adopted", |s| s.is_live_on(&stream, 2)).await;
    studio
        .until("protected by the other", |s| {
            s.backup(&stream) == Some(helo(1)) && s.view(&stream).backup.ready
        })
        .await;
    assert_eq!(
        studio.devices.times(2, IngestChange::Accepted),
        1,
        "never interrupted"
    );
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_server_takes_its_streams_up_again() {
    let mut station = Station::open(Setup::quick(3, Personality::Takeover)).await;
    let stream = station.live(&station.request(Protection::Warm)).await;
    let limited = station.key("read", 1).await;
    station.kill().await;
    assert_eq!(station.devices.on_air_at(URL), ["helo-1"]);
    station.start_again().await;
    let ready = |s: &serde_json::Value| s["state"] == "live" && s["backup"]["ready"] == true;
    station.until_stream(&stream, "taken up", ready).await;
    watch_nothing_happen(Duration::from_secs(1)).await;
    assert_eq!(station.devices.story(), ["helo-1 accepted"]);
    let reader = station.client.with_key(Some(&limited));
    assert_eq!(reader.get("/api/streams").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn terminated_server_ends_well_and_leaves_streams_on_air() {
    let mut station = Station::open(Setup::quick(2, Personality::Takeover)).await;
    let stream = station.live(&station.request(Protection::Warm)).await;
    let mut feed = station.client.feed(None).await;
    station.terminate().await;
    while let Some(told) = feed.next().await {
        if told.event == "end" {
            assert_eq!(told.data["code"], "shutting_down");
        }
    }
    assert_eq!(station.devices.on_air(), ["helo-1"]);
    station.start_again().await;
    station
        .until_stream(&stream, "live", |s| s["state"] == "live")
        .await;
    assert_eq!(station.devices.story(), ["helo-1 accepted"]);
}
