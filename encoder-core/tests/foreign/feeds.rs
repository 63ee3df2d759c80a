//! Event feeds of drivers of another language.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use encoder_core::foreign::ForeignDriver;
use encoder_core::model::{Celsius, EncoderId};
use encoder_core::{DeviceEvent, EncoderDriver, Error, ErrorKind, Result, StatusChange};
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::drivers::obedient;
use crate::script::{Script, object, patient, until};

const SNAPSHOT: &str = r#"{"event": "snapshot", "status": {"stream_state": "idle"}}"#;
const WARMER: &str = r#"{"event": "changed", "change": {"temperature": 61.5}}"#;

/// A feed that gives these answers, and then nothing more.
fn feed(answers: impl IntoIterator<Item = Result<&'static str>>) -> Script {
    let answers = answers.into_iter().map(|answer| answer.map(str::to_owned));
    let answers = Mutex::new(answers.collect::<VecDeque<_>>());
    let script = obedient().answering("close_feed", "null");
    script.with("next_event", move |_, _| {
        let answer = answers.lock().unwrap().pop_front();
        async move {
            match answer {
                Some(answer) => answer,
                None => pending().await,
            }
        }
    })
}

fn open(script: Script) -> (BoxStream<'static, DeviceEvent>, Arc<Script>) {
    let script = Arc::new(script);
    let id = EncoderId::try_new("helo-1").unwrap();
    let capability = r#"{"pushes_events": true}"#;
    let driver = ForeignDriver::from_document(object(&script), id, capability, &patient());
    (driver.unwrap().events(), script)
}

/// One word for each event.
async fn hear(feed: &mut BoxStream<'static, DeviceEvent>, count: usize) -> Vec<String> {
    let events = tokio::time::timeout(Duration::from_secs(60), feed.take(count).collect());
    let events: Vec<_> = events.await.expect("as many events");
    let word = |event| match event {
        DeviceEvent::Snapshot(_) => "snapshot".to_owned(),
        DeviceEvent::Changed(StatusChange::Temperature(Celsius(celsius))) => celsius.to_string(),
        DeviceEvent::FeedLost { reason } => reason,
        other => panic!("{other:?}"),
    };
    events.into_iter().map(word).collect()
}

fn numbers(script: &Script, method: &str) -> Vec<String> {
    let asked = script.asked().into_iter();
    asked
        .filter(|asked| asked.0 == method)
        .map(|asked| asked.1)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn events_are_asked_for_one_by_one() {
    let (mut feed, script) = open(feed([Ok(SNAPSHOT), Ok(WARMER)]));
    assert_eq!(hear(&mut feed, 2).await, ["snapshot", "61.5"]);
    assert_eq!(numbers(&script, "next_event"), ["[1]", "[1]"]);
    assert_eq!(script.times("close_feed"), 0);
    assert_eq!(script.times("status"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_ends_is_opened_anew_under_another_number() {
    let raised = || Err(Error::new(ErrorKind::DeviceUnreachable, "cut off"));
    let answers = [
        Ok(SNAPSHOT),
        Ok("null"),
        Ok(SNAPSHOT),
        raised(),
        raised(),
        Ok(r#"{"event": "shout"}"#),
        Ok(SNAPSHOT),
    ];
    let (mut feed, script) = open(feed(answers));
    let heard = hear(&mut feed, 7).await;
    let lost = "device_unreachable: cut off (Script.next_event, encoder=helo-1)";
    assert_eq!(
        heard[..5],
        ["snapshot", "the feed ended", "snapshot", lost, lost]
    );
    assert!(
        heard[5].contains("event: unknown variant `shout`"),
        "{}",
        heard[5]
    );
    assert_eq!(heard[6], "snapshot");
    let asked = numbers(&script, "next_event");
    assert_eq!(asked, ["[1]", "[1]", "[2]", "[2]", "[3]", "[4]", "[5]"]);
    until("lost feeds are closed", || script.times("close_feed") == 4).await;
}

#[tokio::test(start_paused = true)]
async fn the_pause_before_the_next_try_grows_to_an_end() {
    let failing = || obedient().raising("next_event", ErrorKind::DeviceUnreachable);
    let (mut feed, _) = open(failing());
    let begun = tokio::time::Instant::now();
    let mut moments = Vec::new();
    for _ in 0..9 {
        hear(&mut feed, 1).await;
        moments.push(begun.elapsed().as_millis());
    }
    // A pause is a quarter of a second at first, doubles, and is ten seconds at most.
    let expected = [0, 250, 750, 1750, 3750, 7750, 15_750, 25_750, 35_750];
    for (moment, expected) in moments.iter().zip(expected) {
        assert!(moment.abs_diff(expected) <= 20, "{moments:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_begins_with_a_change_gets_its_snapshot() {
    let lost = r#"{"event": "feed_lost", "reason": "its own"}"#;
    let answers = [Ok(WARMER), Ok(WARMER), Ok(lost), Ok(WARMER)];
    let (mut feed, script) = open(feed(answers));
    let expected = ["snapshot", "61.5", "61.5", "its own", "snapshot", "61.5"];
    assert_eq!(hear(&mut feed, 6).await, expected);
    assert_eq!(script.times("status"), 2);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_reader_closes_the_feed() {
    let (mut feed, script) = open(feed([Ok(SNAPSHOT)]));
    hear(&mut feed, 1).await;
    let none = tokio::time::timeout(Duration::from_secs(9), feed.next()).await;
    assert!(none.is_err());
    drop(feed);
    until("closed", || script.times("close_feed") == 1).await;
    assert_eq!(numbers(&script, "close_feed"), ["[1]"]);
    assert_eq!(script.cancelled(), 1, "nobody waits for an event any more");
}
