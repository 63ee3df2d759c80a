use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const LONG: Duration = Duration::from_secs(3600);

/// Counts when it is dropped: at the end of a task, however it came about.
struct Ended(Arc<AtomicUsize>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn endless(ended: &Arc<AtomicUsize>) -> impl Future<Output = ()> + Send + 'static + use<> {
    let ended = Ended(Arc::clone(ended));
    async move {
        let _ended = ended;
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn an_anchored_clock_moves_with_tokios() {
    let start = Timestamp::from_millis(1_700_000_000_000);
    let clock = Clock::anchored(start);
    let instant = clock.instant();
    tokio::time::advance(Duration::from_millis(1500)).await;
    assert_eq!(clock.now(), start.plus(Duration::from_millis(1500)));
    assert_eq!(clock.instant() - instant, Duration::from_millis(1500));
}

#[test]
fn the_system_clock_reads_the_present() {
    let year_2024 = Timestamp::from_millis(1_704_067_200_000);
    let first = Clock::system().now();
    assert!(first > year_2024, "{first}");
    assert!(Clock::system().now() >= first);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_and_awaits_every_task() {
    let supervisor = Supervisor::new();
    let ended = Arc::new(AtomicUsize::new(0));
    supervisor.spawn_until_shutdown("a", endless(&ended));
    supervisor
        .child()
        .spawn_until_shutdown("b", endless(&ended));
    let token = supervisor.token().clone();
    let tidy = Ended(Arc::clone(&ended));
    supervisor.spawn("tidy", async move {
        token.cancelled().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(tidy);
    });
    assert!(supervisor.shutdown(LONG).await);
    assert_eq!(ended.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn shutdown_gives_up_at_its_deadline() {
    let supervisor = Supervisor::new();
    supervisor.spawn("stubborn", std::future::pending());
    let began = tokio::time::Instant::now();
    assert!(!supervisor.shutdown(Duration::from_secs(2)).await);
    assert_eq!(began.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_child_ends_without_its_parent_or_siblings() {
    let parent = Supervisor::new();
    let (one, two) = (parent.child(), parent.child());
    let (ended_one, ended_others) = (Arc::default(), Arc::default());
    one.child().spawn_until_shutdown("one", endless(&ended_one));
    two.spawn_until_shutdown("two", endless(&ended_others));
    parent.spawn_until_shutdown("parent", endless(&ended_others));
    assert!(one.shutdown(LONG).await, "waits for the others' tasks");
    assert_eq!(ended_one.load(Ordering::SeqCst), 1);
    assert_eq!(ended_others.load(Ordering::SeqCst), 0);
    assert!(!two.token().is_cancelled());
    two.spawn_until_shutdown("late", endless(&ended_others));
    assert!(parent.shutdown(LONG).await);
    assert_eq!(ended_others.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_task_spawned_after_the_end_ends_at_once() {
    let supervisor = Supervisor::new();
    let ended = Arc::new(AtomicUsize::new(0));
    supervisor.cancel();
    supervisor.spawn_until_shutdown("late", endless(&ended));
    assert!(supervisor.shutdown(LONG).await);
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}
