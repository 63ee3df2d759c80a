"""Source files stay under 400 lines, not counting their tests.

A file of tests only is free; in any other, the lines up to `#[cfg(test)]` count. What a program
writes is free as well. Files that are known to be too long are listed with their length: they may
only shrink, and leave the list.
"""

import os
import pathlib
import sys

LIMIT = 400

ENDINGS = (".rs", ".py", ".pyi", ".ts", ".mts", ".mjs")

NOT_OURS = {".git", "build", "dist", "node_modules", "target"}

GENERATED = {
    "bindings-node/lib/documents.ts",
    "bindings-node/native.d.ts",
    "bindings-python/python/encoder_manager/documents.py",
}

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
        ours = [name for name in folders if name not in NOT_OURS and not name.startswith(".venv")]
        folders[:] = ours
        found += [os.path.relpath(os.path.join(folder, name)) for name in files if name.endswith(ENDINGS)]
    return sorted(found)


def main() -> int:
    paths = sources()
    complaints = []
    for path in paths:
        if path in GENERATED or is_tests(pathlib.PurePosixPath(path)):
            continue
        limit = KNOWN.get(path, LIMIT)
        lines = length(path)
        if lines > limit:
            complaints.append(f"{path}: {lines} lines, the limit is {limit}")
        if path in KNOWN and lines <= LIMIT:
            complaints.append(f"{path}: {lines} lines by now, strike it from the list")
    listed = GENERATED.union(KNOWN)
    complaints += [f"{path}: listed and gone" for path in sorted(listed) if path not in paths]
    print("\n".join(complaints) or f"{len(paths)} files, none longer than allowed")
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
