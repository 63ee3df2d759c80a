"""Daemon threads for plain functions.

Not :class:`concurrent.futures.ThreadPoolExecutor`: it joins its threads when the interpreter exits,
and a driver that waits for a dead device would keep the program from ending.
"""

from __future__ import annotations

import queue
import threading
from typing import Callable, List, Optional

Work = Callable[[], object]

# An idle thread ends after so many seconds.
IDLE = 10.0


class Workers:
    """Threads for plain functions: as many as are busy at once, ending when they are idle."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)

    def submit(self, work: Work) -> None:
        """Runs it soon in a thread. It must not raise.

        Raises ``RuntimeError`` when there is no thread for it.
        """
        if self._idle.acquire(blocking=False):
            self._waiting.put(work)
        else:
            name = "encoder-callback"
            threading.Thread(target=self._run, args=([work],), name=name, daemon=True).start()

    def _run(self, first: List[Work]) -> None:
        work: Optional[Work] = first.pop()
        while work is not None:
            work()
            # What it holds must not live on until the next one comes.
            work = None
            self._idle.release()
            work = self._next()

    def _next(self) -> Optional[Work]:
        while True:
            try:
                return self._waiting.get(timeout=IDLE)
            except queue.Empty:
                # Unless somebody counts on this thread, in which case work is about to come.
                if self._idle.acquire(blocking=False):
                    return None
