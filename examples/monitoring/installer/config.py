"""Reading installer-config.yml, and saying for each mistake in which line it is."""

from __future__ import annotations

import dataclasses
import difflib
import json
import pathlib
import re
from typing import Any

from .fault import Fault

try:
    import jsonschema
    import yaml
except ImportError as error:
    raise Fault(
        f"the Python module {error.name} is missing: "
        "`apt-get install python3-yaml python3-jsonschema`, or `pip install pyyaml jsonschema`"
    ) from error

SCHEMA = pathlib.Path(__file__).resolve().parent.parent / "installer-config.schema.json"

TYPES = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "a group of keys",
}


class Loader(yaml.SafeLoader):
    """YAML 1.2, as the server reads it: `on` and `12:30` are text."""


Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", "~nN\0"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
):
    _letters = [letter.replace("\0", "") for letter in _first]
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _letters)
# PyYAML takes 0123 for an octal number and 1e3 for text.
Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(node.value))


@dataclasses.dataclass(frozen=True)
class InstallerConfig:
    """The file's content, defaults filled in, and where each key is."""

    file: pathlib.Path
    content: dict
    defaults: dict
    lines: dict

    def get(self, *path: str) -> Any:
        """The value of a key: the file's, or its default."""
        value = self.given(*path)
        value = self.defaults[".".join(path)] if value is None else value
        # The schema takes 8080.0 for a whole number.
        return int(value) if isinstance(value, float) else value

    def given(self, *path: str) -> Any:
        """The value of a key in the file, or `None`."""
        value: Any = self.content
        for name in path:
            value = (value or {}).get(name)
        return value

    def fault(self, path: tuple, message: str) -> str:
        """One line about a key, with the line of the key or of the nearest key around it."""
        near = path
        while near and near not in self.lines:
            near = near[:-1]
        line = self.lines.get(near, 1)
        return f"{self.file.name}:{line}: {'.'.join(map(str, path)) or 'the file'}: {message}"


def load(file: pathlib.Path) -> InstallerConfig:
    """Reads and checks the file."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    content, lines = parse(file)
    config = InstallerConfig(file, content, defaults_of(schema), lines)
    problems = schema_problems(config, schema) or beyond_schema(config)
    if problems:
        raise Fault(*problems)
    return config


def parse(file: pathlib.Path) -> tuple:
    """The document, and the line of each of its keys."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise Fault(f"{file}: cannot be read: {reason}") from error
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        lines = {(): 1}
        if node is not None:
            note_lines(file, node, (), lines)
        content = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise Fault(f"{file.name}:{line}: is not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise Fault(f"{file.name}: is not YAML: {str(error).splitlines()[0]}") from error
    finally:
        loader.dispose()
    if not isinstance(content, dict):
        raise Fault(f"{file.name}:1: must be keys and values, such as `mode: native`")
    return content, lines


def note_lines(file: pathlib.Path, node: Any, path: tuple, lines: dict) -> None:
    if len(path) > 32:
        raise Fault(f"{file.name}:{node.start_mark.line + 1}: keys are nested too deeply")
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, key.value)
            line = key.start_mark.line + 1
            if inner in lines:
                name = ".".join(map(str, inner))
                raise Fault(f"{file.name}:{line}: {name}: is there twice, first in line {lines[inner]}")
            lines[inner] = line
            note_lines(file, value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*path, index)] = value.start_mark.line + 1
            note_lines(file, value, (*path, index), lines)


def defaults_of(schema: dict, path: tuple = ()) -> dict:
    """Every default of the schema by its dotted key."""
    found = {}
    for name, part in schema.get("properties", {}).items():
        if isinstance(part, dict):
            if "default" in part:
                found[".".join((*path, name))] = part["default"]
            found.update(defaults_of(part, (*path, name)))
    return found


def schema_problems(config: InstallerConfig, schema: dict) -> list:
    checker = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    found = []
    for error in checker.iter_errors(config.content):
        found += [(path, message) for path, message in explained(error)]
    found.sort(key=lambda problem: config.lines.get(problem[0], 0))
    return [config.fault(path, message) for path, message in found]


def explained(error: Any) -> list:
    """Where and what, in words that do not repeat the value."""
    path, rule = tuple(error.absolute_path), error.validator
    if rule == "additionalProperties":
        known = sorted(error.schema["properties"])
        unknown = [name for name in error.instance if name not in known]
        return [((*path, name), unknown_key(str(name), known)) for name in unknown]
    if rule == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return [(path, f"`{name}` is missing") for name in missing]
    if rule == "not":
        return [(path, "must not be here; it comes from `bind`, `ports` and `paths`")]
    if rule == "type":
        return [(path, f"must be {error.schema.get('title') or TYPES[error.validator_value]}")]
    if rule == "enum":
        return [(path, f"must be {' or '.join(error.validator_value)}")]
    if rule in ("minimum", "maximum"):
        bound = {"minimum": "at least", "maximum": "at most"}[rule]
        return [(path, f"must be {bound} {error.validator_value}")]
    return [(path, f"must be {error.schema.get('title', 'something else')}")]


def unknown_key(name: str, known: list) -> str:
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"unknown key; did you mean `{near[0]}`?"
    return f"unknown key; expected one of {', '.join(known)}"


def beyond_schema(config: InstallerConfig) -> list:
    """What the schema cannot say."""
    problems = []
    if config.get("mode") == "compose":
        native_only = [("paths",), ("service",), ("keys", "prometheus_group")]
        for path in native_only:
            if config.given(*path) is not None:
                problems.append(config.fault(path, "has no meaning with `mode: compose`"))
        names = ["server", "prometheus", "alertmanager", "grafana"]
        seen: dict = {}
        for name in names:
            port = config.get("ports", name)
            if port in seen:
                path = ("ports", name) if config.given("ports", name) else ("ports", seen[port])
                problems.append(config.fault(path, f"{port} is the port of two: {seen[port]} and {name}"))
            seen.setdefault(port, name)
    return problems
