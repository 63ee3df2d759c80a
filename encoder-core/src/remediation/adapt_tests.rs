use super::*;
use crate::model::Severity;
use crate::testkit::sample_config;

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn issue(code: &'static str, since: i64) -> Issue {
    Issue::new(code, Severity::Warning, "as the device says", at(since))
}

fn wanted() -> StreamConfig {
    StreamConfig {
        bitrate: Bitrate::from_kbps(8000),
        resolution: Resolution::new(1920, 1080),
        fps: FrameRate::from_fps(60.0),
        ..sample_config()
    }
}

/// A stream that is looked at every second and whose steps are taken as they are proposed.
struct Stream {
    wanted: StreamConfig,
    adaptation: Option<Adaptation>,
    steps: Vec<Timestamp>,
    calm_since: Option<Timestamp>,
}

impl Stream {
    fn new() -> Self {
        Self {
            wanted: wanted(),
            adaptation: None,
            steps: Vec::new(),
            calm_since: Some(at(0)),
        }
    }

    fn look(&mut self, now: i64, issues: &[Issue]) -> Option<Proposal> {
        if issues.is_empty() {
            self.calm_since.get_or_insert(at(now));
        } else {
            self.calm_since = None;
        }
        let facts = AdaptFacts {
            now: at(now),
            wanted: &self.wanted,
            adaptation: self.adaptation.as_ref(),
            verdict: Verdict::Worn,
            issues,
            calm_since: self.calm_since,
            min_bitrate: Bitrate::from_kbps(100),
            steps: &self.steps,
        };
        let proposal = adapt(&AdaptConfig::default(), &facts, |_| true)?;
        self.adaptation = proposal.adaptation.clone();
        self.steps.push(at(now));
        Some(proposal)
    }

    /// Every step within a time of looks each second.
    fn watch(&mut self, span: std::ops::Range<i64>, issues: &[Issue]) -> Vec<(i64, Step)> {
        let mut steps = Vec::new();
        for now in span {
            steps.extend(self.look(now, issues).map(|proposal| (now, proposal.step)));
        }
        steps
    }
}

fn kbps(steps: &[(i64, Step)]) -> Vec<(i64, u64)> {
    let bitrate = |step: &Step| match step {
        Step::Reduce { bitrate } | Step::Restore { bitrate, .. } => bitrate.as_kbps(),
        other => panic!("{other:?}"),
    };
    steps
        .iter()
        .map(|(at, step)| (*at, bitrate(step)))
        .collect()
}

#[test]
fn bitrate_falls_in_steps_to_its_floor_and_stays_there() {
    let mut stream = Stream::new();
    let slow = [issue(alarm_code::NETWORK_TOO_SLOW, 0)];
    let steps = stream.watch(0..600, &slow);
    assert_eq!(
        kbps(&steps),
        [(5, 6000), (35, 4500), (65, 3375), (95, 3200)]
    );
    let adaptation = stream.adaptation.unwrap();
    assert_eq!(adaptation.since, at(5));
    assert_eq!(stream.wanted, wanted(), "what was asked for stays");
}

#[test]
fn bitrate_returns_a_step_at_a_time_after_healthy_periods() {
    let mut stream = Stream::new();
    let slow = [issue(alarm_code::NETWORK_TOO_SLOW, 0)];
    stream.watch(0..60, &slow);
    let steps = stream.watch(60..600, &[]);
    assert_eq!(kbps(&steps), [(180, 6000), (300, 8000)]);
    assert_eq!(stream.adaptation, None, "it is what was asked for again");
}

#[test]
fn a_step_up_that_does_not_last_doubles_the_wait() {
    let mut stream = Stream::new();
    stream.watch(0..40, &[issue(alarm_code::NETWORK_TOO_SLOW, 0)]);
    assert_eq!(kbps(&stream.watch(40..200, &[])), [(160, 6000)]);
    let again = [issue(alarm_code::NETWORK_TOO_SLOW, 200)];
    assert_eq!(kbps(&stream.watch(200..210, &again)), [(205, 4500)]);
    assert_eq!(
        stream.adaptation.as_ref().unwrap().healthy_period,
        Duration::from_secs(240)
    );
    assert_eq!(kbps(&stream.watch(210..460, &[])), [(450, 6000)]);
}

#[test]
fn an_encoder_that_cannot_keep_up_gets_smaller_pictures_and_then_fewer() {
    let mut stream = Stream::new();
    let overload = [issue(alarm_code::FRAMES_SKIPPED, 0)];
    let names: Vec<_> = stream
        .watch(0..400, &overload)
        .into_iter()
        .map(|(_, step)| match step {
            Step::Downscale { resolution } => resolution.to_string(),
            Step::SlowDown { fps } => fps.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names, ["1280x720", "854x480", "30", "15"]);
    let up = stream.watch(400..2000, &[]);
    let last = up.last().map(|(_, step)| step.clone());
    let whole = Step::Restore {
        bitrate: wanted().bitrate,
        resolution: wanted().resolution,
        fps: wanted().fps,
    };
    assert_eq!((up.len(), last), (4, Some(whole)));
}

#[test]
fn settings_that_the_encoder_does_not_take_are_passed_over() {
    let config = AdaptConfig::default();
    let issues = [issue(issue_code::CPU_HIGH, 0)];
    let wanted = wanted();
    let facts = AdaptFacts {
        now: at(10),
        wanted: &wanted,
        adaptation: None,
        verdict: Verdict::Healthy,
        issues: &issues,
        calm_since: None,
        min_bitrate: Bitrate(1),
        steps: &[],
    };
    let fixed_size = |c: &StreamConfig| c.resolution == wanted.resolution;
    let step = adapt(&config, &facts, fixed_size).map(|proposal| proposal.step);
    assert_eq!(
        step,
        Some(Step::SlowDown {
            fps: FrameRate::from_fps(30.0)
        })
    );
    assert_eq!(adapt(&config, &facts, |_| false), None);
}

#[test]
fn short_trouble_and_failing_encoders_are_left_alone() {
    let mut stream = Stream::new();
    assert_eq!(
        stream.look(4, &[issue(alarm_code::NETWORK_TOO_SLOW, 0)]),
        None
    );
    let issues = [issue(alarm_code::NETWORK_TOO_SLOW, 0)];
    let wanted = wanted();
    for verdict in [Verdict::Unknown, Verdict::Failing, Verdict::Silent] {
        let facts = AdaptFacts {
            now: at(100),
            wanted: &wanted,
            adaptation: None,
            verdict,
            issues: &issues,
            calm_since: None,
            min_bitrate: Bitrate(1),
            steps: &[],
        };
        assert_eq!(
            adapt(&AdaptConfig::default(), &facts, |_| true),
            None,
            "{verdict:?}"
        );
    }
}
