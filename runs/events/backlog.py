"""What a process has yet to write into the store, gathered from any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TypeVar
from uuid import UUID

from runs.events.ids import number_of
from runs.events.store import CHUNK_BYTES, Chunk, encoded
from runs.events.tape import WrittenTape

T = TypeVar("T")


@dataclass(slots=True)
class Wait:
    """A run that is about to settle, and waits for its events to be stored."""

    tape: WrittenTape
    done: Future[None] = field(default_factory=Future)


@dataclass(slots=True)
class Batch:
    """What one flush writes."""

    tapes: set[WrittenTape] = field(default_factory=set)
    waits: list[Wait] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    ended: set[UUID] = field(default_factory=set)

    def outputs(self) -> set[WrittenTape]:
        """Return the tapes whose output is written by this flush."""
        return {tape for tape in self._all_tapes() if tape.has_output_to_store}

    def ends(self) -> dict[WrittenTape, int]:
        """Return how far each tape is written by this flush."""
        return {tape: tape.end for tape in self._all_tapes()}

    def chunks(self, ends: dict[WrittenTape, int], outputs: Iterable[WrittenTape]) -> list[Chunk]:
        chunks = [chunk for tape, end in ends.items() for chunk in _chunks(tape, end)]
        return chunks + [_output_chunk(tape) for tape in outputs]

    def _all_tapes(self) -> set[WrittenTape]:
        return {*self.tapes, *(wait.tape for wait in self.waits)}


class Backlog:
    """Tapes with new events, runs that wait for theirs, and words to be announced."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = Batch()
        self.since = 0.0
        """When the first of it came."""

    def __bool__(self) -> bool:
        return bool(self._next.tapes or self._next.words)

    @property
    def is_awaited(self) -> bool:
        return bool(self._next.waits)

    def has(self, tape: WrittenTape) -> bool:
        return tape in self._next.tapes

    def add(self, tapes: Iterable[WrittenTape]) -> bool:
        """Add tapes; True when there was nothing before them."""
        with self._lock:
            is_first = self._begin()
            self._next.tapes.update(tapes)
        return is_first

    def leave(self, tape: WrittenTape) -> None:
        """Leave a tape's events to whoever stores them otherwise."""
        with self._lock:
            self._next.tapes.discard(tape)

    def add_wait(self, wait: Wait) -> None:
        with self._lock:
            self._next.waits.append(wait)

    def add_words(self, words: Iterable[str], ended: Iterable[UUID] = ()) -> bool:
        """Add words; True when there was nothing before them."""
        with self._lock:
            is_first = self._begin()
            self._next.words.update(words)
            self._next.ended.update(ended)
        return is_first

    def take(self) -> Batch:
        with self._lock:
            taken, self._next = self._next, Batch()
        return taken

    def take_waits(self) -> list[Wait]:
        with self._lock:
            waits, self._next.waits = self._next.waits, []
        return waits

    def put_back(self, batch: Batch) -> None:
        """Keep for the next flush what could not be written."""
        with self._lock:
            self._next.tapes |= batch.tapes
            self._next.waits[:0] = batch.waits
            self._next.words |= batch.words
            self._next.ended |= batch.ended

    def tapes(self) -> tuple[WrittenTape, ...]:
        with self._lock:
            return tuple(self._next.tapes)

    def _begin(self) -> bool:
        is_first = not self
        if is_first:
            self.since = time.monotonic()
        return is_first


def unstored(tape: WrittenTape) -> list[Chunk]:
    """Return all that a tape has and no store."""
    chunks = _chunks(tape, tape.end)
    if not tape.has_output_to_store:
        return chunks
    if not chunks:
        return [_output_chunk(tape)]
    return [*chunks[:-1], replace(chunks[-1], output=tape.kept_output)]


def _chunks(tape: WrittenTape, end: int) -> list[Chunk]:
    """Return what a tape has beyond what is stored, in chunks of a bounded size."""
    events = tape.between(tape.stored, end)
    chunks, begun, size = [], 0, 0
    for number, event in enumerate(events, start=1):
        size += len(event.data)
        if size >= CHUNK_BYTES or number == len(events):
            part = events[begun:number]
            chunks.append(
                Chunk(
                    run_id=tape.run_id,
                    attempt=tape.attempt,
                    last=number_of(part[-1].id),
                    body=encoded(part),
                )
            )
            begun, size = number, 0
    return chunks


def _output_chunk(tape: WrittenTape) -> Chunk:
    return Chunk(
        run_id=tape.run_id,
        attempt=tape.attempt,
        last=number_of(tape.next_id()),
        body=b"",
        output=tape.kept_output,
    )


def resolve(future: Future[T], value: T) -> None:
    """Answer who waits; who asked may have left."""
    if future.set_running_or_notify_cancel():
        future.set_result(value)
