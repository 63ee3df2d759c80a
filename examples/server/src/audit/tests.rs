use encoder_core::store::MemoryStore;

use super::*;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

async fn log(config: AuditConfig) -> AuditLog {
    let store = Arc::new(MemoryStore::new());
    AuditLog::new(store, Clock::anchored(START), config, Supervisor::new())
}

fn entry(at: Timestamp, action: &str) -> AuditEntry {
    AuditEntry::new(at, Via::Api, action)
}

fn all(to: Timestamp) -> AuditQuery {
    AuditQuery {
        from: Timestamp::from_millis(0),
        to,
        key_id: None,
        action: None,
        subject: None,
    }
}

async fn actions(log: &AuditLog, query: &AuditQuery) -> Vec<String> {
    let found = log.find(query).await.unwrap();
    found.into_iter().map(|entry| entry.action).collect()
}

#[tokio::test(start_paused = true)]
async fn entries_are_found_by_time_key_action_and_subject_newest_first() {
    let log = log(AuditConfig::default()).await;
    let ago = |days: u32| START.minus(DAY * days);
    let mut by_ann = entry(ago(1), "POST /api/streams/{id}/failover");
    by_ann.actor = Some(Actor {
        key_id: "key_ann".into(),
        name: "Ann".into(),
        scope: crate::auth::Scope::Control,
    });
    by_ann.subject.insert("id".into(), "str_1".into());
    for entry in [entry(ago(3), "DELETE /a"), by_ann, entry(START, "POST /b")] {
        log.keep(entry).await;
    }
    let failover = "POST /api/streams/{id}/failover";
    assert_eq!(
        actions(&log, &all(START)).await,
        ["POST /b", failover, "DELETE /a"]
    );
    let recent = AuditQuery {
        from: ago(2),
        ..all(ago(1))
    };
    assert_eq!(actions(&log, &recent).await, [failover]);
    let some = |text: &str| Some(text.to_owned());
    let narrow: [AuditQuery; 3] = [
        AuditQuery {
            key_id: some("key_ann"),
            ..all(START)
        },
        AuditQuery {
            action: some("failover"),
            ..all(START)
        },
        AuditQuery {
            subject: some("str_1"),
            ..all(START)
        },
    ];
    for query in narrow {
        assert_eq!(actions(&log, &query).await, [failover], "{query:?}");
    }
    let nobody = AuditQuery {
        key_id: some("key_bob"),
        ..all(START)
    };
    assert_eq!(actions(&log, &nobody).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn old_and_supernumerary_entries_go_oldest_first() {
    let config = AuditConfig {
        retention_days: 2,
        max_entries: 3,
    };
    let log = log(config).await;
    for (days, action) in [(5, "a"), (2, "b"), (1, "c"), (0, "d")] {
        log.keep(entry(START.minus(DAY * days), action)).await;
    }
    assert_eq!(log.sweep().await.unwrap(), 2, "today and yesterday stay");
    assert_eq!(actions(&log, &all(START)).await, ["d", "c"]);
    for action in ["e", "f"] {
        log.keep(entry(START.plus(RETRY), action)).await;
    }
    assert_eq!(log.sweep().await.unwrap(), 1);
    assert_eq!(
        actions(&log, &all(START)).await,
        ["d"],
        "later ones are not over yet"
    );
    tokio::time::sleep(RETRY).await;
    assert_eq!(actions(&log, &all(log.now())).await.len(), 3);
}
