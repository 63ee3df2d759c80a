"""The documents that policies take and give."""

from __future__ import annotations

from typing import List, Literal, Optional

from typing_extensions import NotRequired, TypeAlias, TypedDict

from ._driver_documents import DeviceStatus, Severity

Verdict: TypeAlias = Literal["unknown", "healthy", "worn", "failing", "silent"]


class Demand(TypedDict):
    """What is looked for."""

    key: str
    """The stream."""
    primary: Optional[str]
    """The encoder that must be the primary."""
    backup: bool
    """Whether a backup is wanted as well, in another failure domain if there is any."""
    exclude: List[str]
    """Encoders that must not be chosen."""
    avoid_site: Optional[str]
    """The failure domain to stay out of if possible."""


class Row(TypedDict):
    """One encoder, as a balancer sees it."""

    encoder_id: str
    site: Optional[str]
    """Failure domain; ``None`` is one of its own."""
    weight: float
    """1 is normal; 0 means only when nothing else is left."""
    capacity: int
    streams: int
    """Those that it holds, as primary or backup."""
    load: float
    """Share of the capacity in use."""
    health: Optional[float]
    """0 to 100, higher is better."""
    heat: Optional[float]
    """0 to 100, higher is hotter."""
    eligible: bool
    reasons: List[str]
    """Why it may not take a stream."""


class Placement(TypedDict):
    """Encoders for a stream, by their ids."""

    primary: str
    backup: NotRequired[Optional[str]]


class Contact(TypedDict):
    """One attempt to speak to an encoder."""

    age_seconds: float
    outcome: Literal["answered", "spoke", "failed"]
    """``spoke``: it said something unasked."""
    latency_ms: Optional[float]
    error: Optional[str]
    """The kind of the error."""


class Temperature(TypedDict):
    """One reading."""

    age_seconds: float
    celsius: float


class Load(TypedDict):
    """One reading."""

    age_seconds: float
    cpu_percent: Optional[float]
    memory_percent: Optional[float]
    storage_percent: Optional[float]


class Issue(TypedDict):
    """Something that is wrong."""

    code: str
    severity: Severity
    message: str
    """One line with the figures that led to it."""
    since: str
    """RFC 3339."""
    evidence: NotRequired[List[str]]


class Parts(TypedDict, total=False):
    """What a score is made of, each 0 to 100."""

    system: Optional[float]
    stream: Optional[float]
    storage: Optional[float]
    connection: Optional[float]


class Assessment(TypedDict):
    """What is concluded about an encoder."""

    health: Optional[float]
    """0 to 100, higher is better; ``None`` without any data."""
    parts: NotRequired[Parts]
    verdict: Verdict
    issues: List[Issue]
    """The worst first."""


class History(TypedDict):
    """What is known of one encoder; lists have the oldest first."""

    now: str
    """RFC 3339."""
    status: Optional[DeviceStatus]
    """The latest."""
    contacts: List[Contact]
    temperatures: List[Temperature]
    loads: List[Load]
    publishing_intended_for_seconds: Optional[float]
    """``None`` when it is not meant to publish."""
    stream_state_for_seconds: Optional[float]
    assessment: Assessment
    """What the built-in policy concludes."""


class Incident(TypedDict):
    """A fault of a stream's encoder."""

    incident_id: str
    stream_id: str
    encoder_id: str
    cause: str
    """The code of the worst issue."""
    severity: Severity
    reachable: bool
    """Whether the encoder answers at all."""
    may_fail_over: bool
    backup_ready: bool
    serves_files: bool
    restart_estimate_seconds: float
    """How long a stop and start of this encoder takes."""
    switch_estimate_seconds: float
    """How long the backup takes to start."""
    since: str


class Step(TypedDict):
    """One thing to try. ``start_in_place``, ``restart_in_place`` and ``record_stream_mode`` have a
    deadline, the others what they name."""

    step: Literal[
        "start_in_place",
        "restart_in_place",
        "record_stream_mode",
        "reduce_bitrate",
        "downscale",
        "slow_down",
        "restore",
        "renew_session",
        "reconnect",
        "reboot",
    ]
    deadline_seconds: NotRequired[float]
    bitrate: NotRequired[int]
    resolution: NotRequired[str]
    fps: NotRequired[float]


class Attempt(TypedDict):
    """A step that was tried."""

    step: Step
    at: str
    succeeded: bool
    """Whether the encoder streamed afterwards."""
