# %% [markdown]
# # The heat of an encoder over a day
#
# Run it cell by cell in an editor that knows `# %%`, or as a program:
#
#     python heat_of_a_day.py manager.sqlite helo-1
#     python heat_of_a_day.py            # some seconds of a simulated HELO that warms up
#
# The manager records readings by itself; with a store they outlive it. A moment without a reading
# is a gap in the line, not a zero.

# %%
from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta, timezone
from html import escape
from pathlib import Path
from typing import List, Optional, Tuple

from encoder_manager import Manager, Simulator
from encoder_manager.documents import HistoryPoint

Points = List[Optional[HistoryPoint]]
METRIC = "temperature"


# %% [markdown]
# ## Reading
# A manager that only reads the past of its store: it watches what the store knows, and that is all.


# %%
async def recorded(store: str, encoder: str, span: timedelta) -> Points:
    async with Manager(store=store) as manager:
        begun = datetime.now(timezone.utc) - span
        history = await manager.history(
            encoder, since=begun, step_seconds=span.total_seconds() / 480, metrics=[METRIC]
        )
    return history["series"].get(METRIC, [])


async def simulated(seconds: float) -> Points:
    config = {"series": {"interval_seconds": 1}, "watch": {"idle_interval_ms": 500}}
    async with Simulator(count=1) as helos:
        helos.inject(0, {"over_temperature": {"celsius": 78, "ramp_ms": int(seconds * 1000)}})
        async with Manager(config, encoders=helos.encoders()) as manager:
            await asyncio.sleep(seconds)
            begun = datetime.now(timezone.utc) - timedelta(seconds=seconds)
            encoder = helos.encoders()[0]["encoder_id"]
            history = await manager.history(
                encoder, since=begun, step_seconds=1, metrics=[METRIC]
            )
    return history["series"].get(METRIC, [])


# %% [markdown]
# ## Drawing
# The band is from the lowest to the highest reading of each step, the line is their mean.

# %%
WIDTH, HEIGHT = 960, 320
LOW, HIGH, TOO_HOT = 30.0, 90.0, 80.0


def level(celsius: float) -> float:
    share = (min(max(celsius, LOW), HIGH) - LOW) / (HIGH - LOW)
    return HEIGHT - share * HEIGHT


def stretches(points: Points) -> List[List[Tuple[float, HistoryPoint]]]:
    """What can be drawn without lifting the pen."""
    width = WIDTH / max(len(points) - 1, 1)
    found: List[List[Tuple[float, HistoryPoint]]] = [[]]
    for place, point in enumerate(points):
        if point is None:
            found.append([])
        else:
            found[-1].append((place * width, point))
    return [stretch for stretch in found if stretch]


def svg(points: Points, title: str) -> str:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<line x1="0" x2="{WIDTH}" y1="{level(TOO_HOT)}" y2="{level(TOO_HOT)}" stroke="#c33"/>',
    ]
    for stretch in stretches(points):
        upper = [f"{x:.1f},{level(point['max']):.1f}" for x, point in stretch]
        lower = [f"{x:.1f},{level(point['min']):.1f}" for x, point in reversed(stretch)]
        mean = [f"{x:.1f},{level(point['mean']):.1f}" for x, point in stretch]
        parts.append(f'<polygon points="{" ".join(upper + lower)}" fill="#fa83"/>')
        parts.append(f'<polyline points="{" ".join(mean)}" fill="none" stroke="#d62"/>')
    return "\n".join(parts + ["</svg>"])


# %% [markdown]
# ## The picture


# %%
def main() -> None:
    if len(sys.argv) == 3:
        store, encoder = sys.argv[1:]
        points, title = asyncio.run(recorded(store, encoder, timedelta(days=1))), encoder
    else:
        points, title = asyncio.run(simulated(6)), "simulated HELO"
    known = [point for point in points if point is not None]
    if not known:
        sys.exit(f"{title}: no temperature was recorded in that time")
    picture = Path("heat.svg")
    picture.write_text(svg(points, f"{title}: {len(known)} readings"), encoding="utf-8")
    hottest = max(known, key=lambda point: point["max"])
    print(f"{title}: {hottest['max']:.1f} °C at {hottest['at']}, drawn in {picture}")


if __name__ == "__main__":
    main()
