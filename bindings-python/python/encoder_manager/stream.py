"""A stream of a manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from . import documents
from ._acts import StreamActs
from ._commands import Awaiting, Command
from ._reads import ManagerReads
from .feeds import EventFeed

if TYPE_CHECKING:
    from .manager import Manager

__all__ = ["Stream"]

T = TypeVar("T")


class StreamReads:
    """What is known of a stream."""

    def __init__(self, manager: ManagerReads, document: documents.Stream) -> None:
        self.id = document["stream_id"]
        self.stream_key = document["stream_key"]
        """What the publisher proves itself with. In clear where the stream was just started,
        otherwise masked; :meth:`reveal_key` shows it."""
        self.rtmp_url = document["rtmp_url"]
        """Where the encoder on air published when this was read."""
        self._reads = manager

    def document(self) -> documents.Stream:
        """Everything known of it now. Raises ``NotFoundError`` once it is forgotten."""
        return self._reads.stream_document(self.id)

    @property
    def state(self) -> str:
        """``starting``, ``live``, ``degraded``, ``failing_over``, ``stopping``, ``stopped`` or
        ``failed``, now."""
        return self.document()["state"]

    def health(self) -> documents.StreamHealth:
        """How it is doing now."""
        return self._reads.stream_health(self.id)

    def reveal_key(self) -> str:
        """The stream key in clear."""
        return self._reads.stream_document(self.id, reveal_key=True)["stream_key"]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"


class Stream(StreamActs, StreamReads, Awaiting):
    """A stream. Its acts are coroutine functions."""

    def __init__(self, manager: Manager, document: documents.Stream) -> None:
        super().__init__(manager, document)
        self._manager = manager

    def events(self) -> EventFeed:
        """What happens to it from now on."""
        return self._manager.events(stream=self.id)

    async def _perform(self, command: Command[T]) -> T:
        return await self._manager._perform(command)
