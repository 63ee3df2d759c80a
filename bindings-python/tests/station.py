"""The real server and simulated devices, as processes of their own on free loopback ports."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import queue
import subprocess
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
PATIENCE = 60.0


class Station(NamedTuple):
    """What the tests need to know of it."""

    url: str
    admin_key: str
    read_key: str


def until(what: str, holds: Callable[[], Any]) -> Any:
    """Looks until it holds."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"never happened: {what}")


def binary(name: str) -> str:
    """A program that ``cargo build`` made."""
    path = TARGET / name
    assert path.exists(), f"no {path}; run `make build` first"
    return str(path)


class Program:
    """A running program. It is ended by its own process id."""

    def __init__(self, *command: str, cwd: pathlib.Path) -> None:
        self.lines: List[str] = []
        self._news: queue.Queue[str] = queue.Queue()
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)
            self._news.put(line)

    def said(self, find: Callable[[Dict[str, Any]], Optional[str]]) -> str:
        """What the program said in a line of JSON."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and (self._process.poll() is None or not self._news.empty()):
            with contextlib.suppress(queue.Empty, ValueError):
                found = find(json.loads(self._news.get(timeout=0.2)))
                if found:
                    return found
        raise AssertionError("the program did not come up:\n" + "".join(self.lines))

    def end(self) -> None:
        """Ends it and waits."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                pipe.close()


def _settings(folder: pathlib.Path, addresses: List[str], sink: str) -> Dict[str, Any]:
    off = {"read_per_minute": 0, "control_per_minute": 0}
    encoders = [
        {"encoder_id": f"helo-{place}", "address": address}
        for place, address in enumerate(addresses, start=1)
    ]
    watch = {"active_interval_ms": 100, "idle_interval_ms": 200, "report_interval_ms": 1000}
    return {
        "listen": "127.0.0.1:0",
        "data": str(folder / "data"),
        "log": {"format": "json", "filter": "info"},
        "limits": {"key": off, "address": off, "failed_auth_per_minute": 0},
        "manager": {
            "watch": watch,
            # The tests ask more often than a device is spared.
            "thermal": {"burst_requests": 1000},
            "alerts": {"sinks": {"alertmanager": {"ops": {"url": sink}}}},
        },
        "encoders": encoders,
    }


def _address(line: Dict[str, Any]) -> Optional[str]:
    return line.get("address") if line.get("message") == "listening" else None


def _key(folder: pathlib.Path, scope: str) -> str:
    command = [binary("encoder-server"), "keys", "create", "--name", "tests", "--scope", scope]
    made = subprocess.run(
        [*command, "--data", str(folder / "data")],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        check=True,
        capture_output=True,
        text=True,
    )
    return made.stdout.strip()


@contextlib.contextmanager
def running(folder: pathlib.Path, count: int, sink: str) -> Iterator[Station]:
    """Starts simulated devices and a server that manages them; ends both."""
    options = ["--count", str(count), "--listen", "127.0.0.1:0", "--fast", "--json"]
    devices = Program(binary("helo-simulator"), *options, "--exit-with-stdin", cwd=folder)
    try:
        listed = devices.said(lambda line: json.dumps(line.get("devices")))
        addresses = [device["url"] for device in json.loads(listed)]
        settings = folder / "settings.yaml"
        # Every JSON document is a YAML document.
        settings.write_text(json.dumps(_settings(folder, addresses, sink)), encoding="utf-8")
        keys = [_key(folder, scope) for scope in ("admin", "read")]
        serve = (binary("encoder-server"), "serve", "--config", str(settings))
        server = Program(*serve, cwd=folder)
        try:
            address = server.said(_address)
            yield Station(f"http://{address}", *keys)
        finally:
            server.end()
    finally:
        devices.end()
