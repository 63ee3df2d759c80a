//! Where a run publishes to, and how ffmpeg learns the key without everybody learning it.

use std::io;

use encoder_core::model::{PublishTarget, Secret};
use encoder_core::{Error, ErrorKind, Result};
use tokio::process::Command;

use crate::secret_file::SecretFile;
use crate::version::Version;

/// ffmpeg reads preset files in lines of this many bytes.
const MAX_LINE: usize = 900;

/// The destination of a run.
///
/// The key goes to ffmpeg in a preset file (`-fpre`) without a name on any disk, so that neither
/// the list of processes nor a log shows it. Where this ffmpeg would lose it on that way, it is an
/// argument, which every user of the machine can see. Either way it is an option of its own, so no
/// character of it means anything to a shell or a URL. RTMP gets it as play path, SRT as stream id.
#[derive(Debug)]
pub struct Publish {
    format: &'static str,
    url: String,
    options: Options,
    /// What publishers call themselves to the ingest.
    agent: Option<String>,
}

/// Options of the connection, the key among them.
#[derive(Debug)]
enum Options {
    InFile(SecretFile),
    InSight(Vec<(&'static str, Secret)>),
}

impl Publish {
    /// Prepares a destination for an ffmpeg: `rtmp://`, `rtmps://` or `srt://`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for another scheme; [`ErrorKind::ValidationFailed`] for a key
    /// with a line break or beyond 900 bytes; [`ErrorKind::Unexpected`] when the system gives no
    /// memory for the file.
    pub fn try_new(target: &PublishTarget, ffmpeg: &Version) -> Result<Self> {
        let key = target.stream_key.expose();
        if key.len() > MAX_LINE || key.contains(['\n', '\r', '\0']) {
            let message = "the stream key has a line break or more than 900 bytes";
            return Err(Error::new(ErrorKind::ValidationFailed, message));
        }
        let scheme = target.url.split("://").next().unwrap_or_default();
        let (format, options) = match scheme {
            "rtmp" | "rtmps" => ("flv", rtmp_options(target)),
            "srt" => ("mpegts", vec![("streamid", target.stream_key.clone())]),
            _ => {
                let message = format!("{scheme}:// is not rtmp://, rtmps:// or srt://");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        };
        let options = if ffmpeg.reads_presets() {
            Options::InFile(SecretFile::new(&preset(&options)).map_err(no_memory)?)
        } else {
            tracing::warn!(%ffmpeg, "this ffmpeg takes stream keys as arguments only");
            Options::InSight(options)
        };
        Ok(Self {
            format,
            url: target.url.clone(),
            options,
            agent: None,
        })
    }

    /// Sets what the publisher calls itself to an RTMP ingest (`flashver`).
    #[must_use]
    pub fn with_agent(mut self, agent: impl Into<String>) -> Self {
        self.agent = Some(agent.into());
        self
    }

    /// Adds the destination to a command, after the inputs and codecs. The command works as long
    /// as this lives.
    pub fn add_to(&self, command: &mut Command) {
        command.args(["-f", self.format]);
        if self.format == "flv" {
            // Without it the muxer goes back to write a length, which a connection cannot.
            command.args(["-flvflags", "no_duration_filesize"]);
            if let Some(agent) = &self.agent {
                command.args(["-rtmp_flashver", agent]);
            }
        }
        match &self.options {
            Options::InFile(preset) => {
                command.arg("-fpre").arg(preset.path());
            }
            Options::InSight(options) => {
                for (name, value) in options {
                    command.arg(format!("-{name}")).arg(value.expose());
                }
            }
        }
        command.arg(&self.url);
    }
}

/// ffmpeg takes the last part of a path for the play path, so the application is named as well.
fn rtmp_options(target: &PublishTarget) -> Vec<(&'static str, Secret)> {
    let path = target
        .url
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split_once('/'));
    let application = path.map_or("", |(_, path)| path.trim_end_matches('/'));
    let options = [
        ("rtmp_app", Secret::from(application)),
        ("rtmp_playpath", target.stream_key.clone()),
    ];
    let named = options
        .into_iter()
        .filter(|(_, value)| !value.expose().is_empty());
    named.collect()
}

fn preset(options: &[(&'static str, Secret)]) -> String {
    let lines = options
        .iter()
        .map(|(name, value)| format!("{name}={}\n", value.expose()));
    lines.collect()
}

fn no_memory(error: io::Error) -> Error {
    let message = "no memory for ffmpeg's settings";
    Error::new(ErrorKind::Unexpected, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, key: &str) -> PublishTarget {
        PublishTarget {
            url: url.to_owned(),
            stream_key: Secret::new(key.to_owned()),
        }
    }

    fn version(number: &str) -> Version {
        Version::parse(&format!("ffmpeg version {number} Copyright")).unwrap()
    }

    fn arguments(publish: &Publish) -> String {
        let mut command = Command::new("ffmpeg");
        publish.add_to(&mut command);
        let arguments = command.as_std().get_args();
        let arguments: Vec<_> = arguments
            .map(|argument| argument.to_string_lossy())
            .collect();
        arguments.join(" ")
    }

    #[test]
    fn key_is_in_no_argument_and_debug_output() {
        let target = target("rtmp://host/live", "ge$heim&x=1");
        let hidden = Publish::try_new(&target, &version("5.1.9")).unwrap();
        assert!(!format!("{} {hidden:?}", arguments(&hidden)).contains("ge$heim"));
        let seen = Publish::try_new(&target, &version("9.0.2")).unwrap();
        assert!(!format!("{seen:?}").contains("ge$heim"));
        let told = "-rtmp_app live -rtmp_playpath ge$heim&x=1 rtmp://host/live";
        assert!(arguments(&seen).ends_with(told), "{}", arguments(&seen));
    }

    #[test]
    fn application_may_have_several_parts() {
        let text = |url: &str, key: &str| preset(&rtmp_options(&target(url, key)));
        let expected = "rtmp_app=a/b\nrtmp_playpath=k=1\n";
        assert_eq!(text("rtmp://host:1935/a/b/", "k=1"), expected);
        assert_eq!(text("rtmp://host", "k"), "rtmp_playpath=k\n");
    }

    #[test]
    fn impossible_targets_are_refused() {
        let ffmpeg = version("5.1.9");
        let kind = |url: &str, key: &str| {
            let target = target(url, key);
            Publish::try_new(&target, &ffmpeg).unwrap_err().kind()
        };
        assert_eq!(kind("http://host/live", "k"), ErrorKind::Unsupported);
        assert_eq!(
            kind("rtmp://host/live", "a\nb"),
            ErrorKind::ValidationFailed
        );
        let long = "k".repeat(901);
        assert_eq!(kind("srt://host:1", &long), ErrorKind::ValidationFailed);
    }
}
