//! The server dies in the middle of a failover.

use std::time::Duration;

use encoder_aja::simulator::{Fault, FaultKind, SimulatorConfig, Timing};
use encoder_core::model::{Personality, Protection};
use encoder_tests::{Answer, BACKUP_URL, KEY, Setup, Station, URL, watch_nothing_happen};
use serde_json::{Value, json};

/// A server with a live stream, and what it acknowledged.
struct Before {
    station: Station,
    stream: String,
    started: Answer,
    body: Value,
}

/// A manager that waits for its store as long as it takes, so that a held database freezes it.
fn patient(personality: Personality) -> Setup {
    let mut setup = Setup::quick(3, personality);
    setup.config.failover.store_patience = Duration::from_secs(15);
    setup
}

/// Every device but `helo-1` takes a second to start.
fn slow_spares(mut setup: Setup) -> Setup {
    let mut slow = Timing::fast();
    slow.stream_start = Duration::from_millis(1000);
    let slow = SimulatorConfig::fast().with_timing(slow);
    for number in 2..=setup.count {
        setup = setup.with_device(number, slow.clone());
    }
    setup
}

impl Before {
    async fn failover(setup: Setup) -> Self {
        let station = Station::open(setup).await;
        let body = station.request(Protection::Warm);
        let client = station.client.with_header("idempotency-key", "the-one");
        let started = client.post("/api/streams/init?wait=live", &body).await;
        assert_eq!(started.status, 201, "{}", started.text);
        let stream = started.body["stream_id"].as_str().unwrap().to_owned();
        let protected = |s: &Value| s["backup"]["ready"] == true && s["state"] == "live";
        station.until_stream(&stream, "protected", protected).await;
        Self {
            station,
            stream,
            started,
            body,
        }
    }

    async fn backup(&self) -> encoder_core::model::EncoderId {
        let path = format!("/api/streams/{}", self.stream);
        let document = self.station.client.get(&path).await.body;
        let backup = document["backup"]["encoder_id"].as_str().unwrap();
        backup.parse().unwrap()
    }

    async fn until_phase(&self, phase: &str) {
        encoder_tests::until(&format!("{phase} is on disk"), async || {
            self.station.on_disk(&self.stream)["failover"]["phase"] == phase
        })
        .await;
    }

    async fn move_by_hand(&self) {
        let path = format!("/api/streams/{}/failover", self.stream);
        let answer = self.station.client.post(&path, &json!({})).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
    }

    async fn kill_and_start_again(mut self) -> Self {
        self.station.kill().await;
        self.station.devices.all().for_each(|helo| {
            let broken: Vec<_> = helo.device().faults();
            // What froze the server is over; what made it move is not.
            helo.clear_faults();
            let lasting = broken
                .into_iter()
                .filter(|f| f.kind == FaultKind::StreamFails);
            lasting.for_each(|fault| helo.inject(fault));
        });
        self.station.start_again().await;
        self
    }

    /// One failover, one publisher, and everything acknowledged is still there.
    async fn ends_well(self, url: &str) {
        let station = &self.station;
        let settled = |s: &Value| s["state"] == "live" && s["primary"]["encoder_id"] != "helo-1";
        station.until_stream(&self.stream, "moved", settled).await;
        encoder_tests::until("one publisher", async || {
            let elsewhere = if url == URL { BACKUP_URL } else { URL };
            station.devices.on_air_at(url).len() == 1
                && station.devices.on_air_at(elsewhere).is_empty()
        })
        .await;
        watch_nothing_happen(Duration::from_millis(1500)).await;
        let path = format!("/api/streams/{}", self.stream);
        let document = station.client.get(&path).await.body;
        assert_eq!(document["state"], "live");
        let primary = document["primary"]["encoder_id"].as_str().unwrap();
        assert_eq!(station.devices.on_air_at(url), [primary]);
        let record = station.on_disk(&self.stream);
        let history = record["history"].as_array().unwrap();
        assert_eq!(history.len(), 1, "{history:?}");
        assert_eq!(history[0]["succeeded"], true);
        assert_eq!(station.completed(&self.stream).await, 1);
        self.remembers_everything().await;
    }

    async fn remembers_everything(&self) {
        let client = &self.station.client;
        let encoders = client.get("/api/encoders").await.body;
        assert_eq!(
            encoders["items"].as_array().unwrap().len(),
            self.station.setup.count
        );
        let revealed = client
            .get(&format!("/api/streams/{}?reveal=key", self.stream))
            .await;
        assert_eq!(revealed.body["stream_key"], KEY);
        let client = client.with_header("idempotency-key", "the-one");
        let again = client.post("/api/streams/init?wait=live", &self.body).await;
        assert_eq!((again.status, &again.body), (201, &self.started.body));
        let streams = client.get("/api/streams").await.body;
        assert_eq!(streams["items"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_decision_is_written() {
    let before = Before::failover(patient(Personality::Takeover)).await;
    let mut feed = before.station.client.feed(None).await;
    let held = before.station.hold_database();
    before.station.devices.nth(1).inject(FaultKind::StreamFails);
    // It says what it saw, and then waits for the store.
    feed.until(|told| told.event == "stream_error").await;
    watch_nothing_happen(Duration::from_millis(300)).await;
    assert_eq!(
        before.station.devices.on_air(),
        [""; 0],
        "nothing was begun"
    );
    assert_eq!(
        before.station.on_disk(&before.stream)["failover"],
        Value::Null
    );
    let mut before = before;
    before.station.kill().await;
    drop(held);
    before.station.start_again().await;
    before.ends_well(URL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_decision_and_start() {
    let before = Before::failover(patient(Personality::Takeover)).await;
    let backup = before.backup().await;
    let hang = Fault::new(FaultKind::Hang).on_param("ReplicatorCommand");
    before.station.devices.of(&backup).inject(hang);
    before.station.devices.nth(1).inject(FaultKind::StreamFails);
    before.until_phase("start").await;
    let device = before.station.devices.of(&backup);
    let asked = device
        .wait_for_request(
            |r| r.sets("ReplicatorCommand", "3"),
            encoder_tests::PATIENCE,
        )
        .await;
    assert!(asked.is_some(), "the backup was told to start");
    before.kill_and_start_again().await.ends_well(URL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_a_start_that_could_not_be_written_down() {
    let before = Before::failover(patient(Personality::Takeover)).await;
    let backup = before.backup().await;
    let delay = FaultKind::Delay {
        delay: Duration::from_millis(700),
    };
    let late = Fault::new(delay).on_param("ReplicatorCommand").times(1);
    before.station.devices.of(&backup).inject(late);
    before.station.devices.nth(1).inject(FaultKind::StreamFails);
    before.until_phase("start").await;
    let held = before.station.hold_database();
    encoder_tests::until("the backup streams", async || {
        before.station.devices.on_air() == [backup.as_str()]
    })
    .await;
    let mut before = before;
    before.station.kill().await;
    drop(held);
    assert_eq!(
        before.station.on_disk(&before.stream)["failover"]["phase"],
        "start"
    );
    before.station.start_again().await;
    before.ends_well(URL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_start_and_confirmation() {
    let before = Before::failover(slow_spares(patient(Personality::Takeover))).await;
    before.station.devices.nth(1).inject(FaultKind::StreamFails);
    before.until_phase("confirm").await;
    assert_eq!(
        before.station.devices.on_air(),
        [""; 0],
        "not confirmed yet"
    );
    before.kill_and_start_again().await.ends_well(URL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_confirmation_and_the_last_write() {
    let before = Before::failover(slow_spares(patient(Personality::Takeover))).await;
    let backup = before.backup().await;
    before.station.devices.nth(1).inject(FaultKind::StreamFails);
    before.until_phase("confirm").await;
    let held = before.station.hold_database();
    encoder_tests::until("the backup streams", async || {
        before.station.devices.on_air() == [backup.as_str()]
    })
    .await;
    // Long enough for the server to see it, too; it cannot write it down.
    watch_nothing_happen(Duration::from_millis(600)).await;
    let mut before = before;
    before.station.kill().await;
    drop(held);
    let record = before.station.on_disk(&before.stream);
    assert_eq!(
        record["failover"]["phase"], "confirm",
        "the end is not on disk"
    );
    before.station.start_again().await;
    before.ends_well(URL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_old_encoder_is_fenced() {
    let before = Before::failover(patient(Personality::Reject)).await;
    let hang = Fault::new(FaultKind::Hang).on_param("ReplicatorCommand");
    before.station.devices.nth(1).inject(hang);
    before.move_by_hand().await;
    before.until_phase("fence").await;
    let stop = |r: &encoder_aja::simulator::RequestRecord| r.sets("ReplicatorCommand", "4");
    let device = before.station.devices.nth(1);
    assert!(
        device
            .wait_for_request(stop, encoder_tests::PATIENCE)
            .await
            .is_some()
    );
    let before = before.kill_and_start_again().await;
    let ingest = before.station.devices.ingest.clone();
    before.ends_well(URL).await;
    assert_eq!(ingest.most_publishers(URL, KEY), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_fence_and_start() {
    let before = Before::failover(patient(Personality::Reject)).await;
    let backup = before.backup().await;
    let hang = Fault::new(FaultKind::Hang).on_param("ReplicatorCommand");
    before.station.devices.of(&backup).inject(hang);
    before.move_by_hand().await;
    before.until_phase("start").await;
    assert_eq!(
        before.station.devices.on_air(),
        [""; 0],
        "the old one is gone"
    );
    let before = before.kill_and_start_again().await;
    let ingest = before.station.devices.ingest.clone();
    before.ends_well(URL).await;
    assert_eq!(ingest.most_publishers(URL, KEY), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_last_write_and_the_fence_of_a_takeover() {
    let before = Before::failover(patient(Personality::Separate)).await;
    let hang = Fault::new(FaultKind::Hang).on_param("ReplicatorCommand");
    before.station.devices.nth(1).inject(hang);
    before.move_by_hand().await;
    encoder_tests::until("the end is on disk", async || {
        let record = before.station.on_disk(&before.stream);
        record["primary"]["encoder_id"] != "helo-1" && record["failover"] == Value::Null
    })
    .await;
    assert_eq!(
        before.station.devices.on_air(),
        ["helo-1"],
        "it cannot be told yet"
    );
    before
        .kill_and_start_again()
        .await
        .ends_well(BACKUP_URL)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn store_that_is_away_keeps_no_stream_off_air() {
    let mut setup = patient(Personality::Takeover);
    setup.config.failover.store_patience = Duration::from_millis(200);
    let before = Before::failover(setup).await;
    let backup = before.backup().await;
    let held = before.station.hold_database();
    before.station.devices.nth(1).inject(FaultKind::StreamFails);
    encoder_tests::until("moved without the store", async || {
        before.station.devices.on_air() == [backup.as_str()]
    })
    .await;
    let record = before.station.on_disk(&before.stream);
    assert_eq!(
        record["primary"]["encoder_id"], "helo-1",
        "the store knows nothing"
    );
    drop(held);
    encoder_tests::until("written after all", async || {
        let record = before.station.on_disk(&before.stream);
        record["primary"]["encoder_id"] == backup.as_str()
    })
    .await;
    before.kill_and_start_again().await.ends_well(URL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_a_move_that_the_store_never_saw() {
    let mut setup = patient(Personality::Takeover);
    setup.config.failover.store_patience = Duration::from_millis(200);
    let mut before = Before::failover(setup).await;
    let backup = before.backup().await;
    let held = before.station.hold_database();
    before.station.devices.nth(1).inject(FaultKind::StreamFails);
    encoder_tests::until("moved without the store", async || {
        before.station.devices.on_air() == [backup.as_str()]
    })
    .await;
    before.station.kill().await;
    drop(held);
    before.station.start_again().await;
    let on_backup =
        |s: &Value| s["state"] == "live" && s["primary"]["encoder_id"] == backup.as_str();
    before
        .station
        .until_stream(&before.stream, "found on the devices", on_backup)
        .await;
    watch_nothing_happen(Duration::from_secs(1)).await;
    assert_eq!(before.station.devices.on_air(), [backup.as_str()]);
    before.remembers_everything().await;
}
