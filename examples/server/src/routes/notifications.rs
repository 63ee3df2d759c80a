//! Who was told of alerts, and how the sinks are doing.

use axum::Json;
use axum::extract::State;
use encoder_core::ErrorKind;
use encoder_core::alerts::{DeliveryState, NoticeQuery};
use encoder_core::model::NoticeId;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use utoipa::IntoParams;

use crate::extract::{Id, Query};
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{MomentsQuery, NotificationDto, Page, PageQuery, SinkTestDto, SinksDto};

/// Which notices are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotificationQuery {
    /// With a delivery to this sink.
    sink: Option<String>,
    /// With a delivery in this state: `held`, `pending`, `sent`, `digested` or `dead_letter`.
    state: Option<String>,
}

impl NotificationQuery {
    fn state(&self) -> Result<Option<DeliveryState>, Problem> {
        let Some(text) = self.state.as_deref() else {
            return Ok(None);
        };
        let named: StrDeserializer<'_, ValueError> = text.into_deserializer();
        DeliveryState::deserialize(named).map(Some).map_err(|_| {
            let message = "must be held, pending, sent, digested or dead_letter";
            Problem::invalid_field("state", "invalid_value", message)
        })
    }
}

/// Notices, newest first: what waits, what was sent, and the dead letters.
#[utoipa::path(get, path = "/api/monitoring/notifications", tag = "monitoring",
    params(NotificationQuery, MomentsQuery, PageQuery),
    responses((status = 200, body = Page<NotificationDto>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    Query(query): Query<NotificationQuery>,
    Query(moments): Query<MomentsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<NotificationDto>>, Problem> {
    let (from, to) = moments.read()?;
    let mut wanted = NoticeQuery::default();
    wanted.state = query.state()?;
    (wanted.sink, wanted.from, wanted.to) = (query.sink, from, to);
    let notices = state.manager().notices(&wanted);
    page.cut_descending(notices, |record| record.notice.notice_id.as_str())
        .map(Json)
}

/// Tries the dead letters of a notice again.
#[utoipa::path(post, path = "/api/monitoring/notifications/{id}/retry", tag = "monitoring",
    params(("id" = String, Path, description = "The notice's id")),
    responses((status = 200, body = NotificationDto)))]
pub(crate) async fn retry(
    State(state): State<AppState>,
    Id(id): Id<NoticeId>,
) -> Result<Json<NotificationDto>, Problem> {
    Ok(Json(state.manager().retry_notice(&id).await?.into()))
}

/// All sinks, and how they are doing.
#[utoipa::path(get, path = "/api/monitoring/sinks", tag = "monitoring",
    responses((status = 200, body = SinksDto)))]
pub(crate) async fn sinks(State(state): State<AppState>) -> Json<SinksDto> {
    let sinks = state.manager().alert_sinks().into_iter();
    Json(SinksDto {
        items: sinks.map(Into::into).collect(),
    })
}

/// Hands a test notice to a sink, and answers what the sink answered.
#[utoipa::path(post, path = "/api/monitoring/sinks/{id}/test", tag = "monitoring",
    operation_id = "test_sink",
    params(("id" = String, Path, description = "The sink's name")),
    responses((status = 200, body = SinkTestDto)))]
pub(crate) async fn test(
    State(state): State<AppState>,
    Id(name): Id<String>,
) -> Result<Json<SinkTestDto>, Problem> {
    let error = match state.manager().test_alert_sink(&name).await {
        Ok(()) => None,
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotLeader | ErrorKind::ShuttingDown => {
                return Err(error.into());
            }
            _ => Some(error.to_string()),
        },
    };
    Ok(Json(SinkTestDto {
        sink: name,
        delivered: error.is_none(),
        error,
    }))
}
