"""The manager for asyncio."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Dict, List, Optional, Tuple, Type, TypeVar, Union

from typing_extensions import Self, Unpack

from . import documents
from ._acts import ManagerActs, StreamOrId, stream_id
from ._commands import Awaiting, Command
from ._encoder_manager import Operation
from ._json import decode, encode
from ._reads import ManagerReads
from ._requests import StreamFields, start_command
from ._waiting import Done, answer, running_loop
from .errors import ConflictError
from .feeds import EventFeed, interest
from .stream import Stream

__all__ = ["Manager"]

T = TypeVar("T")


class Manager(ManagerActs, ManagerReads, Awaiting):
    """Manages a fleet of encoders and the streams on it, inside this process::

        helo = {"encoder_id": "helo-1", "address": "http://10.0.0.7"}
        async with Manager(encoders=[helo]) as manager:
            stream = await manager.start_stream(
                resolution="1920x1080",
                bitrate=8_000_000,
                fps=30,
                destination={"url": "rtmp://ingest.example/live"},
                wait_live=30,
            )

    Acts are coroutine functions and belong to the event loop that the manager was opened in;
    cancelling one stops what it does. Reads never wait and work from any thread.
    """

    _loop: Optional[asyncio.AbstractEventLoop] = None

    async def open(self) -> Self:
        """Registers the encoders, takes up the streams that the store knows, and begins to watch.
        Does nothing when it is open.

        Raises ``ConfigInvalidError``, ``ValidationFailedError`` and ``StoreUnavailableError``;
        ``ShuttingDownError`` once it was closed.
        """
        loop = self._own_loop()
        objects: Dict[str, object] = {**self._objects, "loop": loop}

        def opening(done: Done[Tuple[()]]) -> Operation:
            return self._native.open(objects, done)

        await answer(opening)
        self._loop, self._unclosed = loop, True
        return self

    async def close(self) -> bool:
        """Ends all tasks and gives the lease back; streams stay on air, the devices carry them.

        Returns whether everything ended within the configured ``drain_seconds``. Asking twice is
        harmless.
        """
        self._unclosed = False
        return await answer(self._native.close)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()

    async def start_stream(
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
        reports that it streams, at most so many seconds, or 30 for ``True``; cancelled meanwhile,
        it is stopped again.

        Raises ``ValidationFailedError`` and ``NoEncoderAvailableError`` with every reason,
        ``AlreadyExistsError``, ``StoreUnavailableError``, ``DeadlineExceededError``.
        """
        command = start_command(request, fields, stream_id, wait_live)
        return Stream(self, await self._perform(command))

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
        feed = self._native.events(encode(interest(name, encoder, after)))
        return EventFeed(feed, self._own_loop)

    async def _perform(self, command: Command[T]) -> T:
        arguments = encode(command.arguments)
        self._own_loop()

        def acting(done: Done[str]) -> Operation:
            return self._native.act(command.name, arguments, done)

        text = await answer(acting)
        result: T = decode(text)
        return result

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        loop = running_loop()
        if self._loop is not None and self._loop is not loop:
            ended = " and which is closed" if self._loop.is_closed() else ""
            message = (
                f"the manager belongs to another event loop, in which it was opened{ended}; "
                "make a Manager in each loop, or use encoder_manager.blocking from threads"
            )
            raise ConflictError(message)
        return loop
