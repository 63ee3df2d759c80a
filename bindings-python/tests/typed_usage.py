"""Code as users write it, for type checkers alone: it is never run."""

from __future__ import annotations

from typing import AsyncIterator, Iterator, Optional

from typing_extensions import assert_type

from encoder_manager.documents import EncoderHistory, PageStream, Stream, StreamRequest
from encoder_manager.events import Lagged, StreamFailover
from encoder_manager.server import BlockingClient, Client, Tagged

REQUEST: StreamRequest = {"resolution": "1920x1080", "bitrate": 8_000_000, "fps": 29.97}


async def with_asyncio(client: Client) -> None:
    stream = await client.streams.start(REQUEST, wait_live=True)
    assert_type(stream, Stream)
    assert_type(stream["name"], Optional[str])
    assert_type(await client.streams.get_tagged("str_1"), Tagged[Stream])
    assert_type(await client.streams.wait_live("str_1", timeout=5), Stream)
    assert_type(await client.streams.list(limit=5), PageStream)
    assert_type(client.streams.iterate(limit=5), AsyncIterator[Stream])
    history = await client.encoders.history("helo-1", since="2026-11-23T08:00:00Z")
    assert_type(history, EncoderHistory)
    assert_type(await client.encoders.remove("helo-1"), None)
    async with client.events(stream_id="str_1") as feed:
        async for frame in feed:
            if frame["event"] == "stream_failover":
                assert_type(frame["data"], StreamFailover)
                assert_type(frame["data"]["from"], str)
            elif frame["event"] == "lagged":
                assert_type(frame["data"], Lagged)
    # What must not pass: an unneeded `ignore` is an error too.
    await client.streams.start(REQUEST, wait="live")  # type: ignore[call-arg] # pyright: ignore
    await client.keys.create("ops", "owner")  # type: ignore[arg-type] # pyright: ignore
    await client.streams.start({"bitrate": 1})  # type: ignore[typeddict-item] # pyright: ignore


def blocking(client: BlockingClient) -> None:
    stream = client.streams.start(REQUEST, idempotency_key="meeting-7")
    assert_type(stream, Stream)
    assert_type(client.streams.iterate(), Iterator[Stream])
    assert_type(client.streams.thumbnail("str_1"), bytes)
    assert_type(client.monitoring.prometheus(), str)
    with client.events() as feed:
        for frame in feed:
            assert_type(frame["id"], Optional[int])
