//! Commands about encoders.

use serde_json::Value;

use super::answer;
use crate::error::Result;
use crate::manager::Manager;
use crate::model::{EncoderId, EncoderView};
use crate::wire::{
    AssignmentsDto, ControlDto, EncoderDto, EncoderHealthAnswer, EncoderHealthDto,
    EncoderMetricsDto, EncoderStatusDto, Fields, FleetCountsDto, action, encoder_spec,
};

/// `{encoder_id}`
pub(super) fn encoder(manager: &Manager, fields: Fields) -> Result<String> {
    let view = manager.encoder(&only_id(fields)?)?;
    answer(&shown(manager, view))
}

/// `{}`
pub(super) fn encoders(manager: &Manager, fields: Fields) -> Result<String> {
    fields.finish(Some(()))?;
    let all = manager.encoders().into_iter();
    answer(&all.map(|view| shown(manager, view)).collect::<Vec<_>>())
}

/// `{encoder_id}`
pub(super) fn status(manager: &Manager, fields: Fields) -> Result<String> {
    let id = only_id(fields)?;
    let view = manager.encoder(&id)?;
    let streams = manager.streams();
    let mut records = streams.iter().map(|stream| &stream.record);
    let publishes =
        records.find(|record| record.state.is_active() && record.primary.encoder_id == id);
    answer(&EncoderStatusDto::new(
        view,
        publishes.map(|record| &record.id),
    ))
}

/// `{encoder_id}`
pub(super) fn metrics(manager: &Manager, fields: Fields) -> Result<String> {
    let view = manager.encoder(&only_id(fields)?)?;
    answer(&EncoderMetricsDto::from(view))
}

/// `{encoder_id}`
pub(super) fn health(manager: &Manager, fields: Fields) -> Result<String> {
    healthy(manager, manager.encoder(&only_id(fields)?)?)
}

/// `{}`
pub(super) fn counts(manager: &Manager, fields: Fields) -> Result<String> {
    fields.finish(Some(()))?;
    answer(&FleetCountsDto::from(manager.fleet_counts()))
}

/// `{encoder_id}`
pub(super) fn assignments(manager: &Manager, fields: Fields) -> Result<String> {
    let id = only_id(fields)?;
    manager.encoder(&id)?;
    answer(&AssignmentsDto::new(&id, &manager.streams()))
}

/// `{encoder}`: the encoder, as in a body of the server.
pub(super) async fn add(manager: &Manager, mut fields: Fields) -> Result<String> {
    let encoder = fields.required::<Value>("encoder");
    let spec = encoder_spec(fields.finish(encoder)?, None)?;
    let view = manager.add_encoder(spec).await?;
    answer(&shown(manager, view))
}

/// `{encoder_id, encoder, expect_revision?}`: what is left out of the encoder gets its default,
/// except the password, which stays.
pub(super) async fn update(manager: &Manager, mut fields: Fields) -> Result<String> {
    let id = fields.required::<EncoderId>("encoder_id");
    let encoder = fields.required::<Value>("encoder");
    let expect = fields.optional("expect_revision");
    let (id, encoder) = fields.finish(id.zip(encoder))?;
    let known = manager.encoder(&id)?;
    let spec = encoder_spec(encoder, Some(&known.spec))?;
    let view = manager.update_encoder(spec, expect).await?;
    answer(&shown(manager, view))
}

/// `{encoder_id, drain?}`
pub(super) async fn remove(manager: &Manager, mut fields: Fields) -> Result<String> {
    let drain = fields.optional("drain").unwrap_or(false);
    let id = only_id(fields)?;
    manager.remove_encoder(&id, drain).await?;
    answer(&())
}

/// `{encoder_id, action, …}`: the action with its own arguments.
pub(super) async fn control(manager: &Manager, mut fields: Fields) -> Result<String> {
    let id = fields.required::<EncoderId>("encoder_id");
    let wanted = fields.required::<Value>("action");
    let (id, wanted) = fields.finish(id.zip(wanted))?;
    let outcome = manager.control(&id, &action(wanted)?).await?;
    answer(&ControlDto::from(outcome))
}

/// `{encoder_id}`: asks the device, and tells how it is.
pub(super) async fn monitor(manager: &Manager, fields: Fields) -> Result<String> {
    let view = manager.monitor_encoder(&only_id(fields)?).await?;
    healthy(manager, view)
}

fn healthy(manager: &Manager, view: EncoderView) -> Result<String> {
    answer(&EncoderHealthAnswer {
        timestamp: manager.clock().now().into(),
        encoder: EncoderHealthDto::from(view),
    })
}

fn shown(manager: &Manager, view: EncoderView) -> EncoderDto {
    let capability = manager.capability(&view.spec.id).ok();
    let document = EncoderDto::from(view);
    match &capability {
        Some(capability) => document.with_capability(capability),
        None => document,
    }
}

pub(super) fn only_id(mut fields: Fields) -> Result<EncoderId> {
    let id = fields.required("encoder_id");
    fields.finish(id)
}
