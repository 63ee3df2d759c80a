//! The connections to one device, as far as answers show them.
//!
//! The HTTP client keeps its pool to itself: neither how many connections are open nor when one
//! closes can be asked. What can be seen is over which local address each answer came. So this
//! ledger does what the client's pool does (the connection that rested last goes first, a new one
//! when none rests) and corrects itself with every answer. A connection that the device closed is
//! missed at the next request, not before.
//!
//! Since the client's pool knows no lifetime, the request that is about to use a connection past
//! its life says `Connection: close`, and the client closes it behind the answer.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use encoder_core::model::{ConnectionPool, seconds};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::error::ReplyError;

/// How connections to a device are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PoolConfig {
    /// Most idle connections that are kept for each device. Default 2: one for commands, which take
    /// turns, and one for the long poll.
    pub max_idle: usize,
    /// How long an idle connection is kept. Default 90 s.
    #[serde(rename = "idle_timeout_seconds", with = "seconds")]
    pub idle_timeout: Duration,
    /// How long a connection is used before another takes its place, so that a device that moved to
    /// another address is found. The request under way is always finished. Default 3600 s.
    #[serde(rename = "lifetime_seconds", with = "seconds")]
    pub lifetime: Duration,
    /// Pause between TCP's own signs of life. A peer that vanished is noticed on the long poll
    /// within about three of them. Default 15 s.
    #[serde(rename = "keepalive_seconds", with = "seconds")]
    pub keepalive: Duration,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            max_idle: 2,
            idle_timeout: Duration::from_secs(90),
            lifetime: Duration::from_secs(3600),
            keepalive: Duration::from_secs(15),
        }
    }
}

/// How long a connection may take from the end of an answer back into the client's pool. A request
/// that comes sooner may open another one.
const RETURN: Duration = Duration::from_millis(100);

/// Whether a request that is left unanswered is a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    Fault,
    /// A long poll may be quiet for as long as it likes.
    Expected,
}

/// The ledger of one device's connections.
#[derive(Debug)]
pub(crate) struct Pool {
    config: PoolConfig,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The one that rested last at the end, as the client's pool keeps them.
    idle: Vec<Connection>,
    in_use: Vec<(u64, Connection)>,
    requests: u64,
    opened: u64,
    reused: u64,
    closed: u64,
    retired: u64,
    broken: u64,
    last_error: Option<(String, Instant)>,
}

#[derive(Clone, Copy, Debug)]
struct Connection {
    /// Unknown before the first answer.
    address: Option<SocketAddr>,
    opened: Instant,
    rested: Instant,
    taken: Instant,
    is_new: bool,
}

impl Pool {
    pub(crate) fn new(config: PoolConfig) -> Self {
        Self {
            config,
            state: Mutex::default(),
        }
    }

    /// Notes a request that is about to be sent.
    pub(crate) fn begin(&self, silence: Silence) -> Lease<'_> {
        let now = Instant::now();
        let mut state = self.lock();
        state.expire(&self.config, now);
        state.requests += 1;
        let number = state.requests;
        let mut connection = state.idle.pop().unwrap_or(Connection {
            address: None,
            opened: now,
            rested: now,
            taken: now,
            is_new: true,
        });
        connection.taken = now;
        connection.is_new = connection.address.is_none();
        state.opened += u64::from(connection.is_new);
        let age = now.saturating_duration_since(connection.opened);
        state.in_use.push((number, connection));
        Lease {
            pool: self,
            number,
            silence,
            closes: age >= self.config.lifetime,
            ended: false,
        }
    }

    /// The state now.
    pub(crate) fn report(&self) -> ConnectionPool {
        let now = Instant::now();
        let mut state = self.lock();
        state.expire(&self.config, now);
        let age = |since: Instant| now.saturating_duration_since(since).as_secs_f64();
        let used = state.in_use.iter().map(|(_, connection)| connection);
        let oldest = state.idle.iter().chain(used).map(|c| c.opened).min();
        let last_error = state.last_error.as_ref();
        ConnectionPool {
            open: state.idle.len() + state.in_use.len(),
            in_use: state.in_use.len(),
            idle: state.idle.len(),
            opened: state.opened,
            reused: state.reused,
            closed: state.closed,
            retired: state.retired,
            broken: state.broken,
            oldest_age_seconds: oldest.map(age),
            max_idle: self.config.max_idle,
            idle_timeout_seconds: self.config.idle_timeout.as_secs_f64(),
            lifetime_seconds: self.config.lifetime.as_secs_f64(),
            last_error: last_error.map(|(error, _)| error.clone()),
            last_error_age_seconds: last_error.map(|(_, at)| age(*at)),
        }
    }

    /// Notes that every resting connection is left behind; those in use end with their requests.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.closed += state.idle.len() as u64;
        state.idle.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn expire(&mut self, config: &PoolConfig, now: Instant) {
        let before = self.idle.len();
        self.idle.retain(|connection| {
            now.saturating_duration_since(connection.rested) < config.idle_timeout
        });
        self.closed += (before - self.idle.len()) as u64;
    }

    /// Corrects which connection a request went over, by its answer.
    fn answered(&mut self, number: u64, address: Option<SocketAddr>, max_idle: usize) {
        let Some(place) = self.in_use.iter().position(|(known, _)| *known == number) else {
            return;
        };
        let assumed = self.in_use[place].1;
        let Some(actual) = address.filter(|actual| assumed.address != Some(*actual)) else {
            self.reused += u64::from(!assumed.is_new);
            return;
        };
        let rests = self
            .idle
            .iter()
            .position(|idle| idle.address == Some(actual));
        let connection = if let Some(rests) = rests {
            // It came back while this request was waiting for one, or was taken first.
            let connection = self.idle.remove(rests);
            self.reused += 1;
            if assumed.is_new {
                self.opened -= 1;
            } else {
                self.idle.push(assumed);
            }
            connection
        } else {
            if !assumed.is_new {
                self.opened += 1;
                self.miss(assumed, max_idle);
            }
            Connection {
                address: Some(actual),
                opened: if assumed.is_new {
                    assumed.opened
                } else {
                    Instant::now()
                },
                rested: assumed.rested,
                taken: assumed.taken,
                is_new: true,
            }
        };
        self.in_use[place].1 = connection;
    }

    /// A new connection was opened although this one seemed to rest. Either the device closed it,
    /// and then all that have rested as long, or it was not yet back in the client's pool.
    fn miss(&mut self, connection: Connection, max_idle: usize) {
        let taken = connection.taken;
        let returning = |rested: Instant| taken.saturating_duration_since(rested) < RETURN;
        let before = self.idle.len();
        self.idle.retain(|idle| returning(idle.rested));
        let mut gone = (before - self.idle.len()) as u64;
        if returning(connection.rested) {
            self.rest(connection, max_idle);
        } else {
            gone += 1;
        }
        self.closed += gone;
        self.broken += gone;
    }

    /// Takes a connection back; the client closes one that comes back when enough are resting.
    fn rest(&mut self, connection: Connection, max_idle: usize) {
        if self.idle.len() < max_idle {
            self.idle.push(connection);
        } else {
            self.closed += 1;
        }
    }

    fn take(&mut self, number: u64) -> Option<Connection> {
        let place = self.in_use.iter().position(|(known, _)| *known == number)?;
        Some(self.in_use.swap_remove(place).1)
    }
}

/// One request and the connection it goes over. Dropped midway, the connection is gone with it.
#[derive(Debug)]
pub(crate) struct Lease<'a> {
    pool: &'a Pool,
    number: u64,
    silence: Silence,
    closes: bool,
    ended: bool,
}

impl Lease<'_> {
    /// Whether the connection is to be closed behind the answer.
    pub(crate) const fn closes(&self) -> bool {
        self.closes
    }

    /// Notes the head of the answer: over which address it came, and whether the device closes the
    /// connection behind it.
    pub(crate) fn answered(&mut self, address: Option<SocketAddr>, device_closes: bool) {
        let max_idle = self.pool.config.max_idle;
        self.pool.lock().answered(self.number, address, max_idle);
        self.closes |= device_closes;
    }

    /// Notes the whole answer, after which the connection rests or ends.
    pub(crate) fn finish(mut self) {
        self.ended = true;
        let now = Instant::now();
        let config = &self.pool.config;
        let mut state = self.pool.lock();
        let Some(mut connection) = state.take(self.number) else {
            return;
        };
        if self.closes {
            let old = now.saturating_duration_since(connection.opened) >= config.lifetime;
            state.retired += u64::from(old);
            state.closed += 1;
        } else {
            connection.rested = now;
            state.rest(connection, config.max_idle);
        }
    }

    /// Notes that there was no whole answer.
    pub(crate) fn fail(mut self, error: &ReplyError) {
        self.ended = true;
        let mut state = self.pool.lock();
        let Some(connection) = state.take(self.number) else {
            return;
        };
        let refused = matches!(error, ReplyError::Refused(_) | ReplyError::Handshake(_));
        if refused && connection.is_new {
            state.opened -= 1;
        } else {
            state.closed += 1;
        }
        let expected = self.silence == Silence::Expected && matches!(error, ReplyError::Silent(_));
        if !expected {
            state.broken += u64::from(!refused);
            state.last_error = Some((error.to_string(), Instant::now()));
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut state = self.pool.lock();
        if state.take(self.number).is_some() {
            state.closed += 1;
        }
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
