"""Drivers and policies written in Python against the suites of the library."""

from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, Callable, List, Optional

import pytest

import policies_in_python as policies
from device import AsyncDriver, Device, PlainDriver
from encoder_manager import DeviceUnreachableError, testing
from encoder_manager.plugins import (
    Attempt,
    Demand,
    DeviceEvent,
    History,
    Incident,
    Placement,
    Row,
    Step,
)


def subject(kind: Callable[[Device], Any]) -> testing.DriverUnderTest:
    device = Device()
    return testing.DriverUnderTest(
        kind(device),
        cut_off=device.cut_off,
        ignore_writes=device.ignore_writes,
        break_feed=device.break_feed,
    )


@pytest.mark.parametrize("item", testing.DRIVER)
@pytest.mark.parametrize("kind", [AsyncDriver, PlainDriver])
async def test_drivers(kind: Any, item: str) -> None:
    await testing.check_driver(item, lambda: subject(kind))


@pytest.mark.parametrize("item", testing.BALANCER)
@pytest.mark.parametrize("kind", [policies.Emptiest, policies.AsyncEmptiest])
async def test_balancers(kind: Any, item: str) -> None:
    await testing.check_balancer(item, kind)


@pytest.mark.parametrize("item", testing.HEALTH_POLICY)
@pytest.mark.parametrize("kind", [policies.Agreeing, policies.AsyncAgreeing])
async def test_health_policies(kind: Any, item: str) -> None:
    await testing.check_health_policy(item, kind)


@pytest.mark.parametrize("item", testing.REMEDIATOR)
@pytest.mark.parametrize(
    "kind", [policies.OneStart, policies.RunsItself, policies.RunsItselfBlocking]
)
async def test_remediators(kind: Any, item: str) -> None:
    await testing.check_remediator(item, kind)


class Forgetful(PlainDriver):
    """Answers from memory."""

    def status(self) -> Any:
        self.device.alive, before = True, self.device.alive
        try:
            return super().status()
        finally:
            self.device.alive = before


class Restarting(AsyncDriver):
    """Starts a device anew that streams."""

    async def start(self) -> None:
        await self.stop()
        await super().start()


class Boastful(PlainDriver):
    """Tells what its capability denies."""

    def status(self) -> Any:
        return {**super().status(), "system": {"cpu_percent": 0}}


class Careless(PlainDriver):
    """Does not look whether settings had an effect."""

    def configure(self, config: Any, target: Any) -> None:
        try:
            super().configure(config, target)
        except Exception:
            return


class Silent(AsyncDriver):
    """Its feed says nothing."""

    async def events(self) -> AsyncIterator[DeviceEvent]:
        await asyncio.Event().wait()
        yield {"event": "feed_lost", "reason": "never told"}


@pytest.mark.parametrize(
    ("kind", "item", "words"),
    [
        (Forgetful, "status_reads_the_device", "a dead device gave its status"),
        (Restarting, "start_is_idempotent", "Starting"),
        (Boastful, "absent_readings_are_none", "`cpu_percent` is given"),
        (Careless, "configure_reads_back", "settings without effect were taken"),
        (Silent, "events_begin_with_a_snapshot", "no event within"),
    ],
)
async def test_a_wrong_driver_is_told_what_is_wrong(kind: Any, item: str, words: str) -> None:
    def make() -> testing.DriverUnderTest:
        wrong = subject(kind)
        wrong.within = 1.0
        return wrong

    with pytest.raises(AssertionError, match=words):
        await testing.check_driver(item, make)


class Stubborn:
    def select(self, demand: Demand, fleet: List[Row], draw: int) -> Optional[Placement]:
        return {"primary": fleet[0]["encoder_id"]} if fleet else None


class Moody:
    """Answers by its mood."""

    answered = 0

    def select(self, demand: Demand, fleet: List[Row], draw: int) -> Optional[Placement]:
        Moody.answered += 1
        chosen = policies.Emptiest().select({**demand, "primary": None}, fleet, draw)
        eligible = [row["encoder_id"] for row in fleet if row["eligible"]]
        free = [one for one in eligible if one not in demand["exclude"]]
        if chosen is None or not free or demand["primary"] or demand["backup"]:
            return policies.Emptiest().select(demand, fleet, draw)
        return {"primary": free[Moody.answered % len(free)]}


class Raising:
    def select(self, demand: Demand, fleet: List[Row], draw: int) -> Optional[Placement]:
        raise KeyError("no idea")

    def assess(self, history: History) -> Any:
        raise KeyError("no idea")

    def next_step(self, incident: Incident, tried: List[Attempt]) -> Optional[Step]:
        raise KeyError("no idea")


class Enthusiastic:
    def assess(self, history: History) -> Any:
        return {"health": 100, "verdict": "healthy", "issues": []}


class Exaggerating:
    def assess(self, history: History) -> Any:
        return {"health": 101, "verdict": "healthy", "issues": []}


class Endless:
    def next_step(self, incident: Incident, tried: List[Attempt]) -> Optional[Step]:
        return {"step": "reboot"} if incident["reachable"] else None

    def run(self, step: Step, driver: Any) -> None:
        pass


class Pretending(policies.OneStart):
    """Says that it ran the step."""

    def run(self, step: Step, driver: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("check", "kind", "item", "words"),
    [
        (
            testing.check_balancer,
            Stubborn,
            "chosen_rows_are_eligible",
            "not the primary that was asked",
        ),
        (testing.check_balancer, Moody, "same_input_same_answer", "left: .*Placement"),
        (testing.check_balancer, Raising, "primary_and_backup_differ", "KeyError: 'no idea'"),
        (testing.check_health_policy, Enthusiastic, "no_data_is_unknown", "Healthy"),
        (testing.check_health_policy, Exaggerating, "scores_stay_in_range", "101 is not 0 to 100"),
        (testing.check_health_policy, Raising, "no_data_is_unknown", "KeyError"),
        (testing.check_remediator, Endless, "ladder_terminates", "no end for"),
        (testing.check_remediator, Pretending, "run_confirms", "state not reached"),
        (testing.check_remediator, Raising, "ladder_terminates", "KeyError"),
    ],
)
async def test_a_wrong_policy_is_told_what_is_wrong(
    check: Any, kind: Any, item: str, words: str
) -> None:
    with pytest.raises(AssertionError, match=f"(?s){item}: .*{words}"):
        await check(item, kind)


async def test_mistakes_of_a_test_are_not_mistakes_of_the_driver() -> None:
    def fail() -> None:
        raise RuntimeError("no such cable")

    def make() -> testing.DriverUnderTest:
        return testing.DriverUnderTest(AsyncDriver(Device()), cut_off=fail)

    with pytest.raises(Exception, match="RuntimeError: no such cable"):
        await testing.check_driver("status_reads_the_device", make)
    with pytest.raises(ValueError, match="no item 'is_pretty'; it has identity_is_stable"):
        await testing.check_driver("is_pretty", make)

    async def unreachable() -> testing.DriverUnderTest:
        raise ConnectionRefusedError("no device")

    with pytest.raises(DeviceUnreachableError, match="ConnectionRefusedError: no device"):
        await testing.check_driver("identity_is_stable", unreachable)
