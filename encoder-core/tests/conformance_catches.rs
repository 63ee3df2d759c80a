//! The suites fail where they must, and cover every item that the traits promise.

use std::collections::BTreeSet;
use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use encoder_core::ingest::Sighting;
use encoder_core::model::{DeviceStreamState, EncoderStatus, PublishTarget};
use encoder_core::testkit::driver::{self as items, DriverUnderTest};
use encoder_core::testkit::suite;
use encoder_core::testkit::witness::{self as seeing, WitnessUnderTest};
use encoder_core::testkit::{
    CallKind, FakeEncoder, Fault, FaultyDriver, Operation, When, sample_config, sample_target,
};
use encoder_core::{EncoderDriver, Error, ErrorKind, IngestWitness, Result};
use futures::FutureExt;

type Faulty = FaultyDriver<FakeEncoder>;

/// A fake encoder that breaks the contract after `spoil`, and ignores every hook.
fn spoiled(spoil: impl FnOnce(&FakeEncoder, &Faulty)) -> DriverUnderTest {
    let device = FakeEncoder::new("a");
    let driver = FaultyDriver::new(Arc::new(device.clone()));
    spoil(&device, &driver);
    let driver: Arc<dyn EncoderDriver> = Arc::new(driver);
    DriverUnderTest::new(driver, sample_config(), sample_target(), || ready(()))
        .with_ignored_writes(|| ready(()))
        .with_broken_feed(|| ready(()))
        .within(Duration::from_secs(5))
}

/// Fails when the item is content.
async fn caught(name: &str, item: impl Future<Output = ()>) {
    let outcome = AssertUnwindSafe(item).catch_unwind().await;
    assert!(outcome.is_err(), "`{name}` did not notice");
}

fn without_effect(driver: &Faulty, operation: Operation) {
    driver.inject(operation, When::Always, Fault::Lie(Box::default()));
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_answers_for_a_dead_device_is_caught() {
    // The hook cuts nothing off, so the status goes on answering.
    let subject = spoiled(|_, _| {});
    caught(
        "status_reads_the_device",
        items::status_reads_the_device(subject),
    )
    .await;
    let hang = |_: &FakeEncoder, driver: &Faulty| {
        driver.inject(Operation::Status, When::From(2), Fault::Hang);
    };
    caught(
        "status_reads_the_device",
        items::status_reads_the_device(spoiled(hang)),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_invented_reading_is_caught() {
    let subject = spoiled(|_, driver| {
        let mut status = EncoderStatus::default();
        status.system.cpu_percent = Some(0.0);
        driver.inject(
            Operation::Status,
            When::Always,
            Fault::Lie(Box::new(status)),
        );
    });
    caught(
        "absent_readings_are_none",
        items::absent_readings_are_none(subject),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn settings_without_effect_are_caught() {
    let subject = spoiled(|_, driver| without_effect(driver, Operation::Configure));
    caught("configure_reads_back", items::configure_reads_back(subject)).await;
    // The hook makes nothing ignore its settings, so configuring goes on succeeding.
    caught(
        "configure_reads_back",
        items::configure_reads_back(spoiled(|_, _| {})),
    )
    .await;
    let once = spoiled(|_, driver| {
        let refused = Fault::Fail(ErrorKind::DeviceRejected);
        driver.inject(Operation::Configure, When::Nth(2), refused);
    });
    caught(
        "configure_is_idempotent",
        items::configure_is_idempotent(once),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn commands_that_fail_or_do_nothing_are_caught() {
    let rejected = || Fault::Fail(ErrorKind::DeviceRejected);
    let start = |_: &FakeEncoder, driver: &Faulty| without_effect(driver, Operation::Start);
    let stop = |_: &FakeEncoder, driver: &Faulty| without_effect(driver, Operation::Stop);
    caught(
        "start_leads_to_streaming",
        items::start_leads_to_streaming(spoiled(start)),
    )
    .await;
    caught(
        "stop_leads_to_idle",
        items::stop_leads_to_idle(spoiled(stop)),
    )
    .await;
    let again = spoiled(|_, driver| driver.inject(Operation::Start, When::Nth(2), rejected()));
    caught("start_is_idempotent", items::start_is_idempotent(again)).await;
    let again = spoiled(|_, driver| driver.inject(Operation::Stop, When::Nth(1), rejected()));
    caught("stop_is_idempotent", items::stop_is_idempotent(again)).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_ok_is_caught() {
    let device = FakeEncoder::new("a").with_capability(|can| can.reboot = false);
    let driver = FaultyDriver::new(Arc::new(device));
    driver.inject(Operation::Control, When::Always, Fault::Lie(Box::default()));
    let cut_off = || ready(());
    let subject = DriverUnderTest::new(Arc::new(driver), sample_config(), sample_target(), cut_off);
    caught(
        "unsupported_is_an_error",
        items::unsupported_is_an_error(subject),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_swallows_events_is_caught() {
    let silent = |_: &FakeEncoder, driver: &Faulty| driver.drop_events(1000);
    let headless = |_: &FakeEncoder, driver: &Faulty| driver.drop_events(1);
    let item = items::events_begin_with_a_snapshot;
    caught("events_begin_with_a_snapshot", item(spoiled(silent))).await;
    caught("events_begin_with_a_snapshot", item(spoiled(headless))).await;
    let item = items::events_report_the_stream_state;
    caught("events_report_the_stream_state", item(spoiled(silent))).await;
}

#[tokio::test(start_paused = true)]
async fn a_device_that_interrupts_its_stream_is_caught() {
    let device = FakeEncoder::new("a");
    let driver = FaultyDriver::new(Arc::new(device.clone()));
    // The first status after the second start: streaming is seen in the 27th of the polls that
    // are 20 ms apart, and the 28th reads the duration.
    let starting = EncoderStatus {
        stream_state: DeviceStreamState::Starting,
        ..EncoderStatus::default()
    };
    let glitch = Fault::Lie(Box::new(starting));
    driver.inject(Operation::Status, When::Nth(29), glitch);
    let driver: Arc<dyn EncoderDriver> = Arc::new(driver);
    let cut_off = || ready(());
    let subject = DriverUnderTest::new(driver, sample_config(), sample_target(), cut_off);
    caught("start_is_idempotent", items::start_is_idempotent(subject)).await;
    let starts = device.commands().into_iter();
    assert_eq!(starts.filter(|call| *call == CallKind::Start).count(), 2);
}

/// How a witness lies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lie {
    CoversNothingWhenDead,
    SeesElsewhere,
    SeesThoseWhoLeft,
    SeesWhoIsNotThere,
    SeesNobody,
    CountsBackwards,
    IsEmptyWhenDead,
    FailsWrongly,
    OnlySaysThatItDropped,
}

/// Somebody publishes to `sample_target` or not, the ingest lives or not, and the witness lies.
#[derive(Debug)]
struct Liar {
    lie: Lie,
    publishing: AtomicBool,
    was_seen: AtomicBool,
    dead: AtomicBool,
    looks: AtomicU64,
}

impl Liar {
    fn sighting(&self, url: &str) -> Sighting {
        let looks = self.looks.fetch_add(1, Relaxed);
        let mut sighting = Sighting::new(PublishTarget {
            url: url.to_owned(),
            ..sample_target()
        });
        sighting.bytes_in = Some(match self.lie {
            Lie::CountsBackwards => u64::MAX - looks,
            _ => looks,
        });
        sighting
    }
}

#[async_trait]
impl IngestWitness for Liar {
    fn name(&self) -> &str {
        "liar"
    }

    fn covers(&self, url: &str) -> bool {
        let hides = self.lie == Lie::CoversNothingWhenDead && self.dead.load(Relaxed);
        url == sample_target().url && !hides
    }

    async fn look(&self) -> Result<Vec<Sighting>> {
        if self.dead.load(Relaxed) {
            return match self.lie {
                Lie::IsEmptyWhenDead => Ok(Vec::new()),
                Lie::FailsWrongly => Err(Error::new(ErrorKind::Unexpected, "no answer")),
                _ => Err(Error::new(ErrorKind::DeviceUnreachable, "no answer")),
            };
        }
        let publishing = self.publishing.load(Relaxed);
        let lingers = self.lie == Lie::SeesThoseWhoLeft && self.was_seen.load(Relaxed);
        self.was_seen.fetch_or(publishing, Relaxed);
        let mut seen = Vec::new();
        let invents = self.lie == Lie::SeesWhoIsNotThere;
        if (publishing || lingers || invents) && self.lie != Lie::SeesNobody {
            seen.push(self.sighting(&sample_target().url));
        }
        if self.lie == Lie::SeesElsewhere {
            seen.push(self.sighting("rtmp://elsewhere.example/live"));
        }
        Ok(seen)
    }

    async fn drop_publishers(&self, _: &PublishTarget) -> Result<()> {
        if self.lie != Lie::OnlySaysThatItDropped {
            self.publishing.store(false, Relaxed);
        }
        Ok(())
    }
}

fn lying(lie: Lie) -> WitnessUnderTest {
    let liar = Arc::new(Liar {
        lie,
        publishing: AtomicBool::new(false),
        was_seen: AtomicBool::new(false),
        dead: AtomicBool::new(false),
        looks: AtomicU64::new(0),
    });
    let set = |change: fn(&Liar)| {
        let liar = Arc::clone(&liar);
        move || {
            change(&liar);
            ready(())
        }
    };
    let witness: Arc<dyn IngestWitness> = liar.clone();
    WitnessUnderTest::new(witness, sample_target())
        .with_publish(set(|liar| liar.publishing.store(true, Relaxed)))
        .with_leave(set(|liar| liar.publishing.store(false, Relaxed)))
        .with_kill(set(|liar| liar.dead.store(true, Relaxed)))
}

#[tokio::test(start_paused = true)]
async fn a_witness_that_lies_is_caught() {
    let item = seeing::covers_is_stable(lying(Lie::CoversNothingWhenDead));
    caught("covers_is_stable", item).await;
    let item = seeing::sees_only_what_it_covers(lying(Lie::SeesElsewhere));
    caught("sees_only_what_it_covers", item).await;
    let item = seeing::an_idle_ingest_is_empty(lying(Lie::SeesWhoIsNotThere));
    caught("an_idle_ingest_is_empty", item).await;
    for lie in [Lie::SeesNobody, Lie::SeesThoseWhoLeft] {
        let item = seeing::a_publisher_is_seen(lying(lie));
        caught("a_publisher_is_seen", item).await;
    }
    let item = seeing::received_bytes_grow(lying(Lie::CountsBackwards));
    caught("received_bytes_grow", item).await;
    for lie in [Lie::IsEmptyWhenDead, Lie::FailsWrongly] {
        let item = seeing::a_dead_ingest_is_an_error(lying(lie));
        caught("a_dead_ingest_is_an_error", item).await;
    }
    let item = seeing::dropped_publishers_leave(lying(Lie::OnlySaysThatItDropped));
    caught("dropped_publishers_leave", item).await;
}

/// The names in a numbered contract list: ``/// 1. `name`: …``.
fn promised(source: &str) -> BTreeSet<&str> {
    let lines = source.lines().filter_map(|line| line.strip_prefix("/// "));
    let items = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    items.filter_map(|item| item.split('`').nth(1)).collect()
}

/// The names that a suite's macro expands to.
fn tested(source: &str) -> BTreeSet<&str> {
    let (_, items) = source
        .split_once("$suite, $factory,\n")
        .expect("the list of items");
    let (items, _) = items.split_once(");").expect("the end of the list");
    items.split_whitespace().collect()
}

#[test]
fn every_promise_of_the_traits_is_tested() {
    let drivers = promised(include_str!("../src/driver.rs"));
    assert_eq!(drivers.len(), 13);
    assert_eq!(drivers, suite::DRIVER.iter().copied().collect());
    for (source, items) in [
        (include_str!("../src/balancer/mod.rs"), suite::BALANCER),
        (include_str!("../src/health/mod.rs"), suite::HEALTH),
        (
            include_str!("../src/remediation/mod.rs"),
            suite::REMEDIATION,
        ),
    ] {
        assert_eq!(promised(source), items.iter().copied().collect());
    }
    let stores = promised(include_str!("../src/store/mod.rs"));
    assert_eq!(stores.len(), 13);
    assert_eq!(stores, tested(include_str!("../src/testkit/store.rs")));
    let witnesses = promised(include_str!("../src/ingest.rs"));
    assert_eq!(witnesses.len(), 7);
    assert_eq!(witnesses, tested(include_str!("../src/testkit/witness.rs")));
}
