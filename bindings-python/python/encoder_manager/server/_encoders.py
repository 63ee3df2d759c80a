"""Methods about encoders."""

from __future__ import annotations

from typing import Iterable, Mapping, Optional, Sequence, Union

from ..documents import (
    ActionRequest,
    BulkAnswer,
    ControlOutcome,
    Encoder,
    EncoderHealthAnswer,
    EncoderHistory,
    EncoderMetrics,
    EncoderRequest,
    EncoderStatus,
    FleetCounts,
    PageEncoder,
)
from ._exchange import Ask
from ._operation import AsyncGroup, BlockingGroup, operation, pages
from ._read import Tagged, When, document, joined, moment, nothing, tagged

__all__ = ["BlockingEncoders", "Encoders"]


class EncoderMethods:
    """What can be done with encoders."""

    subject = "encoders"

    @operation("GET", "/api/encoders")
    def list(
        self, *, limit: Optional[int] = None, cursor: Optional[str] = None
    ) -> Ask[PageEncoder]:
        """One page of all encoders, by id."""
        return Ask(document(PageEncoder), query={"limit": limit, "cursor": cursor})

    iterate = pages(list, lambda page: page["items"])

    @operation("GET", "/api/encoders/system/status")
    def counts(self) -> Ask[FleetCounts]:
        """How many encoders are in which state."""
        return Ask(document(FleetCounts))

    @operation("GET", "/api/encoders/{id}")
    def get(self, id: str) -> Ask[Encoder]:
        """One encoder."""
        return Ask(document(Encoder), {"id": id})

    @operation("GET", "/api/encoders/{id}")
    def get_tagged(self, id: str) -> Ask[Tagged[Encoder]]:
        """One encoder, and the tag of its version for ``update(…, if_match=…)``."""
        return Ask(tagged(Encoder), {"id": id})

    @operation("POST", "/api/encoders")
    def add(self, request: EncoderRequest) -> Ask[Encoder]:
        """Registers an encoder. It is never repeated by itself."""
        return Ask(document(Encoder), body=request)

    @operation("PUT", "/api/encoders/{id}")
    def update(
        self, id: str, request: EncoderRequest, *, if_match: Optional[str] = None
    ) -> Ask[Encoder]:
        """Changes an encoder. What is left out gets its default, except the password, which stays.

        With ``if_match``, a tag of :meth:`get_tagged`, it raises ``RevisionMismatchError`` if the
        encoder has changed since.
        """
        return Ask(
            document(Encoder),
            {"id": id},
            headers={"If-Match": if_match},
            body=request,
            repeatable=if_match is None,
        )

    @operation("DELETE", "/api/encoders/{id}")
    def remove(self, id: str, *, drain: bool = False) -> Ask[None]:
        """Removes an encoder. ``drain`` moves its streams away first; without it, an encoder that
        serves a stream raises ``ConflictError``."""
        # A second time would say that there is no such encoder.
        return Ask(nothing, {"id": id}, {"drain": drain}, repeatable=False)

    @operation("GET", "/api/encoders/{id}/status")
    def status(self, id: str) -> Ask[EncoderStatus]:
        """How an encoder is, and what it does."""
        return Ask(document(EncoderStatus), {"id": id})

    @operation("GET", "/api/encoders/{id}/metrics")
    def metrics(self, id: str) -> Ask[EncoderMetrics]:
        """The figures of an encoder, as it last reported them."""
        return Ask(document(EncoderMetrics), {"id": id})

    @operation("GET", "/api/encoders/{id}/metrics")
    def history(
        self,
        id: str,
        *,
        since: When,
        until: Optional[When] = None,
        step: Optional[float] = None,
        metrics: Union[str, Iterable[str], None] = None,
    ) -> Ask[EncoderHistory]:
        """The figures of an encoder that were recorded since a moment, until another or now.

        ``step`` is how many seconds a point covers; it covers more where nothing finer is kept.
        """
        query = {"from": moment("since", since), "to": moment("until", until)}
        return Ask(
            document(EncoderHistory),
            {"id": id},
            {**query, "step": step, "metric": joined(metrics)},
        )

    @operation("GET", "/health/encoder/{id}")
    def health(self, id: str) -> Ask[EncoderHealthAnswer]:
        """How healthy an encoder is, and its connection."""
        return Ask(document(EncoderHealthAnswer), {"id": id})

    @operation("POST", "/api/encoders/{id}/control")
    def control(self, id: str, request: ActionRequest) -> Ask[ControlOutcome]:
        """Tells an encoder to do something. It is never repeated by itself."""
        return Ask(document(ControlOutcome), {"id": id}, body=request)

    @operation("POST", "/api/encoders/bulk")
    def bulk(self, ids: Sequence[str], request: ActionRequest) -> Ask[BulkAnswer]:
        """Tells several encoders to do the same thing. Each has a result of its own, with a
        ``problem`` where it failed; see :func:`encoder_manager.server.from_problem`."""
        body: Mapping[str, object] = {**request, "encoder_ids": [*ids]}
        return Ask(document(BulkAnswer), body=body)


class Encoders(EncoderMethods, AsyncGroup):
    """What can be done with encoders."""


class BlockingEncoders(EncoderMethods, BlockingGroup):
    """What can be done with encoders."""
