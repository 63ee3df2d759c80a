"""What can go wrong between a client and the server, beside what can go wrong with encoders.

All are :class:`encoder_manager.errors.EncoderError`. The name of a class is its kind in camel case.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Type

from ..errors import ALL as KINDS
from ..errors import EncoderError, Violation

__all__ = [
    "ALL",
    "BodyTooLargeError",
    "IdempotencyKeyReusedError",
    "KeyExpiredError",
    "KeyMalformedError",
    "KeyMissingError",
    "KeyRevokedError",
    "KeyUnknownError",
    "MalformedRequestError",
    "MethodNotAllowedError",
    "NotReadyError",
    "RateLimitedError",
    "RequestTimeoutError",
    "ScopeInsufficientError",
    "ServerProtocolError",
    "ServerUnreachableError",
    "StreamNotLiveError",
    "ThumbnailUnavailableError",
    "UnauthorizedError",
    "UnsupportedMediaTypeError",
    "from_problem",
]


class UnauthorizedError(EncoderError):
    """The server does not accept the API key."""

    kind = "unauthorized"


class KeyMissingError(UnauthorizedError):
    """The request carried no API key."""

    kind = "key_missing"


class KeyMalformedError(UnauthorizedError):
    """That is not an API key; a letter may be missing."""

    kind = "key_malformed"


class KeyUnknownError(UnauthorizedError):
    """Nobody made this API key."""

    kind = "key_unknown"


class KeyExpiredError(UnauthorizedError):
    """The API key has expired."""

    kind = "key_expired"


class KeyRevokedError(UnauthorizedError):
    """The API key was revoked."""

    kind = "key_revoked"


class ScopeInsufficientError(EncoderError):
    """The API key may not do this; it needs the scope that the message names."""

    kind = "scope_insufficient"


class RateLimitedError(EncoderError):
    """There were more requests than the server takes from this key or address."""

    kind = "rate_limited"

    @property
    def retry_after(self) -> Optional[float]:
        """Seconds until the server takes requests again; ``None`` where it did not say."""
        told = self.context.get("retry_after_seconds")
        return None if told is None else float(told)


class NotReadyError(EncoderError):
    """The server is starting, or is not the one in charge."""

    kind = "not_ready"


class IdempotencyKeyReusedError(EncoderError):
    """The idempotency key came with another request before."""

    kind = "idempotency_key_reused"


class StreamNotLiveError(EncoderError):
    """There is no picture of a stream that is not live."""

    kind = "stream_not_live"


class ThumbnailUnavailableError(EncoderError):
    """There is no picture of the stream; the message says why."""

    kind = "thumbnail_unavailable"


class MalformedRequestError(EncoderError):
    """The server could not read the request."""

    kind = "malformed_request"


class MethodNotAllowedError(EncoderError):
    """The path does not take that method: client and server are of different versions."""

    kind = "method_not_allowed"


class RequestTimeoutError(EncoderError):
    """The request did not arrive in time."""

    kind = "request_timeout"


class BodyTooLargeError(EncoderError):
    """The request is larger than the server takes."""

    kind = "body_too_large"


class UnsupportedMediaTypeError(EncoderError):
    """The server does not take a body of that type."""

    kind = "unsupported_media_type"


class ServerUnreachableError(EncoderError):
    """The server did not answer: refused, timed out, or cut the connection."""

    kind = "server_unreachable"


class ServerProtocolError(EncoderError):
    """What answered does not speak as the server does: a proxy perhaps, or another version."""

    kind = "server_protocol"


ALL: Dict[str, Type[EncoderError]] = {
    **KINDS,
    **{
        one.kind: one
        for one in (
            UnauthorizedError,
            KeyMissingError,
            KeyMalformedError,
            KeyUnknownError,
            KeyExpiredError,
            KeyRevokedError,
            ScopeInsufficientError,
            RateLimitedError,
            NotReadyError,
            IdempotencyKeyReusedError,
            StreamNotLiveError,
            ThumbnailUnavailableError,
            MalformedRequestError,
            MethodNotAllowedError,
            RequestTimeoutError,
            BodyTooLargeError,
            UnsupportedMediaTypeError,
            ServerUnreachableError,
            ServerProtocolError,
        )
    },
}
"""The class of each kind, by its code."""


def from_problem(
    document: Mapping[str, Any],
    *,
    operation: Optional[str] = None,
    retry: str = "never",
    retry_after: Optional[float] = None,
) -> EncoderError:
    """The exception of a problem document, such as an answer's or one of ``bulk``, to be raised.

    ``context`` has what the document says about the circumstances: ``status``, ``encoder``,
    ``request_id`` (find it in the server's log) and ``retry_after_seconds``.
    """
    code = str(document.get("code"))
    found = {
        "status": document.get("status"),
        "encoder": document.get("encoder_id"),
        "request_id": document.get("request_id"),
        "retry_after_seconds": retry_after,
    }
    errors = document.get("errors")
    entries = errors if isinstance(errors, (list, tuple)) else ()
    return ALL.get(code, EncoderError)(
        str(document.get("detail") or document.get("title") or code),
        kind=code,
        retry=retry,
        operation=str(document["operation"]) if document.get("operation") else operation,
        context={key: str(value) for key, value in found.items() if value is not None},
        violations=[Violation.from_document(one) for one in entries if isinstance(one, Mapping)],
    )
