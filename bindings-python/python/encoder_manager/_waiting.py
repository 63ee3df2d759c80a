"""How asyncio and plain threads wait for the native half, which calls back from its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from typing import Callable, Deque, Generic, Optional, Tuple, TypeVar

from ._encoder_manager import Operation
from .errors import ConflictError, EncoderError, UnexpectedError

T = TypeVar("T")

Done = Callable[[Optional[T], Optional[EncoderError]], object]
Start = Callable[[Done[T]], Operation]

# How often a waiting thread looks whether a signal came, where the system does not wake it.
LOOK = 0.5


def running_loop() -> asyncio.AbstractEventLoop:
    """The event loop of the caller."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        message = "there is no running asyncio loop; without one use encoder_manager.blocking"
        raise ConflictError(message) from None


def soon(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *args: object) -> None:
    """Runs that in the loop. When the loop is closed, nobody waits any more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


async def answer(start: Start[T]) -> T:
    """Starts an operation and waits for it. Cancellation stops it."""
    loop = running_loop()
    future: asyncio.Future[T] = loop.create_future()
    operation = start(lambda result, error: soon(loop, _settle, future, result, error))
    try:
        return await future
    finally:
        operation.cancel()


def _settle(future: asyncio.Future[T], result: T, error: Optional[EncoderError]) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


class Mailbox(Generic[T]):
    """Where one thread waits for what others put in. Signal handlers may use it, too.

    Not ``queue.SimpleQueue``: in some Pythons it waits for ever when a signal arrives at the very
    end of a time-out.
    """

    def __init__(self) -> None:
        self._letters: Deque[T] = deque()
        # Free when something was put in since the last look.
        self._news = threading.Lock()
        self._news.acquire()

    def put(self, letter: T) -> None:
        """Puts something in, and wakes who waits."""
        self._letters.append(letter)
        with contextlib.suppress(RuntimeError):
            self._news.release()

    def take(self, timeout: float) -> Optional[T]:
        """The oldest that is there; ``None`` after so many seconds without any."""
        end = time.monotonic() + timeout
        while True:
            with contextlib.suppress(IndexError):
                return self._letters.popleft()
            left = end - time.monotonic()
            if left <= 0:
                return None
            self._news.acquire(timeout=left)


def block(start: Start[T]) -> T:
    """Starts an operation and waits for it. An exception meanwhile, such as ``KeyboardInterrupt``,
    stops it."""
    answers: Mailbox[Tuple[Optional[T], Optional[EncoderError]]] = Mailbox()
    operation = start(lambda result, error: answers.put((result, error)))
    try:
        while True:
            answer = answers.take(LOOK)
            if answer is not None:
                return _take(*answer)
    finally:
        operation.cancel()


def _take(result: Optional[T], error: Optional[EncoderError]) -> T:
    if error is not None:
        raise error
    if result is None:
        raise UnexpectedError("the native module answered nothing")
    return result
