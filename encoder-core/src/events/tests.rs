use super::*;
use crate::model::{EncoderId, Severity, StreamErrorReport, StreamId};

fn stream(name: &str) -> Subject {
    Subject::Stream(StreamId::try_new(name).unwrap())
}

fn publish(bus: &EventBus, subject: &Subject, message: &str) -> Arc<Event> {
    let report = StreamErrorReport {
        stream_id: StreamId::try_new("str_1").unwrap(),
        encoder_id: None,
        code: "device_silent".to_owned(),
        severity: Severity::Critical,
        message: message.to_owned(),
    };
    let kind = EventKind::StreamError(report);
    bus.publish(subject.clone(), Timestamp::from_millis(1), kind)
}

fn ids(events: &[Arc<Event>]) -> Vec<u64> {
    events.iter().map(|event| event.id).collect()
}

async fn next_id(subscription: &mut Subscription) -> u64 {
    match subscription.next().await {
        Some(Delivery::Event(event)) => event.id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_are_numbered_in_the_feed_and_by_subject() {
    let bus = EventBus::new(16);
    let encoder = Subject::Encoder(EncoderId::try_new("enc-1").unwrap());
    let subjects = [stream("a"), encoder.clone(), stream("a"), stream("b")];
    let published = subjects
        .each_ref()
        .map(|subject| publish(&bus, subject, ""));
    assert_eq!(published.each_ref().map(|event| event.id), [1, 2, 3, 4]);
    let sequences = published.each_ref().map(|event| event.sequence);
    assert_eq!(sequences, [1, 1, 2, 1]);
    assert_eq!(bus.last_id(), 4);
    assert_eq!(bus.sequence(&stream("a")), 2);
    assert_eq!(bus.sequence(&Subject::Alerts), 0);
}

#[tokio::test]
async fn every_subscriber_gets_everything_from_its_subscription_on() {
    let bus = EventBus::new(16);
    publish(&bus, &stream("a"), "before");
    let (mut one, mut two) = (bus.subscribe(), bus.subscribe());
    publish(&bus, &stream("a"), "after");
    for subscription in [&mut one, &mut two] {
        assert_eq!(next_id(subscription).await, 2);
    }
    drop(bus);
    assert_eq!(one.next().await, None);
}

#[tokio::test]
async fn a_slow_subscriber_is_told_how_much_it_lost_and_goes_on() {
    let bus = EventBus::new(4);
    let mut slow = bus.subscribe();
    for _ in 0..10 {
        publish(&bus, &stream("a"), "");
    }
    assert_eq!(slow.next().await, Some(Delivery::Lagged(6)));
    for id in 7..=10 {
        assert_eq!(next_id(&mut slow).await, id);
    }
}

#[tokio::test]
async fn a_returning_subscriber_catches_up_without_gap_or_repetition() {
    let bus = EventBus::new(4);
    for _ in 0..6 {
        publish(&bus, &stream("a"), "");
    }
    let (missed, mut live) = bus.resume(3);
    assert_eq!(ids(&missed.unwrap()), [4, 5, 6]);
    publish(&bus, &stream("a"), "");
    assert_eq!(next_id(&mut live).await, 7);
    let (missed, _) = bus.resume(7);
    assert_eq!(missed, Some(Vec::new()), "nothing was missed");
}

#[test]
fn the_past_is_bounded_and_says_so() {
    let bus = EventBus::new(4);
    assert_eq!(
        bus.resume(0).0,
        Some(Vec::new()),
        "nothing has happened yet"
    );
    for _ in 0..6 {
        publish(&bus, &stream("a"), "");
    }
    assert_eq!(ids(&bus.resume(2).0.unwrap()), [3, 4, 5, 6]);
    assert_eq!(bus.resume(1).0, None, "event 2 is gone");
    let from_an_earlier_process = [7, u64::MAX];
    for after in from_an_earlier_process {
        assert_eq!(bus.resume(after).0, None, "after {after}");
    }
}

#[test]
fn concurrent_publishers_leave_no_gap() {
    let bus = EventBus::new(1024);
    let (_, mut subscription) = bus.resume(0);
    std::thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let bus = bus.clone();
            scope.spawn(move || (0..100).for_each(|_| drop(publish(&bus, &stream(name), ""))));
        }
    });
    for id in 1..=400 {
        let delivered = subscription.receiver.try_recv().unwrap();
        assert_eq!(delivered.id, id, "subscribers see the order of the feed");
    }
    assert_eq!(bus.sequence(&stream("d")), 100);
}

#[test]
fn a_bus_for_no_events_keeps_one() {
    let bus = EventBus::new(0);
    publish(&bus, &stream("a"), "");
    assert_eq!(ids(&bus.resume(0).0.unwrap()), [1]);
}

#[test]
fn a_forgotten_subject_begins_anew() {
    let bus = EventBus::new(4);
    publish(&bus, &stream("a"), "");
    publish(&bus, &stream("b"), "");
    bus.forget(&stream("a"));
    assert_eq!(bus.sequence(&stream("a")), 0);
    assert_eq!(bus.sequence(&stream("b")), 1);
    assert_eq!(publish(&bus, &stream("a"), "").id, 3);
}
