"""One exception class for each kind of trouble, the same names as in Rust and Node.

Branch on the class or on :attr:`EncoderError.kind`, and on :attr:`EncoderError.retry`; never on the
text of a message. The embedded manager and the server's client raise the same classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, Mapping, Optional, Tuple, Type

__all__ = [
    "ALL",
    "AlreadyExistsError",
    "ConfigInvalidError",
    "ConflictError",
    "DeadlineExceededError",
    "DeviceAuthError",
    "DeviceProtocolError",
    "DeviceRejectedError",
    "DeviceUnreachableError",
    "EncoderError",
    "NoEncoderAvailableError",
    "NotFoundError",
    "NotLeaderError",
    "RevisionMismatchError",
    "ShuttingDownError",
    "StoreUnavailableError",
    "UnexpectedError",
    "UnsupportedError",
    "ValidationFailedError",
    "Violation",
    "from_document",
]

RETRIES = ("never", "safe", "exhausted")


@dataclass(frozen=True)
class Violation:
    """One broken rule, or one encoder that cannot take the stream."""

    field: str
    """The field, dotted; or the encoder when a placement failed."""
    code: str
    """Stable snake_case name of the rule."""
    message: str
    """One line with the limit in it."""
    recommended: Any = None
    """A value that would be fine; ``None`` where there is none."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Violation:
        """Reads one entry of ``violations``, or of a problem document's ``errors``."""
        field, code, message = (
            str(document.get(key) or "") for key in ("field", "code", "message")
        )
        return cls(field, code, message, document.get("recommended"))

    def to_document(self) -> Dict[str, Any]:
        """The entry of ``violations``; ``recommended`` is left out where there is none."""
        document = {"field": self.field, "code": self.code, "message": self.message}
        return (
            document if self.recommended is None else {**document, "recommended": self.recommended}
        )


class EncoderError(Exception):
    """The base of every error of this package.

    ``str()`` is one line without secrets, fit for an operator.
    """

    kind: str = "unexpected"
    """Stable snake_case name of the kind; also the ``code`` of the server's problem documents."""
    retry: str
    """Whether the same call may help when it is made again: ``never``, ``safe`` (it had no effect,
    or has the same effect twice), or ``exhausted`` (it was retried already)."""
    message: str
    """The message alone, without kind and context."""
    operation: Optional[str]
    """The call that failed, as ``Type::method``; ``None`` where it is not known."""
    context: Dict[str, str]
    """Facts about the circumstances, such as ``encoder``."""
    violations: Tuple[Violation, ...]
    """Every broken rule, not only the first."""

    def __init__(
        self,
        message: str,
        *,
        kind: Optional[str] = None,
        retry: str = "never",
        operation: Optional[str] = None,
        context: Optional[Mapping[str, str]] = None,
        violations: Iterable[Violation] = (),
    ) -> None:
        super().__init__(message)
        if kind is not None:
            self.kind = kind
        self.message = message
        self.retry = retry if retry in RETRIES else "never"
        self.operation = operation
        self.context = {key: str(value) for key, value in (context or {}).items()}
        self.violations = tuple(violations)

    def __str__(self) -> str:
        facts = [self.operation] if self.operation else []
        facts += [f"{key}={value}" for key, value in self.context.items()]
        tail = f" ({', '.join(facts)})" if facts else ""
        return f"{self.kind}: {self.message}{tail}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self)!r} retry={self.retry}>"

    def __reduce__(self) -> Tuple[Any, ...]:
        # Not by calling the class: subclasses may want other arguments.
        return _bare, (type(self), self.args), dict(self.__dict__)

    def to_document(self) -> Dict[str, Any]:
        """The error the way it crosses to another language; see :func:`from_document`."""
        return {
            "code": self.kind,
            "retry": self.retry,
            "message": self.message,
            "operation": self.operation,
            "context": dict(self.context),
            "violations": [one.to_document() for one in self.violations],
        }


def _bare(cls: Type[EncoderError], args: Tuple[Any, ...]) -> EncoderError:
    return cls.__new__(cls, *args)


class ValidationFailedError(EncoderError):
    """A value breaks a rule; ``violations`` lists every one of them."""

    kind = "validation_failed"


class ConfigInvalidError(EncoderError):
    """Settings of the program itself are wrong."""

    kind = "config_invalid"


class NotFoundError(EncoderError):
    """There is no encoder, stream or record of that name."""

    kind = "not_found"


class AlreadyExistsError(EncoderError):
    """Something of that name exists already."""

    kind = "already_exists"


class ConflictError(EncoderError):
    """The request contradicts the present state, for example deleting an encoder on air."""

    kind = "conflict"


class RevisionMismatchError(EncoderError):
    """The record changed since the caller read it."""

    kind = "revision_mismatch"


class UnsupportedError(EncoderError):
    """The driver or the configuration lacks this ability."""

    kind = "unsupported"


class NoEncoderAvailableError(EncoderError):
    """No encoder may take the stream; ``violations`` says why for each of them."""

    kind = "no_encoder_available"


class DeviceUnreachableError(EncoderError):
    """The device did not answer: refused, timed out, or cut the connection."""

    kind = "device_unreachable"


class DeviceProtocolError(EncoderError):
    """The device answered something that its protocol does not allow."""

    kind = "device_protocol"


class DeviceRejectedError(EncoderError):
    """The device answered, and refused or silently ignored the request."""

    kind = "device_rejected"


class DeviceAuthError(EncoderError):
    """The device asked for a login and did not accept the password."""

    kind = "device_auth"


class DeadlineExceededError(EncoderError):
    """The wanted state was not reached in time."""

    kind = "deadline_exceeded"


class StoreUnavailableError(EncoderError):
    """The store did not take or give the record; nothing was acknowledged."""

    kind = "store_unavailable"


class NotLeaderError(EncoderError):
    """Another manager holds the lease, so this one does not command devices."""

    kind = "not_leader"


class ShuttingDownError(EncoderError):
    """The manager is shutting down or closed, and takes no new work."""

    kind = "shutting_down"


class UnexpectedError(EncoderError):
    """None of the above: a defect in this program or its environment."""

    kind = "unexpected"


ALL: Dict[str, Type[EncoderError]] = {
    one.kind: one
    for one in (
        ValidationFailedError,
        ConfigInvalidError,
        NotFoundError,
        AlreadyExistsError,
        ConflictError,
        RevisionMismatchError,
        UnsupportedError,
        NoEncoderAvailableError,
        DeviceUnreachableError,
        DeviceProtocolError,
        DeviceRejectedError,
        DeviceAuthError,
        DeadlineExceededError,
        StoreUnavailableError,
        NotLeaderError,
        ShuttingDownError,
        UnexpectedError,
    )
}
"""The class of each kind, by its code."""


def from_document(document: object) -> EncoderError:
    """The exception of an error document, to be raised.

    A code that this version does not know becomes an :class:`EncoderError` of that kind. What is no
    error document becomes an :class:`UnexpectedError`, never an exception of its own.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("code"), str):
        return UnexpectedError("the native module gave an error that is no error document")
    code, operation = document["code"], document.get("operation")
    context, violations = document.get("context"), document.get("violations")
    entries = violations if isinstance(violations, (list, tuple)) else ()
    return ALL.get(code, EncoderError)(
        str(document.get("message") or code),
        kind=code,
        retry=str(document.get("retry")),
        operation=operation if isinstance(operation, str) else None,
        context=context if isinstance(context, Mapping) else None,
        violations=[Violation.from_document(one) for one in entries if isinstance(one, Mapping)],
    )
