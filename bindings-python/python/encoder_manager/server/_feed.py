"""The live feed: what arrives, what was lost, and when to connect again."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from types import TracebackType
from typing import (
    Any,
    AsyncGenerator,
    AsyncIterator,
    Dict,
    Generator,
    Iterator,
    List,
    Mapping,
    Optional,
    Tuple,
    Type,
    cast,
)

import httpx
from httpx_sse import EventSource, ServerSentEvent
from typing_extensions import Self

from ..events import Frame, Lagged
from ._exchange import COME_AGAIN, Ask, Outcome, Profile, Send, failure
from ._read import nothing
from ._transport import Asynchronous, Blocking, fields
from .errors import ServerProtocolError, from_problem
from .retry import read_retry_after

__all__ = ["BlockingFeed", "Feed"]

OPERATION = "Client.events"
STREAM_EVENTS = ("stream_health", "stream_error", "stream_failover")
KNOWN = (*STREAM_EVENTS, "health_update", "alert")

# The server says something every 15 s, if only that it is there.
SILENCE = 45.0
# A connection that lasted so long was a good one.
GOOD = 10.0
# Longest wait between two attempts to connect.
LONGEST_WAIT = 5.0


class Progress:
    """Where a feed is. It does no I/O and reads no clock."""

    def __init__(
        self, profile: Profile, query: Mapping[str, Any], after: Optional[int], give_up_after: float
    ) -> None:
        self._profile = profile
        self._query = query
        self._give_up_after = give_up_after
        self.last_id = after
        self._sequences: Dict[Tuple[str, str], int] = {}
        self._explained = 0
        self._failures = 0
        self._opened_at: Optional[float] = None
        self._well_at: Optional[float] = None

    def send(self) -> Send:
        """The request to connect with."""
        last = None if self.last_id is None else str(self.last_id)
        ask = Ask(
            nothing,
            query=self._query,
            headers={"Accept": "text/event-stream", "Last-Event-ID": last},
            method="GET",
            route="/api/events",
            operation=OPERATION,
        )
        send = self._profile.send(ask)
        return replace(send, timeout=httpx.Timeout(self._profile.timeout, read=SILENCE))

    def opened(self, response: httpx.Response, now: float) -> List[Frame]:
        """Takes note that the server feeds. Returns the loss that there was, if any."""
        kind = response.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            raise ServerProtocolError("the server did not send a feed", operation=OPERATION)
        # Without an id to resume from, whatever came while there was no connection is lost.
        unseen = self._well_at is not None and self.last_id is None
        self._opened_at = self._well_at = now
        return [self._lagged(0)] if unseen else []

    def take(self, sent: ServerSentEvent, now: float) -> List[Frame]:
        """Makes frames of what arrived."""
        self._failures, self._well_at = 0, now
        # httpx-sse makes an event without data of a comment, such as the server's heartbeat.
        if not sent.data:
            return []
        try:
            return self._read(sent.event, json.loads(sent.data), sent.id)
        except (ValueError, KeyError, TypeError) as error:
            message = "the feed holds what is no event"
            raise ServerProtocolError(message, operation=OPERATION) from error

    def _read(self, event: str, data: Any, place: str) -> List[Frame]:
        if event == "end":
            self._end(data)
            return []
        if event == "lagged":
            self._told_lost(data)
            return [cast(Frame, {"event": event, "id": None, "data": data})]
        frames = self._gap(event, data)
        self.last_id = int(place)
        # A newer server may tell of what this version does not know.
        if event in KNOWN:
            frames.append(cast(Frame, {"event": event, "id": self.last_id, "data": data}))
        return frames

    def wait(self, outcome: Outcome, now: float) -> float:
        """Seconds until the next attempt to connect. Raises when there shall be none."""
        refused = isinstance(outcome, httpx.Response) and not outcome.is_success
        if isinstance(outcome, httpx.Response) and refused and not _asks_to_come_again(outcome):
            raise failure(outcome, OPERATION, "never")
        if self._opened_at is not None and now - self._opened_at >= GOOD:
            self._failures, self._well_at = 0, now
        self._opened_at = None
        self._failures += 1
        policy, after = self._profile.retry, None
        if isinstance(outcome, httpx.Response) and refused:
            after = read_retry_after(outcome.headers.get("retry-after"))
        patient = self._well_at is not None and now - self._well_at < self._give_up_after
        if patient:
            bounded = min(policy.longest_wait, LONGEST_WAIT)
            policy = replace(policy, attempts=self._failures + 1, longest_wait=bounded)
            after = None if after is None else min(after, bounded)
        seconds = policy.wait(self._failures, after)
        if seconds is None:
            cause = outcome if isinstance(outcome, httpx.RequestError) else None
            raise failure(outcome if refused else cause, OPERATION, "exhausted") from cause
        return seconds

    def _end(self, data: Mapping[str, Any]) -> None:
        code = data.get("code")
        if code != "shutting_down":
            problem = {"code": code, "detail": "the server ended the feed"}
            raise from_problem(problem, operation=OPERATION)

    def _told_lost(self, data: Mapping[str, Any]) -> None:
        if data["resync"]:
            self._sequences.clear()
            self._explained = 0
        else:
            self._explained += data["lost"]

    def _gap(self, event: str, data: Mapping[str, Any]) -> List[Frame]:
        """What is missing between the events of one subject, as far as the server did not tell."""
        lost: List[Frame] = []
        subject = _subject(event, data)
        known, sequence = self._sequences.get(subject), data["sequence"]
        if known is not None and sequence <= known:
            # It counts anew: another server answered, and numbered its events by itself.
            self._sequences.clear()
            lost.append(self._lagged(0))
        elif known is not None:
            missing = sequence - known - 1
            explained = min(missing, self._explained)
            self._explained -= explained
            if missing > explained:
                lost.append(self._lagged(missing - explained))
        self._sequences[subject] = sequence
        return lost

    @staticmethod
    def _lagged(lost: int) -> Frame:
        data: Lagged = {"lost": lost, "resync": True}
        return {"event": "lagged", "id": None, "data": data}


def _asks_to_come_again(response: httpx.Response) -> bool:
    return response.status_code in COME_AGAIN


def _subject(event: str, data: Mapping[str, Any]) -> Tuple[str, str]:
    if event in STREAM_EVENTS:
        return "stream", data["stream_id"]
    return ("encoder", data["encoder_id"]) if event == "health_update" else (event, "")


class Feed:
    """What happens, as it happens. Iterate over it; use it with ``async with`` to close it.

    It connects again by itself and goes on where it was. What could not be told is told as a frame
    ``lagged``: with ``resync``, read again what you keep.
    """

    def __init__(self, transport: Asynchronous, progress: Progress) -> None:
        self._transport = transport
        self._progress = progress
        self._frames = self._run()

    @property
    def last_id(self) -> Optional[int]:
        """The place of the last frame, for ``events(after=…)``; ``None`` before the first."""
        return self._progress.last_id

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        self._transport.check_open()
        return await self._frames.__anext__()

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
        """Ends the feed."""
        await self._frames.aclose()

    async def _run(self) -> AsyncGenerator[Frame, None]:
        while True:
            outcome: Outcome = None
            try:
                request = fields(self._progress.send())
                async with self._transport.http.stream(**request) as response:
                    outcome = response
                    if response.is_success:
                        async for frame in self._listen(response):
                            yield frame
                    else:
                        await response.aread()
            except httpx.RequestError as error:
                outcome = error
            await asyncio.sleep(self._progress.wait(outcome, time.monotonic()))

    async def _listen(self, response: httpx.Response) -> AsyncIterator[Frame]:
        for frame in self._progress.opened(response, time.monotonic()):
            yield frame
        async for sent in EventSource(response).aiter_sse():
            for frame in self._progress.take(sent, time.monotonic()):
                yield frame


class BlockingFeed:
    """What happens, as it happens. Iterate over it; use it with ``with`` to close it.

    It connects again by itself and goes on where it was. What could not be told is told as a frame
    ``lagged``: with ``resync``, read again what you keep. Use it in one thread.
    """

    def __init__(self, transport: Blocking, progress: Progress) -> None:
        self._transport = transport
        self._progress = progress
        self._frames = self._run()

    @property
    def last_id(self) -> Optional[int]:
        """The place of the last frame, for ``events(after=…)``; ``None`` before the first."""
        return self._progress.last_id

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        self._transport.check_open()
        return next(self._frames)

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
        """Ends the feed."""
        self._frames.close()

    def _run(self) -> Generator[Frame, None, None]:
        while True:
            outcome: Outcome = None
            try:
                with self._transport.http.stream(**fields(self._progress.send())) as response:
                    outcome = response
                    if response.is_success:
                        yield from self._listen(response)
                    else:
                        response.read()
            except httpx.RequestError as error:
                outcome = error
            time.sleep(self._progress.wait(outcome, time.monotonic()))

    def _listen(self, response: httpx.Response) -> Iterator[Frame]:
        yield from self._progress.opened(response, time.monotonic())
        for sent in EventSource(response).iter_sse():
            yield from self._progress.take(sent, time.monotonic())
