//! Objects of JavaScript as the library calls them.
//!
//! An object stays in JavaScript, under a number that is its own for the life of its environment.
//! What crosses is text, through the environment's [`Port`]: `invoke` with the number of the call,
//! `abort` when nobody waits for it any more, and `release` when the object is not needed again. The
//! other way, JavaScript answers a call by its number. So nothing here holds on to the engine, and
//! an environment that ends takes only the answers with it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use encoder_core::foreign::{ForeignObject, LentDriver, read_error};
use encoder_core::{Error, ErrorKind, Result};
use napi_derive::napi;
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::errors::guard;
use crate::port::{NativePort, Port};

/// What the objects of one environment are being asked.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    last: AtomicU32,
    open: Mutex<HashMap<u32, Open>>,
}

/// A call that JavaScript has not answered yet.
#[derive(Debug)]
struct Open {
    answer: oneshot::Sender<Result<String>>,
    lent: Option<LentDriver>,
}

impl Questions {
    fn open(&self) -> MutexGuard<'_, HashMap<u32, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The driver that is lent to a call under way.
    pub(crate) fn lent(&self, call: u32) -> Option<LentDriver> {
        self.open().get(&call).and_then(|open| open.lent.clone())
    }
}

impl Port {
    /// Calls a method of an object and waits for the answer. `arguments` is a JSON array. Dropped
    /// midway, the other side is told so.
    ///
    /// # Errors
    /// What the method throws; [`ErrorKind::ShuttingDown`] once the environment has ended.
    pub(crate) async fn ask(
        &self,
        object: u32,
        method: &str,
        arguments: &str,
        driver: Option<LentDriver>,
    ) -> Result<String> {
        let lent = driver.as_ref().map_or_else(String::new, describe);
        let (question, answer) = Question::begin(self, driver);
        let text =
            format!(r#"{{"object":{object},"method":"{method}","arguments":{arguments}{lent}}}"#);
        self.send("invoke", question.call, text);
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or_else(|_| Err(ended())),
            () = self.closed().cancelled() => Err(ended()),
        }
    }
}

/// A driver that is lent, for the text of the call.
fn describe(driver: &LentDriver) -> String {
    let capability = driver.capability();
    format!(
        r#","driver":{{"id":"{}","capability":{capability}}}"#,
        driver.id()
    )
}

fn ended() -> Error {
    let message = "the JavaScript environment of this object has ended";
    Error::new(ErrorKind::ShuttingDown, message)
}

/// A call under way; ends with the future that waits for it.
struct Question<'a> {
    port: &'a Port,
    call: u32,
}

impl<'a> Question<'a> {
    fn begin(
        port: &'a Port,
        lent: Option<LentDriver>,
    ) -> (Self, oneshot::Receiver<Result<String>>) {
        let (answer, answered) = oneshot::channel();
        let questions = port.questions();
        let call = questions.last.fetch_add(1, Ordering::Relaxed);
        questions.open().insert(call, Open { answer, lent });
        (Self { port, call }, answered)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let unanswered = self.port.questions().open().remove(&self.call);
        if unanswered.is_some() {
            self.port.send("abort", self.call, String::new());
        }
    }
}

#[napi]
impl NativePort {
    /// Whether somebody still waits for the answer to a call, so that a thread that was busy does
    /// not begin what is too late.
    #[napi]
    #[must_use]
    pub fn waits(&self, call: u32) -> bool {
        self.port().questions().open().contains_key(&call)
    }

    /// Answers a call: with a JSON document, or with the document of the error that was thrown.
    /// Tells whether somebody still waited for it.
    ///
    /// # Errors
    /// None but a defect.
    #[napi]
    pub fn answer(&self, call: u32, threw: bool, text: String) -> napi::Result<bool> {
        guard(|| {
            let open = self.port().questions().open().remove(&call);
            let answer = if threw {
                Err(read_error(&text))
            } else {
                Ok(text)
            };
            Ok(open.is_some_and(|open| open.answer.send(answer).is_ok()))
        })
    }
}

/// What JavaScript says of an object that it gives away.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectDocument {
    object: u32,
    name: String,
    methods: Vec<String>,
}

/// An object of JavaScript. Dropped, JavaScript may forget it.
#[derive(Debug)]
pub(crate) struct JsObject {
    port: Port,
    document: ObjectDocument,
}

impl JsObject {
    pub(crate) const fn new(port: Port, document: ObjectDocument) -> Self {
        Self { port, document }
    }
}

#[async_trait]
impl ForeignObject for JsObject {
    fn name(&self) -> &str {
        &self.document.name
    }

    fn has(&self, method: &str) -> bool {
        self.document.methods.iter().any(|known| known == method)
    }

    async fn call(
        &self,
        method: &'static str,
        arguments: String,
        driver: Option<LentDriver>,
    ) -> Result<String> {
        let object = self.document.object;
        self.port.ask(object, method, &arguments, driver).await
    }
}

impl Drop for JsObject {
    fn drop(&mut self) {
        self.port
            .send("release", self.document.object, String::new());
    }
}
