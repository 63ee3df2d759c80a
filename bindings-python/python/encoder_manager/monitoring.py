"""A manager that opens itself, for scripts that only look."""

from __future__ import annotations

from typing import TypeVar

from ._commands import Command
from .manager import Manager

__all__ = ["MonitoringSystem"]

T = TypeVar("T")


class MonitoringSystem(Manager):
    """A :class:`Manager` that opens with the first act::

        system = MonitoringSystem(encoders=[{"encoder_id": "helo-1", "address": "http://10.0.0.7"}])
        health = await system.monitor_encoder("helo-1")

    Close it, or use it with ``async with``, as any manager; the end of the program does at the
    latest.
    """

    async def _perform(self, command: Command[T]) -> T:
        if self._loop is None:
            await self.open()
        return await super()._perform(command)
