"""The exceptions: their names, what they know, and that they survive being sent about."""

from __future__ import annotations

import copy
import json
import pathlib
import pickle
from typing import Any, List

import pytest

from encoder_manager import errors
from encoder_manager.errors import EncoderError, NotFoundError, Violation, from_document
from encoder_manager.server import errors as server_errors

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "tests" / "vectors"

DOCUMENT = {
    "code": "device_unreachable",
    "retry": "safe",
    "message": "no answer within 1 s",
    "operation": "EncoderDriver::status",
    "context": {"encoder": "helo-1"},
    "violations": [
        {"field": "bitrate", "code": "too_high", "message": "at most 20", "recommended": 20},
        {"field": "fps", "code": "odd", "message": "one of 25, 30"},
    ],
}


def test_kinds_and_classes_are_those_of_the_vector_file() -> None:
    file = json.loads((VECTORS / "errors.json").read_text(encoding="utf-8"))
    names = {entry["code"]: f"{entry['kind']}Error" for entry in file["kinds"]}
    assert {code: one.__name__ for code, one in errors.ALL.items()} == names
    assert all(getattr(errors, name).kind == code for code, name in names.items())
    assert all(name in errors.__all__ for name in names.values())
    assert list(errors.RETRIES) == file["retry"]


def test_the_server_s_kinds_are_named_after_their_codes() -> None:
    for code, one in server_errors.ALL.items():
        assert one.__name__ == code.title().replace("_", "") + "Error"
        assert one.kind == code and issubclass(one, EncoderError)
        assert code in errors.ALL or one.__name__ in server_errors.__all__


def test_a_document_becomes_an_exception_and_a_document_again() -> None:
    error = from_document(DOCUMENT)
    assert type(error) is errors.DeviceUnreachableError
    assert (error.kind, error.retry, error.operation) == (
        "device_unreachable",
        "safe",
        "EncoderDriver::status",
    )
    assert error.context == {"encoder": "helo-1"}
    assert error.violations == (
        Violation("bitrate", "too_high", "at most 20", 20),
        Violation("fps", "odd", "one of 25, 30", None),
    )
    assert error.to_document() == DOCUMENT


def test_text_is_the_line_that_rust_writes() -> None:
    line = "device_unreachable: no answer within 1 s (EncoderDriver::status, encoder=helo-1)"
    assert str(from_document(DOCUMENT)) == line
    assert str(NotFoundError("no such stream")) == "not_found: no such stream"
    assert repr(NotFoundError("gone")) == "<NotFoundError 'not_found: gone' retry=never>"


@pytest.mark.parametrize(
    "again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy]
)
def test_exceptions_survive_copying(again: Any) -> None:
    error = from_document(DOCUMENT)
    found = again(error)
    assert type(found) is type(error) and found is not error
    assert found.to_document() == DOCUMENT and str(found) == str(error)
    assert found.args == error.args


def test_a_code_of_the_future_is_kept() -> None:
    error = from_document({"code": "device_on_fire", "message": "hot"})
    assert type(error) is EncoderError and error.kind == "device_on_fire"
    assert pickle.loads(pickle.dumps(error)).kind == "device_on_fire"
    assert EncoderError.kind == "unexpected"


ODD: List[Any] = [None, 7, "x", [], {}, {"code": 3}]


@pytest.mark.parametrize("document", ODD)
def test_what_is_no_error_document_is_unexpected(document: Any) -> None:
    assert type(from_document(document)) is errors.UnexpectedError


def test_odd_members_do_no_harm() -> None:
    odd = {
        "code": "conflict",
        "retry": "maybe",
        "operation": 3,
        "context": [],
        "violations": [1, {}],
    }
    error = from_document(odd)
    assert (error.message, error.retry, error.operation) == ("conflict", "never", None)
    assert error.context == {} and error.violations == (Violation("", "", ""),)
