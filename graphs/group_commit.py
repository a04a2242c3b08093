"""What all runs of a loop write, committed together: one statement, one round trip, one commit."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Collection, Sequence
from contextvars import Context
from dataclasses import dataclass
from math import inf
from typing import LiteralString, cast
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg import AsyncCursor

from common import db
from graphs import checkpoint_rows
from graphs.checkpoint_rows import Rows

logger = logging.getLogger(__name__)

# A database that restarts is back by then.
AWAY_SECONDS = 60.0
AGAIN_SECONDS = 0.5
# What is committed together is no larger; what is larger by itself goes alone.
GROUP_BYTES = 2**20
# What nobody waits for is gathered for so long.
GATHER_SECONDS = 0.01
# What is being committed keeps the others no longer than this.
PATIENCE_SECONDS = 0.5
# So many of the pool's connections, at most, commit what goes alone.
ALONE_AT_ONCE = 4


class RunOver(RuntimeError):
    """A graph writes after its run has ended, or when another attempt has the run."""

    def __init__(self) -> None:
        super().__init__("The run has ended, or another attempt has it: nothing is kept.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fence:
    """What must hold for that to be kept which an attempt of a run writes."""

    statement: LiteralString
    """Selects the `number` of those of `asked(number, run_id, attempt)` that hold, and keeps them
    from ceasing to hold until the commit: it ends with a locking clause."""

    run_id: UUID
    attempt: int


@dataclass(slots=True, kw_only=True, eq=False)
class Write:
    """What one call of a saver writes, wholly or not at all."""

    fence: Fence
    key: tuple[str, ...]
    """What it may write over: two writes of one key are not committed by one statement."""

    rows: Rows
    size: int
    goes_alone: bool
    deadline: float
    done: asyncio.Future[None]
    """Ends when the write is committed, or will never be."""


class GroupCommit:
    """Commits what runs write, on one loop, for one kind of fence.

    A commit takes all that was asked for while the one before was under way. It begins when
    somebody waits for what it takes, or soon after that was asked for. What one run writes
    is committed in the order in which it was asked for. A run that somebody has locked holds up
    none but itself: its writes go alone, as do those of a commit that fails. A database that is
    away is waited for: all that is written may be written twice.
    """

    def __init__(self, fence: LiteralString) -> None:
        self._asking = checkpoint_rows.asking(fence)
        self._together = checkpoint_rows.writing(fence + " SKIP LOCKED")
        self._alone = checkpoint_rows.writing(fence)
        self._waiting: deque[Write] = deque()
        self._due_at = inf
        """When the next commit begins, if nothing hurries it."""
        self._timer: asyncio.TimerHandle | None = None
        self._writing: set[Fence] = set()
        """Of whom something is being committed: what else they have written waits."""
        self._worker: asyncio.Task[None] | None = None
        self._lone: set[asyncio.Task[None]] = set()

    def ask(
        self, fence: Fence, key: tuple[str, ...], rows: Rows, *, is_awaited: bool
    ) -> asyncio.Future[None]:
        """Have something written; what is returned ends when it is committed.

        What is not awaited may be gathered with more: who waits for it later has to `hurry`.
        """
        size, now = rows.size, time.monotonic()
        write = Write(
            fence=fence,
            key=key,
            rows=rows,
            size=size,
            goes_alone=size > GROUP_BYTES,
            deadline=now + AWAY_SECONDS,
            done=asyncio.get_running_loop().create_future(),
        )
        self._waiting.append(write)
        self._due_at = min(self._due_at, now if is_awaited else now + GATHER_SECONDS)
        self._wake()
        return write.done

    def hurry(self) -> None:
        """Commit what was asked for as soon as that can be done."""
        if self._waiting:
            self._due_at = 0.0
            self._wake()

    async def require(self, fence: Fence, cursor: AsyncCursor[db.Row]) -> None:
        """Have a fence hold until a transaction ends; raises RunOver when it does not."""
        asked = checkpoint_rows.attempts_asked([(fence.run_id, fence.attempt)])
        await cursor.execute(self._asking, asked)
        if await cursor.fetchone() is None:
            raise RunOver

    def _wake(self) -> None:
        if self._worker is not None or not self._waiting:
            return
        if self._is_due():
            self._relieve()
        elif self._timer is None:
            seconds = self._due_at - time.monotonic()
            self._timer = asyncio.get_running_loop().call_later(seconds, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._wake()

    def _is_due(self) -> bool:
        return time.monotonic() >= self._due_at

    def _relieve(self) -> None:
        """Have a new worker begin with the next commit; what another is at is its last."""
        # Not in the context of the run that happens to ask.
        self._worker = asyncio.create_task(self._work(), context=Context())

    async def _work(self) -> None:
        loop, me = asyncio.get_running_loop(), asyncio.current_task()
        try:
            while self._worker is me and self._is_due() and (group := self._next_group()):
                relief = loop.call_later(PATIENCE_SECONDS, self._relieve)
                try:
                    await self._commit(group, self._together)
                finally:
                    relief.cancel()
        finally:
            if self._worker is me:
                self._worker = None
                if not self._is_due():
                    self._wake()

    def _next_group(self) -> list[Write]:
        """Take what can be committed together, and set going what goes alone."""
        group: dict[tuple[str, ...], Write] = {}
        size, left, passed_over = 0, deque[Write](), set[Fence]()
        for write in self._waiting:
            is_next = write.fence not in passed_over and write.fence not in self._writing
            if is_next and write.goes_alone:
                is_next = self._began_alone(write, group.values())
            elif is_next and write.key not in group and size + write.size <= GROUP_BYTES:
                group[write.key] = write
                size += write.size
            else:
                is_next = False
            if not is_next:
                left.append(write)
                passed_over.add(write.fence)
        self._waiting = left
        # What has to wait for another write of its run goes when that has gone.
        self._due_at = 0.0 if left else inf
        return list(group.values())

    def _began_alone(self, write: Write, group: Collection[Write]) -> bool:
        """Commit a write by itself, if there is room and nothing of its run comes before it."""
        if len(self._lone) >= ALONE_AT_ONCE or any(one.fence is write.fence for one in group):
            return False
        lone = asyncio.create_task(self._commit([write], self._alone))
        self._lone.add(lone)
        self._writing.add(write.fence)
        return True

    async def _commit(self, writes: list[Write], statement: LiteralString) -> None:
        """Commit, and tell who waits; what has to be written again comes first in the queue."""
        fences = list(dict.fromkeys(write.fence for write in writes))
        self._writing.update(fences)
        again: list[Write] = []
        try:
            held = await _executed(statement, writes, fences)
            again = _told(writes, held)
        except psycopg.Error as exc:
            again = await _failed(writes, exc)
        finally:
            self._lone.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            self._writing.difference_update(fences)
            self._waiting.extendleft(reversed(again))
            if again:
                self._due_at = 0.0
            for write in writes:
                if not (write.done.done() or write in again):
                    write.done.cancel()
            self._wake()


async def _executed(
    statement: LiteralString, writes: Sequence[Write], fences: Sequence[Fence]
) -> set[Fence]:
    """Write what fences let pass; return those that do."""
    number_of = {fence: number for number, fence in enumerate(fences, start=1)}
    parameters = [
        *checkpoint_rows.attempts_asked((fence.run_id, fence.attempt) for fence in fences),
        *checkpoint_rows.rows_written((number_of[write.fence], write.rows) for write in writes),
    ]
    async with db.connection() as conn:
        cursor = await conn.execute(statement, parameters)
        return {fences[row["number"] - 1] for row in await cursor.fetchall()}


def _told(writes: Sequence[Write], held: Collection[Fence]) -> list[Write]:
    """End the writes that are committed or refused; return those that have to wait for a lock."""
    again = []
    for write in writes:
        if write.fence in held:
            write.done.set_result(None)
        elif write.goes_alone:
            write.done.set_exception(RunOver())
        else:
            write.goes_alone = True
            again.append(write)
    return again


async def _failed(writes: list[Write], failure: psycopg.Error) -> list[Write]:
    """End the writes that will not succeed; return the others when they may."""
    again = []
    if isinstance(failure, db.UNREACHABLE) and not isinstance(failure, db.UNSTORABLE):
        if not isinstance(failure, db.Busy):
            logger.warning("checkpoints not reached: %s", " ".join(str(failure).split()))
            await asyncio.sleep(AGAIN_SECONDS)
        again = [write for write in writes if time.monotonic() < write.deadline]
    elif not writes[0].goes_alone:
        for write in writes:
            write.goes_alone = True
        again = writes
    for write in writes:
        if write not in again:
            write.done.set_exception(failure)
    return again


_commits: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, GroupCommit]] = WeakKeyDictionary()


def group_commit(fence: LiteralString) -> GroupCommit:
    """Return the running loop's, for one kind of fence."""
    of_loop = _commits.setdefault(asyncio.get_running_loop(), {})
    return of_loop.setdefault(fence, GroupCommit(fence))
