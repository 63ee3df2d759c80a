//! One simulated device: its state behind a lock, and the task that moves it on.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::catalogue::{ParameterIndex, catalogue};
use super::config::{Signal, SimulatorConfig};
use super::events::Waiting;
use super::faults::{Fault, FaultKind};
use super::network::Port;
use super::requests::{RequestLog, RequestRecord};

mod conditions;
#[cfg(feature = "media")]
mod encoding;
mod heat;
mod medium;
mod outlet;
mod power;
mod presets;
mod record;
mod sessions;
mod state;
mod storage;
mod stream;
mod values;
mod write;

pub(super) use outlet::Outlet;
pub(super) use record::Clip;
use state::State;
pub(super) use write::Written;

/// The name is not a parameter of a HELO.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a HELO has no parameter {0}")]
pub struct UnknownParameter(pub String);

/// A simulated HELO from the inside: what its own firmware and the room around it do.
///
/// Names of parameters may lack `eParamID_`.
pub struct Device {
    config: Arc<SimulatorConfig>,
    state: Mutex<Guarded>,
    port: Port,
    wake: Arc<Notify>,
    pub(super) log: RequestLog,
}

#[derive(Debug)]
struct Guarded {
    state: State,
    /// The wake the task waits for.
    schedule: (Option<Instant>, bool),
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("serial", &self.config.serial)
            .field("address", &self.port.address())
            .finish_non_exhaustive()
    }
}

impl Device {
    pub(super) fn new(config: Arc<SimulatorConfig>, port: Port, outlet: Outlet) -> Self {
        let wake = Arc::new(Notify::new());
        let now = Instant::now();
        let state = State::new(
            Arc::clone(&config),
            Arc::clone(&wake),
            outlet,
            now,
            unix_seconds(),
        );
        Self {
            log: RequestLog::new(config.request_log),
            state: Mutex::new(Guarded {
                schedule: state.schedule(now),
                state,
            }),
            config,
            port,
            wake,
        }
    }

    pub(super) fn config(&self) -> &SimulatorConfig {
        &self.config
    }

    /// The serial number.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.config.serial
    }

    /// The current value of a parameter, or `None` when there is no such parameter. Secrets read
    /// in clear here, whatever the network would show.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<String> {
        let index = catalogue().find(id)?;
        Some(self.with(|state, _| state.values.at(index).to_owned()))
    }

    /// Writes a value as the device itself, past all rules, and holds it until
    /// [`release`](Self::release) or a restart: the device no longer changes it by itself.
    /// Only the value changes; a state written this way starts or stops nothing.
    ///
    /// # Errors
    ///
    /// When there is no such parameter.
    pub fn set(&self, id: &str, value: impl Into<String>) -> Result<(), UnknownParameter> {
        let index = find(id)?;
        let value = value.into();
        self.with(|state, _| state.values.pin(index, value));
        Ok(())
    }

    /// Lets the device change a value again that [`set`](Self::set) holds.
    ///
    /// # Errors
    ///
    /// When there is no such parameter.
    pub fn release(&self, id: &str) -> Result<(), UnknownParameter> {
        let index = find(id)?;
        self.with(|state, _| state.values.unpin(index));
        Ok(())
    }

    /// Writes a value by the rules of the network, without the network: read-only parameters
    /// and impossible values are refused or bent as configured, commands are obeyed.
    ///
    /// # Errors
    ///
    /// When there is no such parameter.
    pub fn command(&self, id: &str, value: &str) -> Result<(), UnknownParameter> {
        let index = find(id)?;
        self.write(index, value);
        Ok(())
    }

    /// Plugs other signals into the inputs.
    pub fn set_signal(&self, signal: Signal) {
        self.with(|state, _| state.signal = signal);
    }

    /// Turns the unit on again after a shutdown.
    pub fn turn_on(&self) {
        self.with(State::turn_on);
    }

    /// Waits until a parameter has this value, however briefly; false when that takes longer than
    /// `timeout` or there is no such parameter.
    pub async fn wait_for(&self, id: &str, value: &str, timeout: Duration) -> bool {
        let Some(index) = catalogue().find(id) else {
            return false;
        };
        let observer = Observer::of(self);
        if self.value_at(index) == value {
            return true;
        }
        tokio::time::timeout(timeout, observer.sees(index, value))
            .await
            .is_ok()
    }

    /// Lets something go wrong.
    pub fn inject(&self, fault: impl Into<Fault>) {
        let mut fault = fault.into();
        self.with(|state, now| match fault.kind {
            FaultKind::DropSessions => state.sessions.clear(),
            FaultKind::ExpireConnections => state.values.connections.forget_all(),
            FaultKind::SelfReboot => state.reboot(now),
            FaultKind::CutConnection => state.cut_connection(),
            _ => {
                debug_assert!(!fault.kind.is_momentary(), "momentary faults never stay");
                if fault.kind.is_of_storage() {
                    fault.medium.get_or_insert(state.selected_medium());
                }
                state.faults.add(fault, now);
            }
        });
    }

    /// Ends every fault. What it broke mends as it would on a device: a stream recovers if set
    /// to, a silent network delivers again.
    pub fn clear_faults(&self) {
        self.with(|state, _| state.faults.clear());
    }

    /// The faults that last at this moment.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.with(|state, _| state.faults.list())
    }

    pub(super) fn spoil(&self, request: &RequestRecord) -> Option<FaultKind> {
        self.with(|state, _| state.faults.spoil(request))
    }

    pub(super) fn value_at(&self, index: ParameterIndex) -> String {
        self.with(|state, _| state.values.at(index).to_owned())
    }

    /// The values of all parameters in catalogue order.
    pub(super) fn snapshot(&self) -> Vec<(ParameterIndex, String)> {
        self.with(|state, _| {
            let all = catalogue().iter();
            all.map(|(index, _)| (index, state.values.at(index).to_owned()))
                .collect()
        })
    }

    pub(super) fn write(&self, index: ParameterIndex, value: &str) -> Written {
        self.with(|state, now| state.write(index, value, now))
    }

    pub(super) fn connect(&self) -> Option<u32> {
        let rules = &self.config.assumptions;
        self.with(|state, now| state.values.connections.connect(now, rules))
    }

    pub(super) fn begin_wait(&self, id: u32) -> Waiting {
        let lifetime = self.config.assumptions.connection_lifetime;
        self.with(|state, now| state.values.connections.begin_wait(id, now, lifetime))
    }

    pub(super) fn read_changes(&self, id: u32) -> Waiting {
        self.with(|state, now| state.values.connections.read(id, now))
    }

    pub(super) fn clips(&self) -> Vec<Clip> {
        self.with(|state, _| state.record.clips.clone())
    }

    pub(super) fn delete_clips(&self, name: &str) {
        self.with(|state, _| state.delete_clips(name));
    }

    /// Moves the device on as time passes; never ends.
    pub(super) async fn live(&self) {
        loop {
            let next = self.with(|state, now| state.next_wake(now));
            let due = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = due => {}
            }
        }
    }

    /// Brings the device up to now, acts on it, and applies what follows.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut State, Instant) -> R) -> R {
        let now = Instant::now();
        let mut guarded = self.lock();
        guarded.state.advance(now);
        let result = act(&mut guarded.state, now);
        guarded.state.advance(now);
        self.port.set(guarded.state.gate());
        let schedule = guarded.state.schedule(now);
        if guarded.schedule != schedule {
            guarded.schedule = schedule;
            self.wake.notify_one();
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Guarded> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody in this process who misses no change.
struct Observer<'a> {
    device: &'a Device,
    id: u32,
}

impl<'a> Observer<'a> {
    fn of(device: &'a Device) -> Self {
        let id = device.with(|state, now| state.values.observers.open(now));
        Self { device, id }
    }

    /// Ends once a parameter becomes `value`.
    async fn sees(&self, index: ParameterIndex, value: &str) {
        loop {
            let observed = |state: &mut State, now| state.values.observers.read(self.id, now);
            match self.device.with(observed) {
                Waiting::Quiet(wake) => wake.notified().await,
                Waiting::Changes(changes) => {
                    let mut changes = changes.iter();
                    if changes.any(|change| change.index == index && change.value == value) {
                        return;
                    }
                }
                Waiting::Unknown => unreachable!("only its own end forgets an observer"),
            }
        }
    }
}

impl Drop for Observer<'_> {
    fn drop(&mut self) {
        self.device
            .with(|state, _| state.values.observers.forget(self.id));
    }
}

fn find(id: &str) -> Result<ParameterIndex, UnknownParameter> {
    catalogue()
        .find(id)
        .ok_or_else(|| UnknownParameter(id.to_owned()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the unit has a wall clock of its own; everything timed here uses tokio's clock"
)]
fn unix_seconds() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
