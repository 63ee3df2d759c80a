"""Requests and what becomes of them, apart from how they travel.

A method of the client describes its request with an :class:`Ask`. What follows (headers,
repetitions, errors) is a generator that yields what is to be done next, a :class:`Send` or a
:class:`Pause`, and gets back what came of it. The two transports, asyncio and blocking, only do
that; so everything exists once.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Generator, Generic, Mapping, Optional, TypeVar, Union
from urllib.parse import quote, urlsplit

import httpx

from ..errors import ConfigInvalidError, EncoderError, ValidationFailedError, Violation
from .errors import RateLimitedError, ServerProtocolError, ServerUnreachableError, from_problem
from .retry import RetryPolicy, read_retry_after

T = TypeVar("T")

# Statuses that ask to come again.
COME_AGAIN = (429, 503)


@dataclass(frozen=True)
class Ask(Generic[T]):
    """One request, as a method describes it."""

    read: Callable[[httpx.Response], T]
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Optional[str]] = field(default_factory=dict)
    body: Optional[Mapping[str, Any]] = None
    repeatable: Optional[bool] = None
    """Whether it has the same effect and answer twice; by its method where nothing is said."""
    patience: float = 0.0
    """Seconds that the server may take beyond the client's timeout."""
    # Filled in by the method that carries the description.
    method: str = ""
    route: str = ""
    operation: str = ""


@dataclass(frozen=True)
class Send:
    """A request that is to be made now."""

    method: str
    url: str
    params: Dict[str, str]
    headers: Dict[str, str]
    content: Optional[bytes]
    timeout: httpx.Timeout


@dataclass(frozen=True)
class Pause:
    """A time to wait, in seconds."""

    seconds: float


Outcome = Union[httpx.Response, httpx.RequestError, None]
Steps = Generator[Union[Send, Pause], Outcome, T]
Procedure = Generator[Union[Ask[Any], Pause], Any, T]


@dataclass(frozen=True)
class Profile:
    """Where the server is and how to speak to it."""

    url: str
    api_key: Optional[str] = field(repr=False)
    timeout: float
    retry: RetryPolicy

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ConfigInvalidError("the server's address must be like http://127.0.0.1:8080")
        if parts.username or parts.password:
            raise ConfigInvalidError("the server's address must not hold a password")
        # One that cannot be a header would be shown by the error of the HTTP library.
        if self.api_key is not None and not re.fullmatch(r"[\x21-\x7e]+", self.api_key):
            raise ConfigInvalidError(
                "the API key must be visible ASCII; is there a line break in it?"
            )
        if not self.timeout > 0:
            raise ConfigInvalidError("the timeout must be more than 0 seconds")

    def headers(self) -> Dict[str, str]:
        """Headers of every request."""
        key = {"Authorization": f"Bearer {self.api_key}"} if self.api_key is not None else {}
        return {"Accept": "application/json", "User-Agent": "encoder-manager-python", **key}

    def send(self, ask: Ask[Any]) -> Send:
        """The request of a description."""
        given = {key: value for key, value in ask.headers.items() if value is not None}
        headers = {**self.headers(), **given}
        content = None
        if ask.body is not None:
            headers["Content-Type"] = "application/json"
            content = _body(ask.body)
        read = self.timeout + ask.patience
        return Send(
            method=ask.method,
            url=self.url.rstrip("/") + fill(ask.route, ask.path),
            params={key: text for key, value in ask.query.items() if (text := _text(value))},
            headers=headers,
            content=content,
            timeout=httpx.Timeout(self.timeout, read=read),
        )


def fill(route: str, path: Mapping[str, str]) -> str:
    """The path of a route such as ``/api/streams/{id}``."""
    for name, value in path.items():
        # These would name another path.
        if value in ("", ".", ".."):
            violation = Violation(name, "invalid_value", f"{value!r} cannot be an id")
            raise ValidationFailedError(f"not acceptable: {name}", violations=[violation])
        route = route.replace(f"{{{name}}}", quote(value, safe=""))
    return route


def _text(value: Any) -> str:
    if value is None or value is False:
        return ""
    return "true" if value is True else str(value)


def _body(document: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(document, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ValidationFailedError(f"the request cannot be written as JSON: {error}") from None


def exchange(profile: Profile, ask: Ask[T]) -> Steps[T]:
    """Makes the request, again where that is right, and reads the answer."""
    send = profile.send(ask)
    made = 0
    while True:
        outcome = yield send
        made += 1
        if isinstance(outcome, httpx.Response) and outcome.is_success:
            return read_answer(ask, outcome)
        wait = _wait(profile.retry, ask, outcome, made)
        if wait is None:
            may_repeat = _may_repeat(ask, outcome)
            retry = "never" if not may_repeat else "exhausted" if made > 1 else "safe"
            raise failure(outcome, ask.operation, retry) from _cause(outcome)
        yield Pause(wait)


def _may_repeat(ask: Ask[Any], outcome: Outcome) -> bool:
    # One that was never done may be done later, whatever a second time would mean.
    asked_again = isinstance(outcome, httpx.Response) and outcome.status_code in COME_AGAIN
    repeatable = ask.repeatable
    if asked_again:
        # The same request finds the same fleet; what changes it is somebody else's work.
        hopeless = problem_of(outcome).get("code") == "no_encoder_available"
        return not hopeless and (ask.method != "POST" or bool(repeatable))
    if isinstance(outcome, httpx.Response):
        return False
    return ask.method != "POST" if repeatable is None else repeatable


def _wait(policy: RetryPolicy, ask: Ask[Any], outcome: Outcome, made: int) -> Optional[float]:
    if not _may_repeat(ask, outcome):
        return None
    return policy.wait(made, _retry_after(outcome))


def _retry_after(outcome: Outcome) -> Optional[float]:
    if not isinstance(outcome, httpx.Response):
        return None
    return read_retry_after(outcome.headers.get("retry-after"))


def _cause(outcome: Outcome) -> Optional[BaseException]:
    return outcome if isinstance(outcome, httpx.RequestError) else None


def read_answer(ask: Ask[T], response: httpx.Response) -> T:
    """What the answer says."""
    try:
        return ask.read(response)
    except (ValueError, KeyError, TypeError) as error:
        message = f"an answer that cannot be read: {type(error).__name__}"
        raise ServerProtocolError(message, operation=ask.operation) from error


def problem_of(outcome: Outcome) -> Mapping[str, Any]:
    """The problem document of an answer; empty where it is none."""
    if not isinstance(outcome, httpx.Response):
        return {}
    try:
        document = outcome.json()
    except ValueError:
        return {}
    has_code = isinstance(document, dict) and isinstance(document.get("code"), str)
    return document if has_code else {}


def failure(outcome: Outcome, operation: str, retry: str) -> EncoderError:
    """The error of an answer that is no success, or of none."""
    if not isinstance(outcome, httpx.Response):
        timed_out = isinstance(outcome, httpx.TimeoutException)
        message = "no answer in time" if timed_out else f"no answer: {type(outcome).__name__}"
        return ServerUnreachableError(message, operation=operation, retry=retry)
    wait, problem = _retry_after(outcome), problem_of(outcome)
    if problem:
        return from_problem(problem, operation=operation, retry=retry, retry_after=wait)
    context = {"status": str(outcome.status_code)}
    if wait is not None:
        context["retry_after_seconds"] = str(wait)
    if outcome.status_code == 429:
        return RateLimitedError(
            "too many requests", operation=operation, retry=retry, context=context
        )
    message = f"HTTP {outcome.status_code} without a problem document"
    return ServerProtocolError(message, operation=operation, retry=retry, context=context)


def perform(profile: Profile, procedure: Procedure[T]) -> Steps[T]:
    """Carries out a method that takes several requests."""
    given: Any = None
    while True:
        try:
            step = procedure.send(given)
        except StopIteration as end:
            result: T = end.value
            return result
        given = (yield from exchange(profile, step)) if isinstance(step, Ask) else (yield step)
