"""Every operation of the server has a method, and every method an operation."""

from __future__ import annotations

import inspect
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest

from conformance import openapi
from encoder_manager.server import BlockingClient, Client
from encoder_manager.server._operation import Operation

# Operations without a method, and why.
WITHOUT = {
    ("GET", "/api/events"): "Client.events",
    ("GET", "/ws"): "the same feed as Client.events; server-sent events resume",
    ("POST", "/api/ingest/authorize"): "for the ingest alone, with a secret of its own",
}

# Older paths of the same documents.
ALIASES = {
    "/encoders/{id}/metrics",
    "/api/monitoring/encoders/{id}/metrics",
    "/encoders/{id}/control",
    "/monitoring/streams/health",
    "/monitoring/streams/config/{encoder_id}",
    "/errors/analysis",
}

METHODS = ("get", "put", "post", "delete", "patch")

SAMPLES: Dict[str, Any] = {
    "limit": 7,
    "step": 60.0,
    "scope": "read",
    "since": "2026-11-23T08:00:00Z",
    "until": "2026-11-23T09:00:00Z",
    "expires_at": "2027-11-23T08:00:00Z",
    "ids": ["helo-1"],
    "request": {"some": "field"},
    "changes": {"some": "field"},
    "wait_live": True,
    "reveal_key": True,
    "drain": True,
}


def groups(client: Any) -> Iterator[Any]:
    yield client
    yield from (client.streams, client.encoders, client.monitoring, client.keys)


def operations() -> List[Tuple[Any, str, Operation[Any, Any]]]:
    with BlockingClient("http://127.0.0.1:1") as client:
        return [
            (group, name, described)
            for group in groups(client)
            for name, described in inspect.getmembers(type(group))
            if isinstance(described, Operation)
        ]


def documented() -> Set[Tuple[str, str]]:
    return {
        (method.upper(), path)
        for path, item in openapi()["paths"].items()
        for method in METHODS
        if method in item and path not in ALIASES
    }


def test_every_operation_has_a_method_or_a_reason() -> None:
    offered = {(one.method, one.route) for _, _, one in operations()}
    assert documented() - offered - set(WITHOUT) == set()
    assert offered - documented() == {("GET", "/openapi.json")}
    assert not offered & set(WITHOUT)
    assert set(WITHOUT) <= documented() and set(openapi()["paths"]) >= ALIASES


ALL = operations()


def asked(group: Any, described: Operation[Any, Any]) -> Any:
    parameters = inspect.signature(described.__wrapped__).parameters
    names = [name for name in parameters if name != "self"]
    return described.ask(group, **{name: SAMPLES.get(name, name) for name in names})


@pytest.mark.parametrize(("group", "name", "described"), ALL, ids=[f"{n}" for _, n, _ in ALL])
def test_a_method_sends_what_the_operation_takes(
    group: Any, name: str, described: Operation[Any, Any]
) -> None:
    if described.route == "/openapi.json":
        return
    ask = asked(group, described)
    operation = openapi()["paths"][described.route][described.method.lower()]
    parameters = operation.get("parameters", [])
    taken = {where: {p["name"] for p in parameters if p["in"] == where} for where in PLACES}
    assert set(ask.path) == taken["path"]
    assert set(ask.query) <= taken["query"]
    assert set(ask.headers) - {"Accept"} <= taken["header"]
    assert (ask.body is not None) == ("requestBody" in operation)
    assert name in ask.operation


PLACES = ("path", "query", "header")


def test_every_parameter_can_be_given() -> None:
    missing = set()
    for method, path in documented() - set(WITHOUT):
        operation = openapi()["paths"][path][method.lower()]
        wanted = {p["name"] for p in operation.get("parameters", []) if p["in"] != "path"}
        asks = [asked(g, o) for g, _, o in ALL if (o.method, o.route) == (method, path)]
        given = {key for ask in asks for key in (*ask.query, *ask.headers)}
        missing |= {(method, path, name) for name in wanted - given}
    assert missing == set()


def test_both_clients_offer_the_same() -> None:
    def names(one: type) -> Set[str]:
        return {name for name in dir(one) if not name.startswith("_")}

    assert names(Client) == names(BlockingClient)
    with BlockingClient("http://127.0.0.1:1") as client:
        kinds = [type(group) for group in groups(client)]
    for blocking in kinds:
        siblings: List[type] = blocking.__mro__[1].__subclasses__()
        twin = next(one for one in siblings if one is not blocking)
        assert names(twin) == names(blocking)
        assert all(getattr(blocking, name).__doc__ for name in names(blocking) - {"subject"})


def test_methods_show_their_arguments_and_documentation() -> None:
    with BlockingClient("http://127.0.0.1:1") as client:
        start = client.streams.start
        assert list(inspect.signature(start).parameters) == [
            "request",
            "wait_live",
            "idempotency_key",
        ]
        assert (start.__doc__ or "").startswith("Starts a stream.")
