//! Rate limits per key, per address, and for failed logins.
//!
//! Each is a bucket that refills evenly over a minute. Every answer says how the client stands in
//! the buckets it drew from: `RateLimit` and `RateLimit-Policy` as in the IETF draft, and
//! `Retry-After` when it was refused.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use encoder_core::metrics::{Declaration, Metrics};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use prometheus::{IntCounter, IntCounterVec};

use crate::config::LimitsConfig;
use crate::ingest::door;
use crate::problem::Problem;
use crate::state::AppState;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Buckets that are full again are forgotten every so many checks.
const SWEEP_EVERY: u32 = 4096;

const REFUSED: Declaration = Declaration::counter(
    "encoder_server_rate_limited_total",
    &["scope"],
    "Requests, logins and messages that a limit refused, by the limit.",
);

/// Whom an address limit counts: one IPv4 address, or one IPv6 /64 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client(IpAddr);

impl Client {
    /// The address, or that of the network.
    pub const fn address(self) -> IpAddr {
        self.0
    }
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << 64);
                Self(IpAddr::V6(Ipv6Addr::from_bits(network)))
            }
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Looks.
    Read,
    /// Changes something.
    Control,
}

impl Use {
    /// By the request's method.
    pub fn of(method: &Method) -> Self {
        if method.is_safe() {
            Self::Read
        } else {
            Self::Control
        }
    }
}

/// How a client stands after a check.
#[derive(Clone, Debug)]
pub struct Standing(Option<Drawn>);

#[derive(Clone, Debug)]
struct Drawn {
    policy: &'static str,
    quota: u32,
    remaining: u32,
    full_in: Duration,
    wait: Option<Duration>,
}

impl Standing {
    /// The problem when the check was refused.
    pub fn refusal(&self) -> Option<Problem> {
        let wait = self.0.as_ref()?.wait?;
        let status = StatusCode::TOO_MANY_REQUESTS;
        let detail = "too many requests; the RateLimit headers say how many are allowed";
        Some(Problem::new(status, "rate_limited", detail).with_retry_after(whole_seconds(wait)))
    }

    /// Adds the headers that tell the client.
    pub fn mark(&self, mut response: Response) -> Response {
        if let Some(drawn) = &self.0 {
            let headers = response.headers_mut();
            let Drawn {
                policy,
                quota,
                remaining,
                full_in,
                ..
            } = drawn;
            let reset = whole_seconds(*full_in);
            add(headers, &POLICY, &format!("\"{policy}\";q={quota};w=60"));
            add(
                headers,
                &RATE_LIMIT,
                &format!("\"{policy}\";r={remaining};t={reset}"),
            );
        }
        response
    }
}

/// Appends to a list header.
fn add(headers: &mut HeaderMap, name: &HeaderName, item: &str) {
    let before = headers.get(name).and_then(|value| value.to_str().ok());
    let all = before.map_or_else(|| item.to_owned(), |before| format!("{before}, {item}"));
    let value = HeaderValue::try_from(all).expect("made of policy names and numbers");
    headers.insert(name, value);
}

fn whole_seconds(span: Duration) -> u64 {
    span.as_millis()
        .div_ceil(1000)
        .try_into()
        .unwrap_or(u64::MAX)
}

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// One bucket per `K`.
struct Buckets<K: Hash + Eq + Clone> {
    policy: &'static str,
    /// `None` when the limit is switched off.
    limiter: Option<(NonZeroU32, Limiter<K>)>,
    checks: AtomicU32,
    refused: IntCounter,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(policy: &'static str, per_minute: u32, refused: &IntCounterVec) -> Self {
        let limiter = NonZeroU32::new(per_minute).map(|per_minute| {
            let limiter = RateLimiter::dashmap(Quota::per_minute(per_minute));
            (per_minute, limiter.with_middleware())
        });
        Self {
            policy,
            limiter,
            checks: AtomicU32::new(0),
            refused: refused.with_label_values(&[policy.replace('-', "_")]),
        }
    }

    fn check(&self, key: &K) -> Standing {
        let Some((quota, limiter)) = &self.limiter else {
            return Standing(None);
        };
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            limiter.retain_recent();
        }
        let (remaining, wait) = match limiter.check_key(key) {
            Ok(snapshot) => (snapshot.remaining_burst_capacity(), None),
            Err(until) => {
                self.refused.inc();
                (0, Some(until.wait_time_from(DefaultClock::default().now())))
            }
        };
        let quota = quota.get();
        let missing = quota.saturating_sub(remaining);
        Standing(Some(Drawn {
            policy: self.policy,
            quota,
            remaining,
            full_in: Duration::from_secs(60) * missing / quota,
            wait,
        }))
    }
}

impl<K: Hash + Eq + Clone> std::fmt::Debug for Buckets<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let clients = self.limiter.as_ref().map(|(_, limiter)| limiter.len());
        f.debug_struct("Buckets")
            .field("policy", &self.policy)
            .field("clients", &clients)
            .finish_non_exhaustive()
    }
}

/// The limits of the server.
#[derive(Debug)]
pub struct Limits {
    key_read: Buckets<String>,
    key_control: Buckets<String>,
    address_read: Buckets<Client>,
    address_control: Buckets<Client>,
    failed: Buckets<Client>,
    ingest: Buckets<()>,
    shut_out: Mutex<HashMap<Client, Instant>>,
    messages_refused: IntCounter,
    trusted_proxies: Vec<IpAddr>,
}

impl Limits {
    /// Limits as configured.
    pub fn new(config: &LimitsConfig, metrics: &Metrics) -> Self {
        let refused = metrics.counters(REFUSED);
        Self {
            key_read: Buckets::new("key-read", config.key.read_per_minute, &refused),
            key_control: Buckets::new("key-control", config.key.control_per_minute, &refused),
            address_read: Buckets::new("address-read", config.address.read_per_minute, &refused),
            address_control: Buckets::new(
                "address-control",
                config.address.control_per_minute,
                &refused,
            ),
            failed: Buckets::new("failed-auth", config.failed_auth_per_minute, &refused),
            ingest: Buckets::new("ingest", config.ingest_per_minute, &refused),
            messages_refused: refused.with_label_values(&["socket_messages"]),
            shut_out: Mutex::default(),
            trusted_proxies: config.trusted_proxies.clone(),
        }
    }

    /// Draws from the bucket of a key.
    pub fn check_key(&self, key_id: &str, usage: Use) -> Standing {
        match usage {
            Use::Read => self.key_read.check(&key_id.to_owned()),
            Use::Control => self.key_control.check(&key_id.to_owned()),
        }
    }

    /// Draws from the bucket of an address.
    pub fn check_address(&self, client: Client, usage: Use) -> Standing {
        match usage {
            Use::Read => self.address_read.check(&client),
            Use::Control => self.address_control.check(&client),
        }
    }

    /// Draws from the bucket of the ingest's questions.
    pub fn check_ingest(&self) -> Standing {
        self.ingest.check(&())
    }

    /// Counts a failed login; the problem when it was one too many.
    pub fn note_failed_auth(&self, client: Client) -> Option<Problem> {
        let standing = self.failed.check(&client);
        let wait = standing.0.as_ref()?.wait?;
        let mut shut_out = self.doors();
        let now = Instant::now();
        shut_out.retain(|_, until| *until > now);
        shut_out.insert(client, now + wait);
        Some(too_many_failures(wait))
    }

    /// The problem while an address has failed too often.
    pub fn shut_out(&self, client: Client) -> Option<Problem> {
        let until = *self.doors().get(&client)?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then(|| {
            self.failed.refused.inc();
            too_many_failures(left)
        })
    }

    /// Counts a message of the live feed that was one too many.
    pub(crate) fn note_refused_message(&self) {
        self.messages_refused.inc();
    }

    fn doors(&self) -> std::sync::MutexGuard<'_, HashMap<Client, Instant>> {
        self.shut_out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many_failures(wait: Duration) -> Problem {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let detail = "too many failed logins from this address";
    Problem::new(status, "rate_limited", detail).with_retry_after(whole_seconds(wait).max(1))
}

/// Whom to count a request for: the peer, or the last address before the trusted proxies.
pub fn client(state: &AppState, request: &Request) -> Client {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |info| info.0.ip());
    client_of(state.limits(), peer, request.headers())
}

/// As [`client`], for connections whose request was taken apart.
pub fn client_of(limits: &Limits, peer: IpAddr, headers: &HeaderMap) -> Client {
    let trusted = |address: &IpAddr| limits.trusted_proxies.contains(address);
    if !trusted(&peer) {
        return Client::from(peer);
    }
    let forwarded = headers.get_all("x-forwarded-for").iter();
    let hops: Vec<_> = forwarded
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|hop| hop.trim().parse::<IpAddr>().ok())
        .collect();
    let origin = hops.into_iter().rev().find(|hop| !trusted(hop));
    Client::from(origin.unwrap_or(peer))
}

/// Counts every request against its address. A Socket.IO connection counts once, when it is
/// opened: its polls carry events, and its messages have a limit of their own. So have the
/// questions of the ingest, which come in numbers when it was restarted.
pub async fn limit_address(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    if is_socket_traffic(&request) || door::is_ingest(&state, &request) {
        return next.run(request).await;
    }
    let client = client(&state, &request);
    let standing = state
        .limits()
        .check_address(client, Use::of(request.method()));
    match standing.refusal() {
        Some(problem) => standing.mark(problem.into_response()),
        None => standing.mark(next.run(request).await),
    }
}

fn is_socket_traffic(request: &Request) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.uri().path().starts_with("/socket.io")
        && query.split('&').any(|p| p.starts_with("sid="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(read: u32) -> LimitsConfig {
        let mut config = LimitsConfig::default();
        config.key.read_per_minute = read;
        config.failed_auth_per_minute = 2;
        config
    }

    #[test]
    fn buckets_are_separate_per_key_and_use() {
        let limits = Limits::new(&config(2), &Metrics::new());
        assert!(limits.check_key("a", Use::Read).refusal().is_none());
        assert!(limits.check_key("a", Use::Read).refusal().is_none());
        let refusal = limits.check_key("a", Use::Read).refusal().unwrap();
        assert_eq!((refusal.status, refusal.retry_after), (429, Some(30)));
        assert!(limits.check_key("b", Use::Read).refusal().is_none());
        assert!(limits.check_key("a", Use::Control).refusal().is_none());
    }

    #[test]
    fn zero_switches_a_limit_off() {
        let limits = Limits::new(&config(0), &Metrics::new());
        for _ in 0..500 {
            assert!(limits.check_key("a", Use::Read).refusal().is_none());
        }
    }

    #[test]
    fn failed_logins_shut_an_address_out() {
        let limits = Limits::new(&config(0), &Metrics::new());
        let client = Client::from(IpAddr::from([10, 0, 0, 1]));
        assert!(limits.note_failed_auth(client).is_none());
        assert!(limits.note_failed_auth(client).is_none());
        assert!(limits.shut_out(client).is_none());
        assert!(limits.note_failed_auth(client).is_some());
        assert!(limits.shut_out(client).is_some());
        assert!(
            limits
                .shut_out(Client::from(IpAddr::from([10, 0, 0, 2])))
                .is_none()
        );
    }

    #[test]
    fn ipv6_clients_count_by_network() {
        let of = |text: &str| Client::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }

    #[test]
    fn forwarded_addresses_count_only_behind_a_trusted_proxy() {
        let mut config = config(0);
        config.trusted_proxies = vec![IpAddr::from([127, 0, 0, 1])];
        let limits = Limits::new(&config, &Metrics::new());
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-forwarded-for",
            HeaderValue::from_static("6.6.6.6, 10.0.0.9"),
        );
        let seen = |peer: [u8; 4]| client_of(&limits, IpAddr::from(peer), &headers);
        assert_eq!(
            seen([127, 0, 0, 1]),
            Client::from(IpAddr::from([10, 0, 0, 9]))
        );
        assert_eq!(
            seen([10, 0, 0, 1]),
            Client::from(IpAddr::from([10, 0, 0, 1]))
        );
    }
}
