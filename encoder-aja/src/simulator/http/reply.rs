//! Replies as the device's web server writes them, whole or spoilt.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures::{StreamExt, stream};

use crate::simulator::device::Device;
use crate::simulator::faults::FaultKind;

/// A reply before it goes out.
#[derive(Debug)]
pub(super) struct Reply {
    status: u16,
    kind: Kind,
    pub(super) body: Vec<u8>,
    pub(super) cookie: Option<String>,
    delivery: Delivery,
    claimed_length: Option<usize>,
}

#[derive(Debug)]
enum Kind {
    /// What the device sends for JSON.
    Json,
    Other(String),
}

/// How the body travels.
#[derive(Clone, Copy, Debug)]
enum Delivery {
    Whole,
    /// Whole, but its end comes later, so that what there is goes out before the server notices
    /// that the length is wrong.
    Unended,
    Slow {
        piece: usize,
        pause: Duration,
    },
    Cut {
        after: usize,
    },
}

impl Reply {
    pub(super) fn json(body: Vec<u8>) -> Self {
        Self {
            status: 200,
            kind: Kind::Json,
            body,
            cookie: None,
            delivery: Delivery::Whole,
            claimed_length: None,
        }
    }

    pub(super) fn serialized(body: &impl serde::Serialize) -> Self {
        Self::json(serde_json::to_vec(body).expect("replies have string keys only"))
    }

    pub(super) fn html(status: u16, body: &str) -> Self {
        Self {
            status,
            kind: Kind::Other("text/html".to_owned()),
            ..Self::json(body.as_bytes().to_vec())
        }
    }

    /// The page the web server shows for a status.
    pub(super) fn page(status: u16) -> Self {
        let reason = StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Error");
        let page = format!(
            "<html><head><title>{status} {reason}</title></head>\
             <body><h1>{status} {reason}</h1></body></html>"
        );
        Self::html(status, &page)
    }

    /// The same reply, ending within its body.
    pub(super) fn cut_after(mut self, after: usize) -> Self {
        self.delivery = Delivery::Cut { after };
        self
    }

    pub(super) fn spoilt_by(mut self, fault: Option<FaultKind>) -> Self {
        match fault {
            Some(FaultKind::SlowBytes { piece, pause }) => {
                self.delivery = Delivery::Slow { piece, pause };
            }
            Some(FaultKind::CutBody { after }) => return self.cut_after(after),
            Some(FaultKind::ContentType { value }) => self.kind = Kind::Other(value),
            Some(FaultKind::ContentLength { value }) => {
                self.claimed_length = Some(value);
                self.delivery = Delivery::Unended;
            }
            _ => {}
        }
        self
    }

    pub(super) fn into_response(self, device: &Device) -> Response {
        let content_type = match self.kind {
            Kind::Json => device.config().assumptions.content_type.clone(),
            Kind::Other(content_type) => content_type,
        };
        let mut response = Response::new(travelling(self.body, self.delivery));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::SERVER, HeaderValue::from_static("Seminole/2.71"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Ok(content_type) = HeaderValue::from_str(&content_type) {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        if let Some(Ok(cookie)) = self.cookie.map(|cookie| HeaderValue::from_str(&cookie)) {
            headers.insert(header::SET_COOKIE, cookie);
        }
        if let Some(length) = self.claimed_length {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}

/// A body without a known length, so that it goes out chunked as the device sends it.
fn travelling(body: Vec<u8>, delivery: Delivery) -> Body {
    match delivery {
        Delivery::Whole => {
            let whole = stream::once(async { Ok::<_, std::io::Error>(Bytes::from(body)) });
            Body::from_stream(whole)
        }
        Delivery::Unended => {
            let whole = stream::once(async { Ok::<_, std::io::Error>(Bytes::from(body)) });
            let end = stream::once(tokio::task::yield_now()).filter_map(|()| async { None });
            Body::from_stream(whole.chain(end))
        }
        Delivery::Slow { piece, pause } => {
            let pieces: Vec<Bytes> = body
                .chunks(piece.max(1))
                .map(Bytes::copy_from_slice)
                .collect();
            let slowly = stream::iter(pieces).then(move |piece| async move {
                tokio::time::sleep(pause).await;
                Ok::<_, std::io::Error>(piece)
            });
            Body::from_stream(slowly)
        }
        Delivery::Cut { after } => {
            let start = Bytes::from(body[..after.min(body.len())].to_vec());
            let end = stream::once(async {
                // The server writes out what it has before it meets the end.
                tokio::task::yield_now().await;
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
            });
            Body::from_stream(stream::once(async { Ok(start) }).chain(end))
        }
    }
}
