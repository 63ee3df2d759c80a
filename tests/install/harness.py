"""A temporary root, the setup run in it, and the server started from what was installed."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
HOME = REPOSITORY / "examples" / "monitoring"
BINARY = pathlib.Path(os.environ["SERVER_BINARY"])
PATIENCE = 30.0
AS_ROOT = os.geteuid() == 0
# A user that every system has, and that may own the data when root runs the tests.
SERVICE_USER = "daemon"


class Skipped(Exception):
    """A check that needs something this machine lacks; says what."""


@contextlib.contextmanager
def folder():
    """A folder that the service's user can reach."""
    with tempfile.TemporaryDirectory(prefix="encoder-setup-") as name:
        path = pathlib.Path(name)
        path.chmod(0o755)
        yield path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tree(root):
    """Everything below a folder: kind, mode, owner, time of change, content. What a database keeps
    for its readers is left out."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.name.endswith(("-shm", "-wal")):
            continue
        about = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(about.st_mode) else None
        found[str(path.relative_to(root))] = (
            about.st_mode, about.st_uid, about.st_gid, about.st_mtime_ns, about.st_ino, content)
    return found


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


class Place:
    """A temporary root, and a configuration for it."""

    def __init__(self, root):
        self.root = root / "root"
        self.root.mkdir(mode=0o755)
        self.file = root / "installer-config.yml"
        self.port = free_port()
        self.options = ["--root", str(self.root), "--server-binary", str(BINARY)]
        self.write({
            "mode": "native",
            "ports": {"server": self.port},
            "service": {"user": SERVICE_USER},
            "keys": {"prometheus_group": SERVICE_USER},
            "requirements": {"free_disk_mib": 64},
            "settings": {"log": {"format": "json"}, "encoders": []},
        })

    def write(self, content):
        self.config = content
        self.file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def at(self, path):
        return self.root / path.lstrip("/")

    @property
    def env(self):
        return self.at("/etc/encoder-manager/.env")

    def secret(self, name):
        return self.at(f"/etc/encoder-manager/secrets/{name}")

    def env_values(self):
        lines = [line for line in self.env.read_text().splitlines() if line and line[0] != "#"]
        return dict(line.split("=", 1) for line in lines)

    def setup(self, *words, options=None, before=(), **environment):
        """Runs the setup; its exit code and what it said."""
        options = self.options if options is None else options
        return setup(["--config", str(self.file), *options, *words], before=before, **environment)

    def installed(self, *words):
        """Runs the setup, which must succeed."""
        code, out, error = self.setup(*words)
        assert code == 0, f"{code}\n{out}\n{error}"
        return out

    @contextlib.contextmanager
    def server(self):
        """The server, as its unit starts it, but for the paths below the temporary root."""
        become = {"user": SERVICE_USER, "group": SERVICE_USER, "extra_groups": []} if AS_ROOT else {}
        own = (line for line in self.secret("server.env").read_text().splitlines() if line[:1] != "#")
        environment = dict(line.split("=", 1) for line in own)
        process = subprocess.Popen(
            [self.at("/usr/local/bin/encoder-server"), "serve",
             "--config", self.at("/etc/encoder-manager/config.yaml"),
             "--data", self.at("/var/lib/encoder-manager")],
            cwd=self.at("/var/lib/encoder-manager") if AS_ROOT else self.root, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            **become)
        try:
            until("the server is ready", lambda: self.answer("/readyz")[0] == 200, process)
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.communicate()

    def answer(self, path, key=None, method="GET", body=None):
        """Status and text of what the server answers; status 0 when it does not."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()


@contextlib.contextmanager
def place():
    with folder() as root:
        yield Place(root)


@contextlib.contextmanager
def installed_place():
    with place() as found:
        found.installed()
        yield found


def setup(words, program=HOME / "encoder_manager_setup", before=(), python=(sys.executable,), **environment):
    answer = subprocess.run(
        [*before, *python, str(program), *words], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, env={**os.environ, **environment}, timeout=120)
    assert "Traceback" not in answer.stderr, answer.stderr
    return answer.returncode, answer.stdout, answer.stderr


def until(what, holds, process=None):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if holds():
            return
        if process is not None and process.poll() is not None:
            raise AssertionError(f"{what}: the process ended: {process.stderr.read()[-2000:]}")
        time.sleep(0.05)
    raise AssertionError(f"never happened: {what}")


def one_line(error):
    """The only line of an error, without the program's name."""
    lines = error.splitlines()
    assert len(lines) == 1, error
    return lines[0].removeprefix("encoder_manager_setup: ")


def need(program, package):
    found = shutil.which(program)
    if not found:
        raise Skipped(f"there is no {program} here (Debian package {package})")
    return found
