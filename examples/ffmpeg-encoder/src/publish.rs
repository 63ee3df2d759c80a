//! Where a run publishes to, and how ffmpeg learns the key without everybody learning it.

use std::io;

use encoder_core::model::PublishTarget;
use encoder_core::{Error, ErrorKind, Result};
use tokio::process::Command;

use crate::secret_file::SecretFile;

/// ffmpeg reads preset files in lines of this many bytes.
const MAX_LINE: usize = 900;

/// The destination of a run.
///
/// The key goes to ffmpeg in a preset file (`-fpre`) without a name on any disk, so that neither
/// the list of processes nor a log shows it, and no character of it means anything to a shell or
/// a URL. RTMP gets it as play path, SRT as stream id.
#[derive(Debug)]
pub struct Publish {
    format: &'static str,
    url: String,
    preset: SecretFile,
    /// What publishers call themselves to the ingest.
    agent: Option<String>,
}

impl Publish {
    /// Prepares a destination: `rtmp://`, `rtmps://` or `srt://`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for another scheme; [`ErrorKind::ValidationFailed`] for a key
    /// with a line break or beyond 900 bytes; [`ErrorKind::Unexpected`] when the system gives no
    /// memory for the file.
    pub fn try_new(target: &PublishTarget) -> Result<Self> {
        let key = target.stream_key.expose();
        if key.len() > MAX_LINE || key.contains(['\n', '\r', '\0']) {
            let message = "the stream key has a line break or more than 900 bytes";
            return Err(Error::new(ErrorKind::ValidationFailed, message));
        }
        let scheme = target.url.split("://").next().unwrap_or_default();
        let (format, preset) = match scheme {
            "rtmp" | "rtmps" => ("flv", rtmp_preset(&target.url, key)),
            "srt" => ("mpegts", format!("streamid={key}\n")),
            _ => {
                let message = format!("{scheme}:// is not rtmp://, rtmps:// or srt://");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        };
        let preset = SecretFile::new(&preset).map_err(no_memory)?;
        Ok(Self {
            format,
            url: target.url.clone(),
            preset,
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
        command.arg("-fpre").arg(self.preset.path()).arg(&self.url);
    }
}

/// ffmpeg takes the last part of a path for the play path, so the application is named as well.
fn rtmp_preset(url: &str, key: &str) -> String {
    let path = url
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split_once('/'));
    let application = path.map_or("", |(_, path)| path.trim_end_matches('/'));
    let mut preset = String::new();
    if !application.is_empty() {
        preset = format!("rtmp_app={application}\n");
    }
    if !key.is_empty() {
        preset += &format!("rtmp_playpath={key}\n");
    }
    preset
}

fn no_memory(error: io::Error) -> Error {
    let message = "no memory for ffmpeg's settings";
    Error::new(ErrorKind::Unexpected, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use encoder_core::model::Secret;

    use super::*;

    fn target(url: &str, key: &str) -> PublishTarget {
        PublishTarget {
            url: url.to_owned(),
            stream_key: Secret::new(key.to_owned()),
        }
    }

    #[test]
    fn key_is_in_no_argument_and_debug_output() {
        let publish = Publish::try_new(&target("rtmp://host/live", "ge$heim&x=1")).unwrap();
        let mut command = Command::new("ffmpeg");
        publish.add_to(&mut command);
        assert!(!format!("{command:?} {publish:?}").contains("ge$heim"));
    }

    #[test]
    fn application_may_have_several_parts() {
        let preset = rtmp_preset("rtmp://host:1935/a/b/", "k=1");
        assert_eq!(preset, "rtmp_app=a/b\nrtmp_playpath=k=1\n");
        assert_eq!(rtmp_preset("rtmp://host", "k"), "rtmp_playpath=k\n");
    }

    #[test]
    fn impossible_targets_are_refused() {
        let kind = |url: &str, key: &str| Publish::try_new(&target(url, key)).unwrap_err().kind();
        assert_eq!(kind("http://host/live", "k"), ErrorKind::Unsupported);
        assert_eq!(
            kind("rtmp://host/live", "a\nb"),
            ErrorKind::ValidationFailed
        );
        assert_eq!(
            kind("srt://host:1", &"k".repeat(901)),
            ErrorKind::ValidationFailed
        );
    }
}
