"""Server, Prometheus, Alertmanager and Grafana in containers."""

from __future__ import annotations

import os
import pathlib
import subprocess
from typing import Callable, Optional

from . import requirements, server
from .config import InstallerConfig
from .files import Owner
from .plan import State, Step, done, open_
from .setup import Setup, is_root, run_or_fault, run_quietly

PARTS = ("server", "prometheus", "alertmanager", "grafana")
# As docker-compose.yml names them.
VOLUME = "encoder-manager_server-data"
IMAGE = "encoder-manager/server:local"
DATA = "/var/lib/encoder-manager"
# Files of secrets that hold one variable of .env each.
SECRET_FILES = {
    "alertmanager_smtp_password": "ALERTMANAGER_SMTP_PASSWORD",
    "alertmanager_on_call_token": "ALERTMANAGER_ON_CALL_TOKEN",
    "grafana_admin_password": "GRAFANA_ADMIN_PASSWORD",
}
# A group that nobody has, when root installs.
GROUP_OF_ROOT = 10001


class Compose(Setup):
    """What docker-compose.yml needs beside itself: .env, secrets, settings, image, first keys."""

    def __init__(self, config: InstallerConfig, home: pathlib.Path, rotate: list, binary: Optional[str]):
        super().__init__(config, home, home, None, rotate)
        self.group = GROUP_OF_ROOT if is_root() else os.getgid()
        self.local = server.find(home, binary)
        self.again = bool(self.manifest.files)

    def compose(self, *arguments: str) -> tuple:
        return ("docker", "compose", "--file", str(self.home / "docker-compose.yml"), *arguments)

    def in_container(self, *options: str) -> server.Program:
        run = self.compose("run", "--rm", "--no-deps", "-T", *options, "server")
        return server.Program(run)

    def reader(self) -> Owner:
        gid = self.values()["SECRETS_GID"]
        return Owner(None, int(gid)) if gid.isdigit() else Owner()

    # What the common steps need.

    def listen(self) -> str:
        # Inside the container; what others reach is said by `ports` in docker-compose.yml.
        return "0.0.0.0:8080"

    def data_for_server(self) -> str:
        return DATA

    def data_path(self) -> str:
        return DATA

    def has_database(self) -> bool:
        return run_quietly("docker", "volume", "inspect", VOLUME).returncode == 0

    def program(self) -> server.Program:
        return self.in_container()

    def checker(self) -> Optional[Callable[[str, str], subprocess.CompletedProcess]]:
        if self.local:
            return lambda file, env: server.Program((str(self.local),)).run("check-config", file, "--env", env)
        if self.has_image():
            def check(file: str, env: str) -> subprocess.CompletedProcess:
                run = ("docker", "run", "--rm", "--network", "none", "--user", str(os.geteuid()),
                       "--volume", f"{file}:/tmp/config.yaml:ro", "--volume", f"{env}:/tmp/server.env:ro", IMAGE)
                return server.Program(run).run("check-config", "/tmp/config.yaml", "--env", "/tmp/server.env")
            return check
        return None

    def has_image(self) -> bool:
        return run_quietly("docker", "image", "inspect", IMAGE).returncode == 0

    # Steps.

    def steps(self) -> list:
        keys = self.config.get
        return [
            Step("docker compose", requirements.docker_compose),
            Step("free disk", lambda: requirements.free_disk(
                self.home, self.config.get("requirements", "free_disk_mib"))),
            *[Step(f"port of {part}", lambda part=part: requirements.port(
                part, self.address(), self.port(part))) for part in PARTS],
            Step(f"rights in {self.home}", lambda: requirements.writable(self.home)),
            self.settings_step(),
            self.folder_step(self.secrets, 0o711, Owner),
            self.env_step(),
            self.file_step(self.secrets / "server.env", self.server_env, 0o640, self.reader, "kept"),
            *[self.file_step(self.secrets / name, lambda variable=variable: self.values()[variable], 0o640,
                             self.reader, "kept") for name, variable in SECRET_FILES.items()],
            self.file_step(self.settings, self.settings_text, 0o640, self.reader),
            self.image_step(),
            self.key_step("admin_key", keys("keys", "admin_days"), 0o600, Owner),
            self.key_step("prometheus_key", keys("keys", "prometheus_days"), 0o640, self.reader),
        ]

    def image_step(self) -> Step:
        def look() -> State:
            return done("built") if self.has_image() else open_("to be built; this takes some minutes")

        def act() -> None:
            run_or_fault(*self.compose("config", "--quiet"))
            run_or_fault(*self.compose("build", "server"))
            if not self.local:
                # There was nothing to check the settings with before.
                self.settings_step().look()

        return Step(f"image {IMAGE}", look, act)

    def finish(self, count: int) -> None:
        if not count:
            print("Everything is there already.")
            return
        # A container goes on with the files that it was started with.
        renew = " --force-recreate" if self.again else ""
        print(f"\nNext:\n  cd {self.home} && docker compose up --detach --wait{renew}")
        print(f"  The operators' key is in {self.secrets / 'admin_key'}. Keep it, then delete the file.")
        print(f"  Grafana is at port {self.port('grafana')}, user admin, password in {self.env}.")

    def stop(self, purge: bool) -> None:
        if self.manifest.files and requirements.docker_compose().done:
            run_or_fault(*self.compose("down", *(["--volumes"] if purge else [])))

    def purge_data(self) -> None:
        """The volumes went when the containers were stopped."""
