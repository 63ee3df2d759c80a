//! Software encoders: ffmpeg processes on this machine.
//!
//! [`process`] starts programs that cannot outlive their parent. On it stand a
//! [`Run`](run::Run) of ffmpeg, with its progress and the reason of its end as data, and
//! [`Publish`](publish::Publish), which hands a stream key over without showing it in the list of
//! processes.

pub mod code;
pub mod failure;
pub mod process;
pub mod progress;
pub mod publish;
pub mod run;
pub mod script;
mod secret_file;
pub mod viewer;
