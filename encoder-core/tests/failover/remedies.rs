//! Adapting streams on air, and caring for devices.

use std::time::Duration;

use encoder_core::events::Delivery;
use encoder_core::model::{
    Action, Alarm, AlarmCategory, AutoRemediation, Bitrate, EncoderId, EventKind, Personality,
    Protection, Severity, StreamId, StreamState, TroubleKind, alarm_code, issue_code,
};
use encoder_core::testkit::CallKind;

use crate::bench::{Bench, Setup, id, pass};

fn slow_network() -> Alarm {
    Alarm {
        code: alarm_code::NETWORK_TOO_SLOW.to_owned(),
        category: AlarmCategory::Network,
        severity: Severity::Warning,
        message: "Network too slow".to_owned(),
    }
}

fn bitrate(bench: &Bench, id: &EncoderId) -> u64 {
    bench.encoder(id).config().unwrap().bitrate.0
}

async fn warm(bench: &Bench) -> StreamId {
    let request = bench.request(Personality::Takeover, Protection::Warm);
    bench.live(request).await
}

/// Two encoders behind one network that is too slow for more than `kbps`.
async fn weather(bench: &Bench, kbps: u64, span: Duration) {
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < span {
        for encoder in &bench.encoders {
            let held = encoder
                .config()
                .map_or(0, |config| config.bitrate.as_kbps());
            if encoder.is_publishing() && held > kbps {
                if encoder_alarm(encoder).is_none() {
                    encoder.raise_alarm(slow_network());
                }
            } else if encoder_alarm(encoder).is_some() {
                encoder.clear_alarm(alarm_code::NETWORK_TOO_SLOW);
            }
        }
        pass(Duration::from_millis(500)).await;
    }
}

fn encoder_alarm(encoder: &encoder_core::testkit::FakeEncoder) -> Option<()> {
    let mut found = None;
    encoder.set_readings(|status| {
        found = status.alarm(alarm_code::NETWORK_TOO_SLOW).map(|_| ());
    });
    found
}

#[tokio::test(start_paused = true)]
async fn a_slow_network_gets_less_bitrate_and_more_again_when_it_is_well() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = warm(&bench).await;
    weather(&bench, 5000, Duration::from_secs(90)).await;
    let record = bench.view(&stream).record;
    let adaptation = record.adaptation.clone().unwrap();
    assert_eq!(adaptation.bitrate, Bitrate::from_kbps(4500));
    assert_eq!(adaptation.reason.as_str(), alarm_code::NETWORK_TOO_SLOW);
    assert_eq!(
        record.config.bitrate.as_kbps(),
        8000,
        "what was asked for stays"
    );
    for number in [1, 2] {
        assert_eq!(
            bitrate(&bench, &id(number)),
            4_500_000,
            "the backup as well"
        );
    }
    assert!(bench.issue(&stream, "adapted").is_some());
    let note = bench.noted(&stream, "reduce_bitrate").await.remove(0);
    assert!(
        note.message.contains("read back bitrate=6000000"),
        "{}",
        note.message
    );
    assert!(!note.evidence.is_empty() && note.threshold.is_some());
    assert_eq!(bench.noted(&stream, "remediation_confirmed").await.len(), 2);
    weather(&bench, 9000, Duration::from_secs(3600)).await;
    assert_eq!(bench.view(&stream).record.adaptation, None);
    assert_eq!(bench.noted(&stream, "restore").await.len(), 2);
    assert_eq!(bitrate(&bench, &bench.primary(&stream)), 8_000_000);
    assert_eq!(bench.issue(&stream, "adapted"), None);
    let trouble = bench.noted(&stream, "restart_in_place").await;
    assert!(trouble.is_empty());
}

#[tokio::test(start_paused = true)]
async fn encoders_that_take_settings_on_air_are_adapted_where_they_are() {
    let mut setup = Setup::new(2, Personality::Takeover);
    setup.config.adaptation.cool_off = Duration::from_secs(10);
    let bench = setup.build().await;
    bench.encoder(&id(1)).allow_settings_on_air();
    let stream = warm(&bench).await;
    bench.encoder(&id(1)).raise_alarm(slow_network());
    bench
        .until("at its floor", |b| bitrate(b, &id(1)) == 3_200_000)
        .await;
    assert_eq!(bench.failovers(&stream), 0);
    pass(Duration::from_secs(600)).await;
    assert_eq!(bitrate(&bench, &id(1)), 3_200_000, "and no further");
    assert_eq!(bench.noted(&stream, "reduce_bitrate").await.len(), 4);
    assert!(
        !bench
            .noted(&stream, "remediation_ineffective")
            .await
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn an_interruption_is_only_proposed() {
    let bench = Setup::new(1, Personality::Takeover).build().await;
    let stream = warm(&bench).await;
    bench.encoder(&id(1)).raise_alarm(slow_network());
    pass(Duration::from_secs(600)).await;
    assert_eq!(bitrate(&bench, &id(1)), 8_000_000);
    assert_eq!(bench.starts(&id(1)), 1);
    assert_eq!(bench.noted(&stream, "remediation_proposed").await.len(), 1);
    let told = bench.issue(&stream, "remediation_proposed").unwrap();
    assert!(told.contains("reduce the bitrate to 6"), "{told}");
    bench
        .encoder(&id(1))
        .clear_alarm(alarm_code::NETWORK_TOO_SLOW);
    pass(Duration::from_secs(10)).await;
    assert_eq!(bench.issue(&stream, "remediation_proposed"), None);
}

#[tokio::test(start_paused = true)]
async fn the_most_restrictive_mode_counts() {
    type Change = fn(&mut encoder_core::ManagerConfig);
    let restrict: [(Change, usize); 3] = [
        (
            |config| config.auto_remediation = AutoRemediation::Observe,
            1,
        ),
        (|config| config.auto_remediation = AutoRemediation::Off, 0),
        (
            |config| {
                let kinds = &mut config.auto_remediation_kinds;
                kinds.insert(TroubleKind::Network, AutoRemediation::Observe);
            },
            1,
        ),
    ];
    for (change, proposals) in restrict {
        let mut setup = Setup::new(2, Personality::Takeover);
        change(&mut setup.config);
        let bench = setup.build().await;
        let stream = warm(&bench).await;
        bench.encoder(&id(1)).raise_alarm(slow_network());
        pass(Duration::from_secs(300)).await;
        assert_eq!(bench.primary(&stream), id(1));
        assert_eq!(bitrate(&bench, &id(1)), 8_000_000);
        assert_eq!(bitrate(&bench, &id(2)), 8_000_000);
        let proposed = bench.noted(&stream, "remediation_proposed").await;
        assert_eq!(proposed.len(), proposals);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_place_is_a_step_like_any_other() {
    let mut setup = Setup::new(1, Personality::Takeover);
    setup.config.auto_remediation = AutoRemediation::Observe;
    let bench = setup.build().await;
    let stream = warm(&bench).await;
    bench.encoder(&id(1)).fail_stream();
    pass(Duration::from_secs(30)).await;
    assert_eq!(bench.starts(&id(1)), 1, "told, not done");
    assert_eq!(bench.noted(&stream, "remediation_proposed").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn moves_are_kept_for_faults() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = warm(&bench).await;
    // Nothing helps: half of the hourly moves are spent at most.
    weather(&bench, 1, Duration::from_secs(1200)).await;
    let moves = bench.failovers(&stream);
    assert_eq!(moves, 3);
    assert_eq!(bench.state(&stream), StreamState::Live);
    let on_air = bench.primary(&stream);
    bench.encoder(&on_air).fail_stream();
    bench
        .until("moved because of the fault", |b| {
            b.primary(&stream) != on_air && b.state(&stream) == StreamState::Live
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_anew_ends_the_adaptation() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let stream = warm(&bench).await;
    weather(&bench, 7000, Duration::from_secs(20)).await;
    assert!(bench.view(&stream).record.adaptation.is_some());
    bench
        .until("protected", |b| b.view(&stream).backup.ready)
        .await;
    let change = serde_json::from_str(r#"{"bitrate":5000000}"#).unwrap();
    let view = bench
        .manager
        .update_stream(&stream, change, None)
        .await
        .unwrap();
    assert_eq!(view.record.adaptation, None);
    assert_eq!(bitrate(&bench, &bench.primary(&stream)), 5_000_000);
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_serves_files_is_not_ready_and_is_brought_back() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    bench.encoder(&id(2)).allow_repairs();
    let stream = warm(&bench).await;
    bench
        .encoder(&id(2))
        .set_readings(|status| status.serves_files = Some(true));
    bench
        .until("not ready", |b| !b.view(&stream).backup.ready)
        .await;
    bench
        .until("ready again", |b| b.view(&stream).backup.ready)
        .await;
    let commands = bench.encoder(&id(2)).commands();
    assert!(commands.contains(&CallKind::Control(Action::ResetMediaState)));
    pass(Duration::from_secs(1)).await;
    assert_eq!(bench.noted(&stream, "record_stream_mode").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_repair_without_effect_failed() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    let backup = bench.encoder(&id(2));
    backup.allow_repairs();
    backup.ignore_repairs();
    let stream = warm(&bench).await;
    backup.set_readings(|status| status.serves_files = Some(true));
    pass(Duration::from_secs(60)).await;
    let noted = bench.noted(&stream, "record_stream_mode").await;
    assert!(
        noted[0].message.contains("no effect was seen"),
        "{noted:#?}"
    );
    assert_eq!(noted[0].severity, Severity::Critical);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_may_only_be_observed_is_not_touched() {
    let mut setup = Setup::new(2, Personality::Takeover);
    setup.config.auto_remediation = AutoRemediation::Observe;
    let bench = setup.build().await;
    bench.encoder(&id(2)).allow_repairs();
    let stream = warm(&bench).await;
    bench.encoder(&id(2)).clear_calls();
    bench.encoder(&id(2)).go_silent();
    pass(Duration::from_secs(300)).await;
    let commands = bench.encoder(&id(2)).commands();
    assert!(!commands.contains(&CallKind::Control(Action::Reconnect)));
    let proposed = bench.noted(&stream, "remediation_proposed").await;
    assert_eq!(proposed.len(), 1, "told once: {proposed:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_device_gets_new_connections_within_the_budget() {
    let bench = Setup::new(2, Personality::Takeover).build().await;
    bench.encoder(&id(2)).allow_repairs();
    let stream = warm(&bench).await;
    let mut feed = bench.manager.events().subscribe();
    bench.encoder(&id(2)).go_silent();
    pass(Duration::from_secs(600)).await;
    let commands = bench.encoder(&id(2)).commands();
    let reconnect = CallKind::Control(Action::Reconnect);
    assert_eq!(
        commands.iter().filter(|call| **call == reconnect).count(),
        3
    );
    assert!(!commands.contains(&CallKind::Control(Action::Reboot)));
    let failed = bench.noted(&stream, "reconnect").await;
    assert_eq!(failed.len(), 3);
    let mut told = 0;
    while let Ok(Some(delivery)) = tokio::time::timeout(Duration::from_millis(1), feed.next()).await
    {
        let Delivery::Event(event) = delivery else {
            continue;
        };
        if let EventKind::StreamError(report) = &event.kind
            && report.code == issue_code::REPAIR_FAILED
        {
            assert_eq!(report.encoder_id, Some(id(2)), "the device that was tended");
            told += 1;
        }
    }
    assert_eq!(told, 3, "{failed:#?}");
}
