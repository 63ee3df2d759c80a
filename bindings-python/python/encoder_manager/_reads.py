"""Reads of a manager: answered from what it knows, never waiting, from any thread or event loop."""

from __future__ import annotations

import os
import warnings
from typing import Any, Dict, Iterable, List, Mapping, Optional, Union

from . import documents
from ._acts import StreamOrId, stream_id
from ._commands import given
from ._encoder_manager import Manager as NativeManager
from ._json import Moment, decode, encode, moment
from .errors import ValidationFailedError, Violation

Path = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]


class ManagerReads:
    """What a manager is made of and what it knows."""

    _native: NativeManager
    _unclosed = False

    def __init__(
        self,
        config: Optional[Mapping[str, Any]] = None,
        *,
        encoders: Iterable[documents.EncoderRequest] = (),
        store: Optional[Path] = None,
        aja: Optional[Mapping[str, Any]] = None,
        drivers: Optional[Mapping[str, object]] = None,
        balancer: Optional[object] = None,
        health_policy: Optional[object] = None,
        remediator: Optional[object] = None,
        foreign: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """Reads the settings; nothing runs before it is opened.

        ``config`` holds what differs from :func:`policies.default_config`; ``encoders`` are
        registered when it opens. ``store`` is the path of a database that outlives the process;
        without it records live in memory. ``aja`` are settings of the driver for AJA HELO.

        ``drivers`` are factories of drivers by name, ``balancer``, ``health_policy`` and
        ``remediator`` replace the built-in ones, and ``foreign`` says how long such objects may
        take.

        Raises :class:`ConfigInvalidError` and :class:`ValidationFailedError`.
        """
        options = given(config=config, store=_path(store), foreign=foreign)
        documented = encode({**options, "encoders": _list(encoders)})
        self._native = NativeManager(documented, encode(given(aja=aja)))
        self._objects = {
            "drivers": drivers or {},
            "balancer": balancer,
            "health_policy": health_policy,
            "remediator": remediator,
        }

    def __del__(self) -> None:
        if self._unclosed:
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self, stacklevel=2)

    def __repr__(self) -> str:
        kind = type(self)
        return f"<{kind.__module__}.{kind.__qualname__} {'open' if self._unclosed else 'not open'}>"

    def _read(self, name: str, arguments: Optional[Dict[str, object]] = None) -> Any:
        return decode(self._native.read(name, encode(arguments or {})))

    @property
    def config(self) -> Dict[str, Any]:
        """Every setting, also those that were left out."""
        config: Dict[str, Any] = self._read("config")
        return config

    def is_ready(self) -> bool:
        """Whether this manager commands the devices: it holds the lease and is not closing."""
        ready: bool = self._read("is_ready")
        return ready

    def encoders(self) -> List[documents.Encoder]:
        """All encoders, by name."""
        encoders: List[documents.Encoder] = self._read("encoders")
        return encoders

    def encoder(self, encoder_id: str) -> documents.Encoder:
        """An encoder's registration, with what it can do."""
        encoder: documents.Encoder = self._read("encoder", {"encoder_id": encoder_id})
        return encoder

    def encoder_status(self, encoder_id: str) -> documents.EncoderStatus:
        """Whether an encoder is there, and what it does."""
        status: documents.EncoderStatus = self._read("encoder_status", {"encoder_id": encoder_id})
        return status

    def encoder_metrics(self, encoder_id: str) -> documents.EncoderMetrics:
        """The present figures of an encoder; ``None`` for what it does not report."""
        arguments: Dict[str, object] = {"encoder_id": encoder_id}
        metrics: documents.EncoderMetrics = self._read("encoder_metrics", arguments)
        return metrics

    def encoder_health(self, encoder_id: str) -> documents.EncoderHealthAnswer:
        """How healthy an encoder is, as far as it is known; :meth:`monitor_encoder` asks it."""
        arguments: Dict[str, object] = {"encoder_id": encoder_id}
        health: documents.EncoderHealthAnswer = self._read("encoder_health", arguments)
        return health

    def fleet_counts(self) -> documents.FleetCounts:
        """How many encoders are in which state."""
        counts: documents.FleetCounts = self._read("fleet_counts")
        return counts

    def assignments(self, encoder_id: str) -> documents.EncoderAssignments:
        """The streams that an encoder serves or stands by for."""
        arguments: Dict[str, object] = {"encoder_id": encoder_id}
        assignments: documents.EncoderAssignments = self._read("assignments", arguments)
        return assignments

    def stream_documents(self) -> List[documents.Stream]:
        """All streams, oldest first, ended ones included."""
        streams: List[documents.Stream] = self._read("streams")
        return streams

    def stream_document(self, stream: StreamOrId, *, reveal_key: bool = False) -> documents.Stream:
        """A stream with everything known about it; its key is masked unless it shall be shown."""
        arguments = {"stream_id": stream_id(stream), "reveal_key": reveal_key}
        document: documents.Stream = self._read("stream", arguments)
        return document

    def stream_health(self, stream: StreamOrId) -> documents.StreamHealth:
        """How a stream is doing."""
        arguments: Dict[str, object] = {"stream_id": stream_id(stream)}
        health: documents.StreamHealth = self._read("stream_health", arguments)
        return health

    def load_balancer(self) -> documents.LoadBalancer:
        """How the balancer sees the fleet."""
        load: documents.LoadBalancer = self._read("load_balancer")
        return load

    def thermals(self) -> List[documents.Thermal]:
        """How hot the encoders are."""
        thermals: List[documents.Thermal] = self._read("thermals")
        return thermals

    def thermal(self, encoder_id: str) -> documents.Thermal:
        """How hot an encoder is, and why."""
        thermal: documents.Thermal = self._read("thermal", {"encoder_id": encoder_id})
        return thermal

    def storage(self, encoder_id: Optional[str] = None) -> documents.Storage:
        """How full the recording media are, and when they will be full."""
        storage: documents.Storage = self._read("storage", given(encoder_id=encoder_id))
        return storage

    def errors(
        self,
        *,
        since: Optional[Moment] = None,
        until: Optional[Moment] = None,
        pattern: Optional[str] = None,
        encoder_id: Optional[str] = None,
        site: Optional[str] = None,
        destination: Optional[str] = None,
        severity: Optional[str] = None,
    ) -> List[documents.Occurrence]:
        """The errors of late that match."""
        arguments = given(
            pattern=pattern,
            encoder_id=encoder_id,
            site=site,
            destination=destination,
            severity=severity,
        )
        errors: List[documents.Occurrence] = self._read(
            "errors", {**arguments, **_span(since, until)}
        )
        return errors

    def alerts(self) -> List[documents.Alert]:
        """Alerts, open ones and those of late."""
        alerts: List[documents.Alert] = self._read("alerts")
        return alerts

    def silences(self) -> List[documents.Silence]:
        """Silences: those to come, the present ones and those of late."""
        silences: List[documents.Silence] = self._read("silences")
        return silences

    def notices(
        self,
        *,
        sink: Optional[str] = None,
        state: Optional[str] = None,
        since: Optional[Moment] = None,
        until: Optional[Moment] = None,
    ) -> List[documents.Notification]:
        """Who was told of alerts, and whether it arrived."""
        arguments = {**given(sink=sink, state=state), **_span(since, until)}
        notices: List[documents.Notification] = self._read("notices", arguments)
        return notices

    def alert_sinks(self) -> List[documents.AlertSink]:
        """Who is told of alerts."""
        sinks: List[documents.AlertSink] = self._read("alert_sinks")
        return sinks

    def render_metrics(self) -> str:
        """All figures in Prometheus' text format."""
        text: str = self._read("render_metrics")
        return text


def _span(since: Optional[Moment], until: Optional[Moment]) -> Dict[str, object]:
    return given(**{"from": moment("since", since), "to": moment("until", until)})


def _path(path: Optional[Path]) -> Optional[str]:
    try:
        return None if path is None else os.fsdecode(path)
    except TypeError as error:
        raise _refused("store", str(error)) from None


def _list(encoders: Iterable[documents.EncoderRequest]) -> List[documents.EncoderRequest]:
    try:
        return list(encoders)
    except TypeError as error:
        raise _refused("encoders", str(error)) from None


def _refused(argument: str, message: str) -> ValidationFailedError:
    violation = Violation(argument, "invalid_type", message)
    return ValidationFailedError(f"{argument}: {message}", violations=[violation])
