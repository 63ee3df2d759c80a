//! Ladders end, and budgets hold, whatever the incident.

use std::time::Duration;

use encoder_core::model::{EncoderId, IncidentId, IssueCode, Severity, StreamId, Timestamp};
use encoder_core::remediation::{
    Attempt, Budget, BudgetConfig, Incident, Ladder, LadderConfig, Remediator, Step,
};
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
        circumstances: [bool; 3],
        restart in 0..20_000_u64,
        switch in 0..20_000_u64,
    ) -> Incident {
        let [reachable, may_fail_over, backup_ready] = circumstances;
        Incident {
            id: IncidentId::generate(),
            stream_id: StreamId::generate(),
            encoder_id: EncoderId::generate(),
            cause: IssueCode::new(cause),
            severity: Severity::Critical,
            reachable,
            may_fail_over,
            backup_ready,
            serves_files: false,
            restart_estimate: Duration::from_millis(restart),
            switch_estimate: Duration::from_millis(switch),
            since: Timestamp::from_millis(0),
        }
    }
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
}
