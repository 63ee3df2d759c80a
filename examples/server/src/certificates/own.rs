//! The certificate that this server serves, and how another takes its place.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use encoder_core::model::{Timestamp, Violation};
use encoder_core::monitor::certificate::{Observation, RenewalMethod, RenewalOutcome};
use encoder_core::tasks::Clock;
use encoder_core::{Error, ErrorKind, Result};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::Mutex;

use super::pair::{Loaded, Pair, is_to_come};
use super::provider;
use crate::config::TlsConfig;

/// Time between looks at the files.
const FILES_EVERY: Duration = Duration::from_secs(5);

/// What is served. Connections that are open keep what they began with; new ones get what is
/// served now.
#[derive(Debug)]
pub(crate) struct Own {
    tls: TlsConfig,
    served: Arc<Resolver>,
    /// Held while something takes the place of what is served.
    changing: Mutex<()>,
}

#[derive(Debug)]
struct Resolver(ArcSwap<Loaded>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().certified))
    }
}

impl Own {
    /// Reads the files. Where there are none yet and one will be ordered, something to begin with
    /// is served until then.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] naming file and key.
    pub(crate) fn load(tls: TlsConfig, methods: &[RenewalMethod], now: Timestamp) -> Result<Self> {
        let pair = if is_to_come(&tls, methods) {
            tracing::warn!("there is no certificate yet; clients turn away until one is ordered");
            let made = Pair::placeholder(&tls.names, now);
            made.map_err(|reason| vec![Violation::new("names", "invalid", reason)])
        } else {
            Pair::read(&tls)
        };
        let loaded = pair.and_then(|pair| pair.load(&tls));
        let loaded = loaded.map_err(|violations| {
            let lines = violations
                .iter()
                .map(|v| format!("tls.{}: {}", v.field, v.message));
            let lines: Vec<_> = lines.collect();
            Error::new(ErrorKind::ConfigInvalid, lines.join("; ")).with_violations(violations)
        })?;
        Ok(Self {
            tls,
            served: Arc::new(Resolver(ArcSwap::from_pointee(loaded))),
            changing: Mutex::new(()),
        })
    }

    /// Settings of connections, which present what is served when they begin.
    ///
    /// # Errors
    /// [`ErrorKind::Unexpected`].
    pub(crate) fn server_config(&self) -> Result<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                Error::new(ErrorKind::Unexpected, "TLS cannot be set up").with_source(error)
            })?;
        let resolver = Arc::clone(&self.served) as Arc<dyn ResolvesServerCert>;
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// The settings.
    pub(super) fn tls(&self) -> &TlsConfig {
        &self.tls
    }

    /// What is served now.
    pub(super) fn served(&self) -> Arc<Loaded> {
        self.served.0.load_full()
    }

    /// The names that a new certificate must be for.
    fn names(&self) -> Vec<String> {
        match self.tls.names.is_empty() {
            true => self.served().leaf.names.clone(),
            false => self.tls.names.clone(),
        }
    }

    /// Why this may not take the place of what is served.
    fn objection(&self, new: &Loaded, now: Timestamp) -> Option<String> {
        let is_same = new.leaf.fingerprint == self.served().leaf.fingerprint;
        let same = is_same.then(|| "it is the certificate that is served already".to_owned());
        same.or_else(|| new.wrong_dates(now))
            .or_else(|| new.wrong_names(&self.names()))
            .or_else(|| new.wrong_chain(&self.tls, now))
    }

    /// Puts a new certificate in the place of the old one: checks it, writes it, serves it, and
    /// looks at it as clients do. Where that look finds anything wrong, the old one is written and
    /// served again. Cancellation may leave the new one served and unproven.
    pub(super) async fn replace<Look>(
        &self,
        new: Pair,
        now: Timestamp,
        look: impl FnOnce() -> Look,
    ) -> RenewalOutcome
    where
        Look: Future<Output = Observation>,
    {
        let _changing = self.changing.lock().await;
        let new = match new.load(&self.tls) {
            Ok(new) => new,
            Err(violations) => return RenewalOutcome::Failed(violations[0].message.clone()),
        };
        if let Some(objection) = self.objection(&new, now) {
            return RenewalOutcome::Failed(format!("the new certificate will not do: {objection}"));
        }
        let old = self.served();
        if let Err(reason) = self.write(&new.pair) {
            return match self.write(&old.pair) {
                Ok(()) => RenewalOutcome::Failed(reason),
                Err(again) => RenewalOutcome::Failed(format!("{reason}; {again}")),
            };
        }
        let fingerprint = new.leaf.fingerprint.clone();
        self.served.0.store(Arc::new(new));
        let Some(reason) = unproven(&look().await, &fingerprint) else {
            return RenewalOutcome::Renewed;
        };
        self.served.0.store(Arc::clone(&old));
        RenewalOutcome::RolledBack(match self.write(&old.pair) {
            Ok(()) => reason,
            Err(again) => format!("{reason}; {again}"),
        })
    }

    fn write(&self, pair: &Pair) -> std::result::Result<(), String> {
        write_both(
            (&self.tls.certificate, pair.certificates.as_bytes()),
            (&self.tls.key, pair.key.expose().as_bytes()),
        )
        .map_err(|error| {
            let files = (self.tls.certificate.display(), self.tls.key.display());
            format!("{} and {} cannot be written: {error}", files.0, files.1)
        })
    }

    /// Serves what is in the files, when somebody changed them and it will do.
    pub(super) async fn reload(&self, now: Timestamp, refused: &mut Option<Pair>) {
        let _changing = self.changing.lock().await;
        let served = self.served();
        let Ok(pair) = Pair::read(&self.tls) else {
            return;
        };
        if pair == served.pair || refused.as_ref() == Some(&pair) {
            return;
        }
        let loaded = pair.clone().load(&self.tls);
        let objection = match &loaded {
            Ok(new) => new
                .wrong_dates(now)
                .or_else(|| new.wrong_names(&self.names())),
            Err(violations) => Some(violations[0].message.clone()),
        };
        match (loaded, objection) {
            (Ok(new), None) => {
                let until = new.leaf.not_after;
                tracing::info!(%until, "the certificate was changed from outside and is served");
                self.served.0.store(Arc::new(new));
            }
            (_, reason) => {
                let reason = reason.unwrap_or_default();
                tracing::warn!(reason, "the changed certificate is not served");
                *refused = Some(pair);
            }
        }
    }

    /// Follows changes of the files, for ever.
    pub(crate) async fn follow(self: Arc<Self>, clock: Clock) {
        let (mut ticks, mut refused) = (tokio::time::interval(FILES_EVERY), None);
        loop {
            ticks.tick().await;
            self.reload(clock.now(), &mut refused).await;
        }
    }
}

/// Why clients do not get that certificate, or turn away from it.
fn unproven(seen: &Observation, fingerprint: &str) -> Option<String> {
    match seen {
        Observation::Failed(reason) => Some(format!("it cannot be looked at: {reason}")),
        Observation::Presented(chain) if chain.leaf.fingerprint != fingerprint => {
            Some("clients get another certificate".to_owned())
        }
        Observation::Presented(chain) => {
            let fault = chain.faults.first()?;
            Some(format!("clients turn away: {}", fault.reason))
        }
    }
}

/// Writes both files beside their places first, for their owner only, so that the moment in which
/// they do not fit together is that between two renames.
pub(super) fn write_both(first: (&Path, &[u8]), second: (&Path, &[u8])) -> std::io::Result<()> {
    let staged = |(path, content): (&Path, &[u8])| -> std::io::Result<tempfile::NamedTempFile> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        #[cfg(unix)]
        file.as_file()
            .set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    let (one, other) = (staged(first)?, staged(second)?);
    one.persist(first.0)?;
    other.persist(second.0)?;
    Ok(())
}

#[cfg(test)]
mod tests;
