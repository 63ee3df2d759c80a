//! What a stream has to say: its own problems, and notes for the timeline.

use tracing::Span;

use super::actor::Actor;
use super::timeline::Note;
use crate::model::{Issue, Severity};
use crate::request;

impl Actor {
    /// The span of what is done now: which stream, for which request.
    pub(super) fn span(&self) -> Span {
        request::stream_span(&self.record().id, self.request.as_ref())
    }

    /// Raises a problem of the stream itself. Returns whether it is new or says something new.
    pub(super) fn raise(&mut self, code: &'static str, severity: Severity, message: &str) -> bool {
        let known = self.problems.get(code);
        if known.is_some_and(|issue| issue.message == message) {
            return false;
        }
        let since = known.map_or(self.cx.clock.now(), |issue| issue.since);
        let is_new = known.is_none();
        self.problems
            .insert(code, Issue::new(code, severity, message, since));
        is_new
    }

    pub(super) fn new_note(
        &self,
        name: &str,
        severity: Severity,
        message: impl Into<String>,
    ) -> Note {
        Note::new(
            &self.record().id,
            self.cx.clock.now(),
            name,
            severity,
            message,
        )
        .request(self.request.clone())
    }

    pub(super) fn note(&mut self, name: &str, severity: Severity, message: impl Into<String>) {
        let note = self.new_note(name, severity, message);
        self.timeline.add(note);
    }
}
