//! The manager, from opening to closing.

use std::sync::{Arc, Mutex as StdMutex, MutexGuard, OnceLock, PoisonError};

use encoder_aja::{AjaConfig, AjaDriverFactory};
use encoder_core::foreign::{Engine, ManagerOptions, read_document};
use encoder_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Deserialize;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio_util::sync::CancellationToken;

use crate::errors::{defect, detached, raised};
use crate::feed::Feed;
use crate::operation::{Operation, answered};
use crate::plugins::Plugins;
use crate::runtime::Process;

/// What a manager is made from.
#[derive(Clone, Debug)]
struct Plan {
    options: ManagerOptions,
    aja: AjaConfig,
    plugins: Plugins,
}

impl Plan {
    fn read(options: &str, aja: &str) -> Result<Self> {
        Ok(Self {
            options: ManagerOptions::read(options)?,
            aja: read_document::<AjaDocument>("options", aja, ErrorKind::ConfigInvalid)?.aja,
            plugins: Plugins::default(),
        })
    }

    async fn build(self) -> Result<Engine> {
        let aja = Arc::new(AjaDriverFactory::new(self.aja)?);
        let builder = self.options.builder(self.plugins.parts()).await?;
        let builder = builder.with_driver_factory(aja);
        Ok(Engine::new(builder.build().await?))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AjaDocument {
    aja: AjaConfig,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    New,
    Open(Engine),
    Closed,
}

/// How far a manager is. Outlives the Python object, so that what is under way can end.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    state: StdMutex<State>,
    /// Held while opening or closing.
    turn: Arc<Mutex<()>>,
    closed: CancellationToken,
}

impl Lifecycle {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn engine(&self) -> Result<Engine> {
        match &*self.state() {
            State::New => Err(not_open()),
            State::Open(engine) => Ok(engine.clone()),
            State::Closed => Err(closed()),
        }
    }

    /// Opens it, unless it is open. When nobody waits for that any more, it is undone.
    async fn open(self: Arc<Self>, plan: Plan) -> Result<()> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        match &*self.state() {
            State::New => {}
            State::Open(_) => return Ok(()),
            State::Closed => return Err(closed()),
        }
        // Building cannot be dropped half done: its tasks would go on without an owner.
        let (told, opened) = oneshot::channel();
        let building = self.build(plan, turn, told);
        tokio::runtime::Handle::current().spawn(building);
        opened.await.unwrap_or_else(|_| Err(defect()))
    }

    async fn build(
        self: Arc<Self>,
        plan: Plan,
        _turn: OwnedMutexGuard<()>,
        told: oneshot::Sender<Result<()>>,
    ) {
        let built = plan.build().await;
        let outcome = built.map(|engine| *self.state() = State::Open(engine));
        if told.send(outcome).is_err() {
            self.shut_down(State::New).await;
        }
    }

    /// Ends what runs, if anything does. Returns whether it ended in time.
    async fn shut_down(&self, next: State) -> bool {
        let before = std::mem::replace(&mut *self.state(), next);
        match before {
            State::Open(engine) => engine.manager().shutdown().await,
            State::New | State::Closed => true,
        }
    }

    /// Closes it, unless it is closed. Returns whether everything ended in time.
    pub(crate) async fn close(&self) -> bool {
        let _turn = self.turn.lock().await;
        let ended = self.shut_down(State::Closed).await;
        self.closed.cancel();
        ended
    }
}

fn not_open() -> Error {
    let message = "the manager is not open; use it with `with`, or call open() first";
    Error::new(ErrorKind::Conflict, message)
}

fn closed() -> Error {
    let message = "the manager is closed; make a new one";
    Error::new(ErrorKind::ShuttingDown, message)
}

/// A manager.
#[pyclass(frozen, module = "encoder_manager._encoder_manager")]
#[derive(Debug)]
pub(crate) struct Manager {
    plan: Plan,
    /// Where it was opened.
    process: OnceLock<Arc<Process>>,
    life: Arc<Lifecycle>,
}

impl Manager {
    fn opened_here(&self) -> Result<&Arc<Process>> {
        let process = self.process.get().ok_or_else(not_open)?;
        process.require_here().map(|()| process)
    }

    /// The process that it was opened in, or is about to be.
    fn home(&self, py: Python<'_>) -> PyResult<Arc<Process>> {
        let process = match self.process.get() {
            Some(process) => process.require_here().map(|()| Arc::clone(process)),
            None => Process::present(py),
        };
        process.map_err(|error| raised(py, &error))
    }

    fn engine(&self) -> Result<(&Arc<Process>, Engine)> {
        let process = self.opened_here()?;
        Ok((process, self.life.engine()?))
    }
}

#[pymethods]
impl Manager {
    /// Reads the documents; nothing runs yet.
    #[new]
    fn new(py: Python<'_>, options: &str, aja: &str) -> PyResult<Self> {
        Ok(Self {
            plan: detached(py, || Plan::read(options, aja))?,
            process: OnceLock::new(),
            life: Arc::default(),
        })
    }

    /// Opens it with those objects as drivers and policies; does nothing when it is open.
    fn open(
        &self,
        py: Python<'_>,
        plugins: &Bound<'_, PyDict>,
        done: Py<PyAny>,
    ) -> PyResult<Operation> {
        let mut plan = self.plan.clone();
        plan.plugins = Plugins::take(plugins)?;
        let process = self.home(py)?;
        let process = self.process.get_or_init(|| process);
        process.adopt(&self.life);
        let life = Arc::clone(&self.life);
        Ok(answered(process, done, life.open(plan)))
    }

    /// Closes it; tells whether everything ended in time. Cancellation stops the waiting only.
    fn close(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<Operation> {
        if self
            .process
            .get()
            .is_some_and(|home| home.is_here() && home.has_ended())
        {
            done.call1(py, (true, py.None()))?;
            return Ok(Operation::over());
        }
        let process = self.home(py)?;
        let life = Arc::clone(&self.life);
        let closing = process.handle().spawn(async move { life.close().await });
        let closed = async move { closing.await.map_err(|_| defect()) };
        Ok(answered(&process, done, closed))
    }

    /// Answers from what the manager knows; see `READS`.
    fn read(&self, py: Python<'_>, name: &str, arguments: &str) -> PyResult<String> {
        detached(py, || self.engine()?.1.read(name, arguments))
    }

    /// Does something; see `ACTS`.
    fn act(
        &self,
        py: Python<'_>,
        name: String,
        arguments: String,
        done: Py<PyAny>,
    ) -> PyResult<Operation> {
        let opened = self.engine();
        let (process, engine) = opened.map_err(|error| raised(py, &error))?;
        let acting = async move { engine.act(&name, &arguments).await };
        Ok(answered(process, done, acting))
    }

    /// Opens the live feed, from now on or from after that event.
    fn events(&self, py: Python<'_>, arguments: &str) -> PyResult<Feed> {
        let open = || self.engine()?.1.events(arguments);
        let feed = detached(py, || {
            open().map_err(|error| error.with_operation("events"))
        })?;
        let process = self.opened_here();
        let process = process.map_err(|error| raised(py, &error))?;
        let closed = self.life.closed.clone();
        Ok(Feed::new(Arc::clone(process), feed, closed))
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let Some(process) = self.process.get() else {
            return;
        };
        let life = Arc::clone(&self.life);
        if process.is_here() {
            process.handle().spawn(async move { life.close().await });
        } else {
            // Belongs to threads that are not in this process.
            std::mem::forget(life);
        }
    }
}
