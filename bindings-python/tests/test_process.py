"""What a process goes through: cancellation, Ctrl-C, forks, its end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from typing import Any, Dict, List

import pytest

import encoder_manager as em
import faces
from encoder_manager import blocking
from faces import ABSENT, QUICK, REQUEST

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks and signals of Linux")

PATIENCE = 60


def run(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs a program of its own to its end."""
    command = [sys.executable, "-X", "dev", "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, check=False, **options
    )


def good(said: subprocess.CompletedProcess[str]) -> str:
    """What it said, when it ended well."""
    assert said.returncode == 0, (said.returncode, said.stdout, said.stderr)
    assert "Traceback" not in said.stderr and "panicked" not in said.stderr, said.stderr
    return said.stdout


async def until(what: str, holds: Any) -> None:
    """Looks until it holds."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, f"never happened: {what}"
        await asyncio.sleep(0.01)


async def test_cancelling_the_wait_stops_the_stream_again(tmp_path: pathlib.Path) -> None:
    # Slow devices: it is not live yet when it is cancelled.
    with faces.simulated(tmp_path, "--count", "2") as encoders:
        async with em.Manager(QUICK, encoders=encoders) as manager:
            await faces.known(faces.Face(manager))
            wish = manager.start_stream(REQUEST, stream_id="show", wait_live=600)
            starting = asyncio.ensure_future(wish)
            await until("it starts", lambda: manager.streams())
            assert manager.stream("show").state == "starting"
            starting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await starting
            await until("it stopped", lambda: manager.stream("show").state == "stopped")


async def test_a_cancelled_opening_is_undone(tmp_path: pathlib.Path) -> None:
    store = tmp_path / "records.db"
    cancelled = 0
    for ticks in range(0, 20, 5):
        manager = em.Manager(encoders=[ABSENT], store=store)
        opening = asyncio.ensure_future(manager.open())
        await asyncio.sleep(ticks * 0.001)
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opening
        if opening.cancelled():
            cancelled += 1
            # One that was left running would hold the lease on the store for good.
            async with em.Manager({"instance": "other"}, store=store) as other:
                await until("the other one leads", other.is_ready)
        await manager.open()
        await until("it leads itself", manager.is_ready)
        await manager.close()
    assert cancelled


async def test_a_manager_that_is_forgotten_is_told_of_and_closed() -> None:
    manager = em.Manager(encoders=[ABSENT])
    await manager.open()
    feed = manager._native.events("{}")
    ended: List[Any] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del manager
        gc.collect()
    assert [one.category for one in caught] == [ResourceWarning]
    # A warning keeps what it is about.
    caught.clear()
    # The feed ends, since the manager is closed in the background.
    while [] not in ended:
        feed.next(100, lambda batch, error: ended.append(batch))
        await asyncio.sleep(0.01)


def test_ctrl_c_ends_a_wait_and_stops_the_stream(tmp_path: pathlib.Path) -> None:
    code = """
        import json, os, signal, sys, threading, time
        from encoder_manager import blocking
        encoders, config, request = json.loads(sys.argv[1])
        with blocking.Manager(config, encoders=encoders) as manager:
            for encoder in encoders:
                manager.monitor_encoder(encoder["encoder_id"])
            def interrupt():
                while not manager.streams():
                    time.sleep(0.01)
                os.kill(os.getpid(), signal.SIGINT)
            threading.Thread(target=interrupt).start()
            try:
                manager.start_stream(request, stream_id="show", wait_live=600)
            except KeyboardInterrupt:
                print("interrupted")
            while manager.stream("show").state != "stopped":
                time.sleep(0.01)
    """
    with faces.simulated(tmp_path, "--count", "2") as encoders:
        said = good(run(code, json.dumps([encoders, QUICK, REQUEST])))
    assert said.split() == ["interrupted"]


def test_a_waiting_thread_lets_others_run() -> None:
    with blocking.Manager(encoders=[ABSENT]) as manager:
        feed = manager.events(stream="show")
        waiting = threading.Thread(target=feed.poll, args=(1.0,))
        waiting.start()
        turns = 0
        while waiting.is_alive():
            turns += 1
        assert turns > 1000


OPEN_ONES = """
    import asyncio, sys, threading
    import encoder_manager as em
    from encoder_manager import blocking
    ABSENT = {"encoder_id": "absent", "address": "http://127.0.0.1:9"}
"""


@pytest.mark.parametrize(
    "left",
    [
        "manager = blocking.Manager(encoders=[ABSENT]).open()",
        "manager = em.Manager(encoders=[ABSENT]); asyncio.run(manager.open())",
        # Many at once, and a thread that waits for ever.
        """
        managers = [blocking.Manager(encoders=[ABSENT]).open() for _ in range(5)]
        feed = managers[0].events(stream="none")
        threading.Thread(target=feed.poll, daemon=True).start()
        """,
        # A log that is written while everything ends.
        """
        import logging
        logging.basicConfig(level=1, stream=sys.stdout)
        manager = blocking.Manager({"watch": {"idle_interval_ms": 20}}, encoders=[ABSENT]).open()
        """,
        # Somebody closes it when it is closed already, and everything else is gone.
        """
        manager = blocking.Manager(encoders=[ABSENT]).open()
        class Late:
            def __del__(self, manager=manager):
                assert manager.close() is True
        late = Late()
        manager._unclosed = False
        """,
    ],
    ids=["blocking", "asyncio", "several", "log", "late"],
)
def test_the_end_of_the_program_closes_what_is_open(left: str) -> None:
    began = time.monotonic()
    good(run(textwrap.dedent(OPEN_ONES) + textwrap.dedent(left)))
    assert time.monotonic() - began < 30


def test_a_forked_child_is_told_and_can_make_its_own() -> None:
    said = good(run(FORKS))
    assert said.count("told") == 4 and said.count("own 1") == 1 and "parent 1" in said


FORKS = """
    import asyncio, os, sys
    import encoder_manager as em
    from encoder_manager import blocking
    ABSENT = {"encoder_id": "absent", "address": "http://127.0.0.1:9"}
    manager = blocking.Manager(encoders=[ABSENT]).open()
    later = blocking.Manager(encoders=[ABSENT])
    feed = manager.events()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        for call in (manager.encoders, lambda: manager.stop_stream("x"), manager.close, feed.poll):
            try:
                call()
            except em.ConflictError as error:
                assert "forked" in str(error) and "spawn" in str(error), error
                print("told")
        del manager, feed
        # Made before the fork, and not opened.
        with later:
            print("own", len(later.encoders()), flush=True)
        # Ends like any program, with whatever Python runs at the end.
        sys.exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    print("parent", len(manager.encoders()))
    manager.close()
"""


def test_a_pool_of_forked_workers_that_use_the_package() -> None:
    code = """
        import multiprocessing, sys
        from encoder_manager import blocking
        ABSENT = {"encoder_id": "absent", "address": "http://127.0.0.1:9"}
        def work(_):
            with blocking.Manager(encoders=[ABSENT]) as manager:
                return manager.control("absent", "enter_maintenance")["state"]
        if __name__ == "__main__":
            with blocking.Manager(encoders=[ABSENT]) as manager:
                with multiprocessing.get_context("fork").Pool(3) as pool:
                    print(set(pool.map(work, range(12))))
                print(len(manager.encoders()))
    """
    # multiprocessing warns of forking with threads, which is what is tried here.
    said = good(run(code, env={**os.environ, "PYTHONWARNINGS": "ignore::DeprecationWarning"}))
    assert said.split() == ["{'maintenance'}", "1"]


def test_a_defect_behind_a_callable_does_not_end_the_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unraised: List[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", unraised.append)
    with blocking.Manager() as manager:

        def fails(*_: object) -> None:
            raise ZeroDivisionError

        manager._native.act("error_analysis", "{}", fails)
        end = time.monotonic() + 30
        while not unraised and time.monotonic() < end:
            assert manager.error_analysis()
    assert [one.exc_type for one in unraised] == [ZeroDivisionError]


def test_an_answer_for_a_loop_that_is_closed_is_dropped() -> None:
    manager = em.Manager(encoders=[ABSENT])
    pending: Dict[str, Any] = {}

    async def leave() -> None:
        await manager.open()
        pending["feed"] = manager.events(after=0)
        pending["wait"] = asyncio.ensure_future(pending["feed"].__anext__())
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    pending["wait"].cancel()
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(pending["wait"])
    loop.close()
    assert asyncio.run(manager.close()) is True


def test_signals_reach_python_while_managers_run() -> None:
    seen: List[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: seen.append(number))
    # As often as it takes to arrive at the very end of a wait.
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        with blocking.Manager() as manager, manager.events() as feed:
            for _ in range(300):
                assert feed.poll(timeout=0.002) is None
        assert len(seen) > 10
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
