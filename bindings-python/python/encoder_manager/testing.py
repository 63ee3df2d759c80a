"""Holds drivers and policies against what the manager expects of them.

Each suite is a tuple of items, made for pytest::

    from encoder_manager import testing

    @pytest.mark.parametrize("item", testing.DRIVER)
    def test_driver(item: str) -> None:
        asyncio.run(testing.check_driver(item, make))

    async def make() -> testing.DriverUnderTest:
        device = await FakeDevice.start()
        return testing.DriverUnderTest(MyDriver(device.address), cut_off=device.stop)

A check raises ``AssertionError`` saying what is wrong. They run on the real clock, against the same
items as the drivers and policies that come with the manager.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Optional, Tuple

from . import _encoder_manager as _native
from ._waiting import answer, running_loop
from .plugins import (
    Balancer,
    EncoderDriver,
    HealthPolicy,
    MaybeAwaitable,
    PublishTarget,
    Remediator,
    StreamConfig,
)

__all__ = [
    "BALANCER",
    "DRIVER",
    "HEALTH_POLICY",
    "REMEDIATOR",
    "DriverUnderTest",
    "check_balancer",
    "check_driver",
    "check_health_policy",
    "check_remediator",
    "sample_config",
    "sample_target",
]

DRIVER: Tuple[str, ...] = _native.DRIVER_ITEMS
"""What is expected of a driver. Items about what its capability lacks pass without looking."""
BALANCER: Tuple[str, ...] = _native.BALANCER_ITEMS
"""What is expected of a balancer."""
HEALTH_POLICY: Tuple[str, ...] = _native.HEALTH_ITEMS
"""What is expected of a health policy."""
REMEDIATOR: Tuple[str, ...] = _native.REMEDIATION_ITEMS
"""What is expected of a remediator. Its steps fail by running into their deadlines, several times
each, so short deadlines make it short."""

Hook = Callable[[], MaybeAwaitable[object]]


def sample_config() -> StreamConfig:
    """Settings that every encoder should take: 1920x1080, 30 pictures and 6 Mbit per second."""
    return {
        "resolution": "1920x1080",
        "bitrate": 6_000_000,
        "fps": 30,
        "keyframe_interval_seconds": 2,
        "audio_bitrate": 128_000,
    }


def sample_target() -> PublishTarget:
    """An address that leads nowhere, with a key."""
    return {"url": "rtmp://ingest.example/live", "stream_key": "sample-key"}


@dataclass
class DriverUnderTest:
    """A driver with an idle, well-behaved device behind it."""

    driver: EncoderDriver
    cut_off: Hook
    """Makes the device stop answering for good."""
    config: StreamConfig = field(default_factory=sample_config)
    """Settings that the device can take."""
    target: PublishTarget = field(default_factory=sample_target)
    """A target that it can publish to."""
    ignore_writes: Optional[Hook] = None
    """Makes the device accept settings without effect. Without it nothing proves that the driver
    notices."""
    break_feed: Optional[Hook] = None
    """Breaks the event feed so that it can be had again. Without it only the first snapshot is
    seen."""
    within: float = 10.0
    """Seconds that starting, stopping, noticing a dead device and delivering an event may take."""
    encoder_id: str = "under-test"


async def check_driver(item: str, make: Callable[[], MaybeAwaitable[DriverUnderTest]]) -> None:
    """Checks one of :data:`DRIVER`. ``make`` gives a driver with a device of its own; it and the
    driver run in this event loop where they are coroutine functions, and in threads otherwise.

    Raises ``AssertionError`` when something is wrong with the driver, ``ValueError`` for an unknown
    item, and what ``make`` or a hook raised.
    """
    await _check("driver", DRIVER, item, make)


async def check_balancer(item: str, make: Callable[[], MaybeAwaitable[Balancer]]) -> None:
    """Checks one of :data:`BALANCER`. ``make`` gives a fresh balancer each time. Raises as
    :func:`check_driver`; an answer that could not be used is wrong as well."""
    await _check("balancer", BALANCER, item, make)


async def check_health_policy(item: str, make: Callable[[], MaybeAwaitable[HealthPolicy]]) -> None:
    """Checks one of :data:`HEALTH_POLICY`; see :func:`check_balancer`."""
    await _check("health_policy", HEALTH_POLICY, item, make)


async def check_remediator(item: str, make: Callable[[], MaybeAwaitable[Remediator]]) -> None:
    """Checks one of :data:`REMEDIATOR`; see :func:`check_balancer`."""
    await _check("remediator", REMEDIATOR, item, make)


async def _check(suite: str, items: Tuple[str, ...], item: str, make: object) -> None:
    if item not in items:
        raise ValueError(f"the suite has no item {item!r}; it has {', '.join(items)}")
    loop = running_loop()
    complaint: str = await answer(lambda done: _native.check(suite, item, make, loop, done))
    if complaint:
        raise AssertionError(f"{item}: {complaint}")
