"""What callbacks raise, as documents of errors."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
from typing import Any, Dict

from .errors import EncoderError

# The last two are classes of their own before Python 3.11.
UNREACHABLE = (OSError, asyncio.TimeoutError, concurrent.futures.TimeoutError)


def error_text(error: BaseException) -> str:
    """The document of an error, as text.

    Errors of this package keep their kind. ``ConnectionError``, ``TimeoutError`` and any other
    ``OSError`` mean that the device cannot be reached; anything else is unexpected, and counts as a
    sign of life.
    """
    try:
        document = _document(error)
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, default=repr)
    except Exception:
        # An error of a class of the caller's own may do anything when it is looked at.
        text = json.dumps({"code": _code(error), "message": type(error).__name__})
    return text.encode("utf-8", "replace").decode()


def _document(error: BaseException) -> Dict[str, Any]:
    if isinstance(error, EncoderError):
        return error.to_document()
    return {"code": _code(error), "message": one_line(error)}


def _code(error: BaseException) -> str:
    if isinstance(error, EncoderError):
        return str(error.kind)
    return "device_unreachable" if isinstance(error, UNREACHABLE) else "unexpected"


def one_line(error: BaseException) -> str:
    """``Type: message`` in one line."""
    message = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {message}" if message else name
