use std::path::PathBuf;

use encoder_core::model::Secret;

use super::super::authority::{Authority, Chain, self_signed, write};
use super::super::{facts, pair};
use super::*;

const NAME: &str = "cam.example";

struct Bench {
    authority: Authority,
    tls: TlsConfig,
    folder: tempfile::TempDir,
}

fn pair_of(chain: &Chain) -> Pair {
    Pair {
        certificates: chain.certificates.clone(),
        key: Secret::new(chain.key.clone()),
    }
}

fn now() -> Timestamp {
    Clock::system().now()
}

impl Bench {
    fn new() -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let (certificate, key) = write(folder.path(), &authority.chain(NAME));
        let tls = TlsConfig {
            certificate,
            key,
            names: vec![NAME.to_owned()],
            trust: Some(authority.trust()),
            handshake_timeout: Duration::from_secs(5),
        };
        Self {
            authority,
            tls,
            folder,
        }
    }

    fn own(&self) -> Own {
        Own::load(self.tls.clone(), &[], now()).unwrap()
    }

    fn files(&self) -> (String, String) {
        let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
        (read(&self.tls.certificate), read(&self.tls.key))
    }

    fn faults(&self) -> Vec<String> {
        let found = pair::faults(&self.tls, &[], now());
        found
            .iter()
            .map(|v| format!("{}: {}", v.field, v.message))
            .collect()
    }
}

/// What clients see of what is served.
fn seen(own: &Own) -> Observation {
    let leaf = own.served().leaf.clone();
    let chain = encoder_core::monitor::certificate::PresentedChain {
        leaf,
        others: Vec::new(),
        faults: Vec::new(),
        is_ocsp_stapled: false,
    };
    Observation::Presented(Box::new(chain))
}

#[tokio::test]
async fn new_certificate_is_written_for_its_owner_only_and_served() {
    let bench = Bench::new();
    let (own, new) = (bench.own(), bench.authority.chain(NAME));
    let outcome = own.replace(pair_of(&new), now(), async || seen(&own)).await;
    assert_eq!(outcome, RenewalOutcome::Renewed);
    assert_eq!(bench.files(), (new.certificates.clone(), new.key.clone()));
    assert_eq!(own.served().pair, pair_of(&new));
    #[cfg(unix)]
    for path in [&bench.tls.certificate, &bench.tls.key] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    assert_eq!(std::fs::read_dir(bench.folder.path()).unwrap().count(), 2);
}

#[tokio::test]
async fn certificate_that_will_not_do_changes_nothing() {
    let bench = Bench::new();
    let (own, before) = (bench.own(), bench.files());
    let authority = &bench.authority;
    let good = authority.chain(NAME);
    let mixed = Chain {
        key: self_signed(NAME).key,
        ..good.clone()
    };
    let garbage = Chain {
        certificates: "no certificate".to_owned(),
        ..good
    };
    let served = Chain {
        certificates: before.0.clone(),
        key: before.1.clone(),
    };
    let table = [
        (mixed, "is not the key of"),
        (garbage, "holds no certificate"),
        (served, "served already"),
        (authority.chain("other.example"), "and not for cam.example"),
        (authority.chain_of(NAME, (2020, 2021)), "ended at 2021"),
        (authority.chain_of(NAME, (2080, 2090)), "begins at 2080"),
        (
            authority.alone(NAME, (2020, 2090)),
            "neither sent nor is it trusted",
        ),
        (self_signed(NAME), "vouches for itself"),
        (Authority::new().chain(NAME), "not that of the trusted one"),
    ];
    for (chain, reason) in table {
        let look = async || panic!("nothing new is served");
        match own.replace(pair_of(&chain), now(), look).await {
            RenewalOutcome::Failed(told) => assert!(told.contains(reason), "{told}"),
            other => panic!("{other:?} instead of {reason}"),
        }
        assert_eq!(bench.files(), before, "{reason}");
        assert_eq!(own.served().pair.certificates, before.0);
    }
}

#[tokio::test]
async fn certificate_that_clients_do_not_get_is_rolled_back() {
    let bench = Bench::new();
    let (own, before) = (bench.own(), bench.files());
    let old = seen(&own);
    let looks = [Observation::Failed("connection refused".to_owned()), old];
    for look in looks {
        let new = pair_of(&bench.authority.chain(NAME));
        let outcome = own.replace(new, now(), async || look).await;
        assert!(
            matches!(outcome, RenewalOutcome::RolledBack(_)),
            "{outcome:?}"
        );
        assert_eq!(bench.files(), before);
        assert_eq!(own.served().pair.certificates, before.0);
    }
}

#[tokio::test]
async fn changed_files_are_served_only_when_they_fit() {
    let bench = Bench::new();
    let own = bench.own();
    let mut refused = None;
    let old = own.served().leaf.fingerprint.clone();
    let new = bench.authority.chain(NAME);
    write(
        bench.folder.path(),
        &Chain {
            key: self_signed(NAME).key,
            ..new.clone()
        },
    );
    own.reload(now(), &mut refused).await;
    assert_eq!(own.served().leaf.fingerprint, old);
    assert!(refused.is_some());
    write(bench.folder.path(), &new);
    own.reload(now(), &mut refused).await;
    let first = &own.served().certified.cert[0];
    assert_ne!(facts::fingerprint(first), old);
    assert_eq!(own.served().pair, pair_of(&new));
}

#[test]
fn every_fault_names_its_file() {
    let mut bench = Bench::new();
    assert_eq!(bench.faults(), [""; 0]);
    let (certificate, key) = (bench.tls.certificate.clone(), bench.tls.key.clone());
    let (certificate, key) = (certificate.display(), key.display());
    let folder = bench.folder.path().to_owned();
    let good = bench.authority.chain(NAME);
    let with_key = |key: &str| Chain {
        key: key.to_owned(),
        ..good.clone()
    };
    let table = [
        (
            with_key(&self_signed(NAME).key),
            format!("key: {key} is not the key of the certificate in {certificate}"),
        ),
        (
            with_key("nonsense"),
            format!("key: {key} holds no private key in PEM"),
        ),
        (
            bench.authority.chain_of(NAME, (2020, 2021)),
            format!(
                "certificate: {certificate}: the certificate ended at 2021-01-01T00:00:00.000Z"
            ),
        ),
        (
            bench.authority.chain("other.example"),
            format!(
                "certificate: {certificate}: the certificate is for other.example, and not for cam.example"
            ),
        ),
        (
            Chain {
                certificates: "nonsense".to_owned(),
                ..good.clone()
            },
            format!("certificate: {certificate} holds no certificate in PEM"),
        ),
    ];
    for (chain, told) in table {
        write(&folder, &chain);
        assert_eq!(bench.faults(), [told]);
    }
    write(&folder, &good);
    bench.tls.certificate = folder.join("gone.pem");
    bench.tls.key = folder.join("gone.key");
    bench.tls.trust = Some(folder.join("gone.roots"));
    bench.tls.handshake_timeout = Duration::ZERO;
    let mut found = bench.faults();
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.remove(0).starts_with("handshake_timeout_seconds: "));
    for (told, file) in found.iter().zip(["gone.pem", "gone.key", "gone.roots"]) {
        assert!(
            told.contains(file) && told.contains("cannot be read"),
            "{told}"
        );
    }
}

#[test]
fn expired_certificate_is_no_fault_where_it_is_renewed() {
    let bench = Bench::new();
    write(
        bench.folder.path(),
        &bench.authority.chain_of(NAME, (2020, 2021)),
    );
    assert!(pair::faults(&bench.tls, &[RenewalMethod::Certbot], now()).is_empty());
}

#[tokio::test]
async fn first_certificate_takes_the_place_of_one_to_begin_with() {
    let bench = Bench::new();
    for path in [&bench.tls.certificate, &bench.tls.key] {
        std::fs::remove_file(path).unwrap();
    }
    let methods = [RenewalMethod::Acme];
    assert!(pair::faults(&bench.tls, &methods, now()).is_empty());
    assert_eq!(
        pair::faults(&bench.tls, &[RenewalMethod::Certbot], now()).len(),
        2
    );
    let own = Own::load(bench.tls.clone(), &methods, now()).unwrap();
    let leaf = own.served().leaf.clone();
    assert!(leaf.is_self_signed && leaf.names == [NAME], "{leaf:?}");
    let left = leaf.not_after.since(now());
    assert!(left < Duration::from_secs(7 * 24 * 3600), "{left:?}");
    assert!(!bench.tls.certificate.exists());
    let new = bench.authority.chain(NAME);
    let outcome = own.replace(pair_of(&new), now(), async || seen(&own)).await;
    assert_eq!(outcome, RenewalOutcome::Renewed);
    assert_eq!(bench.files(), (new.certificates, new.key));
}
