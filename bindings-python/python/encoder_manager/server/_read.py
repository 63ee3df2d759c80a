"""Reading answers and writing arguments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import (
    Any,
    Callable,
    Generic,
    Iterable,
    Optional,
    Type,
    TypeVar,
    Union,
    cast,
)

import httpx

from ..errors import ValidationFailedError, Violation

T = TypeVar("T")

When = Union[str, datetime]
"""A moment: an RFC 3339 text, or a ``datetime`` with a time zone."""


@dataclass(frozen=True)
class Tagged(Generic[T]):
    """A document, and the tag that its version has."""

    document: T
    etag: str
    """Pass it as ``if_match`` to change the record only if nobody else has since. It is the
    document's ``revision`` in quotes."""


def document(kind: Type[T]) -> Callable[[httpx.Response], T]:
    """Reads an answer's JSON; ``kind`` says of which type it is."""

    def read(response: httpx.Response) -> T:
        found: Any = response.json()
        if not isinstance(found, dict):
            raise TypeError(f"not a {getattr(kind, '__name__', kind)}")
        return cast(T, found)

    return read


def tagged(kind: Type[T]) -> Callable[[httpx.Response], Tagged[T]]:
    """Reads an answer's JSON with its ``ETag``."""
    read = document(kind)
    return lambda response: Tagged(read(response), response.headers["etag"])


def text(response: httpx.Response) -> str:
    """Reads an answer that is text."""
    return response.text


def content(response: httpx.Response) -> bytes:
    """Reads an answer that is neither text nor JSON."""
    return response.content


def nothing(response: httpx.Response) -> None:
    """Reads an answer without content."""


def moment(name: str, when: Optional[When]) -> Optional[str]:
    """A moment as the server takes it."""
    if when is None or isinstance(when, str):
        return when
    if when.tzinfo is None:
        message = "must have a time zone, such as datetime.now(timezone.utc)"
        raise ValidationFailedError(
            f"not acceptable: {name}", violations=[Violation(name, "invalid_value", message)]
        )
    return when.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def joined(names: Union[str, Iterable[str], None]) -> Optional[str]:
    """Names as the server takes them."""
    return names if names is None or isinstance(names, str) else ",".join(names)
