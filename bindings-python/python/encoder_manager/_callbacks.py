"""An event loop in a thread of its own, for coroutines of a program that has none."""

from __future__ import annotations

import asyncio
import threading

# Longest wait for what still runs when the loop is told to stop.
PATIENCE = 5.0


class CallbackLoop:
    """The loop; it runs until it is stopped."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        # A daemon: a coroutine that hangs does not keep the program from ending.
        name = "encoder-manager-callbacks"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Cancels what runs, and ends the thread if that obeys."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()
