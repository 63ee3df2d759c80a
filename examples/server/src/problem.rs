//! Errors on the wire: RFC 9457 problem documents.
//!
//! Every error answer of the server is one of these, whoever produced it: handlers return
//! [`Problem`], and [`finish`] turns what the framework answers in plain text into one. Details
//! of internal errors stay in the log, under the request id that the document names.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use encoder_core::model::Violation;
use encoder_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Media type of problem documents.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Seconds after which a client may try again when the server is not ready.
const RETRY_AFTER_SECONDS: u64 = 5;

/// The header that carries the request id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One broken rule, or one encoder that cannot take the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = FieldProblem)]
pub struct FieldProblem {
    /// The field, dotted; or the encoder when a placement failed.
    pub field: String,
    /// Stable snake_case name of the rule.
    pub code: String,
    /// One line with the limit in it.
    pub message: String,
    /// A value that would be fine, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommended: Option<serde_json::Value>,
}

impl From<&Violation> for FieldProblem {
    fn from(violation: &Violation) -> Self {
        Self {
            field: violation.field.clone(),
            code: violation.code.clone(),
            message: violation.message.clone(),
            recommended: violation.recommended.clone(),
        }
    }
}

/// The members of a problem document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Stable reference to the kind of problem.
    #[serde(rename = "type")]
    pub reference: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The request's path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Stable snake_case name of the kind.
    pub code: String,
    /// The call that failed, for device errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The encoder concerned, for device errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder_id: Option<String>,
    /// Find this in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Every broken rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// Seconds for the `Retry-After` header.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

/// A problem document, and the error of every handler. Boxed, because most answers are none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Problem(Box<ProblemDocument>);

impl std::ops::Deref for Problem {
    type Target = ProblemDocument;
    fn deref(&self) -> &ProblemDocument {
        &self.0
    }
}

impl std::ops::DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut ProblemDocument {
        &mut self.0
    }
}

impl Problem {
    /// A problem of that status and code. The title follows from the code.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(ProblemDocument {
            reference: format!("urn:encoder-manager:problem:{code}"),
            title: title(code),
            status: status.as_u16(),
            detail: detail.into(),
            instance: None,
            code: code.to_owned(),
            operation: None,
            encoder_id: None,
            request_id: None,
            errors: Vec::new(),
            retry_after: None,
        }))
    }

    /// Values that break rules.
    pub fn invalid(errors: Vec<FieldProblem>) -> Self {
        let told = errors.iter().map(|error| match error.field.as_str() {
            "" => error.message.clone(),
            field => format!("{field}: {}", error.message),
        });
        let detail = told.collect::<Vec<_>>().join("; ");
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let mut problem = Self::new(status, ErrorKind::ValidationFailed.as_str(), detail);
        problem.errors = errors;
        problem
    }

    /// One value that breaks a rule.
    pub fn invalid_field(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldProblem {
            field: field.to_owned(),
            code: code.to_owned(),
            message: message.into(),
            recommended: None,
        }])
    }

    /// The request cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_request", detail)
    }

    /// A problem that was given before; `None` for the body of a success.
    pub(crate) fn recall(status: u16, body: &serde_json::Value) -> Option<Self> {
        (status >= 400).then(|| serde_json::from_value(body.clone()).ok())?
    }

    /// Tells the client when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// The HTTP status of an error kind.
pub fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::ValidationFailed | ErrorKind::Unsupported => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::AlreadyExists | ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::RevisionMismatch => StatusCode::PRECONDITION_FAILED,
        ErrorKind::NoEncoderAvailable
        | ErrorKind::StoreUnavailable
        | ErrorKind::NotLeader
        | ErrorKind::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::DeviceProtocol | ErrorKind::DeviceRejected | ErrorKind::DeviceAuth => {
            StatusCode::BAD_GATEWAY
        }
        ErrorKind::DeviceUnreachable | ErrorKind::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let kind = error.kind();
        let status = status_of(kind);
        // What concerns the program and its store may name files; only the log gets it.
        let internal =
            status == StatusCode::INTERNAL_SERVER_ERROR || kind == ErrorKind::StoreUnavailable;
        let detail = match kind {
            _ if !internal => error.message().to_owned(),
            ErrorKind::StoreUnavailable => "the store is not available".to_owned(),
            _ => "an internal error; the log has it under this request id".to_owned(),
        };
        if internal {
            tracing::error!(error = ?error, "internal error");
        }
        let mut problem = Self::new(status, kind.as_str(), detail);
        problem.errors = error.violations().iter().map(FieldProblem::from).collect();
        if matches!(
            status,
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
        ) {
            problem.operation = error.operation().map(str::to_owned);
            problem.encoder_id = context(&error, "encoder");
        }
        if status == StatusCode::SERVICE_UNAVAILABLE && kind != ErrorKind::NoEncoderAvailable {
            problem.retry_after = Some(RETRY_AFTER_SECONDS);
        }
        problem
    }
}

fn context(error: &Error, key: &str) -> Option<String> {
    let found = error.context().iter().find(|(name, _)| *name == key);
    found.map(|(_, value)| value.clone())
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.render()).into_response();
        let kind = HeaderValue::from_static(PROBLEM_JSON);
        response.headers_mut().insert(CONTENT_TYPE, kind);
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            let header = axum::http::header::WWW_AUTHENTICATE;
            response.headers_mut().insert(header, challenge);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl Problem {
    fn render(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a problem is made of texts and numbers")
    }
}

fn title(code: &str) -> String {
    let mut title = code.replace('_', " ");
    if let Some(first) = title.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    title
}

/// Completes problem documents with path and request id, and replaces error answers that are not
/// problem documents. Socket.IO answers in its own protocol and is left alone.
pub async fn finish(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let request_id = id_of(request.headers());
    let response = next.run(request).await;
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    if !failed || path.starts_with("/socket.io") {
        return response;
    }
    let known = response.extensions().get::<Problem>().cloned();
    let mut problem = known.unwrap_or_else(|| of_status(status));
    problem.instance = Some(path);
    problem.request_id = request_id;
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(axum::http::header::CONTENT_LENGTH);
    let kind = HeaderValue::from_static(PROBLEM_JSON);
    parts.headers.insert(CONTENT_TYPE, kind);
    Response::from_parts(parts, Body::from(problem.render()))
}

/// The id of a request.
pub fn id_of(headers: &HeaderMap) -> Option<String> {
    headers.get(REQUEST_ID)?.to_str().ok().map(str::to_owned)
}

/// What the framework answers by itself, in our words.
fn of_status(status: StatusCode) -> Problem {
    let (code, detail) = match status {
        StatusCode::BAD_REQUEST => ("malformed_request", "the request cannot be read"),
        StatusCode::NOT_FOUND => (
            ErrorKind::NotFound.as_str(),
            "there is nothing at this path",
        ),
        StatusCode::METHOD_NOT_ALLOWED => (
            "method_not_allowed",
            "this path does not take that method; the Allow header names those it takes",
        ),
        StatusCode::REQUEST_TIMEOUT => ("request_timeout", "the request did not arrive in time"),
        StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "the body is over the limit"),
        StatusCode::UPGRADE_REQUIRED => ("upgrade_required", "this path speaks WebSocket"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "unsupported_media_type",
            "the body must be JSON with content type application/json",
        ),
        _ if status.is_server_error() => (ErrorKind::Unexpected.as_str(), "an internal error"),
        _ => ("malformed_request", "the request is not acceptable"),
    };
    Problem::new(status, code, detail)
}

/// A handler panicked: a defect, told without its text.
pub fn of_panic(_: Box<dyn std::any::Any + Send>) -> Response {
    // The panic hook has written message and place to the log already.
    let detail = "an internal error; the log has it under this request id";
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Problem::new(status, ErrorKind::Unexpected.as_str(), detail).into_response()
}
