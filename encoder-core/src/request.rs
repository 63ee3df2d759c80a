//! For which request something is done.
//!
//! A request is served by many tasks: the one that took it, the one behind a stream, those that
//! speak to devices. Each of them says in its log lines, in the stream's timeline and in events for
//! which request it acts. The rejected alternative is a parameter on every method of the
//! [`Manager`](crate::Manager): it would be in everybody's way, and be forgotten where it matters.
//!
//! ```
//! use encoder_core::model::RequestId;
//! use encoder_core::request;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let id = RequestId::try_new("req_1")?;
//! let seen = request::within(id.clone(), async { request::current() }).await;
//! assert_eq!(seen, Some(id));
//! assert_eq!(request::current(), None);
//! # Ok::<(), encoder_core::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use tracing::Span;

use crate::model::{RequestId, StreamId};

tokio::task_local! {
    static CURRENT: RequestId;
}

/// Does some work for a request: whatever it asks of a manager is known to be asked for that.
/// Work that is handed to another task takes [`current`] along.
pub async fn within<F: Future>(id: RequestId, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// The request that the present task works for; `None` when it works for none.
pub fn current() -> Option<RequestId> {
    CURRENT.try_with(Clone::clone).ok()
}

/// The span in which a stream's task acts, for a request or by itself.
pub(crate) fn stream_span(stream: &StreamId, request: Option<&RequestId>) -> Span {
    let request_id = request.map(tracing::field::display);
    tracing::info_span!("stream", %stream, request_id)
}
