//! Asking a server whether it is well, for health checks where there is no other HTTP client.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::redirect::Policy;
use url::{Host, Url};

use crate::certificates::{self, Capture};

/// What is asked, and how long it may take.
#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// Address to ask. With https it must be this machine's own, since no name is checked.
    #[arg(default_value = "http://127.0.0.1:8080/readyz")]
    url: Url,
    /// How long the answer may take.
    #[arg(long, default_value_t = 3)]
    timeout_seconds: u64,
}

impl ProbeArgs {
    /// Asks once.
    ///
    /// # Errors
    /// One line when there is no answer in time, or none of success.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self {
            url,
            timeout_seconds,
        } = self;
        if url.scheme() == "https" && !is_loopback(&url) {
            bail!("{url}: with https only a loopback address may be asked");
        }
        let answer = client()?
            .get(url.clone())
            .timeout(Duration::from_secs(timeout_seconds))
            .send()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(|| format!("{url} does not answer"))?;
        if !answer.status().is_success() {
            bail!("{url} answers {}", answer.status());
        }
        Ok(())
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn client() -> anyhow::Result<reqwest::Client> {
    // The certificate of a server names its public host, never the loopback.
    let tls = rustls::ClientConfig::builder_with_provider(certificates::provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Capture::default()))
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(Policy::none())
        .build()?)
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn asked(url: &str) -> anyhow::Result<()> {
        let url = url.parse().expect("a URL");
        let probe = ProbeArgs {
            url,
            timeout_seconds: 1,
        };
        probe.run().await
    }

    async fn answering(status: u16) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(path("/readyz"))
            .respond_with(ResponseTemplate::new(status).insert_header("location", "/elsewhere"))
            .mount(&server)
            .await;
        server
    }

    #[tokio::test]
    async fn success_is_success() {
        let server = answering(200).await;
        asked(&format!("{}/readyz", server.uri())).await.unwrap();
    }

    #[tokio::test]
    async fn anything_else_is_a_failure_in_one_line() {
        for status in [302, 404, 503] {
            let server = answering(status).await;
            let error = asked(&format!("{}/readyz", server.uri()))
                .await
                .unwrap_err();
            let expected = format!("answers {status}");
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_a_failure() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/readyz", listener.local_addr().unwrap());
        drop(listener);
        let error = asked(&url).await.unwrap_err();
        assert!(error.to_string().ends_with("does not answer"), "{error}");
    }

    #[tokio::test]
    async fn strangers_are_not_asked_without_looking_at_their_certificate() {
        let error = asked("https://192.0.2.1/readyz").await.unwrap_err();
        assert!(error.to_string().contains("loopback"), "{error}");
    }
}
