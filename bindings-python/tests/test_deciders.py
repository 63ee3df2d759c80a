"""Managers whose policies are written in Python."""

from __future__ import annotations

import asyncio
from typing import Any, List

import pytest

import encoder_manager as em
import faces
from device import AsyncDriver, Rack
from faces import REQUEST
from policies_in_python import AsyncAgreeing, OneStart
from test_drivers import QUICK, managing, until


class Second:
    """Always takes the second."""

    def __init__(self) -> None:
        self.asked: List[Any] = []

    def select(self, demand: Any, fleet: Any, draw: int) -> Any:
        self.asked.append((demand, fleet, draw))
        return {"primary": "second"}


class AsyncSecond:
    def __init__(self) -> None:
        self.second = Second()
        self.asked = self.second.asked

    async def select(self, demand: Any, fleet: Any, draw: int) -> Any:
        return self.second.select(demand, fleet, draw)


@pytest.mark.parametrize("face", faces.FACES)
@pytest.mark.parametrize("kind", [Second, AsyncSecond])
async def test_a_balancer_chooses(face: str, kind: Any) -> None:
    rack, balancer = Rack(AsyncDriver, "first", "second"), kind()
    async with managing(face, rack, balancer=balancer) as manager:

        def free() -> bool:
            return all(row["eligible"] for row in manager.load_balancer()["encoders"])

        await until("both may be chosen", free)
        stream = await manager.start_stream({**REQUEST, "protection": "none"}, wait_live=10)
        assert stream.document()["primary"]["encoder_id"] == "second"
        await stream.stop()
    demand, fleet, draw = balancer.asked[0]
    assert demand["backup"] is False and 0 <= draw < 2**53
    assert {row["encoder_id"] for row in fleet} == {"first", "second"}


class Useless:
    """Raises, is late, or talks nonsense."""

    def __init__(self, how: str) -> None:
        self.how, self.asked = how, 0

    async def select(self, demand: Any, fleet: Any, draw: int) -> Any:
        self.asked += 1
        if self.how == "raises":
            raise SystemExit("no idea")
        if self.how == "hangs":
            await asyncio.sleep(3600)
        return {"primary": "nobody"}


@pytest.mark.parametrize("how", ["raises", "hangs", "nonsense"])
async def test_a_balancer_that_does_not_decide_keeps_no_stream_off_air(how: str) -> None:
    rack, balancer = Rack(AsyncDriver, "first", "second"), Useless(how)
    async with managing("asyncio", rack, balancer=balancer) as manager:
        stream = await manager.start_stream(dict(REQUEST), wait_live=10)
        assert stream.document()["state"] == "live" and balancer.asked
        await stream.stop()


class Pessimist:
    def __init__(self) -> None:
        self.seen: List[Any] = []

    def assess(self, history: Any) -> Any:
        self.seen.append(history)
        return {**history["assessment"], "health": 12.5}


async def test_a_health_policy_judges() -> None:
    rack, policy = Rack(AsyncDriver, "first"), Pessimist()
    async with managing("asyncio", rack, health_policy=policy) as manager:
        await until(
            "judged", lambda: manager.encoder_health("first")["encoder"]["health_score"] == 12.5
        )
    known = policy.seen[-1]
    assert known["contacts"][-1]["outcome"] in ("answered", "spoke")
    assert known["status"]["stream_state"] == "idle"


class Watching(OneStart):
    def __init__(self) -> None:
        self.incidents: List[Any] = []
        self.ran: List[Any] = []
        self.kept: Any = None

    def next_step(self, incident: Any, tried: Any) -> Any:
        self.incidents.append(incident)
        return super().next_step(incident, tried)


class Mending(Watching):
    async def run(self, step: Any, driver: Any) -> None:
        self.kept = driver
        self.ran.append((step["step"], driver.id, driver.capability["reads_back"]))
        with pytest.raises(em.UnsupportedError):
            await driver.control({"action": "reboot"})
        with pytest.raises(em.ValidationFailedError, match="arguments of control"):
            await driver.control({"action": "sing"})
        await driver.start()


class BlockingMending(Watching):
    def run(self, step: Any, driver: Any) -> None:
        self.kept = driver
        self.ran.append((step["step"], driver.id, driver.capability["reads_back"]))
        assert driver.blocking.status()["stream_state"] == "idle"
        driver.blocking.start()


@pytest.mark.parametrize("face", faces.FACES)
@pytest.mark.parametrize("kind", [Mending, BlockingMending])
async def test_a_remediator_mends_with_the_driver_that_is_lent(face: str, kind: Any) -> None:
    rack, remediator = Rack(AsyncDriver, "first"), kind()
    async with managing(
        face, rack, remediator=remediator, health_policy=AsyncAgreeing()
    ) as manager:
        stream = await manager.start_stream({**REQUEST, "protection": "none"}, wait_live=10)
        rack["first"].fail_stream()
        await until("mended", lambda: remediator.ran and rack["first"].state == "streaming")
        assert remediator.ran[0] == ("start_in_place", "first", True)
        assert remediator.incidents[0]["stream_id"] == stream.id
        await stream.stop()
        with pytest.raises(em.ConflictError, match="the driver was lent until `run` ended"):
            await remediator.kept.start()


class NoPolicy:
    pass


@pytest.mark.parametrize(
    ("role", "method"),
    [("balancer", "select"), ("health_policy", "assess"), ("remediator", "next_step")],
)
async def test_an_object_without_the_method_is_refused(role: str, method: str) -> None:
    options: Any = {role: NoPolicy()}
    manager = em.Manager(QUICK, **options)
    with pytest.raises(em.ConfigInvalidError, match=rf"NoPolicy lacks {method}\(\)"):
        await manager.open()
    await manager.close()
