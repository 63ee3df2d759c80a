//! Secrets stay where they belong, through a whole failover with everything logged.

use encoder_aja::simulator::{Fault, FaultKind};
use encoder_core::model::{Personality, Protection};
use encoder_tests::{DEVICE_PASSWORD, KEY, Setup, Station, Told};
use serde_json::json;

const PATHS: [&str; 14] = [
    "/api/streams",
    "/api/encoders",
    "/api/encoders/helo-1",
    "/api/encoders/helo-1/status",
    "/api/encoders/helo-1/metrics",
    "/api/keys",
    "/health/encoder/helo-1",
    "/health/detailed",
    "/api/monitoring/status",
    "/api/monitoring/alerts",
    "/api/monitoring/metrics",
    "/api/monitoring/load-balancer",
    "/api/monitoring/streams/health",
    "/metrics",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_shows_in_answers_events_figures_or_logs() {
    let mut setup = Setup::quick(3, Personality::Takeover);
    setup.locked = true;
    let settings = json!({"log": {"filter": "trace,h2=info,hyper=info,hyper_util=info"}});
    let mut station = Station::open_with(setup, settings).await;
    // The owner's answers may show the stream key; they go to another client's ears.
    let owner = station.client.deaf();
    let body = station.request(Protection::Warm);
    let started = owner.post("/api/streams/init?wait=live", &body).await;
    assert_eq!(started.status, 201, "{}", started.text);
    let id = started.body["stream_id"].as_str().unwrap().to_owned();
    let ready = |s: &serde_json::Value| s["backup"]["ready"] == true;
    station.until_stream(&id, "protected", ready).await;
    let mut feed = station.client.feed(None).await;
    provoke(&station, &id).await;
    let end = |told: &Told| told.event == "stream_failover" && told.data["phase"] == "completed";
    feed.until(end).await;
    for path in PATHS {
        let answer = station.client.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    for path in ["", "/health", "/timeline"] {
        station
            .client
            .get(&format!("/api/streams/{id}{path}"))
            .await;
    }
    station.terminate().await;
    let (heard, output) = (station.client.heard(), station.output());
    assert!(heard.contains("failover_completed") && output.contains("listening"));
    for (what, text) in [("answers and events", &heard), ("output", &output)] {
        let secrets = [KEY, DEVICE_PASSWORD, station.client.key()];
        let own_part = station.client.key().rsplit('_').next().unwrap();
        for secret in secrets.into_iter().chain([own_part]) {
            let shown = text.lines().find(|line| line.contains(secret));
            assert_eq!(shown, None, "{what} show a secret");
        }
        for session in station
            .devices
            .all()
            .flat_map(|helo| helo.device().sessions())
        {
            assert!(!text.contains(&session), "{what} show a session");
        }
    }
}

/// Faults of every kind, so that every kind of error is put into words.
async fn provoke(station: &Station, id: &str) {
    let path = format!("/api/streams/{id}/config");
    station.client.put(&path, &json!({"bitrate": 1})).await;
    let wrong = json!({"resolution": "1920x1080", "bitrate": 8_000_000, "fps": 29.97,
        "destination": {"url": format!("rtmp://x.example/{KEY}"), "stream_key": KEY}});
    let refused = station.client.post("/api/streams/init", &wrong).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    let third = station.devices.nth(3);
    for kind in [
        FaultKind::WrongJson,
        FaultKind::Status { status: 500 },
        FaultKind::SetNotApplied,
    ] {
        third.inject(Fault::new(kind).times(2));
        let wish = json!({"action": "select_input", "video": "sdi"});
        station
            .client
            .post("/api/encoders/helo-3/control", &wish)
            .await;
    }
    station
        .devices
        .all()
        .for_each(|helo| helo.inject(FaultKind::DropSessions));
    station.devices.nth(1).inject(FaultKind::StreamFails);
}
