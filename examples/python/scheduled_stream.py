"""Starts a stream at one time and stops it at another.

    python scheduled_stream.py --start 2026-12-01T19:55:00 --stop 2026-12-01T22:00:00 \\
        --to rtmp://ingest.example/live http://10.0.0.21 http://10.0.0.22
    python scheduled_stream.py --simulate

The stream starts early enough to be live on time, and is stopped even when this program is told
to end. With a store a restarted program finds its stream still on air and goes on with it.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import List, Optional

from encoder_manager import Manager, NotFoundError, Simulator, Stream
from encoder_manager.documents import EncoderRequest

# How long before its time a stream is started: a HELO takes some seconds.
LEAD = timedelta(seconds=15)
NAME = "scheduled"


def on_air(manager: Manager) -> Optional[Stream]:
    """The stream, if an earlier run of this program left it on air."""
    try:
        stream = manager.stream(NAME)
    except NotFoundError:
        return None
    return None if stream.state in ("stopped", "failed") else stream


async def until(moment: datetime) -> None:
    """Waits for a moment of the wall clock, also across a change of it."""
    while (left := (moment - datetime.now().astimezone()).total_seconds()) > 0:
        await asyncio.sleep(min(left, 30))


async def show(manager: Manager, target: str, start: datetime, stop: datetime) -> None:
    stream = on_air(manager)
    if stream is None:
        await until(start - LEAD)
        for encoder in manager.encoders():
            await manager.monitor_encoder(encoder["encoder_id"])
        stream = await manager.start_stream(
            stream_id=NAME,
            resolution="1920x1080",
            bitrate=8_000_000,
            fps=30,
            destination={"url": target},
            wait_live=60,
        )
    print(f"live on {stream.document()['primary']['encoder_id']}, to {stream.rtmp_url}", flush=True)
    try:
        await until(stop)
    finally:
        # Also when this task is cancelled: a stream that nobody stops costs money.
        await asyncio.shield(stream.stop())
        print("stopped", flush=True)
    for entry in await stream.timeline():
        print(f"  {entry['timestamp']}  {entry['message']}")


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("address", nargs="*", help="base address of a HELO")
    options.add_argument("--start", type=datetime.fromisoformat, help="when to be live")
    options.add_argument("--stop", type=datetime.fromisoformat, help="when to stop")
    options.add_argument("--to", default="rtmp://ingest.example/live", help="where to publish")
    options.add_argument("--store", help="a database that outlives this program")
    options.add_argument("--simulate", action="store_true", help="two seconds on simulated HELOs")
    chosen = options.parse_args()
    now = datetime.now().astimezone()
    start = chosen.start.astimezone() if chosen.start else now
    stop = chosen.stop.astimezone() if chosen.stop else start + timedelta(seconds=2)
    encoders: List[EncoderRequest] = [
        {"encoder_id": f"helo-{number}", "address": address}
        for number, address in enumerate(chosen.address, start=1)
    ]
    async with AsyncExitStack() as stack:
        if chosen.simulate:
            encoders += (await stack.enter_async_context(Simulator(count=2))).encoders()
        manager = Manager(encoders=encoders, store=chosen.store)
        await show(await stack.enter_async_context(manager), chosen.to, start, stop)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
