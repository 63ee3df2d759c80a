//! One request to a device, or one word of it.

use std::time::{Duration, Instant};

use crate::error::ErrorKind;

/// What became of one request to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactOutcome {
    /// It answered.
    Answered {
        /// Time to answer.
        latency: Duration,
    },
    /// The device spoke by itself through its event feed.
    Spoke,
    /// It failed.
    Failed {
        /// How.
        kind: ErrorKind,
    },
}

impl ContactOutcome {
    /// Whether the device gave any sign of life, even a wrong answer.
    pub const fn is_alive(self) -> bool {
        match self {
            Self::Answered { .. } | Self::Spoke => true,
            Self::Failed { kind } => !matches!(
                kind,
                ErrorKind::DeviceUnreachable | ErrorKind::DeadlineExceeded
            ),
        }
    }
}

/// One request, or one word of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// When it ended.
    pub at: Instant,
    /// What became of it.
    pub outcome: ContactOutcome,
}

impl Contact {
    /// Whether the manager asked; false when the device spoke by itself.
    pub const fn is_request(&self) -> bool {
        !matches!(self.outcome, ContactOutcome::Spoke)
    }

    /// Time to answer, where there was one.
    pub const fn latency(&self) -> Option<Duration> {
        match self.outcome {
            ContactOutcome::Answered { latency } => Some(latency),
            _ => None,
        }
    }

    /// How it failed, where it did.
    pub const fn failure(&self) -> Option<ErrorKind> {
        match self.outcome {
            ContactOutcome::Failed { kind } => Some(kind),
            _ => None,
        }
    }
}
