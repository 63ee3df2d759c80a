//! What an encoder's engine is waiting for.

use std::fmt;
use std::time::Duration;

use encoder_core::model::Alarm;
use futures::future::BoxFuture;
use tokio::time::{Instant, sleep_until};

use crate::attempt::Attempt;
use crate::config::FfmpegConfig;
use crate::failure::Ending;
use crate::progress::Progress;
use crate::run::Update;

/// Where the encoder is between two commands.
#[derive(Default)]
pub(crate) enum Phase {
    /// Nothing runs and nothing shall.
    #[default]
    Resting,
    /// ffmpeg runs.
    Running(Box<Attempt>),
    /// Nothing runs until the next attempt.
    Pausing(Instant),
    /// ffmpeg was told to end.
    Ending(BoxFuture<'static, ()>, Then),
}

/// What comes after the end of a run.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    /// Nothing: it was asked for.
    Rest,
    /// It failed.
    Fail { alarm: Alarm, lasted: Duration },
}

/// What became of the waiting.
#[derive(Debug)]
pub(crate) enum Happened {
    Progress(Progress),
    /// ffmpeg ended by itself.
    Ended(Ending),
    /// ffmpeg ended as told.
    Gone(Then),
    /// A time has come.
    Due,
}

impl Phase {
    /// Waits for the next thing to happen. Nothing is lost when it is dropped.
    pub(crate) async fn next(&mut self, config: &FfmpegConfig) -> Happened {
        match self {
            Self::Resting => std::future::pending().await,
            Self::Pausing(until) => {
                sleep_until(*until).await;
                Happened::Due
            }
            Self::Running(attempt) => {
                let due = attempt.due(config);
                tokio::select! {
                    update = attempt.run.next() => match update {
                        Update::Progress(progress) => Happened::Progress(progress),
                        Update::Ended(ending) => Happened::Ended(ending),
                    },
                    () = sleep_until(due) => Happened::Due,
                }
            }
            Self::Ending(end, then) => {
                end.await;
                let then = then.clone();
                *self = Self::Resting;
                Happened::Gone(then)
            }
        }
    }

    /// How long the run has been on air.
    pub(crate) fn lasted(&self) -> Duration {
        match self {
            Self::Running(attempt) => attempt.lasted(),
            _ => Duration::ZERO,
        }
    }

    /// Ends what runs.
    pub(crate) async fn end(self, patience: Duration) {
        match self {
            Self::Running(attempt) => attempt.stop(patience).await,
            Self::Ending(end, _) => end.await,
            Self::Resting | Self::Pausing(_) => {}
        }
    }
}

impl fmt::Debug for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resting => "Resting",
            Self::Running(_) => "Running",
            Self::Pausing(_) => "Pausing",
            Self::Ending(..) => "Ending",
        })
    }
}
