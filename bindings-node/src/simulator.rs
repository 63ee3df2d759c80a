//! Simulated devices as JavaScript holds them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use encoder_aja::simulator::{Fault, SimulatedIngest, Simulator, SimulatorFleet};
use encoder_core::{Error, ErrorKind, Result};
use napi_derive::napi;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::errors::guard;
use crate::port::{NativePort, Port};
use crate::runtime::runtime;

mod setup;

use setup::{Setup, read};

/// Devices on the loopback that are started, looked at, and closed. When the engine drops them,
/// their ports close.
#[napi]
#[derive(Debug)]
pub struct NativeSimulator {
    port: Port,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
enum State {
    Unstarted,
    Running(Arc<Running>),
    Closed,
}

#[derive(Debug)]
struct Running {
    fleet: SimulatorFleet,
    ingest: SimulatedIngest,
    started: Instant,
}

#[napi]
impl NativeSimulator {
    /// Devices that are not started yet.
    #[napi(constructor)]
    #[must_use]
    pub fn new(port: &NativePort) -> Self {
        Self {
            port: port.port().clone(),
            state: Arc::new(Mutex::new(State::Unstarted)),
        }
    }

    /// Starts the devices, as a call that answers with their addresses and serial numbers.
    ///
    /// # Errors
    /// As an error document.
    #[napi]
    pub fn start(&self, call: u32, setup: String) -> napi::Result<()> {
        guard(|| {
            let setup = Setup::read(&setup)?;
            let state = Arc::clone(&self.state);
            self.port.run(call, async move {
                let running = Running::start(setup).await?;
                let devices = running.devices();
                let mut state = lock(&state);
                match *state {
                    State::Unstarted => *state = State::Running(Arc::new(running)),
                    State::Running(_) | State::Closed => return Err(closed()),
                }
                Ok(devices)
            })
        })
    }

    /// Lets something go wrong with the device at that place, counted from 0.
    ///
    /// # Errors
    /// As an error document.
    #[napi]
    pub fn inject(&self, place: u32, fault: String) -> napi::Result<()> {
        self.with(place, |_, device| {
            device.inject(read::<Fault>("fault", &fault)?);
            Ok(())
        })
    }

    /// Ends every fault of the device at that place.
    ///
    /// # Errors
    /// As an error document.
    #[napi]
    pub fn clear_faults(&self, place: u32) -> napi::Result<()> {
        self.with(place, |_, device| {
            device.clear_faults();
            Ok(())
        })
    }

    /// The faults that last at this moment, as a JSON array.
    ///
    /// # Errors
    /// As an error document.
    #[napi]
    pub fn faults(&self, place: u32) -> napi::Result<String> {
        self.with(place, |_, device| write(&device.device().faults()))
    }

    /// The value of a parameter.
    ///
    /// # Errors
    /// As an error document, `not_found` for a parameter that no device has.
    #[napi]
    pub fn get(&self, place: u32, parameter: String) -> napi::Result<String> {
        self.with(place, |_, device| {
            let value = device.device().get(&parameter);
            value.ok_or_else(|| no_parameter(&parameter))
        })
    }

    /// Writes a parameter as the device itself.
    ///
    /// # Errors
    /// As an error document, `not_found` for a parameter that no device has.
    #[napi]
    pub fn set(&self, place: u32, parameter: String, value: String) -> napi::Result<()> {
        self.with(place, |_, device| {
            let set = device.device().set(&parameter, value);
            set.map_err(|_| no_parameter(&parameter))
        })
    }

    /// The latest requests in order of arrival, as a JSON array.
    ///
    /// # Errors
    /// As an error document.
    #[napi]
    pub fn requests(&self, place: u32) -> napi::Result<String> {
        self.with(place, |running, device| {
            let requests = device.requests();
            let shown = requests.iter().map(|request| {
                json!({
                    "sequence": request.sequence,
                    "at_ms": running.millis(request.at),
                    "method": request.method,
                    "path": request.path,
                    "params": request.params,
                    "authenticated": request.authenticated,
                })
            });
            Ok(Value::from_iter(shown).to_string())
        })
    }

    /// Asks the ingest: `history`, `publishers`, `drop_publishers`, `refuse_key`,
    /// `refuse_everybody`. Takes and gives JSON.
    ///
    /// # Errors
    /// As an error document.
    #[napi]
    pub fn ingest(&self, ask: String) -> napi::Result<String> {
        guard(|| {
            let running = self.running()?;
            let ask: AskIngest = read("ingest", &ask)?;
            Ok(running.ask_ingest(&ask).to_string())
        })
    }

    /// Ends the devices, as a call.
    ///
    /// # Errors
    /// As an error document, when the system gives no threads.
    #[napi]
    pub fn close(&self, call: u32) -> napi::Result<()> {
        guard(|| {
            let was = std::mem::replace(&mut *lock(&self.state), State::Closed);
            self.port.run(call, async move {
                if let State::Running(running) = was {
                    running.fleet.end().await;
                }
                Ok("null".to_owned())
            })
        })
    }
}

impl NativeSimulator {
    fn running(&self) -> Result<Arc<Running>> {
        match &*lock(&self.state) {
            State::Running(running) => Ok(Arc::clone(running)),
            State::Unstarted | State::Closed => Err(closed()),
        }
    }

    /// Does something with one device. A device that comes back to the network needs the runtime.
    fn with<T>(
        &self,
        place: u32,
        work: impl FnOnce(&Running, &Simulator) -> Result<T>,
    ) -> napi::Result<T> {
        guard(|| {
            let (_runtime, running) = (runtime()?.enter(), self.running()?);
            let index = usize::try_from(place).ok();
            let device = index.and_then(|index| running.fleet.get(index));
            work(&running, device.ok_or_else(|| no_device(place, &running))?)
        })
    }
}

/// What is asked of the ingest.
#[derive(Debug, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
enum AskIngest {
    History,
    Publishers {
        url: String,
        key: String,
    },
    DropPublishers {
        url: String,
        key: String,
    },
    RefuseKey {
        url: String,
        key: String,
        refuse: bool,
    },
    RefuseEverybody {
        refuse: bool,
    },
}

impl Running {
    async fn start(setup: Setup) -> Result<Self> {
        let started = SimulatorFleet::start(setup.count, setup.config).await;
        let fleet = started.map_err(|error| {
            let message = format!("the simulated devices do not start: {error}");
            Error::new(ErrorKind::Unexpected, message)
        })?;
        Ok(Self {
            fleet,
            ingest: setup.ingest,
            started: Instant::now(),
        })
    }

    /// Addresses and serial numbers.
    fn devices(&self) -> String {
        let shown = self
            .fleet
            .iter()
            .map(|device| json!({"url": device.url(), "serial": device.device().serial()}));
        Value::from_iter(shown).to_string()
    }

    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.started);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn ask_ingest(&self, ask: &AskIngest) -> Value {
        match ask {
            AskIngest::History => self.history(),
            AskIngest::Publishers { url, key } => self.publishers(url, key),
            AskIngest::DropPublishers { url, key } => {
                self.ingest.drop_publishers(url, key);
                Value::Null
            }
            AskIngest::RefuseKey { url, key, refuse } => {
                self.ingest.refuse_key(url, key, *refuse);
                Value::Null
            }
            AskIngest::RefuseEverybody { refuse } => {
                self.ingest.refuse_everybody(*refuse);
                Value::Null
            }
        }
    }

    /// Without stream keys, as in the control endpoint of the simulator's own program.
    fn history(&self) -> Value {
        let history = self.ingest.history();
        let shown = history.iter().map(|record| {
            json!({
                "at_ms": self.millis(record.at),
                "serial": record.serial,
                "url": record.url,
                "what": record.what,
            })
        });
        Value::from_iter(shown)
    }

    fn publishers(&self, url: &str, key: &str) -> Value {
        let publishers = self.ingest.publishers(url, key);
        let shown = publishers.iter().map(|publisher| {
            json!({
                "serial": publisher.serial,
                "since_ms": self.millis(publisher.since),
                "silent_since_ms": publisher.silent_since.map(|at| self.millis(at)),
            })
        });
        Value::from_iter(shown)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::Unexpected, error.to_string()))
}

fn closed() -> Error {
    Error::new(
        ErrorKind::ShuttingDown,
        "this simulator is closed; start another",
    )
}

fn no_device(place: u32, running: &Running) -> Error {
    let count = running.fleet.len();
    let message = format!("there is no device {place}; {count} are simulated, counted from 0");
    Error::new(ErrorKind::NotFound, message)
}

fn no_parameter(parameter: &str) -> Error {
    let message = format!("a HELO has no parameter `{}`", parameter.escape_default());
    Error::new(ErrorKind::NotFound, message)
}
