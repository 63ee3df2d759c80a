//! What the tests of this module share.

use super::notice::NoticeAlert;
use crate::model::{Alert, AlertId, AlertState, EncoderId, Severity, StreamId, Timestamp};

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

pub(super) fn alert(code: &str, severity: Severity) -> NoticeAlert {
    let alert = Alert {
        alert_id: AlertId::generate(),
        category: "manager".to_owned(),
        severity,
        state: AlertState::Firing,
        encoder_id: None,
        stream_id: None,
        code: code.to_owned(),
        summary: code.replace('_', " "),
        description: "it is so".to_owned(),
        suggested_actions: vec!["Do something.".to_owned()],
        started_at: at(0),
        resolved_at: None,
    };
    NoticeAlert {
        alert,
        site: None,
        published_by: None,
    }
}

pub(super) fn of_encoder(code: &str, severity: Severity, encoder: &str) -> NoticeAlert {
    let mut told = alert(code, severity);
    "encoder".clone_into(&mut told.alert.category);
    told.alert.encoder_id = Some(EncoderId::try_new(encoder).unwrap());
    told.alert.summary = format!("{encoder}: {}", told.alert.summary);
    told
}

pub(super) fn of_stream(code: &str, severity: Severity, stream: &str) -> NoticeAlert {
    let mut told = alert(code, severity);
    "stream".clone_into(&mut told.alert.category);
    told.alert.stream_id = Some(StreamId::try_new(stream).unwrap());
    told.alert.summary = format!("{stream}: {}", told.alert.summary);
    told
}
