//! How much is asked of a device: the burst limit on the driver's calls.
//!
//! The embedded web server of an encoder shares one small processor with the encoding, so asking
//! too much of it can hurt the very stream that is asked about. Calls spend from a [`Budget`]: as
//! many as the limit at once, after which they grow back evenly over the period. Ordinary calls
//! wait for it. Whatever brings a stream on air or off it never waits, and counts all the same.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::health::ThermalConfig;

mod driver;

pub(super) use driver::{Exempt, Paced};

/// Tokio's clock, so that a paused one pauses the budget as well.
#[derive(Clone, Copy, Debug, Default)]
struct TokioClock;

impl governor::clock::Clock for TokioClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Instant>>;

/// The calls that one device may still be asked.
pub(crate) struct Budget {
    limiter: Limiter,
    limit: u32,
    period: Duration,
    meter: Mutex<Meter>,
}

impl std::fmt::Debug for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budget")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Budget {
    pub(super) fn new(config: &ThermalConfig) -> Self {
        let limit = NonZeroU32::new(config.burst_requests).unwrap_or(NonZeroU32::MIN);
        let each = (config.period / limit.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(each)
            .expect("a span of at least a nanosecond")
            .allow_burst(limit);
        Self {
            limiter: RateLimiter::direct_with_clock(quota, TokioClock),
            limit: limit.get(),
            period: config.period,
            meter: Mutex::new(Meter::new(TokioClock.now())),
        }
    }

    /// Spends one call, or says when that is possible at the earliest.
    pub(super) fn try_spend(&self) -> Result<(), Instant> {
        match self.limiter.check() {
            Ok(()) => {
                self.count();
                Ok(())
            }
            Err(denied) => Err(denied.earliest_possible()),
        }
    }

    /// Spends one call that does not wait, out of the budget as far as there is any.
    pub(super) fn spend_exempt(&self) {
        // Without budget the call is made all the same; the meter shows it.
        let _ = self.limiter.check();
        self.count();
    }

    fn count(&self) {
        let (now, limit, period) = (TokioClock.now(), self.limit, self.period);
        self.meter().count(now, limit, period);
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in use at `now`.
    pub(super) fn usage(&self, now: Instant) -> Usage {
        let mut meter = *self.meter();
        meter.run(now, self.limit, self.period);
        let per_request = self.period.as_secs_f64() / f64::from(self.limit);
        Usage {
            used: meter.level,
            limit: self.limit,
            recent: meter.recent,
            empty_in: Duration::from_secs_f64(meter.level * per_request),
        }
    }
}

/// How much of a budget is in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usage {
    used: f64,
    limit: u32,
    recent: f64,
    /// How long until nothing is in use, when nothing else is asked.
    pub(super) empty_in: Duration,
}

impl Usage {
    /// Calls that have not grown back yet.
    pub(super) fn used(&self) -> u32 {
        self.used.ceil() as u32
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// What is in use, as a share of the limit.
    pub(super) fn share(&self) -> f64 {
        self.used / f64::from(self.limit)
    }

    /// Calls in a period, smoothed, as a share of the limit.
    pub(super) fn rate(&self) -> f64 {
        self.recent / f64::from(self.limit)
    }
}

/// Counts all calls: as a bucket that drains over the period, and as a rate.
#[derive(Clone, Copy, Debug)]
struct Meter {
    level: f64,
    /// Each call counts 1 and fades with the period, so a steady rate shows as calls per period.
    recent: f64,
    at: Instant,
}

impl Meter {
    const fn new(at: Instant) -> Self {
        Self {
            level: 0.0,
            recent: 0.0,
            at,
        }
    }

    fn run(&mut self, now: Instant, limit: u32, period: Duration) {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        let periods = elapsed / period.as_secs_f64().max(f64::MIN_POSITIVE);
        self.level = (self.level - periods * f64::from(limit)).max(0.0);
        self.recent *= (-periods).exp();
        self.at = self.at.max(now);
    }

    fn count(&mut self, now: Instant, limit: u32, period: Duration) {
        self.run(now, limit, period);
        self.level += 1.0;
        self.recent += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::stream::BoxStream;

    use super::*;
    use crate::driver::{Capability, DeviceEvent, EncoderDriver};
    use crate::error::Result;
    use crate::model::{
        Action, ConnectionPool, EncoderId, EncoderStatus, PublishTarget, StreamConfig,
    };
    use crate::testkit::FakeEncoder;

    fn budget() -> Budget {
        Budget::new(&ThermalConfig::default())
    }

    #[test]
    fn wrapped_drivers_still_tell_of_their_connections() {
        let wrapped = Arc::new(Pooled(FakeEncoder::new("e")));
        let budget = Arc::new(budget());
        let exempt = Exempt::new(wrapped.clone(), Arc::clone(&budget));
        assert!(exempt.connections().is_some());
        assert!(Paced::new(wrapped, budget).connections().is_some());
    }

    /// A driver that keeps connections.
    #[derive(Debug)]
    struct Pooled(FakeEncoder);

    #[async_trait::async_trait]
    impl EncoderDriver for Pooled {
        fn id(&self) -> &EncoderId {
            self.0.id()
        }

        fn capability(&self) -> Capability {
            self.0.capability()
        }

        async fn status(&self) -> Result<EncoderStatus> {
            self.0.status().await
        }

        async fn configure(&self, config: &StreamConfig, target: &PublishTarget) -> Result<()> {
            self.0.configure(config, target).await
        }

        async fn start(&self) -> Result<()> {
            self.0.start().await
        }

        async fn stop(&self) -> Result<()> {
            self.0.stop().await
        }

        async fn control(&self, action: &Action) -> Result<()> {
            self.0.control(action).await
        }

        fn events(&self) -> BoxStream<'static, DeviceEvent> {
            self.0.events()
        }

        fn connections(&self) -> Option<ConnectionPool> {
            Some(ConnectionPool::default())
        }
    }

    fn spend_all(budget: &Budget) {
        while budget.try_spend().is_ok() {}
    }

    #[tokio::test(start_paused = true)]
    async fn hundred_calls_at_once_and_then_one_every_six_tenths_of_a_second() {
        let (budget, start) = (budget(), TokioClock.now());
        let granted = (0..150).filter(|_| budget.try_spend().is_ok()).count();
        assert_eq!(granted, 100);
        let next = budget.try_spend().unwrap_err();
        assert_eq!(next.saturating_duration_since(start).as_millis(), 600);
        tokio::time::advance(Duration::from_secs(6)).await;
        let granted = (0..150).filter(|_| budget.try_spend().is_ok()).count();
        assert_eq!(granted, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn exempt_calls_count_and_never_wait() {
        let budget = budget();
        for _ in 0..120 {
            budget.spend_exempt();
        }
        let usage = budget.usage(TokioClock.now());
        assert_eq!((usage.used(), usage.limit()), (120, 100));
        assert!(budget.try_spend().is_err());
        assert_eq!(usage.empty_in, Duration::from_secs(72));
    }

    #[tokio::test(start_paused = true)]
    async fn budget_grows_back_within_the_period() {
        let budget = budget();
        spend_all(&budget);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(budget.usage(TokioClock.now()).used(), 50);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(budget.usage(TokioClock.now()).used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn steady_polls_use_next_to_nothing_and_show_as_a_rate() {
        let budget = budget();
        for _ in 0..600 {
            assert!(budget.try_spend().is_ok());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let usage = budget.usage(TokioClock.now());
        assert!(usage.used() <= 1);
        assert!((usage.rate() - 0.6).abs() < 0.02, "{}", usage.rate());
    }
}
