//! Orders a certificate from an authority that speaks ACME (RFC 8555), by http-01.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::routing::get;
use encoder_core::model::Secret;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, Problem, RetryPolicy,
};

use super::pair::Pair;
use crate::config::AcmeConfig;

/// Letters kept of what an authority or a program says.
const LETTERS: usize = 400;

/// Answers to challenges, by token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Challenges(Arc<Mutex<BTreeMap<String, String>>>);

impl Challenges {
    /// What answers the authority; everything else is unknown there.
    pub(crate) fn router(&self) -> Router {
        async fn answer(
            State(challenges): State<Challenges>,
            UrlPath(token): UrlPath<String>,
        ) -> Result<String, StatusCode> {
            let answer = challenges.answers().get(&token).cloned();
            answer.ok_or(StatusCode::NOT_FOUND)
        }
        Router::new()
            .route("/.well-known/acme-challenge/{token}", get(answer))
            .with_state(self.clone())
    }

    fn answers(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the answers away again, however the order ends.
struct Published<'a>(&'a Challenges, Vec<String>);

impl Drop for Published<'_> {
    fn drop(&mut self) {
        let mut answers = self.0.answers();
        self.1.iter().for_each(|token| {
            answers.remove(token);
        });
    }
}

/// Orders a certificate for these names, within the configured time. The account is kept in the
/// data folder. The error is one line.
pub(super) async fn order(
    config: &AcmeConfig,
    names: &[String],
    data: &Path,
    challenges: &Challenges,
) -> Result<Pair, String> {
    let file = account_file(config, data);
    let ordering = async {
        let account = account(config, &file).await?;
        obtain(&account, config, names, challenges).await
    };
    let seconds = config.timeout.as_secs();
    match tokio::time::timeout(config.timeout, ordering).await {
        Ok(result) => result.map_err(|error| told(&error, &file)),
        Err(_) => Err(format!("the order was not complete within {seconds} s")),
    }
}

/// One line; and an account that the authority has forgotten is forgotten here, too.
fn told(error: &Error, file: &Path) -> String {
    let Error::Api(problem) = error else {
        return one_line(&error.to_string());
    };
    let kind = problem.r#type.as_deref().unwrap_or_default();
    if kind.ends_with(":accountDoesNotExist") {
        // The next attempt makes a new one; a file that is not there is as good.
        let _ = std::fs::remove_file(file);
    }
    one_line(&refusal_of(problem))
}

fn refusal_of(problem: &Problem) -> String {
    let said = problem.to_string();
    let said = said
        .trim_start_matches("API error")
        .trim_start_matches(": ");
    format!("the authority refused: {said}")
}

/// Text from outside as one line of bounded length.
pub(super) fn one_line(text: &str) -> String {
    let spaced = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = spaced.chars().filter(|c| !c.is_control());
    shown.take(LETTERS).collect()
}

/// One account for each authority.
fn account_file(config: &AcmeConfig, data: &Path) -> PathBuf {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let name: String = config
        .directory
        .trim_start_matches("https://")
        .chars()
        .collect();
    let name: String = name
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect();
    data.join(format!("acme-{name}.json"))
}

async fn account(config: &AcmeConfig, file: &Path) -> Result<Account, Error> {
    let builder = || match &config.root {
        Some(root) => Account::builder_with_root(root),
        None => Account::builder(),
    };
    let kept = std::fs::read(file).ok();
    let kept = kept.and_then(|text| serde_json::from_slice::<AccountCredentials>(&text).ok());
    if let Some(credentials) = kept {
        return builder()?.from_credentials(credentials).await;
    }
    let contact: Vec<_> = config.contact.iter().map(String::as_str).collect();
    let new = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let made = builder()?.create(&new, config.directory.clone(), None);
    let (account, credentials) = made.await?;
    if let Err(error) = keep(&credentials, file) {
        tracing::warn!(%error, "the account is not kept; the next order makes a new one");
    }
    Ok(account)
}

/// For its owner only: whoever has it can order certificates.
fn keep(credentials: &AccountCredentials, file: &Path) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut staged = tempfile::NamedTempFile::new_in(folder)?;
    staged.write_all(&serde_json::to_vec(credentials)?)?;
    staged.persist(file)?;
    Ok(())
}

async fn obtain(
    account: &Account,
    config: &AcmeConfig,
    names: &[String],
    challenges: &Challenges,
) -> Result<Pair, Error> {
    let identifier = |name: &String| match name.parse() {
        Ok(address) => Identifier::Ip(address),
        Err(_) => Identifier::Dns(name.clone()),
    };
    let identifiers: Vec<_> = names.iter().map(identifier).collect();
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    let mut published = Published(challenges, Vec::new());
    answer(&mut order, &mut published).await?;
    let patience = RetryPolicy::new().timeout(config.timeout);
    if order.poll_ready(&patience).await? != OrderStatus::Ready {
        return Err(Error::Other(refusal(&mut order).await.into()));
    }
    let key = order.finalize().await?;
    let certificates = order.poll_certificate(&patience).await?;
    Ok(Pair {
        certificates,
        key: Secret::new(key),
    })
}

/// Publishes what the authority will ask for, and tells it to ask.
async fn answer(order: &mut Order, published: &mut Published<'_>) -> Result<(), Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut challenge = authorization
            .challenge(ChallengeType::Http01)
            .ok_or(Error::Str("the authority offers no http-01 challenge"))?;
        let (token, answer) = (challenge.token.clone(), challenge.key_authorization());
        let answer = answer.as_str().to_owned();
        published.0.answers().insert(token.clone(), answer);
        published.1.push(token);
        challenge.set_ready().await?;
    }
    Ok(())
}

/// What the authority found wrong with the answers.
async fn refusal(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        let mut problems = state.challenges.iter().filter_map(|c| c.error.as_ref());
        if let Some(problem) = problems.next() {
            return refusal_of(problem);
        }
    }
    "the authority refused, and does not say why".to_owned()
}
