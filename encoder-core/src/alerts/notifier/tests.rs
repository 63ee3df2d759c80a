use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::*;
use crate::ManagerConfig;
use crate::alerts::notice::{DeliveryState, Notice, NoticeKind};
use crate::alerts::testing::at;
use crate::error::{Error, ErrorKind, Retry};
use crate::model::{EncoderId, Issue, Severity, Subject};
use crate::testkit::BreakableStore;

/// A sink that writes down what it gets, and may be told to fail, to hang or to break.
#[derive(Debug, Default)]
struct Paper {
    name: &'static str,
    got: Mutex<Vec<Notice>>,
    fails: AtomicBool,
    hangs: AtomicBool,
    breaks: AtomicBool,
    mirrors: Option<Duration>,
    mirrored: Mutex<Vec<usize>>,
}

impl Paper {
    fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            ..Self::default()
        })
    }

    fn kinds(&self) -> Vec<NoticeKind> {
        lock(&self.got).iter().map(|notice| notice.kind).collect()
    }
}

#[async_trait]
impl AlertSink for Paper {
    fn name(&self) -> &str {
        self.name
    }

    async fn deliver(&self, notice: &Notice) -> Result<()> {
        assert!(!self.breaks.load(Ordering::Relaxed), "broken");
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.fails.load(Ordering::Relaxed) {
            let error = Error::new(ErrorKind::DeviceUnreachable, "refused");
            return Err(error.with_retry(Retry::Safe));
        }
        lock(&self.got).push(notice.clone());
        Ok(())
    }

    fn mirror_interval(&self) -> Option<Duration> {
        self.mirrors
    }

    async fn mirror(&self, open: &[NoticeAlert], _: Timestamp) -> Result<()> {
        lock(&self.mirrored).push(open.len());
        Ok(())
    }
}

struct Room {
    store: Arc<BreakableStore>,
    clock: Clock,
    book: Arc<Mutex<AlertBook>>,
    notifier: Arc<Notifier>,
    tasks: Supervisor,
}

impl Room {
    async fn new(
        store: &Arc<BreakableStore>,
        clock: &Clock,
        sinks: Vec<Arc<dyn AlertSink>>,
    ) -> Self {
        Self::of(store, clock, sinks, "manager").await
    }

    async fn of(
        store: &Arc<BreakableStore>,
        clock: &Clock,
        sinks: Vec<Arc<dyn AlertSink>>,
        instance: &str,
    ) -> Self {
        let config = ManagerConfig {
            instance: instance.to_owned(),
            ..ManagerConfig::default()
        };
        let lease = Leadership::new(&config);
        lease.try_acquire(store.as_ref()).await.unwrap();
        let book = Arc::<Mutex<AlertBook>>::default();
        let facts = || {
            let mut facts = AlertFacts::default();
            for number in 1..=9 {
                facts.set_encoder(&format!("helo-{number}"), None, false);
            }
            facts
        };
        let parts = Parts {
            book: Arc::clone(&book),
            sinks,
            facts: Arc::new(facts),
            store: Arc::clone(store) as Arc<dyn StateStore>,
            lease,
            clock: clock.clone(),
            metrics: Metrics::new(),
        };
        let notifier = Arc::new(Notifier::new(&config.alerts, parts));
        notifier.load().await.unwrap();
        let tasks = Supervisor::new();
        notifier.start(&tasks);
        Self {
            store: Arc::clone(store),
            clock: clock.clone(),
            book,
            notifier,
            tasks,
        }
    }

    /// What is wrong with an encoder from now on.
    fn observe(&self, encoder: u32, codes: &[&'static str]) {
        let now = self.clock.now();
        let issue = |code: &&'static str| Issue::new(*code, Severity::Critical, "so it is", now);
        let issues: Vec<_> = codes.iter().map(issue).collect();
        let id = EncoderId::try_new(format!("helo-{encoder}")).unwrap();
        lock(&self.book).observe(&Subject::Encoder(id), &issues, now);
    }

    fn settle(&self) {
        lock(&self.book).settle(self.clock.now());
    }

    fn states(&self, sink: &str) -> Vec<DeliveryState> {
        let notices = self.notifier.notices(&NoticeQuery::default());
        let of = notices
            .iter()
            .filter_map(|record| record.deliveries.get(sink));
        of.map(|delivery| delivery.state).collect()
    }

    /// Ends like a process that is killed: nothing is finished.
    async fn die(self) {
        self.tasks.cancel();
        pass(3).await;
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn ground() -> (Arc<BreakableStore>, Clock) {
    (Arc::default(), Clock::anchored(at(1_000_000)))
}

#[tokio::test(start_paused = true)]
async fn alert_is_told_within_two_seconds_and_its_end_as_well() {
    let ((store, clock), mail) = (ground(), Paper::new("mail"));
    let room = Room::new(&store, &clock, vec![mail.clone()]).await;
    room.observe(1, &["device_silent", "overheating"]);
    pass(2).await;
    assert_eq!(mail.kinds(), [NoticeKind::Firing]);
    room.observe(1, &[]);
    pass(11).await;
    room.settle();
    pass(1).await;
    assert_eq!(mail.kinds(), [NoticeKind::Firing, NoticeKind::Resolved]);
    assert_eq!(room.states("mail"), [DeliveryState::Sent; 2]);
}

#[tokio::test(start_paused = true)]
async fn sink_that_hangs_or_breaks_holds_up_nobody() {
    let (store, clock) = ground();
    let (stuck, broken, mail) = (
        Paper::new("stuck"),
        Paper::new("broken"),
        Paper::new("mail"),
    );
    stuck.hangs.store(true, Ordering::Relaxed);
    broken.breaks.store(true, Ordering::Relaxed);
    let sinks: Vec<Arc<dyn AlertSink>> = vec![stuck.clone(), broken.clone(), mail.clone()];
    let room = Room::new(&store, &clock, sinks).await;
    for encoder in 1..=3 {
        room.observe(encoder, &["device_silent"]);
    }
    pass(2).await;
    assert_eq!(mail.kinds(), [NoticeKind::Firing; 3]);
    stuck.hangs.store(false, Ordering::Relaxed);
    broken.breaks.store(false, Ordering::Relaxed);
    pass(60).await;
    assert_eq!(stuck.kinds(), [NoticeKind::Firing; 3]);
    assert_eq!(broken.kinds(), [NoticeKind::Firing; 3]);
}

#[tokio::test(start_paused = true)]
async fn restart_sends_nothing_twice() {
    let ((store, clock), mail) = (ground(), Paper::new("mail"));
    let room = Room::new(&store, &clock, vec![mail.clone()]).await;
    room.observe(1, &["device_silent"]);
    pass(2).await;
    assert_eq!(mail.kinds().len(), 1);
    room.die().await;
    let room = Room::new(&store, &clock, vec![mail.clone()]).await;
    room.observe(1, &["device_silent"]);
    pass(20).await;
    assert_eq!(mail.kinds(), [NoticeKind::Firing]);
    room.observe(1, &[]);
    pass(12).await;
    room.settle();
    pass(1).await;
    assert_eq!(mail.kinds(), [NoticeKind::Firing, NoticeKind::Resolved]);
}

#[tokio::test(start_paused = true)]
async fn notice_that_is_written_and_not_delivered_is_delivered_after_the_restart() {
    let ((store, clock), mail) = (ground(), Paper::new("mail"));
    mail.hangs.store(true, Ordering::Relaxed);
    let room = Room::new(&store, &clock, vec![mail.clone()]).await;
    room.observe(1, &["device_silent"]);
    pass(3).await;
    room.die().await;
    assert!(mail.kinds().is_empty());
    mail.hangs.store(false, Ordering::Relaxed);
    let room = Room::new(&store, &clock, vec![mail.clone()]).await;
    room.observe(1, &["device_silent"]);
    pass(20).await;
    assert_eq!(mail.kinds(), [NoticeKind::Firing]);
}

#[tokio::test(start_paused = true)]
async fn alert_that_was_not_told_yet_is_told_after_the_restart() {
    let ((store, clock), mail) = (ground(), Paper::new("mail"));
    let room = Room::new(&store, &clock, vec![mail.clone()]).await;
    room.observe(1, &["device_silent"]);
    pass(0).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    room.die().await;
    assert!(mail.kinds().is_empty());
    let room = Room::new(&store, &clock, vec![mail.clone()]).await;
    room.observe(1, &["device_silent"]);
    pass(2).await;
    assert_eq!(mail.kinds(), [NoticeKind::Firing]);
}

#[tokio::test(start_paused = true)]
async fn alert_is_told_although_the_store_is_away() {
    let ((store, clock), mail) = (ground(), Paper::new("mail"));
    let room = Room::new(&store, &clock, vec![mail.clone()]).await;
    pass(2).await;
    store.break_down();
    room.observe(1, &["device_silent"]);
    pass(4).await;
    assert!(mail.kinds().is_empty(), "it is written down first");
    pass(6).await;
    assert_eq!(mail.kinds(), [NoticeKind::Firing]);
    room.store.mend();
    pass(3).await;
    room.die().await;
    let _room = Room::new(&store, &clock, vec![mail.clone()]).await;
    pass(20).await;
    assert_eq!(
        mail.kinds().len(),
        1,
        "what was told is written once the store is back"
    );
}

#[tokio::test(start_paused = true)]
async fn only_the_one_that_leads_sends() {
    let (store, clock) = ground();
    let (mail, other) = (Paper::new("mail"), Paper::new("mail"));
    let first = Room::new(&store, &clock, vec![mail.clone()]).await;
    let second = Room::of(&store, &clock, vec![other.clone()], "standby").await;
    for room in [&first, &second] {
        room.observe(1, &["device_silent"]);
    }
    pass(5).await;
    assert_eq!((mail.kinds().len(), other.kinds().len()), (1, 0));
    first.die().await;
    pass(11).await;
    second
        .notifier
        .lease
        .try_acquire(store.as_ref())
        .await
        .unwrap();
    second.observe(1, &["device_silent", "reboot_loop"]);
    second.observe(2, &["device_silent"]);
    pass(20).await;
    assert_eq!(
        other.kinds(),
        [NoticeKind::Firing],
        "of the second encoder only"
    );
}

#[tokio::test(start_paused = true)]
async fn acknowledged_alert_stays_so_across_a_restart_and_is_not_told_again() {
    let ((store, clock), mail) = (ground(), Paper::new("mail"));
    let room = Room::new(&store, &clock, vec![mail.clone()]).await;
    room.observe(1, &["device_silent"]);
    pass(2).await;
    let id = lock(&room.book).all()[0].alert_id.clone();
    room.notifier.acknowledge(&id).await.unwrap();
    room.die().await;
    let room = Room::new(&store, &clock, vec![mail.clone()]).await;
    room.observe(1, &["device_silent"]);
    assert_eq!(lock(&room.book).all()[0].state, AlertState::Acknowledged);
    pass(2 * 3600).await;
    assert_eq!(mail.kinds(), [NoticeKind::Firing]);
}

#[tokio::test(start_paused = true)]
async fn dead_letter_is_retried_by_hand() {
    let ((store, clock), mail) = (ground(), Paper::new("mail"));
    mail.fails.store(true, Ordering::Relaxed);
    let room = Room::new(&store, &clock, vec![mail.clone()]).await;
    room.observe(1, &["device_silent"]);
    pass(3500).await;
    assert_eq!(room.states("mail"), [DeliveryState::DeadLetter]);
    let report = &room.notifier.sinks()[0];
    assert_eq!((report.dead_letters, report.waiting), (1, 0));
    assert_eq!(
        report.last_error.as_deref(),
        Some("device_unreachable: refused")
    );
    mail.fails.store(false, Ordering::Relaxed);
    let query = NoticeQuery {
        state: Some(DeliveryState::DeadLetter),
        ..NoticeQuery::default()
    };
    let id = room.notifier.notices(&query)[0].notice.notice_id.clone();
    room.notifier.retry(&id).await.unwrap();
    pass(1).await;
    assert_eq!(room.states("mail"), [DeliveryState::Sent]);
}

#[tokio::test(start_paused = true)]
async fn mirror_gets_every_alert_and_all_open_ones_again() {
    let (store, clock) = ground();
    let mirror = Arc::new(Paper {
        name: "am",
        mirrors: Some(Duration::from_secs(60)),
        ..Paper::default()
    });
    let room = Room::new(&store, &clock, vec![mirror.clone()]).await;
    pass(1).await;
    room.observe(1, &["device_silent", "overheating"]);
    pass(1).await;
    assert_eq!(lock(&mirror.got)[0].alerts.len(), 2);
    pass(130).await;
    assert_eq!(*lock(&mirror.mirrored), [2, 2]);
    room.observe(1, &[]);
    pass(11).await;
    room.settle();
    pass(1).await;
    assert_eq!(mirror.kinds(), [NoticeKind::Firing, NoticeKind::Resolved]);
}

#[tokio::test(start_paused = true)]
async fn silence_is_stored_and_its_end_tells() {
    let ((store, clock), mail) = (ground(), Paper::new("mail"));
    let room = Room::new(&store, &clock, vec![mail.clone()]).await;
    let now = clock.now();
    let matches = crate::alerts::AlertMatcher {
        code: vec!["device_silent".to_owned()],
        ..Default::default()
    };
    let span = (now, now.plus(Duration::from_secs(3600)));
    let silence = Silence::try_new(matches, span, "ann", "works", now).unwrap();
    let id = room.notifier.silence(silence).await.unwrap().silence_id;
    room.die().await;
    let room = Room::new(&store, &clock, vec![mail.clone()]).await;
    room.observe(1, &["device_silent"]);
    pass(60).await;
    assert!(mail.kinds().is_empty());
    room.notifier.end_silence(&id).await.unwrap();
    pass(2).await;
    assert_eq!(mail.kinds(), [NoticeKind::Firing]);
}
