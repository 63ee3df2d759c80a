use std::path::Path;

use encoder_core::monitor::certificate::KeyKind;
use encoder_core::tasks::Clock;
use tokio::net::TcpListener;

use super::super::authority::{Authority, Chain, present, self_signed};
use super::*;

async fn seen(chain: &Chain, name: &str, trust: &Path) -> PresentedChain {
    let (address, _serving) = present(chain).await;
    let question = Question {
        address: Address::Socket(address),
        server_name: name.to_owned(),
        trust: Some(trust),
        timeout: Duration::from_secs(10),
    };
    match look(&question, Clock::system().now()).await {
        Observation::Presented(chain) => *chain,
        Observation::Failed(reason) => panic!("{reason}"),
    }
}

async fn faults(chain: &Chain, name: &str, authority: &Authority) -> Vec<Fault> {
    let seen = seen(chain, name, &authority.trust()).await;
    seen.faults.iter().map(|fault| fault.fault).collect()
}

#[tokio::test]
async fn chain_without_its_root_is_valid_and_its_fields_are_read() {
    let authority = Authority::new();
    let seen = seen(
        &authority.chain("cam.example"),
        "cam.example",
        &authority.trust(),
    )
    .await;
    assert_eq!(seen.faults, []);
    assert!(seen.is_valid() && !seen.is_ocsp_stapled);
    assert_eq!(seen.others.len(), 1);
    let leaf = &seen.leaf;
    assert_eq!(leaf.names, ["cam.example"]);
    assert_eq!(
        (leaf.subject.as_str(), leaf.issuer.as_str()),
        ("CN=cam.example", "CN=Between")
    );
    assert_eq!(leaf.not_before.to_string(), "2020-01-01T00:00:00.000Z");
    assert_eq!(leaf.not_after.to_string(), "2090-01-01T00:00:00.000Z");
    assert_eq!(
        (&leaf.key, leaf.signature.as_str()),
        (&KeyKind::Ec(256), "ecdsa-with-SHA256")
    );
    assert!(!leaf.is_self_signed);
    assert_eq!(leaf.fingerprint.len(), 64);
}

#[tokio::test]
async fn each_kind_of_bad_chain_is_named() {
    let authority = Authority::new();
    let name = "cam.example";
    let good = authority.chain(name);
    let table = [
        (
            authority.chain_of(name, (2020, 2021)),
            name,
            vec![Fault::Expired],
        ),
        (
            authority.chain_of(name, (2080, 2090)),
            name,
            vec![Fault::NotYetValid],
        ),
        (good.clone(), "other.example", vec![Fault::WrongHost]),
        (
            authority.alone(name, (2020, 2090)),
            name,
            vec![Fault::Incomplete],
        ),
        (self_signed(name), name, vec![Fault::SelfSigned]),
        (Authority::new().chain(name), name, vec![Fault::Untrusted]),
        (
            authority.chain_of(name, (2020, 2021)),
            "other.example",
            vec![Fault::Expired, Fault::WrongHost],
        ),
        (
            authority.alone(name, (2020, 2021)),
            "other.example",
            vec![Fault::Expired, Fault::Incomplete, Fault::WrongHost],
        ),
    ];
    for (chain, host, expected) in table {
        assert_eq!(faults(&chain, host, &authority).await, expected, "{host}");
    }
}

#[tokio::test]
async fn self_signed_is_fine_where_it_is_the_trusted_one() {
    let authority = Authority::new();
    let chain = self_signed("cam.example");
    let (certificate, _) = authority.write(&chain);
    assert_eq!(seen(&chain, "cam.example", &certificate).await.faults, []);
}

#[tokio::test]
async fn target_that_does_not_answer_speaks_no_tls_or_is_silent_says_why() {
    let authority = Authority::new();
    let trust = authority.trust();
    let ask = async |address, timeout_ms| {
        let question = Question {
            address: Address::Socket(address),
            server_name: "cam.example".to_owned(),
            trust: Some(&trust),
            timeout: Duration::from_millis(timeout_ms),
        };
        match look(&question, Clock::system().now()).await {
            Observation::Failed(reason) => reason,
            Observation::Presented(chain) => panic!("{chain:?}"),
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    assert!(
        ask(address, 200)
            .await
            .contains("no handshake within 0.2 s")
    );
    let mut plain = tokio::task::JoinSet::new();
    plain.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
        }
    });
    let reason = ask(address, 5000).await;
    assert!(
        reason.contains("InvalidContentType") || reason.contains("corrupt"),
        "{reason}"
    );
    plain.shutdown().await;
    let reason = ask(address, 5000).await;
    assert!(reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn unreadable_trust_names_its_file() {
    let authority = Authority::new();
    let (address, _serving) = present(&authority.chain("cam.example")).await;
    let question = Question {
        address: Address::Socket(address),
        server_name: "cam.example".to_owned(),
        trust: Some(Path::new("/nowhere/roots.pem")),
        timeout: Duration::from_secs(5),
    };
    let seen = look(&question, Clock::system().now()).await;
    let Observation::Failed(reason) = seen else {
        panic!("{seen:?}");
    };
    assert!(
        reason.starts_with("/nowhere/roots.pem: cannot be read"),
        "{reason}"
    );
}
