//! The live feed.

use std::sync::Arc;

use encoder_core::foreign::EventFeed;
use pyo3::prelude::*;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::errors::raised;
use crate::operation::{Operation, start};
use crate::runtime::Process;

/// What one consumer is told, in batches.
#[pyclass(frozen, module = "encoder_manager._encoder_manager")]
#[derive(Debug)]
pub(crate) struct Feed {
    process: Arc<Process>,
    events: Arc<Mutex<EventFeed>>,
    closed: CancellationToken,
}

impl Feed {
    pub(crate) fn new(process: Arc<Process>, feed: EventFeed, closed: CancellationToken) -> Self {
        let events = Arc::new(Mutex::new(feed));
        Self {
            process,
            events,
            closed,
        }
    }
}

#[pymethods]
impl Feed {
    /// Waits for events and tells them, at most so many; none when the feed is over.
    ///
    /// After a cancellation the next call goes on where this one was, and a batch that was on its
    /// way is still told, before that of the next call.
    fn next(&self, py: Python<'_>, most: usize, done: Py<PyAny>) -> PyResult<Operation> {
        let here = self.process.require_here();
        here.map_err(|error| raised(py, &error))?;
        let (events, closed) = (Arc::clone(&self.events), self.closed.clone());
        Ok(start(&self.process, done, move |reply| async move {
            let mut events = events.lock().await;
            let batch = tokio::select! {
                biased;
                batch = events.next(most) => batch,
                () = closed.cancelled() => Vec::new(),
            };
            // Before the next call gets the lock, so that batches keep their order.
            reply.send(Ok(batch));
        }))
    }
}
