//! An authority for tests: certificates of every kind, and servers that present them.
#![allow(
    dead_code,
    reason = "shared by the tests of the library and of the server"
)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A root and an intermediate.
pub(crate) struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    between: CertifiedIssuer<'static, KeyPair>,
    pub(crate) folder: tempfile::TempDir,
}

/// A chain in PEM, leaf first, and the key of the leaf.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) certificates: String,
    pub(crate) key: String,
}

fn issuer(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn leaf(name: &str, years: (i32, i32)) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    params
}

impl Authority {
    pub(crate) fn new() -> Self {
        let root = CertifiedIssuer::self_signed(issuer("Root"), KeyPair::generate().unwrap());
        let root = root.unwrap();
        let key = KeyPair::generate().unwrap();
        let between = CertifiedIssuer::signed_by(issuer("Between"), key, &root).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.pem"), root.pem()).unwrap();
        Self {
            root,
            between,
            folder,
        }
    }

    /// The trusted root, in a file.
    pub(crate) fn trust(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// Leaf and intermediate, without the root.
    pub(crate) fn chain(&self, name: &str) -> Chain {
        self.chain_of(name, (2020, 2090))
    }

    pub(crate) fn chain_of(&self, name: &str, years: (i32, i32)) -> Chain {
        let mut chain = self.alone(name, years);
        chain.certificates.push_str(&self.between.pem());
        chain
    }

    /// The leaf without what vouches for it.
    pub(crate) fn alone(&self, name: &str, years: (i32, i32)) -> Chain {
        let key = KeyPair::generate().unwrap();
        let signed = leaf(name, years).signed_by(&key, &self.between).unwrap();
        Chain {
            certificates: signed.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Writes a chain and its key where a server looks for them.
    pub(crate) fn write(&self, chain: &Chain) -> (PathBuf, PathBuf) {
        write(self.folder.path(), chain)
    }
}

pub(crate) fn write(folder: &Path, chain: &Chain) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
    std::fs::write(&certificate, &chain.certificates).unwrap();
    std::fs::write(&key, &chain.key).unwrap();
    (certificate, key)
}

/// A leaf that vouches for itself.
pub(crate) fn self_signed(name: &str) -> Chain {
    let key = KeyPair::generate().unwrap();
    let signed = leaf(name, (2020, 2090)).self_signed(&key).unwrap();
    Chain {
        certificates: signed.pem(),
        key: key.serialize_pem(),
    }
}

impl Chain {
    pub(crate) fn server_config(&self) -> ServerConfig {
        let certificates = CertificateDer::pem_slice_iter(self.certificates.as_bytes());
        let certificates = certificates.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .unwrap()
    }
}

/// Presents a chain to whoever connects, until the guard is dropped.
pub(crate) async fn present(chain: &Chain) -> (SocketAddr, tokio::task::JoinSet<()>) {
    let acceptor = TlsAcceptor::from(Arc::new(chain.server_config()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that turns away is what some tests want.
            let _ = acceptor.accept(stream).await;
        }
    });
    (address, serving)
}
