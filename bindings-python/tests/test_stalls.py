"""Callbacks that hang, block or raise do not stall the rest of the fleet."""

from __future__ import annotations

import asyncio
import pathlib
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any, Callable, Dict, List

import pytest

import encoder_manager as em
from device import AsyncDriver, Device, PlainDriver
from encoder_manager import Simulator
from encoder_manager._plugins import PluginHome
from encoder_manager.plugins import Capability
from faces import REQUEST
from test_drivers import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the simulator runs on Linux")

POLL = 0.05
QUICK: Dict[str, Any] = {
    "watch": {
        "active_interval_ms": 50,
        "idle_interval_ms": 50,
        "retry_interval_ms": 50,
        "silent_interval_ms": 50,
        "timeout_ms": 200,
    },
    "thermal": {"burst_requests": 100_000},
}


MINE: Any = {"encoder_id": "mine", "driver": "mine", "address": "http://x.example"}


class HangingPlain(PlainDriver):
    """Every status hangs in its thread, for good."""

    def __init__(self, spec: Any) -> None:
        super().__init__(Device())
        self.running = 0
        self.most = 0

    def status(self) -> Any:
        self.running += 1
        self.most = max(self.most, self.running)
        threading.Event().wait()

    def events(self) -> Any:
        threading.Event().wait()


class HangingAsync(AsyncDriver):
    """Every status hangs in the loop until it is cancelled."""

    def __init__(self, spec: Any) -> None:
        super().__init__(Device())

    async def status(self) -> Any:
        await asyncio.sleep(3600)


class RaisingAsync(HangingAsync):
    async def status(self) -> Any:
        raise SystemExit("broken")

    def events(self) -> Any:
        raise SystemExit("broken")


class Busy(HangingAsync):
    """Computes without a pause, in the loop, for longer than a poll may take."""

    async def status(self) -> Any:
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            pass
        return self.device.read()


class Quiet(AsyncDriver):
    """Says nothing unasked."""

    capability: Capability = {"reads_back": True}  # noqa: RUF012


class Slow(em.plugins.Balancer):
    def select(self, demand: Any, fleet: Any, draw: int) -> Any:
        threading.Event().wait()


def gaps(helos: Simulator, since: float) -> List[float]:
    """The time between looks at the first device, in seconds, after that moment."""
    looks = [
        request["at_seconds"]
        for request in helos.requests(0)
        if request["at_seconds"] > since
        and ["action", "get"] in [list(pair) for pair in request["params"]]
    ]
    return [after - before for before, after in zip(looks, looks[1:])]


def last(helos: Simulator) -> float:
    return helos.requests(0)[-1]["at_seconds"]


def encoders(helos: Simulator, others: int = 3) -> List[Any]:
    mine = [
        {"encoder_id": f"mine-{place}", "driver": "mine", "address": "http://x.example"}
        for place in range(others)
    ]
    return [*helos.encoders(), *mine]


@pytest.mark.parametrize("kind", [HangingPlain, HangingAsync, RaisingAsync])
async def test_a_driver_that_hangs_or_raises_delays_nobody_else(kind: Any) -> None:
    made: List[Any] = []

    def make(spec: Any) -> Any:
        made.append(kind(spec))
        return made[-1]

    async with (
        Simulator(count=1, request_log=100_000) as helos,
        em.Manager(
            QUICK,
            encoders=encoders(helos),
            drivers={"mine": make},
            foreign={"call_deadline_seconds": 1},
        ) as manager,
    ):
        await until("the device is online", lambda: manager.fleet_counts()["online"] == 1)
        since = last(helos)
        # A stream runs meanwhile, which needs the loop and the device.
        stream = await manager.start_stream(request(), wait_live=10)
        await asyncio.sleep(2)
        seen = gaps(helos, since)
        assert len(seen) > 1 / POLL and max(seen) < 0.5, (len(seen), max(seen))
        await stream.stop()
    if kind is HangingPlain:
        assert all(0 < driver.most <= 8 for driver in made)


def request() -> Any:
    return dict(REQUEST)


def block_the_loop() -> None:
    time.sleep(2)


def hold_the_interpreter() -> None:
    """One call of a built-in function, during which no other Python code runs."""
    end = time.monotonic() + 2
    size = 1_000_000
    while time.monotonic() < end:
        begun = time.monotonic()
        sum(range(size))
        # About a second each.
        size = max(size, int(size / max(time.monotonic() - begun, 0.001)))


@pytest.mark.parametrize("hold", [block_the_loop, hold_the_interpreter])
async def test_a_blocked_loop_does_not_stall_devices(hold: Callable[[], None]) -> None:
    async with (
        Simulator(count=1, request_log=100_000) as helos,
        em.Manager(
            QUICK, encoders=encoders(helos, 1), drivers={"mine": lambda spec: Busy(spec)}
        ) as manager,
    ):
        await until("the device is online", lambda: manager.fleet_counts()["online"] >= 1)
        since = last(helos)
        hold()
        seen = gaps(helos, since)
    assert len(seen) > 1 / POLL and max(seen) < 0.5, (len(seen), max(seen))


async def test_a_blocked_loop_makes_its_drivers_unreachable_and_not_for_good() -> None:
    device = Device()
    async with em.Manager(
        QUICK, encoders=[MINE], drivers={"mine": lambda spec: AsyncDriver(device)}
    ) as manager:
        await until("online", lambda: manager.fleet_counts()["online"] == 1)
        seen = []
        end = time.monotonic() + 5
        while time.monotonic() < end and manager.fleet_counts()["online"]:
            # Nothing of the loop runs here.
            time.sleep(0.05)
            seen.append(manager.encoder("mine")["status"])
        assert manager.fleet_counts()["online"] == 0, seen
        await until("online again", lambda: manager.fleet_counts()["online"] == 1)


async def test_a_plain_driver_goes_on_while_the_loop_is_blocked() -> None:
    device = Device()
    async with em.Manager(
        QUICK, encoders=[MINE], drivers={"mine": lambda spec: PlainDriver(device)}
    ) as manager:
        await until("online", lambda: manager.fleet_counts()["online"] == 1)
        before = len(device.looked)
        time.sleep(2)
        looks = device.looked[before:]
    gaps = [after - before for before, after in zip(looks, looks[1:])]
    assert len(gaps) > 10 and max(gaps) < 0.5, gaps


async def test_a_balancer_that_hangs_delays_a_stream_by_its_deadline_only() -> None:
    async with (
        Simulator(count=1) as helos,
        em.Manager(
            QUICK, encoders=helos.encoders(), balancer=Slow(), foreign={"decide_deadline_ms": 100}
        ) as manager,
    ):
        await until("online", lambda: manager.fleet_counts()["online"] == 1)
        begun = time.monotonic()
        stream = await manager.start_stream(request())
        assert 0.1 <= time.monotonic() - begun < 2
        await stream.stop()


async def test_a_closed_loop_is_told_and_does_not_hang() -> None:
    device = Device()
    manager = em.Manager(QUICK, encoders=[MINE], drivers={"mine": lambda spec: Quiet(device)})

    async def leave_it_open() -> asyncio.AbstractEventLoop:
        await manager.open()
        await until("online", lambda: manager.fleet_counts()["online"] == 1)
        return asyncio.get_running_loop()

    # In a thread: in this one, pytest has a loop.
    loop = await asyncio.to_thread(asyncio.run, leave_it_open())
    end = time.monotonic() + 10
    while "requests fail" not in str(manager.encoder_health("mine")):
        assert time.monotonic() < end, manager.encoder_health("mine")
        await asyncio.sleep(0.05)
    with pytest.raises(em.ConflictError, match="close the manager before the loop ends"):
        PluginHome(loop).in_loop(lambda: None)
    assert await asyncio.to_thread(asyncio.run, manager.close())


SCRIPT = """
import sys
import threading

sys.path.insert(0, {tests!r})
from device import Device, PlainDriver
from encoder_manager import blocking

class Hanging(PlainDriver):
    def status(self):
        threading.Event().wait()

encoder = {{"encoder_id": "mine", "driver": "mine", "address": "http://x.example"}}
encoder = {{"encoder_id": "mine", "driver": "mine", "address": "http://x.example"}}
manager = blocking.Manager(encoders=[encoder], drivers={{"mine": lambda spec: Hanging(Device())}})
manager.open()
{end}
print("done", flush=True)
"""


@pytest.mark.parametrize("end", ["", "manager.close()", "raise SystemExit(0)"])
def test_a_program_ends_although_a_callback_hangs(end: str) -> None:
    script = textwrap.dedent(SCRIPT).format(tests=str(pathlib.Path(__file__).parent), end=end)
    begun = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    assert time.monotonic() - begun < 30 and not ended.stderr, ended.stderr
