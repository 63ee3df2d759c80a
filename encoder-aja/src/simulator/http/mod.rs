//! The device's web server.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use tokio::time::Instant;

use super::device::Device;
use super::faults::FaultKind;
use super::requests::{RequestRecord, field, redacted};

mod config;
mod descriptors;
mod media;
mod reply;

use reply::Reply;

/// More than any form a HELO takes.
const MAX_FORM: usize = 64 * 1024;

/// One request, read completely.
#[derive(Debug)]
struct Asked {
    method: Method,
    path: String,
    params: Vec<(String, String)>,
}

impl Asked {
    fn param(&self, name: &str) -> Option<&str> {
        field(&self.params, name)
    }
}

pub(super) fn router(device: Arc<Device>) -> Router {
    // One door for everything, since faults strike before any route is chosen.
    Router::new().fallback(answer).with_state(device)
}

async fn answer(State(device): State<Arc<Device>>, request: Request) -> Response {
    let admitted = device.admits(session(request.headers()).as_deref());
    let Some(asked) = read(request).await else {
        return Reply::page(400).into_response(&device);
    };
    let record = device.log.push(RequestRecord {
        sequence: 0,
        at: Instant::now(),
        method: asked.method.to_string(),
        path: asked.path.clone(),
        params: redacted(&asked.params),
        authenticated: admitted,
    });
    match device.spoil(&record) {
        Some(FaultKind::Hang) => std::future::pending().await,
        Some(FaultKind::Status { status }) => Reply::page(status).into_response(&device),
        Some(FaultKind::Delay { delay }) => {
            tokio::time::sleep(delay).await;
            route(&device, &asked, admitted)
                .await
                .into_response(&device)
        }
        Some(FaultKind::WrongJson) => {
            let mut reply = route(&device, &asked, admitted).await;
            reply.body = br#"{"paramid":"20972252"#.to_vec();
            reply.into_response(&device)
        }
        spoilt => {
            let reply = route(&device, &asked, admitted).await;
            reply.spoilt_by(spoilt).into_response(&device)
        }
    }
}

async fn route(device: &Arc<Device>, asked: &Asked, admitted: bool) -> Reply {
    let path = asked.path.as_str();
    if path == "/authenticator/login" && asked.method == Method::POST {
        return log_in(device, asked);
    }
    if !admitted {
        return Reply::page(404);
    }
    match path {
        "/config" | "/json" => config::answer(device, asked).await,
        "/descriptors" => descriptors::answer(device, asked),
        "/desc.json" => descriptors::all(device),
        "/clips" => media::answer(device, asked),
        _ => Reply::page(404),
    }
}

/// The login answers JSON as `text/html`, and a wrong password with status 200.
fn log_in(device: &Device, asked: &Asked) -> Reply {
    let provided = asked.param("password_provided").unwrap_or_default();
    match device.log_in(provided) {
        Some(session) => {
            let mut reply = Reply::html(200, r#"{"login":"success"}"#);
            reply.cookie = Some(format!("session={session}; path=/"));
            reply
        }
        None => {
            let text = r#"{"login":"Login Failed - Passwords did not match"}"#;
            let mut reply = Reply::html(200, text);
            if device.config().assumptions.wrong_password_cookie {
                reply.cookie = Some("session=invalid; path=/".to_owned());
            }
            reply
        }
    }
}

/// Reads query and form; `None` when they cannot be read.
async fn read(request: Request) -> Option<Asked> {
    let (parts, body) = request.into_parts();
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).ok()?;
    let mut params = query.0;
    if parts.method == Method::POST {
        let body = to_bytes(body, MAX_FORM).await.ok()?;
        // A form is spelled like a query.
        let form = format!("/?{}", std::str::from_utf8(&body).ok()?)
            .parse()
            .ok()?;
        params.extend(Query::<Vec<(String, String)>>::try_from_uri(&form).ok()?.0);
    }
    Some(Asked {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        params,
    })
}

fn session(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let mut pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    let session = pairs.find_map(|pair| pair.trim().strip_prefix("session="))?;
    Some(session.to_owned())
}
