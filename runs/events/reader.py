"""Who follows a tape, woken on its own loop from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from runs.events.tape import Tape


class Reader:
    """One follower, woken once per batch, however many events it has.

    With `only_end` it is not woken by events, but by the end of the tape alone.
    """

    def __init__(self, *, only_end: bool = False) -> None:
        self.only_end = only_end
        self._loop = asyncio.get_running_loop()
        self._bell = _bell_of(self._loop)
        self._is_called = False
        self._is_awake = False
        self._waiter: asyncio.Future[bool] | None = None
        self._due = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        """Goes off when a wait may be over: one timer for many waits, of which few last."""

    def wake(self) -> None:
        """Wake it, from any thread."""
        if not self._is_called:
            self._is_called = True
            self._bell.ring(self)

    def hear(self) -> None:
        """Wake up; on its loop."""
        self._is_awake = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)

    async def woken(self, seconds: float) -> bool:
        """Return True once it is woken, or False after so many seconds."""
        if self._is_awake:
            return True
        self._waiter = self._loop.create_future()
        self._due = self._loop.time() + seconds
        if self._alarm is None or self._alarm.when() > self._due:
            self._set_alarm()
        try:
            return await self._waiter
        finally:
            self._waiter = None

    async def silences(self, tape: Tape, seconds: float) -> AsyncIterator[None]:
        """Yield after each so many seconds in which nothing woke it, until a tape has ended."""
        self.rearm()
        while not (tape.is_over or tape.is_moved):
            if not await self.woken(seconds):
                yield
            self.rearm()

    def rearm(self) -> None:
        """Ask to be woken again; call it before looking at the tape."""
        self._is_awake = False
        self._is_called = False

    def close(self) -> None:
        """Leave no timer behind."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _set_alarm(self) -> None:
        self.close()
        self._alarm = self._loop.call_at(self._due, self._go_off)

    def _go_off(self) -> None:
        self._alarm = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._due:
            self._set_alarm()
        else:
            self._waiter.set_result(False)


class _Bell:
    """Wakes the readers of a loop: one call of the loop for all that are rung for until then."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._call = loop.call_soon_threadsafe
        self._rung: list[Reader] = []
        self._lock = threading.Lock()

    def ring(self, reader: Reader) -> None:
        with self._lock:
            self._rung.append(reader)
            is_called = len(self._rung) > 1
        if not is_called:
            # A loop that is closed has nobody left to wake.
            with suppress(RuntimeError):
                self._call(self._wake)

    def _wake(self) -> None:
        with self._lock:
            rung, self._rung = self._rung, []
        for reader in rung:
            reader.hear()


_bells: WeakKeyDictionary[asyncio.AbstractEventLoop, _Bell] = WeakKeyDictionary()


def _bell_of(loop: asyncio.AbstractEventLoop) -> _Bell:
    bell = _bells.get(loop)
    if bell is None:
        bell = _bells[loop] = _Bell(loop)
    return bell
