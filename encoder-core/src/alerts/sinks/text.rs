//! Notices as text for people.

use std::fmt::Write as _;

use crate::alerts::notice::{DigestEntry, Notice, NoticeAlert, NoticeKind};
use crate::model::{AlertState, Timestamp};

/// Alerts that are told in full; the others are counted.
const TOLD: usize = 20;

/// Entries of a digest that are listed.
const LISTED: usize = 50;

/// The notice in one line.
pub(super) fn subject(notice: &Notice) -> String {
    let mark = match notice.kind {
        NoticeKind::Resolved => "RESOLVED".to_owned(),
        NoticeKind::Test => "TEST".to_owned(),
        NoticeKind::Reminder => format!("STILL {}", notice.severity.as_str().to_uppercase()),
        _ => notice.severity.as_str().to_uppercase(),
    };
    format!("[{mark}] {}", notice.title)
}

/// The notice as a few lines for each alert.
pub(super) fn body(notice: &Notice, link: Option<&str>) -> String {
    let mut text = String::new();
    for entry in notice.summary.iter().take(LISTED) {
        text.push_str(&line(entry));
    }
    more(&mut text, notice.summary.len(), LISTED, "notices");
    if !notice.summary.is_empty() {
        text.push('\n');
    }
    for told in notice.alerts.iter().take(TOLD) {
        text.push_str(&paragraph(told));
    }
    more(&mut text, notice.alerts.len(), TOLD, "alerts");
    if notice.kind == NoticeKind::Test {
        text.push_str("Somebody tried this sink. Nothing is wrong.\n");
    }
    if let Some(link) = link {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{link}");
    }
    text
}

fn more(text: &mut String, all: usize, shown: usize, what: &str) {
    if all > shown {
        let _ = writeln!(text, "… and {} more {what}", all - shown);
    }
}

fn line(entry: &DigestEntry) -> String {
    let kind = entry.kind.as_str();
    format!("{} {kind}: {}\n", moment(entry.created_at), entry.title)
}

fn paragraph(told: &NoticeAlert) -> String {
    let alert = &told.alert;
    let mut text = alert.summary.clone();
    let _ = write!(text, " ({}", alert.severity.as_str());
    if let Some(site) = &told.site {
        let _ = write!(text, ", site {site}");
    }
    let _ = write!(text, ", since {}", moment(alert.started_at));
    if let Some(at) = alert.resolved_at {
        let _ = write!(text, ", over since {}", moment(at));
    }
    text.push_str(match alert.state {
        AlertState::Acknowledged => ", acknowledged)\n",
        _ => ")\n",
    });
    if !alert.description.is_empty() {
        let _ = writeln!(text, "{}", alert.description);
    }
    if alert.state != AlertState::Resolved {
        for action in &alert.suggested_actions {
            let _ = writeln!(text, "- {action}");
        }
    }
    text.push('\n');
    text
}

/// Seconds are enough for people.
fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.split('.').next().unwrap_or(&text);
    format!("{}Z", seconds.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::testing::{at, of_encoder};
    use crate::model::Severity;

    #[test]
    fn cause_comes_first_with_what_to_do() {
        let mut told = of_encoder("device_silent", Severity::Critical, "helo-1");
        told.site = Some("north".to_owned());
        let notice = Notice {
            kind: NoticeKind::Firing,
            severity: Severity::Critical,
            title: "helo-1: device silent (and 30 symptoms)".to_owned(),
            alerts: std::iter::repeat_n(told, 31).collect(),
            ..Notice::test(at(0))
        };
        assert_eq!(
            subject(&notice),
            "[CRITICAL] helo-1: device silent (and 30 symptoms)"
        );
        let text = body(&notice, Some("https://fleet.example"));
        let begin = "helo-1: device silent (critical, site north, since 1970-01-01 00:00:00Z)\n\
                     it is so\n- Do something.\n\n";
        assert!(text.starts_with(begin), "{text}");
        assert!(text.ends_with("… and 11 more alerts\nhttps://fleet.example\n"));
    }
}
