//! Pictures of streams.

use std::time::{Duration, UNIX_EPOCH};

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, LAST_MODIFIED};
use axum::response::{IntoResponse, Response};
use encoder_core::ErrorKind;
use encoder_core::model::{StreamId, Timestamp};

use crate::extract::Id;
use crate::ingest::{FRESH, NoPicture, Picture};
use crate::problem::{Problem, ProblemDocument};
use crate::state::AppState;

/// A picture of what the ingest receives of a stream, at most 640 pixels across and five seconds
/// old. Taking one needs the stream's next key frame, so the answer may take some seconds.
#[utoipa::path(get, path = "/api/streams/{id}/thumbnail", tag = "streams",
    params(("id" = String, Path, description = "The stream's id")),
    responses(
        (status = 200, body = [u8], content_type = "image/jpeg", headers(
            ("Last-Modified" = String, description = "When it was taken"),
            ("Age" = u64, description = "Seconds since then"))),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json",
            description = "`stream_not_live`; `thumbnail_unavailable`, with what to configure"),
        (status = 504, body = ProblemDocument, content_type = "application/problem+json",
            description = "The ingest gave no picture, or not in time")))]
pub(crate) async fn thumbnail(
    State(state): State<AppState>,
    Id(id): Id<StreamId>,
) -> Result<Response, Problem> {
    let view = state.manager().stream(&id)?;
    let picture = state.thumbnails().of(&view.record).await?;
    Ok(shown(picture, state.manager().clock().now()))
}

fn shown(picture: Picture, now: Timestamp) -> Response {
    let since_epoch = u64::try_from(picture.taken_at.as_millis()).unwrap_or_default();
    let taken_at = UNIX_EPOCH + Duration::from_millis(since_epoch);
    let age = now.since(picture.taken_at).as_secs();
    let headers = [
        (CONTENT_TYPE, "image/jpeg".to_owned()),
        (
            CACHE_CONTROL,
            format!("private, max-age={}", FRESH.as_secs()),
        ),
        (LAST_MODIFIED, httpdate::fmt_http_date(taken_at)),
        (AGE, age.to_string()),
    ];
    (headers, picture.jpeg).into_response()
}

impl From<NoPicture> for Problem {
    fn from(reason: NoPicture) -> Self {
        const UNAVAILABLE: &str = "thumbnail_unavailable";
        let (status, code, detail) = match reason {
            NoPicture::NotLive => (
                StatusCode::NOT_FOUND,
                "stream_not_live",
                "the stream is not on air, so there is nothing to show",
            ),
            NoPicture::NotPlayable => (
                StatusCode::NOT_FOUND,
                UNAVAILABLE,
                "the stream's address has no play_url; name both under ingest.witness.addresses",
            ),
            NoPicture::NoProgram => (
                StatusCode::NOT_FOUND,
                UNAVAILABLE,
                "ffmpeg cannot be started; install it, or set ingest.ffmpeg to where it is",
            ),
            NoPicture::NothingPlayed => (
                StatusCode::GATEWAY_TIMEOUT,
                ErrorKind::DeviceUnreachable.as_str(),
                "the ingest plays no picture; is play_url right, and may this server play there?",
            ),
            NoPicture::TooLate => (
                StatusCode::GATEWAY_TIMEOUT,
                ErrorKind::DeadlineExceeded.as_str(),
                "the ingest gave no picture in time; it waits for the encoder's next key frame",
            ),
        };
        Self::new(status, code, detail)
    }
}
