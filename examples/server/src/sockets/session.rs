//! What a client of the live feed may say, the same on every transport.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use encoder_core::model::{EncoderId, Event, StreamId, Subject};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::feed::{Inbox, Transport};
use super::{Integrity, LAGGED, Message};
use crate::auth::Principal;
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::{EncoderHealthDto, Fields, StreamHealthDto};

/// Something a client wants to hear about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// A stream.
    Stream(StreamId),
    /// An encoder.
    Encoder(EncoderId),
    /// Everything, alerts included.
    All,
}

impl Interest {
    /// Reads `{stream_id}`, `{encoder_id}` or `{all: true}`.
    ///
    /// # Errors
    /// A 422 problem.
    pub(crate) fn read(body: Value) -> Result<Self, Problem> {
        let mut fields = Fields::of(body)?;
        let stream = fields.optional("stream_id").map(Self::Stream);
        let encoder = fields.optional("encoder_id").map(Self::Encoder);
        let all = fields
            .optional::<bool>("all")
            .filter(|all| *all)
            .map(|_| Self::All);
        let mut wanted: Vec<_> = [stream, encoder, all].into_iter().flatten().collect();
        if wanted.len() != 1 {
            let message = "name exactly one of stream_id, encoder_id, all: true";
            fields.wrong("", "invalid_value", message);
        }
        Ok(fields.finish(wanted.pop())?)
    }

    fn subject(&self) -> Option<Subject> {
        match self {
            Self::Stream(id) => Some(Subject::Stream(id.clone())),
            Self::Encoder(id) => Some(Subject::Encoder(id.clone())),
            Self::All => None,
        }
    }
}

/// Everything a client wants to hear about.
#[derive(Debug, Default)]
pub(crate) struct Interests(RwLock<Wanted>);

#[derive(Debug, Default)]
struct Wanted {
    all: bool,
    subjects: HashSet<Subject>,
}

impl Interests {
    /// Whether the client wants this event.
    pub(crate) fn wants(&self, event: &Event) -> bool {
        let wanted = self.0.read().unwrap_or_else(PoisonError::into_inner);
        wanted.all || wanted.subjects.contains(&event.subject)
    }

    /// From now on also this.
    pub(crate) fn add(&self, interest: Interest) {
        let mut wanted = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match interest.subject() {
            Some(subject) => {
                wanted.subjects.insert(subject);
            }
            None => wanted.all = true,
        }
    }

    /// From now on not this any more. Giving up everything gives up each subject too.
    pub(crate) fn remove(&self, interest: &Interest) {
        let mut wanted = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match interest.subject() {
            Some(subject) => {
                wanted.subjects.remove(&subject);
            }
            None => *wanted = Wanted::default(),
        }
    }
}

/// The answer to a client's message.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Ack {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    sequence: Option<u64>,
    snapshot: Option<Value>,
}

impl Ack {
    fn ok(sequence: u64, snapshot: Option<Value>) -> Self {
        Self {
            status: "ok",
            code: None,
            message: None,
            sequence: Some(sequence),
            snapshot,
        }
    }

    /// What was wrong.
    fn error(code: &str, message: &str) -> Self {
        Self {
            status: "error",
            code: Some(code.to_owned()),
            message: Some(message.to_owned()),
            sequence: None,
            snapshot: None,
        }
    }
}

impl From<Problem> for Ack {
    fn from(problem: Problem) -> Self {
        let first = problem.errors.first().map(|error| error.message.clone());
        Self::error(
            &problem.code,
            &first.unwrap_or_else(|| problem.detail.clone()),
        )
    }
}

/// Messages of the last minute; never more than allowed in any sixty seconds, which a bucket that
/// refills would let pass.
#[derive(Debug)]
struct Budget {
    allowed: usize,
    spent: Mutex<VecDeque<Instant>>,
}

impl Budget {
    const WINDOW: Duration = Duration::from_secs(60);

    /// A budget of so many messages; 0 is without limit.
    fn new(allowed: u32) -> Self {
        Self {
            allowed: usize::try_from(allowed).unwrap_or(usize::MAX),
            spent: Mutex::default(),
        }
    }

    fn spend(&self) -> bool {
        if self.allowed == 0 {
            return true;
        }
        let now = Instant::now();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        while spent
            .front()
            .is_some_and(|at| now.duration_since(*at) >= Self::WINDOW)
        {
            spent.pop_front();
        }
        let left = spent.len() < self.allowed;
        if left {
            spent.push_back(now);
        }
        left
    }
}

/// One client of the live feed.
#[derive(Debug)]
pub(crate) struct Session {
    state: AppState,
    principal: Principal,
    interests: Arc<Interests>,
    budget: Budget,
    integrity: Option<Integrity>,
    transport: Transport,
    /// The latest event when the inbox was opened: what came before was missed and is caught up
    /// with, so its delay is the client's absence.
    opened_at: AtomicU64,
}

impl Session {
    /// A client that wants nothing yet.
    pub(crate) fn new(
        state: AppState,
        principal: Principal,
        integrity: Option<Integrity>,
        transport: Transport,
    ) -> Self {
        Self {
            budget: Budget::new(state.config().sockets.messages_per_minute),
            interests: Arc::default(),
            integrity,
            transport,
            opened_at: AtomicU64::new(0),
            state,
            principal,
        }
    }

    /// Opens the client's inbox, after the event of that id or from now on.
    pub(crate) fn open(&self, after: Option<u64>) -> Inbox {
        let bus = self.state.manager().events();
        self.opened_at.store(bus.last_id(), Ordering::Relaxed);
        Inbox::open(
            bus,
            self.state.inboxes(),
            self.transport,
            self.state.tasks(),
            Arc::clone(&self.interests),
            self.state.config().sockets.queue,
            after,
        )
    }

    /// Counts a message that the client's socket took, with the time since the observation.
    pub(crate) fn delivered(&self, message: &Message) {
        let meter = self.state.manager().events().meter();
        match message.id {
            Some(id) => {
                let is_news = id > self.opened_at.load(Ordering::Relaxed);
                let observed = message.observed.filter(|_| is_news);
                meter.delivered(message.event, observed);
            }
            None if message.event == LAGGED => meter.gap(),
            None => {}
        }
    }

    /// What the client wants to hear about.
    pub(crate) fn interests(&self) -> &Interests {
        &self.interests
    }

    /// Waits until the client must go: its key is no longer accepted, or the server drains.
    /// Returns the code to tell it.
    pub(crate) async fn until_over(&self) -> &'static str {
        tokio::select! {
            refusal = self.state.keys().until_refused(&self.principal) => refusal.code(),
            () = self.state.tasks().token().cancelled() => "shutting_down",
        }
    }

    /// Signs a message to the client, where that was asked for.
    pub(crate) fn seal(&self, mut message: Message) -> Message {
        if let Some(integrity) = &self.integrity {
            integrity.sign(message.event, &mut message.data);
        }
        message
    }

    /// What the client must know to check signatures, where it asked for them.
    pub(crate) fn terms(&self) -> Option<Value> {
        self.integrity.as_ref().map(Integrity::terms)
    }

    /// Answers a message of the client. Where messages are signed, one that was tampered with or
    /// repeated is dropped and reported, and the answer is signed as the event `ack`.
    pub(crate) fn answer(&self, event: &str, body: Value) -> Value {
        self.heard();
        let opened = match &self.integrity {
            Some(integrity) => integrity.open(event, body),
            None => Ok(body),
        };
        let ack = match opened {
            Ok(body) => self.obey(event, body),
            Err(tampered) => {
                let code = tampered.code();
                tracing::warn!(key = %self.principal.key_id, code, "message dropped");
                Ack::error(code, "the message was dropped")
            }
        };
        self.acknowledge(&ack)
    }

    /// Answers what is no message at all.
    pub(crate) fn complain(&self) -> Value {
        self.heard();
        self.acknowledge(&Ack::error(
            "malformed_request",
            "the message cannot be read",
        ))
    }

    fn heard(&self) {
        self.state.manager().events().meter().client_message();
    }

    fn acknowledge(&self, ack: &Ack) -> Value {
        let message = Message {
            event: "ack",
            data: document(ack),
            id: None,
            observed: None,
        };
        self.seal(message).data
    }

    fn obey(&self, event: &str, body: Value) -> Ack {
        if !self.budget.spend() {
            self.state.limits().note_refused_message();
            return Ack::error("rate_limited", "too many messages in a minute");
        }
        let answer = match event {
            "subscribe" => Interest::read(body).and_then(|wanted| self.subscribe(wanted)),
            "unsubscribe" => Interest::read(body).map(|wanted| self.unsubscribe(&wanted)),
            _ => return Ack::error("unknown_event", "send subscribe or unsubscribe"),
        };
        answer.unwrap_or_else(Ack::from)
    }

    /// The interest takes effect first, so that nothing falls between snapshot and feed.
    fn subscribe(&self, interest: Interest) -> Result<Ack, Problem> {
        self.check(&interest)?;
        self.interests.add(interest.clone());
        let sequence = self.sequence(&interest);
        Ok(Ack::ok(sequence, Some(self.snapshot(&interest)?)))
    }

    fn unsubscribe(&self, interest: &Interest) -> Ack {
        self.interests.remove(interest);
        Ack::ok(self.sequence(interest), None)
    }

    /// Whether there is such a thing.
    pub(crate) fn check(&self, interest: &Interest) -> Result<(), Problem> {
        match interest {
            Interest::Stream(id) => self.state.manager().stream(id).map(drop)?,
            Interest::Encoder(id) => self.state.manager().encoder(id).map(drop)?,
            Interest::All => {}
        }
        Ok(())
    }

    fn sequence(&self, interest: &Interest) -> u64 {
        let bus = self.state.manager().events();
        let subject = interest.subject();
        subject.map_or_else(|| bus.last_id(), |subject| bus.sequence(&subject))
    }

    fn snapshot(&self, interest: &Interest) -> Result<Value, Problem> {
        let manager = self.state.manager();
        let stream = |view: encoder_core::model::StreamView| {
            let subject = Subject::Stream(view.record.id.clone());
            document(&StreamHealthDto::new(
                view.health,
                manager.events().sequence(&subject),
            ))
        };
        let encoder = |view| document(&EncoderHealthDto::from(view));
        Ok(match interest {
            Interest::Stream(id) => stream(manager.stream(id)?),
            Interest::Encoder(id) => encoder(manager.encoder(id)?),
            Interest::All => json!({
                "streams": manager.streams().into_iter().map(stream).collect::<Vec<_>>(),
                "encoders": manager.encoders().into_iter().map(encoder).collect::<Vec<_>>(),
            }),
        })
    }
}

fn document<T: Serialize>(document: &T) -> Value {
    serde_json::to_value(document).expect("wire documents are plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_minute_holds_more_messages_than_allowed() {
        let budget = Budget::new(3);
        assert!(budget.spend());
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(budget.spend() && budget.spend() && !budget.spend());
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(budget.spend() && !budget.spend());
    }
}
