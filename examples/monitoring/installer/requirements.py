"""What must be there before anything is installed."""

from __future__ import annotations

import http.client
import os
import pathlib
import shutil
import socket
import subprocess

from .plan import State, done, open_

# How a port answers when what listens there belongs to the installation: path, and a part of the answer.
OURS = {
    "server": ("/healthz", '"ok"'),
    "prometheus": ("/-/healthy", "Prometheus"),
    "alertmanager": ("/-/healthy", "OK"),
    "grafana": ("/api/health", "database"),
}


def existing(path: pathlib.Path) -> pathlib.Path:
    """The path, or the nearest above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def free_disk(path: pathlib.Path, wanted_mib: int) -> State:
    place = existing(path)
    free = shutil.disk_usage(place).free // (1 << 20)
    text = f"{free} MiB at {place}, {wanted_mib} wanted"
    if free < wanted_mib:
        return open_(f"{text}; make room, or lower requirements.free_disk_mib")
    return done(text)


def writable(path: pathlib.Path) -> State:
    place = existing(path)
    if not place.is_dir():
        return open_(f"{place} is not a folder; move it away, or choose another place under `paths`")
    if not os.access(place, os.W_OK | os.X_OK):
        advice = "run the setup as root, or choose another place under `paths`"
        return open_(f"{place} cannot be written; {advice}")
    return done("can be written" if path.exists() else f"can be made in {place}")


def port(part: str, address: str, number: int) -> State:
    """Whether a port is free, or taken by the very thing that is installed."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, number))
            probe.listen(1)
        return done("free")
    except PermissionError:
        # The service may do what this user may not.
        return done("below 1024")
    except OSError as error:
        if is_ours(part, address, number):
            return done(f"in use by the {part} that runs")
        variable = f"{part.upper()}_PORT"
        reason = error.strerror or "it cannot be opened"
        return open_(f"{reason}; end what listens there (`ss -ltnp`), or change ports.{part} "
                     f"in installer-config.yml or {variable} in .env")


def is_ours(part: str, address: str, number: int) -> bool:
    path, expected = OURS[part]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    connection = http.client.HTTPConnection(reachable, number, timeout=2)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status == 200 and expected in answer.read(4096).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def systemd() -> State:
    if shutil.which("systemctl") and pathlib.Path("/run/systemd/system").is_dir():
        return done("runs")
    return open_("does not run here; leave --systemd out and start the server yourself")


def docker_compose() -> State:
    if not shutil.which("docker"):
        return open_("there is no `docker`: https://docs.docker.com/engine/install/debian/")
    answer = subprocess.run(["docker", "compose", "version", "--short"], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        return open_("`docker compose` is missing: `apt-get install docker-compose-plugin`, "
                     "from https://docs.docker.com/engine/install/debian/")
    return done(f"version {answer.stdout.strip()}")
