"""The two clients: one for asyncio, one that blocks."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Dict, Optional, Type

import httpx
from typing_extensions import Self

from ..documents import Alive
from ._encoders import BlockingEncoders, Encoders
from ._exchange import Ask, Profile
from ._feed import BlockingFeed, Feed, Progress
from ._keys import BlockingKeys, Keys
from ._monitoring import BlockingMonitoring, Monitoring
from ._operation import AsyncGroup, BlockingGroup, operation
from ._read import document
from ._streams import BlockingStreams, Streams
from ._transport import Asynchronous, Blocking
from .retry import RetryPolicy

__all__ = ["BlockingClient", "Client"]

# Longer than a device may take to do as it is told.
TIMEOUT = 30.0
GIVE_UP_AFTER = 60.0


class ClientMethods:
    """What is about the server itself."""

    subject = ""

    @operation("GET", "/healthz")
    def alive(self) -> Ask[Alive]:
        """Whether the server runs. It needs no key."""
        return Ask(document(Alive))

    @operation("GET", "/readyz")
    def ready(self) -> Ask[Alive]:
        """Whether the server takes requests; otherwise it raises, after waiting for it as often as
        the retry policy says. It needs no key."""
        return Ask(document(Alive))

    @operation("GET", "/openapi.json")
    def openapi(self) -> Ask[Dict[str, Any]]:
        """The server's own description. It needs no key."""
        return Ask(document(Dict[str, Any]))


class Client(ClientMethods, AsyncGroup):
    """A client of the server for asyncio. Every method that asks the server is a coroutine.

    ::

        async with Client("http://127.0.0.1:8080", api_key) as client:
            stream = await client.streams.start(request, wait_live=True)

    ``timeout`` is how long the server may be silent, in seconds; a method gives up after it, and
    ``asyncio.timeout`` sooner. ``http`` is an ``httpx.AsyncClient`` of your own, for certificates
    or proxies; it stays yours to close. A client belongs to one event loop and one process.
    """

    def __init__(
        self,
        url: str,
        api_key: Optional[str] = None,
        *,
        timeout: float = TIMEOUT,
        retry: Optional[RetryPolicy] = None,
        http: Optional[httpx.AsyncClient] = None,
    ) -> None:
        profile = Profile(url, api_key, timeout, retry or RetryPolicy())
        super().__init__(Asynchronous(profile, http))
        self.streams = Streams(self._transport)
        self.encoders = Encoders(self._transport)
        self.monitoring = Monitoring(self._transport)
        self.keys = Keys(self._transport)

    def events(
        self,
        *,
        stream_id: Optional[str] = None,
        encoder_id: Optional[str] = None,
        after: Optional[int] = None,
        give_up_after: float = GIVE_UP_AFTER,
    ) -> Feed:
        """What happens, as it happens: of everything, or of one stream, one encoder or both.

        ``after`` is the ``last_id`` of an earlier feed, to go on there. The feed connects again by
        itself, and raises when that has not succeeded for ``give_up_after`` seconds.
        """
        query = {"stream_id": stream_id, "encoder_id": encoder_id}
        progress = Progress(self._transport.profile, query, after, give_up_after)
        return Feed(self._transport, progress)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections. Methods then raise ``ShuttingDownError``."""
        await self._transport.close()


class BlockingClient(ClientMethods, BlockingGroup):
    """A client of the server that blocks the calling thread. It may be used by several threads.

    ::

        with BlockingClient("http://127.0.0.1:8080", api_key) as client:
            stream = client.streams.start(request, wait_live=True)

    ``timeout`` is how long the server may be silent, in seconds. ``http`` is an ``httpx.Client`` of
    your own, for certificates or proxies; it stays yours to close. A client belongs to one process.
    """

    def __init__(
        self,
        url: str,
        api_key: Optional[str] = None,
        *,
        timeout: float = TIMEOUT,
        retry: Optional[RetryPolicy] = None,
        http: Optional[httpx.Client] = None,
    ) -> None:
        profile = Profile(url, api_key, timeout, retry or RetryPolicy())
        super().__init__(Blocking(profile, http))
        self.streams = BlockingStreams(self._transport)
        self.encoders = BlockingEncoders(self._transport)
        self.monitoring = BlockingMonitoring(self._transport)
        self.keys = BlockingKeys(self._transport)

    def events(
        self,
        *,
        stream_id: Optional[str] = None,
        encoder_id: Optional[str] = None,
        after: Optional[int] = None,
        give_up_after: float = GIVE_UP_AFTER,
    ) -> BlockingFeed:
        """What happens, as it happens: of everything, or of one stream, one encoder or both.

        ``after`` is the ``last_id`` of an earlier feed, to go on there. The feed connects again by
        itself, and raises when that has not succeeded for ``give_up_after`` seconds.
        """
        query = {"stream_id": stream_id, "encoder_id": encoder_id}
        progress = Progress(self._transport.profile, query, after, give_up_after)
        return BlockingFeed(self._transport, progress)

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
        """Closes the connections. Methods then raise ``ShuttingDownError``."""
        self._transport.close()
