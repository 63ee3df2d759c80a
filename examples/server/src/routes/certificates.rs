//! Certificates.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::extract::Id;
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{CertificateDto, CertificatesDto};

/// Certificates of this server and of the configured targets: the chain as it was presented, what
/// is wrong with it, and how it is renewed.
#[utoipa::path(get, path = "/api/monitoring/certificates", tag = "monitoring",
    responses((status = 200, body = CertificatesDto)))]
pub(crate) async fn list(State(state): State<AppState>) -> Json<CertificatesDto> {
    let now = state.manager().clock().now();
    let certificates = state.certificates();
    let own = certificates.renewal();
    Json(CertificatesDto::new(now, certificates.reports(), &own))
}

/// Renews the certificate of a target now, whatever its date. Only this server's own, `server`, can
/// be renewed, and only where a way to do so is configured; otherwise 422. While an attempt is under
/// way, 409. How it ends is told by the list, the metrics and the alerts.
#[utoipa::path(post, path = "/api/monitoring/certificates/{target}/renew", tag = "monitoring",
    params(("target" = String, Path, description = "Name of the target, such as `server`")),
    responses((status = 202, body = CertificateDto)))]
pub(crate) async fn renew(
    State(state): State<AppState>,
    Id(target): Id<String>,
) -> Result<(StatusCode, Json<CertificateDto>), Problem> {
    let (certificates, now) = (state.certificates(), state.manager().clock().now());
    certificates.ask_for_renewal(&target, now)?;
    let own = certificates.renewal();
    let all = CertificatesDto::new(now, certificates.reports(), &own);
    let asked = all.items.into_iter().find(|item| item.target == target);
    let asked = asked.expect("what can be renewed is among what is looked at");
    Ok((StatusCode::ACCEPTED, Json(asked)))
}
