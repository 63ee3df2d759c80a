//! How the simulated device behaves over time, alone and with others.

#![allow(clippy::unwrap_used, reason = "a failing test says enough")]

mod simulator_support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use encoder_aja::simulator::{
    AlarmMessage, Assumptions, Control, EditWhileStreaming, FaultKind, IngestChange, Media,
    Personality, Signal, SimulatedIngest, Simulator, SimulatorConfig, SimulatorFleet,
    StartWithoutInput, Thermal, Timing, control_router,
};
use serde_json::{Value, json};
use simulator_support::{PATIENCE, URL, Web, live, reach, ready, streaming_config};

fn assuming(change: impl FnOnce(&mut Assumptions)) -> SimulatorConfig {
    let mut assumptions = Assumptions::default();
    change(&mut assumptions);
    streaming_config("key").with_assumptions(assumptions)
}

fn raised(helo: &Simulator, alarm: &str) -> bool {
    let value = helo.device().get(alarm).unwrap();
    AlarmMessage::from_base64(&value).unwrap().is_active()
}

async fn press(helo: &Simulator, command: &str) {
    Web::of(helo).set("ReplicatorCommand", command).await;
}

#[tokio::test]
async fn device_answers_while_it_boots_and_is_idle_after_its_boot_time() {
    let mut config = SimulatorConfig::fast();
    config.cold_start = true;
    config.timing.boot = Duration::from_millis(600);
    let begin = std::time::Instant::now();
    let helo = Simulator::start(config).await.unwrap();
    assert_eq!(Web::of(&helo).value("ReplicatorStreamState").await, "0");
    reach(&helo, "ReplicatorStreamState", "1").await;
    assert!(begin.elapsed() >= Duration::from_millis(600));
    assert_eq!(helo.device().get("SystemState").as_deref(), Some("4"));
}

#[tokio::test]
async fn stream_starts_after_its_delay_and_its_command_clears_itself() {
    let helo = ready(streaming_config("key")).await;
    let web = Web::of(&helo);
    let begin = std::time::Instant::now();
    press(&helo, "3").await;
    assert_eq!(web.value("ReplicatorCommand").await, "0");
    reach(&helo, "ReplicatorStreamState", "2").await;
    assert!(begin.elapsed() >= Timing::fast().stream_start);
    let start = helo.wait_for_request(|request| request.sets("ReplicatorCommand", "3"), PATIENCE);
    assert!(start.await.unwrap().at.into_std() >= begin);
}

#[tokio::test]
async fn stream_without_destination_or_signal_fails_in_idle() {
    let no_url = SimulatorConfig::fast().with_value("StreamType", "0");
    let mut no_signal = streaming_config("key");
    (no_signal.signal.sdi, no_signal.signal.hdmi) = (0, 0);
    for config in [no_url, no_signal] {
        let helo = ready(config).await;
        press(&helo, "3").await;
        reach(&helo, "ReplicatorStreamState", "3").await;
        assert!(raised(&helo, "StreamingFailedAlarm"));
        press(&helo, "4").await;
        reach(&helo, "ReplicatorStreamState", "1").await;
        assert!(!raised(&helo, "StreamingFailedAlarm"));
    }
}

#[tokio::test]
async fn test_pattern_needs_no_signal() {
    let mut config = streaming_config("key").with_value("VideoInSelect", "2");
    config.signal = Signal::default();
    (config.signal.sdi, config.signal.hdmi) = (0, 0);
    live(config).await;

    let mut config = assuming(|open| open.start_without_input = StartWithoutInput::TestPattern);
    (config.signal.sdi, config.signal.hdmi) = (0, 0);
    live(config).await;
}

#[tokio::test]
async fn selected_input_decides_which_signal_counts() {
    let mut config = streaming_config("key").with_value("LossOfVideoRecordBehavior", "0");
    (config.signal.sdi, config.signal.hdmi) = (0, 12);
    let helo = live(config).await;
    assert_eq!(
        helo.device().get("DetectInputFormat").as_deref(),
        Some("12")
    );
    Web::of(&helo).set("VideoInSelect", "0").await;
    assert_eq!(helo.device().get("DetectInputFormat").as_deref(), Some("0"));
    assert_eq!(
        helo.device().get("ReplicatorStreamState").as_deref(),
        Some("4")
    );
    let mut plugged = Signal::default();
    plugged.sdi = 17;
    helo.device().set_signal(plugged);
    reach(&helo, "ReplicatorStreamState", "2").await;
}

#[tokio::test]
async fn selecting_a_profile_loads_its_working_copy() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    web.set("RTMPServerURL_3", URL).await;
    web.set("StreamingVideoBitrate_3", "6000").await;
    assert_eq!(web.value("RTMPServerURL").await, "");
    web.set("StreamingProfileSel", "2").await;
    assert_eq!(web.value("RTMPServerURL").await, URL);
    assert_eq!(web.value("StreamingVideoBitrate").await, "6000");
    web.set("StreamingVideoBitrate_3", "7000").await;
    assert_eq!(web.value("StreamingVideoBitrate").await, "6000");
    web.set("StreamingVideoBitrate", "8000").await;
    assert_eq!(web.value("StreamingVideoBitrate_3").await, "7000");
    web.set("StreamingProfileSel", "2").await;
    assert_eq!(web.value("StreamingVideoBitrate").await, "7000");
}

#[tokio::test]
async fn profile_writes_may_reach_their_twin() {
    let config = assuming(|open| {
        open.numbered_write_reaches_working_copy = true;
        open.working_copy_write_reaches_numbered = true;
    });
    let helo = ready(config).await;
    let web = Web::of(&helo);
    web.set("StreamingVideoBitrate_1", "7000").await;
    assert_eq!(web.value("StreamingVideoBitrate").await, "7000");
    web.set("StreamingVideoBitrate_2", "3000").await;
    assert_eq!(web.value("StreamingVideoBitrate").await, "7000");
    web.set("StreamingVideoBitrate", "8000").await;
    assert_eq!(web.value("StreamingVideoBitrate_1").await, "8000");
}

#[tokio::test]
async fn edit_while_streaming_acts_as_assumed() {
    for (rule, stored, applied) in [
        (EditWhileStreaming::Immediate, "4321", true),
        (EditWhileStreaming::NextStart, "4321", false),
        (EditWhileStreaming::Ignored, "20000", false),
    ] {
        let helo = live(assuming(|open| open.edit_while_streaming = rule)).await;
        let web = Web::of(&helo);
        web.set("StreamingVideoBitrate", "4321").await;
        assert_eq!(web.value("StreamingVideoBitrate").await, stored, "{rule:?}");
        let format = web.value("StreamingFormat").await;
        assert_eq!(format.contains("4321"), applied, "{rule:?}: {format}");
    }
}

#[tokio::test(start_paused = true)]
async fn durations_advance_and_the_temperature_follows_the_load() {
    // Nothing here touches a socket, so that the clock can be paused.
    let helo = live(streaming_config("key")).await;
    let get = |id: &str| helo.device().get(id).unwrap();
    assert_eq!(get("Temperature"), "42");
    tokio::time::advance(Duration::from_secs(3661)).await;
    assert_eq!(get("StreamingDuration"), "00:01:01:01");
    assert_eq!(get("Temperature"), "52");
    helo.device().command("ReplicatorCommand", "4").unwrap();
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(get("ReplicatorStreamState"), "1");
    assert_eq!(get("StreamingDuration"), "00:00:00:00");
    assert_eq!(get("Temperature"), "42");
}

#[tokio::test(start_paused = true)]
async fn medium_fills_warns_and_ends_the_recording() {
    let mut media = Media::default();
    (media.total_bytes, media.used_bytes) = (10_000_000_000, 0);
    let helo = ready(SimulatorConfig::fast().with_media(media)).await;
    let get = |id: &str| helo.device().get(id).unwrap();
    assert_eq!(get("CurrentMediaAvailable"), "99");
    helo.device().command("ReplicatorCommand", "1").unwrap();
    reach(&helo, "ReplicatorRecordState", "2").await;
    // 20 Mbit/s are 9 gigabytes an hour.
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(get("CurrentMediaAvailable"), "10");
    assert_eq!(get("FileDuration"), "00:01:00:00");
    assert!(raised(&helo, "Media_Low_Alarm") && !raised(&helo, "Media_Full_Alarm"));
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(get("ReplicatorRecordState"), "4");
    assert_eq!(get("CurrentMediaUnusedBytes"), "0");
    assert!(raised(&helo, "Media_Full_Alarm") && raised(&helo, "RecordingFailedAlarm"));
    helo.device().command("StorageCommand", "4").unwrap();
    assert_eq!(get("CurrentMediaUnusedBytes"), "10000000000");
}

#[tokio::test]
async fn listeners_hear_of_readings_that_move() {
    let mut thermal = Thermal::default();
    thermal.settling = Duration::from_millis(50);
    let helo = live(streaming_config("key").with_thermal(thermal)).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    assert_ne!(web.event(&connection, "Temperature").await, "42");
    web.event(&connection, "StreamingDuration").await;
}

#[tokio::test]
async fn linked_units_record_and_stream_together() {
    let helo = ready(streaming_config("key").with_value("LinkStartStop", "1")).await;
    press(&helo, "1").await;
    reach(&helo, "ReplicatorRecordState", "2").await;
    reach(&helo, "ReplicatorStreamState", "2").await;
    press(&helo, "4").await;
    reach(&helo, "ReplicatorRecordState", "1").await;
    reach(&helo, "ReplicatorStreamState", "1").await;
}

#[tokio::test]
async fn serving_files_takes_the_unit_out_of_use() {
    let helo = live(streaming_config("key")).await;
    let web = Web::of(&helo);
    web.set("MediaState", "1").await;
    assert_eq!(web.value("MediaStateDebounced").await, "1");
    reach(&helo, "ReplicatorStreamState", "1").await;
    press(&helo, "3").await;
    let started = helo
        .device()
        .wait_for("ReplicatorStreamState", "2", Duration::from_millis(200));
    assert!(!started.await);
}

#[tokio::test]
async fn value_set_as_the_device_itself_is_held_until_released() {
    let helo = ready(SimulatorConfig::fast()).await;
    let web = Web::of(&helo);
    let connection = web.connect().await;
    helo.device().set("Temperature", "71").unwrap();
    assert_eq!(web.event(&connection, "Temperature").await, "71");
    helo.device().release("Temperature").unwrap();
    assert_eq!(web.value("Temperature").await, "42");
    assert!(helo.device().set("CPUUsage", "1").is_err());
    assert_eq!(helo.device().get("CPUUsage"), None);
    assert!(!helo.device().wait_for("CPUUsage", "", PATIENCE).await);
}

fn rivals(personality: Personality) -> (SimulatedIngest, SimulatorConfig) {
    let ingest = SimulatedIngest::new(personality).with_idle_timeout(Duration::from_secs(1));
    (ingest.clone(), streaming_config("key").with_ingest(ingest))
}

async fn two(config: SimulatorConfig) -> SimulatorFleet {
    let fleet = SimulatorFleet::start(2, config).await.unwrap();
    for helo in fleet.simulators() {
        reach(helo, "ReplicatorStreamState", "1").await;
    }
    press(&fleet[0], "3").await;
    reach(&fleet[0], "ReplicatorStreamState", "2").await;
    fleet
}

fn names(ingest: &SimulatedIngest) -> Vec<String> {
    let publishers = ingest.publishers(URL, "key");
    publishers
        .into_iter()
        .map(|publisher| publisher.serial)
        .collect()
}

#[tokio::test]
async fn takeover_drops_the_first_publisher() {
    let (ingest, config) = rivals(Personality::Takeover);
    let fleet = two(config.with_value("AutoRecoverStreaming", "0")).await;
    press(&fleet[1], "3").await;
    reach(&fleet[1], "ReplicatorStreamState", "2").await;
    reach(&fleet[0], "ReplicatorStreamState", "4").await;
    assert_eq!(names(&ingest), [fleet[1].device().serial()]);
    assert_eq!(ingest.most_publishers(URL, "key"), 1);
}

#[tokio::test]
async fn dropped_publisher_that_recovers_takes_the_key_back() {
    let (ingest, config) = rivals(Personality::Takeover);
    let fleet = two(config).await;
    press(&fleet[1], "3").await;
    reach(&fleet[0], "ReplicatorStreamState", "4").await;
    reach(&fleet[0], "ReplicatorStreamState", "2").await;
    let accepted = |serial: &str| {
        let history = ingest.history();
        let own = history.iter().filter(|record| record.serial == serial);
        own.filter(|record| record.what == IngestChange::Accepted)
            .count()
    };
    assert!(accepted(fleet[0].device().serial()) >= 2);
}

#[tokio::test]
async fn reject_refuses_the_second_publisher() {
    let (ingest, config) = rivals(Personality::Reject);
    let fleet = two(config).await;
    press(&fleet[1], "3").await;
    reach(&fleet[1], "ReplicatorStreamState", "3").await;
    assert!(raised(&fleet[1], "StreamingFailedAlarm"));
    assert_eq!(
        fleet[0].device().get("ReplicatorStreamState").as_deref(),
        Some("2")
    );
    press(&fleet[0], "4").await;
    reach(&fleet[0], "ReplicatorStreamState", "1").await;
    press(&fleet[1], "3").await;
    reach(&fleet[1], "ReplicatorStreamState", "2").await;
    let what: Vec<IngestChange> = ingest.history().iter().map(|record| record.what).collect();
    let expected = [
        IngestChange::Accepted,
        IngestChange::Refused,
        IngestChange::Stopped,
        IngestChange::Accepted,
    ];
    assert_eq!(what, expected);
}

#[tokio::test]
async fn vanished_publisher_holds_its_key_until_the_idle_timeout() {
    let (ingest, config) = rivals(Personality::Reject);
    let fleet = two(config).await;
    fleet[0].inject(FaultKind::NetworkSilence {
        media_continues: false,
    });
    let holder = &ingest.publishers(URL, "key")[0];
    assert!(holder.silent_since.is_some());
    press(&fleet[1], "3").await;
    reach(&fleet[1], "ReplicatorStreamState", "3").await;
    let given_up = async {
        while !names(&ingest).is_empty() {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(PATIENCE, given_up).await.unwrap();
    press(&fleet[1], "3").await;
    reach(&fleet[1], "ReplicatorStreamState", "2").await;
    let history = ingest.history();
    assert!(
        history
            .iter()
            .any(|record| record.what == IngestChange::TimedOut)
    );
    assert_eq!(ingest.most_publishers(URL, "key"), 1);
}

#[tokio::test]
async fn silent_device_whose_media_continue_still_publishes() {
    let (ingest, config) = rivals(Personality::Reject);
    let fleet = two(config).await;
    fleet[0].inject(FaultKind::NetworkSilence {
        media_continues: true,
    });
    assert_eq!(ingest.publishers(URL, "key")[0].silent_since, None);
}

#[tokio::test]
async fn restarting_device_vanishes_from_the_ingest() {
    let (ingest, config) = rivals(Personality::Separate);
    let fleet = two(config).await;
    fleet[0].inject(FaultKind::SelfReboot);
    reach(&fleet[0], "ReplicatorStreamState", "0").await;
    let what: Vec<IngestChange> = ingest.history().iter().map(|record| record.what).collect();
    assert_eq!(what[..2], [IngestChange::Accepted, IngestChange::Vanished]);
}

#[tokio::test]
async fn separate_accepts_both_and_keys_do_not_meet() {
    let (ingest, config) = rivals(Personality::Separate);
    let fleet = two(config).await;
    press(&fleet[1], "3").await;
    reach(&fleet[1], "ReplicatorStreamState", "2").await;
    assert_eq!(ingest.most_publishers(URL, "key"), 2);

    let (ingest, config) = rivals(Personality::Reject);
    let fleet = two(config).await;
    fleet[1]
        .device()
        .command("RTMPStreamName", "other")
        .unwrap();
    press(&fleet[1], "3").await;
    reach(&fleet[1], "ReplicatorStreamState", "2").await;
    assert_eq!(ingest.publishers(URL, "other").len(), 1);
    assert!(!format!("{:?}", ingest.history()).contains("other"));
}

#[tokio::test]
async fn drop_both_leaves_nobody_publishing() {
    let (ingest, config) = rivals(Personality::DropBoth);
    let fleet = two(config.with_value("AutoRecoverStreaming", "0")).await;
    press(&fleet[1], "3").await;
    reach(&fleet[0], "ReplicatorStreamState", "4").await;
    reach(&fleet[1], "ReplicatorStreamState", "4").await;
    assert_eq!(names(&ingest), Vec::<String>::new());
}

#[tokio::test]
async fn ingest_can_drop_and_refuse_everybody() {
    let (ingest, config) = rivals(Personality::Takeover);
    let fleet = two(config).await;
    ingest.refuse_everybody(true);
    ingest.drop_publishers(URL, "key");
    reach(&fleet[0], "ReplicatorStreamState", "4").await;
    ingest.refuse_everybody(false);
    reach(&fleet[0], "ReplicatorStreamState", "2").await;
}

#[tokio::test]
async fn three_hundred_devices_stream_in_one_process() {
    let fleet = SimulatorFleet::start(300, streaming_config("key"))
        .await
        .unwrap();
    let first = Web::of(&fleet[0]);
    let starts = fleet.iter().map(|helo| {
        let web = Web {
            base: helo.url(),
            ..first.clone()
        };
        async move {
            reach(helo, "ReplicatorStreamState", "1").await;
            web.set("ReplicatorCommand", "3").await;
            reach(helo, "ReplicatorStreamState", "2").await;
            web.value("ReplicatorStreamState").await
        }
    });
    let states = futures::future::join_all(starts).await;
    assert!(states.iter().all(|state| state == "2"));
    fleet.shutdown().await;
}

/// A control endpoint over two devices, the first of them streaming.
struct Desk {
    fleet: Arc<SimulatorFleet>,
    base: String,
    http: reqwest::Client,
}

impl Desk {
    async fn open() -> (Self, impl Future<Output = std::io::Result<()>>) {
        let (_, config) = rivals(Personality::Takeover);
        let fleet = Arc::new(two(config).await);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let desk = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            http: Web::of(&fleet[0]).http,
            fleet: Arc::clone(&fleet),
        };
        let serving = axum::serve(listener, control_router(Control::new(fleet)));
        (desk, serving.into_future())
    }

    async fn post(&self, path: &str, body: &Value) -> u16 {
        let request = self.http.post(format!("{}{path}", self.base)).json(body);
        request.send().await.unwrap().status().as_u16()
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.base));
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn injects_and_clears(&self) {
        let fault = json!({"kind": "stream_fails", "times": 1});
        assert_eq!(self.post("/devices/1/faults", &fault).await, 204);
        reach(&self.fleet[0], "ReplicatorStreamState", "4").await;
        let silence = json!({"kind": {"network_silence": {"media_continues": true}}});
        self.post("/devices/2/faults", &silence).await;
        let devices = self.get("/devices").await;
        assert_eq!(devices[1]["faults"][0]["kind"], silence["kind"]);
        let clear = self.http.delete(format!("{}/devices/2/faults", self.base));
        assert_eq!(clear.send().await.unwrap().status(), 204);
        assert!(self.fleet[1].device().faults().is_empty());
        let unknown = json!({"kind": "gremlins"});
        assert_eq!(self.post("/devices/1/faults", &unknown).await, 422);
        assert_eq!(self.post("/devices/3/faults", &silence).await, 404);
    }

    async fn sets_and_shows(&self) {
        let setting = json!({"param": "Temperature", "value": "66"});
        assert_eq!(self.post("/devices/2/set", &setting).await, 204);
        assert_eq!(
            self.fleet[1].device().get("Temperature").as_deref(),
            Some("66")
        );
        let unknown = json!({"param": "CPUUsage", "value": "66"});
        assert_eq!(self.post("/devices/2/set", &unknown).await, 404);
        let log = self.get("/devices/1/requests").await;
        assert_eq!(log[0]["path"], "/config");
        let ingest = self.get("/ingest").await;
        assert_eq!(ingest[0]["what"], "accepted");
        assert!(!ingest.to_string().contains("\"key\""));
    }
}

#[tokio::test]
async fn control_endpoint_injects_clears_sets_and_shows() {
    let (desk, serving) = Desk::open().await;
    let talk = async {
        desk.injects_and_clears().await;
        desk.sets_and_shows().await;
    };
    tokio::select! {
        () = talk => {}
        ended = serving => panic!("the control endpoint ended: {ended:?}"),
    }
}

#[test]
fn configuration_is_json_with_milliseconds_and_refuses_unknown_fields() {
    let text = r#"{"timing": {"boot_ms": 70}, "assumptions": {"hold_ms": 900}, "password": "x"}"#;
    let config: SimulatorConfig = serde_json::from_str(text).unwrap();
    assert_eq!(config.timing.boot, Duration::from_millis(70));
    assert_eq!(config.assumptions.hold, Duration::from_millis(900));
    let written = serde_json::to_value(&config).unwrap();
    assert_eq!(written["timing"]["boot_ms"], 70);
    assert!(written.get("password").is_none());
    assert!(serde_json::from_str::<SimulatorConfig>(r#"{"colour": "red"}"#).is_err());
}

#[test]
fn binary_announces_its_devices_and_ends_with_its_standard_input() {
    let mut simulator = Command::new(env!("CARGO_BIN_EXE_helo-simulator"))
        .args([
            "--listen",
            "127.0.0.1:0",
            "--count",
            "2",
            "--json",
            "--exit-with-stdin",
        ])
        .args(["--control", "127.0.0.1:0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(simulator.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["ready"], true);
    assert_eq!(ready["devices"].as_array().unwrap().len(), 2);
    assert!(
        ready["control"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    drop(simulator.stdin.take());
    assert!(simulator.wait().unwrap().success());
}

#[test]
fn binary_ends_cleanly_on_sigterm() {
    let mut simulator = Command::new(env!("CARGO_BIN_EXE_helo-simulator"))
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(simulator.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("1 http://127.0.0.1:"), "{line}");
    let id = simulator.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert!(simulator.wait().unwrap().success());
}

#[tokio::test]
async fn requests_can_be_followed_as_they_arrive() {
    let helo = ready(SimulatorConfig::fast()).await;
    let mut arrivals = helo.subscribe_requests();
    let web = Web::of(&helo);
    web.set("AVMute", "1").await;
    let record = arrivals.recv().await.unwrap();
    assert!(record.sets("eParamID_AVMute", "1") && record.sequence == 1);
    helo.clear_requests();
    assert!(helo.requests().is_empty());
}

#[tokio::test]
async fn secrets_stay_out_of_debug_output() {
    let (ingest, config) = rivals(Personality::Takeover);
    let config = config
        .with_value("RTMPStreamName", "very-private")
        .with_password("studio");
    let shown = format!("{config:?}");
    assert!(shown.contains("RTMPStreamName"));
    let helo = live(config).await;
    let shown = format!("{shown} {helo:?} {ingest:?} {:?}", ingest.history());
    assert!(shown.contains("SIM000001"));
    assert!(!shown.contains("very-private") && !shown.contains("studio"));
}
