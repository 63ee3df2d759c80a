//! Commands about streams.

use std::time::Duration;

use serde_json::Value;

use super::{answer, answers};
use crate::error::Result;
use crate::ingest::{PublishAttempt, Publisher};
use crate::manager::Manager;
use crate::model::{FailoverRequest, Secret, StreamId, Subject};
use crate::wire::{
    ConfigAnswer, FailoverDto, Fields, PublishVerdictDto, StreamDto, StreamHealthDto, TimelineDto,
    config_patch, failover_request, stream_request,
};

/// `{stream_id, reveal_key?}`
pub(super) fn stream(manager: &Manager, mut fields: Fields) -> Result<String> {
    let reveal = fields.optional("reveal_key").unwrap_or(false);
    let view = manager.stream(&only_id(fields)?)?;
    answer(&if reveal {
        StreamDto::revealed(view)
    } else {
        StreamDto::from(view)
    })
}

/// `{}`
pub(super) fn streams(manager: &Manager, fields: Fields) -> Result<String> {
    fields.finish(Some(()))?;
    answers::<_, StreamDto>(manager.streams())
}

/// `{stream_id}`
pub(super) fn health(manager: &Manager, fields: Fields) -> Result<String> {
    let id = only_id(fields)?;
    // The sequence first: an event in between is then seen twice rather than never.
    let sequence = manager.events().sequence(&Subject::Stream(id.clone()));
    answer(&StreamHealthDto::new(manager.stream(&id)?.health, sequence))
}

/// `{request, stream_id?, wait_live_seconds?}`: answers with the stream key in clear, at once or,
/// with a time to wait, when the device itself reports that it streams.
pub(super) async fn start(manager: &Manager, mut fields: Fields) -> Result<String> {
    let request = fields.required::<Value>("request");
    let id = fields
        .optional("stream_id")
        .unwrap_or_else(StreamId::generate);
    let wait = seconds(&mut fields, "wait_live_seconds");
    let request = fields.finish(request)?;
    let request = stream_request(request, &manager.config().stream_defaults)?;
    let view = match wait {
        Some(deadline) => manager.start_live(id, request, deadline).await?,
        None => manager.start_stream_as(id, request).await?,
    };
    answer(&StreamDto::revealed(view))
}

/// `{stream_id, deadline_seconds}`
pub(super) async fn wait_live(manager: &Manager, mut fields: Fields) -> Result<String> {
    let id = fields.required("stream_id");
    let deadline = seconds(&mut fields, "deadline_seconds");
    if deadline.is_none() && !fields.is_faulty() {
        fields.wrong("deadline_seconds", "required", "is required");
    }
    let (id, deadline) = fields.finish(id.zip(deadline))?;
    answer(&StreamDto::from(manager.wait_live(&id, deadline).await?))
}

/// `{stream_id, changes, expect_revision?}`
pub(super) async fn update(manager: &Manager, mut fields: Fields) -> Result<String> {
    let id = fields.required::<StreamId>("stream_id");
    let changes = fields.required::<Value>("changes");
    let expect = fields.optional("expect_revision");
    let (id, changes) = fields.finish(id.zip(changes))?;
    let view = manager
        .update_stream(&id, config_patch(changes)?, expect)
        .await?;
    answer(&ConfigAnswer::from(view))
}

/// `{stream_id}`
pub(super) async fn stop(manager: &Manager, fields: Fields) -> Result<String> {
    answer(&StreamDto::from(
        manager.stop_stream(&only_id(fields)?).await?,
    ))
}

/// `{stream_id, request?}`
pub(super) async fn failover(manager: &Manager, fields: Fields) -> Result<String> {
    let (id, request) = move_request(fields)?;
    answer(&FailoverDto::from(manager.failover(&id, request).await?))
}

/// `{stream_id, request?}`
pub(super) async fn drill(manager: &Manager, fields: Fields) -> Result<String> {
    let (id, request) = move_request(fields)?;
    answer(&FailoverDto::from(manager.drill(&id, request).await?))
}

/// `{stream_id}`
pub(super) async fn timeline(manager: &Manager, fields: Fields) -> Result<String> {
    answers::<_, TimelineDto>(manager.timeline(&only_id(fields)?).await?)
}

/// `{stream_key, url?, address?, agent?}`: whether somebody may publish, for a program that is asked
/// by its ingest.
pub(super) async fn authorize(manager: &Manager, mut fields: Fields) -> Result<String> {
    let key = fields.required::<Secret>("stream_key");
    let url = fields.optional::<String>("url");
    let mut publisher = Publisher::new();
    publisher.address = fields.optional("address");
    publisher.agent = fields.optional("agent");
    let mut attempt = PublishAttempt::new(fields.finish(key)?, publisher);
    attempt.url = url;
    let verdict = manager.authorize_publisher(&attempt).await?;
    answer(&PublishVerdictDto::from(verdict))
}

fn move_request(mut fields: Fields) -> Result<(StreamId, FailoverRequest)> {
    let id = fields.required("stream_id");
    let request = fields.optional::<Value>("request");
    let id = fields.finish(id)?;
    let request = request.map(failover_request).transpose()?;
    Ok((id, request.unwrap_or_default()))
}

/// A span of time; a fault when it is none.
pub(super) fn seconds(fields: &mut Fields, field: &str) -> Option<Duration> {
    let given = fields.optional::<f64>(field)?;
    let span = Duration::try_from_secs_f64(given).ok();
    if span.is_none() {
        fields.wrong(field, "out_of_range", "must be 0 or more seconds");
    }
    span
}

fn only_id(mut fields: Fields) -> Result<StreamId> {
    let id = fields.required("stream_id");
    fields.finish(id)
}
