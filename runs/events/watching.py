"""Who waits for something to happen on a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from runs.events.reader import Reader


class Watch(Reader):
    """One who is woken when a run begins upon a thread, or its state is written."""

    def __init__(self) -> None:
        super().__init__()
        self.is_written = False
        """Whether the state was written since somebody looked."""

    def take_written(self) -> bool:
        was_written, self.is_written = self.is_written, False
        return was_written


class Watches:
    """Watches by their thread; woken from any thread of the process."""

    def __init__(self) -> None:
        self._watches: dict[UUID, set[Watch]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def watching(self, thread_id: UUID) -> Iterator[Watch]:
        watch = Watch()
        with self._lock:
            self._watches.setdefault(thread_id, set()).add(watch)
        try:
            yield watch
        finally:
            watch.close()
            with self._lock:
                watches = self._watches[thread_id]
                watches.discard(watch)
                if not watches:
                    del self._watches[thread_id]

    def wake(self, thread_id: UUID, *, is_written: bool = False) -> None:
        if not self._watches:
            return
        with self._lock:
            watches = tuple(self._watches.get(thread_id, ()))
        for watch in watches:
            watch.is_written = watch.is_written or is_written
            watch.wake()

    def wake_all(self) -> None:
        with self._lock:
            watches = [watch for watches in self._watches.values() for watch in watches]
        for watch in watches:
            watch.wake()
