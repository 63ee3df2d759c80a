//! How well an encoder is: pure conclusions from its [`History`].
//!
//! A [`HealthPolicy`] takes what was observed and the present moment and says what it means. The
//! watcher observes and acts. A reading that the device does not give never enters a score: the
//! weights of the others are renormalised instead.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use crate::model::Assessment;

mod composite;
mod connection;
mod direct;
mod history;
mod memory;
mod readings;
mod report;
mod score;
mod thermal;

pub use composite::Composite;
pub use connection::{
    ConnectionConfig, ConnectionOutlook, ConnectionPolicy, PatternConfig, PredictionConfig,
    patterns,
};
pub use direct::{DirectConfig, DirectPolicy};
pub use history::{Contact, ContactOutcome, History, HistoryConfig, Load};
pub use memory::{ContactSummary, HourOfDay, Outage};
pub use thermal::{Cause, Cooling, CoolingChange, ThermalConfig, Warmth, heat};
pub(crate) use thermal::{Overheating, Signs};

/// Judges an encoder.
///
/// # Contract
///
/// 1. `no_data_is_unknown`: an empty history gives [`Verdict::Unknown`](crate::model::Verdict)
///    and no score; newcomers are never presumed healthy.
/// 2. `scores_stay_in_range`: 0 to 100 for every history.
/// 3. `absent_readings_do_not_count`: a `None` gives the same result as if the reading did not
///    exist.
/// 4. `same_input_same_answer`: no clock, no randomness, no memory of its own.
/// 5. `time_alone_can_change_the_verdict`: silence grows with `now`, so a later `now` never
///    gives a better connection verdict.
///
/// It is asked without any lock held, so it may call the manager. Meanwhile its encoder is not
/// watched.
pub trait HealthPolicy: Debug + Send + Sync + 'static {
    /// Concludes from everything observed until `now`.
    fn assess(&self, history: &History, now: Instant) -> Assessment;
}

impl<P: HealthPolicy + ?Sized> HealthPolicy for Arc<P> {
    fn assess(&self, history: &History, now: Instant) -> Assessment {
        P::assess(self, history, now)
    }
}
