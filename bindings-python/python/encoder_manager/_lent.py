"""The driver that a remediator may use while its ``run`` is under way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from ._encoder_manager import LentDriver as NativeLentDriver
from ._encoder_manager import Operation
from ._json import decode, encode
from ._waiting import Done, answer, block

if TYPE_CHECKING:
    from .plugins import Action, Capability, DeviceStatus, PublishTarget, StreamConfig


class _Lent:
    def __init__(self, native: NativeLentDriver) -> None:
        self._native = native

    @property
    def id(self) -> str:
        """The encoder it speaks to."""
        return self._native.id

    @property
    def capability(self) -> Capability:
        """What the encoder can do and tell."""
        return cast("Capability", decode(self._native.capability))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.id}>"


class LentDriver(_Lent):
    """An encoder's driver, lent until ``run`` ends; afterwards every call is a ``ConflictError``.

    It raises what the encoder's own driver raises. A ``run`` that is a plain function uses
    :attr:`blocking`.
    """

    @property
    def blocking(self) -> BlockingLentDriver:
        """The same with functions that wait."""
        return BlockingLentDriver(self._native)

    async def status(self) -> DeviceStatus:
        """Reads the device."""
        return cast("DeviceStatus", decode(await self._call("status")))

    async def configure(self, config: StreamConfig, target: PublishTarget) -> None:
        """Brings the device to hold these settings, without starting it."""
        await self._call("configure", config, target)

    async def start(self) -> None:
        """Tells the device to publish."""
        await self._call("start")

    async def stop(self) -> None:
        """Tells the device to stop publishing."""
        await self._call("stop")

    async def control(self, action: Action) -> None:
        """Tells the device anything else."""
        await self._call("control", action)

    async def _call(self, method: str, *arguments: object) -> str:
        text = _arguments(*arguments)
        given: str = await answer(lambda done: self._native.call(method, text, done))
        return given


class BlockingLentDriver(_Lent):
    """A lent driver for a ``run`` that is a plain function; see :class:`LentDriver`."""

    def status(self) -> DeviceStatus:
        """Reads the device."""
        return cast("DeviceStatus", decode(self._call("status")))

    def configure(self, config: StreamConfig, target: PublishTarget) -> None:
        """Brings the device to hold these settings, without starting it."""
        self._call("configure", config, target)

    def start(self) -> None:
        """Tells the device to publish."""
        self._call("start")

    def stop(self) -> None:
        """Tells the device to stop publishing."""
        self._call("stop")

    def control(self, action: Action) -> None:
        """Tells the device anything else."""
        self._call("control", action)

    def _call(self, method: str, *arguments: object) -> str:
        text = _arguments(*arguments)

        def start(done: Done[str]) -> Operation:
            return self._native.call(method, text, done)

        return block(start)


def _arguments(*arguments: object) -> str:
    """The array of the arguments. A mistake in them is found by its place."""
    encode({f"argument {place}": one for place, one in enumerate(arguments, start=1)})
    return json.dumps(arguments)
