"""The request for a stream, out of a document and keyword arguments."""

from __future__ import annotations

from typing import Dict, Mapping, Optional, Union

from typing_extensions import TypedDict

from . import documents
from ._commands import Command, given
from .errors import ValidationFailedError, Violation

# Seconds to wait for a stream where it is only said that it shall be waited for.
PATIENCE = 30.0


class StreamFields(TypedDict, total=False):
    """The fields of :class:`documents.StreamRequest` as keyword arguments."""

    audio_bitrate: Optional[int]
    bitrate: int
    destination: Optional[documents.DestinationRequest]
    encoder_id: Optional[str]
    fps: float
    keyframe_interval_seconds: Optional[float]
    labels: Dict[str, str]
    name: Optional[str]
    protection: Optional[str]
    resolution: str


def start_command(
    request: Optional[documents.StreamRequest],
    fields: StreamFields,
    stream_id: Optional[str],
    wait_live: Union[float, bool, None],
) -> Command[documents.Stream]:
    """The command that starts a stream."""
    if request is not None and not isinstance(request, Mapping):
        message = f"must be a document, not {type(request).__name__}"
        violation = Violation("request", "invalid_type", message)
        raise ValidationFailedError(f"request: {message}", violations=[violation])
    whole = {**(request or {}), **fields}
    if isinstance(wait_live, bool):
        wait_live = PATIENCE if wait_live else None
    arguments = given(request=whole, stream_id=stream_id, wait_live_seconds=wait_live)
    return Command("start_stream", arguments)
