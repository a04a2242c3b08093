"""Who waits for something to happen on a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from runs.events.tape import Reader


class Watches:
    """Readers by the thread they watch; woken from any thread."""

    def __init__(self) -> None:
        self._readers: dict[UUID, set[Reader]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def watching(self, thread_id: UUID) -> Iterator[Reader]:
        reader = Reader()
        with self._lock:
            self._readers.setdefault(thread_id, set()).add(reader)
        try:
            yield reader
        finally:
            with self._lock:
                readers = self._readers[thread_id]
                readers.discard(reader)
                if not readers:
                    del self._readers[thread_id]

    def wake(self, thread_id: UUID) -> None:
        if not self._readers:
            return
        with self._lock:
            readers = tuple(self._readers.get(thread_id, ()))
        for reader in readers:
            reader.wake()

    def wake_all(self) -> None:
        with self._lock:
            readers = [reader for readers in self._readers.values() for reader in readers]
        for reader in readers:
            reader.wake()
