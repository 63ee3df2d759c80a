"""The live feed of the embedded manager."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import Any, List

import pytest

import encoder_manager as em
from encoder_manager import blocking
from encoder_manager.events import Frame
from faces import ABSENT, QUICK


# Each of them is news as soon as it does not answer.
CROWD = [{"encoder_id": f"absent-{n}", "address": "http://127.0.0.1:9"} for n in range(40)]


async def next_of(feed: em.EventFeed) -> Frame:
    return await asyncio.wait_for(feed.__anext__(), 30)


async def told(manager: em.Manager, count: int) -> None:
    """Waits until the manager told of that many events."""
    async with manager.events(after=0) as feed:
        for _ in range(count):
            await next_of(feed)


async def test_a_feed_tells_of_an_encoder_and_resumes() -> None:
    async with em.Manager(QUICK, encoders=CROWD) as manager:
        async with manager.events(encoder="absent-7", after=0) as feed:
            frame = await next_of(feed)
            assert frame["event"] == "health_update"
            assert frame["data"]["encoder_id"] == "absent-7"
            assert feed.last_id == frame["id"]
        await told(manager, 30)
        first = await next_of(manager.events(after=20))
        assert first["id"] == 21


async def test_a_feed_begins_when_it_is_opened_not_when_it_is_read() -> None:
    async with em.Manager(QUICK, encoders=CROWD) as manager:
        feed = manager.events()
        await told(manager, 30)
        assert ((await next_of(feed))["id"] or 99) < 30


async def test_a_feed_ends_when_the_manager_closes_and_tells_everything_before() -> None:
    async with em.Manager(QUICK, encoders=CROWD) as manager:
        feed = manager.events(after=0)
        waiting = asyncio.ensure_future(collected(feed))
        await told(manager, 30)
    frames = await asyncio.wait_for(waiting, 30)
    ids = [frame["id"] for frame in frames]
    assert ids == list(range(1, len(ids) + 1)) and len(ids) >= 30
    with pytest.raises(StopAsyncIteration):
        await feed.__anext__()


async def collected(feed: Any) -> List[Any]:
    return [frame async for frame in feed]


async def test_a_cancelled_wait_loses_nothing() -> None:
    async with em.Manager(QUICK, encoders=CROWD) as manager:
        feed = manager.events(after=0)
        seen: List[Any] = []
        place, end = 0, time.monotonic() + 30
        while len(seen) < 40 and time.monotonic() < end:
            waiting = asyncio.ensure_future(feed.__anext__())
            # At every point of a batch's way, from before it is asked for to when it is there.
            place += 1
            for _ in range(place % 5):
                await asyncio.sleep(0)
            time.sleep((place % 7) / 10000)
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                seen.append(await waiting)
        assert [frame["id"] for frame in seen] == list(range(1, 41))


async def test_a_feed_that_fell_behind_says_what_it_lost() -> None:
    async with em.Manager({**QUICK, "event_capacity": 8}, encoders=CROWD) as manager:
        feed = manager.events(after=0)
        async with manager.events(after=0) as other:
            while ((await next_of(other))["id"] or 0) < 40:
                pass
        frame = await next_of(feed)
        while frame["event"] != "lagged":
            frame = await next_of(feed)
        assert frame["id"] is None
        lost = frame["data"]["lost"]
        assert (lost is None or lost > 0) and frame["data"]["resync"] is True


async def test_closing_a_feed_wakes_who_waits_for_it() -> None:
    async with em.Manager() as manager:
        feed = manager.events()
        waiting = [asyncio.ensure_future(collected(feed)) for _ in range(3)]
        await asyncio.sleep(0.05)
        await feed.aclose()
        assert await asyncio.wait_for(asyncio.gather(*waiting), 30) == [[], [], []]


def test_a_blocking_feed_waits_only_so_long() -> None:
    with blocking.Manager(encoders=[ABSENT]) as manager:
        with manager.events(stream="no-such") as feed:
            began = time.monotonic()
            assert feed.poll(timeout=0.2) is None
            assert 0.2 <= time.monotonic() - began < 5
            assert feed.poll(timeout=0) is None


def test_a_blocking_feed_goes_on_after_a_poll_without_news() -> None:
    with blocking.Manager(QUICK, encoders=CROWD) as manager, manager.events(after=0) as feed:
        ids = []
        end = time.monotonic() + 30
        while len(ids) < 40 and time.monotonic() < end:
            frame = feed.poll(timeout=0.0005)
            ids += [] if frame is None else [frame["id"]]
        assert ids == list(range(1, 41))
        assert feed.last_id == 40


def test_closing_ends_a_blocking_feed_in_another_thread() -> None:
    with blocking.Manager() as manager:
        feed = manager.events()
        seen: List[Any] = []
        thread = threading.Thread(target=lambda: seen.append(list(feed)))
        thread.start()
        feed.close()
        thread.join(30)
        assert seen == [[]]
    with blocking.Manager() as manager:
        feed = manager.events()
        thread = threading.Thread(target=lambda: seen.append(list(feed)))
        thread.start()
        manager.close()
        thread.join(30)
        assert seen == [[], []]
