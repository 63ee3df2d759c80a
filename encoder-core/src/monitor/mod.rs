//! What is written down and concluded about fleet and manager over time.

pub mod series;
