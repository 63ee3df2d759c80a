"""Documents as the native half takes and gives them: JSON text."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, List, Mapping, Optional, Union

from .errors import ValidationFailedError, Violation

Moment = Union[str, datetime]
"""RFC 3339 text, or a time with a time zone."""


def encode(arguments: Mapping[str, object]) -> str:
    """The text of the arguments, each under its name.

    Raises :class:`ValidationFailedError` with every argument that has no JSON.
    """
    try:
        return _text(arguments)
    except MemoryError:
        raise
    except Exception:
        problems = {name: _problem(value) for name, value in arguments.items()}
    wrong = [Violation(name, "not_json", problem) for name, problem in problems.items() if problem]
    told = "; ".join(f"{one.field}: {one.message}" for one in wrong)
    raise ValidationFailedError(told or "the arguments changed meanwhile", violations=wrong)


def decode(text: str) -> Any:
    """The document of a text from the native half."""
    return json.loads(text)


def moment(argument: str, value: Optional[Moment]) -> Optional[str]:
    """A moment as text."""
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        message = "has no time zone; use datetime.now(timezone.utc)"
        violation = Violation(argument, "no_time_zone", message)
        raise ValidationFailedError(f"{argument}: {message}", violations=[violation])
    return value.astimezone(timezone.utc).isoformat()


def _text(value: object) -> str:
    text = json.dumps(value, allow_nan=False)
    _require_text_keys(value)
    return text


def _require_text_keys(value: object) -> None:
    """Json would make texts of other keys, and two keys the same."""
    waiting: List[object] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            for key in one:
                if not isinstance(key, str):
                    raise TypeError(f"keys must be texts, not {type(key).__name__}")
            waiting.extend(one.values())
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)


def _problem(value: object) -> Optional[str]:
    """Why a value has no JSON, in one line; ``None`` if it has."""
    try:
        _text(value)
    except RecursionError:
        return "is nested too deeply"
    except (TypeError, ValueError) as error:
        # Those of a class of the caller's own may say anything.
        plain = type(error) in (TypeError, ValueError)
        return " ".join(str(error).split())[:200] if plain else _raised(error)
    except Exception as error:
        return _raised(error)
    return None


def _raised(error: Exception) -> str:
    return f"raised {type(error).__name__}"
