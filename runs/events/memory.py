"""The in-process log: one tape per run, kept for late joiners after the run has ended."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings

from common.sse import StreamEvent
from runs import metrics
from runs.events.log import ReaderTooSlow

_ID = re.compile(r"(\d{1,18})-(\d{1,9})")


class _Reader:
    """One follower, woken on its own loop once per batch, however many events it has."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._called = False

    def wake(self) -> None:
        if self._called or self._loop.is_closed():
            return
        self._called = True
        # The reader's loop may close between the question and the call.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)

    async def woken(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        return True

    def rearm(self) -> None:
        """Ask to be woken again; call it before looking at the tape."""
        self._event.clear()
        self._called = False


@dataclass(slots=True)
class _Tape:
    events: list[StreamEvent] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    """Bytes up to and with each event."""
    readers: set[_Reader] = field(default_factory=set)
    last: tuple[int, int] = (0, -1)
    closed_at: float | None = None
    output: bytes | None = None

    def next_id(self) -> str:
        now = time.time_ns() // 1_000_000
        milliseconds, n = self.last
        self.last = (now, 0) if now > milliseconds else (milliseconds, n + 1)
        return f"{self.last[0]}-{self.last[1]}"

    def position_after(self, event_id: str | None) -> int:
        if event_id is None:
            return len(self.events)
        wanted = _parsed(event_id)
        low, high = 0, len(self.events)
        while low < high:
            middle = (low + high) // 2
            if _parsed(self.events[middle].id) <= wanted:
                low = middle + 1
            else:
                high = middle
        return low

    def bytes_behind(self, position: int) -> int:
        """Return how far a reader is behind, the newest event apart: that may be of any size."""
        newest = len(self.size) - 1
        return self.size[newest - 1] - self.size[position - 1] if 0 < position < newest else 0


class MemoryEventLog:
    """Tapes of the runs of this process; written on one thread, read on any loop."""

    def __init__(self) -> None:
        self._tapes: dict[UUID, _Tape] = {}
        self._closed: deque[UUID] = deque()
        self._closed_bytes = 0
        self._lock = threading.Lock()

    def open(self, run_id: UUID) -> None:
        self._tapes.setdefault(run_id, _Tape())

    def publish(self, run_id: UUID, batch: Sequence[tuple[str, bytes]]) -> None:
        tape = self._tapes[run_id]
        for name, data in batch:
            # orjson's bytes keep their whole buffer, several times what they hold: copy them.
            event = StreamEvent(id=tape.next_id(), event=name, data=bytes(memoryview(data)))
            tape.size.append((tape.size[-1] if tape.size else 0) + len(data))
            tape.events.append(event)
            metrics.EVENT_BYTES.inc(len(data))
        metrics.EVENTS.inc(len(batch))
        _wake(tape)

    def close(self, run_id: UUID, output: bytes | None = None) -> None:
        tape = self._tapes.get(run_id)
        if tape is None or tape.closed_at is not None:
            return
        tape.output = output
        tape.closed_at = time.monotonic()
        with self._lock:
            self._closed.append(run_id)
            self._closed_bytes += _weight(tape)
            self._forget_old()
        _wake(tape)

    def output(self, run_id: UUID) -> bytes | None:
        tape = self._tapes.get(run_id)
        return tape.output if tape else None

    def holds(self, run_id: UUID) -> bool:
        return run_id in self._tapes

    def open_runs(self) -> list[UUID]:
        """Return the runs whose log has not been closed."""
        tapes = tuple(self._tapes.items())
        return [run_id for run_id, tape in tapes if tape.closed_at is None]

    def held(self) -> tuple[int, int]:
        """Return how many readers there are, and how many bytes; from any thread."""
        tapes = tuple(self._tapes.values())
        return sum(len(tape.readers) for tape in tapes), sum(map(_weight, tapes))

    async def follow(
        self, run_id: UUID, *, after: str | None, idle_seconds: float
    ) -> AsyncIterator[Sequence[StreamEvent]]:
        tape = self._tapes.get(run_id)
        if tape is None:
            return
        position = tape.position_after(after)
        reader = _Reader()
        tape.readers.add(reader)
        try:
            while True:
                reader.rearm()
                ended = tape.closed_at is not None
                batch = tape.events[position:]
                if batch:
                    _check_lag(tape, position, ended=ended)
                    position += len(batch)
                    yield batch
                elif ended:
                    return
                elif not await reader.woken(idle_seconds):
                    yield ()
        finally:
            tape.readers.discard(reader)

    def forget_old(self) -> None:
        """Drop tapes past their retention, and the oldest ended ones above the ring's size."""
        with self._lock:
            self._forget_old()

    def _forget_old(self) -> None:
        limit = settings.EVENT_RING_MB * 1_000_000
        expired = time.monotonic() - settings.EVENT_RETENTION_SECONDS
        # They have yet to be told what their run came to, and a stateless one has no record.
        being_read: list[UUID] = []
        while self._closed:
            tape = self._tapes[self._closed[0]]
            assert tape.closed_at is not None
            is_within = self._closed_bytes <= limit or len(self._closed) == 1
            if tape.closed_at > expired and is_within:
                break
            run_id = self._closed.popleft()
            if tape.readers:
                being_read.append(run_id)
                continue
            self._closed_bytes -= _weight(tape)
            del self._tapes[run_id]
        self._closed.extendleft(reversed(being_read))


def _weight(tape: _Tape) -> int:
    return (tape.size[-1] if tape.size else 0) + len(tape.output or b"")


def _wake(tape: _Tape) -> None:
    for reader in tuple(tape.readers):
        reader.wake()


def _check_lag(tape: _Tape, position: int, *, ended: bool) -> None:
    # A late joiner reads a whole tape at its own pace; only a live reader can hold up memory.
    if not ended and tape.bytes_behind(position) > settings.STREAM_READER_LAG_MB * 1_000_000:
        raise ReaderTooSlow


def _parsed(event_id: str) -> tuple[int, int]:
    """Read `<ms>-<n>`; anything else, as `-1`, stands before the first event."""
    found = _ID.fullmatch(event_id)
    return (int(found[1]), int(found[2])) if found else (-1, -1)
