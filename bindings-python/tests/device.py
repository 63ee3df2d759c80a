"""An encoder without hardware, and two drivers for it written in Python."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from typing import Any, AsyncIterator, Callable, Iterator, List, Optional

from encoder_manager import DeviceRejectedError
from encoder_manager.plugins import (
    Capability,
    DeviceEvent,
    DeviceStatus,
    EncoderSpec,
    PublishTarget,
    StreamConfig,
    StreamState,
)

STARTING, STOPPING = 0.03, 0.01

CAPABILITY: Capability = {
    "reads_back": True,
    "pushes_events": True,
    "configures_while_streaming": True,
    "limits": {"schemes": ["rtmp"], "max_gop_frames": 600},
}

Listener = Callable[[Optional[DeviceEvent]], object]


class Device:
    """Streams some time after it was told to. Whoever speaks to it waits ``latency`` first."""

    def __init__(self) -> None:
        self.alive, self.obeys, self.latency = True, True, 0.0
        self.state: StreamState = "idle"
        self.config: Optional[StreamConfig] = None
        self.target: Optional[PublishTarget] = None
        self.calls: List[str] = []
        self.looked: List[float] = []
        self._listeners: List[Listener] = []
        self._lock = threading.RLock()

    def spoken_to(self, call: str) -> None:
        """One more call; fails when nobody answers."""
        self.calls.append(call)
        if not self.alive:
            raise ConnectionRefusedError("nobody answers")

    def read(self) -> DeviceStatus:
        with self._lock:
            self.spoken_to("status")
            self.looked.append(time.monotonic())
            status: DeviceStatus = {"stream_state": self.state}
            if self.config is not None:
                status["active"] = {
                    "resolution": self.config["resolution"],
                    "bitrate": self.config["bitrate"],
                    "fps": self.config["fps"],
                    "target": self.target,
                }
            else:
                status["active"] = {}
            return status

    def write(self, config: StreamConfig, target: PublishTarget) -> None:
        with self._lock:
            self.spoken_to("configure")
            if self.obeys:
                self.config, self.target = config, target
            if self.config != config or self.target != target:
                raise DeviceRejectedError("the settings were ignored")

    def start(self) -> None:
        with self._lock:
            self.spoken_to("start")
            if self.state == "idle":
                self._move("starting")
                self._later(STARTING, "starting", "streaming")

    def stop(self) -> None:
        with self._lock:
            self.spoken_to("stop")
            if self.state in ("starting", "streaming"):
                self._move("idle")

    def _later(self, seconds: float, before: StreamState, after: StreamState) -> None:
        def move() -> None:
            with self._lock:
                if self.state == before:
                    self._move(after)

        timer = threading.Timer(seconds, move)
        timer.daemon = True
        timer.start()

    def _move(self, state: StreamState) -> None:
        self.state = state
        self._tell({"event": "changed", "change": {"stream_state": state}})

    def fail_stream(self) -> None:
        """The stream ends by itself."""
        with self._lock:
            self._move("idle")

    def cut_off(self) -> None:
        self.alive = False
        self.break_feed()

    def ignore_writes(self) -> None:
        self.obeys = False

    def break_feed(self) -> None:
        self._tell(None)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tells it what happens from now on; ``None`` when the feed broke. Gives what ends it."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def _tell(self, event: Optional[DeviceEvent]) -> None:
        with self._lock:
            for listener in self._listeners:
                listener(event)


class AsyncDriver:
    """Coroutine functions only."""

    capability: Capability = CAPABILITY

    def __init__(self, device: Device) -> None:
        self.device = device

    async def status(self) -> DeviceStatus:
        await asyncio.sleep(self.device.latency)
        return self.device.read()

    async def configure(self, config: StreamConfig, target: PublishTarget) -> None:
        await asyncio.sleep(self.device.latency)
        self.device.write(config, target)

    async def start(self) -> None:
        await asyncio.sleep(self.device.latency)
        self.device.start()

    async def stop(self) -> None:
        await asyncio.sleep(self.device.latency)
        self.device.stop()

    async def events(self) -> AsyncIterator[DeviceEvent]:
        loop = asyncio.get_running_loop()
        told: asyncio.Queue[Optional[DeviceEvent]] = asyncio.Queue()
        end = self.device.listen(lambda event: loop.call_soon_threadsafe(told.put_nowait, event))
        try:
            yield {"event": "snapshot", "status": self.device.read()}
            while True:
                event = await told.get()
                if event is None:
                    raise ConnectionResetError("the feed broke")
                yield event
        finally:
            end()


class PlainDriver:
    """Plain functions only, which block."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def capability(self) -> Capability:
        return CAPABILITY

    def status(self) -> DeviceStatus:
        time.sleep(self.device.latency)
        return self.device.read()

    def configure(self, config: StreamConfig, target: PublishTarget) -> None:
        time.sleep(self.device.latency)
        self.device.write(config, target)

    def start(self) -> object:
        time.sleep(self.device.latency)
        self.device.start()
        # Nobody looks at it.
        return object()

    def stop(self) -> None:
        time.sleep(self.device.latency)
        self.device.stop()

    def events(self) -> Iterator[DeviceEvent]:
        told: queue.SimpleQueue[Optional[DeviceEvent]] = queue.SimpleQueue()
        end = self.device.listen(told.put)
        try:
            yield {"event": "snapshot", "status": self.device.read()}
            while True:
                event = told.get()
                if event is None:
                    raise ConnectionResetError("the feed broke")
                yield event
        finally:
            end()


class Rack:
    """Devices by encoder, and factories of drivers for them."""

    def __init__(self, kind: Callable[[Device], Any], *names: str) -> None:
        self.devices = {name: Device() for name in names}
        self.drivers: List[Any] = []
        self._kind = kind

    def __call__(self, spec: EncoderSpec) -> Any:
        driver = self._kind(self.devices[spec["encoder_id"]])
        self.drivers.append(driver)
        return driver

    def __getitem__(self, name: str) -> Device:
        return self.devices[name]

    def encoders(self) -> List[Any]:
        return [
            {"encoder_id": name, "driver": "mine", "address": "http://127.0.0.1:9"}
            for name in self.devices
        ]
