"""What can be asked of a manager, described once for asyncio and for plain threads.

A group of acts is a class of descriptions. Whoever inherits it shows each of them as a coroutine
function or as a function, with the same arguments, documentation and result.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Callable, Coroutine, Dict, Generic, Optional, TypeVar, cast, overload

from typing_extensions import Concatenate, ParamSpec, Self

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Command(Generic[T]):
    """A command of the native half, which answers with a ``T``."""

    name: str
    arguments: Dict[str, object]


class Awaiting:
    """Its acts are coroutine functions."""

    async def _perform(self, command: Command[T]) -> T:
        raise NotImplementedError


class Blocking:
    """Its acts are functions that wait."""

    def _perform(self, command: Command[T]) -> T:
        raise NotImplementedError


class Act(Generic[P, T]):
    """A method that performs a command."""

    def __init__(self, described: Callable[Concatenate[Any, P], Command[T]]) -> None:
        self.described = described
        self.__doc__ = described.__doc__
        self.__wrapped__ = described

    @overload
    def __get__(self, owner: None, kind: Any = None) -> Self: ...
    @overload
    def __get__(self, owner: Awaiting, kind: Any = None) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, owner: Blocking, kind: Any = None) -> Callable[P, T]: ...
    def __get__(self, owner: Any, kind: Any = None) -> Any:
        if owner is None:
            return self
        bound = cast(Callable[..., Command[T]], self.described.__get__(owner))
        if isinstance(owner, Awaiting):

            @functools.wraps(bound)
            async def perform(*args: Any, **kwargs: Any) -> T:
                return await owner._perform(bound(*args, **kwargs))

            return perform

        @functools.wraps(bound)
        def perform_blocking(*args: Any, **kwargs: Any) -> T:
            return cast(Blocking, owner)._perform(bound(*args, **kwargs))

        return perform_blocking


def act(described: Callable[Concatenate[Any, P], Command[T]]) -> Act[P, T]:
    """Makes a method of the description of its command."""
    return Act(described)


def given(**arguments: Optional[object]) -> Dict[str, object]:
    """The arguments that are not ``None``."""
    return {name: value for name, value in arguments.items() if value is not None}
