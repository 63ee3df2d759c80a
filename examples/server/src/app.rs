//! The router: every route and everything a request passes on its way.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use encoder_core::model;
use socketioxide::SocketIo;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::classify::{ServerErrorsAsFailures, SharedClassifier};
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

/// What the server answers at `/openapi.json`. Clients are made from it and checked against it.
pub fn document(state: &AppState) -> serde_json::Value {
    documented(state).1
}

/// Every documented route, and their document.
fn documented(state: &AppState) -> (Router<AppState>, serde_json::Value) {
    let (router, api) = OpenApiRouter::with_openapi(openapi::base())
        .merge(routes::all(state))
        .routes(routes!(sockets::websocket::upgrade))
        .split_for_parts();
    (router, openapi::complete(api))
}

/// As [`app`], with the handle that closes the Socket.IO connections.
pub(crate) fn app_with_sockets(state: AppState) -> (Router, SocketIo) {
    let (socketio, io) = sockets::socketio::layer(&state);
    let (documented, api) = documented(&state);
    let docs = SwaggerUi::new("/docs").external_url_unchecked("/openapi.json", api);
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
    let limited = router.layer(from_fn_with_state(state.clone(), limits::limit_address));
    let origins = &state.config().cors.allowed_origins;
    let shared = if origins.is_empty() {
        limited
    } else {
        limited.layer(cors(origins))
    };
    shared
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(from_fn_with_state(state.clone(), traffic::observe))
        .layer(from_fn(problem::finish))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(from_fn(for_its_request))
        .layer(trace())
        .layer(SetRequestIdLayer::new(REQUEST_ID, FreshId))
        .layer(from_fn(without_wild_id))
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

/// Takes away a client's own id that is no id: it would go into logs and timelines as it is.
async fn without_wild_id(mut request: axum::extract::Request, next: Next) -> Response {
    let id = problem::id_of(request.headers());
    if id.is_none_or(|id| model::RequestId::try_new(id).is_err()) {
        request.headers_mut().remove(REQUEST_ID);
    }
    next.run(request).await
}

/// Lets the manager know for which request it is asked.
async fn for_its_request(request: axum::extract::Request, next: Next) -> Response {
    let id = problem::id_of(request.headers());
    match id.and_then(|id| model::RequestId::try_new(id).ok()) {
        Some(id) => encoder_core::request::within(id, next.run(request)).await,
        None => next.run(request).await,
    }
}

type MakeSpan = fn(&Request<axum::body::Body>) -> Span;
type OnResponse = fn(&Response, std::time::Duration, &Span);
type Tracing =
    TraceLayer<SharedClassifier<ServerErrorsAsFailures>, MakeSpan, (), OnResponse, (), (), ()>;

/// One span per request. The query stays out: clients put secrets there.
fn trace() -> Tracing {
    TraceLayer::new_for_http()
        .make_span_with(span as MakeSpan)
        .on_request(())
        .on_response(answered as OnResponse)
        .on_body_chunk(())
        .on_eos(())
        .on_failure(())
}

fn span(request: &Request<axum::body::Body>) -> Span {
    let request_id = problem::id_of(request.headers()).unwrap_or_default();
    let (method, path) = (request.method(), request.uri().path());
    tracing::info_span!("request", request_id, %method, path)
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

#[cfg(test)]
mod tests {
    use encoder_core::Manager;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::config::ServerConfig;

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_a_problem_without_its_text() {
        let manager = Manager::builder().build().await.unwrap();
        let state = AppState::new(manager, ServerConfig::default());
        async fn broken() {
            panic!("the secret reason");
        }
        let router = Router::new().route("/broken", get(broken));
        let router = passed_by_all(router, &state).with_state(state);
        let request = Request::get("/broken")
            .body(axum::body::Body::empty())
            .unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], problem::PROBLEM_JSON);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let problem: Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (problem.code.as_str(), problem.instance.as_deref()),
            ("unexpected", Some("/broken"))
        );
        assert!(problem.request_id.is_some());
        assert!(!String::from_utf8_lossy(&body).contains("secret reason"));
    }
}
