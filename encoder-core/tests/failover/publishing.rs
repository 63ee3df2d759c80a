//! What an ingest is told that asks who may publish.

use std::sync::Arc;
use std::time::Duration;

use encoder_core::ingest::Publisher;
use encoder_core::model::{
    EncoderId, EventKind, FailoverRequest, Personality, Protection, StreamId, issue_code,
};
use encoder_core::{ErrorKind, Manager, PublishAttempt, PublishDenial, PublishVerdict};

use crate::bench::{Bench, KEY, Setup, id, pass};

const SECOND: Duration = Duration::from_secs(1);

fn by(encoder: &EncoderId) -> PublishAttempt {
    let agent = format!("fake/1.0 ({encoder})");
    PublishAttempt::new(KEY.into(), Publisher::new().with_agent(agent))
}

async fn bench(count: usize, personality: Personality) -> (Bench, StreamId) {
    let bench = Setup::new(count, personality)
        .witnessed(|witness| witness)
        .build()
        .await;
    let stream = bench
        .live(bench.request(personality, Protection::Warm))
        .await;
    (bench, stream)
}

async fn ask(bench: &Bench, attempt: &PublishAttempt) -> PublishVerdict {
    bench.manager.authorize_publisher(attempt).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn fenced_encoder_is_denied_and_its_replacement_allowed() {
    let (bench, stream) = bench(3, Personality::Takeover).await;
    assert!(ask(&bench, &by(&id(1))).await.is_allowed());
    let backup = bench.backup(&stream).unwrap();
    let denied = ask(&bench, &by(&backup)).await;
    assert_eq!(denied.as_str(), "encoder_not_entitled");
    bench.encoder(&id(1)).go_silent_on_air();
    bench.ingest.stall(&bench.target(&stream));
    bench.until("moved", |b| b.failovers(&stream) == 1).await;
    let PublishVerdict::Deny {
        denial,
        stream_id,
        encoder_id,
        reason,
    } = ask(&bench, &by(&id(1))).await
    else {
        panic!("the fenced encoder was let in");
    };
    assert_eq!(denial, PublishDenial::EncoderNotEntitled);
    assert_eq!((stream_id, encoder_id), (Some(stream), Some(id(1))));
    assert!(reason.contains("fenced"), "{reason}");
    assert!(ask(&bench, &by(&backup)).await.is_allowed());
}

#[tokio::test(start_paused = true)]
async fn stopped_stream_is_over_for_everybody() {
    let (bench, stream) = bench(2, Personality::Takeover).await;
    bench.manager.stop_stream(&stream).await.unwrap();
    assert_eq!(ask(&bench, &by(&id(1))).await.as_str(), "stream_over");
    let mut stranger = by(&id(1));
    stranger.stream_key = "somebody_elses".into();
    assert_eq!(ask(&bench, &stranger).await.as_str(), "unknown_stream_key");
}

#[tokio::test(start_paused = true)]
async fn denials_are_told_once_in_ten_seconds() {
    let (bench, stream) = bench(2, Personality::Takeover).await;
    let mut events = bench.manager.events().subscribe();
    for _ in 0..5 {
        ask(&bench, &by(&id(2))).await;
        pass(SECOND).await;
    }
    pass(SECOND * 10).await;
    ask(&bench, &by(&id(2))).await;
    pass(SECOND).await;
    let noted = bench.noted(&stream, issue_code::PUBLISHER_DENIED).await;
    assert_eq!(noted.len(), 2, "{noted:#?}");
    assert_eq!(noted[0].evidence, ["denial=encoder_not_entitled"]);
    let mut told = 0;
    while let Ok(Some(delivery)) = tokio::time::timeout(SECOND, events.next()).await {
        if let encoder_core::events::Delivery::Event(event) = delivery
            && let EventKind::StreamError(report) = &event.kind
            && report.code == issue_code::PUBLISHER_DENIED
        {
            assert_eq!(report.encoder_id, Some(id(2)));
            told += 1;
        }
        if told == 2 {
            break;
        }
    }
    assert_eq!(told, 2);
    let metrics = bench.manager.render_metrics();
    let line = "encoder_ingest_authorizations_total{verdict=\"encoder_not_entitled\"} 6";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn old_publisher_makes_way_where_the_newcomer_takes_over() {
    let (bench, stream) = bench(2, Personality::Takeover).await;
    pass(SECOND * 3).await;
    let target = bench.target(&stream);
    bench.encoder(&id(2)).accept_start_but_never_stream();
    let asked = bench.manager.failover(&stream, FailoverRequest::default());
    asked.await.unwrap();
    bench.until("started", |b| b.starts(&id(2)) == 1).await;
    pass(Duration::from_millis(150)).await;
    let verdict = ask(&bench, &by(&id(2))).await;
    let PublishVerdict::Allow {
        dropped,
        encoder_id,
        ..
    } = verdict
    else {
        panic!("{verdict:?}");
    };
    assert_eq!((dropped, encoder_id), (true, Some(id(2))));
    assert_eq!(bench.witness().dropped(), std::slice::from_ref(&target));
    assert_eq!(bench.ingest.publisher(&target), None);
}

#[tokio::test(start_paused = true)]
async fn drop_that_fails_denies_nobody() {
    let setup = Setup::new(2, Personality::Takeover);
    let bench = setup
        .witnessed(encoder_core::testkit::FakeWitness::without_drop)
        .build()
        .await;
    bench
        .live(bench.request(Personality::Takeover, Protection::Warm))
        .await;
    pass(SECOND * 3).await;
    let verdict = ask(&bench, &by(&id(1))).await;
    assert!(
        matches!(verdict, PublishVerdict::Allow { dropped: false, .. }),
        "{verdict:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn stranger_pushes_nobody_off_whose_media_arrives() {
    let (bench, stream) = bench(2, Personality::Takeover).await;
    pass(SECOND * 3).await;
    let stranger = PublishAttempt::new(KEY.into(), Publisher::new());
    let verdict = ask(&bench, &stranger).await;
    assert!(matches!(
        verdict,
        PublishVerdict::Allow {
            dropped: false,
            encoder_id: None,
            ..
        }
    ));
    assert_eq!(bench.ingest.on_air(&bench.target(&stream)), Some(id(1)));
}

#[tokio::test(start_paused = true)]
async fn manager_that_stands_by_gives_no_answer() {
    let (bench, _) = bench(1, Personality::Takeover).await;
    let mut config = bench.config.clone();
    config.instance = "second".to_owned();
    let second = Manager::builder()
        .with_config(config)
        .with_store(Arc::clone(&bench.store))
        .build()
        .await
        .unwrap();
    let error = second.authorize_publisher(&by(&id(1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotLeader);
}
