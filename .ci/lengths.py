"""Source files stay under 400 lines, not counting their tests.

A file of tests only is free; in any other, the lines up to `#[cfg(test)]` count. Files that are
known to be too long are listed with their length: they may only shrink, and leave the list.
"""

import os
import pathlib
import sys

LIMIT = 400

NOT_OURS = {".git", ".venv", "node_modules", "target"}

KNOWN = {}


def is_tests(path: pathlib.PurePosixPath) -> bool:
    in_folder = "tests" in path.parts or "test" in path.parts
    return in_folder or path.stem == "tests" or path.stem.endswith("_tests")


def length(path: str) -> int:
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.strip() == "#[cfg(test)]" and number + 1 < len(lines):
            if lines[number + 1].strip().startswith("mod ") and lines[number + 1].rstrip().endswith("{"):
                return number
    return len(lines)


def sources() -> list:
    found = []
    for folder, folders, files in os.walk("."):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        found += [os.path.relpath(os.path.join(folder, name)) for name in files if name.endswith(".rs")]
    return sorted(found)


def main() -> int:
    paths = sources()
    complaints = []
    for path in paths:
        if is_tests(pathlib.PurePosixPath(path)):
            continue
        limit = KNOWN.get(path, LIMIT)
        lines = length(path)
        if lines > limit:
            complaints.append(f"{path}: {lines} lines, the limit is {limit}")
        if path in KNOWN and lines <= LIMIT:
            complaints.append(f"{path}: {lines} lines by now, strike it from the list")
    complaints += [f"{path}: listed and gone" for path in KNOWN if path not in paths]
    print("\n".join(complaints) or f"{len(paths)} files, none longer than allowed")
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
