//! What the ingest asks.

use axum::extract::State;
use axum::http::StatusCode;
use encoder_core::PublishVerdict;

use crate::extract::FormBody;
use crate::problem::{Problem, ProblemDocument};
use crate::state::AppState;
use crate::wire::PublishForm;

/// Whether somebody may publish: the `on_publish` of nginx-rtmp. An encoder that lost its stream
/// and cannot be reached to be stopped is kept off like this.
#[utoipa::path(post, path = "/api/ingest/authorize", tag = "ingest",
    security(("ingest_secret" = [])),
    request_body(content = PublishForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 204, description = "It may"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json",
            description = "It may not; `code` and `detail` say why"),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json",
            description = "`ingest_not_configured`"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json",
            description = "This server does not command; a running stream must not suffer from it")))]
pub(crate) async fn authorize(
    State(state): State<AppState>,
    FormBody(form): FormBody<PublishForm>,
) -> Result<StatusCode, Problem> {
    if form.call != "publish" {
        let message = "must be `publish`; use this for on_publish only";
        return Err(Problem::invalid_field("call", "invalid_value", message));
    }
    let attempt = form.attempt(&state.config().ingest);
    match state.manager().authorize_publisher(&attempt).await? {
        PublishVerdict::Deny { denial, reason, .. } => {
            Err(Problem::new(StatusCode::FORBIDDEN, denial.as_str(), reason))
        }
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
