"""The event loop on which all of the user's code runs, in a thread of its own.

A graph that blocks in an async node stalls this loop, never the one that serves HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop
from django.conf import settings

from common import db
from store.backend import close_store
from store.embedding import embed_on

logger = logging.getLogger(__name__)

T = TypeVar("T")

TICK_SECONDS = 0.1
STALLED_SECONDS = 0.25
STOP_SECONDS = 5.0
# A CPU-bound node holds the interpreter this long before other threads get it.
SWITCH_SECONDS = 0.0005


class GraphLoop:
    """A thread that runs an event loop with a database pool of its own."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._ticked_at = time.monotonic()
        self._is_stopping = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="graphs", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Cancel what still runs, close the pool, and end the thread."""
        self._is_stopping = True
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            logger.warning("a node blocks the graph loop; it is left behind")

    def is_stalled(self) -> bool:
        """Tell whether a node has blocked the loop for longer than a moment."""
        return time.monotonic() - self._ticked_at > STALLED_SECONDS

    def lag_seconds(self) -> float:
        """Return for how long the loop has been kept from its next tick."""
        return max(0.0, time.monotonic() - self._ticked_at - TICK_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(db.pool(settings.DB_GRAPH_POOL_SIZE))
        self._tick()
        self.loop.call_soon(self._ready.set)
        self._run_until_stopped()
        self.loop.run_until_complete(_wind_up())
        self.loop.close()

    def _run_until_stopped(self) -> None:
        """Run the loop; a node that calls `sys.exit()` ends its run and nothing else."""
        while not self._is_stopping:
            try:
                self.loop.run_forever()
            except (SystemExit, KeyboardInterrupt):
                logger.warning("a graph asked the process to exit; only its run ends")

    def _tick(self) -> None:
        self._ticked_at = time.monotonic()
        self.loop.call_later(TICK_SECONDS, self._tick)


_current: GraphLoop | None = None


def start() -> GraphLoop:
    """Start the process's graph loop; its owner is the server or a command."""
    global _current  # noqa: PLW0603 -- the one loop of the process, with one owner
    assert _current is None, "the graph loop is started once"
    sys.setswitchinterval(SWITCH_SECONDS)
    _current = GraphLoop()
    _current.start()
    embed_on(_current.loop)
    return _current


def stop() -> None:
    global _current  # noqa: PLW0603 -- see start()
    if _current is not None:
        embed_on(None)
        _current.stop()
        _current = None


def current() -> GraphLoop:
    if _current is None:
        raise RuntimeError("The graph loop is not running in this process.")
    return _current


def loop_here() -> GraphLoop | None:
    """Return the graph loop, or None in a process that has none."""
    return _current


async def on_graph_loop(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` on the graph loop, from any loop; cancelling the wait cancels the work."""
    loop = current().loop
    if asyncio.get_running_loop() is loop:
        return await work
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


def call_on_graph_loop(work: Coroutine[Any, Any, T], *, seconds: float) -> T:
    """Wait for `work` from synchronous code (admin, commands); raises TimeoutError."""
    future = asyncio.run_coroutine_threadsafe(work, current().loop)
    try:
        return future.result(seconds)
    finally:
        future.cancel()


async def _wind_up() -> None:
    """Close what belongs to the loop, and end what graphs have left running."""
    me = asyncio.current_task()
    left = [task for task in asyncio.all_tasks() if task is not me]
    await close_store()
    await db.close_pool()
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=STOP_SECONDS)
    for task in left:
        # A failure for want of the pool is none; asyncio would report one that nobody looks at.
        if task.done() and not task.cancelled() and (failure := task.exception()) is not None:
            logger.info("left behind by a graph", exc_info=failure)
