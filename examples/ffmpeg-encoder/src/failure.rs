//! Why ffmpeg ended, from the last lines it wrote.

use std::fmt;

/// What ended a run, as far as its words tell. Words of ffmpeg 5 to 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// Nobody listens at the destination's port.
    Refused,
    /// The destination's name is unknown.
    NameNotFound,
    /// No way to the destination, or no answer from it.
    Unreachable,
    /// The ingest answered, and does not want this stream: key unknown or taken.
    Rejected,
    /// The connection was up and was ended by the other side.
    Cut,
    /// The input does not exist or cannot be read.
    Input,
    /// This ffmpeg lacks an encoder, a filter, or a protocol.
    Unsupported,
    /// Ended by a signal from outside.
    Killed,
    /// Something else.
    Other,
}

impl Cause {
    /// The stable snake_case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::NameNotFound => "name_not_found",
            Self::Unreachable => "unreachable",
            Self::Rejected => "rejected",
            Self::Cut => "cut",
            Self::Input => "input",
            Self::Unsupported => "unsupported",
            Self::Killed => "killed",
            Self::Other => "other",
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ending {
    /// Whether ffmpeg ended as it does at the end of its input or on request.
    pub success: bool,
    /// What ended it; [`Cause::Other`] for a success.
    pub cause: Cause,
    /// The line that tells most, without line breaks and secrets; empty when there was none.
    pub message: String,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.success, self.message.as_str()) {
            (true, _) => f.write_str("ffmpeg ended"),
            (false, "") => write!(f, "ffmpeg ended: {}", self.cause.as_str()),
            (false, message) => write!(f, "ffmpeg ended: {message}"),
        }
    }
}

/// What a piece of a line means, the telling ones first.
const WORDS: &[(&str, Cause)] = &[
    // A stream that is fetched, before the words about its connection.
    ("impossible to open", Cause::Input),
    ("cannot open video device", Cause::Input),
    ("cannot open audio device", Cause::Input),
    ("connection refused", Cause::Refused),
    ("failed to resolve hostname", Cause::NameNotFound),
    ("network is unreachable", Cause::Unreachable),
    ("no route to host", Cause::Unreachable),
    ("connection timed out", Cause::Unreachable),
    ("operation timed out", Cause::Unreachable),
    ("server error", Cause::Rejected),
    ("netstream.publish", Cause::Rejected),
    ("already publishing", Cause::Rejected),
    ("unknown encoder", Cause::Unsupported),
    ("no such filter", Cause::Unsupported),
    ("unknown decoder", Cause::Unsupported),
    ("protocol not found", Cause::Unsupported),
    ("unknown input format", Cause::Unsupported),
    ("no such file or directory", Cause::Input),
    ("invalid data found when processing input", Cause::Input),
    ("permission denied", Cause::Input),
    ("no such device", Cause::Input),
    ("broken pipe", Cause::Cut),
    ("connection reset", Cause::Cut),
    ("end of file", Cause::Cut),
    ("input/output error", Cause::Cut),
];

/// Finds the cause in the last lines, oldest first. A connection that ends before anything was put
/// out was not wanted: an ingest that refuses a key often just hangs up.
pub fn cause_of<'a>(
    lines: impl Iterator<Item = &'a str> + Clone,
    put_out: bool,
) -> (Cause, &'a str) {
    let find = |(word, cause): &(&str, Cause)| {
        let mut lines = lines.clone();
        let line = lines.find(|line| line.to_ascii_lowercase().contains(word))?;
        Some((*cause, line))
    };
    match WORDS.iter().find_map(find) {
        Some((Cause::Cut, line)) if !put_out => (Cause::Rejected, line),
        Some(found) => found,
        None => (Cause::Other, lines.last().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(text: &str, put_out: bool) -> Cause {
        cause_of(text.lines(), put_out).0
    }

    #[test]
    fn missing_source_is_not_a_missing_ingest() {
        let pulled = "[tcp @ 0x1] Connection to tcp://127.0.0.1:9?tcp_nodelay=0 failed: Connection \
            refused\n[concat @ 0x2] Impossible to open '***'\npipe:0: Connection refused";
        assert_eq!(cause(pulled, false), Cause::Input);
    }

    #[test]
    fn captured_endings_are_told_apart() {
        let refused = "[tcp @ 0x1] Connection to tcp://127.0.0.1:19999?tcp_nodelay=0 failed: \
            Connection refused\n[rtmp @ 0x2] Cannot open connection tcp://127.0.0.1:19999\n\
            rtmp://127.0.0.1:19999/live: Connection refused";
        assert_eq!(cause(refused, false), Cause::Refused);
        let name = "[tcp @ 0x1] Failed to resolve hostname no.invalid: Name or service not known\n\
            rtmp://no.invalid/live: Input/output error";
        assert_eq!(cause(name, false), Cause::NameNotFound);
        let file = "missing.mp4: No such file or directory";
        assert_eq!(cause(file, false), Cause::Input);
        let cut = "av_interleaved_write_frame(): Broken pipe\nError writing trailer: Broken pipe";
        assert_eq!(cause(cut, true), Cause::Cut);
        assert_eq!(cause(cut, false), Cause::Rejected);
        assert_eq!(cause("Conversion failed!", true), Cause::Other);
        assert_eq!(cause("", true), Cause::Other);
    }
}
