"""Methods that exist once and are there for both clients.

A group of methods, such as those about streams, is a class of descriptions. The asyncio client's
group and the blocking client's group inherit it, and each description shows itself as a coroutine
function or a plain function, with the same arguments and the same result.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import (
    Any,
    AsyncIterator,
    Callable,
    Coroutine,
    Generic,
    Iterator,
    Mapping,
    Optional,
    Sequence,
    TypeVar,
    cast,
    overload,
)

from typing_extensions import Concatenate, ParamSpec, Self

from ._exchange import Ask, Procedure, Steps, exchange, perform
from ._transport import Asynchronous, Blocking

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")


class Group:
    """Methods about one subject."""


class AsyncGroup(Group):
    """Methods about one subject, as coroutine functions."""

    def __init__(self, transport: Asynchronous) -> None:
        self._transport = transport

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._transport.profile.url}>"


class BlockingGroup(Group):
    """Methods about one subject, as functions."""

    def __init__(self, transport: Blocking) -> None:
        self._transport = transport

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._transport.profile.url}>"


class _Method(Generic[P, T]):
    """What both kinds of methods have in common."""

    def __init__(self, described: Callable[..., Any]) -> None:
        self._described = described
        self.__doc__ = described.__doc__
        self.__wrapped__ = described

    def _steps(self, group: Any, args: Any, kwargs: Any) -> Steps[T]:
        raise NotImplementedError

    @overload
    def __get__(self, group: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(
        self, group: AsyncGroup, owner: Any = None
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, group: BlockingGroup, owner: Any = None) -> Callable[P, T]: ...
    def __get__(self, group: Optional[Group], owner: Any = None) -> Any:
        if group is None:
            return self
        bound = self._described.__get__(group)
        if isinstance(group, AsyncGroup):
            transport = group._transport

            @functools.wraps(bound)
            async def call(*args: Any, **kwargs: Any) -> T:
                return await transport.run(self._steps(group, args, kwargs))

            return call
        blocking = cast(BlockingGroup, group)._transport

        @functools.wraps(bound)
        def call_blocking(*args: Any, **kwargs: Any) -> T:
            return blocking.run(self._steps(group, args, kwargs))

        return call_blocking


class Operation(_Method[P, T]):
    """A method that is one request."""

    def __init__(
        self, method: str, route: str, described: Callable[Concatenate[Any, P], Ask[T]]
    ) -> None:
        super().__init__(described)
        self.method, self.route = method, route

    def ask(self, group: Any, *args: P.args, **kwargs: P.kwargs) -> Ask[T]:
        """The request that a call of the method makes."""
        ask: Ask[T] = self._described(group, *args, **kwargs)
        parts = ("Client", group.subject, self._described.__name__)
        name = ".".join(part for part in parts if part)
        return replace(ask, method=self.method, route=self.route, operation=name)

    def _steps(self, group: Any, args: Any, kwargs: Any) -> Steps[T]:
        ask: Ask[T] = cast(Any, self.ask)(group, *args, **kwargs)
        return exchange(group._transport.profile, ask)


class Several(_Method[P, T]):
    """A method that takes several requests."""

    def _steps(self, group: Any, args: Any, kwargs: Any) -> Steps[T]:
        return perform(group._transport.profile, self._described(group, *args, **kwargs))


def operation(
    method: str, route: str
) -> Callable[[Callable[Concatenate[Any, P], Ask[T]]], Operation[P, T]]:
    """Makes a method of a description of its request."""
    return lambda described: Operation(method, route, described)


def several(described: Callable[Concatenate[Any, P], Procedure[T]]) -> Several[P, T]:
    """Makes a method of a generator that yields its requests."""
    return Several(described)


class Pages(Generic[P, Item]):
    """A method that goes through all pages of a list, one request each."""

    def __init__(self, listing: Operation[P, Any], items: Callable[[Any], Sequence[Item]]) -> None:
        self._listing, self._items = listing, items
        self.__doc__ = (
            "Every item of all pages. A page is asked for when the one before is used up."
        )

    @overload
    def __get__(self, group: None, owner: Any = None) -> Self: ...
    @overload
    def __get__(self, group: AsyncGroup, owner: Any = None) -> Callable[P, AsyncIterator[Item]]: ...
    @overload
    def __get__(self, group: BlockingGroup, owner: Any = None) -> Callable[P, Iterator[Item]]: ...
    def __get__(self, group: Optional[Group], owner: Any = None) -> Any:
        if group is None:
            return self
        if isinstance(group, AsyncGroup):
            return functools.partial(self._iterate, group)
        return functools.partial(self._walk, cast(BlockingGroup, group))

    async def _iterate(self, group: AsyncGroup, *args: Any, **kwargs: Any) -> AsyncIterator[Item]:
        page: Mapping[str, Any] = {"next_cursor": kwargs.get("cursor")}
        while True:
            page = await self._listing.__get__(group)(*args, **{**kwargs, **_after(page)})
            for item in self._items(page):
                yield item
            if page["next_cursor"] is None:
                return

    def _walk(self, group: BlockingGroup, *args: Any, **kwargs: Any) -> Iterator[Item]:
        page: Mapping[str, Any] = {"next_cursor": kwargs.get("cursor")}
        while True:
            page = self._listing.__get__(group)(*args, **{**kwargs, **_after(page)})
            yield from self._items(page)
            if page["next_cursor"] is None:
                return


def _after(page: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"cursor": page["next_cursor"]}


def pages(listing: Operation[P, T], items: Callable[[T], Sequence[Item]]) -> Pages[P, Item]:
    """Makes a method that goes through all pages of ``listing``; ``items`` is what is in a page."""
    return Pages(listing, items)
