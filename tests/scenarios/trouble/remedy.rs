//! Repairs: less bitrate for a slow network, new settings without a cut, sessions, modes, and the
//! end of every ladder.

use std::collections::BTreeSet;
use std::time::Duration;

use encoder_aja::simulator::{Fault, FaultKind, IngestChange};
use encoder_core::model::{AutoRemediation, Personality, Protection, StreamId, StreamState};
use encoder_tests::{Devices, KEY, Setup, Station, Studio, helo, watch_nothing_happen};
use serde_json::{Value, json};

fn slow_network() -> FaultKind {
    FaultKind::Alarm {
        name: "Network_Too_Slow_Alarm".to_owned(),
    }
}

/// Devices that, pushed out by a newcomer, take a second to come back, as slow machines need to
/// stop them before that. A HELO is taken to need five.
fn unhurried(count: usize) -> Setup {
    let mut setup = Setup::quick(count, Personality::Takeover);
    setup.device.timing.recover = Duration::from_secs(1);
    setup
}

/// Devices whose streams are adapted within seconds.
fn adaptive(count: usize) -> Setup {
    let ms = Duration::from_millis;
    let mut setup = unhurried(count);
    setup.config.adaptation.trouble_after = ms(300);
    setup.config.adaptation.cool_off = ms(1500);
    setup.config.adaptation.healthy_period = ms(2500);
    setup.config.care.interval = ms(100);
    setup.config.care.trouble_after = ms(300);
    setup.config.care.cool_off = ms(500);
    setup.config.care.verify_within = ms(2000);
    setup
}

fn bitrate(devices: &Devices, number: usize) -> String {
    let device = devices.nth(number).device();
    device.get("StreamingVideoBitrate").unwrap_or_default()
}

/// How long nobody published the stream between its first publisher and now.
fn without_publisher(devices: &Devices) -> Duration {
    let mut publishing = BTreeSet::new();
    let (mut begun, mut empty_since, mut silent) = (false, None, Duration::ZERO);
    for record in devices.ingest.history() {
        match record.what {
            IngestChange::Accepted => publishing.insert(record.serial),
            IngestChange::Refused => continue,
            _ => publishing.remove(&record.serial),
        };
        begun |= !publishing.is_empty();
        if begun && publishing.is_empty() {
            empty_since = empty_since.or(Some(record.at));
        } else if let Some(since) = empty_since.take() {
            silent += record.at.saturating_duration_since(since);
        }
    }
    assert!(
        empty_since.is_none(),
        "nobody publishes: {:?}",
        devices.story()
    );
    silent
}

async fn noted(studio: &Studio, stream: &StreamId, transition: &str) -> Vec<String> {
    let entries = studio.manager.timeline(stream).await.unwrap();
    let of = entries
        .into_iter()
        .filter(|entry| entry.transition == transition);
    of.map(|entry| format!("{}; {:?}", entry.message, entry.evidence))
        .collect()
}

async fn until_noted(studio: &Studio, stream: &StreamId, transition: &str) -> Vec<String> {
    for _ in 0..500 {
        let found = noted(studio, stream, transition).await;
        if !found.is_empty() {
            return found;
        }
        watch_nothing_happen(Duration::from_millis(20)).await;
    }
    panic!("{transition} is not in the timeline");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_gets_less_bitrate_by_hand_over_and_more_again() {
    let studio = Studio::open(adaptive(2)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(slow_network());
    studio
        .until("handed over with less", |s| {
            let bitrates = [bitrate(&s.devices, 1), bitrate(&s.devices, 2)];
            s.is_live_on(&stream, 2) && s.view(&stream).backup.ready && bitrates == ["6000", "6000"]
        })
        .await;
    let record = studio.view(&stream).record;
    assert_eq!(
        record.config.bitrate.as_kbps(),
        8000,
        "what was asked for stays"
    );
    let adaptation = record.adaptation.unwrap();
    assert_eq!(adaptation.bitrate.as_kbps(), 6000);
    assert_eq!(adaptation.reason.as_str(), "network_too_slow");
    assert_eq!(without_publisher(&studio.devices), Duration::ZERO);
    assert_eq!(studio.on_disk(&stream).await.0.adaptation, Some(adaptation));
    let told = until_noted(&studio, &stream, "reduce_bitrate")
        .await
        .remove(0);
    assert!(told.contains("read back bitrate=6000000"), "{told}");
    assert!(told.contains("network_too_slow"), "{told}");
    assert!(studio.issue(&stream, "adapted").unwrap().contains("8"));
    studio.devices.nth(1).clear_faults();
    studio
        .until("what was asked for", |s| {
            let bitrates = [bitrate(&s.devices, 1), bitrate(&s.devices, 2)];
            let adapted = s.view(&stream).record.adaptation.is_some();
            !adapted && s.view(&stream).backup.ready && bitrates == ["8000", "8000"]
        })
        .await;
    assert_eq!(without_publisher(&studio.devices), Duration::ZERO);
    assert_eq!(studio.issue(&stream, "adapted"), None);
    until_noted(&studio, &stream, "restore").await;
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_backup_a_step_is_only_proposed() {
    let studio = Studio::open(adaptive(1)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(slow_network());
    studio
        .until("proposed", |s| {
            s.issue(&stream, "remediation_proposed").is_some()
        })
        .await;
    watch_nothing_happen(Duration::from_secs(2)).await;
    assert_eq!(bitrate(&studio.devices, 1), "8000");
    assert_eq!(studio.devices.story(), ["helo-1 accepted"]);
    assert_eq!(
        noted(&studio, &stream, "remediation_proposed").await.len(),
        1
    );
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn observing_changes_nothing_and_says_what_it_would_do() {
    let mut setup = adaptive(2);
    setup.config.auto_remediation = AutoRemediation::Observe;
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    studio.devices.nth(1).inject(slow_network());
    let told = until_noted(&studio, &stream, "remediation_proposed").await;
    assert!(told[0].contains("may only be observed"), "{told:?}");
    watch_nothing_happen(Duration::from_secs(2)).await;
    assert!(studio.is_live_on(&stream, 1));
    assert_eq!(
        [bitrate(&studio.devices, 1), bitrate(&studio.devices, 2)],
        ["8000", "8000"]
    );
    assert_eq!(
        noted(&studio, &stream, "remediation_proposed").await.len(),
        1
    );
    assert_eq!(studio.failovers(&stream), 0);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_and_a_kind_may_be_repaired_less_than_the_others() {
    let mut setup = adaptive(2);
    let kind = encoder_core::model::TroubleKind::Picture;
    setup
        .config
        .auto_remediation_kinds
        .insert(kind, AutoRemediation::Off);
    let station = Station::open(setup).await;
    let mut encoder = json!({
        "address": station.devices.nth(1).url(), "site": "site-1", "auto_remediation": "observe",
    });
    let changed = station.client.put("/api/encoders/helo-1", &encoder).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.body["auto_remediation"], "observe");
    let stream = station.live(&station.request(Protection::Warm)).await;
    station.devices.nth(1).inject(FaultKind::Alarm {
        name: "Frame_Skipped_Alarm".to_owned(),
    });
    watch_nothing_happen(Duration::from_secs(1)).await;
    let path = format!("/api/streams/{stream}/health");
    let codes = async || {
        let health = station.client.get(&path).await.body;
        let issues = health["issues"].as_array().cloned().unwrap_or_default();
        issues
            .into_iter()
            .map(|issue| issue["code"].clone())
            .collect::<Vec<_>>()
    };
    assert!(
        !codes().await.contains(&json!("remediation_proposed")),
        "the kind is off"
    );
    station.devices.nth(1).inject(slow_network());
    encoder_tests::until("proposed", async || {
        codes().await.contains(&json!("remediation_proposed"))
    })
    .await;
    assert_eq!(bitrate(&station.devices, 1), "8000");
    encoder["auto_remediation"] = Value::Null;
    let changed = station.client.put("/api/encoders/helo-1", &encoder).await;
    assert_eq!(changed.body["auto_remediation"], Value::Null);
    let adapted = station
        .until_stream(&stream, "adapted", |s| {
            s["adaptation"]["bitrate"] == 6_000_000
        })
        .await;
    assert_eq!(adapted["config"]["bitrate"], 8_000_000);
    assert_eq!(adapted["adaptation"]["reason"], "network_too_slow");
    assert_eq!(adapted["primary"]["encoder_id"], "helo-2");
    let wrong = json!({"address": station.devices.nth(1).url(), "auto_remediation": "maybe"});
    let refused = station.client.put("/api/encoders/helo-1", &wrong).await;
    assert_eq!(
        (refused.status, refused.fields()),
        (422, vec!["auto_remediation"])
    );
    let counted = r#"encoder_remediation_steps_total{kind="network",outcome="succeeded",step="reduce_bitrate"} 1"#;
    // The stream is told first, and counted then.
    encoder_tests::until("counted", async || {
        let metrics = station.client.get("/metrics").await.text;
        metrics.contains(counted)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_settings_reach_the_ingest_without_a_moment_of_nobody() {
    let mut gaps = Vec::new();
    for count in [1, 2] {
        let station = Station::open(unhurried(count)).await;
        let stream = station.live(&station.request(Protection::Warm)).await;
        let path = format!("/api/streams/{stream}/config");
        let answer = station
            .client
            .put(&path, &json!({"bitrate": 6_000_000}))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.body["config"]["bitrate"], 6_000_000);
        assert_eq!(
            answer.body["backup"]["ready"],
            count == 2,
            "{}",
            answer.text
        );
        for number in 1..=count {
            assert_eq!(bitrate(&station.devices, number), "6000");
        }
        let on_air = station
            .until_stream(&stream, "live", |s| s["state"] == "live")
            .await;
        assert_eq!(on_air["primary"]["encoder_id"], format!("helo-{count}"));
        assert_eq!(on_air["adaptation"], Value::Null);
        gaps.push(without_publisher(&station.devices));
    }
    assert!(
        gaps[0] > Duration::ZERO,
        "the encoder alone was stopped for it"
    );
    assert_eq!(gaps[1], Duration::ZERO, "{gaps:?}");
}

fn logins(station: &Station, number: usize) -> usize {
    let requests = station.devices.nth(number).requests();
    let login =
        |request: &&encoder_aja::simulator::RequestRecord| request.path == "/authenticator/login";
    requests.iter().filter(login).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_dropped_is_renewed_on_air() {
    let mut setup = adaptive(2);
    setup.locked = true;
    let station = Station::open(setup).await;
    let stream = station.live(&station.request(Protection::Warm)).await;
    let before = logins(&station, 1);
    station.devices.nth(1).inject(FaultKind::DropSessions);
    encoder_tests::until("logged in again", async || logins(&station, 1) > before).await;
    let before = logins(&station, 1);
    for action in ["renew_session", "reconnect", "reset_media_state"] {
        let path = "/api/encoders/helo-1/control";
        let answer = station
            .client
            .post(path, &json!({ "action": action }))
            .await;
        assert_eq!(answer.status, 200, "{action}: {}", answer.text);
        assert_eq!(answer.body["confirmed"], true);
    }
    assert!(logins(&station, 1) > before);
    let health = station
        .client
        .get(&format!("/api/streams/{stream}"))
        .await
        .body;
    assert_eq!(
        (&health["state"], &health["primary"]["encoder_id"]),
        (&json!("live"), &json!("helo-1"))
    );
    assert_eq!(
        station.devices.story(),
        ["helo-1 accepted"],
        "the stream went on"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_answers_nonsense_is_logged_in_to_anew_within_the_budget() {
    let mut setup = adaptive(2);
    setup.locked = true;
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let nonsense = Fault::new(FaultKind::WrongJson).on_param("ReplicatorStreamState");
    studio.devices.nth(2).inject(nonsense);
    let told = until_noted(&studio, &stream, "renew_session").await;
    assert!(
        told[0].contains("failed") && told[0].contains("device_misbehaves"),
        "{told:?}"
    );
    watch_nothing_happen(Duration::from_secs(12)).await;
    assert_eq!(
        noted(&studio, &stream, "renew_session").await.len(),
        3,
        "and no more"
    );
    assert!(studio.is_live_on(&stream, 1));
    assert!(noted(&studio, &stream, "reboot").await.is_empty());
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_nothing_helps_and_nobody_needs_is_restarted_once() {
    let mut setup = adaptive(2);
    setup.config.care.reboot_after = Duration::from_secs(2);
    let studio = Studio::open(setup).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    for number in [1, 2] {
        let nonsense = Fault::new(FaultKind::WrongJson).on_param("ReplicatorStreamState");
        studio
            .devices
            .nth(number)
            .inject(nonsense.lasting(Duration::from_secs(60)));
    }
    let told = until_noted(&studio, &stream, "reboot").await;
    assert!(told[0].starts_with("reboot on helo-2: done"), "{told:?}");
    watch_nothing_happen(Duration::from_secs(3)).await;
    let rebooted = |number| {
        let requests = studio.devices.nth(number).requests();
        let reboot = |request: &&encoder_aja::simulator::RequestRecord| {
            request.param("paramid") == Some("eParamID_Reboot")
        };
        requests.iter().filter(reboot).count()
    };
    assert_eq!(rebooted(2), 1);
    assert_eq!(rebooted(1), 0, "it publishes");
    assert_eq!(studio.devices.on_air(), ["helo-1"]);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_that_refuses_the_key_ends_every_ladder() {
    let studio = Studio::open(adaptive(2)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    for number in [1, 2] {
        studio.devices.nth(number).inject(FaultKind::StreamFails);
    }
    let starts = |s: &Studio| -> usize {
        let start = |request: &encoder_aja::simulator::RequestRecord| {
            request.param("paramid") == Some("eParamID_ReplicatorCommand")
                && request.param("value") == Some("3")
        };
        let all = s
            .devices
            .all()
            .flat_map(encoder_aja::simulator::Simulator::requests);
        all.filter(start).count()
    };
    studio
        .until("escalated", |s| {
            s.issue(&stream, "failover_held")
                .is_some_and(|held| held.contains("cap"))
        })
        .await;
    watch_nothing_happen(Duration::from_secs(2)).await;
    let spent = starts(&studio);
    let budget = studio.setup.config.remediation_budget.attempts;
    let cap = studio.setup.config.failover.hourly_cap as usize;
    assert!(spent <= 1 + budget + cap, "{spent} starts");
    watch_nothing_happen(Duration::from_secs(3)).await;
    assert_eq!(starts(&studio), spent, "no endless restarts");
    assert!(!noted(&studio, &stream, "restart_in_place").await.is_empty());
    assert_ne!(studio.state(&stream), StreamState::Live);
    studio.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_serves_files_is_brought_back_to_streaming() {
    // Alone it is mended in place.
    let studio = Studio::open(adaptive(1)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let device = studio.devices.nth(1).device();
    device.command("MediaState", "1").unwrap();
    studio
        .until("off air", |s| {
            s.devices
                .ingest
                .publishers(encoder_tests::URL, KEY)
                .is_empty()
        })
        .await;
    studio
        .until("live again", |s| {
            s.is_live_on(&stream, 1) && s.devices.on_air() == ["helo-1"]
        })
        .await;
    assert_eq!(device.get("MediaState").as_deref(), Some("0"));
    until_noted(&studio, &stream, "record_stream_mode").await;
    studio.close().await;
    // With a backup the stream moves first, and the device becomes the backup again.
    let studio = Studio::open(adaptive(2)).await;
    let stream = studio.live(studio.setup.request(Protection::Warm)).await;
    let device = studio.devices.nth(1).device();
    device.command("MediaState", "1").unwrap();
    studio.until("moved", |s| s.is_live_on(&stream, 2)).await;
    studio
        .until("back as backup", |s| {
            s.backup(&stream) == Some(helo(1)) && s.view(&stream).backup.ready
        })
        .await;
    assert_eq!(device.get("MediaState").as_deref(), Some("0"));
    studio.close().await;
}
