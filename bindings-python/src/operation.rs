//! Work that Python waits for.

use std::future::Future;
use std::sync::Arc;

use encoder_core::Result;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::errors::{defect, exception, raised};
use crate::runtime::Process;

/// Work under way.
#[pyclass(frozen, module = "encoder_manager._encoder_manager")]
#[derive(Debug)]
pub(crate) struct Operation(Option<Running>);

#[derive(Debug)]
struct Running {
    process: Arc<Process>,
    task: AbortHandle,
}

impl Operation {
    /// Nothing is under way; whoever waits was told already.
    pub(crate) const fn over() -> Self {
        Self(None)
    }
}

#[pymethods]
impl Operation {
    /// Stops the work, if it is not done yet. Nobody is told.
    fn cancel(&self) {
        if let Some(running) = self.0.as_ref().filter(|one| one.process.is_here()) {
            running.task.abort();
        }
    }
}

/// Whom to tell how it went: a callable that takes the answer and the exception, one of them `None`.
#[derive(Debug)]
pub(crate) struct Reply {
    process: Arc<Process>,
    done: Option<Py<PyAny>>,
}

impl Reply {
    /// Tells the outcome.
    pub(crate) fn send<T>(mut self, outcome: Result<T>)
    where
        T: for<'py> IntoPyObjectExt<'py> + Send + 'static,
    {
        if let Some(done) = self.done.take() {
            let tell = move |py: Python<'_>| tell(py, &done, outcome);
            self.process.answers().send(tell);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let Some(done) = self.done.take() else { return };
        if std::thread::panicking() {
            let tell = move |py: Python<'_>| tell(py, &done, Err::<(), _>(defect()));
            self.process.answers().send(tell);
        } else {
            // Cancelled. Python's objects die on Python's threads.
            self.process.answers().send(move |_| drop(done));
        }
    }
}

fn tell<T>(py: Python<'_>, done: &Py<PyAny>, outcome: Result<T>)
where
    T: for<'py> IntoPyObjectExt<'py>,
{
    let told = answer(py, outcome).and_then(|arguments| done.call1(py, arguments));
    if let Err(failure) = told {
        failure.write_unraisable(py, Some(done.bind(py)));
    }
}

type Arguments<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

fn answer<'py, T>(py: Python<'py>, outcome: Result<T>) -> PyResult<Arguments<'py>>
where
    T: IntoPyObjectExt<'py>,
{
    let nothing = py.None().into_bound(py);
    match outcome {
        Ok(answer) => Ok((answer.into_bound_py_any(py)?, nothing)),
        Err(error) => Ok((nothing, exception(py, &error)?)),
    }
}

/// Does nothing and answers at once: what any operation costs at least, for measuring.
#[pyfunction]
pub(crate) fn nothing(py: Python<'_>, done: Py<PyAny>) -> PyResult<Operation> {
    let process = Process::present(py).map_err(|error| raised(py, &error))?;
    Ok(answered(&process, done, async { Ok("null") }))
}

/// Starts work that says through the [`Reply`] how it went. A panic is told as a defect.
pub(crate) fn start<F>(
    process: &Arc<Process>,
    done: Py<PyAny>,
    work: impl FnOnce(Reply) -> F,
) -> Operation
where
    F: Future<Output = ()> + Send + 'static,
{
    let reply = Reply {
        process: Arc::clone(process),
        done: Some(done),
    };
    Operation(Some(Running {
        process: Arc::clone(process),
        task: process.handle().spawn(work(reply)).abort_handle(),
    }))
}

/// Starts work whose outcome is the answer.
pub(crate) fn answered<T, F>(process: &Arc<Process>, done: Py<PyAny>, work: F) -> Operation
where
    T: for<'py> IntoPyObjectExt<'py> + Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    start(process, done, |reply| async move {
        reply.send(work.await);
    })
}
