//! Mail by SMTP.

use async_trait::async_trait;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::config::{EmailConfig, SmtpTls};
use super::{http, text};
use crate::alerts::notice::Notice;
use crate::alerts::sink::AlertSink;
use crate::error::{Error, ErrorKind, Result, Retry};

/// Receivers of mail.
pub struct Email {
    name: String,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    link: Option<String>,
}

impl std::fmt::Debug for Email {
    /// Without the transport, which holds the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Email")
            .field("name", &self.name)
            .field("to", &self.to.len())
            .finish_non_exhaustive()
    }
}

impl Email {
    /// A sink of this name.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] for an address that is none, or a file of certificates that
    /// cannot be read.
    pub fn try_new(name: &str, config: &EmailConfig, link: Option<&str>) -> Result<Self> {
        let key = format!("alerts.sinks.email.{name}");
        let to = config.to.iter().enumerate();
        let to = to.map(|(index, to)| mailbox(to, &format!("{key}.to.{index}")));
        let tls = match config.tls {
            SmtpTls::Starttls => Tls::Required(tls(config, &key)?),
            SmtpTls::Implicit => Tls::Wrapper(tls(config, &key)?),
            SmtpTls::None => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port())
            .tls(tls);
        if let (Some(user), Some(password)) = (&config.username, &config.password) {
            let account = Credentials::new(user.clone(), password.expose().clone());
            transport = transport.credentials(account);
        }
        Ok(Self {
            from: mailbox(&config.from, &format!("{key}.from"))?,
            to: to.collect::<Result<_>>()?,
            transport: transport.build(),
            link: link.map(str::to_owned),
            name: name.to_owned(),
        })
    }

    fn message(&self, notice: &Notice) -> Result<Message> {
        let domain = self.from.email.domain();
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(text::subject(notice))
            .message_id(Some(format!("<{}@{domain}>", notice.notice_id)))
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        // All mails of a group are one thread.
        if let Some(group) = &notice.group_id {
            message = message.references(format!("<{group}@{domain}>"));
        }
        for to in &self.to {
            message = message.to(to.clone());
        }
        let body = text::body(notice, self.link.as_deref());
        message
            .header(ContentType::TEXT_PLAIN)
            .body(body)
            .map_err(|error| {
                let message = "the notice cannot be written as a mail";
                Error::new(ErrorKind::Unexpected, message).with_source(error)
            })
    }
}

fn mailbox(text: &str, key: &str) -> Result<Mailbox> {
    text.parse().map_err(|_| {
        let message = format!("{key}: must be an address such as `ops@fleet.example`");
        Error::new(ErrorKind::ConfigInvalid, message)
    })
}

fn tls(config: &EmailConfig, key: &str) -> Result<TlsParameters> {
    let mut parameters = TlsParameters::builder(config.host.clone());
    if let Some(path) = &config.ca_file {
        let unusable = || http::unusable(path, key);
        let pem = std::fs::read(path).map_err(|_| unusable())?;
        let certificate = Certificate::from_pem(&pem).map_err(|_| unusable())?;
        parameters = parameters
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificate);
    }
    parameters.build_rustls().map_err(|error| {
        let message = format!("{key}.host: TLS cannot be set up for it");
        Error::new(ErrorKind::ConfigInvalid, message).with_source(error)
    })
}

/// A refusal for good is one; anything else may be otherwise next time.
fn untaken(error: lettre::transport::smtp::Error) -> Error {
    let (kind, message) = if error.is_permanent() || error.is_transient() {
        (
            ErrorKind::DeviceRejected,
            format!("the mail server refused: {error}"),
        )
    } else if error.is_tls() {
        let message = "no TLS with the mail server; does it offer STARTTLS, and is its certificate \
                       trusted?";
        (ErrorKind::DeviceUnreachable, message.to_owned())
    } else if error.is_client() {
        // What the server does not offer, such as a way to log in.
        (
            ErrorKind::DeviceProtocol,
            format!("the mail server does not fit: {error}"),
        )
    } else {
        let message = "the mail server cannot be reached; is it running, and is its address right?";
        (ErrorKind::DeviceUnreachable, message.to_owned())
    };
    let retry = if error.is_permanent() {
        Retry::Never
    } else {
        Retry::Safe
    };
    Error::new(kind, message)
        .with_retry(retry)
        .with_source(error)
}

#[async_trait]
impl AlertSink for Email {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "email"
    }

    async fn deliver(&self, notice: &Notice) -> Result<()> {
        let message = self.message(notice)?;
        self.transport
            .send(message)
            .await
            .map(drop)
            .map_err(untaken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::testing::at;
    use crate::model::AlertGroupId;

    #[test]
    fn mails_of_a_group_are_a_thread_and_repeats_the_same_mail() {
        let config = serde_json::from_str(
            r#"{"host": "127.0.0.1", "tls": "none", "from": "Fleet <fleet@a.example>",
                "to": ["ops@b.example", "Ann <ann@b.example>"]}"#,
        );
        let sink = Email::try_new("mail", &config.unwrap(), None).unwrap();
        let mut notice = Notice::test(at(0));
        let group = AlertGroupId::generate();
        notice.group_id = Some(group.clone());
        let text = String::from_utf8(sink.message(&notice).unwrap().formatted()).unwrap();
        let id = format!("Message-ID: <{}@a.example>", notice.notice_id);
        assert!(text.contains(&id), "{text}");
        assert!(text.contains(&format!("References: <{group}@a.example>")));
        assert!(
            text.contains("To: ops@b.example, Ann <ann@b.example>") || text.contains("\"Ann\"")
        );
        assert!(text.contains("Auto-Submitted: auto-generated"));
    }

    #[test]
    fn every_wrong_key_is_named() {
        let config: EmailConfig = serde_json::from_str(
            r#"{"host": "mail.example", "from": "fleet@a.example", "to": ["no body"]}"#,
        )
        .unwrap();
        let error = Email::try_new("mail", &config, None).unwrap_err();
        assert!(
            error
                .message()
                .starts_with("alerts.sinks.email.mail.to.0: ")
        );
        let config = EmailConfig {
            to: vec!["ops@a.example".to_owned()],
            ca_file: Some("/nowhere.pem".into()),
            ..config
        };
        let error = Email::try_new("mail", &config, None).unwrap_err();
        assert!(
            error
                .message()
                .starts_with("alerts.sinks.email.mail.ca_file: /nowhere.pem")
        );
    }
}
