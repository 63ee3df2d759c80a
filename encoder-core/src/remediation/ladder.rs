//! Being written.
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Attempt, Incident, Remediator, Step};
use crate::driver::EncoderDriver;
use crate::error::Result;

/// Being written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LadderConfig {}

/// Being written.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    /// Settings.
    pub config: LadderConfig,
}

impl Ladder {
    /// A ladder with these settings.
    pub fn new(config: LadderConfig) -> Self {
        Self { config }
    }
}

#[async_trait]
impl Remediator for Ladder {
    fn next_step(&self, _: &Incident, _: &[Attempt]) -> Option<Step> {
        None
    }
    async fn run(&self, _: &Step, _: &dyn EncoderDriver) -> Result<()> {
        Ok(())
    }
}
