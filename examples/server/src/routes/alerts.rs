//! Alerts.

use axum::Json;
use axum::extract::State;
use encoder_core::model::{Alert, AlertId};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::extract::{Id, Query};
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{AlertDto, MomentsQuery, Page, PageQuery, name};

/// Which alerts are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AlertQuery {
    /// `firing`, `acknowledged` or `resolved`.
    state: Option<String>,
    /// `info`, `warning` or `critical`.
    severity: Option<String>,
    /// What it is about.
    category: Option<String>,
    /// The encoder concerned.
    #[serde(alias = "encoder")]
    encoder_id: Option<String>,
}

impl AlertQuery {
    fn wants(&self, alert: &Alert) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == value)
        };
        let encoder = alert.encoder_id.as_ref().map_or("", |id| id.as_str());
        is(&self.state, &name(&alert.state))
            && is(&self.severity, alert.severity.as_str())
            && is(&self.category, &alert.category)
            && is(&self.encoder_id, encoder)
    }
}

/// Alerts, newest first: those that hold and the remembered ones.
#[utoipa::path(get, path = "/api/monitoring/alerts", tag = "monitoring",
    params(AlertQuery, MomentsQuery, PageQuery), responses((status = 200, body = Page<AlertDto>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    Query(query): Query<AlertQuery>,
    Query(moments): Query<MomentsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<AlertDto>>, Problem> {
    let (from, to) = moments.read()?;
    let within = |alert: &Alert| {
        let over_before = |from| alert.resolved_at.is_some_and(|at| at < from);
        !from.is_some_and(over_before) && to.is_none_or(|to| alert.started_at < to)
    };
    let mut alerts = state.manager().alerts();
    alerts.retain(|alert| query.wants(alert) && within(alert));
    // Generated ids sort by time.
    alerts.sort_by(|a, b| b.alert_id.cmp(&a.alert_id));
    page.cut_descending(alerts, |alert| alert.alert_id.as_str())
        .map(Json)
}

/// Takes an alert on.
#[utoipa::path(post, path = "/api/monitoring/alerts/{id}/acknowledge", tag = "monitoring",
    params(("id" = String, Path, description = "The alert's id")),
    responses((status = 200, body = AlertDto)))]
pub(crate) async fn acknowledge(
    State(state): State<AppState>,
    Id(id): Id<AlertId>,
) -> Result<Json<AlertDto>, Problem> {
    Ok(Json(state.manager().acknowledge_alert(&id).await?.into()))
}
