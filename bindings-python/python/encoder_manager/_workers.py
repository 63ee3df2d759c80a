"""Where the code of callbacks runs: daemon threads for plain functions, and a loop without a program.

Not :class:`concurrent.futures.ThreadPoolExecutor`: it joins its threads when the interpreter exits, and
a driver that waits for a dead device would keep the program from ending.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import Callable, Optional

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
        if not self._idle.acquire(blocking=False):
            threading.Thread(target=self._run, args=(work,), name="encoder-callback", daemon=True).start()
            return
        self._waiting.put(work)

    def _run(self, first: Work) -> None:
        work: Optional[Work] = first
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


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, name="encoder-callback-loop", daemon=True).start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            self._wind_up()
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()

    def _wind_up(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())

    def stop(self) -> None:
        """Cancels what runs in it and ends the thread, soon."""
        self.loop.call_soon_threadsafe(self.loop.stop)
