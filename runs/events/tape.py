"""The newest events of one run in the memory of a process, and who reads them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings

from common.sse import StreamEvent
from runs import metrics
from runs.events.ids import START, IdClock, Position, number_of, position_of, wire_id
from runs.events.reader import Reader

# What a tape keeps of events that a store has too.
KEPT_BYTES = 2_000_000
# What an event takes in memory beside its data: of a token, that is most of it.
EVENT_BYTES = 250


class Tape:
    """Events of a run from `floor` on, in order; written on one thread, read on any.

    A reader holds an index that counts all events the tape ever had.
    """

    def __init__(self, run_id: UUID, floor: Position | None = START) -> None:
        self.run_id = run_id
        self.floor = floor
        """The last event that is in the store only; None while nobody has looked there."""
        self.begun_at: Position | None = floor
        """The newest event there was when the tape began."""
        self.readers: set[Reader] = set()
        self.is_moved = False
        """Whether the run goes on upon another tape."""
        self.closed_at: float | None = None
        self.output: bytes | None = None
        self.stored = 0
        """The index up to which a store has the events."""
        self._events: list[StreamEvent] = []
        self._sizes: list[int] = []
        self._dropped = 0
        self._dropped_bytes = 0
        self._lock = threading.Lock()

    def extend(self, events: Sequence[StreamEvent]) -> None:
        """Append events that have their ids."""
        with self._lock:
            total = self.bytes_written
            for event in events:
                total += EVENT_BYTES + len(event.data)
                self._sizes.append(total)
            self._events.extend(events)
        for reader in tuple(self.readers):
            if not reader.only_end:
                reader.wake()

    @property
    def bytes_written(self) -> int:
        return self._sizes[-1] if self._sizes else self._dropped_bytes

    @property
    def bytes_held(self) -> int:
        return self.bytes_written - self._dropped_bytes + len(self.output or b"")

    @property
    def end(self) -> int:
        """The index of the event that comes next."""
        return self._dropped + len(self._events)

    @property
    def last(self) -> Position | None:
        """The newest event's place; None while nobody has looked into the store."""
        with self._lock:
            return _position(self._events[-1]) if self._events else self.floor

    @property
    def is_over(self) -> bool:
        return self.closed_at is not None

    def index_after(self, position: Position) -> int | None:
        """Return where a reader goes on after an event; None when only the store knows."""
        with self._lock:
            if self.floor is None or position < self.floor:
                return None
            low, high = 0, len(self._events)
            while low < high:
                middle = (low + high) // 2
                if _position(self._events[middle]) <= position:
                    low = middle + 1
                else:
                    high = middle
            return self._dropped + low

    def since(self, index: int) -> list[StreamEvent] | None:
        """Return the events from an index on; None when some of them are in the store only."""
        with self._lock:
            return self._events[index - self._dropped :] if index >= self._dropped else None

    def between(self, start: int, end: int) -> list[StreamEvent]:
        """Return the events from one index to another, as far as they are here."""
        with self._lock:
            first = max(0, start - self._dropped)
            return self._events[first : max(first, end - self._dropped)]

    def begin_at(self, position: Position) -> None:
        """Take over from the store after an event."""
        with self._lock:
            self.floor = self.begun_at = position
        self.wake()

    def bytes_behind(self, index: int) -> int:
        """Return how far a reader is behind, the newest event apart: that may be of any size."""
        with self._lock:
            newest, at = len(self._sizes) - 1, index - self._dropped
            is_at_start = at == 0 and self.floor == START
            if is_at_start or not 0 <= at < newest:
                return 0
            return self._sizes[newest - 1] - (self._sizes[at - 1] if at else self._dropped_bytes)

    def trim(self, keep_bytes: int, *, up_to: int | None = None) -> None:
        """Drop the oldest events beyond so many bytes, only such as a store has."""
        if self.bytes_held <= keep_bytes:
            return
        with self._lock:
            beyond = self.bytes_written - keep_bytes
            count, limit = 0, (self.stored if up_to is None else up_to) - self._dropped
            while count < min(limit, len(self._events)) and self._sizes[count] <= beyond:
                count += 1
            if not count:
                return
            self.floor = _position(self._events[count - 1])
            self._dropped_bytes = self._sizes[count - 1]
            self._dropped += count
            del self._events[:count]
            del self._sizes[:count]

    def end_with(self, output: bytes | None) -> None:
        if self.closed_at is None:
            self.output = output
            self.closed_at = time.monotonic()
        self.wake()

    def move(self) -> None:
        """Send the readers to the tape that is there now."""
        self.is_moved = True
        self.wake()

    def wake(self) -> None:
        for reader in tuple(self.readers):
            reader.wake()


class WrittenTape(Tape):
    """The tape of an attempt that this process executes."""

    def __init__(self, run_id: UUID, thread_id: UUID, attempt: int, claimed_at: datetime) -> None:
        # What earlier attempts have said is in the store.
        super().__init__(run_id, floor=START if attempt <= 1 else (attempt, 0))
        self.thread_id = thread_id
        self.attempt = attempt
        self.kept_output: bytes | None = None
        """What `wait` answers anywhere, for a run whose thread goes with it."""
        self.has_output_to_store = False
        self.is_settling = False
        """Whether the statement that settles the run stores what is not stored yet."""
        self._ids = IdClock(attempt, claimed_at)

    def append(self, batch: Sequence[tuple[str, bytes]]) -> None:
        """Append events, each a name and one line of JSON, giving them their ids."""
        metrics.EVENTS.inc(len(batch))
        metrics.EVENT_BYTES.inc(sum(len(data) for _, data in batch))
        # orjson's bytes keep their whole buffer, several times what they hold: copy them.
        self.extend(
            [
                StreamEvent(id=self.next_id(), event=name, data=bytes(memoryview(data)))
                for name, data in batch
            ]
        )

    def keep_output(self, output: bytes) -> None:
        """Have the store keep what the run has come to, after its events."""
        self.kept_output = output
        self.has_output_to_store = True

    def rewind(self, position: Position) -> None:
        """Have the store no more than what is up to an event."""
        self.stored = self.index_after(position) or 0
        self.has_output_to_store = self.kept_output is not None

    def next_id(self) -> str:
        return wire_id(self._ids.next_number())


def is_too_far_behind(tape: Tape, index: int) -> bool:
    return tape.bytes_behind(index) > settings.STREAM_READER_LAG_MB * 1_000_000


def _position(event: StreamEvent) -> Position:
    return position_of(number_of(event.id))
