//! Child processes that end with this one, however it ends.
//!
//! Dropping a [`Child`] kills it. That does not help when this process is killed itself, so the
//! kernel is asked to kill the child then (Linux only). It does so when the *thread* that started
//! the child ends, hence one thread starts them all and never ends. A wrapper that watches a pipe
//! would do without that, at the price of one more process per child and of another process id
//! than the program's own.

use std::io;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Starts a program that is killed when the returned child is dropped, and when this process
/// ends in whatever way.
///
/// # Errors
/// Those of starting a program; [`io::ErrorKind::NotFound`] when there is none at that path.
///
/// # Cancellation
/// A child whose start nobody waits for any more is killed.
///
/// # Panics
/// Outside a tokio runtime with I/O enabled.
pub async fn spawn(mut command: Command) -> io::Result<Child> {
    command.kill_on_drop(true);
    die_with_parent(&mut command);
    let (reply, started) = oneshot::channel();
    let request = Request {
        command,
        runtime: Handle::current(),
        reply,
    };
    let gone = || io::Error::other("the thread that starts programs is gone");
    spawner()?.send(request).map_err(|_| gone())?;
    started.await.map_err(|_| gone())?
}

/// Halts a child, so that it does nothing and its connections stay open.
///
/// # Errors
/// When it has ended.
pub fn pause(child: &Child) -> io::Result<()> {
    signal(child, Signal::STOP)
}

/// Lets a halted child go on.
///
/// # Errors
/// When it has ended.
pub fn resume(child: &Child) -> io::Result<()> {
    signal(child, Signal::CONT)
}

/// Asks a child to end.
///
/// # Errors
/// When it has ended.
pub fn terminate(child: &Child) -> io::Result<()> {
    signal(child, Signal::TERM)
}

fn signal(child: &Child, signal: Signal) -> io::Result<()> {
    // A child that was waited for has no id any more, so that nobody else can be hit.
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let pid = pid.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it has ended"))?;
    Ok(kill_process(pid, signal)?)
}

struct Request {
    command: Command,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

fn spawner() -> io::Result<&'static Sender<Request>> {
    static SPAWNER: OnceLock<Sender<Request>> = OnceLock::new();
    if let Some(spawner) = SPAWNER.get() {
        return Ok(spawner);
    }
    let (sender, requests) = channel();
    std::thread::Builder::new()
        .name("spawner".to_owned())
        .spawn(move || serve(&requests))?;
    // Of two threads made at once, the one that is not kept ends for lack of requests.
    Ok(SPAWNER.get_or_init(|| sender))
}

fn serve(requests: &Receiver<Request>) {
    while let Ok(mut request) = requests.recv() {
        let _entered = request.runtime.enter();
        // A child that nobody waits for is dropped here, which kills it.
        let _ = request.reply.send(request.command.spawn());
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "nothing safe runs between fork and exec")]
fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    let arm = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before that.
        match rustix::process::getppid() == Some(parent) {
            true => Ok(()),
            false => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
        }
    };
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe {
        command.pre_exec(arm);
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: &mut Command) {}
