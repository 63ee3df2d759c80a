"""Whatever is passed: a typed error or an answer, never anything else."""

from __future__ import annotations

import asyncio
import enum
import inspect
import math
import pathlib
import random
import typing
from typing import Any, Callable, Dict, Iterator, List

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import encoder_manager as em
from encoder_manager import blocking, policies
from encoder_manager._json import encode
from faces import ABSENT, REQUEST


class Hostile(Dict[str, Any]):
    """A dict that does not want to be read."""

    def items(self) -> Any:
        raise RuntimeError("two\nlines")


class Word(str, enum.Enum):
    ABSENT = "absent"


def cyclic() -> List[Any]:
    inner: List[Any] = []
    inner.append({"again": inner})
    return inner


def deep(depth: int) -> Any:
    value: Any = None
    for _ in range(depth):
        value = [value]
    return value


# By name: some cannot even be shown.
UNUSUAL: Dict[str, Callable[[], Any]] = {
    "nan": lambda: math.nan,
    "infinity": lambda: math.inf,
    "less than everything": lambda: -math.inf,
    "bytes": lambda: b"bytes",
    "set": lambda: {1, 2},
    "object": object,
    "function": lambda: len,
    "key of a number": lambda: {1: 2},
    "key of nothing": lambda: {None: 1},
    "key of a tuple": lambda: {("a",): 1},
    "key of truth, inside": lambda: {"a": {True: 1}},
    "number beyond floats": lambda: 10**400,
    "number too long to write": lambda: 10**5000,
    "number beyond 64 bits": lambda: -(2**64),
    "largest float": lambda: 1e308,
    "half a character": lambda: "\ud800",
    "halves of characters": lambda: {"\udfff": "\ud800"},
    "end of a C string": lambda: "nul\0",
    "cycle": cyclic,
    "deeper than the native half reads": lambda: deep(200),
    "deeper than Python writes": lambda: deep(5000),
    "hostile": lambda: Hostile(a=1),
    "enumerated text": lambda: Word.ABSENT,
    "path": lambda: pathlib.Path("/tmp"),
    "complex": lambda: 1 + 2j,
    "range": lambda: range(3),
    "memory": lambda: memoryview(b"x"),
    "exception": lambda: Exception("x"),
    "class": lambda: type,
}
NO_JSON = st.sampled_from(sorted(UNUSUAL)).map(lambda name: UNUSUAL[name]())
WORDS = st.sampled_from(["absent", "show", "", "reboot", "../x", "2026-11-26T08:00:00Z", "Ä" * 300])
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
ANYTHING = st.recursive(
    PLAIN | NO_JSON,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=8) | WORDS, inner, max_size=3)
    | st.tuples(inner, inner),
    max_leaves=8,
)

# What ends the manager, and what the constructor makes.
EXCEPT = {"open", "close"}


def methods() -> List[str]:
    public = [name for name in dir(blocking.Manager) if not name.startswith("_")]
    return [name for name in public if name not in EXCEPT and name != "config"]


def functions() -> List[Callable[..., Any]]:
    return [getattr(policies, n) for n in policies.__all__ if inspect.isfunction(getattr(policies, n))]


def drawn(data: st.DataObject, called: Callable[..., Any]) -> Dict[str, Any]:
    """Arguments that fit the signature in number and name."""
    arguments: Dict[str, Any] = {}
    for one in inspect.signature(called).parameters.values():
        if one.kind is one.VAR_KEYWORD:
            arguments.update(data.draw(st.dictionaries(st.sampled_from(["video", "x"]), ANYTHING)))
        elif one.kind is not one.POSITIONAL_ONLY and (
            one.default is one.empty or data.draw(st.booleans())
        ):
            arguments[one.name] = data.draw(ANYTHING)
    return arguments


def harmless(called: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Calls it. Only errors of the package may come, and none that is a defect."""
    try:
        called(*args, **kwargs)
    except em.EncoderError as error:
        assert type(error) is not em.UnexpectedError, error
        assert "\n" not in str(error)


PROFILE = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def manager() -> Iterator[blocking.Manager]:
    with blocking.Manager(encoders=[ABSENT]) as opened:
        yield opened


@pytest.mark.parametrize("name", methods())
@PROFILE
@given(data=st.data())
def test_every_method_takes_anything(manager: blocking.Manager, name: str, data: Any) -> None:
    method = getattr(manager, name)
    kwargs = drawn(data, method)
    args = [data.draw(ANYTHING)] if name == "start_stream" and data.draw(st.booleans()) else []
    harmless(method, *args, **kwargs)


@pytest.mark.parametrize("function", functions(), ids=lambda one: str(one.__name__))
@PROFILE
@given(data=st.data())
def test_every_policy_takes_anything(function: Callable[..., Any], data: Any) -> None:
    harmless(function, **drawn(data, function))


@PROFILE
@given(data=st.data())
def test_a_manager_is_made_of_anything(data: Any) -> None:
    # Objects of the program's own are looked at when it opens.
    own = ("drivers", "balancer", "health_policy", "remediator")
    kwargs = {k: v for k, v in drawn(data, blocking.Manager).items() if k not in own}
    harmless(blocking.Manager, **kwargs)


def test_what_has_no_json_is_named() -> None:
    with pytest.raises(em.ValidationFailedError) as caught:
        encode({"good": [1], "request": {"fps": math.nan}, "changes": {1: 2}})
    fields = {one.field: one.message for one in caught.value.violations}
    assert set(fields) == {"request", "changes"}
    assert fields["changes"] == "keys must be texts, not int"
    with pytest.raises(em.ValidationFailedError, match="request: Circular reference detected"):
        encode({"request": cyclic()})
    with pytest.raises(em.ValidationFailedError, match="request: raised RuntimeError"):
        encode({"request": Hostile(a=1)})


def test_unknown_settings_are_named_by_their_path() -> None:
    with pytest.raises(em.ConfigInvalidError, match="config.watch.interval"):
        em.Manager({"watch": {"interval": 1}})
    with pytest.raises(em.ConfigInvalidError, match="aja.profil"):
        em.Manager(aja={"profil": 1})
    with pytest.raises(em.ConfigInvalidError, match="aja.password: wrong type") as caught:
        em.Manager(aja={"password": 4711})
    assert "4711" not in str(caught.value)
    with pytest.raises(em.ValidationFailedError, match="encoders"):
        em.Manager(encoders=typing.cast(Any, 7))


async def test_a_manager_that_is_not_open_says_so() -> None:
    manager = em.Manager()
    for call in (manager.encoders, manager.is_ready, manager.events):
        with pytest.raises(em.ConflictError, match="not open"):
            call()
    with pytest.raises(em.ConflictError, match="not open"):
        await manager.stop_stream("show")
    await manager.close()
    with pytest.raises(em.ShuttingDownError, match="closed"):
        await manager.open()


async def test_a_closed_manager_says_so_and_closes_again() -> None:
    async with em.Manager(encoders=[ABSENT]) as manager:
        assert await manager.open() is manager
        feed = manager.events()
    assert await manager.close() is True
    with pytest.raises(em.ShuttingDownError):
        manager.encoders()
    with pytest.raises(em.ShuttingDownError):
        await manager.start_stream(typing.cast(Any, REQUEST))
    with pytest.raises(em.ShuttingDownError):
        manager.events()
    assert [frame["event"] async for frame in feed if frame["event"] == "lagged"] == []


def test_another_event_loop_is_refused_and_reads_are_not() -> None:
    manager = em.Manager(encoders=[ABSENT])
    asyncio.run(_open(manager))

    async def elsewhere() -> None:
        assert len(manager.encoders()) == 1
        for call in (manager.monitor_encoder("absent"), manager.open()):
            with pytest.raises(em.ConflictError, match="another event loop.*closed"):
                await call
        with pytest.raises(em.ConflictError, match="another event loop"):
            await manager.events().__anext__()
        # The loop that it belongs to is gone, and it can be closed all the same.
        assert await manager.close() is True

    asyncio.run(elsewhere())


async def _open(manager: em.Manager) -> None:
    await manager.open()


def test_without_a_loop_it_points_to_the_blocking_manager() -> None:
    with pytest.raises(em.ConflictError, match="encoder_manager.blocking"):
        em.Manager().open().send(None)


async def test_many_calls_at_once_get_their_own_answers() -> None:
    encoders = [{**ABSENT, "encoder_id": f"e{place}"} for place in range(20)]
    async with em.Manager(encoders=encoders) as manager:
        names = [f"e{random.randrange(20)}" for _ in range(300)]
        answers = await asyncio.gather(*(manager.control(n, "enter_maintenance") for n in names))
        assert [answer["encoder_id"] for answer in answers] == names
