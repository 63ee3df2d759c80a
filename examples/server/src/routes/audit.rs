//! The audit log.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use encoder_core::model::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::audit::AuditQuery;
use crate::extract::Query;
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{AuditEntryDto, Page, PageQuery, moment};

/// What is looked through when no beginning is given.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// Which entries are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditListQuery {
    /// The first moment, RFC 3339. A week before `to` if left out.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// The last moment, RFC 3339. Now if left out.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
    /// Id of the key.
    #[serde(alias = "key")]
    key_id: Option<String>,
    /// Part of the action, such as `failover` or `DELETE`.
    action: Option<String>,
    /// Id of the stream, encoder, alert or key that was acted on.
    subject: Option<String>,
}

impl AuditListQuery {
    fn read(self, now: Timestamp) -> Result<AuditQuery, Problem> {
        let mut errors = Vec::new();
        let to = moment("to", self.to.as_deref(), &mut errors);
        let from = moment("from", self.from.as_deref(), &mut errors);
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        let to = to.unwrap_or(now);
        Ok(AuditQuery {
            from: from.unwrap_or_else(|| to.minus(WEEK)),
            to,
            key_id: self.key_id,
            action: self.action,
            subject: self.subject,
        })
    }
}

/// Who did what with which key, newest first: requests that change something, are for an admin or
/// reveal a stream key, keys that were refused, and what the command line did to keys.
#[utoipa::path(get, path = "/api/audit", tag = "audit", params(AuditListQuery, PageQuery),
    responses((status = 200, body = Page<AuditEntryDto>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    Query(query): Query<AuditListQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<AuditEntryDto>>, Problem> {
    let query = query.read(state.audit().now())?;
    let found = state.audit().find(&query).await?;
    page.cut_descending(found, |entry| &entry.id).map(Json)
}
