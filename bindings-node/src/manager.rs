//! A manager as JavaScript holds it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use encoder_core::foreign::Engine;
use encoder_core::{Error, ErrorKind, Manager, Result};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;

use crate::errors::{closed, guard};
use crate::feed::NativeFeed;
use crate::options::Plan;
use crate::port::{NativePort, Port};
use crate::runtime::runtime;

/// A manager that is opened, asked, and closed. When the engine drops it open, it shuts down.
#[napi]
#[derive(Debug)]
pub struct NativeManager(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    port: Port,
    state: Mutex<State>,
    /// Cancelled when nothing more can come of the manager.
    ended: CancellationToken,
}

#[derive(Debug)]
enum State {
    Unopened,
    Opening,
    Open(Engine),
    Closed,
}

#[napi]
impl NativeManager {
    /// A manager that is not open yet.
    #[napi(constructor)]
    #[must_use]
    pub fn new(port: &NativePort) -> Self {
        Self(Arc::new(Shared {
            port: port.port().clone(),
            state: Mutex::new(State::Unopened),
            ended: CancellationToken::new(),
        }))
    }

    /// Opens it, as a call. A call that fails or is cancelled leaves it as it was.
    ///
    /// # Errors
    /// As an error document: `config_invalid` for options that cannot be read, `conflict` while it
    /// is open, `shutting_down` once it is closed.
    #[napi]
    pub fn open(
        &self,
        call: u32,
        options: String,
        aja: String,
        plugins: String,
    ) -> napi::Result<()> {
        guard(|| {
            let plan = Plan::read(&options, &aja, &plugins)?;
            let opening = Opening::begin(&self.0)?;
            self.0.port.run(call, opening.finish(plan))
        })
    }

    /// Answers at once.
    ///
    /// # Errors
    /// As an error document.
    #[napi]
    pub fn read(&self, name: String, document: String) -> napi::Result<String> {
        guard(|| self.0.engine()?.read(&name, &document))
    }

    /// Does something, as a call.
    ///
    /// # Errors
    /// As an error document: `conflict` before it is open, `shutting_down` once it is closed.
    #[napi]
    pub fn act(&self, call: u32, name: String, document: String) -> napi::Result<()> {
        guard(|| {
            let engine = self.0.engine()?;
            let ended = self.0.ended.clone();
            self.0.port.run(call, async move {
                tokio::select! {
                    biased;
                    done = engine.act(&name, &document) => done,
                    () = ended.cancelled() => Err(closed()),
                }
            })
        })
    }

    /// Opens a feed of events.
    ///
    /// # Errors
    /// As an error document.
    #[napi]
    pub fn events(&self, document: String) -> napi::Result<NativeFeed> {
        guard(|| {
            let feed = self.0.engine()?.events(&document)?;
            let (port, ended) = (self.0.port.clone(), self.0.ended.clone());
            Ok(NativeFeed::new(port, feed, ended))
        })
    }

    /// Closes it, as a call that answers whether everything ended in time. Cancelling the call stops
    /// the waiting, not the closing.
    ///
    /// # Errors
    /// As an error document, when the system gives no threads.
    #[napi]
    pub fn close(&self, call: u32) -> napi::Result<()> {
        guard(|| {
            let (shared, closing) = (Arc::clone(&self.0), self.0.close()?);
            self.0.port.run(call, async move {
                let ended = closing.await.map_err(|_| shared.lost())?;
                Ok(ended.to_string())
            })
        })
    }
}

impl Drop for NativeManager {
    fn drop(&mut self) {
        // Without a runtime it was never opened.
        if let Ok(closing) = self.0.close() {
            drop(closing);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn engine(&self) -> Result<Engine> {
        match &*self.state() {
            State::Open(engine) => Ok(engine.clone()),
            State::Unopened | State::Opening => Err(unopened()),
            State::Closed => Err(closed()),
        }
    }

    /// Begins to close, on the runtime, whoever waits for it.
    fn close(&self) -> Result<tokio::task::JoinHandle<bool>> {
        let runtime = runtime()?;
        let was = std::mem::replace(&mut *self.state(), State::Closed);
        let ended = self.ended.clone();
        Ok(runtime.spawn(async move {
            // Cancelled even when the shutting down panics.
            let _ended = ended.drop_guard();
            match was {
                State::Open(engine) => engine.manager().shutdown().await,
                _ => true,
            }
        }))
    }

    fn lost(&self) -> Error {
        let message = "the manager did not shut down in order; its records may be stale";
        Error::new(ErrorKind::Unexpected, message)
    }
}

fn unopened() -> Error {
    let message = "this manager is not open; await its open() first";
    Error::new(ErrorKind::Conflict, message)
}

/// A manager in the making. Dropped early, the manager is unopened again, and what was made of it
/// shuts down.
struct Opening {
    shared: Arc<Shared>,
}

impl Opening {
    fn begin(shared: &Arc<Shared>) -> Result<Self> {
        let mut state = shared.state();
        match *state {
            State::Unopened => *state = State::Opening,
            State::Opening | State::Open(_) => {
                let message = "this manager is open already; open() it once";
                return Err(Error::new(ErrorKind::Conflict, message));
            }
            State::Closed => return Err(closed()),
        }
        let shared = Arc::clone(shared);
        Ok(Self { shared })
    }

    async fn finish(self, plan: Plan) -> Result<String> {
        let ended = self.shared.ended.clone();
        tokio::select! {
            biased;
            () = ended.cancelled() => Err(closed()),
            made = whole(plan.build(self.shared.port.clone())) => {
                self.take(made?)?;
                Ok("null".to_owned())
            }
        }
    }

    fn take(&self, mut made: Made) -> Result<()> {
        let mut state = self.shared.state();
        if !matches!(*state, State::Opening) {
            return Err(closed());
        }
        if let Some(manager) = made.0.take() {
            *state = State::Open(Engine::new(manager));
        }
        Ok(())
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if matches!(*state, State::Opening) {
            *state = State::Unopened;
        }
    }
}

/// A manager that nobody has taken yet. Dropped as such, it shuts down.
struct Made(Option<Manager>);

impl Drop for Made {
    fn drop(&mut self) {
        if let (Some(manager), Ok(runtime)) = (self.0.take(), runtime()) {
            runtime.spawn(async move { manager.shutdown().await });
        }
    }
}

/// Makes a manager to the end, even when nobody waits for it any more: a build that is dropped
/// half-way would leave tasks behind that nobody can stop.
async fn whole(building: impl Future<Output = Result<Manager>> + Send + 'static) -> Result<Made> {
    let building = async move { building.await.map(|manager| Made(Some(manager))) };
    runtime()?.spawn(building).await.unwrap_or_else(|_| {
        let message = "a defect of encoder-manager, please report it: opening panicked";
        Err(Error::new(ErrorKind::Unexpected, message))
    })
}
