//! Asks a server for its certificate, as a client that takes any and sends nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use encoder_core::model::Timestamp;
use encoder_core::monitor::certificate::{
    CertificateFacts, ChainFault, Fault, Observation, PresentedChain,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::validate::{RawChain, Validator};
use super::{facts, provider};

/// Whom to ask, and how clients see it.
#[derive(Clone, Debug)]
pub(super) struct Question<'a> {
    /// Where.
    pub(super) address: Address<'a>,
    /// The name that clients use.
    pub(super) server_name: String,
    /// The roots that they trust; without any, those of the platform.
    pub(super) trust: Option<&'a Path>,
    /// How long it may take.
    pub(super) timeout: Duration,
}

/// Where a server is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Address<'a> {
    /// By name, which is looked up.
    Host(&'a str, u16),
    /// Known.
    Socket(SocketAddr),
}

/// Asks, and validates what comes.
pub(super) async fn look(question: &Question<'_>, now: Timestamp) -> Observation {
    let judged = async {
        let (name, trust) = (server_name(question)?, question.trust.map(Path::to_owned));
        let seen = fetch(question, name.clone()).await?;
        // Reading the platform's roots takes a while.
        let judging = move || judge(&name, trust.as_deref(), seen, now);
        let judged = tokio::task::spawn_blocking(judging).await;
        judged.unwrap_or_else(|_| Err("the server is shutting down".to_owned()))
    };
    match judged.await {
        Ok(chain) => Observation::Presented(Box::new(chain)),
        Err(reason) => Observation::Failed(reason),
    }
}

fn server_name(question: &Question<'_>) -> Result<ServerName<'static>, String> {
    let name = &question.server_name;
    let wrong = |_| format!("`{name}` is no host name");
    ServerName::try_from(name.clone()).map_err(wrong)
}

fn judge(
    name: &ServerName<'static>,
    trust: Option<&Path>,
    (chain, broken): (RawChain, Option<String>),
    now: Timestamp,
) -> Result<PresentedChain, String> {
    let leaf = facts::read(&chain.leaf)?;
    let others: Result<Vec<CertificateFacts>, _> = chain.others.iter().map(facts::read).collect();
    let others = others?;
    let validator = Validator::new(trust).map_err(|error| error.message().to_owned())?;
    let mut faults = validator.faults(&chain, (&leaf, &others), name, now);
    if let Some(reason) = broken.filter(|_| faults.is_empty()) {
        faults.push(ChainFault::new(Fault::Unusable, reason));
    }
    Ok(PresentedChain {
        leaf,
        others,
        faults,
        is_ocsp_stapled: !chain.ocsp.is_empty(),
    })
}

/// The chain, and what broke the handshake after it came.
async fn fetch(
    question: &Question<'_>,
    name: ServerName<'static>,
) -> Result<(RawChain, Option<String>), String> {
    let seen = Arc::new(Capture::default());
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&seen) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    let handshake = async {
        let stream = match question.address {
            Address::Host(host, port) => TcpStream::connect((host, port)).await?,
            Address::Socket(address) => TcpStream::connect(address).await?,
        };
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    };
    let seconds = question.timeout.as_secs_f64();
    let broken = match tokio::time::timeout(question.timeout, handshake).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no handshake within {seconds} s")),
    };
    let chain = seen.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (chain, broken) {
        (Some(chain), broken) => Ok((chain, broken)),
        (None, broken) => Err(broken.unwrap_or_else(|| "no certificate was presented".to_owned())),
    }
}

/// Takes every certificate whose key the server holds, and keeps what it saw. Nothing secret may be
/// sent over such a connection.
#[derive(Debug, Default)]
pub(crate) struct Capture(Mutex<Option<RawChain>>);

impl ServerCertVerifier for Capture {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = RawChain {
            leaf: leaf.clone().into_owned(),
            others: others
                .iter()
                .map(|other| other.clone().into_owned())
                .collect(),
            ocsp: ocsp.to_vec(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(chain);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests;
