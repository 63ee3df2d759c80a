"""When a request is made again."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Optional

__all__ = ["RetryPolicy"]


@dataclass(frozen=True)
class RetryPolicy:
    """When a request is made again, and how long the client waits before.

    Only requests that have the same effect twice are repeated: those that read, those that set a
    state, and those that carry an idempotency key. They are when the server did not answer, or
    asked to come again (429, 503). Everything else is told to the caller at once.
    """

    attempts: int = 4
    """How often a request is made at most; 1 never repeats."""
    first_wait: float = 0.25
    """Longest wait before the first repetition, in seconds. It doubles each time, and the wait is
    drawn between nothing and it, so that clients do not come back all at once."""
    longest_wait: float = 30.0
    """Longest wait in seconds. A server that asks for a longer one with ``Retry-After`` is not
    asked again."""

    def wait(
        self, made: int, retry_after: Optional[float], draw: Optional[float] = None
    ) -> Optional[float]:
        """Seconds to wait after so many attempts; ``None`` to give up.

        ``draw`` is a random number from 0 to 1.
        """
        if made >= self.attempts:
            return None
        drawn = random.random() if draw is None else draw
        if retry_after is None:
            return drawn * min(self.first_wait * 2.0 ** (made - 1), self.longest_wait)
        # Not before the server said, and not together with everybody whom it told the same.
        wait = retry_after + drawn * self.first_wait
        return wait if retry_after <= self.longest_wait else None


def read_retry_after(header: Optional[str], now: Optional[float] = None) -> Optional[float]:
    """Seconds that a ``Retry-After`` header names, by number or date; ``None`` if it names none."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = parsedate_to_datetime(header).timestamp()
        except (TypeError, ValueError):
            return None
        seconds = moment - (time.time() if now is None else now)
    return max(seconds, 0.0) if seconds == seconds and seconds != float("inf") else None
