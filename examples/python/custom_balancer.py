"""A balancer of your own: the studio's encoders are kept free for the evening.

    python custom_balancer.py

``select`` gets what a stream needs and the fleet as rows, and answers with names. It decides
nothing about health: a row says whether it may be chosen. Should it raise, be slow or name
nonsense, the built-in balancer chooses instead, so that no stream waits for a script.
"""

from __future__ import annotations

import asyncio
from typing import List, Optional

from encoder_manager import Manager, Simulator
from encoder_manager.plugins import Demand, Placement, Row


class KeepSiteFree:
    """Takes encoders of a site only when no other is left; among the rest the healthiest."""

    def __init__(self, site: str) -> None:
        self.site = site

    def select(self, demand: Demand, fleet: List[Row], draw: int) -> Optional[Placement]:
        rows = [
            row for row in fleet if row["eligible"] and row["encoder_id"] not in demand["exclude"]
        ]
        # Of equal rows the draw decides, the same for both ends of the list.
        rows.sort(key=lambda row: (row["site"] == self.site, -(row["health"] or 0.0)))
        wanted = demand["primary"]
        primary = next((row for row in rows if wanted in (None, row["encoder_id"])), None)
        if primary is None:
            return None
        others = [row for row in rows if row is not primary]
        # Another failure domain first; sorting keeps the order otherwise.
        others.sort(key=lambda row: row["site"] == primary["site"])
        backup = others[0]["encoder_id"] if demand["backup"] and others else None
        return {"primary": primary["encoder_id"], "backup": backup}


async def main() -> None:
    async with Simulator(count=4) as helos:
        encoders = helos.encoders()
        for encoder, site in zip(encoders, ["studio", "studio", "van", "van"]):
            encoder["site"] = site
        async with Manager(encoders=encoders, balancer=KeepSiteFree("studio")) as manager:
            for encoder in encoders:
                await manager.monitor_encoder(encoder["encoder_id"])
            stream = await manager.start_stream(
                resolution="1280x720",
                bitrate=4_500_000,
                fps=30,
                destination={"url": "rtmp://ingest.example/live"},
                wait_live=30,
            )
            shown = stream.document()
            sites = {encoder["encoder_id"]: encoder["site"] for encoder in encoders}
            primary, backup = shown["primary"]["encoder_id"], shown["backup"]["encoder_id"]
            print(f"on air: {primary} in the {sites[primary]}")
            print(f"backup: {backup} in the {sites[backup]}" if backup else "no backup")
            await stream.stop()


if __name__ == "__main__":
    asyncio.run(main())
