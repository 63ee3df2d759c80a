//! What the manager's monitors found out, and what they may be told.

use super::Manager;
use crate::monitor::errors::{ErrorAnalysis, ErrorQuery, Occurrence};

/// Timelines that are read for the acts in an analysis.
const READ_TIMELINES: usize = 50;

impl Manager {
    /// Errors that are remembered and wanted, newest first.
    pub fn errors(&self, query: &ErrorQuery) -> Vec<Occurrence> {
        self.0.errors.history(query)
    }

    /// What is wrong now, what it has in common, and what is probably behind it. A timeline that
    /// cannot be read tells of no acts.
    pub async fn error_analysis(&self) -> ErrorAnalysis {
        let monitor = &self.0.errors;
        let mut analysis = monitor.analysis();
        let streams = monitor.streams_concerned().into_iter();
        for stream in streams.take(READ_TIMELINES) {
            if let Ok(timeline) = self.timeline(&stream).await {
                analysis.automated_actions.extend(monitor.acts(&timeline));
            }
        }
        let newest = |act: &crate::monitor::errors::AutomatedAction| std::cmp::Reverse(act.at);
        analysis.automated_actions.sort_by_key(newest);
        analysis
    }
}
