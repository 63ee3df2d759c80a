//! One HELO: its client, its values, and how fresh they are.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use encoder_core::model::{DeviceStreamState, EncoderId, EncoderStatus};
use encoder_core::{Error, ErrorKind, Result, Retry};
use tokio::time::Instant;

use crate::client::{HeloClient, Repeat};
use crate::codes;
use crate::config::AjaConfig;
use crate::error::{Place, ReplyError};
use crate::feed::Feed;
use crate::params::{Pace, Param};
use crate::readings::Readings;
use crate::status::{is_masked, status_of, stream_state};

/// Age at which values are read again that change with a restart or with others.
const SELDOM: Duration = Duration::from_secs(600);
/// What a request gets at least, once it is sent: giving up on it costs its connection.
const LEAST_PATIENCE: Duration = Duration::from_millis(100);

/// What the driver and its event feeds share.
pub(crate) struct Device {
    pub(crate) id: EncoderId,
    pub(crate) config: AjaConfig,
    pub(crate) client: HeloClient,
    pub(crate) feed: Arc<Feed>,
    /// Held while the device is configured, so that a start does not meet half a configuration.
    pub(crate) configuring: tokio::sync::Mutex<()>,
    readings: Mutex<Readings>,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("id", &self.id)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Device {
    pub(crate) fn new(id: EncoderId, config: AjaConfig, client: HeloClient) -> Self {
        Self {
            id,
            config,
            client,
            feed: Arc::default(),
            configuring: tokio::sync::Mutex::new(()),
            readings: Mutex::default(),
        }
    }

    pub(crate) fn readings(&self) -> MutexGuard<'_, Readings> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The status as far as it is known, without asking.
    pub(crate) fn known_status(&self) -> EncoderStatus {
        status_of(&self.readings())
    }

    /// The stream state as last heard.
    pub(crate) fn known_state(&self) -> DeviceStreamState {
        stream_state(&self.readings())
    }

    /// Whether events have told everything so far.
    pub(crate) fn feed_is_fresh(&self) -> bool {
        let patience = self.config.event_hold + self.config.write_timeout;
        self.feed.is_fresh(patience)
    }

    /// Reads the stream state, the one value no status goes without.
    pub(crate) async fn read_state(&self, operation: &'static str) -> Result<DeviceStreamState> {
        let before = self.known_state();
        self.read(Param::STREAM_STATE, operation).await?;
        let now = self.known_state();
        self.feed.compare(now != before);
        Ok(now)
    }

    /// Reads a value that every HELO has.
    pub(crate) async fn read(&self, param: Param, operation: &'static str) -> Result<String> {
        let wire = param.wire();
        let asked = Instant::now();
        let reply = self.client.get(&wire).await;
        let reply = reply.map_err(|error| self.failed(error, operation, &wire))?;
        let mut readings = self.readings();
        if let Some(number) = reply.number {
            readings.learn_number(number, param);
        }
        readings.read(param, Some(reply.value.clone()), asked);
        Ok(reply.value)
    }

    /// Reads what has become old, the oldest first, until the budget since `begun` is spent.
    pub(crate) async fn refresh(&self, begun: Instant, operation: &'static str) -> Result<()> {
        let fresh = self.feed_is_fresh();
        let due = |readings: &Readings, param: Param, now| self.is_due(readings, param, fresh, now);
        let until = begun + self.config.refresh_budget;
        self.read_due(due, until, operation).await
    }

    /// Reads what was not heard of since `since`, to make a status whole.
    pub(crate) async fn complete(&self, since: Instant, operation: &'static str) -> Result<()> {
        let due = |readings: &Readings, param: Param, _| {
            let heard = readings.heard_at(param);
            is_read(readings, param) && heard.is_none_or(|heard| heard < since)
        };
        let until = Instant::now() + self.config.write_timeout;
        self.read_due(due, until, operation).await
    }

    fn is_due(&self, readings: &Readings, param: Param, fresh: bool, now: Instant) -> bool {
        let older = |age| readings.is_older_than(param, age, now);
        let due = match param.pace() {
            Pace::Always | Pace::OnDemand => false,
            Pace::Evented => !fresh || readings.heard_at(param).is_none(),
            Pace::Slow => older(self.config.slow_refresh),
            Pace::Media => older(self.config.media_refresh),
            Pace::Choice if fresh => older(SELDOM),
            Pace::Choice => older(self.config.media_refresh),
            Pace::Medium if may_have_moved(readings, param) => older(self.config.media_refresh),
            Pace::Medium | Pace::Identity => older(SELDOM),
        };
        due && is_read(readings, param)
    }

    async fn read_due(
        &self,
        is_due: impl Fn(&Readings, Param, Instant) -> bool + Send,
        until: Instant,
        operation: &'static str,
    ) -> Result<()> {
        let mut due: Vec<_> = {
            let (readings, now) = (self.readings(), Instant::now());
            let due = Param::all().filter(|param| is_due(&readings, *param, now));
            due.map(|param| (readings.heard_at(param), param)).collect()
        };
        due.sort_unstable();
        for (_, param) in due {
            let left = until.saturating_duration_since(Instant::now());
            let patience = left.max(LEAST_PATIENCE);
            if left.is_zero() || !self.read_optional(param, patience, operation).await? {
                break;
            }
        }
        Ok(())
    }

    /// Reads one value that the device may lack; false when the time was not enough.
    async fn read_optional(
        &self,
        param: Param,
        patience: Duration,
        operation: &'static str,
    ) -> Result<bool> {
        let wire = param.wire();
        let asked = Instant::now();
        match self.client.get_optional(&wire, patience).await {
            Ok(reply) => {
                let mut readings = self.readings();
                if let Some(number) = reply.as_ref().and_then(|reply| reply.number) {
                    readings.learn_number(number, param);
                }
                readings.read(param, reply.map(|reply| reply.value), asked);
                Ok(true)
            }
            // Other values will be asked for first next time.
            Err(ReplyError::Silent(_) | ReplyError::Busy) => {
                let known = self.readings().text(param).map(str::to_owned);
                self.readings().read(param, known, asked);
                Ok(false)
            }
            Err(error) => Err(self.failed(error, operation, &wire)),
        }
    }

    /// Reads a choice of no and yes; `None` for anything else.
    pub(crate) async fn read_flag(
        &self,
        param: Param,
        operation: &'static str,
    ) -> Result<Option<bool>> {
        self.read(param, operation).await?;
        Ok(self.readings().flag(param))
    }

    /// Writes a value. The device took it when this is `Ok`; whether it holds it is another
    /// question.
    pub(crate) async fn write(
        &self,
        wire: &str,
        value: &str,
        repeat: Repeat,
        operation: &'static str,
    ) -> Result<()> {
        let written = self.client.set(wire, value, repeat).await;
        written.map_err(|error| match error {
            ReplyError::Status(status @ 400..=499) => {
                let message = format!("the device refused the value with status {status}");
                self.place(operation, wire)
                    .error(ErrorKind::DeviceRejected, message)
            }
            error => self.failed(error, operation, wire),
        })
    }

    /// Brings a parameter to a value: reads it, writes it where it differs, and reads it back.
    /// Tells whether it was written. A value that reads back masked is written every time and
    /// cannot be verified.
    pub(crate) async fn ensure(
        &self,
        wire: &str,
        value: &str,
        operation: &'static str,
    ) -> Result<bool> {
        if same_value(&self.read_back(wire, operation).await?, value) {
            return Ok(false);
        }
        let written = self.client.set(wire, value, Repeat::Once).await;
        written.map_err(|error| match error {
            // It was read a moment ago, so neither the session nor the name is at fault.
            ReplyError::Status(400..=499)
            | ReplyError::NotFound
            | ReplyError::NotFoundAfterLogin => {
                let message = "the device refused the value";
                self.place(operation, wire)
                    .error(ErrorKind::DeviceRejected, message)
            }
            error => self.failed(error, operation, wire),
        })?;
        self.verify(wire, value, operation).await?;
        Ok(true)
    }

    /// Reads a parameter until it holds the value.
    ///
    /// # Errors
    /// [`ErrorKind::DeviceRejected`] when it does not after all attempts.
    pub(crate) async fn verify(
        &self,
        wire: &str,
        value: &str,
        operation: &'static str,
    ) -> Result<()> {
        for attempt in 0..self.config.readback_attempts {
            if attempt > 0 {
                tokio::time::sleep(self.config.readback_pause).await;
            }
            let held = self.read_back(wire, operation).await?;
            if same_value(&held, value) || is_masked(&held) {
                return Ok(());
            }
        }
        Err(self.not_held(wire, operation))
    }

    async fn read_back(&self, wire: &str, operation: &'static str) -> Result<String> {
        let asked = Instant::now();
        let reply = self.client.get(wire).await;
        let value = reply
            .map_err(|error| self.failed(error, operation, wire))?
            .value;
        if let Some(param) = Param::find(wire) {
            self.readings().read(param, Some(value.clone()), asked);
        }
        Ok(value)
    }

    /// The error for a value that was accepted and is not held. It does not repeat the value.
    pub(crate) fn not_held(&self, wire: &str, operation: &'static str) -> Error {
        let message = "the device accepted the value and does not hold it";
        self.place(operation, wire)
            .error(ErrorKind::DeviceRejected, message)
            .with_retry(Retry::Exhausted)
    }

    /// Turns a failed request into the public error; a broken connection makes the feed suspect,
    /// because it may hang on the same network.
    pub(crate) fn failed(&self, error: ReplyError, operation: &'static str, wire: &str) -> Error {
        if error.is_of_connection() {
            self.feed.suspect();
        }
        error.at(self.place(operation, wire))
    }

    pub(crate) fn place<'a>(&'a self, operation: &'static str, wire: &'a str) -> Place<'a> {
        Place {
            operation,
            encoder: &self.id,
            parameter: Some(wire),
        }
    }
}

/// Whether something that belongs to a medium may be different from when it was heard of.
fn may_have_moved(readings: &Readings, param: Param) -> bool {
    let Some(free) = param.free_bytes() else {
        return true;
    };
    // A device that does not count bytes says nothing by them.
    let counted = readings.number(free).is_some();
    !counted || readings.changed_at(free) > readings.heard_at(param)
}

/// Whether a parameter is worth reading, as far as others tell.
fn is_read(readings: &Readings, param: Param) -> bool {
    const SECOND_MEDIUM: [Param; 6] = [
        Param::MEDIA2_MOUNTED,
        Param::MEDIA2_READY,
        Param::MEDIA2_FREE_PERCENT,
        Param::MEDIA2_FREE_BYTES,
        Param::MEDIA2_TOTAL_BYTES,
        Param::MEDIA2_VOLUME,
    ];
    const OF_THE_STREAM: [Param; 2] = [Param::STREAM_DURATION, Param::STREAM_FORMAT];
    if SECOND_MEDIUM.contains(&param) {
        return readings.number(Param::MEDIA2_KIND) != Some(codes::NO_SECOND_MEDIUM);
    }
    if OF_THE_STREAM.contains(&param) {
        return stream_state(readings) == DeviceStreamState::Streaming;
    }
    param.pace() != Pace::OnDemand
}

/// Whether the device holds the value, in spelling or as a number.
pub(crate) fn same_value(held: &str, wanted: &str) -> bool {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    held == wanted || number(held).is_some_and(|held| number(wanted) == Some(held))
}
