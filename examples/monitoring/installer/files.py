"""Writing files so that they are whole and private from the first byte, and remembering which."""

from __future__ import annotations

import contextlib
import dataclasses
import filecmp
import grp
import hashlib
import json
import os
import pathlib
import pwd
import shutil
import stat
import tempfile

from .fault import Fault


@dataclasses.dataclass(frozen=True)
class Owner:
    """A user and a group by number; `None` leaves it to the system."""

    user: int | None = None
    group: int | None = None


def user_of(name: str) -> Owner | None:
    """A user with its group, where there is such a user."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Owner(entry.pw_uid, entry.pw_gid)


def group_of(name: str) -> int | None:
    """A group's number, where there is such a group."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


@contextlib.contextmanager
def naming(path: pathlib.Path, verb: str):
    """Turns what the system says about a path into one line."""
    try:
        yield
    except PermissionError as error:
        advice = "run the setup as root, or choose another place under `paths`"
        raise Fault(f"{path}: cannot be {verb}: {reason(error)}; {advice}") from error
    except OSError as error:
        raise Fault(f"{path}: cannot be {verb}: {reason(error)}") from error


def is_as_wanted(path: pathlib.Path, mode: int, owner: Owner) -> bool:
    """Whether a path has the mode and the owner."""
    found = path.stat()
    return (
        stat.S_IMODE(found.st_mode) == mode
        and owner.user in (None, found.st_uid)
        and owner.group in (None, found.st_gid)
    )


def set_access(path: pathlib.Path, mode: int, owner: Owner) -> None:
    if not is_as_wanted(path, mode, owner):
        if owner != Owner():
            unchanged = -1
            user = unchanged if owner.user is None else owner.user
            group = unchanged if owner.group is None else owner.group
            os.chown(path, user, group)
        path.chmod(mode)


def has(path: pathlib.Path, content: bytes, mode: int, owner: Owner) -> bool:
    """Whether a file is there as wanted."""
    with naming(path, "read"):
        return path.is_file() and path.read_bytes() == content and is_as_wanted(path, mode, owner)


def write(path: pathlib.Path, content: bytes, mode: int, owner: Owner = Owner()) -> None:
    """Puts a whole file in the place of what was there."""
    with naming(path, "written"):
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        new = pathlib.Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            set_access(new, mode, owner)
            new.replace(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


def copy(source: pathlib.Path, path: pathlib.Path, mode: int) -> None:
    """Puts a copy in the place of what was there; a program that runs goes on with the old file."""
    with naming(path, "written"):
        new = path.with_name(f".{path.name}.new")
        try:
            shutil.copyfile(source, new)
            new.chmod(mode)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)


def same(one: pathlib.Path, other: pathlib.Path) -> bool:
    """Whether two files have the same content."""
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


def make_folder(path: pathlib.Path, mode: int, owner: Owner) -> list:
    """Makes a folder and those above it; returns the ones that were not there, outermost first."""
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    with naming(path, "made"):
        for folder in reversed(made):
            folder.mkdir(mode=0o755)
        set_access(path, mode, owner)
    return made[::-1]


def digest(path: pathlib.Path) -> str:
    """SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            found.update(block)
    return found.hexdigest()


class Manifest:
    """What was installed: files with what they were, folders, and the keys that were made. Paths
    are without the temporary root."""

    def __init__(self, place: pathlib.Path, root: pathlib.Path | None):
        self.place, self.root = place, root
        self.files: dict = {}
        self.folders: list = []
        self.keys: dict = {}
        if place.is_file():
            with naming(place, "read"):
                text = place.read_text(encoding="utf-8")
            try:
                found = json.loads(text)
                self.files, self.folders, self.keys = found["files"], found["folders"], found["keys"]
            except (ValueError, KeyError, TypeError) as error:
                raise Fault(f"{place}: is not what the setup wrote; restore it, or delete it") from error

    def inside(self, path: pathlib.Path) -> str:
        """The path without the temporary root."""
        return str(path) if self.root is None else "/" + str(path.relative_to(self.root))

    def outside(self, path: str) -> pathlib.Path:
        """The path with the temporary root."""
        return pathlib.Path(path) if self.root is None else self.root / path.lstrip("/")

    def note_file(self, path: pathlib.Path, kind: str) -> None:
        """`kind` is `part`, which goes when the installation goes, or `kept`."""
        self.files[self.inside(path)] = {"kind": kind, "sha256": digest(path)}
        self.save()

    def note_folders(self, folders: list) -> None:
        self.folders += [self.inside(path) for path in folders if self.inside(path) not in self.folders]

    def knows(self, path: pathlib.Path) -> bool:
        """Whether a file came from here."""
        return self.inside(path) in self.files

    def is_changed(self, path: pathlib.Path) -> bool:
        """Whether somebody changed a file since it was installed."""
        known = self.files.get(self.inside(path))
        return known is not None and path.is_file() and digest(path) != known["sha256"]

    def save(self) -> None:
        """Writes it where it differs."""
        if not self.place.parent.is_dir():
            return
        content = {"files": self.files, "folders": self.folders, "keys": self.keys}
        text = (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()
        if not self.place.is_file() or self.place.read_bytes() != text:
            write(self.place, text, 0o600)
