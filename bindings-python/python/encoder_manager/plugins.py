"""What drivers and policies written in Python look like.

An object needs no base class: one that has the methods is one. A method may be a coroutine
function, which runs in the event loop that the manager was opened in, or a plain function, which
runs in a thread of its own and may block. Calls may overlap.

A method that raises an :class:`~encoder_manager.EncoderError` keeps its kind. ``ConnectionError``,
``TimeoutError`` and any other ``OSError`` say that the device cannot be reached. Anything else is
``unexpected``, and counts as a sign of life: libraries with errors of their own, such as httpx,
need ``raise DeviceUnreachableError(...) from error``.

Every call has a deadline, see ``foreign`` of :class:`~encoder_manager.Manager`. A coroutine that is
late is cancelled; a plain function is left to itself, and after eight such calls of a driver no
more are made until one ends. A decision that is late, fails or makes no sense is taken by the
built-in policy instead. :mod:`encoder_manager.testing` holds objects against what is expected of
them.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    List,
    Optional,
    Protocol,
    TypeVar,
    Union,
)

from typing_extensions import TypeAlias

from ._driver_documents import (
    Action,
    ActiveConfig,
    Alarm,
    AlarmCategory,
    Capability,
    DeviceChanged,
    DeviceEvent,
    DeviceFeedLost,
    DeviceIdentity,
    DeviceSnapshot,
    DeviceStatus,
    EncoderSpec,
    InputSignal,
    Limits,
    Medium,
    NetworkReadings,
    OutputReadings,
    PublishTarget,
    RecordState,
    Severity,
    StatusChange,
    StreamConfig,
    StreamState,
    SystemReadings,
)
from ._lent import BlockingLentDriver, LentDriver
from ._policy_documents import (
    Assessment,
    Attempt,
    Contact,
    Demand,
    History,
    Incident,
    Issue,
    Load,
    Parts,
    Placement,
    Row,
    Step,
    Temperature,
    Verdict,
)

__all__ = [
    "Action",
    "ActiveConfig",
    "Alarm",
    "AlarmCategory",
    "Assessment",
    "Attempt",
    "Balancer",
    "BlockingLentDriver",
    "Capability",
    "Contact",
    "ControlledDriver",
    "Demand",
    "DeviceChanged",
    "DeviceEvent",
    "DeviceFeedLost",
    "DeviceIdentity",
    "DeviceSnapshot",
    "DeviceStatus",
    "DriverFactory",
    "EncoderDriver",
    "EncoderSpec",
    "HealthPolicy",
    "History",
    "Incident",
    "InputSignal",
    "Issue",
    "LentDriver",
    "Limits",
    "Load",
    "MaybeAwaitable",
    "Medium",
    "NetworkReadings",
    "OutputReadings",
    "Parts",
    "Placement",
    "PublishTarget",
    "PushingDriver",
    "RecordState",
    "Remediator",
    "Row",
    "RunningRemediator",
    "Severity",
    "StatusChange",
    "Step",
    "StreamConfig",
    "StreamState",
    "SystemReadings",
    "Temperature",
    "Verdict",
]

T = TypeVar("T")

MaybeAwaitable: TypeAlias = Union[T, Awaitable[T]]
"""What a plain function, or a coroutine function, gives."""


class EncoderDriver(Protocol):
    """Speaks to one encoder.

    A driver whose capability has an action also has ``control``, see :class:`ControlledDriver`; one
    that ``pushes_events`` has ``events``, see :class:`PushingDriver`.

    The manager never closes a driver. What it holds, such as a connection pool, is closed by who
    made it, after the manager was closed.
    """

    @property
    @abstractmethod
    def capability(self) -> Union[Capability, Callable[[], MaybeAwaitable[Capability]]]:
        """What the device can do and tell: an attribute, or a method. Asked once. ``{}`` is a
        device that streams and tells nothing else."""

    @abstractmethod
    def status(self) -> MaybeAwaitable[DeviceStatus]:
        """Reads the device, by at least one round trip: giving a status proves that it answers.

        What the device does not report is left out, never zero. Raises ``OSError`` or
        ``DeviceUnreachableError`` for a dead device, within a time-out of its own.
        """

    @abstractmethod
    def configure(self, config: StreamConfig, target: PublishTarget) -> MaybeAwaitable[object]:
        """Brings the device to hold these settings, without starting it. Twice is the same as once.

        Raises ``DeviceRejectedError`` when the device does not hold them afterwards.
        """

    @abstractmethod
    def start(self) -> MaybeAwaitable[object]:
        """Tells the device to publish, and returns when it accepted that. Does not interrupt a
        device that streams."""

    @abstractmethod
    def stop(self) -> MaybeAwaitable[object]:
        """Tells the device to stop publishing. Fine with an idle device."""


class ControlledDriver(EncoderDriver, Protocol):
    """A driver whose capability has one of the actions, such as ``reboot``."""

    @abstractmethod
    def control(self, action: Action) -> MaybeAwaitable[object]:
        """Tells the device anything else. Actions that the capability lacks do not come here."""


class PushingDriver(EncoderDriver, Protocol):
    """A driver whose capability has ``pushes_events``."""

    @abstractmethod
    def events(
        self,
    ) -> MaybeAwaitable[Union[AsyncIterator[DeviceEvent], Iterator[DeviceEvent]]]:
        """What the device says unasked: an asynchronous generator, or a plain one, which may block.

        Begins with a ``snapshot``; where it does not, the status is read and put first. It is
        opened anew, after a growing pause, when it ends or raises, and closed when nobody listens:
        a plain generator that waits, once it gives its next event.
        """


DriverFactory: TypeAlias = Callable[[EncoderSpec], MaybeAwaitable[EncoderDriver]]
"""Makes the driver of an encoder, without contacting it. A class is one: one whose ``status`` is a
coroutine function is made in the event loop, any other in a thread. Raises
``ValidationFailedError`` for an address that cannot be right."""


class Balancer(Protocol):
    """Chooses encoders for a stream."""

    @abstractmethod
    def select(
        self, demand: Demand, fleet: List[Row], draw: int
    ) -> MaybeAwaitable[Optional[Placement]]:
        """Chooses a primary, and a backup where one is wanted, of those that are ``eligible`` and
        not excluded; ``None`` only when there is none.

        ``draw`` is a random whole number from 0 to 2⁵³-1: the same question with the same number
        has the same answer.
        """


class HealthPolicy(Protocol):
    """Judges an encoder by what is known of it."""

    @abstractmethod
    def assess(self, history: History) -> MaybeAwaitable[Assessment]:
        """Gives a score from 0 to 100 and a verdict; ``None`` and ``unknown`` without any data.
        What the built-in policy concludes is in ``history["assessment"]``."""


class Remediator(Protocol):
    """Says what is tried in place before a stream moves."""

    @abstractmethod
    def next_step(self, incident: Incident, tried: List[Attempt]) -> MaybeAwaitable[Optional[Step]]:
        """The next thing to try; ``None`` when only a failover is left. Never anything on an
        encoder that is not ``reachable``, and an end when everything fails. The manager performs
        the step."""


class RunningRemediator(Remediator, Protocol):
    """A remediator that performs its steps itself."""

    @abstractmethod
    def run(self, step: Step, driver: LentDriver) -> MaybeAwaitable[object]:
        """Performs a step with a driver that is lent until this ends. Afterwards the device is
        watched until it streams, within the deadline of the step."""
