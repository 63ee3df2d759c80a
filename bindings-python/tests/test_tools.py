"""Type checkers and the linter are content."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[1]

TOOLS = [
    ("mypy",),
    ("pyright", "--pythonpath", sys.executable),
    ("ruff", "check"),
    ("ruff", "format", "--check"),
]


@pytest.mark.skipif(sys.version_info < (3, 10), reason="the pinned tools need Python 3.10")
@pytest.mark.parametrize("tool", TOOLS, ids=" ".join)
def test_tool_is_content(tool: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", *tool]
    said = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
