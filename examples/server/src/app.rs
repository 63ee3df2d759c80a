//! The router: every route and everything a request passes on its way.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use socketioxide::SocketIo;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::trace::TraceLayer;
use tracing::Span;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::problem::{self, Problem, REQUEST_ID};
use crate::state::AppState;
use crate::{limits, openapi, routes, sockets, traffic};

/// The whole server as a service, testable without a socket.
pub fn app(state: AppState) -> Router {
    app_with_sockets(state).0
}

/// As [`app`], with the handle that closes the Socket.IO connections.
pub(crate) fn app_with_sockets(state: AppState) -> (Router, SocketIo) {
    let (socketio, io) = sockets::socketio::layer(&state);
    let (documented, api) = OpenApiRouter::with_openapi(openapi::base())
        .merge(routes::all(&state))
        .routes(routes!(sockets::websocket::upgrade))
        .split_for_parts();
    let api = openapi::complete(api);
    let docs = SwaggerUi::new("/docs").url("/openapi.json", api);
    let router = documented
        .merge(routes::aliases(&state))
        .merge(docs)
        .route("/", get(|| async { Redirect::temporary("/docs/") }))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(socketio);
    let router = passed_by_all(router, &state).with_state(state);
    (router, io)
}

/// What every request passes, the last added first.
fn passed_by_all(router: Router<AppState>, state: &AppState) -> Router<AppState> {
    router
        .layer(from_fn_with_state(state.clone(), limits::limit_address))
        .layer(cors(&state.config().cors.allowed_origins))
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(from_fn_with_state(state.clone(), traffic::observe))
        .layer(from_fn(problem::finish))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(trace())
        .layer(SetRequestIdLayer::new(REQUEST_ID, FreshId))
}

async fn unknown_path() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

async fn unknown_method() -> Response {
    StatusCode::METHOD_NOT_ALLOWED.into_response()
}

/// Ids for requests that bring none.
#[derive(Clone, Copy, Debug)]
struct FreshId;

impl MakeRequestId for FreshId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let id = format!("req_{:016x}", rand::random::<u64>());
        HeaderValue::try_from(id).ok().map(RequestId::new)
    }
}

/// One span per request. The query stays out: clients put secrets there.
fn trace() -> TraceLayer<
    tower_http::classify::SharedClassifier<tower_http::classify::ServerErrorsAsFailures>,
    fn(&Request<axum::body::Body>) -> Span,
    (),
    fn(&Response, std::time::Duration, &Span),
    (),
    (),
    (),
> {
    TraceLayer::new_for_http()
        .make_span_with(span as fn(&Request<axum::body::Body>) -> Span)
        .on_request(())
        .on_response(answered as fn(&Response, std::time::Duration, &Span))
        .on_body_chunk(())
        .on_eos(())
        .on_failure(())
}

fn span(request: &Request<axum::body::Body>) -> Span {
    let id = problem::id_of(request.headers()).unwrap_or_default();
    tracing::info_span!("request", %id, method = %request.method(), path = request.uri().path())
}

fn answered(response: &Response, latency: std::time::Duration, _: &Span) {
    let status = response.status().as_u16();
    let code = response
        .extensions()
        .get::<Problem>()
        .map(|problem| problem.code.as_str());
    let ms = latency.as_millis();
    if status >= 500 {
        tracing::warn!(status, code, ms, "answered");
    } else {
        tracing::debug!(status, code, ms, "answered");
    }
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins
        .iter()
        .filter_map(|origin| HeaderValue::try_from(origin).ok());
    let exposed = [
        "etag",
        "location",
        "ratelimit",
        "ratelimit-policy",
        "retry-after",
    ];
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers(exposed.map(HeaderName::from_static))
}
