"""What a log needs of the place that all processes share, and how events are written there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from common.sse import StreamEvent
from runs.events.ids import Position, number_of

# More than so much is written in several chunks, and read in several pages.
CHUNK_BYTES = 256_000
PAGE_BYTES = 1_000_000
PAGE_CHUNKS = 64


class StoreLost(Exception):
    """The store cannot be reached; what was asked of it is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some events of an attempt, one after the other: what one flush has to store of a run."""

    run_id: UUID
    attempt: int
    last: int
    """The number of its last event."""
    body: bytes
    output: bytes | None = None
    """What `wait` answers, for a run whose thread goes with it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a store has of a run after some event."""

    events: list[StreamEvent]
    has_more: bool
    is_over: bool
    """Whether the run had ended before the store was looked into."""


class EventStore(Protocol):
    """Events of all runs, for all processes. Called from one thread; raises StoreLost."""

    in_database: bool
    """Whether it is the database of the runs: a run waits for it before it settles, however long,
    and the statement that settles a run may store what it said last."""

    def listen(
        self, on_words: Callable[[Sequence[str]], object], on_gap: Callable[[], object]
    ) -> None:
        """Hand on what `append` is told to announce, anywhere; on a thread of its own."""

    def append(
        self, chunks: Sequence[Chunk], words: Collection[str], ended: Collection[UUID]
    ) -> set[tuple[UUID, int]]:
        """Write chunks and announce words; returns the attempts that may write no more.

        The events of `ended` runs are kept for EVENT_RETENTION_SECONDS from here on.
        """
        ...

    def read(self, wanted: Sequence[tuple[UUID, Position]]) -> list[Found]:
        """Return for each run the events after a position, up to a page."""
        ...

    def last(self, run_ids: Collection[UUID]) -> dict[UUID, Position]:
        """Return the newest event of each run that has any."""
        ...

    def output(self, run_id: UUID) -> bytes | None:
        """Return the output that a run's last chunk had."""
        ...

    def is_connected(self) -> bool:
        """Tell, from any thread, whether what was stored is there yet for all that is known."""
        ...

    def is_whole(self) -> bool:
        """Tell whether the store has kept what was written; False makes the log write again."""
        ...

    def close(self) -> None: ...


def encoded(events: Iterable[StreamEvent]) -> bytes:
    """Write events as two lines each: id and name, and the JSON, which has one line."""
    return b"\n".join(
        line
        for event in events
        for line in (f"{event.id} {_one_line(event.event)}".encode(), event.data)
    )


class Page:
    """The events of some chunks, each once, though what was in doubt be stored twice."""

    def __init__(self, after: Position, *, has_more: bool, is_over: bool) -> None:
        self.found = Found([], has_more=has_more, is_over=is_over)
        self._after = after

    def add(self, attempt: int, body: bytes) -> None:
        if not body:
            return
        lines = iter(body.split(b"\n"))
        for head, data in zip(lines, lines, strict=True):
            event_id, _, name = head.decode().partition(" ")
            position = (attempt, number_of(event_id))
            if position > self._after:
                self._after = position
                self.found.events.append(StreamEvent(id=event_id, event=name, data=data))


def _one_line(name: str) -> str:
    return name if "\n" not in name else name.replace("\n", " ")
