"""The asyncio client and the blocking client as one, so that a test exists once for both."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, AsyncIterator, Callable, Optional

from encoder_manager.server import BlockingClient, Client
from encoder_manager.server._operation import BlockingGroup, Group, Operation, Pages

KINDS = ("asyncio", "blocking")

Look = Callable[[Operation[Any, Any], Any], None]


class Both:
    """A client, or a group of its methods, whose methods are coroutine functions in any case.

    ``look`` sees what each operation answered.
    """

    def __init__(self, group: Any, look: Optional[Look] = None) -> None:
        self._group = group
        self._look = look

    @property
    def real(self) -> Any:
        """What is behind it."""
        return self._group

    def __getattr__(self, name: str) -> Any:
        described = getattr(type(self._group), name, None)
        found: Any = getattr(self._group, name)
        if isinstance(found, Group):
            return Both(found, self._look)
        blocking = isinstance(self._group, BlockingGroup)
        if isinstance(described, Pages) or name == "events":
            return lambda *args, **kwargs: _each(found(*args, **kwargs), blocking)

        async def call(*args: Any, **kwargs: Any) -> Any:
            if blocking:
                result = await asyncio.to_thread(found, *args, **kwargs)
            else:
                result = await found(*args, **kwargs)
            if self._look is not None and isinstance(described, Operation):
                self._look(described, result)
            return result

        return call


class _each:
    """An iterator of either kind, as an asynchronous one."""

    def __init__(self, items: Any, blocking: bool) -> None:
        self.items, self._blocking = items, blocking

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if not self._blocking:
            return await self.items.__anext__()
        nothing = object()
        item = await asyncio.to_thread(next, self.items, nothing)
        if item is nothing:
            raise StopAsyncIteration
        return item

    async def __aenter__(self) -> _each:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._blocking:
            await asyncio.to_thread(self.items.close)
        else:
            await self.items.close()


@contextlib.asynccontextmanager
async def opened(
    kind: str, url: str, key: Optional[str] = "em_key", look: Optional[Look] = None, **options: Any
) -> AsyncIterator[Both]:
    """A client of that kind, closed at the end."""
    if kind == "asyncio":
        async with Client(url, key, **options) as client:
            yield Both(client, look)
    else:
        with BlockingClient(url, key, **options) as blocking:
            yield Both(blocking, look)
