"""How requests travel: with asyncio, or blocking."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any, Dict, Optional, TypeVar

import httpx

from ..errors import ConflictError, ShuttingDownError
from ._exchange import Outcome, Pause, Profile, Send, Steps

T = TypeVar("T")


def fields(send: Send) -> Dict[str, Any]:
    """The request as httpx takes it."""
    return {
        "method": send.method,
        "url": send.url,
        "params": send.params or None,
        "headers": send.headers,
        "content": send.content,
        "timeout": send.timeout,
    }


class _Transport:
    def __init__(self, profile: Profile, owned: bool) -> None:
        self.profile = profile
        self._owned = owned
        self._closed = False
        self._process = os.getpid()

    def check_open(self) -> None:
        """Raises where the connections must not be used."""
        if self._closed:
            raise ShuttingDownError("this client was closed; make another one")
        if self._process != os.getpid():
            raise ConflictError("this client belongs to the process that forked; make another one")


class Asynchronous(_Transport):
    """Makes requests within the running event loop."""

    def __init__(self, profile: Profile, http: Optional[httpx.AsyncClient]) -> None:
        super().__init__(profile, owned=http is None)
        self.http = httpx.AsyncClient() if http is None else http
        self._loop: Optional[asyncio.AbstractEventLoop] = None

    def check_open(self) -> None:
        """As above; connections belong to the event loop that opened them."""
        super().check_open()
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise ConflictError("this client belongs to another event loop; make one in this loop")
        self._loop = loop

    async def run(self, steps: Steps[T]) -> T:
        """Does what the steps say. Cancelling it gives up the request under way."""
        self.check_open()
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result
            outcome = None
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                continue
            try:
                outcome = await self.http.request(**fields(step))
            except httpx.RequestError as error:
                outcome = error

    async def close(self) -> None:
        """Closes the connections, unless somebody else opened them."""
        self._closed = True
        if self._owned:
            await self.http.aclose()


class Blocking(_Transport):
    """Makes requests in the calling thread. Several threads may use it."""

    def __init__(self, profile: Profile, http: Optional[httpx.Client]) -> None:
        super().__init__(profile, owned=http is None)
        self.http = httpx.Client() if http is None else http

    def run(self, steps: Steps[T]) -> T:
        """Does what the steps say."""
        self.check_open()
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result
            outcome = None
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                continue
            try:
                outcome = self.http.request(**fields(step))
            except httpx.RequestError as error:
                outcome = error

    def close(self) -> None:
        """Closes the connections, unless somebody else opened them."""
        self._closed = True
        if self._owned:
            self.http.close()
