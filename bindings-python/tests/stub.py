"""A server that answers as it is told, byte for byte, to see what a client makes of it."""

from __future__ import annotations

import json
import socket
import threading
from email.parser import BytesHeaderParser
from types import TracebackType
from typing import Any, Dict, List, NamedTuple, Optional, Type, Union

from typing_extensions import Self


class Request(NamedTuple):
    """What arrived."""

    line: str
    headers: Dict[str, str]
    body: bytes


class Stay(NamedTuple):
    """Says this and keeps the connection open, without another word."""

    said: bytes


DROP = b""
"""Cuts the connection instead of an answer."""

Answer = Union[bytes, Stay]


def answer(status: int, document: Any = None, **headers: str) -> bytes:
    """An answer with a JSON document. Underscores in names of headers stand for hyphens."""
    body = b"" if document is None else json.dumps(document).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = "application/json" if status < 400 else "application/problem+json"
    lines = [f"HTTP/1.1 {status} Status", f"content-length: {len(body)}", "connection: close"]
    given = {"content-type": kind, **named}
    lines += [f"{name}: {value}" for name, value in given.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def problem(status: int, code: str, **headers: str) -> bytes:
    """A problem document."""
    document = {"type": "", "title": "", "status": status, "detail": "no", "code": code}
    return answer(status, document, **headers)


def feed(*events: str) -> bytes:
    """The beginning of a feed."""
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    return (head + "".join(events)).encode()


def event(name: str, id: Optional[int], **data: Any) -> str:
    """One event of a feed."""
    place = "" if id is None else f"id: {id}\n"
    return f"event: {name}\n{place}data: {json.dumps(data)}\n\n"


class Stub:
    """Takes one connection after the other and gives each an answer; the last one is repeated."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: List[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.requests: List[Request] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._open:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as incoming:
            line = incoming.readline().decode().strip()
            if not line:
                connection.close()
                return
            raw = b""
            while (header := incoming.readline()) not in (b"\r\n", b""):
                raw += header
            headers = {k.lower(): v for k, v in BytesHeaderParser().parsebytes(raw).items()}
            body = incoming.read(int(headers.get("content-length", 0)))
        self.requests.append(Request(line, headers, body))
        said = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(said, Stay):
            connection.sendall(said.said)
            self._open.append(connection)
            return
        connection.sendall(said)
        connection.close()
