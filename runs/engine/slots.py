"""The slots of one process, and what a run does with its own while it waits for another.

A graph may start runs of this server and wait for them. With every slot taken by runs that wait
for runs without a slot, nothing would ever go on; so a run that follows another gives its slot
back for that long.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings


class Slots:
    """How many runs may execute at once; to be counted from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.total = self._free = settings.ENGINE_SLOTS

    def take(self, wanted: int) -> int:
        """Take up to `wanted` slots; return how many were to be had."""
        with self._lock:
            taken = max(0, min(wanted, self._free))
            self._free -= taken
        return taken

    def give_back(self, number: int) -> None:
        with self._lock:
            self._free += number

    def take_back(self) -> None:
        """Take one that was lent, be it free or not: its run goes on, and cannot wait."""
        with self._lock:
            self._free -= 1


class HeldSlot:
    """The slot of a run that is being executed."""

    def __init__(self, slots: Slots, on_free: Callable[[], None]) -> None:
        self._slots = slots
        self._on_free = on_free
        self._lock = threading.Lock()
        self._waits = 0
        """How many other runs this one is following."""

    def lend(self) -> None:
        with self._lock:
            self._waits += 1
            if self._waits > 1:
                return
            self._slots.give_back(1)
        self._on_free()

    def take_back(self) -> None:
        with self._lock:
            self._waits -= 1
            if self._waits == 0:
                self._slots.take_back()


held: ContextVar[HeldSlot | None] = ContextVar("held_slot", default=None)
"""The slot of the run in whose code this is; None outside of runs."""


@contextmanager
def lent() -> Iterator[None]:
    """Lend out the slot of the run that waits inside the block, if it is a run that does."""
    slot = held.get()
    if slot is None:
        yield
        return
    slot.lend()
    try:
        yield
    finally:
        slot.take_back()
