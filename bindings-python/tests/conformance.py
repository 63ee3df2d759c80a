"""Whether answers are what the OpenAPI document says, from which the types are made."""

from __future__ import annotations

import functools
import json
from typing import Any, Dict

from jsonschema import Draft202012Validator

from encoder_manager.server import Tagged
from encoder_manager.server._operation import Operation
from make_documents import OPENAPI


@functools.lru_cache(maxsize=None)
def openapi() -> Dict[str, Any]:
    """The document."""
    document: Dict[str, Any] = json.loads(OPENAPI.read_text(encoding="utf-8"))
    return document


class Conformance:
    """Checks answers."""

    def check(self, operation: Operation[Any, Any], answer: Any) -> None:
        """Raises unless the answer is of the schema of its operation."""
        if operation.route == "/openapi.json":
            return
        described = openapi()["paths"][operation.route][operation.method.lower()]
        good = [one for status, one in described["responses"].items() if status.startswith("2")]
        contents = good[0].get("content", {})
        if "application/json" not in contents:
            assert not isinstance(answer, dict)
            return
        document = answer.document if isinstance(answer, Tagged) else answer
        schema = {**contents["application/json"]["schema"], "components": openapi()["components"]}
        Draft202012Validator(schema).validate(document)
