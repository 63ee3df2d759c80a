"""The live feed of an embedded manager."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Callable, Deque, Dict, List, Optional, Set, Type

from typing_extensions import Self

from ._commands import given
from ._encoder_manager import Feed
from ._json import decode
from ._waiting import soon
from .errors import EncoderError
from .events import Frame

__all__ = ["EventFeed"]

# Events that cross from the native half at once.
BATCH = 256


def interest(
    stream_id: Optional[str], encoder_id: Optional[str], after: Optional[int]
) -> Dict[str, object]:
    """What a feed shall tell of."""
    return given(stream_id=stream_id, encoder_id=encoder_id, after=after)


def frame(text: str) -> Frame:
    """The frame of a text from the native half."""
    document = decode(text)
    if document["event"] == "lagged":
        document["id"] = None
        # What fell out of the manager's memory may have been anything.
        document["data"]["resync"] = True
    read: Frame = document
    return read


class EventFeed:
    """What happens, as it happens. Iterate over it with ``async for``; it ends when the manager is
    closed.

    Events wait while nobody looks. What falls out of the manager's memory meanwhile
    (``event_capacity`` of the settings) is told as a frame ``lagged``: read again what you keep.
    """

    def __init__(self, feed: Feed, own_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self._feed = feed
        self._own_loop = own_loop
        self._ready: Deque[str] = deque()
        self._waiters: Set[asyncio.Future[None]] = set()
        self._over = False
        self._last_id: Optional[int] = None

    @property
    def last_id(self) -> Optional[int]:
        """The place of the last frame, for ``events(after=…)``; ``None`` before the first."""
        return self._last_id

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        loop = self._own_loop()
        while not self._ready:
            if self._over:
                raise StopAsyncIteration
            await self._fill(loop)
        read = frame(self._ready.popleft())
        if read["id"] is not None:
            self._last_id = read["id"]
        return read

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends the feed; whoever waits for it sees the end."""
        self._over = True
        self._ready.clear()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def _fill(self, loop: asyncio.AbstractEventLoop) -> None:
        """Waits for a batch. One that comes although the wait was cancelled is kept."""
        waiter: asyncio.Future[None] = loop.create_future()

        def arrived(batch: Optional[List[str]], error: Optional[EncoderError]) -> None:
            if batch and not self._over:
                self._ready.extend(batch)
            elif not batch:
                self._over = True
            if waiter.done():
                return
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

        self._waiters.add(waiter)
        operation = self._feed.next(BATCH, lambda batch, error: soon(loop, arrived, batch, error))
        try:
            await waiter
        finally:
            operation.cancel()
            self._waiters.discard(waiter)
