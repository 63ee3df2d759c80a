//! Requests to one device: one at a time, bounded, logged in when needed.
//!
//! A HELO documents no limit on requests at once, and its relatives hiccup under several, so
//! everything but the long poll takes turns in the order of asking. The cookie is kept here and
//! not in a cookie store, because all devices share one HTTP client.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use encoder_core::model::{ConnectionPool, Secret};
use hyper_util::client::legacy::connect::HttpInfo;
use reqwest::header::{CONNECTION, COOKIE, HeaderValue, SET_COOKIE};
use reqwest::{Request, Response, StatusCode, Url};
use tokio::time::Instant;

use crate::config::AjaConfig;
use crate::error::ReplyError;
use crate::pool::{Pool, Silence};
use crate::reply::{ConnectReply, EventElement, ParameterReply, event_elements, is_login_success};

type Query<'a> = &'a [(&'a str, &'a str)];

/// Whether a request may be sent again when its connection broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It has the same effect twice, so once more.
    Once,
    Never,
}

/// The way to one device.
pub(crate) struct HeloClient {
    /// Shared with other devices until the first [`reconnect`](Self::reconnect).
    http: Mutex<reqwest::Client>,
    base: Url,
    password: Option<Secret>,
    session: Mutex<Session>,
    /// Held for the length of one request; fair, so that a status waits for one request at most.
    turn: tokio::sync::Mutex<()>,
    read_timeout: Duration,
    write_timeout: Duration,
    event_hold: Duration,
    max_reply: usize,
    pool: Pool,
}

#[derive(Clone, Default)]
struct Session {
    cookie: Option<HeaderValue>,
    /// Counts logins, to tell a lost session from one that another request renewed already.
    logins: u64,
}

/// Proof of holding the turn.
type Turn<'a> = tokio::sync::MutexGuard<'a, ()>;

impl HeloClient {
    pub(crate) fn new(
        http: reqwest::Client,
        base: Url,
        config: &AjaConfig,
        password: Option<Secret>,
    ) -> Self {
        Self {
            http: Mutex::new(http),
            base,
            password: password.or_else(|| config.password.clone()),
            session: Mutex::default(),
            turn: tokio::sync::Mutex::new(()),
            read_timeout: config.read_timeout,
            write_timeout: config.write_timeout,
            event_hold: config.event_hold,
            max_reply: config.max_reply,
            pool: Pool::new(config.pool.clone()),
        }
    }

    /// The connections to the device, as far as answers show them.
    pub(crate) fn connections(&self) -> ConnectionPool {
        self.pool.report()
    }

    /// Reads a parameter by its name on the wire.
    pub(crate) async fn get(&self, param: &str) -> Result<ParameterReply, ReplyError> {
        let query = [("action", "get"), ("paramid", param)];
        let begun = Instant::now();
        let turn = self.turn(self.read_timeout).await?;
        let left = self.read_timeout.saturating_sub(begun.elapsed());
        let body = self.config(&turn, &query, left, Repeat::Once).await?;
        ParameterReply::parse(&body)
    }

    /// Reads a parameter that the device may not have, within `patience`: `None` when it answers
    /// anything but a value. Only a broken connection is an error.
    pub(crate) async fn get_optional(
        &self,
        param: &str,
        patience: Duration,
    ) -> Result<Option<ParameterReply>, ReplyError> {
        let query = [("action", "get"), ("paramid", param)];
        let begun = Instant::now();
        let patience = patience.min(self.read_timeout);
        let _turn = self.turn(patience).await?;
        let patience = patience.saturating_sub(begun.elapsed());
        let reply = self.once(&query, patience, &self.session()).await;
        match reply.and_then(|reply| ParameterReply::parse(&reply.accepted()?)) {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if error.is_of_connection() => Err(error),
            Err(error) => {
                tracing::trace!(param, %error, "no value for this parameter");
                Ok(None)
            }
        }
    }

    /// Writes a parameter. Status 200 says that the device took it, not that it holds it.
    pub(crate) async fn set(
        &self,
        param: &str,
        value: &str,
        repeat: Repeat,
    ) -> Result<(), ReplyError> {
        let query = [("action", "set"), ("paramid", param), ("value", value)];
        let turn = self.turn(self.write_timeout).await?;
        self.config(&turn, &query, self.write_timeout, repeat)
            .await?;
        Ok(())
    }

    /// Opens an event connection, beside the other requests.
    pub(crate) async fn connect(&self) -> Result<ConnectReply, ReplyError> {
        let query = [("action", "connect")];
        let reply = self
            .beside(&query, self.write_timeout, Silence::Fault)
            .await?;
        ConnectReply::parse(&reply.accepted()?)
    }

    /// Waits for changes, beside the other requests. Silence for the whole hold time is an empty
    /// answer.
    pub(crate) async fn wait(&self, connection: &str) -> Result<Vec<EventElement>, ReplyError> {
        let query = [
            ("action", "wait_for_config_events"),
            ("connectionid", connection),
        ];
        match self
            .beside(&query, self.event_hold, Silence::Expected)
            .await
        {
            Ok(reply) => event_elements(&reply.accepted()?),
            Err(ReplyError::Silent(error)) if !error.is_connect() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// One request of the event feed, out of turn, so that a device that hangs on its events
    /// still answers the rest. Only a login takes the turn.
    async fn beside(
        &self,
        query: Query<'_>,
        patience: Duration,
        silence: Silence,
    ) -> Result<Reply, ReplyError> {
        let session = self.session();
        let reply = self.ask(query, patience, &session, silence).await?;
        if !reply.asks_for_login() || self.password.is_none() {
            return Ok(reply);
        }
        let turn = self.turn(self.write_timeout).await?;
        self.renew(&turn, session.logins).await?;
        drop(turn);
        self.ask(query, patience, &self.session(), silence).await
    }

    /// Waits for the turn. Who holds it is bounded too, so waiting long means that the device
    /// leaves requests unanswered.
    async fn turn(&self, patience: Duration) -> Result<Turn<'_>, ReplyError> {
        let turn = tokio::time::timeout(patience, self.turn.lock()).await;
        turn.map_err(|_| ReplyError::Busy)
    }

    /// One request in turn, with one login when the session is gone, and with one repetition
    /// when the connection broke and `repeat` allows it.
    async fn config(
        &self,
        turn: &Turn<'_>,
        query: Query<'_>,
        patience: Duration,
        repeat: Repeat,
    ) -> Result<Vec<u8>, ReplyError> {
        let session = self.session();
        let mut reply = self.once(query, patience, &session).await;
        if repeat == Repeat::Once && matches!(reply, Err(ReplyError::Cut(_))) {
            reply = self.once(query, patience, &session).await;
        }
        let reply = reply?;
        if !reply.asks_for_login() || self.password.is_none() {
            return reply.accepted();
        }
        self.renew(turn, session.logins).await?;
        let reply = self.once(query, patience, &self.session()).await?;
        match reply.asks_for_login() {
            true => Err(ReplyError::NotFoundAfterLogin),
            false => reply.accepted(),
        }
    }

    async fn once(
        &self,
        query: Query<'_>,
        patience: Duration,
        session: &Session,
    ) -> Result<Reply, ReplyError> {
        self.ask(query, patience, session, Silence::Fault).await
    }

    async fn ask(
        &self,
        query: Query<'_>,
        patience: Duration,
        session: &Session,
        silence: Silence,
    ) -> Result<Reply, ReplyError> {
        let mut url = self.base.clone();
        url.set_path("/config");
        url.query_pairs_mut().extend_pairs(query);
        let mut request = Request::new(reqwest::Method::GET, url);
        *request.timeout_mut() = Some(patience);
        if let Some(cookie) = &session.cookie {
            request.headers_mut().insert(COOKIE, cookie.clone());
        }
        let begun = Instant::now();
        let reply = self.send(request, silence).await;
        self.log(query, begun.elapsed(), &reply);
        reply
    }

    /// Says what was asked, never with which value: that may be a stream key.
    fn log(&self, query: Query<'_>, took: Duration, reply: &Result<Reply, ReplyError>) {
        let part = |wanted| query.iter().find(|(name, _)| *name == wanted);
        let (action, param) = (part("action"), part("paramid"));
        let status = reply.as_ref().map(|reply| reply.status.as_u16()).ok();
        tracing::debug!(
            device = self.base.host_str(),
            action = action.map(|(_, value)| *value),
            param = param.map(|(_, value)| *value),
            status,
            ms = took.as_millis(),
            "device request"
        );
    }

    async fn send(&self, mut request: Request, silence: Silence) -> Result<Reply, ReplyError> {
        let mut lease = self.pool.begin(silence);
        if lease.closes() {
            let close = HeaderValue::from_static("close");
            request.headers_mut().insert(CONNECTION, close);
        }
        let exchange = async {
            let response = self.http().execute(request).await;
            let response = response.map_err(ReplyError::from_transport)?;
            let address = response.extensions().get().map(HttpInfo::local_addr);
            lease.answered(address, closes_connection(&response));
            let status = response.status();
            let cookie = session_cookie(&response);
            let body = self.body(response).await?;
            Ok(Reply {
                status,
                cookie,
                body,
            })
        };
        let reply = exchange.await;
        match &reply {
            Ok(_) => lease.finish(),
            Err(error) => lease.fail(error),
        }
        // Lets the connection return to the pool, or the next request would open another one.
        tokio::task::yield_now().await;
        reply
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ReplyError> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(ReplyError::from_transport)? {
            if body.len() + piece.len() > self.max_reply {
                return Err(ReplyError::TooLong(self.max_reply));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// Logs in, unless somebody else did since `seen`. The stale cookie is not sent along.
    async fn renew(&self, _turn: &Turn<'_>, seen: u64) -> Result<(), ReplyError> {
        if self.session().logins != seen {
            return Ok(());
        }
        let password = self.password.as_ref().ok_or(ReplyError::NotFound)?;
        let mut url = self.base.clone();
        url.set_path("/authenticator/login");
        let form = [("password_provided", password.expose())];
        let request = self.http().post(url).form(&form);
        let request = request.timeout(self.write_timeout);
        let request = request.build().map_err(ReplyError::from_transport)?;
        let reply = self.send(request, Silence::Fault).await?;
        let cookie = reply.cookie.clone();
        if !is_login_success(&reply.accepted()?) {
            return Err(ReplyError::WrongPassword);
        }
        let cookie = cookie.ok_or(ReplyError::Missing("session cookie"))?;
        let mut session = self.lock();
        session.cookie = Some(cookie);
        session.logins += 1;
        Ok(())
    }

    /// Logs in now, whatever session there is; does nothing without a password.
    pub(crate) async fn log_in(&self) -> Result<(), ReplyError> {
        if self.password.is_none() {
            return Ok(());
        }
        let turn = self.turn(self.write_timeout).await?;
        let logins = self.session().logins;
        self.renew(&turn, logins).await
    }

    /// Leaves every connection and the session behind. Requests under way end on the old ones.
    pub(crate) fn reconnect(&self, http: reqwest::Client) {
        *self.http.lock().unwrap_or_else(PoisonError::into_inner) = http;
        self.pool.abandon();
        let mut session = self.lock();
        session.cookie = None;
        session.logins += 1;
    }

    fn http(&self) -> reqwest::Client {
        let http = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        http.clone()
    }

    fn session(&self) -> Session {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Reply {
    status: StatusCode,
    cookie: Option<HeaderValue>,
    body: Vec<u8>,
}

impl Reply {
    fn asks_for_login(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    fn accepted(self) -> Result<Vec<u8>, ReplyError> {
        match self.status {
            StatusCode::OK => Ok(self.body),
            StatusCode::NOT_FOUND => Err(ReplyError::NotFound),
            status => Err(ReplyError::Status(status.as_u16())),
        }
    }
}

/// Whether the device ends the connection behind this reply.
fn closes_connection(response: &Response) -> bool {
    let said = response.headers().get_all(CONNECTION).iter();
    let mut options = said.filter_map(|value| value.to_str().ok());
    options.any(|options| {
        let mut options = options.split(',');
        options.any(|option| option.trim().eq_ignore_ascii_case("close"))
    })
}

/// The `session` cookie of a reply, ready to be sent back.
fn session_cookie(response: &Response) -> Option<HeaderValue> {
    let cookies = response.headers().get_all(SET_COOKIE).iter();
    let mut pairs = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
    let pair = pairs.find(|pair| pair.trim_start().starts_with("session="))?;
    let mut cookie = HeaderValue::from_str(pair.trim()).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}
