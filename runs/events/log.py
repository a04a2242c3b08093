"""A run's output, from one writer to any number of readers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol
from uuid import UUID

from common.sse import StreamEvent


class ReaderTooSlow(Exception):
    """The reader fell too far behind and loses its connection; the run goes on."""


class EventLog(Protocol):
    """Events ordered by (attempt, seq) within a run, announced at once and kept for a while."""

    def open(self, run_id: UUID) -> None:
        """Begin the log of a run; readers may follow from now on."""

    def publish(self, run_id: UUID, batch: Sequence[tuple[str, bytes]]) -> None:
        """Append events, each a name and one line of JSON; ids are given here."""

    def close(self, run_id: UUID, output: bytes | None = None) -> None:
        """End the log, with what `wait` answers; following readers come to their end."""

    def output(self, run_id: UUID) -> bytes | None:
        """Return what `close` was given, while the log is kept."""

    def holds(self, run_id: UUID) -> bool:
        """Tell whether this process has the log of a run."""

    def follow(
        self, run_id: UUID, *, after: str | None, idle_seconds: float
    ) -> AsyncIterator[Sequence[StreamEvent]]:
        """Yield what there is after an id, then what comes, none twice and none left out.

        `after` is an event's id, `-1` for all, or None for what comes from now on. Yields an
        empty batch after each `idle_seconds` of silence; ends when the log is closed.
        Raises ReaderTooSlow.
        """
        ...
