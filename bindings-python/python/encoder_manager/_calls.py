"""Calls of methods of objects, for the native half.

It calls :meth:`Plugin.begin` from a thread that must not wait, and awaits the answer without the
interpreter. A coroutine function runs in the event loop of the manager. Any other function runs in
a thread, so that it may block; what it gives is awaited in the loop if it can be.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import json
import signal
import threading
from typing import Any, Awaitable, Callable, FrozenSet, List, Optional, Tuple, Type

from ._encoder_manager import Answer
from ._encoder_manager import LentDriver as NativeLentDriver
from ._faults import error_text, one_line
from ._lent import LentDriver
from ._workers import Workers
from .errors import (
    ConflictError,
    DeadlineExceededError,
    EncoderError,
    UnexpectedError,
    ValidationFailedError,
)

Function = Callable[..., Any]
Then = Callable[[Any], object]


class Home:
    """The event loop and the threads for the objects of one owner."""

    def __init__(self, loop: Optional[asyncio.AbstractEventLoop]) -> None:
        self.workers = Workers()
        self._loop = loop

    def in_loop(self, work: Callable[[], object]) -> None:
        """Runs that in the loop, soon. Raises ``ConflictError`` when there is none any more."""
        if self._loop is None:
            raise ConflictError("there is no event loop that a coroutine could run in")
        try:
            self._loop.call_soon_threadsafe(work)
        except RuntimeError:
            message = "its event loop is closed; close the manager before the loop ends"
            raise ConflictError(message) from None

    def close(self) -> None:
        """Nothing is called any more."""
        self._loop = None


class Plugin:
    """An object whose methods are called."""

    known: Tuple[str, ...] = ()
    # Plain functions of one object that may run at once. Nothing ends one that hangs.
    at_once = 64
    late: Type[EncoderError] = DeadlineExceededError
    nonsense: Type[EncoderError] = ValidationFailedError

    def __init__(self, home: Home, target: object) -> None:
        self.home = home
        self.target: Any = target
        self.name = _name(target)
        self.methods = self.find_methods()
        self._running = 0
        self._counting = threading.Lock()

    def find_methods(self) -> FrozenSet[str]:
        """The methods that it has of those that are known."""
        return frozenset(one for one in self.known if callable(getattr(self.target, one, None)))

    def begin(
        self, method: str, arguments: str, driver: Optional[NativeLentDriver], answer: Answer
    ) -> Call:
        """Begins a call, without waiting. Never raises."""
        call = Call(self, method, answer)
        call.guard(self.perform, call, arguments, driver)
        return call

    def perform(self, call: Call, arguments: str, driver: Optional[NativeLentDriver]) -> None:
        """Decides what runs where."""
        function = getattr(self.target, call.method)
        call.run(function, self.reader(arguments, driver), call.give)

    def reader(self, arguments: str, driver: Optional[NativeLentDriver]) -> Function:
        """What gives the arguments; they are read where the function runs."""

        def read() -> List[Any]:
            read: List[Any] = json.loads(arguments)
            return read if driver is None else [*read, LentDriver(driver)]

        return read

    def enter(self, method: str) -> None:
        """One more plain function runs."""
        with self._counting:
            if self._running >= self.at_once:
                message = f"{method}() was not called: {self._running} earlier calls still run"
                raise self.late(message)
            self._running += 1

    def leave(self) -> None:
        """One of them ended."""
        with self._counting:
            self._running -= 1

    def release(self) -> None:
        """Lets the object go. Its end may take long, so a thread sees to it."""
        held = [self.target]
        self.target = None
        with contextlib.suppress(RuntimeError):
            self.home.workers.submit(held.clear)


class Call:
    """One call under way."""

    def __init__(self, plugin: Plugin, method: str, answer: Answer) -> None:
        self.plugin, self.method = plugin, method
        self._answer: Optional[Answer] = answer
        self._task: Optional[asyncio.Task[None]] = None
        self._uses_loop = False
        self.cancelled = False

    def give(self, value: object) -> None:
        """Answers with a document."""
        self.answer(self.encode(value))

    def done(self, _: object) -> None:
        """Answers a command, whatever it returned."""
        self.answer("null")

    def answer(self, document: str, made: Optional[Plugin] = None) -> None:
        """Answers, with an object that was made if there is one."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.give(document, made)

    def fail(self, error: BaseException) -> None:
        """Answers with an error."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.fail(error_text(error))

    def encode(self, value: object, what: Optional[str] = None) -> str:
        """The text of a document."""
        try:
            return json.dumps(value, allow_nan=False)
        except Exception as error:
            message = f"{what or self.method + '()'} has no JSON: {one_line(error)}"
            raise self.plugin.nonsense(message) from None

    def guard(self, work: Function, *arguments: Any) -> None:
        """Does that; what it raises is the answer."""
        try:
            work(*arguments)
        except BaseException as error:
            self.fail(error)
            if _is_real_interrupt(error):
                raise

    def run(self, function: Function, arguments: Function, then: Then) -> None:
        """Calls a function where it belongs, and does what follows with what it gives."""
        if is_async(function):
            self.run_in_loop(function, arguments, then)
        else:
            self.run_in_thread(function, arguments, then)

    def run_in_loop(self, function: Function, arguments: Function, then: Then) -> None:
        """Calls a function in the loop; what it gives is awaited if it can be."""

        async def run() -> None:
            value = function(*arguments())
            then(await value if inspect.isawaitable(value) else value)

        self._in_loop(run)

    def run_in_thread(self, function: Function, arguments: Function, then: Then) -> None:
        """Calls a function in a thread."""
        plugin = self.plugin
        plugin.enter(self.method)

        def run() -> None:
            try:
                # Cancelled before it began.
                if not self.cancelled:
                    self.guard(self._call, function, arguments, then)
            finally:
                plugin.leave()

        try:
            plugin.home.workers.submit(run)
        except BaseException:
            plugin.leave()
            raise

    def _call(self, function: Function, arguments: Function, then: Then) -> None:
        value = function(*arguments())
        if not inspect.isawaitable(value):
            then(value)
            return

        async def follow() -> None:
            then(await value)

        try:
            self._in_loop(follow, lambda: _discard(value))
        except BaseException:
            _discard(value)
            raise

    def _in_loop(
        self, main: Callable[[], Awaitable[None]], otherwise: Optional[Callable[[], None]] = None
    ) -> None:
        # Coroutines are made in the loop only: it may be over before it comes to them.
        def begin() -> None:
            if not self.cancelled:
                self._task = asyncio.ensure_future(self._guarded(main))
            elif otherwise is not None:
                otherwise()

        self._uses_loop = True
        self.plugin.home.in_loop(begin)

    async def _guarded(self, main: Callable[[], Awaitable[None]]) -> None:
        try:
            await main()
        except asyncio.CancelledError as error:
            self.fail(UnexpectedError(f"{self.method}() was cancelled: {one_line(error)}"))
            raise
        except BaseException as error:
            # Neither SystemExit nor the like may end a loop that is somebody else's.
            self.fail(error)
            if isinstance(error, GeneratorExit) or _is_real_interrupt(error):
                raise
        finally:
            self._task = None

    def cancel(self) -> None:
        """Nobody waits any more. A plain function that runs is not stopped by that."""
        self.cancelled, self._answer = True, None
        if self._uses_loop:
            with contextlib.suppress(ConflictError):
                self.plugin.home.in_loop(self._cancel_task)

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._task.cancel()


def _discard(main: Awaitable[Any]) -> None:
    """Never awaited, and nothing to be warned of."""
    if inspect.iscoroutine(main):
        main.close()


def _is_real_interrupt(error: BaseException) -> bool:
    """Whether somebody pressed Ctrl-C while a callback ran in the main thread. Python's own handler
    is not there while :func:`asyncio.run` of Python 3.11 and later tells its task instead."""
    return (
        isinstance(error, KeyboardInterrupt)
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )


def _name(target: object) -> str:
    name = getattr(target, "__name__", None) or type(target).__name__
    return str(name)


def is_async(function: object) -> bool:
    """Whether calling it gives something to await, as far as its definition says."""
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, type):
        # A driver of coroutines lives in the loop from its making on.
        return inspect.iscoroutinefunction(getattr(function, "status", None))
    return any(
        inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one)
        for one in (function, getattr(function, "__call__", None))  # noqa: B004
    )
