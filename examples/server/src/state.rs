//! What every handler can reach.

use std::sync::Arc;
use std::time::Duration;

use encoder_core::Manager;
use encoder_core::model::Timestamp;
use encoder_core::tasks::Supervisor;

use crate::audit::AuditLog;
use crate::auth::ApiKeys;
use crate::config::ServerConfig;
use crate::figures;
use crate::idempotency::Answers;
use crate::ingest::Thumbnails;
use crate::limits::Limits;
use crate::sockets::feed::Inboxes;
use crate::system::{ProcessProbe, SystemProbe};
use crate::traffic::Traffic;

/// The server's parts, shared by all requests.
#[derive(Clone, Debug)]
pub struct AppState(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    manager: Manager,
    config: ServerConfig,
    keys: ApiKeys,
    audit: AuditLog,
    limits: Limits,
    answers: Answers,
    thumbnails: Thumbnails,
    system: SystemProbe,
    process: Arc<ProcessProbe>,
    traffic: Traffic,
    inboxes: Inboxes,
    tasks: Supervisor,
    started: Timestamp,
}

impl AppState {
    /// A server around a manager. Keys and answers are kept in the manager's store.
    pub fn new(manager: Manager, config: ServerConfig) -> Self {
        let store = Arc::clone(manager.store());
        let clock = manager.clock().clone();
        let (process, inboxes) = (Arc::new(ProcessProbe::new()), Inboxes::default());
        figures::read(manager.metrics(), &process, &inboxes);
        let tasks = Supervisor::new();
        let audit = config.audit.clone();
        Self(Arc::new(Parts {
            audit: AuditLog::new(Arc::clone(&store), clock.clone(), audit, tasks.clone()),
            keys: ApiKeys::new(Arc::clone(&store), clock.clone(), config.auth.clone()),
            limits: Limits::new(&config.limits, manager.metrics()),
            answers: Answers::new(store, clock.clone()),
            thumbnails: Thumbnails::new(config.ingest.clone(), clock),
            system: SystemProbe::new(&config.data),
            traffic: Traffic::new(manager.metrics(), manager.clock().instant()),
            process,
            inboxes,
            tasks,
            started: manager.clock().now(),
            manager,
            config,
        }))
    }

    /// The manager.
    pub fn manager(&self) -> &Manager {
        &self.0.manager
    }

    /// The settings.
    pub fn config(&self) -> &ServerConfig {
        &self.0.config
    }

    /// The API keys.
    pub fn keys(&self) -> &ApiKeys {
        &self.0.keys
    }

    /// Who did what.
    pub fn audit(&self) -> &AuditLog {
        &self.0.audit
    }

    /// The rate limits.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Answers kept under idempotency keys.
    pub fn answers(&self) -> &Answers {
        &self.0.answers
    }

    /// Pictures of streams.
    pub fn thumbnails(&self) -> &Thumbnails {
        &self.0.thumbnails
    }

    /// Figures of the machine the server runs on.
    pub fn system(&self) -> &SystemProbe {
        &self.0.system
    }

    /// Figures of the server's process.
    pub fn process(&self) -> &ProcessProbe {
        &self.0.process
    }

    /// Figures of the server's requests.
    pub fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }

    /// What waits for clients of the live feed.
    pub(crate) fn inboxes(&self) -> &Inboxes {
        &self.0.inboxes
    }

    /// Time since the server started.
    pub fn uptime(&self) -> Duration {
        self.manager().clock().now().since(self.0.started)
    }

    /// The server's own tasks. Cancelled when the server drains: open connections end then.
    pub fn tasks(&self) -> &Supervisor {
        &self.0.tasks
    }

    /// Whether the server takes work.
    pub fn is_ready(&self) -> bool {
        self.manager().is_ready() && !self.tasks().token().is_cancelled()
    }
}
