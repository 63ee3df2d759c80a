//! The way from any thread to JavaScript.

use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use encoder_core::Result;
use encoder_core::foreign::{LogLine, LogQueue, error_document};
use futures::FutureExt;
use napi::Status;
use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;

use crate::errors::{guard, panicked};
use crate::logging;
use crate::object::Questions;
use crate::runtime::runtime;

/// What the other side is told: a kind, the call or object it is about, and a text. A line of the
/// log is about neither, and has the number of those that were lost before it.
type Arguments = FnArgs<(String, u32, String)>;
/// Weak, so that it does not keep the process alive, and unbounded, because everything that goes
/// through it was asked for; the log, which is as long as it likes, has a bound of its own.
type Deliver = ThreadsafeFunction<Message, (), Arguments, Status, false, true>;

/// The kind of a line of the log.
const LOG: &str = "log";

#[derive(Debug)]
struct Message {
    kind: &'static str,
    id: u32,
    text: String,
}

/// The way to one environment. Cheap to clone; works on every thread, and after the environment's
/// end it does nothing.
#[derive(Clone)]
pub(crate) struct Port(Arc<Shared>);

struct Shared {
    deliver: Deliver,
    calls: Mutex<HashMap<u32, CancellationToken>>,
    questions: Questions,
    /// Lines of the log that are on their way.
    log: Arc<LogQueue>,
    closed: CancellationToken,
}

impl Port {
    /// Tells the other side something. In order for each sender; never blocks.
    pub(crate) fn send(&self, kind: &'static str, id: u32, text: String) {
        let message = Message { kind, id, text };
        // It fails once the environment has ended, and then nobody waits.
        let _: Status = self
            .0
            .deliver
            .call(message, ThreadsafeFunctionCallMode::NonBlocking);
    }

    /// Tells the other side a line of the log, unless too many wait for it already.
    pub(crate) fn log(&self, line: &LogLine) {
        if !self.0.log.enter() {
            return;
        }
        // It has nothing that JSON has not.
        let text = serde_json::to_string(line).unwrap_or_default();
        self.send(LOG, 0, text);
    }

    /// Whether this is the way to the same environment.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Works on a call that the other side has numbered. It is told `done` with the answer,
    /// `failed` with the error's document, or `cancelled` after the work was dropped.
    ///
    /// # Errors
    /// Those of [`runtime`].
    pub(crate) fn run(
        &self,
        call: u32,
        work: impl Future<Output = Result<String>> + Send + 'static,
    ) -> Result<()> {
        let runtime = runtime()?;
        let cancelled = self.0.closed.child_token();
        self.calls().insert(call, cancelled.clone());
        let port = self.clone();
        runtime.spawn(async move {
            let done = tokio::select! {
                biased;
                () = cancelled.cancelled() => None,
                done = AssertUnwindSafe(work).catch_unwind() => Some(done),
            };
            port.calls().remove(&call);
            match done.map(|done| done.unwrap_or_else(|panic| Err(panicked(&panic)))) {
                None => port.send("cancelled", call, String::new()),
                Some(Ok(answer)) => port.send("done", call, answer),
                Some(Err(error)) => port.send("failed", call, error_document(&error)),
            }
        });
        Ok(())
    }

    /// What the environment's objects are being asked.
    pub(crate) fn questions(&self) -> &Questions {
        &self.0.questions
    }

    /// Cancelled when the environment has ended.
    pub(crate) fn closed(&self) -> &CancellationToken {
        &self.0.closed
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<u32, CancellationToken>> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = self.calls().len();
        let mut shown = formatter.debug_struct("Port");
        shown.field("calls", &calls).finish_non_exhaustive()
    }
}

/// The environment's end of its [`Port`]; the engine drops it when the environment ends.
#[napi]
#[derive(Debug)]
pub struct NativePort(Port);

#[napi]
impl NativePort {
    /// Opens a port that calls `deliver`, on the environment's own thread. It must not throw.
    ///
    /// # Errors
    /// When the environment is about to end.
    #[napi(constructor)]
    pub fn new(
        #[napi(ts_arg_type = "(kind: string, id: number, text: string) => void")] deliver: Function<
            '_,
            Arguments,
            (),
        >,
    ) -> napi::Result<Self> {
        let log = Arc::new(LogQueue::new());
        let arriving = Arc::clone(&log);
        let deliver = deliver
            .build_threadsafe_function::<Message>()
            .weak::<true>()
            .build_callback(move |context| {
                let Message { kind, mut id, text } = context.value;
                if kind == LOG {
                    id = u32::try_from(arriving.leave()).unwrap_or(u32::MAX);
                }
                Ok((kind.to_owned(), id, text).into())
            })?;
        Ok(Self(Port(Arc::new(Shared {
            deliver,
            calls: Mutex::default(),
            questions: Questions::default(),
            log,
            closed: CancellationToken::new(),
        }))))
    }

    /// Drops what is done for a call; it is `cancelled` then, unless it has settled already.
    ///
    /// # Errors
    /// None but a defect.
    #[napi]
    pub fn cancel(&self, call: u32) -> napi::Result<()> {
        guard(|| {
            if let Some(cancelled) = self.0.calls().get(&call) {
                cancelled.cancel();
            }
            Ok(())
        })
    }

    /// Does nothing, as a call: what any call costs at least, for measuring.
    ///
    /// # Errors
    /// As an error document, when the system gives no threads.
    #[napi]
    pub fn nothing(&self, call: u32) -> napi::Result<()> {
        guard(|| self.0.run(call, async { Ok("null".to_owned()) }))
    }

    pub(crate) const fn port(&self) -> &Port {
        &self.0
    }
}

impl Drop for NativePort {
    fn drop(&mut self) {
        self.0.0.closed.cancel();
        logging::want(&self.0, None);
    }
}
