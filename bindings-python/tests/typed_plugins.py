"""Drivers and policies as users write them, for type checkers alone: it is never run."""

from __future__ import annotations

from typing import Any, List, Optional

from typing_extensions import assert_type

import policies_in_python as mine
from device import AsyncDriver, Device, PlainDriver
from encoder_manager import Manager, Simulator, testing
from encoder_manager.plugins import (
    Balancer,
    Capability,
    Demand,
    DeviceStatus,
    DriverFactory,
    EncoderDriver,
    EncoderSpec,
    HealthPolicy,
    LentDriver,
    Placement,
    PublishTarget,
    PushingDriver,
    Remediator,
    Row,
    RunningRemediator,
    StreamConfig,
)
from encoder_manager.simulator import Request


def drivers(device: Device) -> List[EncoderDriver]:
    pushing: List[PushingDriver] = [AsyncDriver(device), PlainDriver(device)]
    return [*pushing]


def policies() -> None:
    balancers: List[Balancer] = [mine.Emptiest(), mine.AsyncEmptiest()]
    judges: List[HealthPolicy] = [mine.Agreeing(), mine.AsyncAgreeing()]
    menders: List[Remediator] = [mine.OneStart()]
    runners: List[RunningRemediator] = [mine.RunsItself(), mine.RunsItselfBlocking()]
    del balancers, judges, menders, runners


async def make(spec: EncoderSpec) -> EncoderDriver:
    assert_type(spec["address"], str)
    return AsyncDriver(Device())


def factories() -> List[DriverFactory]:
    return [make, lambda spec: PlainDriver(Device())]


async def lent(driver: LentDriver) -> None:
    assert_type(await driver.status(), DeviceStatus)
    assert_type(driver.blocking.start(), None)
    assert_type(driver.capability, Capability)
    await driver.control({"action": "sing"})  # type: ignore[typeddict-item] # pyright: ignore


async def checks() -> None:
    await testing.check_balancer("same_input_same_answer", mine.Emptiest)
    await testing.check_balancer("x", mine.Agreeing)  # type: ignore[arg-type] # pyright: ignore


async def simulated() -> None:
    async with Simulator(count=2, timing={"boot_ms": 5}) as helos:
        helos.inject(0, "delay", delay_ms=20, times=3, path="/config")
        helos.inject(0, "rust")  # type: ignore[arg-type] # pyright: ignore
        helos.inject(0, "hang", lasts=3)  # type: ignore[call-arg] # pyright: ignore
        assert_type(helos.requests(0), List[Request])
        async with Manager(encoders=helos.encoders(), drivers={"mine": make}):
            pass
    Simulator(colour="red")  # type: ignore[call-arg] # pyright: ignore


class Deaf(EncoderDriver):
    """Inherits the protocol and forgets a method: it cannot be made."""

    @property
    def capability(self) -> Capability:
        return {}

    def status(self) -> DeviceStatus:
        return {"stream_state": "idle"}

    def configure(self, config: StreamConfig, target: PublishTarget) -> None: ...

    def start(self) -> None: ...


def deaf() -> Any:
    return Deaf()  # type: ignore[abstract] # pyright: ignore


class Wrong:
    def select(self, demand: Demand, fleet: List[Row]) -> Optional[Placement]: ...


def wrong() -> Balancer:
    return Wrong()  # type: ignore[return-value] # pyright: ignore
