"""What the Python package costs, beside its floor or a peer in the same run.

    make bench-python

Prints a table, or with --json one object {name, samples, figures: [{what, unit, ours, peer, peer_name,
ratio, goal, met}]}. Exit code 1 is a missed goal. The devices run in a process of their own; only
the processor time of this one counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Awaitable, Callable, Dict, List, Optional

import aiohttp

from encoder_manager import Manager
from encoder_manager import _encoder_manager as native
from encoder_manager._waiting import answer
from encoder_manager.documents import FleetCounts

ROOT = Path(__file__).resolve().parents[2]
VALUES: List[str] = json.loads((ROOT / "benches" / "values.json").read_text())
SWEEP_SECONDS = 5.0
Figure = Dict[str, object]


class Devices:
    """Simulated HELOs that count their requests."""

    def __init__(self, program: Path, count: int) -> None:
        command = [str(program), "simulators", "--count", str(count)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin and self.process.stdout
        self.input, self.output = self.process.stdin, self.process.stdout
        self.urls: List[str] = json.loads(self.output.readline())

    def requests(self) -> int:
        self.input.write("\n")
        self.input.flush()
        return int(self.output.readline())

    def end(self) -> None:
        self.input.close()
        self.process.wait(timeout=30)

    def encoders(self) -> List[Dict[str, str]]:
        return [{"encoder_id": f"helo-{n}", "address": url} for n, url in enumerate(self.urls)]


def figure(
    what: str,
    unit: str,
    ours: float,
    peer: Optional[float] = None,
    peer_name: Optional[str] = None,
    goal: Optional[float] = None,
    met: Optional[bool] = None,
) -> Figure:
    ratio = ours / peer if peer else None
    return {
        "what": what,
        "unit": unit,
        "ours": ours,
        "peer": peer,
        "peer_name": peer_name,
        "ratio": ratio,
        "goal": goal,
        "met": met,
    }


async def per_call(call: Callable[[], Awaitable[object]], times: int) -> float:
    """Microseconds of one call, the best of five rounds."""
    rounds = []
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(times):
            await call()
        rounds.append((time.perf_counter() - begun) / times)
    return 1e6 * min(rounds)


def per_read(call: Callable[[], object], times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        call()
    return 1e6 * (time.perf_counter() - begun) / times


async def call_overhead(calls: int) -> List[Figure]:
    async with Manager() as manager:

        def nothing() -> Awaitable[object]:
            return answer(native.nothing)

        floor = await per_call(nothing, calls)

        def ask() -> Awaitable[object]:
            return manager.authorize_publisher("nobody's key")

        act = await per_call(ask, calls)
        reads = {
            "is_ready": per_read(manager.is_ready, calls),
            "fleet_counts": per_read(manager.fleet_counts, calls),
        }
    overhead = figure(
        "an awaited call", "us", act, floor, "an awaited no-op", goal=2 * floor, met=act <= 2 * floor
    )
    others = [figure(f"a read, {name}", "us", cost) for name, cost in reads.items()]
    return [overhead, *others]


def answering(counts: FleetCounts) -> int:
    """Encoders that were heard of, and still are."""
    return counts["total"] - counts["offline"] - counts["unknown"]


async def watched(devices: Devices, config: Dict[str, object], settle: float, span: float) -> Dict[str, float]:
    """What watching costs, and what is told meanwhile."""
    told = lost = 0
    async with Manager(config, encoders=devices.encoders()) as manager:

        async def count() -> None:
            nonlocal told, lost
            async for event in manager.events():
                if event["event"] == "lagged":
                    lost += event["data"]["lost"] or 1
                else:
                    told += 1

        counting = asyncio.ensure_future(count())
        await asyncio.sleep(settle)
        before, asked, used, begun = told, devices.requests(), time.process_time(), time.perf_counter()
        await asyncio.sleep(span)
        passed = time.perf_counter() - begun
        result = {
            "cpu": (time.process_time() - used) / passed,
            "requests": (devices.requests() - asked) / passed,
            "events": (told - before) / passed,
            "lost": float(lost),
            "answering": float(answering(manager.fleet_counts())),
        }
        counting.cancel()
    return result


async def swept(devices: Devices) -> Dict[str, float]:
    """One sweep of the loop over every value of every device: its processor time."""
    asked, used = devices.requests(), time.process_time()
    connector = aiohttp.TCPConnector(limit=100)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def read(url: str) -> None:
            for value in VALUES:
                address = f"{url}/config?action=get&paramid=eParamID_{value}"
                async with session.get(address) as answered:
                    await answered.json(content_type=None)

        await asyncio.gather(*(read(url) for url in devices.urls))
    return {"cpu": time.process_time() - used, "requests": float(devices.requests() - asked)}


async def watching(devices: Devices, settle: float, span: float) -> List[Figure]:
    count = len(devices.urls)
    ours = await watched(devices, {}, settle, span)
    if ours["answering"] != count:
        sys.exit(f"only {ours['answering']:.0f} of {count} encoders answer")
    peer = await swept(devices)
    per_sweep = ours["cpu"] * SWEEP_SECONDS
    return [
        figure(
            f"{count} encoders: processor time per {SWEEP_SECONDS:.0f} s",
            "s",
            per_sweep,
            peer["cpu"],
            f"aiohttp reading {len(VALUES)} values of each",
            goal=peer["cpu"] / 10,
            met=per_sweep <= peer["cpu"] / 10,
        ),
        figure(
            "processor time per request",
            "us",
            1e6 * ours["cpu"] / ours["requests"],
            1e6 * peer["cpu"] / peer["requests"],
            "aiohttp",
        ),
    ]


async def telling(devices: Devices, settle: float, span: float) -> List[Figure]:
    """A thousand events a second: every encoder is looked at, and told of, each second."""
    config: Dict[str, object] = {"watch": {"idle_interval_ms": 900, "report_interval_ms": 900}}
    told = await watched(devices, config, settle, span)
    enough = told["events"] >= 1000 and told["lost"] == 0
    return [
        figure("events told", "1/s", told["events"], goal=1000, met=enough),
        figure("events lost", "", told["lost"], goal=0, met=told["lost"] == 0),
    ]


def show(report: Dict[str, object]) -> None:
    for one in report["figures"]:  # type: ignore[attr-defined]
        beside = f"{one['peer_name']}: {one['peer']:.3g} {one['unit']} (x{one['ratio']:.2f})" if one["peer"] else ""
        met = {True: "met", False: "MISSED", None: ""}[one["met"]]
        goal = f"goal {one['goal']:.3g}" if one["goal"] is not None else ""
        print(f"{one['what']:<55} {one['ours']:>10.3g} {one['unit']:<4} {goal:<12} {met:<7} {beside}")


async def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--simulators", type=Path, default=ROOT / "target/release/encoder-benches")
    options.add_argument("--encoders", type=int, default=1000)
    options.add_argument("--seconds", type=float, default=60.0, help="a minute holds one of every request")
    options.add_argument("--settle-seconds", type=float, default=20.0)
    options.add_argument("--calls", type=int, default=2000)
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    figures = await call_overhead(chosen.calls)
    devices = Devices(chosen.simulators, chosen.encoders)
    try:
        figures += await watching(devices, chosen.settle_seconds, chosen.seconds)
        figures += await telling(devices, chosen.settle_seconds, chosen.seconds)
    finally:
        devices.end()
    report = {"name": "python", "samples": chosen.encoders, "figures": figures}
    if chosen.json:
        print(json.dumps(report))
    else:
        show(report)
    return 1 if any(one["met"] is False for one in figures) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
