"""What a manager tells of, as it happens: the frames of the live feed, as types.

Every frame has a name under ``event`` and what it says under ``data``, so that a comparison of the
name tells a type checker what the data are::

    if frame["event"] == "stream_failover":
        print(frame["data"]["from"], "→", frame["data"]["to"])
"""

# Without postponed annotations: TypedDict reads them to know which keys are required.
from typing import List, Literal, Optional, Union

from typing_extensions import NotRequired, TypeAlias, TypedDict

from .documents import (
    Alert,
    ConnectionHealth,
    DeviceStatus,
    Issue,
    PhaseTiming,
    StreamHealth,
    SubScores,
    ThermalStatus,
)

__all__ = [
    "AlertEvent",
    "AlertFrame",
    "Frame",
    "HealthUpdate",
    "HealthUpdateFrame",
    "Lagged",
    "LaggedFrame",
    "Severity",
    "StreamError",
    "StreamErrorFrame",
    "StreamFailover",
    "StreamFailoverFrame",
    "StreamHealthEvent",
    "StreamHealthFrame",
]

Severity: TypeAlias = Literal["info", "warning", "critical"]
FailoverPhase: TypeAlias = Literal[
    "detect", "decide", "fence", "start", "confirm", "completed", "failed"
]
EncoderCondition: TypeAlias = Literal[
    "online", "degraded", "cooling", "offline", "maintenance", "unknown"
]


class StreamHealthEvent(StreamHealth):
    """How a stream is doing: sent when something changed, and at intervals."""

    timestamp: str
    """When it happened, RFC 3339."""


class HealthUpdate(TypedDict):
    """How an encoder is doing: sent when something changed, and at intervals."""

    sequence: int
    """Place among the events of the encoder; grows by one."""
    timestamp: str
    """When it happened, RFC 3339."""
    encoder_id: str
    status: EncoderCondition
    device_status: DeviceStatus
    connection_health: ConnectionHealth
    thermal_status: ThermalStatus
    health_score: Optional[float]
    """0 to 100, higher is better."""
    health_parts: SubScores
    issues: List[Issue]


class StreamError(TypedDict):
    """Something went wrong with a stream."""

    sequence: int
    """Place among the events of the stream; grows by one."""
    timestamp: str
    """When it happened, RFC 3339."""
    stream_id: str
    encoder_id: Optional[str]
    code: str
    """Issue code or error kind."""
    severity: Severity
    message: str


StreamFailover = TypedDict(
    "StreamFailover",
    {
        "sequence": int,
        "timestamp": str,
        "stream_id": str,
        "incident_id": str,
        # The request that asked for it; left out where the manager decided.
        "request_id": NotRequired[str],
        # The phase that begins, or the end.
        "phase": FailoverPhase,
        "from": str,
        "to": str,
        # Issue code.
        "reason": str,
        # Time since the first evidence of the fault.
        "elapsed_ms": int,
        # Phases that are over.
        "phases": List[PhaseTiming],
        # The address for players, when it changed.
        "rtmp_url": NotRequired[str],
        # Why it failed, when it did.
        "message": NotRequired[str],
    },
)
StreamFailover.__doc__ = "A failover entered its next phase."


class AlertEvent(Alert):
    """An alert was opened, acknowledged or resolved."""

    sequence: int
    """Place among the events about alerts; grows by one."""
    timestamp: str
    """When it happened, RFC 3339."""


class Lagged(TypedDict):
    """Events were lost on the way."""

    lost: Optional[int]
    """How many, as far as it is known; ``None`` where nothing is known of it."""
    resync: bool
    """Whether more than health updates may be among them, so that everything must be read again."""


class StreamHealthFrame(TypedDict):
    event: Literal["stream_health"]
    id: int
    data: StreamHealthEvent


class HealthUpdateFrame(TypedDict):
    event: Literal["health_update"]
    id: int
    data: HealthUpdate


class StreamErrorFrame(TypedDict):
    event: Literal["stream_error"]
    id: int
    data: StreamError


class StreamFailoverFrame(TypedDict):
    event: Literal["stream_failover"]
    id: int
    data: StreamFailover


class AlertFrame(TypedDict):
    event: Literal["alert"]
    id: int
    data: AlertEvent


class LaggedFrame(TypedDict):
    event: Literal["lagged"]
    id: None
    data: Lagged


Frame: TypeAlias = Union[
    StreamHealthFrame,
    HealthUpdateFrame,
    StreamErrorFrame,
    StreamFailoverFrame,
    AlertFrame,
    LaggedFrame,
]
"""One frame of the live feed. ``id`` is its place in the whole feed, to resume from."""
