"""Simulated HELO encoders on the loopback, for tests and for trying things out."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Dict, List, Literal, Mapping, Optional, Tuple, Type, TypeVar, Union, cast

from typing_extensions import Self, TypeAlias, TypedDict, Unpack

from . import _encoder_manager as _native
from ._json import decode, encode
from ._waiting import answer, block
from .documents import EncoderRequest

__all__ = [
    "Fault",
    "FaultKind",
    "FaultLimits",
    "FaultSettings",
    "IngestRecord",
    "Medium",
    "MediumKind",
    "Personality",
    "Publisher",
    "Request",
    "Signal",
    "SimulatedIngest",
    "Simulator",
    "SimulatorSettings",
    "Thermal",
    "Timing",
]

T = TypeVar("T")

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


class _FaultOptions(FaultSettings, FaultLimits):
    pass


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


class SimulatedIngest:
    """Where the streams of the simulated devices arrive, whatever their destination is."""

    def __init__(self, native: _native.Simulator) -> None:
        self._native = native

    def publishers(self, url: str, key: str) -> List[Publisher]:
        """Who publishes there now."""
        return cast("List[Publisher]", _ask(self._native, "publishers", url=url, key=key))

    def most_publishers(self, url: str, key: str) -> int:
        """How many devices ever sent media there at once."""
        return int(_ask(self._native, "most_publishers", url=url, key=key))

    def history(self) -> List[IngestRecord]:
        """Everything that happened, oldest first, without keys."""
        return cast("List[IngestRecord]", _ask(self._native, "history"))

    def drop_publishers(self, url: str, key: str) -> None:
        """Drops who publishes there, as an ingest does that restarts."""
        _ask(self._native, "drop_publishers", url=url, key=key)

    def refuse(
        self, refuse: bool = True, *, url: Optional[str] = None, key: Optional[str] = None
    ) -> None:
        """Refuses newcomers, or accepts them again: all, or those of one address and key."""
        _ask(self._native, "refuse", refuse=refuse, url=url, key=key)


class Simulator:
    """Devices that answer like a HELO, on loopback ports::

        async with Simulator(count=2) as helos:
            async with Manager(encoders=helos.encoders()) as manager:
                ...
                helos.inject(0, "network_silence", media_continues=False)

    Devices are counted from 0. With ``fast`` everything takes some tens of milliseconds, otherwise
    as long as with a real one. Works with ``with`` as well. Streams reach a simulated ingest of
    that personality, where a publisher that vanishes holds its key for ``idle_timeout`` seconds;
    with ``ingest=None`` every stream is accepted.

    Raises ``ValidationFailedError`` for settings that make no sense, ``ConflictError`` when an
    address is taken.
    """

    def __init__(
        self,
        count: int = 2,
        *,
        fast: bool = True,
        ingest: Optional[Personality] = "takeover",
        idle_timeout: float = 10.0,
        **config: Unpack[SimulatorSettings],
    ) -> None:
        plan: Dict[str, object] = {"count": count, "fast": fast, "config": config}
        if ingest is not None:
            plan["ingest"] = {"personality": ingest, "idle_timeout_seconds": idle_timeout}
        self._native = _native.Simulator(encode(plan))
        self._password = config.get("password")
        self.ingest = SimulatedIngest(self._native)
        """Where their streams arrive. Without one every method raises ``ConflictError``."""

    async def start(self) -> Self:
        """Starts the devices."""
        await answer(self._native.start)
        return self

    async def stop(self) -> None:
        """Ends the devices; harmless when they do not run."""
        await answer(self._native.stop)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        block(self._native.start)
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        block(self._native.stop)

    @property
    def urls(self) -> List[str]:
        """Where the devices answer, in order."""
        return cast("List[str]", _ask(self._native, "urls"))

    def encoders(self) -> List[EncoderRequest]:
        """The devices as encoders for a manager: ``helo-1`` for the first, and so on."""
        encoders: List[EncoderRequest] = []
        for place, url in enumerate(self.urls):
            encoder: EncoderRequest = {"encoder_id": f"helo-{place + 1}", "address": url}
            if self._password is not None:
                encoder["password"] = self._password
            encoders.append(encoder)
        return encoders

    def inject(
        self,
        place: int,
        fault: Union[FaultKind, Mapping[FaultKind, FaultSettings]],
        **options: Unpack[_FaultOptions],
    ) -> None:
        """Lets something go wrong. Once this returns, the next request meets it.

        Takes the settings of the kind (:class:`FaultSettings`) and limits (:class:`FaultLimits`).
        ``{"delay": {"delay_ms": 20}}`` is the same as ``"delay", delay_ms=20``.
        """
        kind: object = fault
        limits: Dict[str, object] = {**options}
        if isinstance(fault, str):
            names = [name for name in FaultSettings.__annotations__ if name in limits]
            kind = {fault: {name: limits.pop(name) for name in names}} if names else fault
        # Beside settings that are given already, more of them are refused like unknown limits.
        _ask(self._native, "inject", place=place, fault={"kind": kind, **limits})

    def clear_faults(self, place: Optional[int] = None) -> None:
        """Ends every fault, of one device or of all."""
        _ask(self._native, "clear_faults", place=place)

    def faults(self, place: int) -> List[Fault]:
        """The faults that last at this moment."""
        return cast("List[Fault]", _ask(self._native, "faults", place=place))

    def get(self, place: int, parameter: str) -> str:
        """The value of a parameter, such as ``ReplicatorStreamState``. Raises ``NotFoundError``."""
        return str(_ask(self._native, "get", place=place, parameter=parameter))

    def set(self, place: int, parameter: str, value: str) -> None:
        """Writes a value as the device itself, past all rules, and holds it until
        :meth:`release`."""
        _ask(self._native, "set", place=place, parameter=parameter, value=value)

    def release(self, place: int, parameter: str) -> None:
        """Lets the device change a value again that :meth:`set` holds."""
        _ask(self._native, "release", place=place, parameter=parameter)

    def command(self, place: int, parameter: str, value: str) -> None:
        """Writes a value by the rules of the network: commands are obeyed."""
        _ask(self._native, "command", place=place, parameter=parameter, value=value)

    def turn_on(self, place: int) -> None:
        """Turns a device on again that shut down."""
        _ask(self._native, "turn_on", place=place)

    def requests(self, place: int) -> List[Request]:
        """The latest requests that a device received."""
        return cast("List[Request]", _ask(self._native, "requests", place=place))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def _ask(native: _native.Simulator, name: str, **arguments: object) -> Any:
    return decode(native.ask(name, encode(arguments)))
