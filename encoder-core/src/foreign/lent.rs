//! A driver that is lent to the other side for the length of one call.

use std::pin::pin;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, oneshot};

use super::document::{read, write};
use super::object::ForeignObject;
use crate::driver::EncoderDriver;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Action, EncoderId, PublishTarget, StreamConfig};

/// Requests that wait for the driver; more wait at the sender.
const WAITING: usize = 4;

/// A handle through which the other side calls a driver while `run` is under way.
///
/// It outlives the call that it was lent to without harm: afterwards every call is an
/// [`ErrorKind::Conflict`], also one that was under way. Dropping a call's future cancels it.
#[derive(Clone, Debug)]
pub struct LentDriver {
    id: EncoderId,
    capability: String,
    requests: mpsc::Sender<Request>,
}

#[derive(Debug)]
struct Request {
    method: String,
    arguments: String,
    answer: oneshot::Sender<Result<String>>,
}

impl LentDriver {
    /// The encoder it speaks to.
    pub fn id(&self) -> &EncoderId {
        &self.id
    }

    /// The document of its [`Capability`](crate::Capability).
    pub fn capability(&self) -> &str {
        &self.capability
    }

    /// Calls `status`, `configure`, `start`, `stop` or `control` of the driver. `arguments` is the
    /// JSON array of its arguments; the answer is the status, or `null`.
    ///
    /// # Errors
    /// Those of the driver; [`ErrorKind::Conflict`] once the call that it was lent to has ended;
    /// [`ErrorKind::ValidationFailed`] for arguments that make no sense;
    /// [`ErrorKind::NotFound`] for any other method.
    pub async fn call(&self, method: &str, arguments: String) -> Result<String> {
        let (answer, answered) = oneshot::channel();
        let request = Request {
            method: method.to_owned(),
            arguments,
            answer,
        };
        let sent = self.requests.send(request).await;
        sent.map_err(|_| self.returned(method))?;
        answered
            .await
            .unwrap_or_else(|_| Err(self.returned(method)))
    }

    fn returned(&self, method: &str) -> Error {
        let message = format!("{method}: the driver was lent until `run` ended, and it has");
        Error::new(ErrorKind::Conflict, message)
            .with_operation("LentDriver::call")
            .with_context("encoder", &self.id)
    }
}

/// Calls a method with a driver lent to it.
pub(super) async fn call_with(
    object: &dyn ForeignObject,
    method: &'static str,
    arguments: String,
    driver: &dyn EncoderDriver,
) -> Result<String> {
    let (requests, mut asked) = mpsc::channel(WAITING);
    let lent = LentDriver {
        id: driver.id().clone(),
        capability: write(&driver.capability())?,
        requests,
    };
    let mut call = pin!(object.call(method, arguments, Some(lent)));
    let mut serving = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            answer = &mut call => return answer,
            Some(()) = serving.next(), if !serving.is_empty() => {}
            Some(request) = asked.recv() => serving.push(serve(driver, request)),
        }
    }
}

async fn serve(driver: &dyn EncoderDriver, request: Request) {
    let Request {
        method,
        arguments,
        mut answer,
    } = request;
    let given = tokio::select! {
        given = perform(driver, &method, &arguments) => given,
        () = answer.closed() => return,
    };
    // Nobody waits any more when that fails.
    let _ = answer.send(given);
}

async fn perform(driver: &dyn EncoderDriver, method: &str, arguments: &str) -> Result<String> {
    let kind = ErrorKind::ValidationFailed;
    let what = format!("arguments of {method}()");
    match method {
        "status" => return write(&driver.status().await?),
        "start" => driver.start().await?,
        "stop" => driver.stop().await?,
        "configure" => {
            let (config, target): (StreamConfig, PublishTarget) = read(&what, arguments, kind)?;
            driver.configure(&config, &target).await?;
        }
        "control" => {
            let (action,): (Action,) = read(&what, arguments, kind)?;
            driver.control(&action).await?;
        }
        other => {
            let message = format!("a lent driver has no method `{}`", other.escape_default());
            return Err(Error::new(ErrorKind::NotFound, message));
        }
    }
    Ok("null".to_owned())
}
