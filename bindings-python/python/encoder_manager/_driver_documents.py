"""The documents that drivers take and give."""

from __future__ import annotations

from typing import Dict, List, Literal, Optional, Union

from typing_extensions import NotRequired, TypeAlias, TypedDict

Severity: TypeAlias = Literal["info", "warning", "critical"]
StreamState: TypeAlias = Literal[
    "unknown",
    "initialising",
    "idle",
    "starting",
    "streaming",
    "failing_idle",
    "failing",
    "shutting_down",
]
RecordState: TypeAlias = Literal[
    "unknown", "initialising", "idle", "recording", "failing_idle", "failing", "shutting_down"
]
AlarmCategory: TypeAlias = Literal[
    "stream", "input", "storage", "network", "thermal", "system", "schedule", "configuration"
]


class EncoderSpec(TypedDict):
    """The registration of an encoder."""

    encoder_id: str
    name: Optional[str]
    driver: str
    address: str
    password: NotRequired[str]
    """In clear; not there when the registration has none."""
    site: Optional[str]
    """Failure domain."""
    weight: float
    capacity: int
    """Streams it may carry."""
    maintenance: bool
    auto_remediation: NotRequired[str]
    labels: Dict[str, str]


class StreamConfig(TypedDict):
    """Encoding settings."""

    resolution: str
    """Such as ``1920x1080``."""
    bitrate: int
    """Bits per second, of the video."""
    fps: float
    keyframe_interval_seconds: float
    audio_bitrate: int
    """Bits per second."""


class PublishTarget(TypedDict):
    """Where a stream goes."""

    url: str
    """Server and application, without the key."""
    stream_key: str
    """A secret: keep it out of logs."""


class Limits(TypedDict, total=False):
    """What a device can be set to. What is left out is not limited."""

    min_bitrate: int
    max_bitrate: int
    min_resolution: str
    max_resolution: str
    frame_rate: Literal["any", "fraction_of_input"]
    """``fraction_of_input``: the rate of the input, half or a quarter of it."""
    audio_bitrates: List[int]
    """Those to choose from; empty means any."""
    max_gop_frames: int
    schemes: List[str]
    """Of URLs that it can publish to, such as ``rtmp``; empty means any."""


class Capability(TypedDict, total=False):
    """What a device can do and tell; what is left out it cannot."""

    record: bool
    recall_preset: bool
    select_input: bool
    select_recording_medium: bool
    mute: bool
    reboot: bool
    renew_session: bool
    """Can be logged in to anew."""
    reconnect: bool
    """Makes new connections on command."""
    reset_media_state: bool
    """Can be taken out of serving its medium."""
    pushes_events: bool
    configures_while_streaming: bool
    reads_back: bool
    """``active`` of the status holds the settings as read back from the device."""
    reports_temperature: bool
    reports_cpu: bool
    reports_memory: bool
    reports_fan: bool
    reports_uptime: bool
    reports_bitrate: bool
    reports_dropped_frames: bool
    reports_input: bool
    reports_media: bool
    limits: Limits


class InputSignal(TypedDict):
    """The signal at the selected input."""

    present: bool
    format: NotRequired[Optional[str]]
    """The device's own name for it."""
    resolution: NotRequired[Optional[str]]
    fps: NotRequired[Optional[float]]


class ActiveConfig(TypedDict, total=False):
    """The settings that a device holds, as read back from it."""

    resolution: Optional[str]
    fps: Optional[float]
    bitrate: Optional[int]
    audio_bitrate: Optional[int]
    keyframe_interval_seconds: Optional[float]
    target: Optional[PublishTarget]
    """Left out by a device that does not give its key."""


class SystemReadings(TypedDict, total=False):
    """Readings of the machine inside the device."""

    cpu_percent: Optional[float]
    memory_percent: Optional[float]
    temperature: Optional[float]
    """Degrees Celsius."""
    fan_rpm: Optional[float]
    uptime_seconds: Optional[float]


class OutputReadings(TypedDict, total=False):
    """Readings of the stream that the device puts out: measured, never the configured ones."""

    bitrate: Optional[int]
    fps: Optional[float]
    dropped_frames: Optional[int]
    duration_seconds: Optional[float]
    format: Optional[str]


class NetworkReadings(TypedDict, total=False):
    """Readings of the device's network port."""

    connected: Optional[bool]
    link: Optional[str]
    link_errors: Optional[int]


class DeviceIdentity(TypedDict, total=False):
    """Which unit it is."""

    product: Optional[str]
    name: Optional[str]
    serial: Optional[str]
    firmware: Optional[str]


class Medium(TypedDict):
    """One recording medium."""

    slot: str
    """Stable name within the device."""
    kind: NotRequired[Optional[str]]
    volume: NotRequired[Optional[str]]
    mounted: NotRequired[Optional[bool]]
    ready: NotRequired[Optional[bool]]
    free_percent: NotRequired[Optional[int]]
    free_bytes: NotRequired[Optional[int]]
    total_bytes: NotRequired[Optional[int]]


class Alarm(TypedDict):
    """An alarm that the device raises itself."""

    code: str
    """Stable snake_case name, such as ``streaming_failed`` or ``no_video_input``."""
    category: AlarmCategory
    severity: Severity
    message: str
    """The device's own text."""


class DeviceStatus(TypedDict, total=False):
    """What a device says of itself at one moment. What it does not report is left out."""

    stream_state: StreamState
    record_state: RecordState
    input: Optional[InputSignal]
    active: Optional[ActiveConfig]
    system: SystemReadings
    output: OutputReadings
    network: NetworkReadings
    identity: DeviceIdentity
    media: List[Medium]
    alarms: List[Alarm]
    """Those that are active now."""
    serves_files: Optional[bool]
    """Whether it serves its medium over the network instead of recording and streaming."""


class StatusChange(TypedDict, total=False):
    """One change, as the only key."""

    stream_state: StreamState
    record_state: RecordState
    input: InputSignal
    temperature: float
    alarm_raised: Alarm
    alarm_cleared: str
    """Its code."""
    status: DeviceStatus
    """Anything else: the whole status."""


class DeviceSnapshot(TypedDict):
    """The whole state, first of all and after every gap."""

    event: Literal["snapshot"]
    status: DeviceStatus


class DeviceChanged(TypedDict):
    """One thing changed."""

    event: Literal["changed"]
    change: StatusChange


class DeviceFeedLost(TypedDict):
    """The feed broke, and goes on later with a snapshot."""

    event: Literal["feed_lost"]
    reason: str


DeviceEvent: TypeAlias = Union[DeviceSnapshot, DeviceChanged, DeviceFeedLost]


class Action(TypedDict):
    """An action and what belongs to it."""

    action: Literal[
        "start_recording",
        "stop_recording",
        "reboot",
        "recall_preset",
        "select_input",
        "select_recording_medium",
        "mute",
        "unmute",
        "renew_session",
        "reconnect",
        "reset_media_state",
    ]
    preset: NotRequired[int]
    """Of ``recall_preset``, from 1."""
    video: NotRequired[Optional[str]]
    """Of ``select_input``, in the driver's words; ``None`` stays as it is."""
    audio: NotRequired[Optional[str]]
    medium: NotRequired[str]
    """Of ``select_recording_medium``, in the driver's words."""
