//! The ingest that is shipped, as it runs.

use encoder_core::IngestWitness;
use encoder_core::model::Resolution;

use crate::media::{Publisher, exists, ingest, target, until_seen, witness};

#[tokio::test]
async fn a_publisher_is_seen_with_all_that_nginx_knows() {
    let ingest = ingest().await;
    let (witness, target) = (witness(&ingest), target(&ingest, "first-publisher"));
    let publisher = Publisher::start(&target).await;
    until_seen(&witness, &target, true).await;
    let seen = witness.look().await.unwrap();
    let [sighting] = seen.as_slice() else {
        panic!("{seen:?}")
    };
    let [who] = sighting.publishers.as_slice() else {
        panic!("{sighting:?}")
    };
    assert!(who.address.unwrap().is_loopback());
    assert!(who.agent.is_some() && sighting.connected_for.is_some());
    assert_eq!(sighting.resolution, Some(Resolution::new(1280, 720)));
    publisher.stop().await;
    until_seen(&witness, &target, false).await;
}

#[tokio::test]
async fn a_second_publisher_is_refused() {
    let ingest = ingest().await;
    let (witness, target) = (witness(&ingest), target(&ingest, "one-at-a-time"));
    let first = Publisher::start(&target).await;
    until_seen(&witness, &target, true).await;
    let mut second = Publisher::start(&target).await;
    assert!(second.is_turned_away().await);
    until_seen(&witness, &target, true).await;
    first.stop().await;
}

#[tokio::test]
async fn a_local_ingest_ends_when_told_and_when_dropped() {
    let first = ingest().await;
    let pid = first.pid();
    assert!(exists(pid));
    first.shutdown().await;
    assert!(!exists(pid));
    let second = ingest().await;
    let pid = second.pid();
    drop(second);
    while exists(pid) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
