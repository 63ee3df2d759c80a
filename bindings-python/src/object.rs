//! An object of Python as the library takes objects of other languages.
//!
//! `encoder_manager._plugins` runs its methods, in an event loop or in threads. Here a call is sent
//! there by the [courier](crate::courier), and awaited without the interpreter.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use encoder_core::foreign::{ForeignObject, LentDriver, read_error};
use encoder_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use tokio::sync::oneshot;

use crate::lent::Lent;
use crate::runtime::Process;

/// The event loop and the threads that the objects of one owner run in.
pub(crate) struct Home {
    process: Arc<Process>,
    /// A `PluginHome`.
    plugins: Option<Py<PyAny>>,
}

impl Home {
    /// A home whose coroutines run in that loop.
    pub(crate) fn new(
        process: &Arc<Process>,
        event_loop: &Bound<'_, PyAny>,
    ) -> PyResult<Arc<Self>> {
        let module = event_loop.py().import("encoder_manager._plugins")?;
        let plugins = module.call_method1("PluginHome", (event_loop,))?;
        Ok(Arc::new(Self {
            process: Arc::clone(process),
            plugins: Some(plugins.unbind()),
        }))
    }

    pub(crate) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// An object with the methods of that role.
    pub(crate) fn object(
        self: &Arc<Self>,
        role: &str,
        object: &Bound<'_, PyAny>,
    ) -> PyResult<PythonObject> {
        let plugin = self
            .bind(object.py())
            .call_method1("plugin", (role, object))?;
        PythonObject::take(self, &plugin)
    }

    /// The factories of a mapping, by name.
    pub(crate) fn factories(
        self: &Arc<Self>,
        drivers: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<(String, PythonObject)>> {
        let factories = self
            .bind(drivers.py())
            .call_method1("factories", (drivers,))?;
        let taken = factories.try_iter()?.map(|factory| {
            let (name, plugin) = factory?.extract::<(String, Bound<'_, PyAny>)>()?;
            Ok((name, PythonObject::take(self, &plugin)?))
        });
        taken.collect()
    }

    fn bind<'a, 'py>(&'a self, py: Python<'py>) -> &'a Bound<'py, PyAny> {
        self.plugins
            .as_ref()
            .expect("taken by the drop only")
            .bind(py)
    }

    /// Calls a method of something that nobody here needs any more. In a forked child its threads
    /// are not there, and it stays as it is.
    fn part_with(&self, object: Option<Py<PyAny>>, method: &'static str) {
        let Some(object) = object else { return };
        if !self.process.is_here() {
            std::mem::forget(object);
            return;
        }
        self.process.answers().send(move |py| {
            if let Err(failure) = object.call_method0(py, method) {
                failure.write_unraisable(py, Some(object.bind(py)));
            }
        });
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home").finish_non_exhaustive()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let plugins = self.plugins.take();
        self.part_with(plugins, "close");
    }
}

/// An object of Python; clones are the same object.
#[derive(Clone)]
pub(crate) struct PythonObject(Arc<Plugin>);

struct Plugin {
    home: Arc<Home>,
    /// A `Plugin`, which holds the object itself.
    plugin: Option<Py<PyAny>>,
    name: String,
    methods: HashSet<String>,
}

impl Drop for Plugin {
    fn drop(&mut self) {
        let plugin = self.plugin.take();
        self.home.part_with(plugin, "release");
    }
}

impl fmt::Debug for PythonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PythonObject").field(&self.0.name).finish()
    }
}

/// What a method gave.
#[derive(Debug)]
pub(crate) struct Given {
    /// A document.
    pub(crate) document: String,
    /// The object that it made.
    pub(crate) made: Option<PythonObject>,
}

impl PythonObject {
    fn take(home: &Arc<Home>, plugin: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(Arc::new(Plugin {
            home: Arc::clone(home),
            name: plugin.getattr("name")?.extract()?,
            methods: plugin.getattr("methods")?.extract()?,
            plugin: Some(plugin.clone().unbind()),
        })))
    }

    pub(crate) fn home(&self) -> &Arc<Home> {
        &self.0.home
    }

    /// Calls a method and waits for what it gives. Dropping the future cancels it.
    pub(crate) async fn ask(
        &self,
        method: &'static str,
        arguments: String,
        driver: Option<LentDriver>,
    ) -> Result<Given> {
        let home = &self.0.home;
        home.process.require_here()?;
        let (told, answered) = oneshot::channel();
        let mut under_way = UnderWay {
            home: Arc::clone(home),
            call: Arc::default(),
            ended: false,
        };
        let (object, begun) = (self.clone(), Arc::clone(&under_way.call));
        home.process.answers().send(move |py| {
            let answer = Answer::new(&object.0.home, told);
            match object.begin(py, method, arguments, driver, answer) {
                // The errand that cancels comes after this one.
                Ok(call) => begun.set(call).expect("one call begins once"),
                Err(failure) => failure.write_unraisable(py, None),
            }
        });
        let given = answered.await;
        under_way.ended = true;
        given.unwrap_or_else(|_| Err(self.silent(method)))
    }

    fn begin(
        &self,
        py: Python<'_>,
        method: &str,
        arguments: String,
        driver: Option<LentDriver>,
        answer: Answer,
    ) -> PyResult<Py<PyAny>> {
        let lent = driver.map(|driver| Lent::new(self.0.home.process(), driver));
        let plugin = self.0.plugin.as_ref().expect("taken by the drop only");
        plugin.call_method1(py, "begin", (method, arguments, lent, answer))
    }

    fn silent(&self, method: &str) -> Error {
        let message = format!("{method}() was given up before it answered");
        Error::new(ErrorKind::Unexpected, message)
            .with_operation(format!("{}.{method}", self.0.name))
    }
}

#[async_trait]
impl ForeignObject for PythonObject {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn has(&self, method: &str) -> bool {
        self.0.methods.contains(method)
    }

    async fn call(
        &self,
        method: &'static str,
        arguments: String,
        driver: Option<LentDriver>,
    ) -> Result<String> {
        let given = self.ask(method, arguments, driver).await?;
        Ok(given.document)
    }
}

/// A call that is awaited. Dropped before its end, the call is cancelled.
struct UnderWay {
    home: Arc<Home>,
    call: Arc<OnceLock<Py<PyAny>>>,
    ended: bool,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.ended || !self.home.process.is_here() {
            return;
        }
        let call = Arc::clone(&self.call);
        self.home.process.answers().send(move |py| {
            let Some(call) = call.get() else { return };
            if let Err(failure) = call.call_method0(py, "cancel") {
                failure.write_unraisable(py, Some(call.bind(py)));
            }
        });
    }
}

/// Takes the answer of one call. Dropped without one, the call failed.
#[pyclass(frozen, module = "encoder_manager._encoder_manager")]
pub(crate) struct Answer {
    home: Arc<Home>,
    told: std::sync::Mutex<Option<oneshot::Sender<Result<Given>>>>,
}

impl Answer {
    fn new(home: &Arc<Home>, told: oneshot::Sender<Result<Given>>) -> Self {
        Self {
            home: Arc::clone(home),
            told: std::sync::Mutex::new(Some(told)),
        }
    }

    fn tell(&self, outcome: Result<Given>) {
        let told = self.told.lock();
        let told = told
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        if let Some(told) = told {
            // Nobody waits any more when that fails.
            let _ = told.send(outcome);
        }
    }
}

#[pymethods]
impl Answer {
    /// Gives a document, and the plugin that was made, if one was.
    #[pyo3(signature = (document, made=None))]
    fn give(&self, document: String, made: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let made = made.map(|plugin| PythonObject::take(&self.home, plugin));
        let made = made.transpose()?;
        self.tell(Ok(Given { document, made }));
        Ok(())
    }

    /// Tells the document of an error. Only the first answer counts.
    fn fail(&self, error: &str) {
        self.tell(Err(read_error(error)));
    }
}
