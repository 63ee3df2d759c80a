"""The REST side of the client tests: keys, streams, and the failover that the feed must tell of."""

import os
import time
from datetime import datetime, timedelta, timezone

import requests

SERVER = os.environ["SERVER_URL"]
ADMIN_KEY = os.environ["ADMIN_KEY"]
PATIENCE = 30.0


def call(method, path, body=None):
    answer = requests.request(
        method,
        SERVER + path,
        json=body,
        headers={"Authorization": f"Bearer {ADMIN_KEY}"},
        timeout=PATIENCE,
    )
    answer.raise_for_status()
    return answer.json()


def make_key(name, scope="read", lasts=None):
    """A key and its id; `lasts` in seconds."""
    body = {"name": name, "scope": scope}
    if lasts is not None:
        end = datetime.now(timezone.utc) + timedelta(seconds=lasts)
        body["expires_at"] = end.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    made = call("POST", "/api/keys", body)
    return made["key"], made["key_id"]


def until(what, holds):
    """Looks until it holds."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"never happened: {what}")


def protected_stream(name):
    """The id of the demo's stream of that name, once its backup could take over."""

    def ready():
        for stream in call("GET", "/api/streams")["items"]:
            if stream["name"] == name and stream["state"] == "live" and stream["backup"]["ready"]:
                return stream["stream_id"]
        return None

    return until(f"{name} live and protected", ready)


def check_failover(events, stream):
    """What a client received of one failover: all phases, in order, without a gap."""
    sequences = [data["sequence"] for _, data in events]
    first = sequences[0]
    assert sequences == list(range(first, first + len(sequences))), sequences
    moves = [data for name, data in events if name == "stream_failover"]
    assert all(move["stream_id"] == stream for move in moves), moves
    phases = [move["phase"] for move in moves]
    assert phases == ["start", "confirm", "completed"], phases
    elapsed = [move["elapsed_ms"] for move in moves]
    assert elapsed == sorted(elapsed), elapsed
    assert moves[-1]["from"] != moves[-1]["to"], moves[-1]
    assert all(data["timestamp"].endswith("Z") for _, data in events), events
    health = [data for name, data in events if name == "stream_health"]
    assert health and "health_score" in health[-1] and health[-1]["cpu_usage"] is None, health
