//! Drivers whose calls are counted, or held back as well.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::{Budget, TokioClock};
use crate::driver::{Capability, DeviceEvent, EncoderDriver};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::model::{Action, ConnectionPool, EncoderId, EncoderStatus, PublishTarget, StreamConfig};
use governor::clock::Clock as _;

/// How long an ordinary call waits for its turn before it is refused.
const PATIENCE: Duration = Duration::from_secs(5);

/// A driver whose calls count and never wait.
#[derive(Clone, Debug)]
pub(in crate::fleet) struct Exempt {
    driver: Arc<dyn EncoderDriver>,
    budget: Arc<Budget>,
}

/// A driver whose calls wait until the budget allows them.
///
/// A call that would wait longer than [`PATIENCE`] is refused as [`ErrorKind::Conflict`] and may be
/// repeated. Calls wait one by one for 0.6 s each with the default limit, so only somebody who
/// asks many things at once gets to see that.
#[derive(Clone, Debug)]
pub(in crate::fleet) struct Paced {
    driver: Arc<dyn EncoderDriver>,
    budget: Arc<Budget>,
}

impl Exempt {
    pub(in crate::fleet) fn new(driver: Arc<dyn EncoderDriver>, budget: Arc<Budget>) -> Self {
        Self { driver, budget }
    }
}

impl Paced {
    pub(in crate::fleet) fn new(driver: Arc<dyn EncoderDriver>, budget: Arc<Budget>) -> Self {
        Self { driver, budget }
    }

    async fn turn(&self) -> Result<()> {
        let deadline = TokioClock.now() + PATIENCE;
        loop {
            let Err(earliest) = self.budget.try_spend() else {
                return Ok(());
            };
            if earliest > deadline {
                return Err(self.refusal());
            }
            tokio::time::sleep_until(earliest.into()).await;
        }
    }

    fn refusal(&self) -> Error {
        let (limit, period) = (self.budget.limit, self.budget.period);
        let message = format!(
            "too much is asked of the encoder at once, {limit} requests in {} s are allowed; \
             ask again in a few seconds",
            period.as_secs_f64()
        );
        Error::new(ErrorKind::Conflict, message)
            .with_context("encoder", self.driver.id())
            .with_retry(Retry::Safe)
    }
}

#[async_trait]
impl EncoderDriver for Exempt {
    fn id(&self) -> &EncoderId {
        self.driver.id()
    }

    fn capability(&self) -> Capability {
        self.driver.capability()
    }

    async fn status(&self) -> Result<EncoderStatus> {
        self.budget.spend_exempt();
        self.driver.status().await
    }

    async fn configure(&self, config: &StreamConfig, target: &PublishTarget) -> Result<()> {
        self.budget.spend_exempt();
        self.driver.configure(config, target).await
    }

    async fn start(&self) -> Result<()> {
        self.budget.spend_exempt();
        self.driver.start().await
    }

    async fn stop(&self) -> Result<()> {
        self.budget.spend_exempt();
        self.driver.stop().await
    }

    async fn control(&self, action: &Action) -> Result<()> {
        self.budget.spend_exempt();
        self.driver.control(action).await
    }

    fn events(&self) -> BoxStream<'static, DeviceEvent> {
        self.driver.events()
    }

    fn connections(&self) -> Option<ConnectionPool> {
        self.driver.connections()
    }
}

#[async_trait]
impl EncoderDriver for Paced {
    fn id(&self) -> &EncoderId {
        self.driver.id()
    }

    fn capability(&self) -> Capability {
        self.driver.capability()
    }

    async fn status(&self) -> Result<EncoderStatus> {
        self.turn().await?;
        self.driver.status().await
    }

    async fn configure(&self, config: &StreamConfig, target: &PublishTarget) -> Result<()> {
        self.turn().await?;
        self.driver.configure(config, target).await
    }

    async fn start(&self) -> Result<()> {
        self.turn().await?;
        self.driver.start().await
    }

    /// Stopping never waits, whoever asks for it.
    async fn stop(&self) -> Result<()> {
        self.budget.spend_exempt();
        self.driver.stop().await
    }

    async fn control(&self, action: &Action) -> Result<()> {
        self.turn().await?;
        self.driver.control(action).await
    }

    fn events(&self) -> BoxStream<'static, DeviceEvent> {
        self.driver.events()
    }

    fn connections(&self) -> Option<ConnectionPool> {
        self.driver.connections()
    }
}
