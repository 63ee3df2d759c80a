"""What the clients make of servers in trouble, by a stub that answers byte for byte."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import socket
import time
from email.utils import formatdate
from typing import Any, Dict, List, Optional

import httpx
import pytest

import both
from encoder_manager import errors
from encoder_manager.server import BlockingClient, Client, RetryPolicy
from encoder_manager.server import errors as server_errors
from encoder_manager.server.retry import read_retry_after
from stub import DROP, Answer, Stay, Stub, answer, event, feed, problem

QUICK = RetryPolicy(attempts=4, first_wait=0.01, longest_wait=1.0)
KEY = "em_abcdefgh_secretsecretsecret"
COUNTS = answer(200, {"online": 1})
STREAM = answer(201, {"stream_id": "str_1", "state": "starting", "failure": None})
REQUEST: Any = {"resolution": "1280x720", "bitrate": 4_500_000, "fps": 30}


def quick(kind: str, stub: Stub, **options: Any) -> Any:
    return both.opened(kind, stub.url, KEY, **{"retry": QUICK, "timeout": 5.0, **options})


@pytest.mark.parametrize("first", [DROP, problem(429, "rate_limited"), problem(503, "not_ready")])
async def test_reading_is_repeated(kind: str, first: bytes) -> None:
    with Stub(first, first, COUNTS) as stub:
        async with quick(kind, stub) as client:
            assert await client.encoders.counts() == {"online": 1}
        assert len(stub.requests) == 3


async def test_a_client_gives_up_after_its_attempts(kind: str) -> None:
    with Stub(problem(503, "store_unavailable")) as stub:
        async with quick(kind, stub) as client:
            with pytest.raises(errors.StoreUnavailableError) as caught:
                await client.encoders.counts()
        assert len(stub.requests) == QUICK.attempts
    assert caught.value.retry == "exhausted"
    assert caught.value.operation == "Client.encoders.counts"


async def test_a_server_that_is_not_there_is_told_in_one_line(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with both.opened(kind, url, KEY, retry=QUICK) as client:
        with pytest.raises(server_errors.ServerUnreachableError) as caught:
            await client.encoders.counts()
    assert caught.value.retry == "exhausted" and "\n" not in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).kind == "server_unreachable"


async def test_other_errors_are_not_repeated(kind: str) -> None:
    for said, error in (
        (problem(404, "not_found"), errors.NotFoundError),
        (problem(504, "device_unreachable"), errors.DeviceUnreachableError),
        (problem(503, "no_encoder_available"), errors.NoEncoderAvailableError),
        (problem(409, "novelty"), errors.EncoderError),
    ):
        with Stub(said) as stub:
            async with quick(kind, stub) as client:
                with pytest.raises(error) as caught:
                    await client.encoders.counts()
            assert len(stub.requests) == 1 and caught.value.retry == "never"


@pytest.mark.parametrize("trouble", [DROP, problem(429, "rate_limited"), problem(503, "not_ready")])
async def test_a_command_without_a_key_is_never_repeated(kind: str, trouble: bytes) -> None:
    with Stub(trouble) as stub:
        async with quick(kind, stub) as client:
            for call in (
                client.streams.failover("str_1"),
                client.streams.drill("str_1"),
                client.encoders.add({"address": "http://127.0.0.1:9"}),
                client.encoders.control("helo-1", {"action": "reboot"}),
                client.encoders.bulk(["helo-1"], {"action": "reboot"}),
                client.keys.create("ops", "read"),
                client.monitoring.acknowledge("alt_1"),
            ):
                made = len(stub.requests)
                with pytest.raises(errors.EncoderError):
                    await call
                assert len(stub.requests) == made + 1


@pytest.mark.parametrize("trouble", [DROP, problem(429, "rate_limited"), problem(503, "not_ready")])
async def test_a_start_is_repeated_under_the_same_key(kind: str, trouble: bytes) -> None:
    with Stub(trouble, trouble, STREAM, STREAM) as stub:
        async with quick(kind, stub) as client:
            assert (await client.streams.start(REQUEST))["stream_id"] == "str_1"
            await client.streams.start(REQUEST)
        keys = [request.headers["idempotency-key"] for request in stub.requests]
    assert len(keys) == 4 and len(set(keys[:3])) == 1 and keys[3] != keys[0]
    assert json.loads(stub.requests[0].body) == REQUEST


async def test_what_would_answer_otherwise_the_second_time_is_not_repeated(kind: str) -> None:
    with Stub(DROP) as stub:
        async with quick(kind, stub) as client:
            for call in (
                client.encoders.remove("helo-1"),
                client.streams.update("str_1", {"bitrate": 1}, if_match='"7"'),
                client.encoders.update("helo-1", {"address": "x"}, if_match='"7"'),
            ):
                made = len(stub.requests)
                with pytest.raises(server_errors.ServerUnreachableError):
                    await call
                assert len(stub.requests) == made + 1
        assert stub.requests[1].headers["if-match"] == '"7"'


async def test_a_state_that_is_set_is_repeated(kind: str) -> None:
    done = answer(200, {"stream_id": "str_1"})
    with Stub(DROP, done, DROP, done) as stub:
        async with quick(kind, stub) as client:
            await client.streams.update("str_1", {"bitrate": 1})
            await client.streams.stop("str_1")
        assert len(stub.requests) == 4


async def test_retry_after_is_waited_for(kind: str) -> None:
    with Stub(problem(429, "rate_limited", Retry_After="1"), COUNTS) as stub:
        begun = time.monotonic()
        async with quick(kind, stub) as client:
            await client.encoders.counts()
        assert 1.0 <= time.monotonic() - begun < 4.0


async def test_a_long_retry_after_is_told_instead(kind: str) -> None:
    with Stub(problem(429, "rate_limited", Retry_After="3600")) as stub:
        async with quick(kind, stub) as client:
            with pytest.raises(server_errors.RateLimitedError) as caught:
                await client.encoders.counts()
        assert len(stub.requests) == 1
    assert (caught.value.retry_after, caught.value.retry) == (3600.0, "safe")


async def test_silence_is_a_timeout(kind: str) -> None:
    with Stub(Stay(b"HTTP/1.1 200 OK\r\n")) as stub:
        once = RetryPolicy(attempts=1)
        async with quick(kind, stub, timeout=0.2, retry=once) as client:
            with pytest.raises(server_errors.ServerUnreachableError, match="no answer in time"):
                await client.encoders.counts()


HALF = COUNTS[:-3]
NO_PROBLEM = b"HTTP/1.1 502 Bad\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>"
REDIRECT = b"HTTP/1.1 302 Go\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (HALF, server_errors.ServerUnreachableError),
        (NO_PROBLEM, server_errors.ServerProtocolError),
        (REDIRECT, server_errors.ServerProtocolError),
        (answer(200, [1]), server_errors.ServerProtocolError),
        (COUNTS.replace(b"{", b"["), server_errors.ServerProtocolError),
        (b"SSH-2.0-OpenSSH\r\n", server_errors.ServerUnreachableError),
    ],
)
async def test_nonsense_is_an_error_of_ours(kind: str, said: bytes, error: Any) -> None:
    with Stub(said) as stub:
        async with quick(kind, stub) as client:
            with pytest.raises(error):
                await client.encoders.counts()


async def test_a_missing_etag_is_a_protocol_error(kind: str) -> None:
    with Stub(answer(200, {"encoder_id": "helo-1"})) as stub:
        async with quick(kind, stub) as client:
            with pytest.raises(server_errors.ServerProtocolError):
                await client.encoders.get_tagged("helo-1")


async def test_ids_stay_in_their_place(kind: str) -> None:
    with Stub(answer(200, {})) as stub:
        async with quick(kind, stub) as client:
            await client.encoders.get("a/../b?c#d e")
            for id in ("", ".", ".."):
                with pytest.raises(errors.ValidationFailedError):
                    await client.encoders.get(id)
        assert [r.line for r in stub.requests] == [
            "GET /api/encoders/a%2F..%2Fb%3Fc%23d%20e HTTP/1.1"
        ]


async def test_the_key_is_sent_and_never_shown(kind: str) -> None:
    with Stub(problem(401, "key_unknown")) as stub:
        async with quick(kind, stub) as client:
            shown = repr(client.real) + repr(client.real.streams) + repr(client.real.__dict__)
            shown += repr(client.real._transport.profile)
            with pytest.raises(server_errors.KeyUnknownError) as caught:
                await client.encoders.counts()
        assert stub.requests[0].headers["authorization"] == f"Bearer {KEY}"
    shown += repr(caught.value) + str(caught.value) + repr(caught.value.__dict__)
    assert KEY not in shown and "secretsecret" not in shown


@pytest.mark.parametrize("one", [Client, BlockingClient])
@pytest.mark.parametrize("key", [f"{KEY}\n", "", "em_ü", "em a"])
def test_a_key_that_cannot_be_sent_is_not_shown_either(one: Any, key: str) -> None:
    with pytest.raises(errors.ConfigInvalidError) as caught:
        one("http://127.0.0.1:1", key)
    assert KEY not in str(caught.value) and caught.value.__context__ is None


@pytest.mark.parametrize(
    "url", ["127.0.0.1:80", "ftp://h", "http://", "http://u:p@h", "http://h?q"]
)
def test_an_address_must_be_one(url: str) -> None:
    with pytest.raises(errors.ConfigInvalidError) as caught:
        BlockingClient(url)
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 256, "a\nb"])
async def test_an_idempotency_key_must_be_one(kind: str, key: str) -> None:
    async with both.opened(kind, "http://127.0.0.1:1") as client:
        with pytest.raises(errors.ValidationFailedError):
            await client.streams.start(REQUEST, idempotency_key=key)
        with pytest.raises(errors.ValidationFailedError):
            await client.streams.start({"bitrate": float("nan")})


async def test_waiting_for_a_stream_ends(kind: str) -> None:
    def stream(state: str, failure: Optional[str] = None) -> bytes:
        return answer(200, {"stream_id": "str_1", "state": state, "failure": failure})

    with Stub(stream("starting"), stream("starting"), stream("live")) as stub:
        async with quick(kind, stub) as client:
            assert (await client.streams.wait_live("str_1", every=0.01))["state"] == "live"
        assert len(stub.requests) == 3
    with Stub(stream("starting")) as stub:
        async with quick(kind, stub) as client:
            with pytest.raises(errors.DeadlineExceededError, match="still starting"):
                await client.streams.wait_live("str_1", timeout=0.05, every=0.01)
        assert len(stub.requests) > 1
    with Stub(stream("failed", "no picture")) as stub:
        async with quick(kind, stub) as client:
            with pytest.raises(errors.DeadlineExceededError, match="failed: no picture"):
                await client.streams.wait_live("str_1")


async def test_all_pages_are_walked(kind: str) -> None:
    def page(first: int, cursor: Optional[str]) -> bytes:
        items = [{"encoder_id": str(first + place)} for place in range(2)]
        return answer(200, {"items": items, "next_cursor": cursor})

    with Stub(page(0, "c 1"), page(2, None)) as stub:
        async with quick(kind, stub) as client:
            found = [one["encoder_id"] async for one in client.encoders.iterate(limit=2)]
        assert found == ["0", "1", "2", "3"]
        assert [r.line.split()[1].replace("%20", "+") for r in stub.requests] == [
            "/api/encoders?limit=2",
            "/api/encoders?limit=2&cursor=c+1",
        ]


def health(id: int, sequence: int, stream: str = "str_1") -> str:
    return event("stream_health", id, stream_id=stream, sequence=sequence)


async def collect(client: Any, count: int, **options: Any) -> List[Any]:
    frames = []
    async with client.events(**options) as opened:
        async for frame in opened:
            frames.append(frame)
            if len(frames) == count:
                break
    return frames


def brief(frames: List[Any]) -> List[Any]:
    return [
        frame["data"] if frame["event"] == "lagged" else (frame["id"], frame["data"]["sequence"])
        for frame in frames
    ]


CUT = health(12, 3)[:-9]


@pytest.mark.parametrize(
    "between", [[DROP], [DROP, DROP], [problem(503, "shutting_down", Retry_After="0")]]
)
async def test_a_broken_feed_goes_on_where_it_was(kind: str, between: List[Answer]) -> None:
    first = feed(health(10, 1), ": comment\n\n", health(11, 2), CUT)
    with Stub(first, *between, feed(health(12, 3)), DROP) as stub:
        async with quick(kind, stub) as client:
            frames = await collect(client, 3, stream_id="str_1")
        told = [request.headers.get("last-event-id") for request in stub.requests]
        assert stub.requests[0].line.startswith("GET /api/events?stream_id=str_1 ")
        assert stub.requests[0].headers["accept"] == "text/event-stream"
    assert brief(frames) == [(10, 1), (11, 2), (12, 3)]
    assert told[0] is None and set(told[1 : 2 + len(between)]) == {"11"}


async def test_a_server_that_goes_away_is_waited_for(kind: str) -> None:
    end = event("end", None, code="shutting_down")
    with Stub(feed(health(1, 1), end), feed(health(2, 2)), DROP) as stub:
        async with quick(kind, stub) as client:
            assert brief(await collect(client, 2)) == [(1, 1), (2, 2)]


LOST = {"lost": 0, "resync": True}


async def test_what_was_lost_is_told(kind: str) -> None:
    told = event("lagged", None, lost=2, resync=False)
    said = (health(1, 1), told, health(5, 4), health(7, 6), health(8, 1, "str_2"))
    with Stub(feed(*said)) as stub:
        async with quick(kind, stub) as client:
            frames = await collect(client, 6)
    # The server told of two; the third is nobody's.
    first, lost, second, hidden, third, other = brief(frames)
    assert (first, second, third, other) == ((1, 1), (5, 4), (7, 6), (8, 1))
    assert lost == {"lost": 2, "resync": False} and hidden == {"lost": 1, "resync": True}
    assert frames[1]["id"] is None


async def test_a_server_that_counts_anew_is_a_loss(kind: str) -> None:
    with Stub(feed(health(50, 20)), feed(health(51, 3), health(52, 4)), DROP) as stub:
        async with quick(kind, stub) as client:
            frames = await collect(client, 4)
    assert brief(frames) == [(50, 20), LOST, (51, 3), (52, 4)]


async def test_a_feed_that_broke_before_its_first_event_tells_of_a_loss(kind: str) -> None:
    with Stub(feed(": here\n\n"), feed(health(9, 9)), DROP) as stub:
        async with quick(kind, stub) as client:
            assert brief(await collect(client, 2)) == [LOST, (9, 9)]
        assert "last-event-id" not in stub.requests[1].headers


async def test_a_feed_starts_where_it_is_told(kind: str) -> None:
    with Stub(feed(health(8, 1))) as stub:
        async with quick(kind, stub) as client:
            await collect(client, 1, after=7, encoder_id="helo-1")
        assert stub.requests[0].headers["last-event-id"] == "7"
        assert "encoder_id=helo-1" in stub.requests[0].line


async def test_events_of_the_future_are_left_out(kind: str) -> None:
    news = event("stream_picture", 2, sequence=1)
    with Stub(feed(health(1, 1), news, health(3, 2))) as stub:
        async with quick(kind, stub) as client:
            assert brief(await collect(client, 2)) == [(1, 1), (3, 2)]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (feed("event: alert\nid: 1\ndata: {\n\n"), server_errors.ServerProtocolError),
        (feed("event: stream_health\nid: 1\ndata: {}\n\n"), server_errors.ServerProtocolError),
        (feed('event: alert\ndata: {"sequence": 1}\n\n'), server_errors.ServerProtocolError),
        (answer(200, {}), server_errors.ServerProtocolError),
        (feed(event("end", None, code="key_expired")), server_errors.KeyExpiredError),
        (problem(401, "key_revoked"), server_errors.KeyRevokedError),
        (DROP, server_errors.ServerUnreachableError),
        (problem(503, "not_ready"), server_errors.NotReadyError),
    ],
)
async def test_a_feed_that_cannot_be_is_an_error(kind: str, said: bytes, error: Any) -> None:
    with Stub(said) as stub:
        async with quick(kind, stub) as client:
            with pytest.raises(error):
                await collect(client, 1)


async def test_a_feed_gives_up_in_the_end(kind: str) -> None:
    with Stub(feed(health(1, 1)), DROP) as stub:
        async with quick(kind, stub) as client:
            with pytest.raises(server_errors.ServerUnreachableError) as caught:
                await collect(client, 2, give_up_after=0.2)
        assert caught.value.retry == "exhausted" and len(stub.requests) > QUICK.attempts


async def test_a_closed_client_says_so(kind: str) -> None:
    with Stub(COUNTS) as stub:
        async with quick(kind, stub) as client:
            await client.encoders.counts()
        with pytest.raises(errors.ShuttingDownError):
            await client.encoders.counts()
        with pytest.raises(errors.ShuttingDownError):
            await client.events().__anext__()


async def test_a_client_of_another_process_says_so(kind: str) -> None:
    if not hasattr(os, "fork"):
        return
    async with both.opened(kind, "http://127.0.0.1:1") as client:
        client.real._transport._process = os.getpid() + 1
        with pytest.raises(errors.ConflictError, match="process"):
            await client.encoders.counts()


async def test_a_client_of_another_event_loop_says_so() -> None:
    with Stub(COUNTS) as stub:
        async with Client(stub.url, KEY) as client:
            await client.encoders.counts()

            async def elsewhere() -> None:
                with pytest.raises(errors.ConflictError, match="event loop"):
                    await client.encoders.counts()

            await asyncio.to_thread(asyncio.run, elsewhere())


async def test_a_call_can_be_cancelled() -> None:
    with Stub(Stay(b"")) as stub:
        async with Client(stub.url, KEY) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.encoders.counts(), 0.1)


async def test_an_http_client_of_ones_own_is_used_and_stays_open() -> None:
    with Stub(COUNTS) as stub:
        async with httpx.AsyncClient(headers={"X-Proxy": "a"}) as http:
            async with Client(stub.url, KEY, http=http) as client:
                await client.encoders.counts()
            assert not http.is_closed
        with httpx.Client(headers={"X-Proxy": "b"}) as own:
            with BlockingClient(stub.url, KEY, http=own) as blocking:
                blocking.encoders.counts()
            assert not own.is_closed
        assert [request.headers["x-proxy"] for request in stub.requests] == ["a", "b"]


WAITS: List[Dict[str, Any]] = [
    {"made": 1, "retry_after": None, "draw": 1.0, "wait": 0.25},
    {"made": 3, "retry_after": None, "draw": 1.0, "wait": 1.0},
    {"made": 3, "retry_after": None, "draw": 0.0, "wait": 0.0},
    {"made": 4, "retry_after": None, "draw": 0.5, "wait": None},
    {"made": 1, "retry_after": 5.0, "draw": 0.0, "wait": 5.0},
    {"made": 1, "retry_after": 5.0, "draw": 1.0, "wait": 5.25},
    {"made": 1, "retry_after": 31.0, "draw": 0.0, "wait": None},
    {"made": 4, "retry_after": 1.0, "draw": 0.0, "wait": None},
]


@pytest.mark.parametrize("case", WAITS)
def test_waits_grow_spread_and_end(case: Dict[str, Any]) -> None:
    assert RetryPolicy().wait(case["made"], case["retry_after"], case["draw"]) == case["wait"]


def test_retry_after_is_seconds_or_a_date() -> None:
    now = 1_000_000_000.0
    assert read_retry_after("7") == 7.0
    assert read_retry_after(formatdate(now + 90, usegmt=True), now) == 90.0
    assert read_retry_after(formatdate(now - 90, usegmt=True), now) == 0.0
    assert [read_retry_after(odd) for odd in (None, "soon", "nan", "inf", "")] == [None] * 5
