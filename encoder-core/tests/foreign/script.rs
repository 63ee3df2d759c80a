//! A foreign object whose methods are closures.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use encoder_core::foreign::{ForeignConfig, ForeignObject, LentDriver};
use encoder_core::{Error, ErrorKind, Result};
use futures::FutureExt;
use futures::future::BoxFuture;

type Method =
    Box<dyn Fn(String, Option<LentDriver>) -> BoxFuture<'static, Result<String>> + Send + Sync>;

/// A call that was made: method and arguments.
pub(crate) type Asked = (&'static str, String);

#[derive(Default)]
pub(crate) struct Script {
    methods: BTreeMap<&'static str, Method>,
    asked: Mutex<Vec<Asked>>,
    cancelled: AtomicUsize,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with<F>(
        mut self,
        method: &'static str,
        answer: impl Fn(String, Option<LentDriver>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<String>> + Send + 'static,
    {
        let method = (method, Box::new(move |a, d| answer(a, d).boxed()) as Method);
        self.methods.insert(method.0, method.1);
        self
    }

    /// Answers the same every time.
    pub(crate) fn answering(self, method: &'static str, answer: impl Into<String>) -> Self {
        let answer = answer.into();
        self.with(method, move |_, _| ready(Ok(answer.clone())))
    }

    pub(crate) fn raising(self, method: &'static str, kind: ErrorKind) -> Self {
        self.with(method, move |_, _| ready(Err(Error::new(kind, "raised"))))
    }

    pub(crate) fn hanging(self, method: &'static str) -> Self {
        self.with(method, |_, _| pending())
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn times(&self, method: &str) -> usize {
        self.asked()
            .iter()
            .filter(|asked| asked.0 == method)
            .count()
    }

    /// Calls that were dropped before they ended.
    pub(crate) fn cancelled(&self) -> usize {
        self.cancelled.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").finish_non_exhaustive()
    }
}

struct UnderWay<'a>(Option<&'a AtomicUsize>);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(cancelled) = self.0 {
            cancelled.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[async_trait]
impl ForeignObject for Script {
    fn name(&self) -> &str {
        "Script"
    }

    fn has(&self, method: &str) -> bool {
        self.methods.contains_key(method)
    }

    async fn call(
        &self,
        method: &'static str,
        arguments: String,
        driver: Option<LentDriver>,
    ) -> Result<String> {
        self.asked.lock().unwrap().push((method, arguments.clone()));
        let mut under_way = UnderWay(Some(&self.cancelled));
        let answer = (self.methods[method])(arguments, driver).await;
        under_way.0 = None;
        answer
    }
}

/// Deadlines that a busy machine keeps.
pub(crate) fn patient() -> ForeignConfig {
    let mut config = ForeignConfig::default();
    config.decide_deadline = Duration::from_secs(5);
    config
}

/// Deadlines that pass soon.
pub(crate) fn impatient() -> ForeignConfig {
    let mut config = ForeignConfig::default();
    config.call_deadline = Duration::from_millis(200);
    config.decide_deadline = Duration::from_millis(50);
    config
}

pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < end, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn object(script: &Arc<Script>) -> Arc<dyn ForeignObject> {
    Arc::clone(script) as Arc<dyn ForeignObject>
}
