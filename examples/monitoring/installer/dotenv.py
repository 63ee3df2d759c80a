"""The file .env: made from .env.example once, completed later, never changed otherwise."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import secrets
import string

from .fault import Fault

LINE = re.compile(r"^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")
GENERATED = re.compile(r"^# generated: (?:(\d+) letters|group)$")
PLAIN = re.compile(r"^[A-Za-z0-9_.,:/@%+=-]*$")

# What is for the server, and for nobody else.
OF_SERVER = "ENCODER_MANAGER__"
SHORT_NAMES = (
    "TEMP_HIGH_THRESHOLD",
    "CPU_HIGH_THRESHOLD",
    "MEMORY_HIGH_THRESHOLD",
    "STORAGE_HIGH_THRESHOLD",
    "MONITORING_INTERVAL",
)


def is_for_server(name: str) -> bool:
    """Whether the server reads the variable."""
    return name.startswith(OF_SERVER) or name in SHORT_NAMES


@dataclasses.dataclass(frozen=True)
class Variable:
    """A variable of .env.example."""

    name: str
    value: str
    # Its comments, and the line itself.
    text: tuple
    # How many letters a generated value has; 0 for one that the setup finds out.
    letters: int | None


def secret(letters: int) -> str:
    """Letters and digits from the system's own source."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(letters))


def template(file: pathlib.Path) -> tuple:
    """What stands before the first variable, the variables, and what stands after the last."""
    variables, pending = [], []
    for line in file.read_text(encoding="utf-8").splitlines():
        found = LINE.match(line)
        if not found:
            pending.append(line)
            continue
        letters = None
        for comment in pending:
            marked = GENERATED.match(comment)
            if marked:
                letters = int(marked[1] or 0)
        variables.append(Variable(found[1], found[2], (*pending, line), letters))
        pending = []
    return variables, tuple(pending)


def values(file: pathlib.Path) -> dict:
    """What a file of variables says, as Compose and the server read it."""
    found: dict = {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise Fault(f"{file}: is not UTF-8") from error
    except OSError as error:
        raise Fault(f"{file}: cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = LINE.match(line)
        if not parts:
            raise Fault(f"{file}:{number}: must be NAME=value")
        name, value = parts[1], parts[2]
        if name in found:
            raise Fault(f"{file}:{number}: {name} is there twice")
        try:
            found[name] = unquoted(value)
        except ValueError as error:
            raise Fault(f"{file}:{number}: {name}: {error}") from error
    return found


def unquoted(value: str) -> str:
    if value[:1] in ("'", '"'):
        quote = value[0]
        body = re.match(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"", value)
        rest = value[body.end():].strip() if body else ""
        if not body or (rest and not rest.startswith("#")):
            raise ValueError(f"the quote {quote} does not end")
        return body[1] if quote == "'" else re.sub(r"\\(.)", r"\1", body[2])
    return re.split(r"\s#", value, maxsplit=1)[0].rstrip()


def quoted(value: str) -> str:
    """The value as systemd and the server both read it."""
    if PLAIN.match(value):
        return value
    if "'" not in value:
        return f"'{value}'"
    return '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'


def completed(example: pathlib.Path, existing: str | None, first: dict) -> str:
    """The text of .env: `existing`, and what it lacks. `first` has the first values of variables
    whose value the example does not know."""
    variables, tail = template(example)
    lines = [] if existing is None else existing.splitlines()
    there = {found[1] for found in map(LINE.match, lines) if found}
    added = []
    for variable in variables:
        if variable.name in there and existing is not None:
            continue
        value = first.get(variable.name, variable.value)
        if not value and variable.letters:
            value = secret(variable.letters)
        added += [*variable.text[:-1], f"{variable.name}={value}"]
    if existing is None:
        added += tail
    if not added:
        return filled(existing or "", variables, first)
    if lines and added[0]:
        added.insert(0, "")
    return filled("\n".join([*lines, *added]) + "\n", variables, first)


def filled(text: str, variables: list, first: dict) -> str:
    """A generated variable that was left empty gets its value."""
    for variable in variables:
        value = first.get(variable.name) or (secret(variable.letters) if variable.letters else "")
        if variable.letters is not None and value:
            text = re.sub(rf"(?m)^{variable.name}=[ \t]*$", f"{variable.name}={value}", text)
    return text


def rotated(example: pathlib.Path, text: str, name: str) -> str:
    """The text with a new value for one generated variable."""
    letters = rotatable(example)[name]
    line = re.compile(rf"(?m)^((?:export\s+)?{name}\s*=).*$")
    return line.sub(lambda found: found[1] + secret(letters), text)


def rotatable(example: pathlib.Path) -> dict:
    """The variables that can get a new value, with its length."""
    return {v.name: v.letters for v in template(example)[0] if v.letters}
