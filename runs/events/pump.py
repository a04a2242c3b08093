"""The thread between a process's tapes and the store that all processes share."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar
from uuid import UUID

from runs.events.backlog import Backlog, Batch, Wait, resolve, unstored
from runs.events.ids import START
from runs.events.pace import Pace
from runs.events.ring import Ring
from runs.events.store import Chunk, EventStore, StoreLost
from runs.events.tape import KEPT_BYTES, Tape, WrittenTape
from runs.events.watching import Watches

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Every followed run is looked at this often, whatever was announced.
CHECK_SECONDS = 5.0
RETRY_SECONDS = 0.5
# A store that was away or emptied is filled again by all processes within this time: each finds
# out at its next check.
REFILL_CHECKS = 2
# A run waits this long for a store that it can do without.
PATIENCE_SECONDS = 5.0
READ_AT_ONCE = 50
BEGINS = "t"
STOP_SECONDS = 5.0
# What a tape may hold that no store has: while one is away, memory must not grow without end.
UNSTORED_BYTES = 64_000_000


class Pump:
    """Writes what the tapes of this process have new, and fills the copies of others'."""

    def __init__(self, ring: Ring, store: EventStore, watches: Watches) -> None:
        self.watches = watches
        self._ring = ring
        self._store = store
        self.in_database = store.in_database
        self._stopping = False
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._backlog = Backlog()
        self._asked: deque[tuple[Callable[[EventStore], Any], Future[Any]]] = deque()
        self._named: set[UUID] = set()
        self._pace = Pace()
        self._checked_at = 0.0
        self._is_lost = False
        self._doubted_until = 0.0
        """Until when the store may lack what a run said that is over."""
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)

    def start(self) -> None:
        self._store.listen(self._on_words, self._on_gap)
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._thread.join(STOP_SECONDS)

    # --- from any thread ----------------------------------------------------

    def soil(self, tape: WrittenTape) -> None:
        """Have a tape's new events stored soon."""
        if not self._backlog.has(tape) and self._backlog.add([tape]):
            self._wake.set()

    async def last_words(self, tape: WrittenTape, output: bytes | None) -> Chunk | None:
        """Return what the statement that settles the run stores; what it cannot, is stored now."""
        if output is not None:
            tape.keep_output(output)
        if self.in_database:
            tape.is_settling = True
            self._backlog.leave(tape)
            if not self._store.is_connected():
                # A crash of the database takes what is newest.
                last = await self.ask(lambda store: store.last([tape.run_id]))
                tape.rewind(last.get(tape.run_id, START))
            rest = unstored(tape)
            if len(rest) <= 1:
                return rest[0] if rest else None
        await self.stored(tape)
        return None

    async def stored(self, tape: WrittenTape) -> None:
        tape.is_settling = False
        wait = Wait(tape)
        self._backlog.add_wait(wait)
        self._wake.set()
        patience = None if self.in_database else PATIENCE_SECONDS
        try:
            async with asyncio.timeout(patience):
                await asyncio.wrap_future(wait.done)
        except TimeoutError:
            logger.warning("settling without the store", extra={"run_id": str(tape.run_id)})

    def tell_ended(self, run_ids: Iterable[UUID]) -> None:
        if named := set(run_ids):
            self._name(named)
            is_first = self._backlog.add_words({run_id.hex for run_id in named}, ended=named)
            if is_first or any(map(self._ring.is_copied, named)):
                self._wake.set()

    def tell_begun(self, thread_id: UUID) -> None:
        # It is sent with the first events.
        if self._backlog.add_words({BEGINS + thread_id.hex}):
            self._wake.set()
        self.watches.wake(thread_id)

    def look_at(self, tape: Tape) -> None:
        self._name({tape.run_id})
        self._wake.set()

    def ask(self, question: Callable[[EventStore], T]) -> Awaitable[T]:
        """Have the store asked; waits for as long as it is away."""
        answer: Future[T] = Future()
        self._asked.append((question, answer))
        self._wake.set()
        return asyncio.wrap_future(answer)

    def _name(self, run_ids: set[UUID]) -> None:
        with self._lock:
            self._named |= run_ids

    def _on_words(self, words: Sequence[str]) -> None:
        begun = [word for word in words if word.startswith(BEGINS)]
        for word in begun:
            self.watches.wake(UUID(word[len(BEGINS) :]))
        named = {UUID(word) for word in words if not word.startswith(BEGINS)}
        if followed := {run_id for run_id in named if self._ring.is_copied(run_id)}:
            self._name(followed)
            self._wake.set()

    def _on_gap(self) -> None:
        self._checked_at = 0.0
        self.watches.wake_all()
        self._wake.set()

    # --- on its own thread --------------------------------------------------

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._pause())
            self._wake.clear()
            self._try_turn()
        self._try_turn(is_last=True)
        self._store.close()

    def _pause(self) -> float:
        if self._is_lost:
            return RETRY_SECONDS
        due = self._checked_at + CHECK_SECONDS
        if self._backlog:
            due = min(due, self._pace.due(self._backlog.since))
        return max(0.0, due - time.monotonic())

    def _try_turn(self, *, is_last: bool = False) -> None:
        try:
            if self._is_lost:
                self._begin_again()
            self._turn(is_last=is_last)
            return
        except StoreLost as exc:
            if not self._is_lost:
                logger.warning("event store lost: %s", " ".join(str(exc).split()))
            self._is_lost = True
            self._do_without()
        except Exception:
            # Whatever it is, readers and runs wait for this thread.
            logger.exception("event log failed")
        if not is_last:
            time.sleep(RETRY_SECONDS)

    def _turn(self, *, is_last: bool) -> None:
        now = time.monotonic()
        is_due = self._backlog and now >= self._pace.due(self._backlog.since)
        if is_due or is_last or self._backlog.is_awaited:
            self._flush()
        while self._asked:
            self._answer()
        if now - self._checked_at >= CHECK_SECONDS:
            self._check(now)
        elif self._named:
            self._fill(self._taken_names())

    def _check(self, now: float) -> None:
        """Look at everything that nobody told of."""
        self._checked_at = now
        if not self._store.is_whole():
            self._begin_again()
        self._ring.forget_old()
        self._taken_names()
        self._fill([tape.run_id for tape in self._ring.copies()])

    def _begin_again(self) -> None:
        """Find out what the store has, and write again what it has lost."""
        tapes = self._ring.written()
        last = self._store.last([tape.run_id for tape in tapes])
        for tape in tapes:
            tape.rewind(last.get(tape.run_id, START))
        self._backlog.add(tapes)
        if self._is_lost:
            logger.warning("event store regained")
        self._is_lost = False
        if not self.in_database:
            self._doubted_until = time.monotonic() + REFILL_CHECKS * CHECK_SECONDS
        self._on_gap()

    def _do_without(self) -> None:
        """Let runs settle while a store is away that they can do without."""
        if self.in_database:
            return
        for wait in self._backlog.take_waits():
            resolve(wait.done, None)
        for tape in self._backlog.tapes():
            if tape.bytes_held > UNSTORED_BYTES:
                tape.trim(UNSTORED_BYTES // 2, up_to=tape.end)

    def _answer(self) -> None:
        question, answer = self._asked[0]
        if not answer.cancelled():
            resolve(answer, question(self._store))
        self._asked.popleft()

    def _flush(self) -> None:
        batch = self._backlog.take()
        try:
            with self._pace.writing():
                self._write(batch)
        except StoreLost:
            self._backlog.put_back(batch)
            raise
        for wait in batch.waits:
            resolve(wait.done, None)

    def _write(self, batch: Batch) -> None:
        # An output comes after all events: those of a tape that has one are all there by now.
        outputs = batch.outputs()
        ends = batch.ends()
        chunks = batch.chunks(ends, outputs)
        refused: set[tuple[UUID, int]] = set()
        if chunks or batch.words:
            words = batch.words | {chunk.run_id.hex for chunk in chunks}
            refused = self._store.append(chunks, words, batch.ended)
        for tape, end in ends.items():
            # A run may have been settled a moment ago, with all that it said.
            is_done = tape.is_over or tape.is_settling
            if (tape.run_id, tape.attempt) in refused and not is_done:
                logger.warning("events refused", extra={"run_id": str(tape.run_id)})
                self._ring.drop(tape)
                continue
            tape.stored = end
            if tape in outputs:
                tape.has_output_to_store = False
            if not tape.is_over:
                tape.trim(KEPT_BYTES)

    def _taken_names(self) -> list[UUID]:
        with self._lock:
            named, self._named = self._named, set()
        return [run_id for run_id in named if self._ring.is_copied(run_id)]

    def _fill(self, run_ids: Sequence[UUID]) -> None:
        """Copy what the store has new of some runs."""
        tapes = [tape for tape in map(self._ring.get, run_ids) if tape and not tape.is_over]
        new = [tape for tape in tapes if tape.floor is None]
        last = self._store.last([tape.run_id for tape in new]) if new else {}
        for tape in new:
            tape.begin_at(last.get(tape.run_id, START))
        for start in range(0, len(tapes), READ_AT_ONCE):
            self._fill_some(tapes[start : start + READ_AT_ONCE])

    def _fill_some(self, tapes: Sequence[Tape]) -> None:
        wanted = [(tape.run_id, tape.last or START) for tape in tapes]
        for tape, found in zip(tapes, self._store.read(wanted), strict=True):
            if found.events:
                tape.extend(found.events)
                tape.trim(KEPT_BYTES, up_to=tape.end)
            if found.has_more:
                self.look_at(tape)
            elif found.is_over and time.monotonic() >= self._doubted_until:
                tape.end_with(None)
