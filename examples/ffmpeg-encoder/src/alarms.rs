//! What went wrong, as alarms with a text that says what to do.

use encoder_core::model::{Alarm, AlarmCategory, Severity, alarm_code};

use crate::failure::{Cause, Ending};

/// The parties to a stream, as they may be named to everybody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parties<'a> {
    pub(crate) input: &'a str,
    pub(crate) ingest: &'a str,
}

/// Why a run ended that should have gone on.
pub(crate) fn ended(ending: &Ending, parties: Parties<'_>) -> Alarm {
    let Parties { input, ingest } = parties;
    let said = ending.message.as_str();
    let text = match ending.cause {
        _ if ending.success => return no_input(format!("{input} came to its end")),
        Cause::Input => {
            return no_input(format!("{input} cannot be read; check the address: {said}"));
        }
        Cause::Refused => format!("nobody listens at {ingest}; check the ingest and its port"),
        Cause::NameNotFound => {
            format!("the name in {ingest} is unknown; check the address and the name server")
        }
        Cause::Unreachable => format!("no way to {ingest}; check the network"),
        Cause::Rejected => {
            format!("{ingest} refused the stream: its key is unknown or taken ({said})")
        }
        Cause::Cut => format!("{ingest} closed the connection ({said})"),
        Cause::Unsupported => format!("this ffmpeg cannot do it; install another build: {said}"),
        _ => ending.to_string(),
    };
    failed(text)
}

/// An attempt that led to nothing in time.
pub(crate) fn overdue(seconds: f64, parties: Parties<'_>) -> Alarm {
    let Parties { input, ingest } = parties;
    failed(format!(
        "not on air within {seconds} s; check that {input} gives pictures and {ingest} answers"
    ))
}

/// A run that goes on and puts nothing out.
pub(crate) fn stalled(seconds: f64, input_waits: bool, parties: Parties<'_>) -> Alarm {
    let Parties { input, ingest } = parties;
    let text = if input_waits {
        format!("nothing left for {seconds} s: {input} gives or {ingest} takes nothing")
    } else {
        format!("nothing left for {seconds} s: {ingest} or the way to it takes nothing")
    };
    alarm(
        alarm_code::NETWORK_TOO_SLOW,
        AlarmCategory::Network,
        Severity::Critical,
        text,
    )
}

/// A run that falls behind.
pub(crate) fn slow(speed: f64) -> Alarm {
    let text = format!(
        "puts out {speed:.2} of real time: the network or this machine is too slow for the settings"
    );
    alarm(
        alarm_code::NETWORK_TOO_SLOW,
        AlarmCategory::Network,
        Severity::Warning,
        text,
    )
}

/// Publishing failed for a reason that no run told of.
pub(crate) fn failed(text: String) -> Alarm {
    alarm(
        alarm_code::STREAMING_FAILED,
        AlarmCategory::Stream,
        Severity::Critical,
        text,
    )
}

fn no_input(text: String) -> Alarm {
    alarm(
        alarm_code::NO_VIDEO_INPUT,
        AlarmCategory::Input,
        Severity::Critical,
        text,
    )
}

fn alarm(code: &str, category: AlarmCategory, severity: Severity, text: String) -> Alarm {
    let one_line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    Alarm {
        code: code.to_owned(),
        category,
        severity,
        message: one_line.take(300).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_a_code_and_a_text_in_one_line() {
        let parties = Parties {
            input: "/srv/a.mp4",
            ingest: "rtmp://ingest.example/live",
        };
        let told = |success, cause, message: &str| {
            let message = message.to_owned();
            let alarm = ended(
                &Ending {
                    success,
                    cause,
                    message,
                },
                parties,
            );
            (alarm.code, alarm.message)
        };
        let (code, text) = told(false, Cause::Input, "a.mp4: No such file\nor directory");
        assert_eq!(code, alarm_code::NO_VIDEO_INPUT);
        assert!(text.starts_with("/srv/a.mp4 cannot be read") && !text.contains('\n'));
        assert_eq!(told(true, Cause::Other, "").0, alarm_code::NO_VIDEO_INPUT);
        let (code, text) = told(false, Cause::Refused, "Connection refused");
        assert_eq!(code, alarm_code::STREAMING_FAILED);
        assert!(text.contains("rtmp://ingest.example/live"), "{text}");
        let killed = told(false, Cause::Killed, "killed by signal 9").1;
        assert_eq!(killed, "ffmpeg ended: killed by signal 9");
    }
}
