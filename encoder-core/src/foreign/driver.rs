//! An object of another language as an encoder's driver.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use serde::Serialize;

use super::ForeignConfig;
use super::decide::require;
use super::document::{read_object, write};
use super::feed::Feed;
use super::object::ForeignObject;
use crate::driver::{Capability, DeviceEvent, EncoderDriver};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Action, EncoderId, EncoderStatus, PublishTarget, StreamConfig};
use crate::tasks::Supervisor;

/// Drives an encoder through an object of another language.
///
/// | Method | Arguments | Answer |
/// |---|---|---|
/// | `status` | | the [`EncoderStatus`] |
/// | `configure` | [`StreamConfig`], [`PublishTarget`] | not looked at, like those of all commands |
/// | `start`, `stop` | | |
/// | `control` | [`Action`] | |
/// | `next_event` | number of the feed | the next [`DeviceEvent`]; `null` when the feed ended |
/// | `close_feed` | number of the feed | |
///
/// An action that the capability denies never reaches the object, so `control` is needed only for
/// a device that can do something, and `next_event` for one that pushes events. `next_event` waits
/// as long as nothing happens. A number that was not seen before opens a feed, which begins with a
/// snapshot; where it does not, the driver reads the status and puts it first. A feed that ended or
/// failed is opened anew under another number, after a growing pause.
///
/// A call beyond [`ForeignConfig::call_deadline`] is [`ErrorKind::DeviceUnreachable`], an answer
/// that is no such document [`ErrorKind::DeviceProtocol`].
#[derive(Debug)]
pub struct ForeignDriver {
    capability: Capability,
    line: Arc<Line>,
}

/// What a driver and its feeds share.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) id: EncoderId,
    pub(super) object: Arc<dyn ForeignObject>,
    pub(super) config: ForeignConfig,
    pub(super) feeds: AtomicU64,
    pub(super) tasks: Supervisor,
}

impl ForeignDriver {
    /// A driver that calls the object.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] when the object lacks a method that is needed.
    pub fn new(
        object: Arc<dyn ForeignObject>,
        id: EncoderId,
        capability: Capability,
        config: &ForeignConfig,
    ) -> Result<Self> {
        let mut methods = vec!["status", "configure", "start", "stop"];
        if can_be_controlled(&capability) {
            methods.push("control");
        }
        if capability.pushes_events {
            methods.push("next_event");
        }
        require(object.as_ref(), &methods)?;
        let line = Arc::new(Line {
            id,
            object,
            config: config.clone(),
            feeds: AtomicU64::new(0),
            tasks: Supervisor::new(),
        });
        Ok(Self { capability, line })
    }

    /// A driver whose capability comes as its document.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] when that is no [`Capability`], or as for [`new`](Self::new).
    pub fn from_document(
        object: Arc<dyn ForeignObject>,
        id: EncoderId,
        capability: &str,
        config: &ForeignConfig,
    ) -> Result<Self> {
        let capability = read_object("capability", capability, ErrorKind::ConfigInvalid)?;
        Self::new(object, id, capability, config)
    }

    async fn command(&self, method: &'static str, arguments: impl Serialize) -> Result<()> {
        let arguments = write(&arguments)?;
        self.line.call(method, arguments).await.map(drop)
    }
}

fn can_be_controlled(capability: &Capability) -> bool {
    let Capability {
        record,
        recall_preset,
        select_input,
        select_recording_medium,
        mute,
        reboot,
        renew_session,
        reconnect,
        reset_media_state,
        ..
    } = *capability;
    let simple = record || recall_preset || select_input || select_recording_medium || mute;
    simple || reboot || renew_session || reconnect || reset_media_state
}

impl Line {
    /// Calls a method within the deadline.
    async fn call(&self, method: &'static str, arguments: String) -> Result<String> {
        let deadline = self.config.call_deadline;
        let call = self.object.call(method, arguments, None);
        let answer = tokio::time::timeout(deadline, call).await;
        let answer = answer.unwrap_or_else(|_| {
            let message = format!(
                "{method}() gave no answer within {} ms",
                deadline.as_millis()
            );
            Err(Error::new(ErrorKind::DeviceUnreachable, message))
        });
        answer.map_err(|error| self.tell(method, error))
    }

    pub(super) async fn status(&self) -> Result<EncoderStatus> {
        let answer = self.call("status", "[]".to_owned()).await?;
        read_object("status()", &answer, ErrorKind::DeviceProtocol)
            .map_err(|error| self.tell("status", error))
    }

    /// Says whose call failed.
    pub(super) fn tell(&self, method: &str, error: Error) -> Error {
        let error = match error.operation() {
            Some(_) => error,
            None => error.with_operation(format!("{}.{method}", self.object.name())),
        };
        let known = error.context().iter().any(|(key, _)| key == "encoder");
        match known {
            true => error,
            false => error.with_context("encoder", &self.id),
        }
    }
}

/// Dropping a future cancels the call on the other side.
#[async_trait]
impl EncoderDriver for ForeignDriver {
    fn id(&self) -> &EncoderId {
        &self.line.id
    }

    fn capability(&self) -> Capability {
        self.capability.clone()
    }

    async fn status(&self) -> Result<EncoderStatus> {
        self.line.status().await
    }

    async fn configure(&self, config: &StreamConfig, target: &PublishTarget) -> Result<()> {
        self.command("configure", (config, target)).await
    }

    async fn start(&self) -> Result<()> {
        self.line.call("start", "[]".to_owned()).await.map(drop)
    }

    async fn stop(&self) -> Result<()> {
        self.line.call("stop", "[]".to_owned()).await.map(drop)
    }

    async fn control(&self, action: &Action) -> Result<()> {
        let known = self.line.object.has("control");
        if !self.capability.allows(action) || !known {
            let message = format!("{} is not supported", action.as_str());
            let error = Error::new(ErrorKind::Unsupported, message);
            return Err(self.line.tell("control", error));
        }
        self.command("control", (action,)).await
    }

    fn events(&self) -> BoxStream<'static, DeviceEvent> {
        if !self.capability.pushes_events {
            return stream::pending().boxed();
        }
        let feed = Feed::new(Arc::clone(&self.line));
        stream::unfold(
            feed,
            |mut feed| async move { Some((feed.next().await, feed)) },
        )
        .boxed()
    }
}
