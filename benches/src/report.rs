//! Figures beside their goals.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

/// The outcome of one measurement.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) name: &'static str,
    pub(crate) samples: usize,
    pub(crate) figures: Vec<Figure>,
    /// A better table than the usual one.
    #[serde(skip)]
    pub(crate) text: Option<String>,
}

/// One measured value. `None` is not measured, or not applicable.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: Option<f64>,
    /// The same measured on something else in the same run.
    pub(crate) peer: Option<f64>,
    pub(crate) peer_name: Option<&'static str>,
    /// Ours divided by the peer's.
    pub(crate) ratio: Option<f64>,
    /// What `ours` must not exceed.
    pub(crate) goal: Option<f64>,
    /// `None` without a goal or a value.
    pub(crate) met: Option<bool>,
}

impl Figure {
    pub(crate) fn new(what: impl Into<String>, unit: &'static str, ours: Option<f64>) -> Self {
        Self {
            what: what.into(),
            unit,
            ours,
            peer: None,
            peer_name: None,
            ratio: None,
            goal: None,
            met: None,
        }
    }

    pub(crate) fn millis(what: impl Into<String>, ours: Option<f64>) -> Self {
        Self::new(what, "ms", ours)
    }

    pub(crate) fn beside(mut self, name: &'static str, peer: Option<f64>) -> Self {
        self.peer = peer;
        self.peer_name = Some(name);
        self.ratio = match (self.ours, peer) {
            (Some(ours), Some(peer)) if peer > 0.0 => Some(ours / peer),
            _ => None,
        };
        self
    }

    pub(crate) fn at_most(mut self, goal: f64) -> Self {
        self.goal = Some(goal);
        self.met = self.ours.map(|ours| ours <= goal);
        self
    }
}

impl Report {
    /// Whether no goal was missed.
    pub(crate) fn meets_goals(&self) -> bool {
        self.figures.iter().all(|figure| figure.met != Some(false))
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).expect("numbers and text are always JSON")
    }

    pub(crate) fn table(&self) -> String {
        if let Some(text) = &self.text {
            return format!("{text}{}", self.missed());
        }
        let mut table = format!("{} ({} samples)\n", self.name, self.samples);
        let width = self
            .figures
            .iter()
            .map(|figure| figure.what.chars().count());
        let width = width.max().unwrap_or_default();
        for figure in &self.figures {
            let goal = match (figure.goal, figure.met) {
                (Some(goal), Some(true)) => format!("goal {goal}: met"),
                (Some(goal), Some(false)) => format!("goal {goal}: MISSED"),
                (Some(goal), None) => format!("goal {goal}: not measured"),
                (None, _) => String::new(),
            };
            let peer = figure.peer_name.map(|name| {
                let ratio = number(figure.ratio);
                format!("{} {name}, ratio {ratio}", number(figure.peer))
            });
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "  {:width$}  {:>9} {:4} {goal:18} {}",
                figure.what,
                number(figure.ours),
                figure.unit,
                peer.unwrap_or_default(),
            );
        }
        table.trim_end().to_owned()
    }
}

impl Report {
    /// What missed its goal, a line each.
    fn missed(&self) -> String {
        let missed = self
            .figures
            .iter()
            .filter(|figure| figure.met == Some(false));
        let line = |figure: &Figure| {
            let (ours, goal) = (number(figure.ours), number(figure.goal));
            format!(
                "\nMISSED: {}: {ours} {}, goal {goal}",
                figure.what, figure.unit
            )
        };
        missed.map(line).collect()
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
}

/// Measured times, sorted, in milliseconds. Differences may be negative.
#[derive(Debug)]
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    pub(crate) fn of(times: &[Duration]) -> Self {
        Self::of_millis(times.iter().map(|time| millis(*time)).collect())
    }

    pub(crate) fn of_millis(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The value that `percent` of all do not exceed, by the nearest rank; `None` of nothing.
    pub(crate) fn percentile(&self, percent: usize) -> Option<f64> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }

    pub(crate) fn max(&self) -> Option<f64> {
        self.0.last().copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A time in milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let spread = Spread::of_millis((1..=200).rev().map(f64::from).collect());
        assert_eq!(spread.percentile(50), Some(100.0));
        assert_eq!(spread.percentile(99), Some(198.0));
        assert_eq!(spread.max(), Some(200.0));
        assert_eq!(Spread::of_millis(Vec::new()).percentile(99), None);
    }

    #[test]
    fn missed_goal_fails_the_report_and_an_absent_value_does_not() {
        let report = |ours| Report {
            name: "test",
            samples: 1,
            figures: vec![Figure::millis("time", ours).at_most(10.0)],
            text: None,
        };
        assert!(report(Some(10.0)).meets_goals());
        assert!(!report(Some(10.1)).meets_goals());
        assert!(report(None).meets_goals());
        assert!(report(None).json().contains(r#""ours":null"#));
    }

    #[test]
    fn ratio_needs_both_values() {
        let figure = Figure::millis("time", Some(6.0)).beside("floor", Some(2.0));
        assert_eq!(figure.ratio, Some(3.0));
        let figure = Figure::millis("time", Some(6.0)).beside("floor", None);
        assert_eq!(figure.ratio, None);
    }
}
