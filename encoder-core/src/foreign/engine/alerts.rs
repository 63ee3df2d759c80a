//! Commands about alerts and who is told of them.

use serde_json::Value;

use super::{answer, answers};
use crate::alerts::{DeliveryState, NoticeQuery};
use crate::error::{ErrorKind, Result};
use crate::manager::Manager;
use crate::model::{AlertId, NoticeId, SilenceId};
use crate::wire::{
    AlertDto, Fields, NotificationDto, SilenceDto, SinkDto, SinkTestDto, silence_request,
};

/// Who asked for a silence, where the wish does not say.
const ASKER: &str = "embedding program";

/// `{}`
pub(super) fn alerts(manager: &Manager, fields: Fields) -> Result<String> {
    fields.finish(Some(()))?;
    answers::<_, AlertDto>(manager.alerts())
}

/// `{}`
pub(super) fn silences(manager: &Manager, fields: Fields) -> Result<String> {
    fields.finish(Some(()))?;
    let now = manager.clock().now();
    let all = manager.silences().into_iter();
    answer(
        &all.map(|silence| SilenceDto::new(silence, now))
            .collect::<Vec<_>>(),
    )
}

/// `{sink?, state?, from?, to?}`
pub(super) fn notices(manager: &Manager, mut fields: Fields) -> Result<String> {
    let wanted = NoticeQuery {
        sink: fields.optional("sink"),
        state: fields.optional::<DeliveryState>("state"),
        from: fields.optional("from"),
        to: fields.optional("to"),
    };
    let wanted = fields.finish(Some(wanted))?;
    answers::<_, NotificationDto>(manager.notices(&wanted))
}

/// `{}`
pub(super) fn sinks(manager: &Manager, fields: Fields) -> Result<String> {
    fields.finish(Some(()))?;
    answers::<_, SinkDto>(manager.alert_sinks())
}

/// `{alert_id}`
pub(super) async fn acknowledge(manager: &Manager, mut fields: Fields) -> Result<String> {
    let id = fields.required::<AlertId>("alert_id");
    let alert = manager.acknowledge_alert(&fields.finish(id)?).await?;
    answer(&AlertDto::from(alert))
}

/// `{silence}`: the silence, as in a body of the server.
pub(super) async fn silence(manager: &Manager, mut fields: Fields) -> Result<String> {
    let wish = fields.required::<Value>("silence");
    let now = manager.clock().now();
    let silence = silence_request(fields.finish(wish)?, ASKER, now)?;
    let silence = manager.silence_alerts(silence).await?;
    answer(&SilenceDto::new(silence, now))
}

/// `{silence_id}`
pub(super) async fn end_silence(manager: &Manager, mut fields: Fields) -> Result<String> {
    let id = fields.required::<SilenceId>("silence_id");
    let silence = manager.end_silence(&fields.finish(id)?).await?;
    answer(&SilenceDto::new(silence, manager.clock().now()))
}

/// `{notice_id}`
pub(super) async fn retry(manager: &Manager, mut fields: Fields) -> Result<String> {
    let id = fields.required::<NoticeId>("notice_id");
    let notice = manager.retry_notice(&fields.finish(id)?).await?;
    answer(&NotificationDto::from(notice))
}

/// `{sink}`: what the sink answered; only what is wrong on this side is an error.
pub(super) async fn test_sink(manager: &Manager, mut fields: Fields) -> Result<String> {
    let sink = fields.required::<String>("sink");
    let sink = fields.finish(sink)?;
    let error = match manager.test_alert_sink(&sink).await {
        Ok(()) => None,
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotLeader | ErrorKind::ShuttingDown => {
                return Err(error);
            }
            _ => Some(error.to_string()),
        },
    };
    answer(&SinkTestDto {
        sink,
        delivered: error.is_none(),
        error,
    })
}
