"""The pure policies decide what the vector files say, as in every language."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest

import encoder_manager as em
from encoder_manager import policies
from make_documents import ROOT
from test_embedded import check

FILES = ("validator.json", "health.json", "balancing.json", "repairs.json")


def cases() -> List[Any]:
    return [
        pytest.param(case, id=f"{name.split('.')[0]}: {case['case']}")
        for name in FILES
        for case in json.loads((ROOT / "tests" / "vectors" / name).read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("case", cases())
def test_a_decision_is_that_of_the_vector_file(case: Dict[str, Any]) -> None:
    function, wanted = getattr(policies, case["function"]), case["outcome"]
    try:
        answer = function(**case["arguments"])
    except em.EncoderError as error:
        rules = [{"field": one.field, "code": one.code} for one in error.violations]
        assert wanted == {"error": {"code": error.kind, "violations": rules}}
        return
    assert wanted == {"result": answer}
    check(function, answer)


def test_settings_can_be_taken_apart_and_put_together() -> None:
    config = policies.default_config()
    assert policies.check_config(config) == config
    with pytest.raises(em.EncoderError) as caught:
        policies.check_config({"watch": {"interval": 1}})
    assert caught.value.kind in ("config_invalid", "validation_failed")
