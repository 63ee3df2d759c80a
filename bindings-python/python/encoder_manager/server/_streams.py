"""Methods about streams."""

from __future__ import annotations

import time
import uuid
from typing import Optional

from ..documents import (
    FailoverAccepted,
    FailoverRequest,
    PageStream,
    PageTimelineEntry,
    Stream,
    StreamConfigAnswer,
    StreamConfigPatch,
    StreamHealth,
    StreamRequest,
)
from ..errors import DeadlineExceededError, EncoderError, ValidationFailedError, Violation
from ._exchange import Ask, Pause, Procedure
from ._operation import AsyncGroup, BlockingGroup, operation, pages, several
from ._read import Tagged, content, document, tagged

__all__ = ["BlockingStreams", "Streams"]

# How long the server may wait for a device to go live before it answers; its own limit is 30 s
# unless it is told otherwise.
WAIT_LIVE_PATIENCE = 60.0

LONGEST_IDEMPOTENCY_KEY = 255


class StreamMethods:
    """What can be done with streams."""

    subject = "streams"

    @operation("GET", "/api/streams")
    def list(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> Ask[PageStream]:
        """One page of all streams, by id, recently stopped ones included."""
        return Ask(document(PageStream), query={"limit": limit, "cursor": cursor})

    iterate = pages(list, lambda page: page["items"])

    @operation("POST", "/api/streams/init")
    def start(
        self,
        request: StreamRequest,
        *,
        wait_live: bool = False,
        idempotency_key: Optional[str] = None,
    ) -> Ask[Stream]:
        """Starts a stream. The answer holds the stream key in clear.

        With ``wait_live`` it returns once the device itself reports that it streams, and raises
        ``DeadlineExceededError``, with the stream released, if that takes too long.

        The request carries an idempotency key, a random one unless given, that stays the same when
        it is repeated: a lost answer never costs a second stream. Give one of your own, such as the
        id of the event in your calendar, to be safe across restarts of your program for 24 hours.
        """
        return Ask(
            document(Stream),
            query={"wait": "live" if wait_live else None},
            headers={"Idempotency-Key": _idempotency_key(idempotency_key)},
            body=request,
            repeatable=True,
            patience=WAIT_LIVE_PATIENCE if wait_live else 0.0,
        )

    @operation("GET", "/api/streams/{id}")
    def get(self, id: str, *, reveal_key: bool = False) -> Ask[Stream]:
        """One stream. ``reveal_key`` shows the stream key; it needs the scope ``control``."""
        return Ask(document(Stream), {"id": id}, {"reveal": "key" if reveal_key else None})

    @operation("GET", "/api/streams/{id}")
    def get_tagged(self, id: str) -> Ask[Tagged[Stream]]:
        """One stream, and the tag of its version for ``update(…, if_match=…)``."""
        return Ask(tagged(Stream), {"id": id})

    @several
    def wait_live(self, id: str, *, timeout: float = 30.0, every: float = 0.5) -> Procedure[Stream]:
        """Asks until the stream is live, and returns it.

        Raises ``DeadlineExceededError`` after ``timeout`` seconds, and the failure of a stream that
        has failed or was stopped; neither stops the stream.
        """
        end = time.monotonic() + timeout
        while True:
            stream: Stream = yield StreamMethods.get.ask(self, id)
            if stream["state"] in ("live", "degraded"):
                return stream
            if stream["state"] in ("failed", "stopped", "stopping"):
                raise _will_not_live(stream)
            left = end - time.monotonic()
            if left <= 0:
                message = f"still {stream['state']} after {timeout:g} s"
                raise DeadlineExceededError(
                    message, operation="Client.streams.wait_live", context={"stream": id}
                )
            yield Pause(min(every, left))

    @operation("GET", "/api/streams/{id}/health")
    def health(self, id: str) -> Ask[StreamHealth]:
        """How a stream is doing."""
        return Ask(document(StreamHealth), {"id": id})

    @operation("GET", "/api/streams/{id}/timeline")
    def timeline(
        self, id: str, *, limit: Optional[int] = None, cursor: Optional[str] = None
    ) -> Ask[PageTimelineEntry]:
        """One page of everything that happened to a stream, and why."""
        return Ask(document(PageTimelineEntry), {"id": id}, {"limit": limit, "cursor": cursor})

    iterate_timeline = pages(timeline, lambda page: page["items"])

    @operation("GET", "/api/streams/{id}/thumbnail")
    def thumbnail(self, id: str) -> Ask[bytes]:
        """A JPEG picture of what arrives at the ingest."""
        return Ask(content, {"id": id}, headers={"Accept": "image/jpeg, application/problem+json"})

    @operation("PUT", "/api/streams/{id}/config")
    def update(
        self, id: str, changes: StreamConfigPatch, *, if_match: Optional[str] = None
    ) -> Ask[StreamConfigAnswer]:
        """Changes the encoding settings that are named. The backup gets them before the answer, or
        the answer says why it is not ready.

        With ``if_match``, a tag of :meth:`get_tagged`, it raises ``RevisionMismatchError`` if the
        stream has changed since.
        """
        return Ask(
            document(StreamConfigAnswer),
            {"id": id},
            headers={"If-Match": if_match},
            body=changes,
            repeatable=if_match is None,
        )

    @operation("DELETE", "/api/streams/{id}")
    def stop(self, id: str) -> Ask[Stream]:
        """Stops a stream and releases its encoders. Stopping it twice changes nothing."""
        return Ask(document(Stream), {"id": id})

    @operation("POST", "/api/streams/{id}/failover")
    def failover(
        self, id: str, *, reason: Optional[str] = None, to: Optional[str] = None
    ) -> Ask[FailoverAccepted]:
        """Moves a stream to another encoder, ``to`` or the best. It returns before that is done;
        the live feed tells the rest under the same incident id. It is never repeated by itself."""
        return Ask(document(FailoverAccepted), {"id": id}, body=_move(reason, to))

    @operation("POST", "/api/streams/{id}/drill")
    def drill(
        self, id: str, *, reason: Optional[str] = None, to: Optional[str] = None
    ) -> Ask[FailoverAccepted]:
        """Rehearses a failover: moves the stream, measures, and returns to the original encoder."""
        return Ask(document(FailoverAccepted), {"id": id}, body=_move(reason, to))


class Streams(StreamMethods, AsyncGroup):
    """What can be done with streams."""


class BlockingStreams(StreamMethods, BlockingGroup):
    """What can be done with streams."""


def _move(reason: Optional[str], to: Optional[str]) -> FailoverRequest:
    request: FailoverRequest = {}
    if reason is not None:
        request["reason"] = reason
    if to is not None:
        request["to"] = to
    return request


def _idempotency_key(given: Optional[str]) -> str:
    if given is None:
        return uuid.uuid4().hex
    visible = all("\x21" <= letter <= "\x7e" for letter in given)
    if not visible or not 1 <= len(given) <= LONGEST_IDEMPOTENCY_KEY:
        message = f"must be 1 to {LONGEST_IDEMPOTENCY_KEY} visible ASCII characters"
        raise ValidationFailedError(
            "not acceptable: idempotency_key",
            violations=[Violation("idempotency_key", "invalid_value", message)],
        )
    return given


def _will_not_live(stream: Stream) -> EncoderError:
    why = f": {stream['failure']}" if stream["failure"] else ""
    context = {"stream": stream["stream_id"]}
    message = f"the stream is {stream['state']}{why}"
    return DeadlineExceededError(message, operation="Client.streams.wait_live", context=context)
