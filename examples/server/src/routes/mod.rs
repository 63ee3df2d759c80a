//! The REST routes, by subject. They read the request, call the manager and show its answer;
//! they decide nothing.

use axum::Router;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::keep;
use crate::auth::Scope;
use crate::auth::guard::{Door, enter};
use crate::ingest::door;
use crate::state::AppState;

mod alerts;
mod audit;
mod certificates;
mod control;
mod encoders;
mod errors;
mod health;
mod ingest;
mod keys;
mod monitoring;
mod notifications;
mod performance;
mod probes;
mod silences;
mod start;
mod storage;
mod streams;
mod thermal;
mod thumbnail;

/// Every documented route, each behind the door of its scope.
pub(crate) fn all(state: &AppState) -> OpenApiRouter<AppState> {
    let open = OpenApiRouter::new()
        .routes(routes!(probes::alive))
        .routes(routes!(probes::ready));
    let metrics = OpenApiRouter::new().routes(routes!(probes::metrics));
    let metrics = if state.config().metrics_open {
        metrics
    } else {
        behind(state, Scope::Read, metrics)
    };
    let ingest = OpenApiRouter::new()
        .routes(routes!(ingest::authorize))
        .route_layer(from_fn_with_state(state.clone(), door::enter));
    open.merge(metrics)
        .merge(ingest)
        .merge(behind(state, Scope::Read, reading()))
        .merge(behind(state, Scope::Control, controlling()))
        .merge(behind(state, Scope::Admin, administering()))
}

fn reading() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(streams::list))
        .routes(routes!(streams::get))
        .routes(routes!(streams::health))
        .routes(routes!(streams::timeline))
        .routes(routes!(thumbnail::thumbnail))
        .routes(routes!(encoders::list))
        .routes(routes!(encoders::get))
        .routes(routes!(encoders::status))
        .routes(routes!(encoders::metrics))
        .routes(routes!(encoders::system_status))
        .routes(routes!(health::encoder))
        .routes(routes!(health::detailed))
        .routes(routes!(monitoring::status))
        .routes(routes!(alerts::list))
        .routes(routes!(silences::list))
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::sinks))
        .routes(routes!(errors::analysis))
        .routes(routes!(monitoring::figures))
        .routes(routes!(monitoring::load_balancer))
        .routes(routes!(monitoring::streams_health))
        .routes(routes!(storage::storage))
        .routes(routes!(certificates::list))
        .routes(routes!(monitoring::assignments))
        .routes(routes!(thermal::status))
        .routes(routes!(thermal::temperature))
        .routes(routes!(performance::performance))
        .routes(routes!(crate::sockets::sse::events))
}

fn controlling() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(start::init))
        .routes(routes!(streams::configure))
        .routes(routes!(streams::stop))
        .routes(routes!(streams::failover))
        .routes(routes!(streams::drill))
        .routes(routes!(encoders::add))
        .routes(routes!(encoders::replace))
        .routes(routes!(encoders::remove))
        .routes(routes!(control::control))
        .routes(routes!(control::bulk))
        .routes(routes!(thermal::cooldown))
        .routes(routes!(alerts::acknowledge))
        .routes(routes!(silences::add))
        .routes(routes!(silences::end))
        .routes(routes!(notifications::retry))
        .routes(routes!(notifications::test))
}

fn administering() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(certificates::renew))
        .routes(routes!(keys::list))
        .routes(routes!(keys::create))
        .routes(routes!(keys::revoke))
        .routes(routes!(audit::list))
}

/// The same documents under the paths of older clients: alias, path in the document.
pub(crate) const ALIASES: [(&str, &str); 6] = [
    ("/encoders/{id}/metrics", "/api/encoders/{id}/metrics"),
    (
        "/api/monitoring/encoders/{id}/metrics",
        "/api/encoders/{id}/metrics",
    ),
    ("/encoders/{id}/control", "/api/encoders/{id}/control"),
    (
        "/monitoring/streams/health",
        "/api/monitoring/streams/health",
    ),
    (
        "/monitoring/streams/config/{encoder_id}",
        "/api/monitoring/streams/config/{encoder_id}",
    ),
    ("/errors/analysis", "/api/monitoring/errors"),
];

/// Routes for [`ALIASES`], behind the same doors.
pub(crate) fn aliases(state: &AppState) -> Router<AppState> {
    use axum::routing::{get, post};
    let reading = Router::new()
        .route(ALIASES[0].0, get(encoders::metrics))
        .route(ALIASES[1].0, get(encoders::metrics))
        .route(ALIASES[3].0, get(monitoring::streams_health))
        .route(ALIASES[4].0, get(monitoring::assignments))
        .route(ALIASES[5].0, get(errors::analysis));
    let controlling = Router::new().route(ALIASES[2].0, post(control::control));
    behind(state, Scope::Read, reading.into())
        .merge(behind(state, Scope::Control, controlling.into()))
        .into()
}

fn behind(
    state: &AppState,
    scope: Scope,
    routes: OpenApiRouter<AppState>,
) -> OpenApiRouter<AppState> {
    let door = Door {
        state: state.clone(),
        scope,
    };
    // The last added is passed first: whoever gets through is written down.
    routes
        .route_layer(from_fn_with_state(door.clone(), keep))
        .route_layer(from_fn_with_state(door, enter))
}
