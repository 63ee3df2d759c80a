use encoder_core::model::{EventKind, Severity, StreamErrorReport, StreamId, Subject, Timestamp};

use super::*;
use crate::sockets::session::Interest;

fn bus() -> EventBus {
    EventBus::new(1024)
}

fn stream() -> StreamId {
    StreamId::try_new("str_1").unwrap()
}

fn error(bus: &EventBus) {
    let kind = EventKind::StreamError(StreamErrorReport {
        stream_id: stream(),
        encoder_id: None,
        code: "stream_failing".to_owned(),
        severity: Severity::Critical,
        message: "broken".to_owned(),
    });
    bus.publish(Subject::Stream(stream()), Timestamp::from_millis(0), kind);
}

fn health(bus: &EventBus) {
    use encoder_core::model::{BackupReadiness, EncoderId, StreamCondition, StreamHealthReport};
    let report = StreamHealthReport {
        stream_id: stream(),
        status: StreamCondition::Healthy,
        health_score: None,
        encoder_id: EncoderId::try_new("helo-1").unwrap(),
        cpu_usage: None,
        memory_usage: None,
        temperature: None,
        dropped_frames: None,
        bitrate: None,
        fps: None,
        ingest: None,
        backup: BackupReadiness::default(),
        issues: Vec::new(),
        updated_at: Timestamp::from_millis(0),
    };
    let kind = EventKind::StreamHealth(Box::new(report));
    bus.publish(Subject::Stream(stream()), Timestamp::from_millis(0), kind);
}

fn open(bus: &EventBus, capacity: usize, after: Option<u64>) -> Inbox {
    let interests = Arc::new(Interests::default());
    interests.add(Interest::All);
    let inboxes = Inboxes::default();
    Inbox::open(
        bus,
        &inboxes,
        Transport::Sse,
        &Supervisor::new(),
        interests,
        capacity,
        after,
    )
}

/// The ids that come out until the inbox is empty, and how many it says were lost.
async fn drain(inbox: &Inbox) -> (Vec<u64>, u64, bool) {
    tokio::task::yield_now().await;
    let (mut ids, mut lost, mut resynced) = (Vec::new(), 0, false);
    loop {
        let next = inbox.next();
        tokio::select! {
            biased;
            item = next => match item {
                Some(Item::Event(event)) => ids.push(event.id),
                Some(Item::Lagged { lost: more, resync }) => {
                    lost += more;
                    resynced |= resync;
                }
                None => break,
            },
            () = tokio::task::yield_now() => break,
        }
    }
    (ids, lost, resynced)
}

#[tokio::test]
async fn a_slow_client_loses_its_oldest_health_updates_only() {
    let bus = bus();
    let inbox = open(&bus, 4, None);
    error(&bus);
    for _ in 0..5 {
        health(&bus);
    }
    error(&bus);
    let (ids, lost, resync) = drain(&inbox).await;
    assert_eq!((ids, lost, resync), (vec![1, 5, 6, 7], 3, false));
    let counted = bus.meter().rates().events;
    assert_eq!(counted["stream_health"].dropped_total, 3);
    assert_eq!(counted["stream_error"].dropped_total, 0);
}

#[tokio::test]
async fn what_waits_is_counted_while_the_connection_is_open() {
    let (bus, inboxes) = (bus(), Inboxes::default());
    let open = |capacity| {
        let interests = Arc::new(Interests::default());
        interests.add(Interest::All);
        Inbox::open(
            &bus,
            &inboxes,
            Transport::Sse,
            &Supervisor::new(),
            interests,
            capacity,
            None,
        )
    };
    let (slow, quick) = (open(16), open(16));
    (0..3).for_each(|_| error(&bus));
    let (ids, ..) = drain(&quick).await;
    assert_eq!(ids, [1, 2, 3]);
    let waiting = inboxes.waiting();
    assert_eq!((waiting.clients, waiting.total, waiting.max), (2, 3, 3));
    drop((slow, quick));
    let_tasks_end().await;
    assert_eq!(inboxes.waiting(), Waiting::default());
}

/// Lets the tasks of dropped inboxes end.
async fn let_tasks_end() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn errors_are_never_lost() {
    let bus = bus();
    let inbox = open(&bus, 4, None);
    for _ in 0..20 {
        error(&bus);
    }
    health(&bus);
    let (ids, lost, _) = drain(&inbox).await;
    assert_eq!((ids, lost), ((1..=20).collect(), 1));
}

#[tokio::test]
async fn a_client_that_is_too_slow_for_errors_is_ended() {
    let bus = bus();
    let inbox = open(&bus, 2, None);
    for _ in 0..40 {
        error(&bus);
    }
    tokio::task::yield_now().await;
    assert!(inbox.next().await.is_none());
}

#[tokio::test]
async fn a_returning_client_gets_what_it_missed_once() {
    let bus = bus();
    for _ in 0..5 {
        error(&bus);
    }
    let inbox = open(&bus, 16, Some(2));
    error(&bus);
    assert_eq!(drain(&inbox).await, (vec![3, 4, 5, 6], 0, false));
}

#[tokio::test]
async fn a_client_that_was_away_too_long_is_told_to_read_again() {
    let bus = EventBus::new(2);
    for _ in 0..9 {
        error(&bus);
    }
    let inbox = open(&bus, 16, Some(1));
    error(&bus);
    assert_eq!(drain(&inbox).await, (vec![10], 0, true));
}
