"""The documents that a simulator takes and gives."""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional, Tuple, Union

from typing_extensions import TypeAlias, TypedDict

Personality: TypeAlias = Literal["takeover", "reject", "separate", "drop_both"]
"""How an ingest treats a second publisher of the same key: the newcomer wins, is refused, both are
accepted, both are dropped."""

MediumKind: TypeAlias = Literal["sd", "usb", "smb", "nfs"]

FaultKind: TypeAlias = Literal[
    # The way to the device.
    "refuse_connections",  # the port is closed
    "network_silence",  # no bytes arrive; takes media_continues
    "hang",  # requests are read and never answered
    "delay",  # answers are late; takes delay_ms
    "slow_bytes",  # bodies arrive in pieces; takes piece, pause_ms
    "cut_body",  # connections end within the body; takes after
    "wrong_json",  # bodies are no JSON
    "status",  # requests fail with this status; takes status
    "content_type",  # replies claim to be something else; takes value
    "content_length",  # replies claim a wrong length; takes value
    "drop_sessions",  # once: all logins end
    "expire_connections",  # once: all connection ids are forgotten
    # What the device does.
    "stream_fails",  # a running stream fails, a start ends in failing_idle
    "stream_never_starts",  # a start is accepted, and the device stays idle
    "stop_never_stops",  # a stop is accepted, and the device goes on
    "set_not_applied",  # a write is accepted, and the value stays
    "record_fails",
    "preset_fails",
    "self_reboot",  # once
    "reboot_loop",  # takes up_ms
    "alarm",  # takes name
    "dropped_frames",
    # Its surroundings.
    "input_lost",
    "input_format_changed",  # takes format
    "over_temperature",  # takes celsius, ramp_ms
    "fan_stopped",  # takes celsius, ramp_ms
    "storage_full",
    "storage_removed",
    "storage_slow",
    "storage_write_protected",
    "ingest_unreachable",
    # Real pictures and sound; nothing happens where a device only pretends to stream.
    "stall",
    "freeze",
    "black",
    "drop_pictures",  # takes one_in
    "cut_connection",  # once
]
"""What can go wrong. A kind that takes settings needs all of them."""


class FaultSettings(TypedDict, total=False):
    """What belongs to some kinds of faults."""

    media_continues: bool
    """Of ``network_silence``: whether the device goes on streaming."""
    delay_ms: int
    piece: int
    """Bytes."""
    pause_ms: int
    after: int
    """Bytes of the body that still arrive."""
    status: int
    value: Union[str, int]
    format: int
    """Its number in ``DetectInputFormat``."""
    celsius: float
    """Where it ends."""
    ramp_ms: int
    """How long the way there takes."""
    name: str
    """The alarm parameter."""
    one_in: int
    """Every picture of that number is lost."""
    up_ms: int
    """How long the device is up each time."""


class FaultLimits(TypedDict, total=False):
    """How often, how long and where something goes wrong; without limits until it is cleared."""

    times: int
    """Requests, commands or writes, depending on the kind; conditions that last do not count."""
    lasts_ms: int
    path: str
    """Only requests for this path."""
    action: str
    """Only requests with this ``action``."""
    param: str
    """Only requests for this parameter."""
    medium: MediumKind
    """Only this medium; the selected one where none is given."""


class FaultOptions(FaultSettings, FaultLimits):
    """What belongs to a kind, and limits."""


class Fault(TypedDict):
    """A fault that lasts."""

    kind: Union[FaultKind, Dict[str, Any]]
    """Its name, or its name with its settings."""
    times: Optional[int]
    lasts_ms: Optional[int]
    path: Optional[str]
    action: Optional[str]
    param: Optional[str]
    medium: Optional[MediumKind]


class Timing(TypedDict, total=False):
    """How long things take, in milliseconds."""

    boot_ms: int
    stream_start_ms: int
    stream_stop_ms: int
    record_start_ms: int
    record_stop_ms: int
    recover_ms: int
    """Between the attempts of a failing stream to recover."""
    preset_ms: int
    reboot_grace_ms: int
    """From the reboot command to silence."""
    reboot_silence_ms: int
    media_release_ms: int
    media_mount_ms: int
    tick_ms: int
    """How often moving readings become events."""


class Thermal(TypedDict, total=False):
    """How warm a device gets, in degrees Celsius."""

    idle: float
    streaming: float
    """What streaming adds."""
    recording: float
    """What recording adds."""
    settling_ms: int
    near_over: float
    """Where an alarm is raised."""
    shutdown: float


class Medium(TypedDict, total=False):
    """A recording medium."""

    mounted: bool
    total_bytes: int
    used_bytes: int
    low_percent: int
    fill_factor: int
    """How fast recordings grow, compared with their bitrate."""


class Signal(TypedDict, total=False):
    """The signals at the inputs, as numbers of ``DetectInputFormat``; 0 is none."""

    sdi: int
    hdmi: int


class SimulatorSettings(TypedDict, total=False):
    """What is left out has its usual value."""

    listen: str
    """``address:port`` of the first device, the others follow; port 0 takes free ones."""
    serial: str
    firmware: str
    password: Optional[str]
    """``None`` leaves authentication off."""
    cold_start: bool
    """Whether devices boot first."""
    timing: Timing
    thermal: Thermal
    media: Medium
    """The SD card."""
    other_media: Dict[MediumKind, Medium]
    signal: Signal
    assumptions: Dict[str, Any]
    """Answers to what nobody has established about a HELO."""
    values: Dict[str, str]
    """Parameters that differ from the factory defaults."""
    request_log: int
    """Requests that are remembered."""


class Request(TypedDict):
    """A request that a device received."""

    sequence: int
    at_seconds: float
    """Since the simulator runs."""
    method: str
    path: str
    params: List[Tuple[str, str]]
    """Passwords and stream keys read ``***``."""
    authenticated: bool


class Publisher(TypedDict):
    """A device that publishes."""

    serial: str
    since_seconds: float
    silent_since_seconds: Optional[float]
    """Of one that vanished without stopping."""


class IngestRecord(TypedDict):
    """Something that happened at the ingest."""

    at_seconds: float
    serial: str
    url: str
    what: Literal["accepted", "refused", "stopped", "dropped", "vanished", "timed_out"]
