"""A run's output, from one writer to any number of readers in any process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from common.sse import StreamEvent
from runs.events.ids import START, Position, number_of, position_of, read_position
from runs.events.pump import Pump
from runs.events.reader import Reader
from runs.events.ring import Ring
from runs.events.store import Chunk, EventStore
from runs.events.tape import Tape, WrittenTape, is_too_far_behind
from runs.events.watching import Watches


class ReaderTooSlow(Exception):
    """The reader fell too far behind and loses its connection; the run goes on."""


class Writer:
    """Where one attempt of a run publishes. Used on the loop that executes it."""

    def __init__(self, tape: WrittenTape, ring: Ring, pump: Pump | None) -> None:
        self._tape = tape
        self._ring = ring
        self._pump = pump

    @property
    def is_refused(self) -> bool:
        """Tell whether the attempt has lost its lease, and what it publishes is dropped."""
        return self._tape.is_moved

    def publish(self, batch: Sequence[tuple[str, bytes]]) -> None:
        """Append events, each a name and one line of JSON; their ids are given here."""
        if self._tape.is_moved:
            return
        self._tape.append(batch)
        if self._pump:
            self._pump.soil(self._tape)

    async def last_words(self, output: bytes | None = None) -> Chunk | None:
        """Return what is to be stored by the statement that settles the run.

        All else is stored by then, with `output`, what `wait` answers, if that is given: who reads
        elsewhere ends when the run does.
        """
        if self._pump is None or self._tape.is_moved:
            return None
        return await self._pump.last_words(self._tape, output)

    async def stored(self) -> None:
        """Return when everything published is stored."""
        if self._pump and not self._tape.is_moved:
            await self._pump.stored(self._tape)

    def close(self, output: bytes | None = None) -> None:
        """End the log after the run has settled, with what `wait` answers here."""
        self._ring.close(self._tape, output)
        if self._pump:
            self._pump.tell_ended([self._tape.run_id])

    def release(self) -> None:
        """Leave a log that was not closed to another attempt, in any process."""
        if not self._tape.is_over:
            self._ring.drop(self._tape)


class EventLog:
    """The events of all runs: this process's from memory, others from a store they share.

    Events are ordered by (attempt, seq) within a run, announced at once and kept for a while.
    Without a store there are no other processes.
    """

    def __init__(self, store: EventStore | None = None) -> None:
        self.ring = Ring()
        self.watches = Watches()
        self._pump = Pump(self.ring, store, self.watches) if store else None

    def start(self) -> None:
        if self._pump:
            self._pump.start()

    def stop(self) -> None:
        """Store what is left."""
        if self._pump:
            self._pump.stop()

    def open(self, run_id: UUID, *, thread_id: UUID, attempt: int, claimed_at: datetime) -> Writer:
        """Begin the log of an attempt; `claimed_at` is the database's clock."""
        tape = WrittenTape(run_id, thread_id, attempt, claimed_at)
        self.ring.put(tape)
        if self._pump:
            self._pump.tell_begun(thread_id)
        return Writer(tape, self.ring, self._pump)

    def tell_ended(self, run_ids: Iterable[UUID]) -> None:
        """Have readers everywhere look whether runs have ended, as after a cancel."""
        if self._pump:
            self._pump.tell_ended(run_ids)

    def output_here(self, run_id: UUID) -> bytes | None:
        """Return what `wait` answers of a run that ended in this process a while ago."""
        tape = self.ring.get(run_id)
        return tape.output if tape else None

    async def output(self, run_id: UUID) -> bytes | None:
        """Return what `wait` answers of a run whose thread has gone with it."""
        return await self._pump.ask(lambda store: store.output(run_id)) if self._pump else None

    def tell_state(self, thread_id: str) -> None:
        """Wake those who want to know that the state of a thread was written."""
        self.watches.wake(UUID(thread_id), is_written=True)

    async def last(self, run_id: UUID) -> Position | None:
        """Return where the newest event of a run stands, if any is kept."""
        tape = self.ring.get(run_id)
        if isinstance(tape, WrittenTape) and tape.end:
            return tape.last
        if self._pump is None:
            return None
        return (await self._pump.ask(lambda store: store.last([run_id]))).get(run_id)

    async def keeps(self, run_id: UUID) -> bool:
        """Tell whether there is anything yet of what a run said."""
        if self.ring.get(run_id) is not None:
            return True
        return bool(self._pump and await self._pump.ask(lambda store: store.last([run_id])))

    def held(self) -> tuple[int, int]:
        """Return how many readers there are, and how many bytes; from any thread."""
        return self.ring.held()

    async def follow(
        self, run_id: UUID, *, after: str | None, idle_seconds: float
    ) -> AsyncIterator[Sequence[StreamEvent]]:
        """Yield what there is after an id, then what comes, none twice and none left out.

        `after` is an event's id, `-1` for all, or None for what comes from now on. Yields an
        empty batch after each `idle_seconds` of silence; ends when the run has. Raises
        ReaderTooSlow.
        """
        cursor = None if after is None else read_position(after) or START
        is_over, is_first = False, True
        while not is_over:
            reader = Reader()
            with self.ring.reading(run_id, reader, copies=self._pump is not None) as tape:
                if tape is None:
                    return
                if cursor is None and not is_first:
                    # It moved here before anybody knew what there was: all of it is new.
                    cursor = tape.floor
                is_first = False
                following = _Following(tape, reader, self._pump, cursor)
                async for batch in following.batches(idle_seconds):
                    yield batch
                cursor, is_over = following.cursor, not tape.is_moved

    async def silences(self, run_id: UUID, *, seconds: float) -> AsyncIterator[None]:
        """Yield after each so many seconds until the run has ended, whatever it says meanwhile."""
        reader, is_over = Reader(only_end=True), False
        while not is_over:
            with self.ring.reading(run_id, reader, copies=self._pump is not None) as tape:
                if tape is None:
                    return
                if self._pump and tape.floor is None:
                    self._pump.look_at(tape)
                async for _ in reader.silences(tape, seconds):
                    yield
                is_over = not tape.is_moved


class _Following:
    """One reader upon one tape."""

    def __init__(
        self, tape: Tape, reader: Reader, pump: Pump | None, cursor: Position | None
    ) -> None:
        self.cursor = tape.last if cursor is None else cursor
        """The last event that was read; None before the first, for what comes from now on."""
        self._tape = tape
        self._reader = reader
        self._pump = pump
        self._index: int | None = None
        if pump and tape.floor is None:
            pump.look_at(tape)

    async def batches(self, idle_seconds: float) -> AsyncIterator[Sequence[StreamEvent]]:
        """Yield until the tape has ended, or the run has moved to another."""
        tape = self._tape
        while True:
            self._reader.rearm()
            ended = tape.is_over or tape.is_moved
            found = self._found()
            if found:
                self._check_lag(ended=ended)
                if news := self._advance(found):
                    yield news
            elif found is None and tape.floor is not None:
                page = await self._page(tape.floor, idle_seconds)
                if page is not None:
                    yield page
            elif ended:
                return
            elif not await self._reader.woken(idle_seconds):
                yield ()

    def _found(self) -> list[StreamEvent] | None:
        """Return what the tape has; None when it is to be read from the store."""
        if self._index is None:
            if self.cursor is None:
                # It came before anybody knew what there was.
                self.cursor = self._tape.begun_at
            if self.cursor is not None:
                self._index = self._tape.index_after(self.cursor)
        return None if self._index is None else self._tape.since(self._index)

    def _advance(self, found: list[StreamEvent]) -> list[StreamEvent]:
        """Go on behind what was found; returns what of it the reader has not had."""
        assert self._index is not None
        assert self.cursor is not None
        self._index += len(found)
        if _position(found[0]) <= self.cursor:
            # The store was emptied, and is being filled again from the start.
            found = [event for event in found if _position(event) > self.cursor]
        if found:
            self.cursor = _position(found[-1])
        return found

    async def _page(self, floor: Position, seconds: float) -> Sequence[StreamEvent] | None:
        """Read from the store what the tape has no more.

        None when that was all, nothing when the store is silent.
        """
        assert self._pump is not None
        assert self.cursor is not None
        self._index = None
        wanted = (self._tape.run_id, self.cursor)
        try:
            async with asyncio.timeout(seconds):
                (page,) = await self._pump.ask(lambda store: store.read([wanted]))
        except TimeoutError:
            return ()
        if not page.events:
            self.cursor = max(self.cursor, floor)
            return None
        self.cursor = _position(page.events[-1])
        return page.events

    def _check_lag(self, *, ended: bool) -> None:
        # A late joiner reads a whole tape at its own pace; only a live reader can hold up memory.
        assert self._index is not None
        if not ended and is_too_far_behind(self._tape, self._index):
            raise ReaderTooSlow


def _position(event: StreamEvent) -> Position:
    return position_of(number_of(event.id))
