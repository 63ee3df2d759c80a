"""Managers whose encoders are driven by Python."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import pathlib
import subprocess
import sys
import threading
import time
import weakref
from typing import Any, AsyncIterator, Callable, ClassVar, Dict, List

import pytest

import encoder_manager as em
import faces
from device import CAPABILITY, AsyncDriver, Device, PlainDriver, Rack
from encoder_manager._workers import Workers
from faces import REQUEST, Face

QUICK: Dict[str, Any] = {
    "watch": {"active_interval_ms": 50, "idle_interval_ms": 50, "retry_interval_ms": 50},
}

PATIENCE = 20.0

CONTROLLED = {**CAPABILITY, "reboot": True, "mute": True}


async def until(what: str, holds: Callable[[], Any]) -> None:
    """Looks until it holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"never happened: {what}"
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def managing(face: str, rack: Any, **options: Any) -> AsyncIterator[Face]:
    encoders = options.pop("encoders", None) or rack.encoders()
    config = options.pop("config", QUICK)
    async with faces.opened(
        face, config, encoders=encoders, drivers={"mine": rack}, **options
    ) as manager:
        await until("all are online", lambda: online(manager) == len(encoders))
        yield manager


def online(manager: Face) -> int:
    return int(manager.fleet_counts()["online"])


@pytest.mark.parametrize("face", faces.FACES)
@pytest.mark.parametrize("kind", [AsyncDriver, PlainDriver])
async def test_a_stream_survives_the_loss_of_its_encoder(face: str, kind: Any) -> None:
    rack = Rack(kind, "first", "second")
    async with managing(face, rack) as manager:
        stream = await manager.start_stream({**REQUEST, "protection": "warm"}, wait_live=10)
        before = stream.document()["primary"]["encoder_id"]
        after = "second" if before == "first" else "first"
        rack[before].cut_off()
        await until("moved", lambda: stream.document()["primary"]["encoder_id"] == after)
        await until("live again", lambda: rack[after].state == "streaming")
        assert "configure" in rack[after].calls and "start" in rack[after].calls
        await stream.stop()
        await until("stopped", lambda: rack[after].state == "idle")


class Raising(AsyncDriver):
    capability: Any = CONTROLLED
    raised: BaseException

    async def control(self, action: Any) -> None:
        raise self.raised


class PlainRaising(PlainDriver):
    raised: BaseException

    def capability(self) -> Any:
        return CONTROLLED

    def control(self, action: Any) -> None:
        raise self.raised


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class BrokenError(em.EncoderError):
    kind = "device_auth"

    def to_document(self) -> Any:
        raise RuntimeError("no document")


RAISED = [
    (ConnectionRefusedError("no"), em.DeviceUnreachableError, "ConnectionRefusedError: no"),
    (TimeoutError(), em.DeviceUnreachableError, "TimeoutError"),
    (asyncio.TimeoutError(), em.DeviceUnreachableError, "TimeoutError"),
    (OSError(5, "I/O"), em.DeviceUnreachableError, r"OSError: \[Errno 5\] I/O"),
    (KeyError("x"), em.UnexpectedError, "KeyError: 'x'"),
    (ValueError("two\nlines"), em.UnexpectedError, "ValueError: two lines"),
    (ValueError("\ud800"), em.UnexpectedError, r"ValueError: \?"),
    (Unspeakable(), em.UnexpectedError, "Unspeakable"),
    (SystemExit(3), em.UnexpectedError, "SystemExit: 3"),
    (asyncio.CancelledError(), em.UnexpectedError, "CancelledError"),
    (em.DeviceRejectedError("busy", retry="safe"), em.DeviceRejectedError, "busy"),
    (em.EncoderError("?", kind="no_such_kind"), em.UnexpectedError, r"\?"),
    (BrokenError("x"), em.DeviceAuthError, "BrokenError"),
]


@pytest.mark.parametrize(("raised", "expected", "words"), RAISED, ids=lambda one: str(type(one)))
@pytest.mark.parametrize("kind", [Raising, PlainRaising])
async def test_what_a_method_raises_keeps_its_kind(
    kind: Any, raised: BaseException, expected: Any, words: str
) -> None:
    rack = Rack(kind, "first")
    async with managing("asyncio", rack) as manager:
        rack.drivers[0].raised = raised
        with pytest.raises(expected, match=words) as caught:
            await manager.control("first", "reboot")
        assert type(caught.value) is expected
        assert caught.value.context["encoder"] == "first"
        if isinstance(raised, em.DeviceRejectedError):
            assert caught.value.retry == "safe"
        # The manager goes on.
        seen = await manager.monitor_encoder("first")
        assert seen["encoder"]["status"] == "online"


async def test_an_interrupt_in_a_thread_is_an_error() -> None:
    rack = Rack(PlainRaising, "first")
    async with managing("asyncio", rack) as manager:
        rack.drivers[0].raised = KeyboardInterrupt()
        with pytest.raises(em.UnexpectedError, match="KeyboardInterrupt"):
            await manager.control("first", "reboot")


INTERRUPTED = """
import asyncio, sys
sys.path.insert(0, {tests!r})
import encoder_manager as em
from device import Device
from test_drivers import QUICK, Raising, until

def make(spec):
    driver = Raising(Device())
    driver.raised = KeyboardInterrupt()
    return driver

async def main():
    encoder = {{"encoder_id": "first", "driver": "mine", "address": "http://x.example"}}
    async with em.Manager(QUICK, encoders=[encoder], drivers={{"mine": make}}) as manager:
        await until("online", lambda: manager.fleet_counts()["online"] == 1)
        try:
            await manager.control("first", "reboot")
        except em.UnexpectedError as error:
            print(error)

asyncio.run(main())
"""


def test_an_interrupt_in_the_main_thread_is_not_lost() -> None:
    """Where asyncio does not take Ctrl-C itself, it may be a real one, and ends the program."""
    script = INTERRUPTED.format(tests=str(pathlib.Path(__file__).parent))
    command = [sys.executable, "-W", "ignore", "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if sys.version_info >= (3, 11):
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "unexpected: KeyboardInterrupt" in ended.stdout
    else:
        assert ended.returncode in (1, 130, -2) and "KeyboardInterrupt" in ended.stderr


class Hanging(AsyncDriver):
    capability: Any = CONTROLLED
    entered = cancelled = 0

    async def control(self, action: Any) -> None:
        self.entered += 1
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def test_a_late_method_is_cancelled() -> None:
    rack = Rack(Hanging, "first")
    async with managing("asyncio", rack, foreign={"call_deadline_seconds": 0.2}) as manager:
        with pytest.raises(em.DeviceUnreachableError, match="no answer within 200 ms"):
            await manager.control("first", "reboot")
        await until("cancelled", lambda: rack.drivers[0].cancelled == 1)


async def test_cancelling_who_asked_cancels_the_method() -> None:
    rack = Rack(Hanging, "first")
    async with managing("asyncio", rack) as manager:
        asking = asyncio.ensure_future(manager.control("first", "reboot"))
        await until("it hangs", lambda: rack.drivers[0].entered)
        asking.cancel()
        await until("cancelled", lambda: rack.drivers[0].cancelled == 1)


class Mixed(PlainDriver):
    """Plain functions that give something to await."""

    def capability(self) -> Any:
        return asyncio.sleep(0, CAPABILITY)

    def status(self) -> Any:
        async def read() -> Any:
            assert asyncio.get_running_loop()
            return self.device.read()

        return read()

    def events(self) -> Any:
        async def begin() -> Any:
            return AsyncDriver(self.device).events()

        return begin()


async def test_a_plain_function_may_give_something_to_await() -> None:
    rack = Rack(Mixed, "first")
    async with managing("asyncio", rack) as manager:
        await until("the feed is open", lambda: rack["first"].listeners == 1)
        stream = await manager.start_stream(dict(REQUEST), wait_live=10)
        await stream.stop()


WRONG: List[Any] = [
    (list, "an array, where an object belongs"),
    (lambda: None, "invalid type: null"),
    (lambda: {"stream_state": "flying"}, "unknown variant `flying`"),
    (lambda: {"system": {"cpu": 1}}, "system.cpu: unknown key"),
    (lambda: {"system": {"cpu_percent": float("nan")}}, r"status\(\) has no JSON: ValueError"),
    (lambda: {"system": object()}, r"status\(\) has no JSON: TypeError"),
    (lambda: "\ud800", "hex escape"),
    (lambda: nested(100_000), "has no JSON: RecursionError"),
    (lambda: nested(500), "active.active: unknown key"),
    (lambda: cyclic(), "has no JSON: ValueError: Circular"),
]


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {"active": value}
    return value


def cyclic() -> Any:
    value: Any = {}
    value["active"] = value
    return value


@pytest.mark.parametrize(("status", "words"), WRONG)
async def test_an_answer_that_makes_no_sense_is_told(status: Any, words: str) -> None:
    class Wrong(PlainDriver):
        def status(self) -> Any:
            return status()

    def make() -> em.testing.DriverUnderTest:
        return em.testing.DriverUnderTest(Wrong(Device()), cut_off=lambda: None)

    with pytest.raises(AssertionError, match=f"DeviceProtocol.*{words}"):
        await em.testing.check_driver("absent_readings_are_none", make)


async def closed(device: Device) -> None:
    await until("the feed is closed", lambda: not device.listeners)


@pytest.mark.parametrize("face", faces.FACES)
@pytest.mark.parametrize("kind", [AsyncDriver, PlainDriver])
async def test_nothing_is_left_after_closing(face: str, kind: Any) -> None:
    rack = Rack(kind, "first", "second")
    async with managing(face, rack) as manager:
        await until("both feeds are open", lambda: all(d.listeners for d in rack.devices.values()))
        stream = await manager.start_stream(dict(REQUEST), wait_live=10)
        await stream.stop()
        await manager.remove_encoder("second")
    for device in rack.devices.values():
        # A plain generator ends with the next event.
        device.break_feed()
    for device in rack.devices.values():
        await closed(device)
    left = [weakref.ref(driver) for driver in rack.drivers]
    rack.drivers.clear()

    def gone() -> bool:
        gc.collect()
        return not any(one() for one in left)

    assert len(left) == 2
    await until("the drivers are gone", gone)


class OneEvent:
    """A feed that is not a generator, and waits for ever after its first event."""

    def __init__(self) -> None:
        self.told, self.closed = False, False

    def __aiter__(self) -> OneEvent:
        return self

    async def __anext__(self) -> Any:
        if self.told:
            await asyncio.sleep(3600)
        self.told = True
        return {"event": "snapshot", "status": {"stream_state": "idle"}}

    async def aclose(self) -> None:
        self.closed = True


class OnePlainEvent:
    """The same for threads; it ends when it is closed."""

    def __init__(self) -> None:
        self.told, self._end = False, threading.Event()

    def __iter__(self) -> OnePlainEvent:
        return self

    def __next__(self) -> Any:
        if self.told:
            self._end.wait()
            raise StopIteration
        self.told = True
        return {"event": "snapshot", "status": {"stream_state": "idle"}}

    @property
    def closed(self) -> bool:
        return self._end.is_set()

    def close(self) -> None:
        self._end.set()


@pytest.mark.parametrize("feed", [OneEvent, OnePlainEvent])
async def test_a_feed_is_closed_when_nobody_listens(feed: Any) -> None:
    opened: List[Any] = []

    class Feeding(PlainDriver):
        def events(self) -> Any:
            opened.append(feed())
            return opened[-1]

    async with managing("asyncio", Rack(Feeding, "first")) as manager:
        await until("it is told", lambda: opened and opened[0].told)
        await manager.remove_encoder("first")
        await until("closed", lambda: opened[0].closed)
    assert len(opened) == 1


@pytest.mark.parametrize("events", [lambda: iter(()), lambda: 7, lambda: [{"event": "sung"}]])
async def test_a_feed_that_ends_or_is_none_is_opened_again(events: Any) -> None:
    opened: List[float] = []

    class Feeding(PlainDriver):
        def events(self) -> Any:
            opened.append(time.monotonic())
            return events()

    async with managing("asyncio", Rack(Feeding, "first")) as manager:
        await until("three times", lambda: len(opened) >= 3)
        assert online(manager) == 1
    # After a growing pause.
    assert opened[2] - opened[1] > opened[1] - opened[0] > 0.2


def test_an_idle_thread_keeps_nothing_alive() -> None:
    workers, ran = Workers(), threading.Event()
    work = functools.partial(ran.set)
    kept = weakref.ref(work)
    workers.submit(work)
    del work
    assert ran.wait(PATIENCE)
    end = time.monotonic() + 2
    while kept() is not None:
        assert time.monotonic() < end
        time.sleep(0.01)


class Made(AsyncDriver):
    """Needs the loop when it is made."""

    made: ClassVar[List[Any]] = []

    def __init__(self, spec: Any) -> None:
        assert asyncio.get_running_loop()
        self.made.append(spec)
        super().__init__(Device())


async def test_a_class_of_coroutines_is_made_in_the_loop() -> None:
    encoders = [
        {
            "encoder_id": "first",
            "driver": "mine",
            "address": "http://x.example",
            "password": "secret",
            "labels": {"rack": "7"},
        }
    ]
    Made.made.clear()
    async with faces.opened("asyncio", QUICK, encoders=encoders, drivers={"mine": Made}) as manager:
        await until("online", lambda: online(manager) == 1)
        assert "secret" not in str(manager.encoders())
    (spec,) = Made.made
    assert (spec["encoder_id"], spec["password"]) == ("first", "secret")
    assert spec["labels"] == {"rack": "7"} and spec["site"] is None


class Incapable(PlainDriver):
    capability: Any = None


class Half:
    capability: ClassVar[Any] = {"reboot": True}

    def status(self) -> Any:
        return {}


class Strange(PlainDriver):
    capability: ClassVar[Any] = {"flies": True}


async def fail(spec: Any) -> Any:
    raise em.ValidationFailedError("no such model")


FACTORIES: List[Any] = [
    (lambda spec: None, em.ConfigInvalidError, "NoneType lacks capability"),
    (lambda spec: Incapable(Device()), em.ConfigInvalidError, "Incapable lacks capability"),
    (lambda spec: Half(), em.ConfigInvalidError, r"lacks configure\(\), start\(\), stop\(\), cont"),
    (lambda spec: Strange(Device()), em.ConfigInvalidError, "flies: unknown key"),
    (fail, em.ValidationFailedError, "no such model"),
    (lambda: None, em.UnexpectedError, "TypeError: .*takes 0 positional arguments"),
]


@pytest.mark.parametrize(("factory", "expected", "words"), FACTORIES)
async def test_a_factory_that_makes_no_driver_is_told(
    factory: Any, expected: Any, words: str
) -> None:
    (encoder,) = Rack(AsyncDriver, "first").encoders()
    async with em.Manager(QUICK, drivers={"mine": factory}) as manager:
        with pytest.raises(expected, match=words):
            await manager.add_encoder(encoder)
        assert manager.encoders() == []


@pytest.mark.parametrize("drivers", [[1], "mine", {1: AsyncDriver}, {"mine": 7}])
async def test_drivers_that_are_no_factories_by_name_are_refused(drivers: Any) -> None:
    manager = em.Manager(QUICK, drivers=drivers)
    with pytest.raises(em.ConfigInvalidError, match=r"drivers(: |.mine: int cannot be called)"):
        await manager.open()
    await manager.close()
