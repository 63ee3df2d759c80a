//! What handlers take out of requests, with problem documents for what is wrong.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use encoder_core::{Error, ErrorKind};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::auth::Principal;
use crate::problem::Problem;
use crate::state::AppState;

const FORM: &str = "application/x-www-form-urlencoded";

/// A JSON body: 415 without its content type, 413 over the limit, 408 when it does not arrive,
/// 400 when it is not JSON.
#[derive(Debug)]
pub(crate) struct JsonBody(pub(crate) Value);

/// A JSON body that may be left out.
#[derive(Debug)]
pub(crate) struct OptionalJsonBody(pub(crate) Value);

impl FromRequest<AppState> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let bytes = read(request, state).await?;
        if !is_json {
            return Err(unsupported_media_type());
        }
        parse(&bytes).map(Self)
    }
}

impl FromRequest<AppState> for OptionalJsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let bytes = read(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(Value::Object(serde_json::Map::new())));
        }
        if !is_json {
            return Err(unsupported_media_type());
        }
        parse(&bytes).map(Self)
    }
}

/// A form, as HTML sends it: 415 without its content type, 413 over the limit, 408 when it does
/// not arrive, 400 when a field is missing or comes twice.
#[derive(Debug)]
pub(crate) struct FormBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for FormBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let is_form = essence(request.headers()) == FORM;
        let bytes = read(request, state).await?;
        if !is_form {
            let detail = format!("the body must be a form with content type {FORM}");
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "unsupported_media_type", detail));
        }
        // The parser's words name fields; the values, a stream key among them, stay out.
        serde_urlencoded::from_bytes(&bytes)
            .map(Self)
            .map_err(|error| Problem::malformed(format!("the form cannot be read: {error}")))
    }
}

async fn read(request: Request, state: &AppState) -> Result<Vec<u8>, Problem> {
    let limits = &state.config().limits;
    let body = Limited::new(request.into_body(), limits.body_bytes).collect();
    match tokio::time::timeout(limits.body_timeout, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => {
            let detail = format!("a body may have {} bytes", limits.body_bytes);
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            Err(Problem::new(status, "body_too_large", detail))
        }
        Ok(Err(_)) => Err(Problem::malformed("the body broke off")),
        Err(_) => {
            let detail = "the body did not arrive in time";
            Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "request_timeout",
                detail,
            ))
        }
    }
}

/// The content type without its parameters.
fn essence(headers: &HeaderMap) -> String {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = essence(headers);
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn unsupported_media_type() -> Problem {
    let detail = "the body must be JSON with content type application/json";
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        detail,
    )
}

fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        // The parser's words name line and column, never the content.
        Problem::malformed(format!("the body is not JSON: {error}"))
    })
}

/// An id in the path. One that cannot be an id names nothing, so it is 404 as well.
#[derive(Clone, Debug)]
pub(crate) struct Id<T>(pub(crate) T);

impl<T: std::str::FromStr> FromRequestParts<AppState> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let path: Result<Path<String>, PathRejection> =
            Path::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| Problem::malformed("the path cannot be read"))?;
        text.parse()
            .map(Self)
            .map_err(|_| Error::new(ErrorKind::NotFound, "there is nothing of that name").into())
    }
}

/// The query of the address.
#[derive(Clone, Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let query: Result<axum::extract::Query<T>, QueryRejection> =
            axum::extract::Query::from_request_parts(parts, state).await;
        match query {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(error) => Err(Problem::invalid_field(
                "query",
                "invalid_value",
                error.body_text(),
            )),
        }
    }
}

/// Who makes the request; the door has put it there.
impl FromRequestParts<AppState> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        let principal = parts.extensions.get::<Self>().cloned();
        // Only a route outside every door has none; it must not run.
        principal.ok_or_else(|| Error::new(ErrorKind::Unexpected, "route without a door").into())
    }
}

/// The `If-Match` header.
#[derive(Clone, Debug)]
pub(crate) struct IfMatch(Option<Vec<u64>>);

impl FromRequestParts<AppState> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        let values = parts.headers.get_all(IF_MATCH).iter();
        let tags: Vec<_> = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .collect();
        if !parts.headers.contains_key(IF_MATCH) || tags.contains(&"*") {
            return Ok(Self(None));
        }
        Ok(Self(Some(tags.into_iter().filter_map(revision).collect())))
    }
}

impl IfMatch {
    /// The revision the record must have; `None` when the client does not care.
    pub(crate) fn expect(&self, current: u64) -> Option<u64> {
        let tags = self.0.as_ref()?;
        // A tag of ours that is not current, or none of ours, matches no record.
        Some(if tags.contains(&current) {
            current
        } else {
            u64::MAX
        })
    }
}

/// A weak tag never matches `If-Match`.
fn revision(tag: &str) -> Option<u64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

/// The `ETag` header of a revision.
pub(crate) fn etag(revision: u64) -> [(HeaderName, HeaderValue); 1] {
    let value = HeaderValue::try_from(format!("\"{revision}\""));
    let value = value.expect("digits and quotes are a header value");
    [(axum::http::header::ETAG, value)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strong_tags_of_the_current_revision_match() {
        assert_eq!(IfMatch(None).expect(7), None);
        assert_eq!(IfMatch(Some(vec![3, 7])).expect(7), Some(7));
        assert_eq!(IfMatch(Some(vec![3])).expect(7), Some(u64::MAX));
        assert_eq!(IfMatch(Some(Vec::new())).expect(7), Some(u64::MAX));
        assert_eq!(
            (revision("\"12\""), revision("W/\"12\""), revision("12")),
            (Some(12), None, None)
        );
    }

    #[test]
    fn json_content_types_are_told_apart() {
        let of = |kind: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            is_json(&headers)
        };
        assert!(of("application/json"));
        assert!(of("Application/JSON; charset=utf-8"));
        assert!(of("application/merge-patch+json"));
        assert!(!of("text/plain"));
        assert!(!is_json(&HeaderMap::new()));
    }
}
