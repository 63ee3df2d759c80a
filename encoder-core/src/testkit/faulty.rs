//! A driver around a driver that fails as told.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};

use crate::driver::{Capability, DeviceEvent, EncoderDriver};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::model::{Action, ConnectionPool, EncoderId, EncoderStatus, PublishTarget, StreamConfig};

/// A method of [`EncoderDriver`] that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// [`EncoderDriver::status`].
    Status,
    /// [`EncoderDriver::configure`].
    Configure,
    /// [`EncoderDriver::start`].
    Start,
    /// [`EncoderDriver::stop`].
    Stop,
    /// [`EncoderDriver::control`].
    Control,
}

/// Which calls are hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The nth call of the operation from now on, counted from 1; once.
    Nth(u64),
    /// The nth call from now on, and every one after it.
    From(u64),
    /// Every call, until [`FaultyDriver::clear`].
    Always,
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// It fails, and the driver behind is not asked.
    Fail(ErrorKind),
    /// It takes effect, and then fails: the answer was lost.
    LoseAnswer(ErrorKind),
    /// It takes so much longer.
    Delay(Duration),
    /// It never returns.
    Hang,
    /// [`Operation::Status`] answers this instead; other operations answer `Ok` without effect.
    Lie(Box<EncoderStatus>),
}

/// Wraps a driver and injects faults. Without any it keeps the contract of the driver behind.
///
/// Faults are tried in the order they were injected; each call meets the first that hits it.
///
/// ```
/// use std::sync::Arc;
/// use encoder_core::testkit::{FakeEncoder, Fault, FaultyDriver, Operation, When};
/// use encoder_core::{EncoderDriver, ErrorKind};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let driver = FaultyDriver::new(Arc::new(FakeEncoder::new("enc-1")));
/// let lost = Fault::Fail(ErrorKind::DeviceUnreachable);
/// driver.inject(Operation::Status, When::Nth(2), lost);
/// assert!(driver.status().await.is_ok());
/// assert!(driver.status().await.is_err());
/// assert!(driver.status().await.is_ok());
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct FaultyDriver<D: ?Sized> {
    script: Arc<Mutex<Script>>,
    inner: Arc<D>,
}

#[derive(Default)]
struct Script {
    injected: Vec<Injected>,
    calls: HashMap<Operation, u64>,
    events: EventFaults,
}

struct Injected {
    operation: Operation,
    /// First and last call that is hit, by the count of all calls.
    hits: (u64, u64),
    fault: Fault,
}

#[derive(Default)]
struct EventFaults {
    drop: u64,
    duplicate: u64,
}

impl EventFaults {
    /// How many times the next event is delivered.
    fn copies(&mut self) -> usize {
        if self.drop > 0 {
            self.drop -= 1;
            return 0;
        }
        if self.duplicate > 0 {
            self.duplicate -= 1;
            return 2;
        }
        1
    }
}

impl<D: EncoderDriver + ?Sized> FaultyDriver<D> {
    /// Passes everything on.
    pub fn new(inner: Arc<D>) -> Self {
        Self {
            script: Arc::default(),
            inner,
        }
    }

    /// The driver behind.
    pub fn inner(&self) -> &Arc<D> {
        &self.inner
    }

    /// Makes calls meet a fault.
    pub fn inject(&self, operation: Operation, when: When, fault: Fault) {
        let mut script = self.script();
        let made = script.calls.get(&operation).copied().unwrap_or(0);
        let hits = match when {
            When::Nth(nth) => (made.saturating_add(nth), made.saturating_add(nth)),
            When::From(nth) => (made.saturating_add(nth), u64::MAX),
            When::Always => (0, u64::MAX),
        };
        script.injected.push(Injected {
            operation,
            hits,
            fault,
        });
    }

    /// Loses the next `count` events of the feeds without a word.
    pub fn drop_events(&self, count: u64) {
        self.script().events.drop = count;
    }

    /// Delivers each of the next `count` events twice.
    pub fn duplicate_events(&self, count: u64) {
        self.script().events.duplicate = count;
    }

    /// Ends all faults. Calls that hang go on hanging.
    pub fn clear(&self) {
        let mut script = self.script();
        script.injected.clear();
        script.events = EventFaults::default();
    }

    /// How often an operation was called.
    pub fn count(&self, operation: Operation) -> u64 {
        self.script().calls.get(&operation).copied().unwrap_or(0)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_fault(&self, operation: Operation) -> Option<Fault> {
        let mut script = self.script();
        let count = script.calls.entry(operation).or_insert(0);
        *count += 1;
        let count = *count;
        let is_hit = |injected: &&Injected| {
            let (first, last) = injected.hits;
            injected.operation == operation && (first..=last).contains(&count)
        };
        let injected = script.injected.iter().find(is_hit);
        injected.map(|injected| injected.fault.clone())
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, "injected fault")
            .with_context("encoder", self.inner.id())
            .with_retry(Retry::Safe)
    }

    /// Runs a call under its fault; `lie` makes the wrong answer from the wrong status.
    async fn run<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T>> + Send,
        lie: impl FnOnce(EncoderStatus) -> T + Send,
    ) -> Result<T> {
        match self.next_fault(operation) {
            None => call.await,
            Some(Fault::Fail(kind)) => Err(self.error(kind)),
            Some(Fault::LoseAnswer(kind)) => {
                call.await?;
                Err(self.error(kind))
            }
            Some(Fault::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                call.await
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Lie(status)) => Ok(lie(*status)),
        }
    }
}

impl<D: ?Sized> Clone for FaultyDriver<D> {
    fn clone(&self) -> Self {
        Self {
            script: Arc::clone(&self.script),
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<D: EncoderDriver + ?Sized> fmt::Debug for FaultyDriver<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyDriver")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<D: EncoderDriver + ?Sized> EncoderDriver for FaultyDriver<D> {
    fn id(&self) -> &EncoderId {
        self.inner.id()
    }

    fn capability(&self) -> Capability {
        self.inner.capability()
    }

    async fn status(&self) -> Result<EncoderStatus> {
        let lie = |status| status;
        self.run(Operation::Status, self.inner.status(), lie).await
    }

    async fn configure(&self, config: &StreamConfig, target: &PublishTarget) -> Result<()> {
        let call = self.inner.configure(config, target);
        self.run(Operation::Configure, call, drop).await
    }

    async fn start(&self) -> Result<()> {
        self.run(Operation::Start, self.inner.start(), drop).await
    }

    async fn stop(&self) -> Result<()> {
        self.run(Operation::Stop, self.inner.stop(), drop).await
    }

    async fn control(&self, action: &Action) -> Result<()> {
        let call = self.inner.control(action);
        self.run(Operation::Control, call, drop).await
    }

    fn events(&self) -> BoxStream<'static, DeviceEvent> {
        let script = Arc::clone(&self.script);
        let events = self.inner.events().flat_map(move |event| {
            let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
            stream::iter(vec![event; script.events.copies()])
        });
        events.boxed()
    }

    fn connections(&self) -> Option<ConnectionPool> {
        self.inner.connections()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeviceStreamState;
    use crate::testkit::FakeEncoder;

    fn faulty() -> (FakeEncoder, FaultyDriver<FakeEncoder>) {
        let encoder = FakeEncoder::new("a");
        (encoder.clone(), FaultyDriver::new(Arc::new(encoder)))
    }

    #[tokio::test(start_paused = true)]
    async fn faults_hit_the_calls_they_are_meant_for() {
        let (encoder, driver) = faulty();
        driver.status().await.unwrap();
        let fault = Fault::Fail(ErrorKind::DeviceProtocol);
        driver.inject(Operation::Status, When::Nth(2), fault.clone());
        driver.inject(Operation::Stop, When::From(2), fault);
        assert!(driver.status().await.is_ok());
        let error = driver.status().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeviceProtocol);
        assert!(driver.status().await.is_ok());
        let mut stops = Vec::new();
        for _ in 0..4 {
            stops.push(driver.stop().await.is_ok());
        }
        assert_eq!(stops, [true, false, false, false]);
        assert_eq!(encoder.commands().len(), 1, "a failed call asks nobody");
        assert_eq!(driver.count(Operation::Stop), 4);
        driver.clear();
        assert!(driver.stop().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_took_effect_and_a_lie_did_not() {
        let (encoder, driver) = faulty();
        let status = encoder.status().await.unwrap();
        driver.inject(Operation::Start, When::Nth(1), Fault::Lie(Box::default()));
        driver.start().await.unwrap();
        assert_eq!(encoder.stream_state(), DeviceStreamState::Idle);
        let lost = Fault::LoseAnswer(ErrorKind::DeviceUnreachable);
        driver.inject(Operation::Start, When::Always, lost);
        driver.start().await.unwrap_err();
        assert_eq!(encoder.stream_state(), DeviceStreamState::Starting);
        let lie = Fault::Lie(Box::new(status.clone()));
        driver.inject(Operation::Status, When::Always, lie);
        assert_eq!(driver.status().await.unwrap(), status);
    }

    #[tokio::test(start_paused = true)]
    async fn delays_and_hangs_take_their_time() {
        let (_, driver) = faulty();
        let delay = Duration::from_secs(7);
        driver.inject(Operation::Status, When::Nth(1), Fault::Delay(delay));
        driver.inject(Operation::Status, When::Nth(2), Fault::Hang);
        let asked = tokio::time::Instant::now();
        driver.status().await.unwrap();
        assert_eq!(asked.elapsed(), delay);
        let hanging = tokio::time::timeout(Duration::from_secs(3600), driver.status());
        assert!(hanging.await.is_err());
        driver.status().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn events_are_lost_and_repeated_as_told() {
        let (encoder, driver) = faulty();
        let mut feed = driver.events();
        assert!(matches!(feed.next().await, Some(DeviceEvent::Snapshot(_))));
        driver.drop_events(1);
        driver.duplicate_events(1);
        for celsius in [50.0, 51.0, 52.0] {
            encoder.set_temperature(celsius);
        }
        let seen: Vec<_> = feed
            .take(3)
            .map(|event| format!("{event:?}"))
            .collect()
            .await;
        assert!(seen[0].contains("51") && seen[1].contains("51"), "{seen:?}");
        assert!(seen[2].contains("52"), "{seen:?}");
    }
}
