"""The command line."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pathlib
import sys
from typing import Optional

from .fault import Fault

WRONG_INPUT = 2

DESCRIPTION = """\
Installs the encoder manager as installer-config.yml says: folders, .env with generated secrets, the
server's configuration, its database and first keys, and a systemd unit when asked. Run it again
after any change; what is as wanted stays untouched."""


def arguments(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser("encoder_manager_setup", description=DESCRIPTION)
    parser.add_argument("--config", metavar="FILE", help="instead of the installer-config.yml beside this program")
    parser.add_argument("--check", action="store_true",
                        help="say what is there and what would be done, change nothing; fails when something is missing")
    parser.add_argument("--systemd", action="store_true", help="install and start a systemd unit (mode: native)")
    parser.add_argument("--rotate", metavar="NAME", action="append", default=[],
                        help="give a secret a new value: a generated variable of .env, admin_key or prometheus_key")
    parser.add_argument("--root", metavar="DIR", help="install below this folder, for packages and tests (mode: native)")
    parser.add_argument("--server-binary", metavar="FILE", help="the encoder-server to install")
    parser.add_argument("--uninstall", action="store_true", help="remove what was installed; keeps data, keys and .env")
    parser.add_argument("--purge", action="store_true", help="with --uninstall: remove data, keys and .env too")
    found = parser.parse_args(words)
    if found.purge and not found.uninstall:
        parser.error("--purge goes with --uninstall")
    if found.uninstall and (found.check or found.rotate or found.systemd):
        parser.error("--uninstall goes with --purge and --root only")
    if found.check and found.rotate:
        parser.error("--check changes nothing, so it does not go with --rotate")
    return found


def prepared(options: argparse.Namespace, home: pathlib.Path):
    """The installation that the configuration asks for."""
    # Here, because it needs modules that may be missing.
    from . import config

    file = pathlib.Path(options.config) if options.config else home / "installer-config.yml"
    wanted = config.load(file)
    if wanted.get("mode") == "compose":
        for option in ("root", "systemd"):
            if getattr(options, option):
                raise Fault(f"--{option} goes with `mode: native`; {file.name} says compose")
        from .compose import Compose
        return Compose(wanted, home, options.rotate, options.server_binary)
    from .native import Native
    return Native(wanted, home, temporary_root(options.root), options.rotate,
                  options.server_binary, options.systemd)


def temporary_root(named: Optional[str]) -> Optional[pathlib.Path]:
    if named is None:
        return None
    root = pathlib.Path(named).resolve()
    if not root.is_dir():
        raise Fault(f"--root {named}: there is no such folder; make it first")
    return root if root != pathlib.Path("/") else None


def run(words: list, home: pathlib.Path) -> int:
    options = arguments(words)
    os.umask(0o022)
    if options.check:
        return look(prepared(options, home))
    with only_one(temporary_root(options.root) or home):
        return change(prepared(options, home), options)


@contextlib.contextmanager
def only_one(place: pathlib.Path):
    """Two at a time would make two of each key."""
    handle = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Fault(f"{place}: another setup is at work here; wait for it to end") from error
    finally:
        os.close(handle)


def look(setup) -> int:
    from . import plan

    raise_contradictions(setup)
    return 0 if plan.check(setup.steps()) else 1


def change(setup, options: argparse.Namespace) -> int:
    from . import plan

    if options.uninstall:
        if not setup.manifest.files:
            print("Nothing is installed.")
        else:
            setup.uninstall(options.purge)
        return 0
    raise_contradictions(setup)
    setup.finish(plan.carry_out(setup.steps()))
    return 0


def raise_contradictions(setup) -> None:
    problems = setup.contradictions()
    if problems:
        raise Fault(*problems)


def main(home: pathlib.Path) -> int:
    """Runs the setup; its exit code is 0 for success, 1 when something is missing or failed, and 2
    when what it was told is wrong."""
    try:
        return run(sys.argv[1:], home)
    except Fault as fault:
        for line in fault.lines:
            print(f"encoder_manager_setup: {line}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("encoder_manager_setup: interrupted; run it again to go on", file=sys.stderr)
        return 130
