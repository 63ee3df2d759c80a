//! Health by how the device answers.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::score::strain;
use super::{Contact, HealthPolicy, History};
use crate::error::ErrorKind;
use crate::model::{
    Assessment, ConnectionHealth, Evidence, Health, Issue, Severity, Verdict, issue_code, millis,
};

mod figures;
mod link;
mod outlook;
pub mod patterns;
mod rhythm;

use figures::{distribution, error_rate, failures, median_latency, stability};
use link::Link;
pub use outlook::{ConnectionOutlook, PredictionConfig};
pub use patterns::PatternConfig;

/// Best score while the latest request failed, or trust is still being regained.
const SHAKEN_CAP: f64 = 50.0;
/// Best score of a device that answers nonsense, or is quiet for suspiciously long.
const DOUBTFUL_CAP: f64 = 30.0;
/// Latency and errors at which nothing is left of the score, as multiples of the thresholds.
const HOPELESS: f64 = 4.0;
/// One failure is no rate, however few requests there were: a start is when one is likely.
const LEAST_FAILURES: usize = 2;

/// When a connection counts as bad or lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ConnectionConfig {
    /// Requests in a row without an answer after which the device is silent, and wrong answers
    /// in a row after which it misbehaves. Default 2; a single lost packet must not move a stream.
    pub fall: u32,
    /// Good answers in a row after which a device that was silent is trusted again. Default 3.
    pub rise: u32,
    /// Median time to answer from which on the connection is slow. Default 500 ms.
    #[serde(rename = "slow_latency_ms", with = "millis")]
    pub slow_latency: Duration,
    /// Share of failed requests from which on the connection is unstable; at least two must have
    /// failed. Default 0.1.
    pub error_rate_warning: f64,
    /// Most recent requests that latency and error rate are taken from. Default 30.
    pub window: usize,
    /// Requests needed before a latency, a rate or a rhythm is judged. Default 10.
    pub min_samples: usize,
    /// Suspicion from which on quiet is unusual: 8 means that the device's own rhythm makes a
    /// pause this long as improbable as one in 10⁸. Default 8.
    pub suspicion: f64,
    /// Pause that is never suspicious, on top of the device's rhythm. Default 6 s, because the
    /// rhythm is mostly that of the manager's polls, which grow rarer when a stream ends.
    #[serde(rename = "acceptable_pause_ms", with = "millis")]
    pub acceptable_pause: Duration,
    /// Least deviation that a rhythm is credited with. Default 200 ms.
    #[serde(rename = "min_deviation_ms", with = "millis")]
    pub min_deviation: Duration,
    /// What must be seen before a pattern is claimed.
    pub patterns: PatternConfig,
    /// What must be seen before a threshold crossing is predicted.
    pub prediction: PredictionConfig,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            fall: 2,
            rise: 3,
            slow_latency: Duration::from_millis(500),
            error_rate_warning: 0.1,
            window: 30,
            min_samples: 10,
            suspicion: 8.0,
            acceptable_pause: Duration::from_secs(6),
            min_deviation: Duration::from_millis(200),
            patterns: PatternConfig::default(),
            prediction: PredictionConfig::default(),
        }
    }
}

/// Judges requests: whether they are answered, how fast, and how regularly.
///
/// The verdict is [`Verdict::Silent`] after `fall` requests in a row without an answer, and stays
/// worn after that until `rise` good answers in a row. Nothing is stored for that: the requests in
/// the history are gone through anew each time.
///
/// Besides, the rhythm of signs of life is watched (phi accrual): quiet that is improbable by the
/// device's own rhythm makes the encoder worn, and silent together with a failed request. It
/// catches what counting does not, such as polls that hang or are not made at all.
///
/// A device that answers nonsense, or refuses, is worn and not failing: its stream may well be on
/// air, and what the stream does is for [`DirectPolicy`](super::DirectPolicy) to judge.
///
/// The score is the lower one of latency and error rate, both 60 at their thresholds, and capped
/// by what else is wrong. Errors of an outage that is over do not count; `fall` and `rise` have
/// judged it.
#[derive(Clone, Debug, Default)]
pub struct ConnectionPolicy {
    /// Thresholds.
    pub config: ConnectionConfig,
}

impl ConnectionPolicy {
    /// A policy with these thresholds.
    pub fn new(config: ConnectionConfig) -> Self {
        Self { config }
    }

    /// The figures behind the verdict, for reports. They are measured over the `window` most
    /// recent requests, outages included. Patterns and prediction are not in here; see
    /// [`outlook`](Self::outlook).
    pub fn connection_health(&self, history: &History, now: Instant) -> ConnectionHealth {
        let assessment = self.assess(history, now);
        let recent = self.recent(history, 0);
        ConnectionHealth {
            health_score: assessment.health,
            latency_ms: median_latency(recent.clone()).map(|span| span.as_secs_f64() * 1000.0),
            error_rate: error_rate(recent.clone()),
            latency: distribution(recent.clone()),
            stability: stability(recent),
            reconnects: history.reconnects(),
            issues: assessment.issues,
            ..ConnectionHealth::default()
        }
    }

    /// Patterns, and the next threshold that will be crossed; `temperature_limit` is that of the
    /// device in °C. Costs some hundred microseconds, so it is not for every assessment.
    pub fn outlook(
        &self,
        history: &History,
        temperature_limit: f64,
        now: Instant,
    ) -> ConnectionOutlook {
        ConnectionOutlook::of(&self.config, history, temperature_limit, now)
    }

    fn quiet(&self, since: Option<Instant>, now: Instant) -> [Evidence; 2] {
        let quiet = since.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        [
            Evidence::Figure("quiet_seconds", quiet.as_secs_f64()),
            Evidence::Figure("suspicion", self.config.suspicion),
        ]
    }

    /// The most recent requests, not older than number `from`.
    fn recent<'a>(
        &self,
        history: &'a History,
        from: usize,
    ) -> impl Iterator<Item = &'a Contact> + Clone {
        let contacts = history.contacts();
        // Looked for from the end: there are more contacts than the window has room for.
        let newest_first = contacts.clone().enumerate().skip(from).rev();
        let requests = newest_first.filter(|(_, c)| c.is_request());
        let begin = requests.take(self.config.window).last();
        let begin = begin.map_or(contacts.len(), |(place, _)| place);
        contacts.skip(begin).filter(|contact| contact.is_request())
    }
}

impl HealthPolicy for ConnectionPolicy {
    fn assess(&self, history: &History, now: Instant) -> Assessment {
        let link = Link::of(&self.config, history);
        let mut report = Report::new(history);
        if link.is_down() && link.failures > 0 {
            return report.silent(&link, self.config.fall);
        }
        if rhythm::is_suspicious(&self.config, history, now) {
            if link.failures > 0 {
                return report.silent(&link, self.config.fall);
            }
            let since = history.last_alive();
            report.wear(
                issue_code::CONNECTION_UNSTABLE,
                since,
                DOUBTFUL_CAP,
                "unusually quiet",
                self.quiet(since, now),
            );
        }
        if link.is_down() {
            let message = format!(
                "answers again, {} of {} times",
                link.answers, self.config.rise
            );
            report.wear(
                issue_code::CONNECTION_UNSTABLE,
                link.down_since,
                SHAKEN_CAP,
                message,
                [
                    Evidence::Count("answers", link.answers.into()),
                    Evidence::Count("threshold", self.config.rise.into()),
                ],
            );
        }
        if link.misbehaves {
            let message = match link.wrong_kind {
                Some(ErrorKind::DeviceAuth) => "does not accept the password".to_owned(),
                Some(kind) => format!("{} wrong answers in a row ({kind})", link.wrong),
                None => format!("{} wrong answers in a row", link.wrong),
            };
            report.wear(
                issue_code::DEVICE_MISBEHAVES,
                link.wrong_since,
                DOUBTFUL_CAP,
                message,
                [
                    Evidence::Count("wrong_answers", link.wrong.into()),
                    Evidence::Count("threshold", self.config.fall.into()),
                ],
            );
        }
        if link.failures > 0 {
            report.cap(SHAKEN_CAP);
        }
        self.judge_figures(&link, &mut report);
        if link.has_answered {
            report.assessment.verdict = report.assessment.verdict.max(Verdict::Healthy);
        }
        report.conclude(link.has_answered || link.misbehaves)
    }
}

impl ConnectionPolicy {
    fn judge_figures(&self, link: &Link, report: &mut Report<'_>) {
        let requests = self.recent(report.history, link.trusted_from);
        if requests.clone().count() < self.config.min_samples {
            return;
        }
        let begin = requests.clone().next().map(|contact| contact.at);
        let slow = self.config.slow_latency;
        if let Some(latency) = median_latency(requests.clone()) {
            let limit = slow.as_secs_f64();
            report.cap(strain(latency.as_secs_f64(), limit, HOPELESS * limit));
            if latency >= slow {
                let message = format!("answers take {} ms", latency.as_millis());
                let evidence = [
                    Evidence::Figure("latency_ms", latency.as_secs_f64() * 1000.0),
                    Evidence::Figure("threshold", limit * 1000.0),
                ];
                report.wear(issue_code::CONNECTION_SLOW, begin, 100.0, message, evidence);
            }
        }
        let warning = self.config.error_rate_warning;
        if failures(requests.clone()) >= LEAST_FAILURES
            && let Some(rate) = error_rate(requests)
        {
            report.cap(strain(rate, warning, HOPELESS * warning));
            // An outage has an issue of its own.
            if rate >= warning && rate > 0.0 && !link.is_down() {
                let message = format!("{:.0} % of requests fail", rate * 100.0);
                let evidence = [
                    Evidence::Text(format!("error_rate={rate:.3}")),
                    Evidence::Text(format!("threshold={warning}")),
                ];
                report.wear(
                    issue_code::CONNECTION_UNSTABLE,
                    begin,
                    100.0,
                    message,
                    evidence,
                );
            }
        }
    }
}

/// An assessment in the making.
struct Report<'a> {
    history: &'a History,
    assessment: Assessment,
    score: f64,
}

impl<'a> Report<'a> {
    fn new(history: &'a History) -> Self {
        Self {
            history,
            assessment: Assessment::default(),
            score: Health::MAX.value(),
        }
    }

    fn cap(&mut self, score: f64) {
        self.score = self.score.min(score);
    }

    fn raise<const N: usize>(
        &mut self,
        code: &'static str,
        severity: Severity,
        since: Option<Instant>,
        message: impl Into<String>,
        evidence: [Evidence; N],
    ) {
        let Some(since) = since else { return };
        let since = self.history.wall(since);
        let issue = Issue::new(code, severity, message, since).with_evidence(evidence);
        self.assessment.issues.push(issue);
    }

    fn wear<const N: usize>(
        &mut self,
        code: &'static str,
        since: Option<Instant>,
        cap: f64,
        message: impl Into<String>,
        evidence: [Evidence; N],
    ) {
        self.raise(code, Severity::Warning, since, message, evidence);
        self.assessment.verdict = self.assessment.verdict.max(Verdict::Worn);
        self.cap(cap);
    }

    /// Silence is critical where it endangers a stream.
    fn silent(mut self, link: &Link, fall: u32) -> Assessment {
        let severity = match self.history.publishing_intended_since() {
            Some(_) => Severity::Critical,
            None => Severity::Warning,
        };
        let message = format!("{} requests without an answer", link.failures);
        self.raise(
            issue_code::DEVICE_SILENT,
            severity,
            link.silent_since,
            message,
            [
                Evidence::Count("failures", link.failures.into()),
                Evidence::Count("threshold", fall.into()),
            ],
        );
        self.assessment.verdict = Verdict::Silent;
        self.assessment.health = Some(Health::MIN);
        self.assessment.parts.connection = Some(Health::MIN);
        self.assessment
    }

    fn conclude(mut self, known: bool) -> Assessment {
        self.assessment.health = known.then(|| Health::new(self.score));
        self.assessment.parts.connection = self.assessment.health;
        self.assessment
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
