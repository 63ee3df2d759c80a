"""Simulated HELO encoders on the loopback, for tests and for trying things out."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Type, Union, cast

from typing_extensions import Self, Unpack

from . import _encoder_manager as _native
from ._json import decode, encode
from ._simulator_documents import (
    Fault,
    FaultKind,
    FaultLimits,
    FaultOptions,
    FaultSettings,
    IngestRecord,
    Medium,
    MediumKind,
    Personality,
    Publisher,
    Request,
    Signal,
    SimulatorSettings,
    Thermal,
    Timing,
)
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
        **options: Unpack[FaultOptions],
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
