//! `Idempotency-Key`: the same request twice has one effect and one answer.
//!
//! Before anything is started, an intent with the stream's id is written. Whoever comes second
//! waits for the first, then reads its answer; whoever comes after a crash finds the intent and
//! looks the stream up under the id it names. So a lost answer never costs a second stream.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use encoder_core::model::{StreamId, Timestamp};
use encoder_core::store::{Expect, Key, Record, Revision, StateStore};
use encoder_core::tasks::Clock;
use encoder_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;

use crate::auth::hex;

const PREFIX: &str = "idempotency/";

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest idempotency key.
pub const MAX_KEY_LENGTH: usize = 255;

/// An answer as it was given. Holds a stream key, so it goes to the store and its owner only.
#[derive(Clone, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: serde_json::Value,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Intent {
    request: String,
    stream_id: StreamId,
    created_at: Timestamp,
    answer: Option<Answer>,
}

/// What to do with a request that carries an idempotency key.
#[derive(Debug)]
pub enum Turn {
    /// It was answered before.
    Replay(Answer),
    /// Another body came under this key.
    Reused,
    /// Run it, with the stream id of this ticket.
    Run(Ticket),
}

/// The right to run a request, alone, until it is dropped.
#[derive(Debug)]
pub struct Ticket {
    /// The id the stream must get.
    pub stream_id: StreamId,
    /// Whether an earlier run was cut off, so that the stream may exist already.
    pub resumed: bool,
    key: Key,
    intent: Intent,
    revision: Revision,
    _alone: OwnedMutexGuard<()>,
}

/// The kept answers.
#[derive(Debug)]
pub struct Answers {
    store: Arc<dyn StateStore>,
    clock: Clock,
    running: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Answers {
    /// Answers kept in `store` under `idempotency/`.
    pub fn new(store: Arc<dyn StateStore>, clock: Clock) -> Self {
        Self {
            store,
            clock,
            running: Mutex::default(),
        }
    }

    /// Says what to do with a request. Waits while the same key is being worked on.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`], or [`ErrorKind::Conflict`] when another server has the
    /// same key in hand.
    pub async fn begin(&self, owner: &str, key: &str, body: &serde_json::Value) -> Result<Turn> {
        let name = digest(&format!("{owner}\n{key}"));
        let lock = self.lock_of(&name);
        let alone = lock.lock_owned().await;
        let key = Key::try_new(format!("{PREFIX}{name}"))?;
        let request = digest(&canonical(body));
        let found = self.store.get(&key).await?;
        let kept = found.as_ref().map(decode).transpose()?;
        let now = self.clock.now();
        let fresh = kept.filter(|intent| now.since(intent.created_at) < KEPT);
        let (intent, revision, resumed) = match (fresh, found) {
            (Some(intent), _) if intent.request != request => return Ok(Turn::Reused),
            (
                Some(Intent {
                    answer: Some(answer),
                    ..
                }),
                _,
            ) => return Ok(Turn::Replay(answer)),
            (Some(intent), Some(record)) => (intent, record.revision, true),
            (_, found) => {
                let expect = found.map_or(Expect::Absent, |old| Expect::Revision(old.revision));
                let intent = Intent {
                    request,
                    stream_id: StreamId::generate(),
                    created_at: now,
                    answer: None,
                };
                let revision = self.write(&key, &intent, expect).await?;
                (intent, revision, false)
            }
        };
        Ok(Turn::Run(Ticket {
            stream_id: intent.stream_id.clone(),
            resumed,
            key,
            intent,
            revision,
            _alone: alone,
        }))
    }

    /// Keeps the answer.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`]: the intent stays, and a repetition finds the stream.
    pub async fn finish(&self, mut ticket: Ticket, answer: Answer) -> Result<()> {
        ticket.intent.answer = Some(answer);
        let expect = Expect::Revision(ticket.revision);
        self.write(&ticket.key, &ticket.intent, expect)
            .await
            .map(drop)
    }

    /// Forgets a request that had no effect, so that a repetition runs again.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`]: the intent stays, and a repetition runs under its id.
    pub async fn abandon(&self, ticket: Ticket) -> Result<()> {
        self.store
            .delete(&ticket.key, Expect::Revision(ticket.revision))
            .await
    }

    /// Removes answers that are past their time. Returns how many.
    ///
    /// # Errors
    /// [`ErrorKind::StoreUnavailable`].
    pub async fn sweep(&self) -> Result<usize> {
        let now = self.clock.now();
        let mut removed = 0;
        for record in self.store.list(&Key::try_new(PREFIX)?).await? {
            let old = decode(&record).is_ok_and(|intent| now.since(intent.created_at) >= KEPT);
            // One that changed meanwhile is in use again.
            let expect = Expect::Revision(record.revision);
            if old && self.store.delete(&record.key, expect).await.is_ok() {
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn lock_of(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Locks that nobody holds or waits for are forgotten.
        running.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(running.entry(name.to_owned()).or_default())
    }

    async fn write(&self, key: &Key, intent: &Intent, expect: Expect) -> Result<Revision> {
        let value = serde_json::to_vec(intent).expect("an intent is plain data");
        let written = self.store.put(key, &value, expect).await;
        written.map_err(|error| match error.kind() {
            ErrorKind::RevisionMismatch => {
                let message = "another server is working on this idempotency key";
                Error::new(ErrorKind::Conflict, message)
            }
            _ => error,
        })
    }
}

fn decode(record: &Record) -> Result<Intent> {
    serde_json::from_slice(&record.value).map_err(|error| {
        Error::new(
            ErrorKind::Unexpected,
            "an idempotency record cannot be read",
        )
        .with_source(error)
    })
}

fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// The same JSON value in the same text, whatever its order and spacing.
fn canonical(body: &serde_json::Value) -> String {
    serde_json_canonicalizer::to_string(body).unwrap_or_else(|_| body.to_string())
}

#[cfg(test)]
mod tests {
    use encoder_core::store::MemoryStore;
    use serde_json::json;

    use super::*;

    fn answers() -> Answers {
        Answers::new(
            Arc::new(MemoryStore::default()),
            Clock::anchored(Timestamp::from_millis(0)),
        )
    }

    fn ticket(turn: Turn) -> Ticket {
        match turn {
            Turn::Run(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    fn answer() -> Answer {
        Answer {
            status: 201,
            body: json!({"stream_id": "str_1"}),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_is_kept_for_a_day() {
        let answers = answers();
        let body = json!({"a": 1, "b": 2});
        let first = ticket(answers.begin("key_1", "k", &body).await.unwrap());
        answers.finish(first, answer()).await.unwrap();
        let reordered = json!({"b": 2, "a": 1});
        let turn = answers.begin("key_1", "k", &reordered).await.unwrap();
        assert!(matches!(turn, Turn::Replay(Answer { status: 201, .. })));
        let other = json!({"a": 2});
        assert!(matches!(
            answers.begin("key_1", "k", &other).await.unwrap(),
            Turn::Reused
        ));
        tokio::time::advance(KEPT).await;
        ticket(answers.begin("key_1", "k", &other).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn clients_do_not_see_each_others_answers() {
        let answers = answers();
        let first = ticket(answers.begin("key_1", "k", &json!(1)).await.unwrap());
        answers.finish(first, answer()).await.unwrap();
        ticket(answers.begin("key_2", "k", &json!(1)).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn an_unfinished_run_is_resumed_under_its_id() {
        let answers = answers();
        let first = ticket(answers.begin("key_1", "k", &json!(1)).await.unwrap());
        let id = first.stream_id.clone();
        assert!(!first.resumed);
        drop(first);
        let second = ticket(answers.begin("key_1", "k", &json!(1)).await.unwrap());
        assert!(second.resumed);
        assert_eq!(second.stream_id, id);
        answers.abandon(second).await.unwrap();
        assert!(!ticket(answers.begin("key_1", "k", &json!(1)).await.unwrap()).resumed);
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_of_two_waits_for_the_first() {
        let answers = Arc::new(answers());
        let first = ticket(answers.begin("key_1", "k", &json!(1)).await.unwrap());
        let body = json!(1);
        let mut second = Box::pin(answers.begin("key_1", "k", &body));
        assert!(futures::poll!(second.as_mut()).is_pending());
        answers.finish(first, answer()).await.unwrap();
        assert!(matches!(second.await.unwrap(), Turn::Replay(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn old_answers_are_swept() {
        let answers = answers();
        let first = ticket(answers.begin("key_1", "k", &json!(1)).await.unwrap());
        answers.finish(first, answer()).await.unwrap();
        assert_eq!(answers.sweep().await.unwrap(), 0);
        tokio::time::advance(KEPT).await;
        assert_eq!(answers.sweep().await.unwrap(), 1);
    }
}
