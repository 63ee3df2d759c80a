"""Every command of the library has a method here, see ``tests/vectors/api.json``."""

from __future__ import annotations

import json
from typing import Any, Dict

import encoder_manager as em
from encoder_manager import _encoder_manager as native
from encoder_manager import policies
from encoder_manager._requests import StreamFields
from encoder_manager.documents import StreamRequest
from make_documents import ROOT

API: Dict[str, Any] = json.loads((ROOT / "tests" / "vectors" / "api.json").read_text("utf-8"))

# A handle is made of the document.
OTHER_NAMES = {"stream": "stream_document", "streams": "stream_documents"}


def test_the_native_half_is_of_this_version() -> None:
    assert list(native.READS) == API["reads"]
    assert list(native.ACTS) == API["acts"]
    assert list(native.COMPUTATIONS) == API["computations"]


def test_every_command_has_a_method() -> None:
    for command in (*API["reads"], *API["acts"]):
        for name in (command, OTHER_NAMES.get(command, command)):
            assert getattr(em.Manager, name).__doc__, name
    assert set(API["computations"]) <= set(policies.__all__)


def test_every_field_of_a_request_is_a_keyword_argument() -> None:
    assert set(StreamFields.__annotations__) == set(StreamRequest.__annotations__)


def test_every_error_is_there_by_its_name() -> None:
    for kind in em.errors.ALL.values():
        assert getattr(em, kind.__name__) is kind
