"""The embedded manager on simulated devices: every method, for asyncio and for threads."""

from __future__ import annotations

import asyncio
import inspect
import pathlib
import sys
import typing
from datetime import datetime, timedelta, timezone
from typing import Any, AsyncIterator, Callable, Dict, Iterator, List

import pytest
from typing_extensions import is_typeddict

import encoder_manager as em
import faces
from encoder_manager import blocking
from encoder_manager._commands import Act
from encoder_manager._reads import ManagerReads
from encoder_manager.documents import EncoderRequest
from faces import ABSENT, QUICK, REQUEST, Face

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the simulator runs on Linux")


@pytest.fixture(params=faces.FACES)
def face(request: Any) -> str:
    return str(request.param)


@pytest.fixture
def devices(tmp_path: pathlib.Path) -> Iterator[List[EncoderRequest]]:
    with faces.simulated(tmp_path, "--count", "2", "--fast") as encoders:
        yield encoders


@pytest.fixture
async def manager(face: str, devices: List[EncoderRequest]) -> AsyncIterator[Face]:
    async with faces.opened(face, QUICK, encoders=devices) as opened:
        await faces.known(opened)
        yield opened


def check(described: Callable[..., Any], answer: Any) -> Any:
    """Whether an answer is of the type that the method promises, key by key."""
    pydantic = pytest.importorskip("pydantic")
    promised = typing.get_type_hints(described)["return"]
    if typing.get_origin(promised) is not None and "Command" in str(promised):
        (promised,) = typing.get_args(promised)
    pydantic.TypeAdapter(promised).validate_python(answer, strict=True)
    _no_key_is_unknown(promised, answer)
    return answer


def _no_key_is_unknown(promised: Any, answer: Any) -> None:
    """A validator of types lets keys through that no type mentions."""
    origin, arguments = typing.get_origin(promised), typing.get_args(promised)
    if origin is typing.Union:
        (promised,) = [one for one in arguments if one is not type(None)]
        if answer is not None:
            _no_key_is_unknown(promised, answer)
    elif origin is list:
        for one in answer:
            _no_key_is_unknown(arguments[0], one)
    elif origin is dict:
        for one in answer.values():
            _no_key_is_unknown(arguments[1], one)
    elif is_typeddict(promised):
        known = typing.get_type_hints(promised)
        assert set(answer) <= set(known), (promised, set(answer) - set(known))
        for key, value in answer.items():
            _no_key_is_unknown(known[key], value)


async def test_a_stream_goes_through_its_life(manager: Face) -> None:
    stream = await manager.start_stream(REQUEST, stream_id="show", bitrate=4_000_000, wait_live=30)
    assert (stream.id, stream.state) == ("show", "live")
    document = stream.document()
    assert document["config"]["bitrate"] == 4_000_000
    assert stream.stream_key == stream.reveal_key() != document["stream_key"]
    assert stream.stream_key not in repr(stream.real)
    assert stream.rtmp_url == document["rtmp_url"]
    assert stream.health()["stream_id"] == "show"
    changed = await stream.update(bitrate=3_000_000)
    assert changed["config"]["bitrate"] == 3_000_000
    moved = await stream.failover(reason="a test")
    assert moved["from"] != moved["to"]
    live = await stream.wait_live(timeout=30)
    assert live["primary"]["encoder_id"] == moved["to"]
    assert (await stream.stop())["state"] == "stopped"
    told = await stream.timeline()
    assert len(told) > 3 and any("a test" in str(entry) for entry in told)
    assert [one.id for one in manager.streams()] == ["show"]
    assert manager.stream("show").state == "stopped"
    with pytest.raises(em.NotFoundError):
        manager.stream("nope")


async def test_every_read_answers_what_it_promises(manager: Face) -> None:
    await manager.start_stream(REQUEST, stream_id="show", wait_live=True)
    samples = {"encoder_id": "helo-1", "stream": "show"}
    seen = 0
    for name, described in inspect.getmembers(ManagerReads, inspect.isfunction):
        if name.startswith("_"):
            continue
        parameters = inspect.signature(described).parameters.values()
        needed = [one.name for one in parameters if one.default is one.empty][1:]
        check(described, getattr(manager.real, name)(*(samples[name] for name in needed)))
        seen += 1
    assert seen >= 20
    assert manager.config["watch"]["active_interval_ms"] == 50
    assert manager.is_ready() is True
    assert "encoder" in manager.render_metrics()


async def act(manager: Face, name: str, *args: Any, **kwargs: Any) -> Any:
    described = getattr(type(manager.real), name).described
    return check(described, await getattr(manager, name)(*args, **kwargs))


async def test_an_encoder_changes_only_as_it_was_read(manager: Face) -> None:
    added = await manager.add_encoder(ABSENT)
    changed = await manager.update_encoder("absent", ABSENT, expect_revision=added["revision"])
    (row,) = [one for one in manager.encoders() if one["encoder_id"] == "absent"]
    assert row["revision"] == manager.encoder("absent")["revision"] == changed["revision"]
    assert changed["revision"] > added["revision"]
    late = {**ABSENT, "site": "north"}
    with pytest.raises(em.RevisionMismatchError):
        await manager.update_encoder("absent", late, expect_revision=added["revision"])
    assert manager.encoder("absent")["site"] is None


async def test_a_stream_changes_only_as_it_was_read(manager: Face) -> None:
    stream = await manager.start_stream(REQUEST, stream_id="show", wait_live=True)
    while True:
        read = stream.document()["revision"]
        try:
            changed = await manager.update_stream("show", {"bitrate": 4_000_000}, read)
            break
        except em.RevisionMismatchError:
            # The manager writes to a young stream as well.
            assert stream.document()["revision"] > read
    assert changed["config"]["bitrate"] == 4_000_000
    assert stream.document()["revision"] > read
    with pytest.raises(em.RevisionMismatchError):
        await manager.update_stream("show", {"bitrate": 3_000_000}, expect_revision=read)
    assert stream.document()["config"]["bitrate"] == 4_000_000


async def test_every_act_answers_what_it_promises(manager: Face) -> None:
    await act(manager, "add_encoder", ABSENT)
    await act(manager, "update_encoder", "absent", {**ABSENT, "site": "north"})
    assert manager.encoder("absent")["site"] == "north"
    await act(manager, "remove_encoder", "absent", drain=True)
    await act(manager, "control", "helo-1", "enter_maintenance")
    await act(manager, "control", "helo-1", "leave_maintenance")
    await act(manager, "monitor_encoder", "helo-1")
    await act(manager, "cool_down", "helo-2")
    await manager.start_stream(**REQUEST, stream_id="show", wait_live=30.0)
    await act(manager, "wait_live", "show", 5)
    await act(manager, "update_stream", "show", {"bitrate": 4_000_000})
    assert await act(manager, "timeline", manager.stream("show"))
    verdict = await act(manager, "authorize_publisher", "no such key", address="127.0.0.1")
    assert verdict["verdict"] == "unknown_stream_key"
    now = datetime.now(timezone.utc)
    await act(manager, "history", "helo-1", since=now - timedelta(minutes=5), until=now)
    await act(manager, "history", step_seconds=60)
    await act(manager, "error_analysis")
    await act(manager, "performance")
    await act(manager, "performance", "helo-1")
    await act(manager, "stop_stream", "show")
    with pytest.raises(em.ConflictError):
        await manager.drill("show")
    with pytest.raises(em.NotFoundError):
        await manager.failover("nope", to="helo-2")


async def test_alerts_are_taken_note_of_and_silenced(manager: Face) -> None:
    until = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
    wish = {"match": {"encoder": ["absent"]}, "reason": "known to be away", "until": until}
    silence = await act(manager, "silence_alerts", wish)
    assert [one["silence_id"] for one in manager.silences()] == [silence["silence_id"]]
    await act(manager, "end_silence", silence["silence_id"])
    await manager.add_encoder(ABSENT)
    for _ in range(200):
        await manager.monitor_encoder("absent")
        if manager.alerts():
            break
        await asyncio.sleep(0.05)
    (alert,) = manager.alerts()
    await act(manager, "acknowledge_alert", alert["alert_id"])
    for absent in (manager.retry_notice("nope"), manager.test_alert_sink("nope")):
        with pytest.raises(em.EncoderError) as caught:
            await absent
        assert caught.value.kind in ("not_found", "validation_failed")


async def test_errors_are_the_library_s_with_everything_they_carry(manager: Face) -> None:
    for encoder in ("helo-1", "helo-2"):
        await manager.control(encoder, "enter_maintenance")
    with pytest.raises(em.NoEncoderAvailableError) as caught:
        await manager.start_stream(REQUEST)
    error = caught.value
    assert error.kind == "no_encoder_available" and error.operation == "start_stream"
    assert {one.field for one in error.violations} == {"helo-1", "helo-2"}
    with pytest.raises(em.ValidationFailedError) as invalid:
        await manager.start_stream(resolution="tiny", bitrate="much", fps=30)
    assert {one.field for one in invalid.value.violations} >= {"resolution", "bitrate"}


async def test_records_outlive_the_manager_in_a_store(
    face: str, devices: List[EncoderRequest], tmp_path: pathlib.Path
) -> None:
    store = tmp_path / "records.db"
    async with faces.opened(face, QUICK, encoders=devices, store=store) as first:
        await faces.known(first)
        await first.start_stream(REQUEST, stream_id="show", wait_live=30)
    async with faces.opened(face, QUICK, store=str(store)) as second:
        assert [one.id for one in second.streams()] == ["show"]
        assert len(second.encoders()) == 2
        await second.stop_stream("show")


async def test_both_managers_offer_the_same() -> None:
    def names(kind: type) -> Dict[str, Any]:
        public = [name for name in dir(kind) if not name.startswith("_")]
        return {name: getattr(kind, name) for name in public}

    for awaiting, waiting in ((em.Manager, blocking.Manager), (em.Stream, blocking.Stream)):
        assert set(names(awaiting)) == set(names(waiting))
        for name, found in names(awaiting).items():
            if callable(found) and not isinstance(found, Act):
                twin = inspect.signature(names(waiting)[name])
                assert list(inspect.signature(found).parameters) == list(twin.parameters), name
            assert found.__doc__, name
