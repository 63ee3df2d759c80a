"""Makes ``encoder_manager/documents.py`` from the server's OpenAPI document.

Run it after ``tests/vectors/openapi.json`` changed; a test compares.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPENAPI = ROOT / "tests" / "vectors" / "openapi.json"
OUTPUT = ROOT / "bindings-python" / "python" / "encoder_manager" / "documents.py"

HEADER = '''"""The documents that the manager and the server give and take, as types.

A key that is always there is required; ``None`` says that there is no value, such as a figure that
a device does not report. Moments are RFC 3339 texts in UTC.

Made by tests/make_documents.py from the server's OpenAPI document. Do not edit.
"""'''

# On Python 3.9 these are in typing_extensions alone.
IMPORTS = {name: "typing_extensions" for name in ("NotRequired", "TypeAlias", "TypedDict")}

OPTIONS = [
    "--input-file-type=openapi",
    "--output-model-type=typing.TypedDict",
    "--target-python-version=3.10",
    "--enum-field-as-literal=all",
    "--no-use-union-operator",
    "--no-use-closed-typed-dict",
    "--use-schema-description",
    "--use-field-description",
    "--use-inline-field-description",
    "--use-single-line-docstring",
    "--use-double-quotes",
    "--keep-model-order",
    "--strict-refs",
    "--disable-timestamp",
    "--formatters=builtin",
    "--ignore-pyproject",
    f"--import-overrides={json.dumps(IMPORTS)}",
    f"--custom-file-header={HEADER}",
]


def names() -> dict[str, str]:
    """Types are called what they are, without the suffix that some have in the server."""
    schemas = json.loads(OPENAPI.read_text(encoding="utf-8"))["components"]["schemas"]
    wanted = {name: name.replace("_", "").removesuffix("Dto") for name in schemas}
    return {name: better for name, better in wanted.items() if name.endswith("Dto")}


def render() -> str:
    """The module's text."""
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "documents.py"
        command = [sys.executable, "-m", "datamodel_code_generator", *OPTIONS]
        command += [f"--model-name-map={json.dumps(names())}"]
        subprocess.run([*command, f"--input={OPENAPI}", f"--output={output}"], check=True)
        return output.read_text(encoding="utf-8")


if __name__ == "__main__":
    OUTPUT.write_text(render(), encoding="utf-8")
