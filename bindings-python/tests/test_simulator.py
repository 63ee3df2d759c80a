"""The simulated devices."""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import typing
import urllib.request
from typing import Any, Dict, List

import pytest

import encoder_manager as em
from encoder_manager import Simulator, simulator
from faces import QUICK, REQUEST
from test_drivers import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the simulator runs on Linux")

URL, KEY = "rtmp://127.0.0.1/live", "sample"

# What belongs to each kind that takes settings.
SETTINGS: Dict[str, Dict[str, Any]] = {
    "network_silence": {"media_continues": True},
    "delay": {"delay_ms": 10},
    "slow_bytes": {"piece": 1, "pause_ms": 10},
    "cut_body": {"after": 3},
    "status": {"status": 500},
    "content_type": {"value": "text/plain"},
    "content_length": {"value": 3},
    "input_format_changed": {"format": 9},
    "over_temperature": {"celsius": 80.5, "ramp_ms": 100},
    "fan_stopped": {"celsius": 80.5, "ramp_ms": 100},
    "alarm": {"name": "Media_Low_Alarm"},
    "drop_pictures": {"one_in": 2},
    "reboot_loop": {"up_ms": 1000},
}
ONCE = ("drop_sessions", "expire_connections", "self_reboot", "cut_connection")


@pytest.mark.parametrize("kind", typing.get_args(simulator.FaultKind))
async def test_every_kind_of_fault_is_known(kind: Any) -> None:
    async with Simulator(count=1) as helos:
        settings = SETTINGS.get(kind, {})
        helos.inject(0, kind, times=3, lasts_ms=60_000, **settings)
        found = helos.faults(0)
        if settings:
            helos.clear_faults()
            whole: Any = {kind: settings}
            helos.inject(0, whole, times=3, lasts_ms=60_000)
            assert helos.faults(0) == found
            with pytest.raises(em.ValidationFailedError, match="unknown field"):
                helos.inject(0, whole, **settings)
        if kind in ONCE:
            assert found == []
            return
        assert [fault["kind"] for fault in found] == [{kind: settings} if settings else kind]
        assert (found[0]["times"], found[0]["lasts_ms"], found[0]["path"]) == (3, 60_000, None)
        helos.clear_faults()
        assert helos.faults(0) == []


async def test_no_kind_of_fault_is_left_out() -> None:
    async with Simulator(count=1) as helos:
        with pytest.raises(em.ValidationFailedError, match="unknown variant `rust`") as caught:
            rust: Any = "rust"
            helos.inject(0, rust)
    known = str(caught.value).partition("expected one of ")[2]
    names = {one.strip("`)") for one in known.replace(",", " ").split()}
    assert names == set(typing.get_args(simulator.FaultKind))


async def test_a_stream_fails_over_between_simulated_devices() -> None:
    async with Simulator() as helos, em.Manager(QUICK, encoders=helos.encoders()) as manager:
        await until("online", lambda: manager.fleet_counts()["online"] == 2)
        request: Any = {**REQUEST, "protection": "warm"}
        stream = await manager.start_stream(request, wait_live=10)
        before = stream.document()["primary"]["encoder_id"]
        place = int(before.rpartition("-")[2]) - 1
        url = stream.document()["destination"]["url"]
        await until("arrived", lambda: helos.ingest.history())
        assert helos.get(place, "ReplicatorStreamState") == "2"
        helos.inject(place, "network_silence", media_continues=False)
        await until("moved", lambda: stream.document()["primary"]["encoder_id"] != before)
        await until("live", lambda: stream.document()["state"] == "live")
        await until("arrived", lambda: helos.get(1 - place, "ReplicatorStreamState") == "2")
        history = helos.ingest.history()
        assert {record["url"] for record in history} == {url}
        assert helos.ingest.most_publishers(url, KEY) == 0
        helos.clear_faults(place)
        await stream.stop()


async def test_looking_into_a_device_and_changing_it() -> None:
    async with Simulator(count=2, values={"RTMPServerURL": URL}) as helos:
        first, second = helos.urls
        assert first != second and first.startswith("http://127.0.0.1:")
        assert helos.get(0, "RTMPServerURL") == helos.get(1, "RTMPServerURL") == URL
        helos.set(0, "Temperature", "77")
        assert helos.get(0, "Temperature") == "77" != helos.get(1, "Temperature")
        helos.release(0, "Temperature")
        helos.turn_on(0)
        target = f"{first}/config?action=get&paramid=eParamID_Temperature"
        answer = await asyncio.to_thread(urllib.request.urlopen, target)
        answer.close()
        (request,) = helos.requests(0)
        assert (request["method"], request["path"], request["sequence"]) == ("GET", "/config", 1)
        assert "get" in dict(request["params"]).values() and request["authenticated"]
        assert helos.requests(1) == []
        for wrong in (
            lambda: helos.get(0, "Colour"),
            lambda: helos.set(0, "Colour", "red"),
            lambda: helos.inject(2, "hang"),
            lambda: helos.requests(7),
        ):
            with pytest.raises(em.NotFoundError):
                wrong()


def states(helos: Simulator) -> List[str]:
    return [helos.get(place, "ReplicatorStreamState") for place in range(len(helos.urls))]


async def test_streams_reach_the_ingest() -> None:
    values = {"StreamType": "0", "RTMPServerURL": URL, "RTMPStreamName": KEY}
    async with Simulator(count=2, ingest="reject", values=values) as helos:
        await until("idle", lambda: states(helos) == ["1", "1"])
        helos.command(0, "ReplicatorCommand", "3")
        await until("arrived", lambda: len(helos.ingest.publishers(URL, KEY)) == 1)
        helos.command(1, "ReplicatorCommand", "3")
        await until("refused", lambda: "refused" in [r["what"] for r in helos.ingest.history()])
        assert helos.ingest.most_publishers(URL, KEY) == 1
        helos.ingest.refuse()
        helos.ingest.drop_publishers(URL, KEY)
        assert helos.ingest.publishers(URL, KEY) == []
        helos.ingest.refuse(False, url=URL, key=KEY)
        helos.ingest.refuse(False)
        await until("back", lambda: helos.ingest.publishers(URL, KEY))
    async with Simulator(count=1, ingest=None) as helos:
        with pytest.raises(em.ConflictError, match="no ingest is simulated"):
            helos.ingest.history()


def test_without_asyncio() -> None:
    helos = Simulator(count=1, password="studio", timing={"boot_ms": 1})
    with pytest.raises(em.ConflictError, match="not started"):
        _ = helos.urls
    with helos:
        (encoder,) = helos.encoders()
        assert (encoder.get("password"), encoder.get("encoder_id")) == ("studio", "helo-1")
        with em.blocking.Manager(QUICK, encoders=[encoder]) as manager:
            assert manager.monitor_encoder("helo-1")["encoder"]["status"] == "online"
        with pytest.raises(em.ConflictError, match="runs already"):
            helos.__enter__()
    with pytest.raises(em.ShuttingDownError, match="make a new one"):
        helos.inject(0, "hang")
    with pytest.raises(em.ShuttingDownError):
        helos.__enter__()


WRONG = [
    ({"count": -1}, "simulator.count: invalid value"),
    ({"timing": {"boot_ms": "x"}}, "simulator.timing.boot_ms: invalid type"),
    ({"colour": "red"}, "unknown field `colour`"),
    ({"ingest": "angry"}, "simulator.ingest.personality: unknown variant"),
    ({"idle_timeout": -1}, "idle_timeout_seconds: "),
    ({"password": 7}, "simulator.password: wrong type"),
    ({"values": {"a": object()}}, "config: Object of type object is not JSON"),
]


@pytest.mark.parametrize(("settings", "words"), WRONG)
def test_settings_that_make_no_sense_are_told(settings: Any, words: str) -> None:
    with pytest.raises(em.ValidationFailedError, match=words) as caught:
        Simulator(**settings)
    assert "7" not in str(caught.value)


async def test_an_address_that_is_taken_is_told() -> None:
    async with Simulator(count=1) as helos:
        taken = helos.urls[0].replace("http://", "")
        with pytest.raises(em.ConflictError, match=r"could not be started: .*in use"):
            await Simulator(count=1, listen=taken).start()


def in_child(helos: Simulator, told: Any) -> None:
    try:
        told.put(helos.urls)
    except em.EncoderError as error:
        told.put(type(error).__name__)


def test_a_forked_child_is_told_and_leaves_the_devices_alone() -> None:
    context: Any = multiprocessing.get_context("fork")
    told = context.Queue()
    with Simulator(count=1) as helos:
        child = context.Process(target=in_child, args=(helos, told))
        child.start()
        assert told.get(timeout=30) == "ConflictError"
        child.join(30)
        assert child.exitcode == 0
        with urllib.request.urlopen(f"{helos.urls[0]}/config?action=get&paramid=Temperature"):
            pass
