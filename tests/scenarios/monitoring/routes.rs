//! What a real Alertmanager holds back.

use std::time::{Duration, Instant};

use encoder_tests::{Alertmanager, installed};
use serde_json::{Value, json};

/// An alert as Prometheus sends it, or with a `code` as the manager does, from `name label=value …`.
fn alert(told: &str) -> Value {
    let mut words = told.split(' ');
    let mut labels = json!({"alertname": words.next()});
    if !told.contains(" code=") {
        labels["service"] = json!("encoder-manager");
    }
    for word in words {
        let (label, value) = word.split_once('=').unwrap();
        labels[label] = json!(value);
    }
    json!({"labels": labels, "annotations": {}})
}

/// What is wrong at once, the cause first, and which of it nobody is told.
const INCIDENTS: &[(&str, &[&str], &[&str])] = &[
    (
        "a manager that is down is all that is known",
        &["ManagerDown severity=critical component=manager"],
        &[
            "StreamDown severity=critical component=stream stream_id=str_1",
            "WatcherStalled severity=critical component=manager encoder_id=helo-1",
            "CertificateInvalid severity=critical component=certificate target=server",
        ],
    ),
    (
        "a manager that reaches nobody has no news of encoders",
        &[
            "ManagerIsolated severity=critical component=manager",
            "CertificateInvalid severity=critical component=certificate target=server",
        ],
        &[
            "SiteOffline severity=critical component=encoder site=north",
            "StreamDown severity=critical component=stream stream_id=str_1 encoder_id=helo-1",
        ],
    ),
    (
        "a site is told, not its encoders and what follows from them",
        &[
            "SiteOffline severity=critical component=encoder site=north",
            "EncoderOffline severity=warning component=encoder site=south encoder_id=helo-9",
        ],
        &[
            "EncoderOffline severity=warning component=encoder site=north encoder_id=helo-1",
            "EncoderOffline severity=warning component=encoder site=north encoder_id=helo-2",
            "EncoderUnstable severity=warning component=encoder encoder_id=helo-1",
        ],
    ),
    (
        "an encoder is told, not its symptoms, and others are",
        &[
            "EncoderOffline severity=warning component=encoder encoder_id=helo-1",
            "StorageSpaceLow severity=warning component=storage encoder_id=helo-2",
            "StreamUnprotected severity=warning component=stream stream_id=str_1",
        ],
        &[
            "EncoderUnstable severity=warning component=encoder encoder_id=helo-1",
            "EncoderOverTemperature severity=warning component=encoder encoder_id=helo-1",
            "EncoderCooling severity=info component=encoder encoder_id=helo-1",
            "AudioMissing severity=warning component=encoder encoder_id=helo-1",
            "BitrateUnstable severity=warning component=stream stream_id=str_1 encoder_id=helo-1",
            "StorageSpaceLow severity=warning component=storage encoder_id=helo-1",
        ],
    ),
    (
        "a stream that is off air is one page with its encoder in it",
        &[
            "StreamDown severity=critical component=stream stream_id=str_1 encoder_id=helo-1",
            "StreamUnprotected severity=warning component=stream stream_id=str_2",
        ],
        &[
            "EncoderOffline severity=warning component=encoder site=north encoder_id=helo-1",
            "StreamDegraded severity=warning component=stream stream_id=str_1",
            "StreamUnprotected severity=warning component=stream stream_id=str_1",
            "FailoverFailed severity=critical component=stream reason=device_silent",
        ],
    ),
    (
        "one without an encoder does not hide those of others",
        &[
            "StreamDown severity=critical component=stream stream_id=str_1",
            "StreamDegraded severity=warning component=stream stream_id=str_2",
        ],
        &["StreamDegraded severity=warning component=stream stream_id=str_1"],
    ),
    (
        "restarts are why it does not answer",
        &["StorageRebootCycle severity=warning component=storage encoder_id=helo-1"],
        &[
            "EncoderOffline severity=warning component=encoder encoder_id=helo-1",
            "StorageDeviceFailed severity=warning component=storage encoder_id=helo-1",
        ],
    ),
    (
        "the worse of heat, of a medium, of a certificate and of a sink",
        &[
            "EncoderOverTemperature severity=critical component=encoder encoder_id=helo-1",
            "StorageDeviceFailed severity=warning component=storage encoder_id=helo-2",
            "CertificateInvalid severity=critical component=certificate target=server",
            "NotificationsLost severity=critical component=manager sink=telegram",
            "NotificationsFailing severity=warning component=manager sink=email",
        ],
        &[
            "EncoderOverTemperature severity=warning component=encoder encoder_id=helo-1",
            "EncoderCooling severity=info component=encoder encoder_id=helo-1",
            "StorageFillingUp severity=info component=storage encoder_id=helo-2 medium=primary",
            "CertificateExpiring severity=critical component=certificate target=server",
            "NotificationsFailing severity=warning component=manager sink=telegram",
        ],
    ),
    (
        "what the manager tells by itself is not told twice",
        &[
            "DeviceSilent code=device_silent severity=critical category=encoder encoder_id=helo-1",
            "StreamStopped code=stream_stopped severity=critical category=stream stream_id=str_1",
            "TemperatureHigh code=temperature_high severity=warning category=encoder encoder_id=helo-2",
            "VideoInputLost severity=critical component=encoder encoder_id=helo-2",
            "EncoderOffline severity=warning component=encoder encoder_id=helo-3",
            "StreamUnprotected severity=warning component=stream stream_id=str_2",
        ],
        &[
            "EncoderOffline severity=warning component=encoder encoder_id=helo-1",
            "StreamDown severity=critical component=stream stream_id=str_1 encoder_id=helo-1",
            "StreamDegraded severity=warning component=stream stream_id=str_1",
            "EncoderOverTemperature severity=warning component=encoder encoder_id=helo-2",
        ],
    ),
];

/// Whether Alertmanager holds that alert back because of another.
fn is_held(known: &[Value], wanted: &Value) -> bool {
    let mut same = known.iter().filter(|one| one["labels"] == wanted["labels"]);
    let by = &same.next().expect("it is known")["status"]["inhibitedBy"];
    by.as_array().is_some_and(|by| !by.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_from_something_else_is_held_back() {
    if !installed("prometheus-alertmanager", "prometheus-alertmanager") {
        return;
    }
    for (what, told, held) in INCIDENTS {
        let alertmanager = Alertmanager::start().await;
        let all: Vec<_> = told.iter().chain(*held).map(|told| alert(told)).collect();
        let expected = told.iter().map(|_| false).chain(held.iter().map(|_| true));
        let expected: Vec<_> = all.iter().zip(expected).collect();
        // What holds back reaches Alertmanager's inhibitor a moment after the answer.
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let known = alertmanager.tell(&json!(all)).await;
            assert_eq!(known.len(), all.len(), "{what}");
            let wrong = expected
                .iter()
                .find(|(wanted, held)| is_held(&known, wanted) != *held);
            let Some((wanted, held)) = wrong else { break };
            let labels = &wanted["labels"];
            assert!(
                Instant::now() < deadline,
                "{what}: {labels} should be held back: {held}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
