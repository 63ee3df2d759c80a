"""Both clients against the real server. Every answer is held against the OpenAPI document."""

from __future__ import annotations

import asyncio
import datetime
import time
from typing import Any, Dict, List

import pytest
from typing_extensions import get_type_hints

import both
import station
from encoder_manager import errors, events
from encoder_manager.server import errors as server_errors

pytestmark = pytest.mark.usefixtures("fleet")

REQUEST = {
    "resolution": "1280x720",
    "bitrate": 4_500_000,
    "fps": 30,
    "protection": "none",
    "destination": {"url": "rtmp://127.0.0.1:1/live"},
}


async def until(what: str, find: Any) -> Any:
    """Looks until there is something."""
    end = time.monotonic() + station.PATIENCE
    while time.monotonic() < end:
        found = await find()
        if found:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"never happened: {what}")


async def fleet_online(client: both.Both) -> None:
    async def online() -> bool:
        return int((await client.encoders.counts())["online"]) >= 3

    await until("all encoders are online", online)


async def test_a_stream_lives_moves_and_ends(client: both.Both) -> None:
    await fleet_online(client)
    request = {**REQUEST, "protection": "cold", "name": "Council meeting"}
    stream = await client.streams.start(request, wait_live=True)
    id = stream["stream_id"]
    try:
        assert stream["state"] == "live" and stream["live_at"] is not None
        shown = await client.streams.get(id)
        revealed = await client.streams.get(id, reveal_key=True)
        assert revealed["stream_key"] == stream["stream_key"] != shown["stream_key"]
        assert (await client.streams.health(id))["stream_id"] == id
        assert (await client.streams.wait_live(id))["state"] in ("live", "degraded")
        accepted = await client.streams.failover(id, reason="test")
        assert accepted["from"] == stream["primary"]["encoder_id"] != accepted["to"]

        async def moved() -> bool:
            now = await client.streams.get(id)
            return (now["primary"]["encoder_id"], now["state"]) == (accepted["to"], "live")

        await until("the stream is live elsewhere", moved)
        told = [entry async for entry in client.streams.iterate_timeline(id, limit=2)]
        assert accepted["incident_id"] in [entry["incident_id"] for entry in told]
        assert [entry["number"] for entry in told] == sorted(entry["number"] for entry in told)
        assert len(told) > 2
        overview = await client.monitoring.streams_health()
        assert set(overview) >= {id}
    finally:
        assert (await client.streams.stop(id))["state"] == "stopped"
    assert (await client.streams.stop(id))["state"] == "stopped"
    with pytest.raises(errors.DeadlineExceededError, match="the stream is stopped"):
        await client.streams.wait_live(id)


async def test_a_repeated_start_gives_the_first_stream(client: both.Both, kind: str) -> None:
    await fleet_online(client)
    key = f"repeated-{kind}"
    first = await client.streams.start(REQUEST, idempotency_key=key)
    again = await client.streams.start(REQUEST, idempotency_key=key)
    assert first["stream_id"] == again["stream_id"]
    with pytest.raises(server_errors.IdempotencyKeyReusedError):
        await client.streams.start({**REQUEST, "bitrate": 5_000_000}, idempotency_key=key)
    await client.streams.stop(first["stream_id"])


async def test_a_stream_changes_only_under_its_tag(client: both.Both) -> None:
    await fleet_online(client)
    stream = await client.streams.start(REQUEST, wait_live=True)
    id = stream["stream_id"]
    try:
        tags = []

        async def changed() -> Any:
            # The manager writes to the stream as well, so the tag may be old already: read again.
            tags.append((await client.streams.get_tagged(id)).etag)
            try:
                return await client.streams.update(id, {"bitrate": 3_000_000}, if_match=tags[-1])
            except errors.RevisionMismatchError:
                return None

        answer = await until("the stream is changed under its tag", changed)
        assert answer["config"]["bitrate"] == 3_000_000
        with pytest.raises(errors.RevisionMismatchError):
            await client.streams.update(id, {"bitrate": 4_000_000}, if_match=tags[-1])
        with pytest.raises(server_errors.ThumbnailUnavailableError, match="play_url"):
            await client.streams.thumbnail(id)
    finally:
        await client.streams.stop(id)


async def test_a_drill_is_accepted(client: both.Both) -> None:
    await fleet_online(client)
    stream = await client.streams.start({**REQUEST, "protection": "warm"}, wait_live=True)
    id = stream["stream_id"]
    try:

        async def ready() -> bool:
            return bool((await client.streams.get(id))["backup"]["ready"])

        await until("the backup is ready", ready)
        accepted = await client.streams.drill(id)
        assert accepted["stream_id"] == id
        backup = accepted["to"]
        assigned = await client.monitoring.assignments(stream["primary"]["encoder_id"])
        assert backup in assigned["backup_ids"] or assigned["active_streams"] == []
    finally:
        await client.streams.stop(id)


async def test_encoders_come_change_and_go(client: both.Both, kind: str) -> None:
    id = f"spare-{kind}"
    added = await client.encoders.add(
        {
            "encoder_id": id,
            "address": "http://127.0.0.1:9",
            "maintenance": True,
            "password": "secret",
        }
    )
    assert added["encoder_id"] == id and "password" not in added
    with pytest.raises(errors.AlreadyExistsError):
        await client.encoders.add({"encoder_id": id, "address": "http://127.0.0.1:9"})
    before = await client.encoders.get_tagged(id)
    request = {"address": "http://127.0.0.1:9", "name": "Spare", "maintenance": True}
    changed = await client.encoders.update(id, request, if_match=before.etag)
    assert changed["name"] == (await client.encoders.get(id))["name"] == "Spare"
    with pytest.raises(errors.RevisionMismatchError):
        await client.encoders.update(id, request, if_match=before.etag)
    ids = [one["encoder_id"] async for one in client.encoders.iterate(limit=1)]
    assert id in ids and ids == sorted(ids) and len(ids) >= 4
    page = await client.encoders.list(limit=2)
    assert len(page["items"]) == 2 and page["next_cursor"] is not None
    assert await client.encoders.remove(id, drain=True) is None
    with pytest.raises(errors.NotFoundError):
        await client.encoders.get(id)


async def test_encoders_are_told_what_to_do(client: both.Both) -> None:
    await fleet_online(client)
    told = await client.encoders.control("helo-3", {"action": "enter_maintenance"})
    assert told["accepted"]
    assert (await client.encoders.status("helo-3"))["status"] == "maintenance"
    answer = await client.encoders.bulk(["helo-3", "nobody"], {"action": "leave_maintenance"})
    good, bad = answer["results"]
    assert good["outcome"]["accepted"] and good["problem"] is None
    error = server_errors.from_problem(bad["problem"])
    assert type(error) is errors.NotFoundError and bad["outcome"] is None
    with pytest.raises(errors.ValidationFailedError) as caught:
        await client.encoders.control("helo-3", {"action": "dance"})
    assert [one.field for one in caught.value.violations] == ["action"]


async def test_encoders_show_figures_and_health(client: both.Both) -> None:
    await fleet_online(client)
    figures = await client.encoders.metrics("helo-1")
    assert figures["encoder_id"] == "helo-1" and figures["cpu_usage"] is None
    since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=5)
    past = await client.encoders.history("helo-1", since=since, metrics=["temperature"])
    assert set(past["series"]) <= {"temperature"} and past["from"].endswith("Z")
    with pytest.raises(errors.ValidationFailedError, match="since"):
        await client.encoders.history("helo-1", since=datetime.datetime(2026, 11, 23))
    health = await client.encoders.health("helo-1")
    assert health["encoder"]["encoder_id"] == "helo-1"


READINGS = (
    "status",
    "health",
    "alerts",
    "silences",
    "notifications",
    "sinks",
    "errors",
    "storage",
    "certificates",
    "performance",
    "thermal",
    "load_balancer",
    "figures",
    "streams_health",
)


@pytest.mark.parametrize("name", READINGS)
async def test_monitoring_answers(client: both.Both, name: str) -> None:
    # The fixture holds the answer against its schema.
    assert isinstance(await getattr(client.monitoring, name)(), dict)


async def test_monitoring_shows_text_and_single_things(client: both.Both) -> None:
    assert "encoder_build_info" in await client.monitoring.prometheus()
    assert (await client.monitoring.temperature("helo-1"))["encoder_id"] == "helo-1"
    sink = (await client.monitoring.sinks())["items"][0]["name"]
    assert (await client.monitoring.test_sink(sink))["delivered"] is True
    with pytest.raises(errors.EncoderError) as caught:
        await client.monitoring.renew_certificate("nobody.example:443")
    assert caught.value.kind in ("not_found", "conflict", "unsupported", "validation_failed")
    with pytest.raises(errors.NotFoundError):
        await client.monitoring.retry_notification("ntc_nobody")


async def test_an_alert_is_acknowledged(client: both.Both, kind: str) -> None:
    id = f"gone-{kind}"
    await client.encoders.add({"encoder_id": id, "address": "http://127.0.0.1:9"})
    try:

        async def firing() -> Any:
            found = client.monitoring.iterate_alerts(encoder_id=id, state="firing")
            return [alert async for alert in found]

        alert = (await until("the encoder's absence is told", firing))[0]
        acknowledged = await client.monitoring.acknowledge(alert["alert_id"])
        assert acknowledged["state"] == "acknowledged"
    finally:
        await client.encoders.remove(id)


async def test_a_silence_begins_and_ends(client: both.Both) -> None:
    until_when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    matcher: Dict[str, List[str]] = {
        key: [] for key in ("category", "code", "encoder", "severity", "site", "stream")
    }
    silence = await client.monitoring.silence(
        {
            "match": {**matcher, "encoder": ["helo-3"]},
            "reason": "cleaning",
            "until": until_when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
    )
    assert (await client.monitoring.silences())["items"][0]["silence_id"] == silence["silence_id"]
    ended = await client.monitoring.end_silence(silence["silence_id"])
    assert ended["state"] != silence["state"]


async def test_an_encoder_is_cooled_once(client: both.Both, kind: str) -> None:
    # Those that no other test needs.
    id = {"asyncio": "helo-4", "blocking": "helo-5"}[kind]

    async def online() -> bool:
        return bool((await client.encoders.get(id))["status"] == "online")

    await until(f"{id} is online", online)
    assert (await client.monitoring.cool_down(id))["cooling_active"]
    with pytest.raises(errors.ConflictError):
        await client.monitoring.cool_down(id)


async def test_keys_are_made_used_and_revoked(
    client: both.Both, kind: str, fleet: station.Station
) -> None:
    expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    made = await client.keys.create(f"tests {kind}", "read", expires_at=expires)
    async with both.opened(kind, fleet.url, made["key"]) as other:
        await other.encoders.counts()
        with pytest.raises(server_errors.ScopeInsufficientError) as refused:
            await other.keys.list()
        assert refused.value.context["status"] == "403"
        assert "request_id" in refused.value.context
        await client.keys.revoke(made["key_id"])
        with pytest.raises(server_errors.KeyRevokedError) as caught:
            await other.encoders.counts()
        assert isinstance(caught.value, server_errors.UnauthorizedError)
        assert made["key"] not in repr(caught.value) + str(caught.value.to_document())
    listed = [one async for one in client.keys.iterate(limit=2)]
    assert made["key_id"] in [one["key_id"] for one in listed]
    audited = await client.keys.audit(action="keys", limit=5)
    assert audited["items"]
    assert [one async for one in client.keys.iterate_audit(subject=made["key_id"])]


async def test_the_server_describes_itself(kind: str, fleet: station.Station) -> None:
    import conformance

    async with both.opened(kind, fleet.url, None) as client:
        assert (await client.alive())["status"] == "ok"
        assert (await client.ready())["status"]
        assert await client.openapi() == conformance.openapi()
        with pytest.raises(server_errors.KeyMissingError):
            await client.encoders.counts()


FRAMES = {
    "stream_health": events.StreamHealthEvent,
    "health_update": events.HealthUpdate,
    "stream_failover": events.StreamFailover,
    "stream_error": events.StreamError,
    "alert": events.AlertEvent,
}


def check_frame(frame: Any) -> None:
    """A frame has the keys that its type says, and no others."""
    kind: Any = FRAMES[frame["event"]]
    keys, known = set(frame["data"]), set(get_type_hints(kind))
    optional: Any = getattr(kind, "__optional_keys__", frozenset())
    assert keys <= known, keys - known
    assert known - keys <= optional, known - keys - optional


async def test_the_feed_tells_of_a_failover_and_resumes(client: both.Both) -> None:
    await fleet_online(client)
    stream = await client.streams.start({**REQUEST, "protection": "cold"}, wait_live=True)
    id = stream["stream_id"]
    try:
        async with client.events(stream_id=id) as feed:
            first = await feed.__anext__()
            check_frame(first)
            await client.streams.failover(id)
            phases = []
            async for frame in feed:
                check_frame(frame)
                assert frame["data"]["stream_id"] == id
                if frame["event"] == "stream_failover":
                    phases.append(frame["data"]["phase"])
                    if phases[-1] == "completed":
                        break
            assert phases[-1] == "completed" and len(phases) > 1
            last = feed.items.last_id
        async with client.events(stream_id=id, after=first["id"]) as again:
            seen = []
            async for frame in again:
                seen.append(frame)
                if frame["id"] >= last:
                    break
        told = [f["data"]["phase"] for f in seen if f["event"] == "stream_failover"]
        assert told == phases and all(frame["event"] != "lagged" for frame in seen)
        async with client.events(after=10**9) as lost:
            frame = await lost.__anext__()
            assert frame["event"] == "lagged" and frame["data"]["resync"] is True
    finally:
        await client.streams.stop(id)


async def test_the_feed_tells_of_everything(client: both.Both) -> None:
    await fleet_online(client)
    seen = set()
    async with client.events() as feed:
        async for frame in feed:
            check_frame(frame)
            seen.add(frame["event"])
            if "health_update" in seen:
                break


async def test_a_feed_of_nobody_is_refused(client: both.Both) -> None:
    async with client.events(stream_id="str_nobody") as feed:
        with pytest.raises(errors.NotFoundError):
            await feed.__anext__()


async def test_a_feed_ends_with_its_key(
    client: both.Both, kind: str, fleet: station.Station
) -> None:
    made = await client.keys.create(f"feed {kind}", "read")
    async with both.opened(kind, fleet.url, made["key"]) as other, other.events() as feed:
        await feed.__anext__()
        await client.keys.revoke(made["key_id"])
        with pytest.raises(server_errors.KeyRevokedError):
            async for _ in feed:
                pass
