"""The program on this machine, beside a Prometheus that is there already."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import time
from typing import Callable, Optional

from . import files, requirements, server, unit
from .config import InstallerConfig
from .fault import Fault
from .files import Owner
from .plan import State, Step, done, open_
from .setup import Setup, is_root, run_or_fault, run_quietly

SERVICE = "encoder-manager"
UNITS = "/etc/systemd/system"
# Seconds that the service may take to answer.
PATIENCE = 30.0
# Looks in a row at which it is gone, after which nobody waits for it any longer.
GONE_FOR = 5


class Native(Setup):
    """Folders, program, database, and a unit when asked."""

    started = False

    def __init__(self, config: InstallerConfig, home: pathlib.Path, root: Optional[pathlib.Path],
                 rotate: list, binary: Optional[str], systemd: bool):
        self.root = root
        super().__init__(config, home, self.at(config.get("paths", "config")), root, rotate)
        self.bin = self.at(config.get("paths", "program"))
        self.data = self.at(config.get("paths", "data"))
        self.source = server.find(home, binary)
        self.installed = self.bin / server.NAME
        self.unit = self.at(UNITS) / f"{SERVICE}.service"
        self.systemd = systemd or config.get("service", "systemd") or self.unit_is_ours()

    def unit_is_ours(self) -> bool:
        return self.manifest.knows(self.unit)

    def at(self, path: str) -> pathlib.Path:
        """A path, below the temporary root where there is one."""
        return pathlib.Path(path) if self.root is None else self.root / path.lstrip("/")

    # Users. Below a temporary root nobody is made: a package does that for itself.

    def user(self) -> str:
        return self.config.get("service", "user")

    def service_owner(self) -> Owner:
        return (files.user_of(self.user()) or Owner()) if is_root() else Owner()

    def settings_owner(self) -> Owner:
        return Owner(0, self.service_owner().group) if is_root() else Owner()

    def nobody_else(self) -> Owner:
        return Owner(0, 0) if is_root() else Owner()

    def reader(self) -> Owner:
        """Who reads the key of Prometheus."""
        group = files.group_of(self.config.get("keys", "prometheus_group"))
        return Owner(0, group) if is_root() and group is not None else self.nobody_else()

    # What the common steps need.

    def listen(self) -> str:
        address = self.address()
        bracketed = f"[{address}]" if ":" in address else address
        return f"{bracketed}:{self.port('server')}"

    def data_for_server(self) -> str:
        return self.config.get("paths", "data")

    def data_path(self) -> str:
        return str(self.data)

    def has_database(self) -> bool:
        return (self.data / "encoder-manager.db").is_file()

    def program(self) -> server.Program:
        return server.Program((str(self.installed),), self.service_owner())

    def checker(self) -> Optional[Callable[[str, str], subprocess.CompletedProcess]]:
        there = self.source or (self.installed if self.installed.is_file() else None)
        if there is None:
            return None
        return lambda file, env: server.Program((str(there),)).run("check-config", file, "--env", env)

    # Steps.

    def steps(self) -> list:
        nobody_else = self.nobody_else
        return [
            Step("program", self.look_at_source),
            Step("free disk", lambda: requirements.free_disk(
                self.data, self.config.get("requirements", "free_disk_mib"))),
            Step("port of the server", lambda: requirements.port(
                "server", self.address(), self.port("server"))),
            *[Step(f"rights in {place}", lambda place=place: requirements.writable(place))
              for place in self.places()],
            *([Step("systemd", self.look_at_systemd)] if self.systemd else []),
            self.settings_step(),
            *([self.user_step()] if is_root() and self.root is None else []),
            self.folder_step(self.place, 0o755, nobody_else),
            self.folder_step(self.secrets, 0o711, nobody_else),
            self.folder_step(self.data, 0o700, self.service_owner),
            self.program_step(),
            self.env_step(),
            self.file_step(self.secrets / "server.env", self.server_env, 0o600, nobody_else, "kept"),
            self.file_step(self.settings, self.settings_text, 0o640, self.settings_owner),
            self.key_step("admin_key", self.config.get("keys", "admin_days"), 0o600, nobody_else),
            self.key_step("prometheus_key", self.config.get("keys", "prometheus_days"), 0o640, self.reader),
            *(self.unit_steps() if self.systemd else []),
        ]

    def places(self) -> list:
        return [self.bin, self.place, self.data, *([self.unit.parent] if self.systemd else [])]

    def look_at_source(self) -> State:
        if self.source:
            return done(str(self.source))
        if self.installed.is_file():
            return done(f"{self.installed}, as installed")
        if shutil.which("cargo") and server.repository(self.home):
            return done("to be built with cargo")
        return open_(f"there is no {server.NAME}; build it with `cargo build --release --locked "
                     f"-p {server.NAME}`, or name one with --server-binary")

    def look_at_systemd(self) -> State:
        if self.root is not None:
            return done("the unit is only written below a temporary root")
        if not is_root():
            return open_("installing a unit takes root")
        return requirements.systemd()

    def user_step(self) -> Step:
        def look() -> State:
            if files.user_of(self.user()):
                return done("there")
            return open_("to be made, without a home and a shell")

        def act() -> None:
            run_or_fault("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
                         "--shell", "/usr/sbin/nologin", self.user())

        return Step(f"user {self.user()}", look, act)

    def program_step(self) -> Step:
        def look() -> State:
            if self.source is None:
                return done("installed") if self.installed.is_file() else open_("to be built and copied")
            if self.installed.is_file() and self.source.samefile(self.installed):
                return done("installed")
            if not files.same(self.source, self.installed):
                return open_(f"to be copied from {self.source}")
            return done("installed")

        def act() -> None:
            if self.source is None:
                checkout = server.repository(self.home)
                server.build(checkout)
                self.source = server.find(self.home, None)
                # It was not there to check the settings before.
                self.settings_step().look()
            self.manifest.note_folders(files.make_folder(self.bin, 0o755, Owner()))
            files.copy(self.source, self.installed, 0o755)
            self.manifest.note_file(self.installed, "part")

        return Step(str(self.installed), look, act)

    def unit_text(self) -> str:
        paths = {name: self.config.get("paths", name) for name in ("program", "config", "data")}
        return unit.text(
            name=f"{SERVICE}.service", user=self.user(), data=paths["data"],
            environment=f"{paths['config']}/secrets/server.env",
            program=f"{paths['program']}/{server.NAME}", settings=f"{paths['config']}/config.yaml",
            low_port=self.port("server") < 1024,
        )

    def unit_steps(self) -> list:
        owner = self.nobody_else
        steps = [self.folder_step(self.unit.parent, 0o755, owner),
                 self.file_step(self.unit, self.unit_text, 0o644, owner)]
        if self.root is None:
            steps.append(Step(f"{SERVICE}.service", self.look_at_service, self.start_service))
        return steps

    def look_at_service(self) -> State:
        for question, expected in (("is-enabled", "enabled"), ("is-active", "active")):
            answer = run_quietly("systemctl", question, SERVICE)
            if answer.stdout.strip() != expected:
                return open_("to be enabled and started")
        return done("enabled and active")

    def start_service(self) -> None:
        run_or_fault("systemctl", "daemon-reload")
        run_or_fault("systemctl", "enable", "--now", SERVICE)
        self.started = True

    def is_active(self) -> bool:
        return run_quietly("systemctl", "is-active", SERVICE).stdout.strip() == "active"

    def look_whether_it_came_up(self) -> None:
        """A service that is started is not yet one that works."""
        if self.config.given("settings", "tls"):
            # It speaks HTTPS under a name that is not known here.
            return
        end, gone = time.monotonic() + PATIENCE, 0
        while not requirements.is_ours("server", self.address(), self.port("server")):
            gone = 0 if self.is_active() else gone + 1
            if time.monotonic() > end or gone >= GONE_FOR:
                raise Fault(f"{SERVICE}.service does not come up; `journalctl -u {SERVICE} -n 20` says why")
            time.sleep(0.2)

    def finish(self, count: int) -> None:
        if count and self.systemd and self.root is None:
            if not self.started:
                # Streams stay on air meanwhile.
                run_or_fault("systemctl", "daemon-reload")
                run_or_fault("systemctl", "restart", SERVICE)
            self.look_whether_it_came_up()
        if not count:
            print("Everything is there already.")
            return
        print("\nNext:")
        if not self.systemd:
            print(f"  {self.installed} serve --config {self.settings}")
        print(f"  The operators' key is in {self.secrets / 'admin_key'}. Keep it, then delete the file.")
        print(f"  Prometheus reads {self.listen()}/metrics with the key in {self.secrets / 'prometheus_key'}.")
        print("  INSTALL.md says how to tell it, and how to look whether all is well.")

    def stop(self, purge: bool) -> None:
        if self.root is None and self.unit_is_ours() and is_root() and shutil.which("systemctl"):
            run_quietly("systemctl", "disable", "--now", SERVICE)

    def uninstall(self, purge: bool) -> None:
        unit_was_ours = self.unit_is_ours()
        super().uninstall(purge)
        if unit_was_ours and self.root is None and is_root() and shutil.which("systemctl"):
            run_quietly("systemctl", "daemon-reload")
        if self.root is None and is_root() and files.user_of(self.user()):
            print(f"kept     user {self.user()}: `userdel {self.user()}` removes it")

    def purge_data(self) -> None:
        if self.manifest.inside(self.data) not in self.manifest.folders:
            print(f"kept     {self.data}: was there before")
            return
        if self.data.is_symlink() or not self.data.is_dir():
            return
        with files.naming(self.data, "removed"):
            shutil.rmtree(self.data)
        print(f"removed  {self.data}")
