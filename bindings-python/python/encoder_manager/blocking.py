"""The manager for programs without asyncio.

The same as :class:`encoder_manager.Manager`, with functions in place of coroutine functions. They
may be called from any thread, let other threads run while they wait, and end with
``KeyboardInterrupt`` on Ctrl-C.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Dict, List, Optional, Tuple, Type, TypeVar, Union

from typing_extensions import Self, Unpack

from . import documents
from ._acts import ManagerActs, StreamActs, StreamOrId, stream_id
from ._callbacks import CallbackLoop
from ._commands import Blocking, Command
from ._encoder_manager import Feed, Operation
from ._json import decode, encode
from ._reads import ManagerReads
from ._requests import StreamFields, start_command
from ._waiting import LOOK, Done, Mailbox, block
from .errors import EncoderError
from .events import Frame
from .feeds import BATCH, frame, interest
from .stream import StreamReads

__all__ = ["EventFeed", "Manager", "Stream"]

T = TypeVar("T")


class Manager(ManagerActs, ManagerReads, Blocking):
    """Manages a fleet of encoders and the streams on it, inside this process::

        with Manager(encoders=[{"encoder_id": "helo-1", "address": "http://10.0.0.7"}]) as manager:
            print(manager.monitor_encoder("helo-1"))

    Coroutines of drivers and policies that are Python objects run in an event loop of its own, in a
    thread of its own.
    """

    _callbacks: Optional[CallbackLoop] = None

    def open(self) -> Self:
        """Registers the encoders, takes up the streams that the store knows, and begins to watch.
        Does nothing when it is open.

        Raises ``ConfigInvalidError``, ``ValidationFailedError`` and ``StoreUnavailableError``;
        ``ShuttingDownError`` once it was closed.
        """
        if self._callbacks is None and any(self._objects.values()):
            self._callbacks = CallbackLoop()
        loop = None if self._callbacks is None else self._callbacks.loop
        objects: Dict[str, object] = {**self._objects, "loop": loop}

        def opening(done: Done[Tuple[()]]) -> Operation:
            return self._native.open(objects, done)

        try:
            block(opening)
        except BaseException:
            self._stop_callbacks()
            raise
        self._unclosed = True
        return self

    def close(self) -> bool:
        """Ends all tasks and gives the lease back; streams stay on air, the devices carry them.

        Returns whether everything ended within the configured ``drain_seconds``. Asking twice is
        harmless.
        """
        self._unclosed = False
        try:
            return block(self._native.close)
        finally:
            self._stop_callbacks()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def start_stream(
        self,
        request: Optional[documents.StreamRequest] = None,
        /,
        *,
        stream_id: Optional[str] = None,
        wait_live: Union[float, bool, None] = None,
        **fields: Unpack[StreamFields],
    ) -> Stream:
        """Starts a stream: checks the request, chooses encoders, and writes the intent.

        The request is a document, keyword arguments, or a document with some fields replaced. The
        stream is ``starting`` then. With ``wait_live`` it is awaited until the device itself
        reports that it streams, at most so many seconds, or 30 for ``True``; interrupted meanwhile,
        it is stopped again.

        Raises ``ValidationFailedError`` and ``NoEncoderAvailableError`` with every reason,
        ``AlreadyExistsError``, ``StoreUnavailableError``, ``DeadlineExceededError``.
        """
        command = start_command(request, fields, stream_id, wait_live)
        return Stream(self, self._perform(command))

    def stream(self, stream: StreamOrId) -> Stream:
        """A stream. Raises ``NotFoundError``."""
        return Stream(self, self.stream_document(stream))

    def streams(self) -> List[Stream]:
        """All streams, oldest first, ended ones included."""
        return [Stream(self, document) for document in self.stream_documents()]

    def events(
        self,
        stream: Optional[StreamOrId] = None,
        encoder: Optional[str] = None,
        after: Optional[int] = None,
    ) -> EventFeed:
        """What happens, from now on or from after that event; to that stream and that encoder, or
        to all. See :mod:`encoder_manager.events`."""
        name = None if stream is None else stream_id(stream)
        return EventFeed(self._native.events(encode(interest(name, encoder, after))))

    def _perform(self, command: Command[T]) -> T:
        arguments = encode(command.arguments)

        def acting(done: Done[str]) -> Operation:
            return self._native.act(command.name, arguments, done)

        result: T = decode(block(acting))
        return result

    def _stop_callbacks(self) -> None:
        if self._callbacks is not None:
            self._callbacks.stop()
            self._callbacks = None


class Stream(StreamActs, StreamReads, Blocking):
    """A stream. Its acts are functions that wait."""

    def __init__(self, manager: Manager, document: documents.Stream) -> None:
        super().__init__(manager, document)
        self._manager = manager

    def events(self) -> EventFeed:
        """What happens to it from now on."""
        return self._manager.events(stream=self.id)

    def _perform(self, command: Command[T]) -> T:
        return self._manager._perform(command)


Arrival = Tuple[Optional[List[str]], Optional[EncoderError]]


class EventFeed:
    """What happens, as it happens. Iterate over it; it ends when the manager is closed.

    Events wait while nobody looks. What falls out of the manager's memory meanwhile
    (``event_capacity`` of the settings) is told as a frame ``lagged``: read again what you keep.
    Use it in one thread; :meth:`close` may come from another.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._ready: List[str] = []
        self._arrivals: Mailbox[Arrival] = Mailbox()
        self._asked: Optional[Operation] = None
        self._over = False
        self._last_id: Optional[int] = None

    @property
    def last_id(self) -> Optional[int]:
        """The place of the last frame, for ``events(after=…)``; ``None`` before the first."""
        return self._last_id

    def poll(self, timeout: Optional[float] = None) -> Optional[Frame]:
        """The next frame, as soon as there is one; ``None`` after so many seconds without, and
        when the feed is over."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self._ready:
            if self._over or not self._wait(end):
                return None
        read = frame(self._ready.pop())
        if read["id"] is not None:
            self._last_id = read["id"]
        return read

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        read = self.poll()
        if read is None:
            raise StopIteration
        return read

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the feed; whoever waits for it sees the end."""
        self._over = True
        if self._asked is not None:
            self._asked.cancel()
        self._arrivals.put(([], None))

    def _wait(self, end: Optional[float]) -> bool:
        """Takes the next batch, unless the time is over before."""
        if self._asked is None:
            arrivals = self._arrivals
            self._asked = self._feed.next(BATCH, lambda *arrival: arrivals.put(arrival))
        while True:
            left = LOOK if end is None else min(LOOK, end - time.monotonic())
            arrival = self._arrivals.take(left)
            if arrival is not None:
                self._asked = None
                self._take(*arrival)
                return True
            if left < LOOK:
                return False

    def _take(self, batch: Optional[List[str]], error: Optional[EncoderError]) -> None:
        if self._over or not batch:
            self._over = True
            self._ready.clear()
        else:
            self._ready = batch[::-1]
        if error is not None:
            raise error
