"""Watches a fleet and prints what changes.

    python watch_fleet.py http://10.0.0.21 http://10.0.0.22
    python watch_fleet.py --simulate 3 --for 10

Nothing is polled here: the manager watches the devices, and this program is told.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import AsyncExitStack
from typing import Dict, List

from encoder_manager import Manager, Simulator
from encoder_manager.documents import EncoderRequest
from encoder_manager.events import Frame


def told(event: Frame, known: Dict[str, str]) -> List[str]:
    """Lines for what is new in an event; health updates also come when nothing changed."""
    if event["event"] == "lagged":
        return [f"this program fell behind and lost {event['data']['lost'] or 'some'} events"]
    if event["event"] == "alert":
        alert = event["data"]
        return [f"{alert['severity']}: {alert['summary']} ({alert['state']})"]
    if event["event"] == "health_update":
        report = event["data"]
        issues = ", ".join(issue["message"] for issue in report["issues"])
        # A device that reports no temperature has none here; that is not 0 degrees.
        celsius = report["device_status"]["temperature"]
        heat = "" if celsius is None else f", {celsius:.0f} °C"
        name, line = report["encoder_id"], f"{report['status']}{heat}{issues and ': ' + issues}"
    elif event["event"] == "stream_health":
        health = event["data"]
        name, line = health["stream_id"], f"{health['status']} on {health['encoder_id']}"
    else:
        return []
    if known.get(name) == line:
        return []
    known[name] = line
    return [f"{name}: {line}"]


async def watch(encoders: List[EncoderRequest]) -> None:
    known: Dict[str, str] = {}
    async with Manager(encoders=encoders) as manager:
        async for event in manager.events():
            for line in told(event, known):
                print(line, flush=True)


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("address", nargs="*", help="base address of a HELO")
    options.add_argument("--simulate", type=int, default=0, help="add so many simulated HELOs")
    options.add_argument("--for", dest="seconds", type=float, help="end after so many seconds")
    chosen = options.parse_args()
    encoders: List[EncoderRequest] = [
        {"encoder_id": f"helo-{number}", "address": address}
        for number, address in enumerate(chosen.address, start=1)
    ]
    async with AsyncExitStack() as stack:
        if chosen.simulate or not encoders:
            helos = await stack.enter_async_context(Simulator(count=chosen.simulate or 2))
            encoders += helos.encoders()
            # Something to watch: one of them gets too hot.
            helos.inject(0, {"over_temperature": {"celsius": 82, "ramp_ms": 2000}})
        try:
            await asyncio.wait_for(watch(encoders), chosen.seconds)
        except asyncio.TimeoutError:
            pass


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
