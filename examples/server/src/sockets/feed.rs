//! From the bus to one connection.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use encoder_core::events::{Delivery, EventBus, Subscription};
use encoder_core::model::Event;
use encoder_core::tasks::Supervisor;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::session::Interests;

/// Events that must not be lost may fill an inbox to this multiple of its size; a connection that
/// is slower still is ended rather than served with holes.
const HARD_FACTOR: usize = 16;

/// What comes out of an inbox.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// An event.
    Event(Arc<Event>),
    /// Events were lost.
    Lagged {
        /// How many, as far as it is known.
        lost: u64,
        /// Whether more than health updates may be among them, so that everything must be read
        /// again.
        resync: bool,
    },
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Arc<Event>>,
    lost: u64,
    resync: bool,
    overflowed: bool,
    ended: bool,
}

impl Queue {
    /// Takes the event, and returns the one that was left out for it, if any.
    fn push(&mut self, event: Arc<Event>, capacity: usize) -> Option<Arc<Event>> {
        if self.items.len() >= capacity {
            let oldest = self
                .items
                .iter()
                .position(|event| event.kind.is_replaceable());
            match oldest {
                Some(oldest) => {
                    let left_out = self.items.remove(oldest);
                    self.lost += 1;
                    self.items.push_back(event);
                    return left_out;
                }
                None if event.kind.is_replaceable() => {
                    self.lost += 1;
                    return Some(event);
                }
                None if self.items.len() >= capacity * HARD_FACTOR => {
                    self.overflowed = true;
                    return Some(event);
                }
                None => {}
            }
        }
        self.items.push_back(event);
        None
    }

    fn pop(&mut self) -> Option<Item> {
        let lost = std::mem::take(&mut self.lost);
        let resync = std::mem::take(&mut self.resync);
        if lost > 0 || resync {
            return Some(Item::Lagged { lost, resync });
        }
        self.items.pop_front().map(Item::Event)
    }
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    ready: Notify,
    capacity: usize,
    transport: Transport,
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let changed = change(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner));
        self.ready.notify_one();
        changed
    }

    fn waiting(&self) -> usize {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.items.len()
    }
}

/// The way of the live feed to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Socket.IO, by long polling or over a WebSocket.
    SocketIo,
    /// A plain WebSocket.
    WebSocket,
    /// Server-sent events.
    Sse,
}

impl Transport {
    /// Every transport.
    pub(crate) const ALL: [Self; 3] = [Self::SocketIo, Self::WebSocket, Self::Sse];

    /// The name in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SocketIo => "socketio",
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
        }
    }
}

/// The inboxes of all connections, to see how full they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inboxes(Arc<Mutex<Vec<Weak<Shared>>>>);

/// What waits for clients now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Open connections.
    pub(crate) clients: usize,
    /// Events that wait for all of them.
    pub(crate) total: usize,
    /// Events that wait for the slowest.
    pub(crate) max: usize,
}

impl Inboxes {
    fn add(&self, shared: &Arc<Shared>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(shared));
    }

    /// Open connections of a transport.
    pub(crate) fn clients(&self, transport: Transport) -> usize {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = all.iter().filter_map(Weak::upgrade);
        open.filter(|one| one.transport == transport).count()
    }

    /// How full they are.
    pub(crate) fn waiting(&self) -> Waiting {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = all.iter().filter_map(Weak::upgrade);
        open.fold(Waiting::default(), |so_far, one| {
            let waiting = one.waiting();
            Waiting {
                clients: so_far.clients + 1,
                total: so_far.total + waiting,
                max: so_far.max.max(waiting),
            }
        })
    }
}

/// A connection's end of the feed. Dropping it ends the task that fills it.
#[derive(Debug)]
pub(crate) struct Inbox {
    shared: Arc<Shared>,
    _filler: DropGuard,
}

impl Inbox {
    /// Opens an inbox for what is in `interests`, from now on, or from after an event id.
    pub(crate) fn open(
        bus: &EventBus,
        inboxes: &Inboxes,
        transport: Transport,
        tasks: &Supervisor,
        interests: Arc<Interests>,
        capacity: usize,
        after: Option<u64>,
    ) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            ready: Notify::new(),
            capacity,
            transport,
        });
        inboxes.add(&shared);
        let from = after.unwrap_or_else(|| bus.last_id());
        let mut filler = Filler {
            bus: bus.clone(),
            shared: Arc::clone(&shared),
            interests,
            last_id: from,
        };
        let subscription = filler.catch_up(0);
        let token = CancellationToken::new();
        let stop = token.clone();
        tasks.spawn_until_shutdown("live feed", async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = filler.run(subscription) => {}
            }
        });
        Self {
            shared,
            _filler: token.drop_guard(),
        }
    }

    /// What comes next; `None` when the feed ended or the client is too slow to be served.
    /// Cancel-safe.
    pub(crate) async fn next(&self) -> Option<Item> {
        loop {
            let ready = self.shared.ready.notified();
            {
                let mut queue = self
                    .shared
                    .queue
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                if queue.overflowed {
                    return None;
                }
                if let Some(item) = queue.pop() {
                    return Some(item);
                }
                if queue.ended {
                    return None;
                }
            }
            ready.await;
        }
    }
}

/// Moves events from the bus into an inbox; never waits for the client.
struct Filler {
    bus: EventBus,
    shared: Arc<Shared>,
    interests: Arc<Interests>,
    last_id: u64,
}

impl Filler {
    async fn run(mut self, mut subscription: Subscription) {
        while let Some(delivery) = subscription.next().await {
            match delivery {
                Delivery::Event(event) => self.take(event),
                Delivery::Lagged(lost) => subscription = self.catch_up(lost),
            }
        }
        self.shared.change(|queue| queue.ended = true);
    }

    /// Takes what was missed from the bus's memory, or admits that it is gone.
    fn catch_up(&mut self, lost: u64) -> Subscription {
        let (missed, subscription) = self.bus.resume(self.last_id);
        match missed {
            Some(events) => events.into_iter().for_each(|event| self.take(event)),
            None => {
                self.last_id = self.bus.last_id();
                self.shared.change(|queue| {
                    queue.lost += lost;
                    queue.resync = true;
                });
            }
        }
        subscription
    }

    fn take(&mut self, event: Arc<Event>) {
        // After catching up, the subscription repeats what was published in between.
        if event.id <= self.last_id {
            return;
        }
        self.last_id = event.id;
        if self.interests.wants(&event) {
            let capacity = self.shared.capacity;
            let left_out = self.shared.change(|queue| queue.push(event, capacity));
            if let Some(event) = left_out {
                self.bus.meter().dropped(event.kind.name());
            }
        }
    }
}

#[cfg(test)]
mod tests;
