"""What the package promises to installers."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from typing import List

import pytest

import encoder_manager

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
DIST = PACKAGE / "dist"


def text(name: str) -> str:
    return (PACKAGE / name).read_text(encoding="utf-8")


def promised() -> str:
    """The oldest Python of ``requires-python``, such as ``3.9``."""
    (line,) = [one for one in text("pyproject.toml").splitlines() if "requires-python" in one]
    return line.split('">=')[1].rstrip('"')


def test_the_native_half_is_built_for_the_oldest_python_that_is_promised() -> None:
    (line,) = [one for one in text("Cargo.toml").splitlines() if one.startswith("pyo3 ")]
    assert f'"abi3-py{promised().replace(".", "")}"' in line
    classifiers = text("pyproject.toml")
    assert f'"Programming Language :: Python :: {promised()}"' in classifiers


def test_it_is_the_version_of_everything_else() -> None:
    workspace = (PACKAGE.parent / "Cargo.toml").read_text(encoding="utf-8")
    (line,) = [one for one in workspace.splitlines() if one.startswith("version = ")]
    assert line == f'version = "{encoder_manager.__version__}"'


def wheels() -> List[pathlib.Path]:
    return sorted(DIST.glob("*.whl"))


@pytest.mark.skipif(not wheels(), reason="`make wheel` makes it")
def test_the_wheel_is_one_and_fits_what_is_promised() -> None:
    (wheel,) = wheels()
    _, version, python, abi, _ = wheel.stem.split("-")
    assert (python, abi) == (f"cp{promised().replace('.', '')}", "abi3")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        head = HeaderParser().parsestr(archive.read(metadata).decode("utf-8"))
        packed = {pathlib.PurePosixPath(name).name for name in names}
    assert head["Requires-Python"] == f">={promised()}"
    assert head["Version"] == version
    sources = {one.name for one in (PACKAGE / "python").rglob("*.py*") if "pycache" not in str(one)}
    assert sources <= packed and "py.typed" in packed
    assert [name for name in packed if name.endswith((".so", ".dylib", ".pyd"))] == [
        "_encoder_manager.abi3.so"
    ]


@pytest.mark.skipif(not wheels(), reason="`make wheel` makes it")
def test_the_wheel_can_be_installed_and_manages(tmp_path: pathlib.Path) -> None:
    (wheel,) = wheels()
    folder = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", str(folder), str(wheel)], check=True)
    code = """
import encoder_manager
from encoder_manager import blocking
print(encoder_manager.__file__)
with blocking.Manager(encoders=[{"encoder_id": "absent", "address": "http://127.0.0.1:9"}]) as m:
    print(m.fleet_counts()["total"])
"""
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(folder)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    where, total = said.stdout.split()
    assert where.startswith(str(folder)) and total == "1"
