"""What native and compose have in common: .env, the server's own files, and its first keys."""

from __future__ import annotations

import ipaddress
import os
import pathlib
import subprocess
from typing import Callable, Optional

from . import dotenv, files, server
from .config import InstallerConfig
from .fault import Fault
from .files import Manifest, Owner
from .plan import State, Step, done, open_

ENV_EXAMPLE = ".env.example"
INGEST_SECRET = f"{dotenv.OF_SERVER}INGEST__SECRET"
KEYS = {"admin_key": ("operations", "admin"), "prometheus_key": ("prometheus", "read")}
# Days before the end of a key from which on it is spoken of.
SOON = 14


class Setup:
    """One installation: where its parts are, and the steps to it."""

    # The group that containers are in to read the secrets.
    group: Optional[int] = None

    def __init__(self, config: InstallerConfig, home: pathlib.Path, place: pathlib.Path,
                 root: Optional[pathlib.Path], rotate: list):
        self.config, self.home, self.place, self.root = config, home, place, root
        self.manifest = Manifest(place / "installed.json", root)
        self.rotate = self.known_names(rotate)
        self.env = place / ".env"
        self.secrets = place / "secrets"
        self.settings = place / "config.yaml"

    # What is asked for.

    def known_names(self, names: list) -> list:
        known = [*KEYS, *dotenv.rotatable(self.home / ENV_EXAMPLE)]
        for name in names:
            if name not in known:
                raise Fault(f"--rotate {name}: there is no such secret; choose one of {', '.join(known)}")
        return list(names)

    def first_values(self) -> dict:
        """First values of variables that the example cannot know."""
        found = {} if self.group is None else {"SECRETS_GID": str(self.group)}
        for variable, path in self.variables().items():
            value = self.config.given(*path)
            if value is not None:
                found[variable] = str(self.config.get(*path))
        return found

    def variables(self) -> dict:
        """Variables of .env that the configuration may name as well."""
        ports = ("server", "prometheus", "alertmanager", "grafana")
        return {"BIND_ADDRESS": ("bind",), **{f"{p.upper()}_PORT": ("ports", p) for p in ports}}

    def values(self) -> dict:
        """What .env says, or will say."""
        example = {v.name: v.value for v in dotenv.template(self.home / ENV_EXAMPLE)[0]}
        existing = dotenv.values(self.env) if self.env.is_file() else {}
        return {**example, **self.first_values(), **existing}

    def contradictions(self) -> list:
        """Values that .env and the configuration both name, and differently."""
        if not self.env.is_file():
            return []
        existing, found = dotenv.values(self.env), []
        for variable, path in self.variables().items():
            if self.config.given(*path) is None or variable not in existing:
                continue
            if existing[variable] != str(self.config.get(*path)):
                message = f"is not what {self.env} says: {variable}={existing[variable]}; make them equal"
                found.append(self.config.fault(path, message))
        return found

    def address(self) -> str:
        """The address that is listened on."""
        value = self.values()["BIND_ADDRESS"]
        try:
            return str(ipaddress.ip_address(value))
        except ValueError as error:
            raise Fault(f"{self.env}: BIND_ADDRESS: must be an IPv4 or IPv6 address") from error

    def port(self, part: str) -> int:
        """The port of a part."""
        variable = f"{part.upper()}_PORT"
        value = self.values()[variable]
        if not value.isdigit() or not 1 <= int(value) <= 65535:
            raise Fault(f"{self.env}: {variable}: must be a port from 1 to 65535")
        return int(value)

    # Steps.

    def env_step(self) -> Step:
        def wanted() -> str:
            text = self.env.read_text(encoding="utf-8") if self.env.is_file() else None
            return dotenv.completed(self.home / ENV_EXAMPLE, text, self.first_values())

        def look() -> State:
            if not self.env.is_file():
                return open_(f"to be made from {ENV_EXAMPLE}, with generated secrets")
            if wanted() != self.env.read_text(encoding="utf-8"):
                return open_(f"to be completed with what is new in {ENV_EXAMPLE}")
            if not files.is_as_wanted(self.env, 0o600, Owner()):
                return open_("to be made readable by its owner only")
            names = [name for name in self.rotate if name not in KEYS]
            if names:
                return open_(f"new value for {', '.join(names)}")
            return done("complete")

        def act() -> None:
            text = wanted()
            for name in self.rotate:
                if name not in KEYS:
                    text = dotenv.rotated(self.home / ENV_EXAMPLE, text, name)
                    self.say_after_rotation(name)
            self.rotate = [name for name in self.rotate if name in KEYS]
            files.write(self.env, text.encode(), 0o600)
            self.manifest.note_file(self.env, "kept")

        return Step(str(self.env), look, act)

    def say_after_rotation(self, name: str) -> None:
        notes = {
            "INGEST_SECRET": "tell the ingest too, and restart the server",
            "GRAFANA_ADMIN_PASSWORD": "Grafana keeps the old one until "
            "`docker compose exec grafana grafana cli admin reset-admin-password NEW`",
        }
        print(f"note     {name} is new; {notes.get(name, 'restart what uses it')}")

    def file_step(self, path: pathlib.Path, content: Callable[[], str], mode: int, owner: Callable[[], Owner],
                  kind: str = "part") -> Step:
        """A file whose content follows from the configuration and .env."""

        def look() -> State:
            if not path.exists():
                return open_("to be written")
            if kind == "part" and self.manifest.is_changed(path):
                raise Fault(f"{path}: was changed after it was installed; take the change over into "
                            f"{self.config.file.name} and delete this file")
            if not files.has(path, content().encode(), mode, owner()):
                if not self.manifest.knows(path):
                    raise Fault(f"{path}: is there, and not from this setup; move it away")
                return open_("to be written anew")
            return done(f"as wanted, mode {mode:04o}")

        def act() -> None:
            files.write(path, content().encode(), mode, owner())
            self.manifest.note_file(path, kind)

        return Step(str(path), look, act)

    def server_env(self) -> str:
        """The variables of the server, without those left empty."""
        values = self.values()
        told = {name: value for name, value in values.items() if dotenv.is_for_server(name) and value}
        # The server takes the secret only together with an ingest that may ask. It is generated later.
        if self.config.given("settings", "ingest", "witness") and values["INGEST_SECRET"]:
            told.setdefault(INGEST_SECRET, values["INGEST_SECRET"])
        lines = [f"{name}={dotenv.quoted(value)}\n" for name, value in sorted(told.items())]
        return "# Written by encoder_manager_setup from .env.\n" + "".join(lines)

    def folder_step(self, path: pathlib.Path, mode: int, owner: Callable[[], Owner]) -> Step:
        def look() -> State:
            if not path.is_dir():
                return open_("to be made")
            if not files.is_as_wanted(path, mode, owner()):
                return open_(f"to be given mode {mode:04o} and its owner")
            return done(f"there, mode {mode:04o}")

        def act() -> None:
            self.manifest.note_folders(files.make_folder(path, mode, owner()))
            self.manifest.save()

        return Step(str(path), look, act)

    def key_step(self, name: str, days: int, mode: int, owner: Callable[[], Owner]) -> Step:
        path = self.secrets / name

        def look() -> State:
            known = self.manifest.keys.get(name)
            if name in self.rotate:
                return open_("to be made anew, and the old one revoked")
            if not self.has_database():
                return open_("to be made")
            if not path.is_file():
                # An operator takes the key away; Prometheus needs the file.
                taken = name == "admin_key" and known
                return done("made; its file was taken away") if taken else open_("to be made")
            left = server.days_left(known["until"]) if known else None
            if left is not None and left < SOON:
                how = "has ended" if left < 0 else f"ends in {left} days"
                message = f"{how}; run the setup with --rotate {name}"
                return State(left >= 0, message)
            if not files.is_as_wanted(path, mode, owner()):
                return open_(f"to be given mode {mode:04o} and its owner")
            return done(f"there, mode {mode:04o}" + (f", until {known['until'][:10]}" if known else ""))

        def act() -> None:
            known = self.manifest.keys.get(name)
            again = name in self.rotate or not self.has_database()
            if path.is_file() and not again:
                files.set_access(path, mode, owner())
                return
            said, scope = KEYS[name]
            there = self.has_database()
            if not there:
                self.forget_keys()
            made = self.program().create_key(said, scope, days, self.data_path())
            files.write(path, f"{made.secret}\n".encode(), mode, owner())
            self.manifest.keys[name] = {"id": made.id, "until": made.until}
            self.manifest.note_file(path, "kept")
            if known and there:
                self.program().revoke_key(known["id"], self.data_path())
            elif there and name in self.rotate:
                print(f"note     the id of the old {name} is not known; `encoder-server keys list` has it")
            self.rotate = [other for other in self.rotate if other != name]

        return Step(f"{path} ({KEYS[name][1]})", look, act)

    def forget_keys(self) -> None:
        """A new database knows no key that was made before."""
        for name in KEYS:
            (self.secrets / name).unlink(missing_ok=True)
        self.manifest.keys.clear()
        self.manifest.save()

    def settings_step(self) -> Step:
        """The server likes its settings: a requirement, so that nothing is installed otherwise."""

        def look() -> State:
            check = self.checker()
            if check is None:
                return done("not checked yet; there is no encoder-server so far")
            problems = server.settings_problems(
                self.config, self.settings_text(), self.server_env(), self.env, check)
            if problems:
                raise Fault(*problems)
            return done("the server takes them")

        return Step("settings", look)

    def settings_text(self) -> str:
        settings = self.config.given("settings") or {}
        return server.settings_text(settings, self.listen(), self.data_for_server())

    # What differs between native and compose.

    def listen(self) -> str:
        """The address in the server's configuration."""
        raise NotImplementedError

    def data_for_server(self) -> str:
        """The data folder in the server's configuration."""
        raise NotImplementedError

    def data_path(self) -> str:
        """The data folder for the program as it is called here."""
        raise NotImplementedError

    def has_database(self) -> bool:
        """Whether there is a database."""
        raise NotImplementedError

    def program(self) -> server.Program:
        """The server's program."""
        raise NotImplementedError

    def checker(self) -> Optional[Callable[[str, str], subprocess.CompletedProcess]]:
        """What checks a file of settings with one of variables; `None` while there is nothing that can."""
        raise NotImplementedError

    def steps(self) -> list:
        """Everything, in order."""
        raise NotImplementedError

    def finish(self, count: int) -> None:
        """What follows after `count` steps were done."""
        raise NotImplementedError

    # Taking it away.

    def uninstall(self, purge: bool) -> None:
        """Takes away what was installed; with `purge` also data, secrets and .env."""
        self.stop(purge)
        for name, entry in sorted(self.manifest.files.items()):
            path = self.manifest.outside(name)
            if entry["kind"] == "kept" and not purge:
                continue
            if entry["kind"] == "part" and self.manifest.is_changed(path) and not purge:
                print(f"kept     {path}: was changed after it was installed")
                continue
            if path.exists():
                with files.naming(path, "removed"):
                    path.unlink()
                print(f"removed  {path}")
            del self.manifest.files[name]
        if purge:
            self.purge_data()
            self.manifest.keys.clear()
        if not self.manifest.files:
            self.place.joinpath("installed.json").unlink(missing_ok=True)
            self.remove_folders()
        else:
            self.manifest.save()
            print(f"kept     {self.place} and the data; --purge removes them")

    def remove_folders(self) -> None:
        for name in reversed(self.manifest.folders):
            path = self.manifest.outside(name)
            try:
                path.rmdir()
                print(f"removed  {path}")
            except FileNotFoundError:
                pass
            except OSError:
                print(f"kept     {path}: holds something that the setup did not put there")

    def stop(self, purge: bool) -> None:
        """Ends what runs."""
        raise NotImplementedError

    def purge_data(self) -> None:
        """Removes the database."""
        raise NotImplementedError


def run_quietly(*command: str, cwd: Optional[pathlib.Path] = None) -> subprocess.CompletedProcess:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, cwd=cwd)


def run_or_fault(*command: str, cwd: Optional[pathlib.Path] = None) -> None:
    answer = run_quietly(*command, cwd=cwd)
    if answer.returncode != 0:
        raise Fault(f"`{' '.join(command)}` failed: {server.told(answer.stderr)}")


def is_root() -> bool:
    return os.geteuid() == 0
