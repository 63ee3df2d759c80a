//! Ladders end, and budgets hold, whatever the incident.

use std::time::Duration;

use encoder_core::Capability;
use encoder_core::model::{
    Bitrate, EncoderId, FrameRate, IncidentId, Issue, IssueCode, Resolution, Severity,
    StreamConfig, StreamId, Timestamp, Verdict,
};
use encoder_core::remediation::{
    AdaptConfig, AdaptFacts, Attempt, Budget, BudgetConfig, CareAttempt, CareConfig, CareFacts,
    Incident, Ladder, LadderConfig, Remediator, Step, TroubleKind, adapt, care,
};
use encoder_core::testkit::sample_config;
use proptest::collection::vec;
use proptest::prelude::*;

prop_compose! {
    fn incident()(
        cause in prop::sample::select(vec![
            "stream_stopped",
            "stream_failing",
            "stream_not_started",
            "streaming_failed",
            "input_lost",
            "device_restarting",
            "device_silent",
            "something_else",
        ]),
        circumstances: [bool; 4],
        restart in 0..20_000_u64,
        switch in 0..20_000_u64,
    ) -> Incident {
        let [reachable, may_fail_over, backup_ready, serves_files] = circumstances;
        Incident {
            id: IncidentId::generate(),
            stream_id: StreamId::generate(),
            encoder_id: EncoderId::generate(),
            cause: IssueCode::new(cause),
            severity: Severity::Critical,
            reachable,
            may_fail_over,
            backup_ready,
            serves_files,
            restart_estimate: Duration::from_millis(restart),
            switch_estimate: Duration::from_millis(switch),
            since: Timestamp::from_millis(0),
        }
    }
}

fn trouble() -> impl Strategy<Value = (Option<&'static str>, Verdict)> {
    let codes = vec![
        None,
        Some("network_too_slow"),
        Some("dropped_frames"),
        Some("bitrate_unstable"),
        Some("frames_skipped"),
        Some("cpu_high"),
        Some("temperature_high"),
    ];
    let verdicts = vec![
        Verdict::Unknown,
        Verdict::Healthy,
        Verdict::Worn,
        Verdict::Failing,
        Verdict::Silent,
    ];
    (prop::sample::select(codes), prop::sample::select(verdicts))
}

proptest! {
    #[test]
    fn ladders_terminate(incident in incident(), most: u8, most_alone: u8) {
        let mut config = LadderConfig::default();
        config.max_attempts = most.into();
        config.max_attempts_alone = most_alone.into();
        let ladder = Ladder::new(config);
        let mut tried = Vec::new();
        while let Some(step) = ladder.next_step(&incident, &tried) {
            prop_assert!(incident.reachable);
            tried.push(Attempt { step, at: Timestamp::from_millis(0), succeeded: false });
            let limit = if incident.may_fail_over { most } else { most_alone };
            prop_assert!(tried.len() <= limit.into());
        }
        // A start that did not help is not repeated.
        let starts = tried.iter().filter(|attempt| matches!(attempt.step, Step::Start { .. }));
        prop_assert!(starts.count() <= 1);
    }

    #[test]
    fn ready_backups_are_not_kept_waiting(incident in incident()) {
        let quicker = incident.restart_estimate < incident.switch_estimate;
        let step = Ladder::default().next_step(&incident, &[]);
        if incident.may_fail_over && incident.backup_ready && step.is_some() {
            prop_assert!(quicker);
        }
    }

    #[test]
    fn budgets_hold_over_every_window(
        wishes in vec(0..200_000_i64, 0..60),
        attempts in 0..6_usize,
        seconds in 1..120_u64,
    ) {
        let mut config = BudgetConfig::default();
        config.attempts = attempts;
        config.window = Duration::from_secs(seconds);
        let budget = Budget::new(config);
        let mut wishes = wishes;
        wishes.sort_unstable();
        let mut made: Vec<Timestamp> = Vec::new();
        for at in wishes.into_iter().map(Timestamp::from_millis) {
            if budget.allows(&made, at) {
                made.push(at);
            } else {
                let begin = at.minus(Duration::from_secs(seconds));
                let recent = made.iter().filter(|earlier| **earlier > begin).count();
                prop_assert!(recent >= attempts, "refused with {recent} of {attempts} spent");
            }
        }
        for from in &made {
            let end = from.plus(Duration::from_secs(seconds));
            let within = made.iter().filter(|at| *at >= from && **at < end).count();
            prop_assert!(within <= attempts);
        }
    }

    #[test]
    fn streams_in_no_danger_are_not_interrupted(mut incident in incident(), info: bool) {
        incident.severity = if info { Severity::Info } else { Severity::Warning };
        let step = Ladder::default().next_step(&incident, &[]);
        prop_assert!(step.is_none_or(|step| !step.interrupts()));
    }

    #[test]
    fn adapting_interrupts_nothing_and_keeps_its_budget(
        troubles in vec((trouble(), 1..400_u64), 1..40),
        attempts in 0..8_usize,
        window in 60..4000_u64,
        factor in 0.1..0.95_f64,
        floor in 0.0..100.0_f64,
        kbps in 1000..20_000_u64,
    ) {
        let mut config = AdaptConfig::default();
        config.bitrate_factor = factor;
        config.bitrate_floor_percent = floor;
        config.budget.attempts = attempts;
        config.budget.window = Duration::from_secs(window);
        let wanted = StreamConfig {
            bitrate: Bitrate::from_kbps(kbps),
            resolution: Resolution::new(1920, 1080),
            fps: FrameRate::from_fps(60.0),
            ..sample_config()
        };
        let mut now = Timestamp::from_millis(0);
        let (mut steps, mut adaptation, mut calm_since) = (Vec::new(), None, Some(now));
        for ((code, verdict), seconds) in troubles {
            let since = now;
            let issues: Vec<_> = code
                .map(|code| Issue::new(code, Severity::Warning, "trouble", since))
                .into_iter()
                .collect();
            calm_since = if issues.is_empty() { calm_since.or(Some(now)) } else { None };
            for _ in 0..seconds / 5 + 1 {
                now = now.plus(Duration::from_secs(5));
                let facts = AdaptFacts {
                    now,
                    wanted: &wanted,
                    adaptation: adaptation.as_ref(),
                    verdict,
                    issues: &issues,
                    calm_since,
                    min_bitrate: Bitrate::from_kbps(100),
                    steps: &steps,
                };
                let Some(proposal) = adapt(&config, &facts, |_| true) else {
                    continue;
                };
                prop_assert!(!proposal.step.interrupts());
                prop_assert!(matches!(verdict, Verdict::Healthy | Verdict::Worn));
                steps.push(now);
                adaptation = proposal.adaptation;
                if let Some(adaptation) = &adaptation {
                    prop_assert!(adaptation.bitrate <= wanted.bitrate);
                    prop_assert!(adaptation.bitrate >= Bitrate::from_kbps(100));
                    prop_assert!(adaptation.applied_to(&wanted) != wanted);
                    let longest = config.max_healthy_period.max(config.healthy_period);
                    prop_assert!(adaptation.healthy_period <= longest);
                }
            }
        }
        for from in &steps {
            let end = from.plus(config.budget.window);
            let within = steps.iter().filter(|at| *at >= from && **at < end).count();
            prop_assert!(within <= attempts);
        }
    }

    #[test]
    fn trouble_that_lasts_comes_to_the_end_of_its_ladder(
        code in prop::sample::select(vec!["network_too_slow", "frames_skipped"]),
        factor in 0.1..0.95_f64,
    ) {
        let mut config = AdaptConfig::default();
        config.bitrate_factor = factor;
        config.budget.attempts = usize::MAX;
        let wanted = sample_config();
        let issues = [Issue::new(code, Severity::Warning, "trouble", Timestamp::from_millis(0))];
        let (mut steps, mut adaptation) = (Vec::new(), None);
        for minute in 1..300 {
            let now = Timestamp::from_millis(minute * 60_000);
            let facts = AdaptFacts {
                now,
                wanted: &wanted,
                adaptation: adaptation.as_ref(),
                verdict: Verdict::Worn,
                issues: &issues,
                calm_since: None,
                min_bitrate: Bitrate(1),
                steps: &steps,
            };
            let Some(proposal) = adapt(&config, &facts, |_| true) else {
                return Ok(());
            };
            adaptation = proposal.adaptation;
            steps.push(now);
        }
        prop_assert!(false, "no end after {} steps", steps.len());
    }

    #[test]
    fn care_interrupts_nobody_and_keeps_its_budget(
        looks in vec((any::<[bool; 7]>(), 1..60_u64), 1..200),
        all: bool,
    ) {
        let config = CareConfig::default();
        let mut can = Capability::default();
        can.renew_session = all;
        can.reconnect = all;
        can.reset_media_state = all;
        can.reboot = true;
        let mut now = Timestamp::from_millis(0);
        let (mut tried, mut silent_since, mut misbehaves_since) = (Vec::new(), None, None);
        for ([silent, misbehaves, serves_files, publishes, records, needed, lasting], seconds) in looks {
            now = now.plus(Duration::from_secs(seconds));
            if !lasting {
                silent_since = silent.then_some(now);
                misbehaves_since = misbehaves.then_some(now);
            }
            let facts = CareFacts {
                now,
                capability: &can,
                silent_since,
                misbehaves_since,
                serves_files,
                publishes,
                records,
                needed,
                tried: &tried,
            };
            let Some((kind, step, _)) = care(&config, &facts) else {
                continue;
            };
            if step.interrupts() {
                prop_assert!(!publishes);
            }
            if step == Step::Reboot {
                prop_assert!(!publishes && !records && !needed);
            }
            tried.push(CareAttempt { kind, step, at: now });
        }
        for kind in TroubleKind::ALL {
            let budget = match kind {
                TroubleKind::Persistent => &config.reboot_budget,
                _ => &config.budget,
            };
            let of = || tried.iter().filter(|attempt| attempt.kind == kind);
            for first in of() {
                let end = first.at.plus(budget.window);
                let within = of().filter(|a| a.at >= first.at && a.at < end).count();
                prop_assert!(within <= budget.attempts, "{kind:?}");
            }
        }
    }
}
