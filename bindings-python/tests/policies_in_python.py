"""Policies written in Python that keep their contracts."""

from __future__ import annotations

from typing import List, Optional

from encoder_manager.plugins import (
    Assessment,
    Attempt,
    Demand,
    History,
    Incident,
    LentDriver,
    Placement,
    Row,
    Step,
)

DEADLINE = 0.6


class Emptiest:
    """Chooses the emptiest encoder, and a backup in another failure domain if there is any."""

    def select(self, demand: Demand, fleet: List[Row], draw: int) -> Optional[Placement]:
        free = [
            row for row in fleet if row["eligible"] and row["encoder_id"] not in demand["exclude"]
        ]
        free.sort(key=lambda row: (row["load"], row["encoder_id"]))
        wanted = [row for row in free if demand["primary"] in (None, row["encoder_id"])]
        if not wanted:
            return None
        primary = wanted[0]
        others = [row for row in free if row is not primary]
        others.sort(key=lambda row: row["site"] is not None and row["site"] == primary["site"])
        placement: Placement = {"primary": primary["encoder_id"]}
        if demand["backup"] and others:
            placement["backup"] = others[0]["encoder_id"]
        return placement


class AsyncEmptiest:
    """The same with a coroutine function."""

    async def select(self, demand: Demand, fleet: List[Row], draw: int) -> Optional[Placement]:
        return Emptiest().select(demand, fleet, draw)


class Agreeing:
    """Thinks what the built-in policy thinks."""

    def assess(self, history: History) -> Assessment:
        return history["assessment"]


class AsyncAgreeing:
    """The same with a coroutine function."""

    async def assess(self, history: History) -> Assessment:
        return history["assessment"]


class OneStart:
    """Starts a stream once. The manager performs the step."""

    def next_step(self, incident: Incident, tried: List[Attempt]) -> Optional[Step]:
        if not incident["reachable"] or tried:
            return None
        return {"step": "start_in_place", "deadline_seconds": DEADLINE}


class RunsItself(OneStart):
    """Performs the step itself."""

    async def run(self, step: Step, driver: LentDriver) -> object:
        await driver.stop()
        await driver.start()
        assert (await driver.status()).get("stream_state") != "idle"
        # Nobody looks at it.
        return object()


class RunsItselfBlocking(OneStart):
    """Performs the step itself, with functions that wait."""

    def run(self, step: Step, driver: LentDriver) -> None:
        driver.blocking.stop()
        driver.blocking.start()
        assert driver.blocking.status().get("stream_state") != "idle"
