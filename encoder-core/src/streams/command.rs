//! How others reach a stream: what its actor can be told, and how its answer comes back.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::care::Tended;
use super::publishing::Denied;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    FailoverAccepted, FailoverRequest, RequestId, StreamConfigPatch, StreamView, Trigger,
};
use crate::request;

/// What an actor is told.
#[derive(Debug)]
pub(super) enum Command {
    Stop(oneshot::Sender<Result<()>>),
    Update(StreamConfigPatch, Option<u64>, oneshot::Sender<Result<()>>),
    Failover(
        FailoverRequest,
        Trigger,
        oneshot::Sender<Result<FailoverAccepted>>,
    ),
    /// An encoder was taken out or put back; look again.
    FleetChanged,
    /// Somebody was kept from publishing the stream.
    Denied(Denied),
    /// A device that the stream holds was repaired.
    Tended(Tended),
}

/// A command, and the request that it is given for.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) command: Command,
    pub(super) request: Option<RequestId>,
}

impl From<Command> for Order {
    /// What is told while a request is served is told for that request.
    fn from(command: Command) -> Self {
        Self {
            command,
            request: request::current(),
        }
    }
}

/// A stream as others reach it.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    pub(super) commands: mpsc::Sender<Order>,
    pub(super) view: watch::Receiver<Arc<StreamView>>,
    /// Interrupts whatever the actor is waiting for, because the stream shall stop.
    pub(super) stop: CancellationToken,
}

/// Sends a command and waits for the answer.
pub(super) async fn ask<T>(
    handle: &Handle,
    command: impl FnOnce(oneshot::Sender<Result<T>>) -> Command,
) -> Result<T> {
    let over = !handle.view.borrow().record.state.is_active();
    let gone = || match over {
        true => Error::new(ErrorKind::Conflict, "the stream is over"),
        false => Error::new(ErrorKind::ShuttingDown, "the manager is shutting down"),
    };
    let (reply, answer) = oneshot::channel();
    handle
        .commands
        .send(command(reply).into())
        .await
        .map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}
