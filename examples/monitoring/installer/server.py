"""The server's program: where it is, what it says about settings, and the keys it makes."""

from __future__ import annotations

import dataclasses
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
from typing import Callable, Optional

import yaml

from . import dotenv
from .config import InstallerConfig
from .fault import Fault
from .files import Owner

NAME = "encoder-server"
MADE = re.compile(r"^(?P<id>\S+) with scope \S+ until (?P<until>\S+)$", re.M)


@dataclasses.dataclass(frozen=True)
class Key:
    """A key that was made."""

    id: str
    until: str
    secret: str


@dataclasses.dataclass(frozen=True)
class Program:
    """How the server's program is called, and as whom."""

    command: tuple
    owner: Owner = Owner()

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """Runs it to its end; it asks nothing."""
        become = {}
        if os.geteuid() == 0 and self.owner.user is not None:
            become = {"user": self.owner.user, "group": self.owner.group, "extra_groups": []}
        try:
            return subprocess.run(
                [*self.command, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                text=True, check=False, cwd="/", **become,
            )
        except OSError as error:
            raise Fault(f"{self.command[0]}: cannot be run: {error.strerror}") from error

    def create_key(self, name: str, scope: str, days: int, data: str) -> Key:
        """Makes a key, and the database when there is none."""
        options = ("--name", name, "--scope", scope, "--days", str(days), "--data", data)
        answer = self.run("keys", "create", *options)
        made = MADE.search(answer.stderr)
        if answer.returncode != 0 or not made:
            raise Fault(f"the key {name} cannot be made in {data}: {told(answer.stderr)}")
        return Key(made["id"], made["until"], answer.stdout.strip())

    def revoke_key(self, key: str, data: str) -> None:
        """Ends a key."""
        answer = self.run("keys", "revoke", key, "--data", data)
        if answer.returncode != 0:
            raise Fault(f"the key {key} cannot be revoked: {told(answer.stderr)}")


def told(text: str) -> str:
    """What the program said on its way out, in one line."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if not lines:
        return "it says nothing"
    first = lines[0].removeprefix(f"{NAME}: ")
    return first if len(lines) == 1 else f"{first}; {lines[-1]}"


def repository(home: pathlib.Path) -> Optional[pathlib.Path]:
    """The checkout that the setup belongs to, where it is in one."""
    found = home.parent.parent
    return found if (found / "examples" / "server" / "Cargo.toml").is_file() else None


def find(home: pathlib.Path, named: Optional[str]) -> Optional[pathlib.Path]:
    """The program: the one that was named, the release build of the checkout, or the one in PATH."""
    if named:
        program = pathlib.Path(named).resolve()
        if not (program.is_file() and os.access(program, os.X_OK)):
            raise Fault(f"{named}: is not a program; --server-binary names an {NAME}")
        return program
    checkout = repository(home)
    if checkout and (checkout / "target" / "release" / NAME).is_file():
        return checkout / "target" / "release" / NAME
    in_path = shutil.which(NAME)
    return pathlib.Path(in_path).resolve() if in_path else None


def build(checkout: pathlib.Path) -> None:
    """Builds the release program, showing what cargo says."""
    command = ["cargo", "build", "--release", "--locked", "-p", NAME]
    print(f"building the server in {checkout}; this takes some minutes", flush=True)
    if subprocess.run(command, cwd=checkout, stdin=subprocess.DEVNULL, check=False).returncode != 0:
        raise Fault(f"{checkout}: `{' '.join(command)}` failed; what it says is above")


def settings_text(settings: dict, listen: str, data: str) -> str:
    """The server's configuration file."""
    head = (
        "# Written by encoder_manager_setup. Change `settings` in installer-config.yml instead, and\n"
        "# run the setup again.\n"
    )
    own = {"listen": listen, "data": data}
    return head + yaml.safe_dump({**own, **settings}, sort_keys=False, allow_unicode=True, width=98)


def settings_problems(config: InstallerConfig, text: str, variables: str, env: pathlib.Path,
                      check: Callable[[str, str], subprocess.CompletedProcess]) -> list:
    """What the server does not like about the settings, by the lines of installer-config.yml, and
    about its variables, by their names in .env."""
    with tempfile.TemporaryDirectory(prefix="encoder-manager-") as folder:
        files = (pathlib.Path(folder) / "config.yaml", pathlib.Path(folder) / "server.env")
        for file, content in zip(files, (text, variables)):
            file.write_text(content, encoding="utf-8")
        answer = check(*map(str, files))
    if answer.returncode == 0:
        return []
    said = answer.stdout.splitlines()
    found = [settings_problem(config, env, line) for line in said if line.strip()]
    return found or [f"{config.file.name}: settings: cannot be checked: {told(answer.stderr)}"]


def settings_problem(config: InstallerConfig, env: pathlib.Path, line: str) -> str:
    parts = line.split(": ", 2)
    short = re.search(r"environment variable (\w+)", parts[0])
    if short:
        return f"{env}: {short[1]}: {parts[-1]}"
    if len(parts) < 3 or not re.fullmatch(r"[\w.-]+", parts[1]):
        return config.fault(("settings",), line.split(": ", 1)[-1])
    if parts[0].endswith("server.env"):
        return f"{env}: {dotenv.OF_SERVER}{parts[1].upper().replace('.', '__')}: {parts[2]}"
    keys = [int(key) if key.isdigit() else key for key in parts[1].split(".")]
    return config.fault(("settings", *keys), parts[2])


def days_left(until: str) -> Optional[int]:
    """Whole days until a key ends; negative when it ended."""
    try:
        end = datetime.datetime.fromisoformat(until.replace("Z", "+00:00"))
    except ValueError:
        return None
    return (end - datetime.datetime.now(datetime.timezone.utc)).days
