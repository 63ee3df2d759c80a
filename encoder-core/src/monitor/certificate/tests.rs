use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::{AlertState, Issue, Severity, Timestamp};

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);

fn at(day: u32) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000).plus(DAY * day)
}

fn facts(subject: &str, issuer: &str, until: u32) -> CertificateFacts {
    CertificateFacts {
        subject: subject.to_owned(),
        issuer: issuer.to_owned(),
        names: vec![subject.to_owned()],
        not_before: at(0),
        not_after: at(until),
        key: KeyKind::Ec(256),
        signature: "ecdsa-with-SHA256".to_owned(),
        is_self_signed: subject == issuer,
        fingerprint: format!("{subject}-{until}"),
    }
}

fn chain(until: u32, faults: &[Fault]) -> PresentedChain {
    PresentedChain {
        leaf: facts("cam.example", "Intermediate", until),
        others: vec![facts("Intermediate", "Root", 1000)],
        faults: faults.iter().map(|f| ChainFault::new(*f, "why")).collect(),
        is_ocsp_stapled: false,
    }
}

fn presented(chain: PresentedChain) -> Observation {
    Observation::Presented(Box::new(chain))
}

fn told(seen: &Observation, previous: Option<&str>, now: Timestamp) -> Vec<(String, Severity)> {
    let issues = assess(seen, previous, &ExpiryConfig::default(), now);
    let told = issues.iter().map(|i| (i.code.to_string(), i.severity));
    told.collect()
}

#[test]
fn thresholds_are_30_14_and_3_days() {
    use Severity::{Critical, Info, Warning};
    let table = [
        (31, None),
        (30, Some(("certificate_expiring", Info))),
        (15, Some(("certificate_expiring", Info))),
        (14, Some(("certificate_expiring", Warning))),
        (4, Some(("certificate_expiring", Warning))),
        (3, Some(("certificate_expiring", Critical))),
        (1, Some(("certificate_expiring", Critical))),
        (0, Some(("certificate_expired", Critical))),
    ];
    for (left, expected) in table {
        let told = told(&presented(chain(100, &[])), None, at(100 - left));
        let expected: Vec<_> = expected
            .iter()
            .map(|(c, s)| ((*c).to_owned(), *s))
            .collect();
        assert_eq!(told, expected, "{left} days left");
    }
}

#[test]
fn every_fault_has_its_code_and_is_critical() {
    let table = [
        (Fault::Expired, "certificate_expired"),
        (Fault::NotYetValid, "certificate_not_yet_valid"),
        (Fault::WrongHost, "certificate_wrong_host"),
        (Fault::SelfSigned, "certificate_self_signed"),
        (Fault::Incomplete, "certificate_incomplete"),
        (Fault::Untrusted, "certificate_untrusted"),
        (Fault::Revoked, "certificate_revoked"),
        (Fault::Unusable, "certificate_unusable"),
    ];
    for (fault, code) in table {
        let told = told(&presented(chain(500, &[fault])), None, at(1));
        assert_eq!(told, [(code.to_owned(), Severity::Critical)]);
    }
}

#[test]
fn several_faults_are_all_told_and_none_twice() {
    let seen = presented(chain(10, &[Fault::WrongHost, Fault::Expired]));
    let codes: Vec<_> = told(&seen, None, at(11)).into_iter().map(|t| t.0).collect();
    assert_eq!(codes, ["certificate_wrong_host", "certificate_expired"]);
}

#[test]
fn target_that_cannot_be_asked_is_a_warning_with_the_reason() {
    let seen = Observation::Failed("connection refused".to_owned());
    let issues = assess(&seen, Some("before"), &ExpiryConfig::default(), at(0));
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0].severity, Severity::Warning);
    assert!(issues[0].message.ends_with("connection refused"));
}

#[test]
fn change_is_told_once_and_only_when_something_was_known() {
    let seen = presented(chain(500, &[]));
    assert_eq!(told(&seen, None, at(1)), []);
    assert_eq!(told(&seen, Some("cam.example-500"), at(1)), []);
    let changed = told(&seen, Some("cam.example-100"), at(1));
    assert_eq!(
        changed,
        [("certificate_changed".to_owned(), Severity::Info)]
    );
}

#[test]
fn intermediate_that_ends_first_is_at_most_a_warning() {
    let mut ending = chain(500, &[]);
    ending.others[0].not_after = at(100);
    let told_at = |day| told(&presented(ending.clone()), None, at(day));
    let warning = [("certificate_expiring".to_owned(), Severity::Warning)];
    assert_eq!(told_at(60), []);
    assert_eq!(told_at(99), warning);
    // An old cross-signed one may be sent along for ever; the validation says what counts.
    assert_eq!(told_at(101), []);
}

#[test]
fn weak_keys_and_signatures_are_told() {
    let table = [
        (KeyKind::Rsa(2048), "sha256WithRSAEncryption", false),
        (KeyKind::Rsa(1024), "sha256WithRSAEncryption", true),
        (KeyKind::Ec(224), "ecdsa-with-SHA256", true),
        (KeyKind::Ed25519, "Ed25519", false),
        (KeyKind::Rsa(4096), "sha1WithRSAEncryption", true),
        (KeyKind::Rsa(4096), "md5WithRSAEncryption", true),
    ];
    for (key, signature, is_weak) in table {
        let mut seen = chain(500, &[]);
        seen.leaf.key = key;
        signature.clone_into(&mut seen.leaf.signature);
        assert_eq!(seen.leaf.weakness().is_some(), is_weak, "{signature}");
        assert_eq!(
            told(&presented(seen), None, at(1)).len(),
            usize::from(is_weak)
        );
    }
}

#[test]
fn unknown_issuer_is_named_by_what_was_sent() {
    let leaf = facts("cam.example", "Intermediate", 500);
    let between = facts("Intermediate", "Root", 500);
    let root = facts("Root", "Root", 500);
    let own = facts("cam.example", "cam.example", 500);
    let other = facts("Other", "Else", 500);
    let table = [
        (&own, vec![], Fault::SelfSigned),
        (&leaf, vec![], Fault::Incomplete),
        (&leaf, vec![other], Fault::Incomplete),
        (&leaf, vec![root.clone()], Fault::Incomplete),
        (&leaf, vec![between.clone()], Fault::Untrusted),
        (&leaf, vec![root, between], Fault::Untrusted),
    ];
    for (leaf, others, fault) in table {
        assert_eq!(unknown_issuer(leaf, &others).fault, fault, "{others:?}");
    }
}

#[test]
fn issue_that_lasts_keeps_its_beginning() {
    let issue = |day| Issue::new("certificate_wrong_host", Severity::Critical, "m", at(day));
    assert_eq!(since_before(vec![issue(5)], &[issue(3)])[0].since, at(3));
    assert_eq!(since_before(vec![issue(5)], &[])[0].since, at(5));
}

mod renewing {
    use super::*;
    use RenewalMethod::{Acme, Certbot};

    fn config(methods: &[RenewalMethod]) -> RenewalConfig {
        RenewalConfig {
            methods: methods.to_vec(),
            ..RenewalConfig::default()
        }
    }

    fn failed(at: Timestamp, method: RenewalMethod) -> RenewalAttempt {
        RenewalAttempt {
            at,
            method,
            outcome: RenewalOutcome::Failed("no".to_owned()),
        }
    }

    fn renewed(at: Timestamp) -> RenewalAttempt {
        RenewalAttempt {
            at,
            method: Acme,
            outcome: RenewalOutcome::Renewed,
        }
    }

    /// For a certificate from day 0 to day 90.
    fn planned(
        config: &RenewalConfig,
        asked_at: Option<Timestamp>,
        past: &[RenewalAttempt],
        now: Timestamp,
    ) -> NextRenewal {
        plan(&RenewalFacts {
            config,
            life: Some((at(0), at(90))),
            asked_at,
            past,
            now,
        })
    }

    #[test]
    fn due_thirty_days_before_the_end_or_with_a_third_left() {
        let config = config(&[Acme]);
        assert_eq!(
            planned(&config, None, &[], at(59)),
            NextRenewal::NotDue(Some(at(60)))
        );
        assert_eq!(planned(&config, None, &[], at(60)), NextRenewal::Try(Acme));
        let short = RenewalFacts {
            config: &config,
            life: Some((at(0), at(6))),
            asked_at: None,
            past: &[],
            now: at(1),
        };
        assert_eq!(plan(&short), NextRenewal::NotDue(Some(at(4))));
        let unknown = RenewalFacts {
            life: None,
            ..short
        };
        assert_eq!(plan(&unknown), NextRenewal::NotDue(None));
    }

    #[test]
    fn nothing_is_renewed_without_a_method() {
        let config = config(&[]);
        assert_eq!(
            planned(&config, Some(at(1)), &[], at(89)),
            NextRenewal::Never
        );
    }

    #[test]
    fn methods_are_tried_in_order_and_then_again_after_a_wait_that_doubles() {
        let config = RenewalConfig {
            max_attempts: 100,
            ..config(&[Acme, Certbot])
        };
        let mut past = vec![failed(at(60), Acme)];
        assert_eq!(
            planned(&config, None, &past, at(60)),
            NextRenewal::Try(Certbot)
        );
        for (round, wait) in [(1, 600), (2, 1200), (3, 2400)] {
            let now = past[past.len() - 1].at;
            past.push(failed(now, Certbot));
            let again = now.plus(Duration::from_secs(wait));
            let told = planned(&config, None, &past, now);
            assert_eq!(told, NextRenewal::Wait(again), "after round {round}");
            assert_eq!(planned(&config, None, &past, again), NextRenewal::Try(Acme));
            past.push(failed(again, Acme));
        }
    }

    #[test]
    fn window_bounds_the_attempts() {
        let config = config(&[Acme]);
        let past: Vec<_> = (0..5)
            .map(|n| failed(at(60).plus(HOUR * n), Acme))
            .collect();
        let told = planned(&config, None, &past, at(60).plus(HOUR * 23));
        assert_eq!(told, NextRenewal::Wait(at(61)));
        // Nor may a person ask for more.
        let now = at(60).plus(HOUR * 5);
        assert_eq!(
            planned(&config, Some(now), &past, now),
            NextRenewal::Wait(at(61))
        );
    }

    #[test]
    fn person_is_served_at_once_and_by_each_method_once() {
        let config = config(&[Acme, Certbot]);
        let now = at(5);
        assert_eq!(
            planned(&config, Some(now), &[], now),
            NextRenewal::Try(Acme)
        );
        let one = [failed(now, Acme)];
        assert_eq!(
            planned(&config, Some(now), &one, now),
            NextRenewal::Try(Certbot)
        );
        let both = [failed(now, Acme), failed(now, Certbot)];
        let later = NextRenewal::NotDue(Some(at(60)));
        assert_eq!(planned(&config, Some(now), &both, now), later);
        let done = [failed(now, Acme), renewed(now)];
        assert_eq!(planned(&config, Some(now), &done, now), later);
        let again = now.plus(HOUR);
        assert_eq!(
            planned(&config, Some(again), &both, again),
            NextRenewal::Try(Acme)
        );
    }

    #[test]
    fn success_forgets_the_failures_before_it() {
        let config = config(&[Acme]);
        let past = [failed(at(1), Acme), failed(at(2), Acme), renewed(at(3))];
        assert_eq!(
            planned(&config, None, &past, at(60)),
            NextRenewal::Try(Acme)
        );
        assert_eq!(trouble(&past), None);
        let issue = trouble(&past[..2]).unwrap();
        assert_eq!((issue.since, issue.severity), (at(1), Severity::Warning));
        assert!(issue.message.contains("2 attempts"), "{}", issue.message);
    }

    proptest! {
        /// Whatever the settings, and however often somebody asks: the window holds no more
        /// attempts than allowed, only configured methods are tried, and failing for weeks comes
        /// to an attempt again and again.
        #[test]
        fn attempts_are_bounded_and_never_end_for_good(
            both in any::<bool>(),
            max_attempts in 1_u32..8,
            window_hours in 1_u32..48,
            back_off_minutes in 0_u32..600,
            asked in proptest::collection::vec(0_u32..900, 0..20),
        ) {
            let config = RenewalConfig {
                max_attempts,
                window: HOUR * window_hours,
                back_off: Duration::from_secs(60) * back_off_minutes,
                ..config(if both { &[Acme, Certbot] } else { &[Certbot] })
            };
            let mut past = Vec::new();
            let start = at(60);
            for step in 0..900_u32 {
                let now = start.plus(HOUR / 2 * step);
                let asked_at = asked.iter().filter(|a| **a <= step).max();
                let asked_at = asked_at.map(|a| start.plus(HOUR / 2 * *a));
                match planned(&config, asked_at, &past, now) {
                    NextRenewal::Try(method) => {
                        prop_assert!(config.methods.contains(&method));
                        past.push(failed(now, method));
                    }
                    NextRenewal::Wait(until) => prop_assert!(until > now),
                    NextRenewal::NotDue(_) | NextRenewal::Never => prop_assert!(false, "it is due"),
                }
                let recent = past.iter().filter(|a| now.since(a.at) < config.window).count();
                prop_assert!(recent <= max_attempts as usize);
                let last = past.last().map_or(start, |a| a.at);
                let longest = config.window.max(config.max_back_off) + HOUR;
                prop_assert!(now.since(last) <= longest, "given up at {now}");
            }
        }
    }
}

proptest! {
    /// The nearer the end, the worse; and what is past its end is always told.
    #[test]
    fn severity_never_falls_as_the_end_comes_near(until in 1_u32..400, step in 0_u32..400) {
        let seen = presented(chain(until, &[]));
        let worst = |day| told(&seen, None, at(day)).first().map(|t| t.1);
        prop_assert!(worst(step) <= worst(step + 1));
        prop_assert_eq!(worst(until + step), Some(Severity::Critical));
    }
}

#[tokio::test(start_paused = true)]
async fn alerts_of_certificates_and_of_the_error_analysis_leave_each_other_alone() {
    let manager = crate::Manager::builder()
        .with_clock(crate::tasks::Clock::anchored(at(0)))
        .build()
        .await
        .unwrap();
    let report = |target: &str, until, day| {
        let seen = presented(chain(until, &[]));
        CertificateReport {
            target: target.to_owned(),
            issues: assess(&seen, None, &ExpiryConfig::default(), at(day)),
            checked_at: Some(at(day)),
            seen: Some(seen),
        }
    };
    let reports = [report("one:443", 2, 0), report("two:443", 10, 0)];
    manager.observe_certificates(&reports);
    // The analysis looks every second, finds nothing, and must not resolve these.
    tokio::time::sleep(Duration::from_secs(30)).await;
    let alerts = manager.alerts();
    let firing = |a: &&crate::model::Alert| a.state == AlertState::Firing;
    assert_eq!(alerts.iter().filter(firing).count(), 2, "{alerts:?}");
    assert!(alerts.iter().all(|a| a.category == "certificate"));
    assert!(
        alerts
            .iter()
            .any(|a| a.summary.contains("certificate one:443")),
        "{alerts:?}"
    );
    let text = manager.render_metrics();
    assert!(
        text.contains("encoder_certificate_valid{target=\"one:443\"} 1"),
        "{text}"
    );
    let expiry = at(2).as_millis() / 1000;
    let line =
        format!("encoder_certificate_expiry_timestamp_seconds{{target=\"one:443\"}} {expiry}");
    assert!(text.contains(&line), "{text}");
    manager.observe_certificates(&[report("two:443", 10, 0)]);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let alerts = manager.alerts();
    assert_eq!(alerts.iter().filter(firing).count(), 1, "{alerts:?}");
    assert!(!manager.render_metrics().contains("one:443"));
    manager.count_renewal("two:443", &RenewalOutcome::Renewed);
    let counted = "encoder_certificate_renewals_total{result=\"renewed\",target=\"two:443\"} 1";
    assert!(manager.render_metrics().contains(counted));
}
