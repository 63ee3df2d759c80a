"""The generated types are those of the OpenAPI document."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.version_info < (3, 10), reason="the generator needs Python 3.10")
def test_types_are_those_of_the_openapi_document() -> None:
    import make_documents

    committed = make_documents.OUTPUT.read_text(encoding="utf-8")
    assert committed == make_documents.render(), "run tests/make_documents.py"


def test_types_can_be_imported_on_this_python() -> None:
    from encoder_manager import documents, events

    assert "stream_id" in documents.Stream.__annotations__
    assert events.StreamFailover.__required_keys__ >= {"from", "to", "phase"}
    assert "rtmp_url" in events.StreamFailover.__optional_keys__


def test_errors_and_types_need_no_http_library() -> None:
    code = """
import sys
sys.modules["httpx"] = None
import encoder_manager.errors, encoder_manager.documents, encoder_manager.events
try:
    import encoder_manager.server
except ImportError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "pip install 'encoder-manager[server]'" in said.stdout
