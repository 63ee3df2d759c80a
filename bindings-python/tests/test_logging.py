"""What the native half logs, in Python's logging."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from typing import Iterator, List

import pytest

from encoder_manager import _logging, blocking
from faces import ABSENT, QUICK


class Kept(logging.Handler):
    """Keeps what it is given."""

    def __init__(self, pause: float = 0.0) -> None:
        super().__init__()
        self.records: List[logging.LogRecord] = []
        self.pause = pause

    def emit(self, record: logging.LogRecord) -> None:
        time.sleep(self.pause)
        self.records.append(record)

    def wait(self, text: str) -> logging.LogRecord:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            for record in self.records:
                if text in record.getMessage() or text in record.name:
                    return record
            time.sleep(0.02)
        raise AssertionError(f"{text!r} was not logged: {self.records}")


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    yield from _added(handler)


def _added(handler: Kept) -> Iterator[Kept]:
    _logging.ROOT.addHandler(handler)
    try:
        yield handler
    finally:
        _logging.ROOT.removeHandler(handler)
        _logging.ROOT.setLevel(logging.NOTSET)


def test_levels_that_are_asked_for_arrive_with_their_facts(kept: Kept) -> None:
    _logging.ROOT.setLevel(logging.DEBUG)
    with blocking.Manager(QUICK, encoders=[ABSENT]):
        record = kept.wait("encoder_core")
        assert record.name.startswith("encoder_manager.encoder_core.")
        assert record.levelno >= logging.DEBUG
        assert isinstance(getattr(record, "fields"), dict)


def test_a_level_that_is_changed_counts_soon(kept: Kept) -> None:
    _logging.ROOT.setLevel(logging.CRITICAL)
    with blocking.Manager(QUICK, encoders=[ABSENT]):
        time.sleep(0.3)
        assert kept.records == []
        _logging.ROOT.setLevel(logging.DEBUG)
        kept.wait("encoder_core")


def test_one_logger_alone_can_be_louder(kept: Kept) -> None:
    only = logging.getLogger("encoder_manager.encoder_core.fleet.watcher")
    only.setLevel(logging.DEBUG)
    try:
        assert _logging.wanted_level() == logging.DEBUG
    finally:
        only.setLevel(logging.NOTSET)


def test_nothing_is_wanted_where_nobody_listens() -> None:
    code = """
import logging
from encoder_manager import _logging
print(_logging.wanted_level() == _logging.NOBODY)
logging.basicConfig(level=logging.INFO)
print(_logging.wanted_level())
logging.disable(logging.WARNING)
print(_logging.wanted_level() > logging.WARNING)
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout.split() == ["True", "20", "True"]


def test_a_program_without_logging_hears_nothing() -> None:
    code = """
from encoder_manager import blocking
with blocking.Manager(encoders=[{"encoder_id": "absent", "address": "http://127.0.0.1:9"}]) as m:
    m.monitor_encoder("absent")
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout == said.stderr == ""


def test_a_handler_that_is_slow_holds_nothing_up() -> None:
    for slow in _added(Kept(pause=0.05)):
        _logging.ROOT.setLevel(1)
        crowd = [{**ABSENT, "encoder_id": f"absent-{place}"} for place in range(50)]
        quick = {"watch": {"active_interval_ms": 10, "idle_interval_ms": 10}}
        with blocking.Manager(quick, encoders=crowd) as manager:
            end = time.monotonic() + 60
            lost = []
            while not lost and time.monotonic() < end:
                began = time.monotonic()
                manager.control("absent-1", "enter_maintenance")
                assert time.monotonic() - began < 5
                manager.control("absent-1", "leave_maintenance")
                lost = [one for one in slow.records if "were lost" in one.getMessage()]
            assert lost
            slow.pause = 0.0


def test_an_error_of_a_handler_is_not_an_error_of_the_manager(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(record: logging.LogRecord) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(kept, "emit", broken)
    monkeypatch.setattr(logging, "raiseExceptions", False)
    unraised: List[object] = []
    monkeypatch.setattr(sys, "unraisablehook", unraised.append)
    _logging.ROOT.setLevel(logging.DEBUG)
    with blocking.Manager(QUICK, encoders=[ABSENT]) as manager:
        end = time.monotonic() + 30
        while not unraised and time.monotonic() < end:
            time.sleep(0.02)
        assert unraised and manager.is_ready()
