"""What the native half may call of drivers, policies, and what makes them."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Tuple, Type

from ._calls import Call, Home, Plugin
from ._encoder_manager import LentDriver as NativeLentDriver
from ._feeds import Feed, feed_of, nothing
from .errors import ConfigInvalidError, DeviceProtocolError, DeviceUnreachableError


class Balancer(Plugin):
    """A balancer."""

    known = ("select",)


class HealthPolicy(Plugin):
    """A health policy."""

    known = ("assess",)


class Remediator(Plugin):
    """A remediator."""

    known = ("next_step", "run")

    def perform(self, call: Call, arguments: str, driver: Optional[NativeLentDriver]) -> None:
        function = getattr(self.target, call.method)
        then = call.done if call.method == "run" else call.give
        call.run(function, self.reader(arguments, driver), then)


class Driver(Plugin):
    """A driver."""

    known = ("status", "configure", "start", "stop", "control")
    at_once = 8
    late = DeviceUnreachableError
    nonsense = DeviceProtocolError

    def __init__(self, home: Home, target: object) -> None:
        super().__init__(home, target)
        self._feeds: Dict[int, Feed] = {}

    def find_methods(self) -> FrozenSet[str]:
        pushes = callable(getattr(self.target, "events", None))
        return super().find_methods() | ({"next_event", "close_feed"} if pushes else set())

    def perform(self, call: Call, arguments: str, driver: Optional[NativeLentDriver]) -> None:
        if call.method == "next_event":
            self._next_event(call, *json.loads(arguments))
        elif call.method == "close_feed":
            self._close_feed(call, *json.loads(arguments))
        else:
            then = call.give if call.method == "status" else call.done
            call.run(getattr(self.target, call.method), self.reader(arguments, driver), then)

    def _next_event(self, call: Call, number: int) -> None:
        feed = self._feeds.get(number)
        if feed is None:
            call.run(self.target.events, nothing, lambda events: self._open(call, number, events))
        else:
            feed.next(call)

    def _open(self, call: Call, number: int, events: object) -> None:
        feed = self._feeds[number] = feed_of(events)
        feed.next(call)

    def _close_feed(self, call: Call, number: int) -> None:
        feed = self._feeds.pop(number, None)
        if feed is None:
            call.done(None)
        else:
            feed.close(call)

    def release(self) -> None:
        self._feeds.clear()
        super().release()


class Maker(Plugin):
    """Something that makes objects when it is called."""

    nonsense = ConfigInvalidError
    makes: Type[Plugin]

    def find_methods(self) -> FrozenSet[str]:
        return frozenset(("create", "make"))

    def perform(self, call: Call, arguments: str, driver: Optional[NativeLentDriver]) -> None:
        made = self.made
        call.run(self.target, self.reader(arguments, driver), lambda one: made(call, one))

    def made(self, call: Call, target: Any) -> None:
        """Answers with what was made."""
        call.answer("null", self.makes(self.home, target))


class Factory(Maker):
    """A factory of drivers. It answers with the capability as well."""

    makes: Type[Plugin] = Driver

    def made(self, call: Call, target: Any) -> None:
        plugin = self.makes(self.home, target)

        def answer(capability: object) -> None:
            call.answer(call.encode(capability, f"capability of {plugin.name}"), plugin)

        self.with_capability(call, target, answer)

    def with_capability(self, call: Call, driver: Any, then: Callable[[Any], object]) -> None:
        """Asks a driver what it can do: an attribute, or what a method gives."""
        capability = getattr(driver, "capability", None)
        if capability is None:
            message = f"{type(driver).__name__} lacks capability"
            raise ConfigInvalidError(
                f"{message}; {{}} is that of a device that can do nothing else"
            )
        if callable(capability):
            call.run(capability, nothing, then)
        else:
            then(capability)


class Subject(Driver):
    """A driver with a device behind it, to be held against the contract."""

    hooks = ("cut_off", "ignore_writes", "break_feed")

    def __init__(self, home: Home, target: Any) -> None:
        self._subject: Any = target
        super().__init__(home, target.driver)

    def find_methods(self) -> FrozenSet[str]:
        hooks = [hook for hook in self.hooks if getattr(self._subject, hook) is not None]
        return super().find_methods() | frozenset(hooks)

    def perform(self, call: Call, arguments: str, driver: Optional[NativeLentDriver]) -> None:
        if call.method in self.hooks:
            call.run(getattr(self._subject, call.method), nothing, call.done)
        else:
            super().perform(call, arguments, driver)

    def release(self) -> None:
        self._subject = None
        super().release()


class SubjectMaker(Factory):
    """What makes a driver to be held against the contract."""

    makes: Type[Plugin] = Subject

    def made(self, call: Call, target: Any) -> None:
        plugin = self.makes(self.home, target)

        def answer(capability: object) -> None:
            document = {
                "encoder_id": target.encoder_id,
                "capability": capability,
                "config": target.config,
                "target": target.target,
                "within_seconds": target.within,
            }
            call.answer(call.encode(document, "the driver under test"), plugin)

        self.with_capability(call, target.driver, answer)


class BalancerMaker(Maker):
    """What makes a balancer."""

    makes = Balancer


class HealthPolicyMaker(Maker):
    """What makes a health policy."""

    makes = HealthPolicy


class RemediatorMaker(Maker):
    """What makes a remediator."""

    makes = Remediator


ROLES: Dict[str, Type[Plugin]] = {
    "factory": Factory,
    "balancer": Balancer,
    "health_policy": HealthPolicy,
    "remediator": Remediator,
    "driver_maker": SubjectMaker,
    "balancer_maker": BalancerMaker,
    "health_policy_maker": HealthPolicyMaker,
    "remediator_maker": RemediatorMaker,
}


class PluginHome(Home):
    """The home of the objects of one owner, which the native half makes."""

    def plugin(self, role: str, target: object) -> Plugin:
        """The object in that role."""
        return ROLES[role](self, target)

    def factories(self, drivers: object) -> List[Tuple[str, Plugin]]:
        """The factories of drivers, by name."""
        if not isinstance(drivers, Mapping):
            message = f"drivers: factories by name belong here, not {type(drivers).__name__}"
            raise ConfigInvalidError(message)
        if wrong := [name for name in drivers if not isinstance(name, str)]:
            raise ConfigInvalidError(f"drivers: names must be texts, not {type(wrong[0]).__name__}")
        for name, factory in drivers.items():
            if not callable(factory):
                message = f"{type(factory).__name__} cannot be called to make a driver"
                raise ConfigInvalidError(f"drivers.{name}: {message}")
        return [(name, self.plugin("factory", factory)) for name, factory in drivers.items()]
