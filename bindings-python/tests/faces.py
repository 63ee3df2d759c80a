"""The manager for asyncio and the one for threads as one, so that a test exists once for both."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
from typing import Any, AsyncIterator, Dict, Iterator, List

import encoder_manager
from encoder_manager import blocking
from encoder_manager._commands import Act, Awaiting
from station import Program, binary

FACES = ("asyncio", "blocking")

# Nobody listens there.
ABSENT = {"encoder_id": "absent", "address": "http://127.0.0.1:9"}

QUICK: Dict[str, Any] = {
    "watch": {"active_interval_ms": 50, "idle_interval_ms": 100, "report_interval_ms": 500},
    "thermal": {"burst_requests": 100000},
}

REQUEST: Dict[str, Any] = {
    "resolution": "1280x720",
    "bitrate": 4_500_000,
    "fps": 30,
    "destination": {"url": "rtmp://127.0.0.1/live"},
}

OWN = ("open", "close", "start_stream")


class Face:
    """A manager, or one of its streams, whose acts are coroutine functions in any case."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.real, name)
        acts = isinstance(getattr(type(self.real), name, None), Act) or name in OWN
        if not acts:
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            if isinstance(self.real, Awaiting):
                result = await found(*args, **kwargs)
            else:
                result = await asyncio.to_thread(found, *args, **kwargs)
            return Face(result) if name == "start_stream" else result

        return call


def make(face: str, *args: Any, **options: Any) -> Face:
    """A manager that is not open."""
    kind: Any = encoder_manager.Manager if face == "asyncio" else blocking.Manager
    return Face(kind(*args, **options))


@contextlib.asynccontextmanager
async def opened(face: str, *args: Any, **options: Any) -> AsyncIterator[Face]:
    """An open manager, closed at the end."""
    manager = make(face, *args, **options)
    await manager.open()
    try:
        yield manager
    finally:
        await manager.close()


@contextlib.contextmanager
def simulated(folder: pathlib.Path, *options: str) -> Iterator[List[Dict[str, Any]]]:
    """Simulated devices, as encoders for a manager; ended at the end."""
    command = [binary("helo-simulator"), "--listen", "127.0.0.1:0", "--json", "--exit-with-stdin"]
    devices = Program(*command, *options, cwd=folder)
    try:
        listed = json.loads(devices.said(lambda line: json.dumps(line.get("devices"))))
        yield [
            {"encoder_id": f"helo-{place}", "address": device["url"]}
            for place, device in enumerate(listed, start=1)
        ]
    finally:
        devices.end()


async def known(manager: Face) -> None:
    """Waits until the manager heard of all its encoders."""
    for encoder in manager.encoders():
        seen = await manager.monitor_encoder(encoder["encoder_id"])
        assert seen["encoder"]["status"] == "online", seen
