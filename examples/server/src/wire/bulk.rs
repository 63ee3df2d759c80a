//! An action on several encoders, on the wire.

use encoder_core::wire::ControlDto;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{Problem, ProblemDocument};

/// What became of an action on one of several encoders.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = BulkResult)]
pub struct BulkResultDto {
    /// The encoder.
    pub encoder_id: String,
    /// The HTTP status this would have had alone.
    pub status: u16,
    /// What became of it.
    pub outcome: Option<ControlDto>,
    /// Why it failed.
    #[schema(value_type = Option<ProblemDocument>)]
    pub problem: Option<Problem>,
}

/// The answer of bulk: one result per encoder, in the order asked for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = BulkAnswer)]
pub struct BulkAnswer {
    /// The results.
    pub results: Vec<BulkResultDto>,
}
