//! Being written.
use serde::{Deserialize, Serialize};

/// Being written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BudgetConfig {}

/// Being written.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// Settings.
    pub config: BudgetConfig,
}
