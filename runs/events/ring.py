"""The tapes of a process: of runs it executes, of those it has executed, and copies of others."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings

from runs.events.reader import Reader
from runs.events.tape import Tape, WrittenTape


class Ring:
    """Tapes by run. Those of ended runs are kept for late joiners, within bounds."""

    def __init__(self) -> None:
        self._tapes: dict[UUID, Tape] = {}
        self._closed: deque[tuple[Tape, int]] = deque()
        """With what each weighed when it ended."""
        self._closed_bytes = 0
        self._lock = threading.Lock()

    def get(self, run_id: UUID) -> Tape | None:
        return self._tapes.get(run_id)

    def is_copied(self, run_id: UUID) -> bool:
        """Tell whether readers here follow a run that is executed elsewhere, or not yet."""
        tape = self._tapes.get(run_id)
        return tape is not None and not isinstance(tape, WrittenTape)

    def put(self, tape: Tape) -> None:
        """Take a tape; readers of the one that was there go on upon it."""
        with self._lock:
            before = self._tapes.get(tape.run_id)
            self._tapes[tape.run_id] = tape
        if before is not None:
            before.move()

    def drop(self, tape: Tape) -> None:
        """Forget a tape; its readers look for the run elsewhere."""
        with self._lock:
            if self._tapes.get(tape.run_id) is tape:
                del self._tapes[tape.run_id]
        tape.move()

    def close(self, tape: Tape, output: bytes | None) -> None:
        """End a tape, with what `wait` answers."""
        if tape.is_over or tape.is_moved:
            return
        tape.end_with(output)
        with self._lock:
            self._closed.append((tape, tape.bytes_held))
            self._closed_bytes += tape.bytes_held
            self._forget_old()

    @contextmanager
    def reading(self, run_id: UUID, reader: Reader, *, copies: bool) -> Iterator[Tape | None]:
        """Lend the tape of a run to a reader; with `copies`, one to be filled from the store."""
        with self._lock:
            tape = self._tapes.get(run_id)
            if tape is None and copies:
                tape = self._tapes[run_id] = Tape(run_id, floor=None)
            if tape is not None:
                tape.readers.add(reader)
        if tape is None:
            yield None
            return
        try:
            yield tape
        finally:
            reader.close()
            self._leave(tape, reader)

    def _leave(self, tape: Tape, reader: Reader) -> None:
        with self._lock:
            tape.readers.discard(reader)
            is_unused = not tape.readers and not isinstance(tape, WrittenTape)
            if is_unused and self._tapes.get(tape.run_id) is tape:
                del self._tapes[tape.run_id]

    def copies(self) -> list[Tape]:
        """Return the tapes of runs that are executed elsewhere, or not yet."""
        with self._lock:
            tapes = list(self._tapes.values())
        return [tape for tape in tapes if not isinstance(tape, WrittenTape) and not tape.is_over]

    def written(self) -> list[WrittenTape]:
        with self._lock:
            return [tape for tape in self._tapes.values() if isinstance(tape, WrittenTape)]

    def held(self) -> tuple[int, int]:
        with self._lock:
            tapes = list(self._tapes.values())
        return sum(len(tape.readers) for tape in tapes), sum(tape.bytes_held for tape in tapes)

    def forget_old(self) -> None:
        """Drop tapes past their retention, and the oldest ended ones above the ring's size."""
        with self._lock:
            self._forget_old()

    def _forget_old(self) -> None:
        limit = settings.EVENT_RING_MB * 1_000_000
        expired = time.monotonic() - settings.EVENT_RETENTION_SECONDS
        # They have yet to be told what their run came to.
        being_read: list[tuple[Tape, int]] = []
        while self._closed:
            tape, weight = self._closed[0]
            assert tape.closed_at is not None
            is_within = self._closed_bytes <= limit or len(self._closed) == 1
            if tape.closed_at > expired and is_within:
                break
            self._closed.popleft()
            if tape.readers:
                being_read.append((tape, weight))
                continue
            self._closed_bytes -= weight
            if self._tapes.get(tape.run_id) is tape:
                del self._tapes[tape.run_id]
        self._closed.extendleft(reversed(being_read))
