from typing import Callable, List, Mapping, Optional, Tuple, final

from .errors import EncoderError

__version__: str
READS: Tuple[str, ...]
ACTS: Tuple[str, ...]
COMPUTATIONS: Tuple[str, ...]

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

def compute(name: str, arguments: str) -> str: ...
def end_process() -> None: ...

__all__ = [
    "ACTS",
    "COMPUTATIONS",
    "READS",
    "Feed",
    "Manager",
    "Operation",
    "__version__",
    "compute",
    "end_process",
]
