"""What several tests share."""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
from typing import Any, AsyncIterator, Iterator

import pytest

import both
import station
import stub
from conformance import Conformance


@pytest.fixture(scope="session")
def fleet() -> Iterator[station.Station]:
    """The real server with five simulated devices, and one where notices go."""
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sink = stack.enter_context(stub.Stub(stub.answer(200, {})))
        yield stack.enter_context(station.running(folder, 5, sink.url))


@pytest.fixture(params=both.KINDS)
def kind(request: Any) -> str:
    """Which client: every test that asks for it runs with both."""
    return str(request.param)


@pytest.fixture
async def client(kind: str, fleet: station.Station) -> AsyncIterator[both.Both]:
    """A client of the real server. Every answer is held against the OpenAPI document."""
    look = Conformance().check
    async with both.opened(kind, fleet.url, fleet.admin_key, look) as opened:
        yield opened
