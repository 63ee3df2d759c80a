//! Simulated encoders, for tests and for trying things out.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use encoder_aja::simulator::{
    Fault, Personality, SimulatedIngest, Simulator as Helo, SimulatorConfig, SimulatorFleet,
};
use encoder_core::model::Violation;
use encoder_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::errors::{detached, raised};
use crate::operation::{Operation, answered};
use crate::runtime::Process;

mod looks;

/// What is simulated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    count: u16,
    fast: bool,
    config: Value,
    ingest: Option<IngestPlan>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IngestPlan {
    personality: Personality,
    idle_timeout_seconds: f64,
}

impl Plan {
    /// The settings, each of which that is left out has its usual value.
    fn settings(&self) -> Result<SimulatorConfig> {
        let usual = match self.fast {
            true => SimulatorConfig::fast(),
            false => SimulatorConfig::default(),
        };
        let mut settings = serde_json::to_value(usual).expect("settings have JSON");
        merge(&mut settings, self.config.clone());
        let config = read::<SimulatorConfig>("simulator", settings)?;
        let Some(plan) = &self.ingest else {
            return Ok(config);
        };
        let timeout = Duration::try_from_secs_f64(plan.idle_timeout_seconds);
        let timeout = timeout
            .map_err(|error| refused("idle_timeout_seconds", "wrong_value", error.to_string()))?;
        let ingest = SimulatedIngest::new(plan.personality).with_idle_timeout(timeout);
        Ok(config.with_ingest(ingest))
    }
}

/// Puts what is given over the usual, key by key.
fn merge(usual: &mut Value, given: Value) {
    match (usual, given) {
        (Value::Object(usual), Value::Object(given)) => {
            for (key, value) in given {
                merge(usual.entry(key).or_insert(Value::Null), value);
            }
        }
        (usual, given) => *usual = given,
    }
}

/// # Errors
/// [`ErrorKind::ValidationFailed`] naming what is wrong by its path, without secrets.
fn read<T: DeserializeOwned>(what: &str, document: Value) -> Result<T> {
    serde_path_to_error::deserialize(document).map_err(|error| {
        let path = match error.path().to_string().as_str() {
            "." => what.to_owned(),
            path => format!("{what}.{path}"),
        };
        let told = match path.ends_with("password") || path.contains(".values") {
            true => "wrong type".to_owned(),
            false => error.inner().to_string(),
        };
        refused(&path, "wrong_value", told)
    })
}

fn refused(field: &str, code: &str, message: String) -> Error {
    let told = format!("{field}: {message}");
    let violation = Violation::new(field, code, message);
    Error::new(ErrorKind::ValidationFailed, told).with_violations(vec![violation])
}

/// Devices that run, and since when.
struct Running {
    fleet: SimulatorFleet,
    since: Instant,
}

#[derive(Default)]
enum State {
    #[default]
    New,
    Running(Arc<Running>),
    Stopped,
}

/// Simulated encoders on the loopback.
#[pyclass(frozen, module = "encoder_manager._encoder_manager")]
pub(crate) struct Simulator {
    count: u16,
    config: SimulatorConfig,
    process: OnceLock<Arc<Process>>,
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator")
            .field("count", &self.count)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn misuse(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Conflict, message.into())
}

async fn start(count: u16, config: SimulatorConfig, state: Arc<Mutex<State>>) -> Result<bool> {
    let fleet = SimulatorFleet::start(count, config).await;
    let fleet = fleet.map_err(|error| {
        let message = format!("a simulated encoder could not be started: {error}");
        Error::new(ErrorKind::Conflict, message).with_source(error)
    })?;
    let since = Instant::now();
    let mut state = locked(&state);
    match &*state {
        State::New => *state = State::Running(Arc::new(Running { fleet, since })),
        State::Running(_) => return Err(misuse("the simulator runs already")),
        State::Stopped => return Err(stopped()),
    }
    Ok(true)
}

fn stopped() -> Error {
    let message = "the simulator was stopped; make a new one";
    Error::new(ErrorKind::ShuttingDown, message)
}

impl Simulator {
    fn running(&self) -> Result<Arc<Running>> {
        let process = self.process.get().ok_or_else(not_started)?;
        process.require_here()?;
        match &*locked(&self.state) {
            State::New => Err(not_started()),
            State::Running(running) => Ok(Arc::clone(running)),
            State::Stopped => Err(stopped()),
        }
    }
}

fn not_started() -> Error {
    misuse("the simulator is not started; use it with `async with` or `with`")
}

#[pymethods]
impl Simulator {
    /// Reads the document; nothing runs yet.
    #[new]
    fn new(py: Python<'_>, plan: &str) -> PyResult<Self> {
        let read = || {
            let plan: Value = serde_json::from_str(plan)
                .map_err(|error| misuse(format!("no plan of a simulator: {error}")))?;
            let plan: Plan = read("simulator", plan)?;
            Ok((plan.count, plan.settings()?))
        };
        let (count, config) = detached(py, read)?;
        Ok(Self {
            count,
            config,
            process: OnceLock::new(),
            state: Arc::default(),
        })
    }

    /// Starts the devices.
    fn start(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<Operation> {
        let process = match self.process.get() {
            Some(process) => process.require_here().map(|()| Arc::clone(process)),
            None => Process::present(py),
        };
        let process = process.map_err(|error| raised(py, &error))?;
        let process = self.process.get_or_init(|| process);
        let starting = start(self.count, self.config.clone(), Arc::clone(&self.state));
        Ok(answered(process, done, starting))
    }

    /// Ends the devices; does nothing when they do not run.
    fn stop(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<Operation> {
        let process = match self.process.get() {
            Some(process) => process.require_here().map(|()| Arc::clone(process)),
            None => Process::present(py),
        };
        let process = process.map_err(|error| raised(py, &error))?;
        let state = Arc::clone(&self.state);
        Ok(answered(&process, done, async move {
            let before = std::mem::replace(&mut *locked(&state), State::Stopped);
            if let State::Running(running) = before {
                running.fleet.end().await;
            }
            Ok(true)
        }))
    }

    /// Looks into a device or changes it; see `looks`.
    fn ask(&self, py: Python<'_>, name: &str, arguments: &str) -> PyResult<String> {
        detached(py, || {
            let arguments: Value = serde_json::from_str(arguments)
                .map_err(|error| misuse(format!("{name}: no arguments: {error}")))?;
            let answer = self.running()?.ask(name, arguments)?;
            Ok(answer.to_string())
        })
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let here = self.process.get().is_none_or(|process| process.is_here());
        if !here {
            // Its locks may be held by threads that are not in this process.
            std::mem::forget(Arc::clone(&self.state));
        }
    }
}
