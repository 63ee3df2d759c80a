//! Logins.

use std::hash::{BuildHasher, Hasher, RandomState};

use tokio::time::Instant;

use super::Device;
use super::state::State;

impl Device {
    /// The open sessions by their cookies, so that a test can look for them where they must not be.
    #[must_use]
    pub fn sessions(&self) -> Vec<String> {
        self.with(|state, _| state.sessions.keys().cloned().collect())
    }

    /// Whether a request with this session cookie is answered.
    pub(in crate::simulator) fn admits(&self, session: Option<&str>) -> bool {
        self.with(|state, now| state.admits(session, now))
    }

    /// A new session for the right password. A unit without a password takes the empty one.
    pub(in crate::simulator) fn log_in(&self, provided: &str) -> Option<String> {
        let right = match &self.config.password {
            Some(password) => password.matches(provided),
            None => provided.is_empty(),
        };
        right.then(|| self.with(State::open_session))
    }
}

impl State {
    fn admits(&mut self, session: Option<&str>, now: Instant) -> bool {
        if self.values.get("Authentication") != "1" {
            return true;
        }
        if let Some(lifetime) = self.config.assumptions.session_lifetime {
            self.sessions.retain(|_, used| *used + lifetime >= now);
        }
        match session.and_then(|session| self.sessions.get_mut(session)) {
            Some(used) => {
                *used = now;
                true
            }
            None => false,
        }
    }

    /// Eight hex digits, a hyphen, and random text.
    fn open_session(&mut self, now: Instant) -> String {
        let random = || RandomState::new().build_hasher().finish();
        let session = format!("{:08x}-{:016x}", random() >> 32, random());
        self.sessions.insert(session.clone(), now);
        session
    }
}
