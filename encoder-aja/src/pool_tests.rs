use proptest::prelude::*;

use super::*;

fn pool() -> Pool {
    Pool::new(PoolConfig::default())
}

fn address(port: u16) -> Option<SocketAddr> {
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn request(pool: &Pool, port: u16) {
    let mut lease = pool.begin(Silence::Fault);
    lease.answered(address(port), false);
    lease.finish();
}

/// Open, opened, reused, closed, broken.
fn counts(pool: &Pool) -> (usize, u64, u64, u64, u64) {
    let report = pool.report();
    (
        report.open,
        report.opened,
        report.reused,
        report.closed,
        report.broken,
    )
}

#[tokio::test(start_paused = true)]
async fn one_connection_serves_request_after_request() {
    let pool = pool();
    for _ in 0..10 {
        request(&pool, 1);
    }
    assert_eq!(counts(&pool), (1, 1, 9, 0, 0));
    tokio::time::advance(Duration::from_secs(7)).await;
    assert_eq!(pool.report().oldest_age_seconds, Some(7.0));
}

#[tokio::test(start_paused = true)]
async fn a_request_beside_another_opens_a_second_one() {
    let pool = pool();
    request(&pool, 1);
    let mut poll = pool.begin(Silence::Expected);
    request(&pool, 2);
    let report = pool.report();
    assert_eq!((report.in_use, report.idle, report.opened), (1, 1, 2));
    poll.answered(address(1), false);
    poll.finish();
    assert_eq!(counts(&pool), (2, 2, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn more_than_may_rest_are_closed() {
    let pool = pool();
    let mut leases: Vec<_> = (1..=3).map(|_| pool.begin(Silence::Fault)).collect();
    for (lease, port) in leases.iter_mut().zip(1..) {
        lease.answered(address(port), false);
    }
    leases.into_iter().for_each(Lease::finish);
    assert_eq!(counts(&pool), (2, 3, 0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_the_device_closed_is_missed_at_the_next_request() {
    let pool = pool();
    request(&pool, 1);
    request(&pool, 2);
    assert_eq!(counts(&pool), (1, 2, 0, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_over_another_resting_connection_corrects_the_ledger() {
    let pool = pool();
    let mut first = pool.begin(Silence::Fault);
    request(&pool, 2);
    first.answered(address(1), false);
    first.finish();
    request(&pool, 2);
    assert_eq!(counts(&pool), (2, 2, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn idle_connections_expire() {
    let pool = pool();
    request(&pool, 1);
    tokio::time::advance(Duration::from_secs(90)).await;
    assert_eq!(counts(&pool), (0, 1, 0, 1, 0));
    assert_eq!(pool.report().oldest_age_seconds, None);
}

#[tokio::test(start_paused = true)]
async fn a_connection_past_its_life_is_closed_behind_the_next_answer() {
    let pool = pool();
    request(&pool, 1);
    for _ in 0..60 {
        tokio::time::advance(Duration::from_secs(59)).await;
        request(&pool, 1);
    }
    tokio::time::advance(Duration::from_secs(60)).await;
    let mut lease = pool.begin(Silence::Fault);
    assert!(lease.closes());
    lease.answered(address(1), true);
    lease.finish();
    let report = pool.report();
    assert_eq!((report.open, report.retired, report.closed), (0, 1, 1));
    assert!(!pool.begin(Silence::Fault).closes());
}

#[tokio::test(start_paused = true)]
async fn failed_and_dropped_requests_take_their_connection_along() {
    let pool = pool();
    request(&pool, 1);
    pool.begin(Silence::Fault).fail(&ReplyError::TooLong(10));
    let report = pool.report();
    assert_eq!((report.open, report.broken), (0, 1));
    assert!(report.last_error.is_some());
    request(&pool, 2);
    drop(pool.begin(Silence::Fault));
    assert_eq!(counts(&pool), (0, 2, 0, 2, 1));
}

proptest! {
    #[test]
    fn what_was_opened_is_open_or_closed(
        steps in proptest::collection::vec((0_u8..5, 1_u16..5), 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _entered = runtime.enter();
        let pool = pool();
        let mut leases = Vec::new();
        for (step, port) in steps {
            match (step, leases.pop()) {
                (0, rest) => {
                    leases.extend(rest);
                    leases.push(pool.begin(Silence::Fault));
                }
                (1, Some(mut lease)) => {
                    lease.answered(address(port), false);
                    lease.finish();
                }
                (2, Some(lease)) => lease.fail(&ReplyError::TooLong(1)),
                (3, Some(mut lease)) => {
                    lease.answered(address(port), true);
                    lease.finish();
                }
                _ => {}
            }
            let report = pool.report();
            prop_assert_eq!(report.opened - report.closed, report.open as u64);
            prop_assert!(report.idle <= report.max_idle);
            prop_assert!(report.broken + report.retired <= report.closed);
        }
    }
}
