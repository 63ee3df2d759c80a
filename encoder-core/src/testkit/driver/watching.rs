//! Waiting for a device and its feed, with an end to the patience.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::Instant;

use super::DriverUnderTest;
use crate::driver::DeviceEvent;
use crate::error::Result;
use crate::model::{DeviceStreamState, EncoderStatus};

/// Time between looks at the device.
const INTERVAL: Duration = Duration::from_millis(20);

impl DriverUnderTest {
    /// Fails the test when a call that must succeed does not, or takes too long.
    pub(super) async fn must<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T>> + Send,
    ) -> T {
        let answered = tokio::time::timeout(self.within, call).await;
        let answer = answered.unwrap_or_else(|_| panic!("{what} took over {:?}", self.within));
        answer.unwrap_or_else(|error| panic!("{what}: {error:?}"))
    }

    pub(super) async fn status(&self) -> EncoderStatus {
        self.must("status", self.driver.status()).await
    }

    pub(super) async fn configure(&self) {
        let call = self.driver.configure(&self.config, &self.target);
        self.must("configure", call).await;
    }

    pub(super) async fn go_live(&self) {
        self.configure().await;
        self.must("start", self.driver.start()).await;
        self.reach("streaming", |state| state == DeviceStreamState::Streaming)
            .await;
    }

    /// Looks at the device until it is in a state.
    pub(super) async fn reach(&self, name: &str, reached: fn(DeviceStreamState) -> bool) {
        let end = Instant::now() + self.within;
        loop {
            let state = self.status().await.stream_state;
            if reached(state) {
                return;
            }
            let late = Instant::now() > end;
            assert!(!late, "not {name} within {:?}, but {state:?}", self.within);
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Looks at the device for a while, which must stay in a state.
    pub(super) async fn stay(&self, state: DeviceStreamState) {
        for _ in 0..10 {
            assert_eq!(self.status().await.stream_state, state);
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// The next event of a feed.
    pub(super) async fn next(&self, feed: &mut BoxStream<'static, DeviceEvent>) -> DeviceEvent {
        let event = tokio::time::timeout(self.within, feed.next()).await;
        let event = event.unwrap_or_else(|_| panic!("no event within {:?}", self.within));
        event.expect("the feed ended by itself")
    }
}
