//! Counting failures and answers in a row, from the requests in a history.

use std::time::Instant;

use super::ConnectionConfig;
use crate::error::ErrorKind;
use crate::health::{Contact, ContactOutcome, History};

/// What the requests so far amount to.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// Whether there ever was a good answer.
    pub(super) has_answered: bool,
    /// Since when the device has been silent, or not trusted again yet.
    pub(super) down_since: Option<Instant>,
    /// Requests without an answer in a row, up to now.
    pub(super) failures: u32,
    /// The first of them.
    pub(super) silent_since: Option<Instant>,
    /// Good answers in a row, up to now.
    pub(super) answers: u32,
    /// Wrong answers in a row, up to now.
    pub(super) wrong: u32,
    /// The first of them.
    pub(super) wrong_since: Option<Instant>,
    /// What was wrong with the latest of them.
    pub(super) wrong_kind: Option<ErrorKind>,
    /// Whether there were enough of them to say so.
    pub(super) misbehaves: bool,
    /// Number of the contact with which the device regained trust; 0 when it never lost it.
    pub(super) trusted_from: usize,
}

impl Link {
    pub(super) fn of(config: &ConnectionConfig, history: &History) -> Self {
        let mut link = Self::default();
        for (number, contact) in history.contacts().enumerate() {
            link.observe(config, number, contact);
        }
        link
    }

    pub(super) fn is_down(&self) -> bool {
        self.down_since.is_some()
    }

    fn observe(&mut self, config: &ConnectionConfig, number: usize, contact: &Contact) {
        match contact.outcome {
            ContactOutcome::Answered { .. } | ContactOutcome::Spoke => {
                self.answered(config.rise, number);
            }
            outcome if !outcome.is_alive() => self.failed(config.fall, contact.at),
            ContactOutcome::Failed { kind } => self.answered_wrongly(config.fall, kind, contact.at),
        }
    }

    fn answered(&mut self, rise: u32, number: usize) {
        self.failures = 0;
        self.wrong = 0;
        self.misbehaves = false;
        self.has_answered = true;
        self.answers += 1;
        if self.is_down() && self.answers >= rise {
            self.down_since = None;
            self.trusted_from = number;
        }
    }

    fn failed(&mut self, fall: u32, at: Instant) {
        self.answers = 0;
        if self.failures == 0 {
            self.silent_since = Some(at);
        }
        self.failures += 1;
        if self.failures >= fall {
            self.down_since = self.down_since.or(self.silent_since);
        }
    }

    fn answered_wrongly(&mut self, fall: u32, kind: ErrorKind, at: Instant) {
        self.failures = 0;
        self.answers = 0;
        let by_the_device = matches!(
            kind,
            ErrorKind::DeviceProtocol | ErrorKind::DeviceRejected | ErrorKind::DeviceAuth
        );
        if by_the_device {
            if self.wrong == 0 {
                self.wrong_since = Some(at);
            }
            self.wrong += 1;
            self.wrong_kind = Some(kind);
            self.misbehaves = self.wrong >= fall;
        }
    }
}
