use encoder_core::store::MemoryStore;

use super::*;

struct Bench {
    store: Arc<MemoryStore>,
    clock: Clock,
}

impl Bench {
    fn new() -> Self {
        Self {
            store: Arc::new(MemoryStore::default()),
            clock: Clock::anchored(Timestamp::from_millis(1_700_000_000_000)),
        }
    }

    /// Another server, or the command line, on the same store.
    fn keys(&self) -> ApiKeys {
        let store = Arc::clone(&self.store) as Arc<dyn StateStore>;
        ApiKeys::new(store, self.clock.clone(), AuthConfig::default())
    }
}

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(start_paused = true)]
async fn a_key_lasts_thirty_days_unless_told_otherwise() {
    let keys = Bench::new().keys();
    let (record, key) = keys.create("ops", Scope::Control, None).await.unwrap();
    let principal = keys.authenticate(key.expose()).await.unwrap();
    assert_eq!(
        (principal.key_id, principal.scope),
        (record.id, Scope::Control)
    );
    tokio::time::advance(DAY * 30 - Duration::from_secs(1)).await;
    keys.authenticate(key.expose()).await.unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(keys.authenticate(key.expose()).await, Err(Refusal::Expired));
}

#[tokio::test(start_paused = true)]
async fn refusals_tell_why() {
    let keys = Bench::new().keys();
    assert_eq!(
        keys.authenticate("em_nonsense").await,
        Err(Refusal::Malformed)
    );
    let stranger = KeyText::generate();
    assert_eq!(
        keys.authenticate(stranger.text().expose()).await,
        Err(Refusal::Unknown)
    );
    let (record, key) = keys.create("ops", Scope::Read, None).await.unwrap();
    keys.authenticate(key.expose()).await.unwrap();
    keys.revoke(&record.id).await.unwrap();
    assert_eq!(keys.authenticate(key.expose()).await, Err(Refusal::Revoked));
}

#[tokio::test(start_paused = true)]
async fn a_right_prefix_with_a_wrong_secret_is_unknown() {
    let keys = Bench::new().keys();
    let (record, key) = keys.create("ops", Scope::Read, None).await.unwrap();
    let forged = loop {
        // The same record id with another secret, and a checksum that fits.
        let other = KeyText::generate().text().expose().clone();
        let prefix = record.id.strip_prefix("key_").unwrap();
        let body = format!("em_{prefix}_{}", &other[12..55]);
        let sum = key::checksum(&body);
        let text = format!("{body}{sum}");
        if text != *key.expose() {
            break text;
        }
    };
    assert_eq!(keys.authenticate(&forged).await, Err(Refusal::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_key_made_by_another_process_works_at_once() {
    let bench = Bench::new();
    let server = bench.keys();
    let (_, key) = bench
        .keys()
        .create("ops", Scope::Admin, None)
        .await
        .unwrap();
    server.authenticate(key.expose()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_revoked_by_another_process_ends_within_the_cache_time() {
    let bench = Bench::new();
    let server = bench.keys();
    let (record, key) = server.create("ops", Scope::Admin, None).await.unwrap();
    server.authenticate(key.expose()).await.unwrap();
    bench.keys().revoke(&record.id).await.unwrap();
    tokio::time::advance(AuthConfig::default().cache).await;
    assert_eq!(
        server.authenticate(key.expose()).await,
        Err(Refusal::Revoked)
    );
}

#[tokio::test(start_paused = true)]
async fn the_last_use_is_written_once_a_minute() {
    let bench = Bench::new();
    let keys = bench.keys();
    let (record, key) = keys.create("ops", Scope::Read, None).await.unwrap();
    let name = store_key(&record.id).unwrap();
    let revision = async || bench.store.get(&name).await.unwrap().unwrap().revision;
    let made = revision().await;
    keys.authenticate(key.expose()).await.unwrap();
    let used = revision().await;
    assert!(used > made);
    for _ in 0..5 {
        tokio::time::advance(Duration::from_secs(10)).await;
        keys.authenticate(key.expose()).await.unwrap();
    }
    assert_eq!(revision().await, used);
    tokio::time::advance(Duration::from_secs(10)).await;
    keys.authenticate(key.expose()).await.unwrap();
    assert!(revision().await > used);
    let listed = keys.list().await.unwrap();
    assert_eq!(listed[0].last_used_at, Some(bench.clock.now()));
}

#[tokio::test(start_paused = true)]
async fn the_store_never_sees_the_key() {
    let bench = Bench::new();
    let (record, key) = bench.keys().create("ops", Scope::Read, None).await.unwrap();
    let stored = bench
        .store
        .get(&store_key(&record.id).unwrap())
        .await
        .unwrap()
        .unwrap();
    let stored = String::from_utf8(stored.value).unwrap();
    assert!(!stored.contains(&key.expose()[12..55]));
    assert!(!format!("{record:?}").contains(key.expose().as_str()));
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_a_wish_is_listed() {
    let bench = Bench::new();
    let past = bench.clock.now().minus(DAY);
    let error = bench
        .keys()
        .create("", Scope::Read, Some(past))
        .await
        .unwrap_err();
    let fields: Vec<_> = error
        .violations()
        .iter()
        .map(|v| v.field.as_str())
        .collect();
    assert_eq!(fields, ["name", "expires_at"]);
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_at_expiry_and_at_revocation() {
    let bench = Bench::new();
    let keys = bench.keys();
    let soon = bench.clock.now().plus(Duration::from_secs(5));
    let (_, short) = keys.create("short", Scope::Read, Some(soon)).await.unwrap();
    let principal = keys.authenticate(short.expose()).await.unwrap();
    let started = bench.clock.now();
    assert_eq!(keys.until_refused(&principal).await, Refusal::Expired);
    assert_eq!(bench.clock.now().since(started), Duration::from_secs(5));

    let (record, long) = keys.create("long", Scope::Read, None).await.unwrap();
    let principal = keys.authenticate(long.expose()).await.unwrap();
    let mut waiting = Box::pin(keys.until_refused(&principal));
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    keys.revoke(&record.id).await.unwrap();
    assert_eq!(waiting.await, Refusal::Revoked);
}
