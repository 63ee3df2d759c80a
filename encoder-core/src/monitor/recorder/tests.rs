use std::time::Duration;

use crate::Manager;
use crate::model::{EncoderSpec, Timestamp};
use crate::monitor::forecast::Silence;
use crate::monitor::series::{Bucket, Metric, SeriesSubject};
use crate::monitor::{History, HistoryQuery, PerformanceReport};
use crate::tasks::Clock;
use crate::testkit::FakeEncoder;

const START: i64 = 1_700_000_100_000;

fn subject() -> SeriesSubject {
    SeriesSubject::Encoder("enc-1".parse().unwrap())
}

fn spec() -> EncoderSpec {
    EncoderSpec::new("enc-1".parse().unwrap(), "http://192.0.2.1")
}

async fn manager(encoder: &FakeEncoder) -> Manager {
    Manager::builder()
        .with_clock(Clock::anchored(Timestamp::from_millis(START)))
        .with_encoder_driver(spec(), encoder.driver())
        .build()
        .await
        .unwrap()
}

async fn history(manager: &Manager, back: u64) -> History {
    history_of(subject(), manager, back).await
}

async fn history_of(subject: SeriesSubject, manager: &Manager, back: u64) -> History {
    let now = manager.clock().now();
    let from = now.minus(Duration::from_secs(back));
    let query = HistoryQuery::new(subject, from, now.plus(Duration::from_secs(1)));
    manager.history(&query).await.unwrap()
}

fn means(history: &History, metric: Metric) -> Vec<Option<f64>> {
    let mean = |point: &Option<Bucket>| point.map(|point| point.mean);
    history.series[&metric].iter().map(mean).collect()
}

#[tokio::test(start_paused = true)]
async fn only_what_is_known_is_recorded() {
    let encoder = FakeEncoder::new("enc-1");
    encoder.set_temperature(61.0);
    let manager = manager(&encoder).await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    let calls = encoder.calls().len();
    let history = history(&manager, 21).await;
    assert_eq!(means(&history, Metric::Temperature), [Some(61.0); 3]);
    assert_eq!(means(&history, Metric::Streams), [Some(0.0); 3]);
    assert!(
        !history.series.contains_key(&Metric::CpuUsage),
        "{history:?}"
    );
    assert_eq!(encoder.calls().len(), calls, "history asks no device");
}

#[tokio::test(start_paused = true)]
async fn the_manager_records_itself() {
    let encoder = FakeEncoder::new("enc-1");
    let manager = manager(&encoder).await;
    manager.record_figures(&[(Metric::Threads, 9.0)]);
    tokio::time::sleep(Duration::from_secs(31)).await;
    let own = history_of(SeriesSubject::Manager, &manager, 31).await;
    let last = |metric| means(&own, metric).last().copied().flatten();
    assert!(last(Metric::EventsPerSecond) > Some(0.0), "{own:?}");
    for queue in [Metric::EventBacklog, Metric::StreamCommands] {
        assert!(last(queue).is_some(), "{own:?}");
    }
    let threads = means(&own, Metric::Threads);
    assert_eq!(threads.first(), Some(&Some(9.0)));
    assert_eq!(threads.last(), Some(&None), "told once");
    // Nobody listens, the store has no queue, and of the process nobody knows.
    for absent in [
        Metric::EventLatencyMs,
        Metric::StoreQueue,
        Metric::CpuPercent,
        Metric::MemoryBytes,
    ] {
        assert!(!own.series.contains_key(&absent), "{own:?}");
    }

    let listened = Some(manager.clock().instant());
    tokio::time::sleep(Duration::from_millis(40)).await;
    let meter = manager.events().meter();
    meter.delivered("health_update", listened);
    tokio::time::sleep(Duration::from_secs(20)).await;
    let own = history_of(SeriesSubject::Manager, &manager, 11).await;
    let latency = means(&own, Metric::EventLatencyMs);
    assert_eq!(latency.last(), Some(&Some(40.0)));
}

#[tokio::test(start_paused = true)]
async fn trends_come_from_what_was_recorded() {
    let encoder = FakeEncoder::new("enc-1");
    let manager = manager(&encoder).await;
    let outlook = |report: &PerformanceReport, metric| {
        let trends = report.encoders[0].trends.iter().chain(&report.trends);
        let found = trends.copied().find(|outlook| outlook.metric == metric);
        found.unwrap()
    };
    let mut early = None;
    for minute in 0..150_u32 {
        encoder.set_temperature(50.0 + f64::from(minute) * 0.1);
        for _ in 0..6 {
            manager.record_figures(&[(Metric::MemoryBytes, 1e6 * f64::from(minute))]);
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        if minute == 3 {
            early = Some(manager.performance(None).unwrap());
        }
    }
    let early = outlook(&early.unwrap(), Metric::Temperature);
    assert_eq!(early.heading, Err(Silence::TooLittleData));
    let report = manager.performance(None).unwrap();
    let temperature = outlook(&report, Metric::Temperature);
    let heading = temperature.heading.unwrap();
    let two_hours = Duration::from_secs(7000)..Duration::from_secs(7300);
    assert!(two_hours.contains(&heading.trend.span), "{heading:?}");
    let slope = temperature.slope_per_hour().unwrap();
    assert!((slope.expected - 6.0).abs() < 0.2, "{slope:?}");
    let memory = outlook(&report, Metric::MemoryBytes);
    let slope = memory.slope_per_hour().unwrap();
    assert!((slope.expected / 6e7 - 1.0).abs() < 0.05, "{slope:?}");
    let unknown = outlook(&report, Metric::CpuUsage);
    assert_eq!(unknown.heading, Err(Silence::TooLittleData));
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_gap() {
    let encoder = FakeEncoder::new("enc-1");
    encoder.set_temperature(61.0);
    let manager = manager(&encoder).await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    encoder.go_silent();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let history = history(&manager, 81).await;
    let temperatures = means(&history, Metric::Temperature);
    assert_eq!(temperatures.first(), Some(&Some(61.0)));
    assert_eq!(temperatures.last(), Some(&None), "{temperatures:?}");
    assert!(means(&history, Metric::Streams).iter().all(Option::is_some));
}

#[tokio::test(start_paused = true)]
async fn every_broken_rule_of_a_query_is_named() {
    let encoder = FakeEncoder::new("enc-1");
    let manager = manager(&encoder).await;
    let now = manager.clock().now();
    let query = HistoryQuery::new(subject(), now, now).with_step(Duration::ZERO);
    let error = manager.history(&query).await.unwrap_err();
    let fields: Vec<_> = error
        .violations()
        .iter()
        .map(|v| v.field.as_str())
        .collect();
    assert_eq!(fields, ["from", "step"]);
}

/// The store has a thread of its own, which a paused clock would not wait for.
#[cfg(feature = "sqlite")]
mod kept {
    use std::sync::Arc;

    use super::*;
    use crate::ManagerConfig;
    use crate::monitor::series::{SeriesConfig, TierConfig};
    use crate::store::{SeriesRange, SeriesStore, SqliteConfig, SqliteStore};

    const STEP: Duration = Duration::from_millis(20);

    async fn store(folder: &tempfile::TempDir) -> SqliteStore {
        let config = SqliteConfig::new(folder.path().join("fleet.db"));
        SqliteStore::open(config).await.unwrap()
    }

    async fn manager(encoder: &FakeEncoder, store: &SqliteStore) -> Manager {
        flushing(encoder, store, STEP * 3).await
    }

    async fn flushing(encoder: &FakeEncoder, store: &SqliteStore, flush: Duration) -> Manager {
        let hour = Duration::from_secs(3600);
        let series = SeriesConfig {
            interval: STEP,
            tiers: vec![TierConfig::new(STEP, hour, hour)],
            flush,
            ..SeriesConfig::default()
        };
        encoder.set_temperature(61.0);
        Manager::builder()
            .with_config(ManagerConfig {
                series,
                ..ManagerConfig::default()
            })
            .with_store(Arc::new(store.clone()))
            .with_encoder_driver(spec(), encoder.driver())
            .build()
            .await
            .unwrap()
    }

    async fn known(manager: &Manager) -> Vec<Bucket> {
        let history = history(manager, 15).await;
        let points = history.series.get(&Metric::Temperature);
        points.into_iter().flatten().flatten().copied().collect()
    }

    async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let waiting = async {
            while !holds().await {
                tokio::time::sleep(STEP).await;
            }
        };
        let patience = Duration::from_secs(20);
        let happened = tokio::time::timeout(patience, waiting).await;
        assert!(happened.is_ok(), "never happened: {what}");
    }

    #[tokio::test]
    async fn series_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let encoder = FakeEncoder::new("enc-1");
        let first = store(&folder).await;
        // Only the end of the manager writes.
        let manager = flushing(&encoder, &first, Duration::from_secs(3600)).await;
        until("readings", async || known(&manager).await.len() >= 3).await;
        assert!(manager.shutdown().await);
        let before = known(&manager).await;
        first.close().await;

        let second = store(&folder).await;
        let manager = super::kept::manager(&encoder, &second).await;
        let last = before.last().unwrap().at;
        until("new readings", async || {
            known(&manager)
                .await
                .last()
                .is_some_and(|point| point.at > last)
        })
        .await;
        let after = known(&manager).await;
        assert!(after.len() > before.len());
        assert_eq!(after[..before.len()], before);
    }

    #[tokio::test]
    async fn a_store_that_fails_disturbs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let encoder = FakeEncoder::new("enc-1");
        let store = store(&folder).await;
        let manager = manager(&encoder, &store).await;
        until("readings", async || known(&manager).await.len() >= 3).await;
        store.close().await;
        let before = known(&manager).await.len();
        // Several flushes have failed by then.
        until("more", async || known(&manager).await.len() >= before + 20).await;
        assert_eq!(manager.encoders().len(), 1);
    }

    #[tokio::test]
    async fn removed_encoders_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let encoder = FakeEncoder::new("enc-1");
        let store = store(&folder).await;
        let manager = manager(&encoder, &store).await;
        let range = SeriesRange {
            subject: subject().to_string(),
            step: STEP,
            from: Timestamp::default(),
            to: Timestamp::from_millis(i64::MAX),
        };
        let stored = async || store.load(&range).await.unwrap().len();
        until("written", async || stored().await > 0).await;
        let id = "enc-1".parse().unwrap();
        manager.remove_encoder(&id, false).await.unwrap();
        until("removed", async || stored().await == 0).await;
        assert!(manager.shutdown().await);
        assert_eq!(stored().await, 0);
        let now = manager.clock().now();
        let query = HistoryQuery::new(subject(), now.minus(STEP), now);
        let error = manager.history(&query).await.unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::NotFound);
    }
}
