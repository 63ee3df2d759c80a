from typing import Callable, List, Mapping, Optional, Tuple, final

from .errors import EncoderError

__version__: str
READS: Tuple[str, ...]
ACTS: Tuple[str, ...]
COMPUTATIONS: Tuple[str, ...]
DRIVER_ITEMS: Tuple[str, ...]
BALANCER_ITEMS: Tuple[str, ...]
HEALTH_ITEMS: Tuple[str, ...]
REMEDIATION_ITEMS: Tuple[str, ...]

@final
class Operation:
    def cancel(self) -> None: ...

@final
class Manager:
    def __new__(cls, options: str, aja: str) -> Manager: ...
    def open(
        self,
        plugins: Mapping[str, object],
        done: Callable[[Optional[Tuple[()]], Optional[EncoderError]], object],
    ) -> Operation: ...
    def close(
        self, done: Callable[[Optional[bool], Optional[EncoderError]], object]
    ) -> Operation: ...
    def read(self, name: str, arguments: str) -> str: ...
    def act(
        self,
        name: str,
        arguments: str,
        done: Callable[[Optional[str], Optional[EncoderError]], object],
    ) -> Operation: ...
    def events(self, arguments: str) -> Feed: ...

@final
class Feed:
    def next(
        self,
        most: int,
        done: Callable[[Optional[List[str]], Optional[EncoderError]], object],
    ) -> Operation: ...

@final
class Answer:
    def give(self, document: str, made: object = None) -> None: ...
    def fail(self, error: str) -> None: ...

@final
class LentDriver:
    @property
    def id(self) -> str: ...
    @property
    def capability(self) -> str: ...
    def call(
        self,
        method: str,
        arguments: str,
        done: Callable[[Optional[str], Optional[EncoderError]], object],
    ) -> Operation: ...

@final
class Simulator:
    def __new__(cls, plan: str) -> Simulator: ...
    def start(
        self, done: Callable[[Optional[bool], Optional[EncoderError]], object]
    ) -> Operation: ...
    def stop(
        self, done: Callable[[Optional[bool], Optional[EncoderError]], object]
    ) -> Operation: ...
    def ask(self, name: str, arguments: str) -> str: ...

def check(
    suite: str,
    item: str,
    make: object,
    event_loop: object,
    done: Callable[[Optional[str], Optional[EncoderError]], object],
) -> Operation: ...
def compute(name: str, arguments: str) -> str: ...
def end_process() -> None: ...
def nothing(
    done: Callable[[Optional[str], Optional[EncoderError]], object],
) -> Operation: ...

__all__ = [
    "ACTS",
    "BALANCER_ITEMS",
    "COMPUTATIONS",
    "DRIVER_ITEMS",
    "HEALTH_ITEMS",
    "READS",
    "REMEDIATION_ITEMS",
    "Answer",
    "Feed",
    "LentDriver",
    "Manager",
    "Operation",
    "Simulator",
    "__version__",
    "check",
    "compute",
    "end_process",
    "nothing",
]
