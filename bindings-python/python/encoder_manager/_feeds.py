"""The event feeds of drivers: iterators that are asked for one event after the other."""

from __future__ import annotations

from typing import Any, AsyncIterable, AsyncIterator, Iterable, Iterator, List, Union, cast

from ._calls import Call
from .errors import DeviceProtocolError


def nothing() -> List[Any]:
    """No arguments."""
    return []


class AsyncFeed:
    """A feed whose events are awaited in the loop."""

    def __init__(self, events: AsyncIterator[object]) -> None:
        self._events = events

    def next(self, call: Call) -> None:
        """Answers with the next event, or ``null`` at the end."""
        call.run_in_loop(self._step, nothing, call.give)

    async def _step(self) -> object:
        try:
            return await self._events.__anext__()
        except StopAsyncIteration:
            return None

    def close(self, call: Call) -> None:
        """Ends it."""
        close = getattr(self._events, "aclose", nothing)
        call.run_in_loop(close, nothing, call.done)


class PlainFeed:
    """A feed whose events are waited for in a thread."""

    def __init__(self, events: Iterator[object]) -> None:
        self._events = events
        self._closed = False

    def next(self, call: Call) -> None:
        """Answers with the next event, or ``null`` at the end."""
        call.run_in_thread(self._step, nothing, call.give)

    def _step(self) -> object:
        event = next(self._events, None)
        if self._closed:
            self._end()
        return event

    def close(self, call: Call) -> None:
        """Ends it; when it waits for an event, as soon as that comes."""
        self._closed = True
        call.run_in_thread(self._end, nothing, call.done)

    def _end(self) -> None:
        try:
            getattr(self._events, "close", nothing)()
        except ValueError:
            # A generator that runs cannot be closed. It is once it gives its next event.
            return


Feed = Union[AsyncFeed, PlainFeed]


def feed_of(events: object) -> Feed:
    """The feed of what ``events`` of a driver gave."""
    if hasattr(events, "__aiter__"):
        return AsyncFeed(cast("AsyncIterable[object]", events).__aiter__())
    if hasattr(events, "__iter__"):
        return PlainFeed(iter(cast("Iterable[object]", events)))
    raise DeviceProtocolError(f"events() gave no iterator, but {type(events).__name__}")
