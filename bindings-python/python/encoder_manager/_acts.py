"""Acts of a manager and of a stream: what waits for devices, for the store, or for a stream."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Union

from . import documents
from ._commands import Command, act, given
from ._json import Moment, moment
from .reports import ManagerPerformance, PublishVerdict


class Identified:
    """A stream that is known by its id."""

    id: str
    """Its id."""


StreamOrId = Union[str, Identified]
"""A stream, or its id."""


def stream_id(stream: StreamOrId) -> str:
    """The id of a stream."""
    return stream.id if isinstance(stream, Identified) else stream


class EncoderActs:
    """Acts about encoders."""

    @act
    def add_encoder(self, encoder: documents.EncoderRequest) -> Command[documents.Encoder]:
        """Registers an encoder and starts to watch it.

        Raises ``AlreadyExistsError``, and ``ValidationFailedError`` with everything that is wrong.
        """
        return Command("add_encoder", {"encoder": encoder})

    @act
    def update_encoder(
        self,
        encoder_id: str,
        encoder: documents.EncoderRequest,
        expect_revision: Optional[int] = None,
    ) -> Command[documents.Encoder]:
        """Changes a registration. What is left out gets its default, except the password, which
        stays.

        With ``expect_revision``, the ``revision`` of a document that was read, it raises
        ``RevisionMismatchError`` if the registration has changed since.
        """
        arguments = given(encoder_id=encoder_id, encoder=encoder, expect_revision=expect_revision)
        return Command("update_encoder", arguments)

    @act
    def remove_encoder(self, encoder_id: str, drain: bool = False) -> Command[None]:
        """Takes an encoder out of the fleet; with ``drain`` its streams are moved away first.

        Raises ``ConflictError`` when it serves a stream and ``drain`` is false.
        """
        return Command("remove_encoder", {"encoder_id": encoder_id, "drain": drain})

    @act
    def control(
        self, /, encoder_id: str, action: str, **arguments: Any
    ) -> Command[documents.ControlOutcome]:
        """Tells an encoder to do something, and looks whether it did.

        ``action`` is such as ``"reboot"`` or ``"recall_preset"``; the others, with what each takes,
        are in :class:`documents.ActionRequest`. Raises ``UnsupportedError`` when the device cannot,
        and ``ConflictError`` when it would break a managed stream.
        """
        whole = {**arguments, "action": action}
        return Command("control", {"encoder_id": encoder_id, "action": whole})

    @act
    def monitor_encoder(self, encoder_id: str) -> Command[documents.EncoderHealthAnswer]:
        """Asks an encoder how it is, now. One that does not answer is told as what it is then."""
        return Command("monitor_encoder", {"encoder_id": encoder_id})

    @act
    def cool_down(self, encoder_id: str) -> Command[documents.Thermal]:
        """Begins to cool an encoder down, as if it were too hot."""
        return Command("cool_down", {"encoder_id": encoder_id})


class StreamsActs:
    """Acts about streams; starting one is each manager's own, since it gives a handle."""

    @act
    def wait_live(self, stream: StreamOrId, timeout: float = 30.0) -> Command[documents.Stream]:
        """Waits until the device itself reports that it streams.

        Raises ``DeadlineExceededError`` after so many seconds; the stream was stopped then.
        """
        arguments = given(stream_id=stream_id(stream), deadline_seconds=timeout)
        return Command("wait_live", arguments)

    @act
    def update_stream(
        self,
        stream: StreamOrId,
        changes: documents.StreamConfigPatch,
        expect_revision: Optional[int] = None,
    ) -> Command[documents.StreamConfigAnswer]:
        """Changes the settings of a stream on air; its timeline tells of the interruption.

        With ``expect_revision``, the ``revision`` of a document that was read, it raises
        ``RevisionMismatchError`` if the stream has changed since. The manager's own changes, such
        as a failover, count: read again then.
        """
        name = stream_id(stream)
        arguments = given(stream_id=name, changes=changes, expect_revision=expect_revision)
        return Command("update_stream", arguments)

    @act
    def stop_stream(self, stream: StreamOrId) -> Command[documents.Stream]:
        """Stops a stream and releases its encoders. Asking twice is harmless."""
        return Command("stop_stream", {"stream_id": stream_id(stream)})

    @act
    def failover(
        self, stream: StreamOrId, reason: Optional[str] = None, to: Optional[str] = None
    ) -> Command[documents.FailoverAccepted]:
        """Moves a stream, to that encoder or to the best. Returns when it is decided; events and
        timeline tell the rest.

        Raises ``ConflictError`` when there is nothing to move or the encoder is not ready, and
        ``NoEncoderAvailableError``.
        """
        return Command("failover", _move(stream, reason, to))

    @act
    def drill(
        self, stream: StreamOrId, reason: Optional[str] = None, to: Optional[str] = None
    ) -> Command[documents.FailoverAccepted]:
        """Moves a stream and, once the original encoder is ready again, back."""
        return Command("drill", _move(stream, reason, to))

    @act
    def timeline(self, stream: StreamOrId) -> Command[List[documents.TimelineEntry]]:
        """Every transition of a stream, oldest first."""
        return Command("timeline", {"stream_id": stream_id(stream)})

    @act
    def authorize_publisher(
        self,
        stream_key: str,
        url: Optional[str] = None,
        address: Optional[str] = None,
        agent: Optional[str] = None,
    ) -> Command[PublishVerdict]:
        """Whether somebody may publish, for an ingest that asks before it accepts a publisher.

        ``url`` is where it wants to, ``address`` where it comes from, ``agent`` its
        name for itself.
        """
        arguments = given(stream_key=stream_key, url=url, address=address, agent=agent)
        return Command("authorize_publisher", arguments)


class MonitoringActs:
    """Acts about what was recorded, and about alerts."""

    @act
    def history(
        self,
        encoder_id: Optional[str] = None,
        *,
        since: Optional[Moment] = None,
        until: Optional[Moment] = None,
        step_seconds: Optional[float] = None,
        metrics: Optional[Sequence[str]] = None,
    ) -> Command[documents.History]:
        """What was recorded of an encoder or, without one, of the manager itself; the last hour
        unless said otherwise."""
        span = given(**{"from": moment("since", since), "to": moment("until", until)})
        arguments = given(encoder_id=encoder_id, step_seconds=step_seconds, metrics=metrics)
        return Command("history", {**arguments, **span})

    @act
    def error_analysis(self) -> Command[documents.ErrorAnalysis]:
        """The errors of late: patterns, correlations and likely causes."""
        return Command("error_analysis", {})

    @act
    def performance(self, encoder_id: Optional[str] = None) -> Command[ManagerPerformance]:
        """How fast the manager and its encoders are, and where their figures are heading."""
        return Command("performance", given(encoder_id=encoder_id))

    @act
    def acknowledge_alert(self, alert_id: str) -> Command[documents.Alert]:
        """Takes note of an alert."""
        return Command("acknowledge_alert", {"alert_id": alert_id})

    @act
    def silence_alerts(self, silence: documents.SilenceRequest) -> Command[documents.Silence]:
        """Tells nobody of the alerts that match, for a while."""
        return Command("silence_alerts", {"silence": silence})

    @act
    def end_silence(self, silence_id: str) -> Command[documents.Silence]:
        """Ends a silence early."""
        return Command("end_silence", {"silence_id": silence_id})

    @act
    def retry_notice(self, notice_id: str) -> Command[documents.Notification]:
        """Tries once more to deliver a notice that was given up."""
        return Command("retry_notice", {"notice_id": notice_id})

    @act
    def test_alert_sink(self, sink: str) -> Command[documents.SinkTest]:
        """Sends a notice for trial to that sink, and tells what became of it."""
        return Command("test_alert_sink", {"sink": sink})


class ManagerActs(EncoderActs, StreamsActs, MonitoringActs):
    """Every act of a manager."""


class StreamActs(Identified):
    """Acts of one stream."""

    @act
    def wait_live(self, timeout: float = 30.0) -> Command[documents.Stream]:
        """Waits until the device itself reports that it streams.

        Raises ``DeadlineExceededError`` after so many seconds; the stream was stopped then.
        """
        return Command("wait_live", given(stream_id=self.id, deadline_seconds=timeout))

    @act
    def update(self, /, **changes: Any) -> Command[documents.StreamConfigAnswer]:
        """Changes settings on air: ``resolution``, ``bitrate``, ``fps``,
        ``keyframe_interval_seconds``, ``audio_bitrate``."""
        return Command("update_stream", {"stream_id": self.id, "changes": changes})

    @act
    def stop(self) -> Command[documents.Stream]:
        """Stops the stream and releases its encoders. Asking twice is harmless."""
        return Command("stop_stream", {"stream_id": self.id})

    @act
    def failover(
        self, reason: Optional[str] = None, to: Optional[str] = None
    ) -> Command[documents.FailoverAccepted]:
        """Moves the stream, to that encoder or to the best. Returns when it is decided."""
        return Command("failover", _move(self, reason, to))

    @act
    def drill(
        self, reason: Optional[str] = None, to: Optional[str] = None
    ) -> Command[documents.FailoverAccepted]:
        """Moves the stream and, once the original encoder is ready again, back."""
        return Command("drill", _move(self, reason, to))

    @act
    def timeline(self) -> Command[List[documents.TimelineEntry]]:
        """Every transition, oldest first."""
        return Command("timeline", {"stream_id": self.id})


def _move(stream: StreamOrId, reason: Optional[str], to: Optional[str]) -> dict[str, object]:
    request = given(reason=reason, to=to)
    return {"stream_id": stream_id(stream), "request": request}
