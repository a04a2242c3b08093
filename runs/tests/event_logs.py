"""Logs as tests of events use them: one process's, or the logs of two processes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from common import db
from common.ids import uuid7
from common.notices import Listener
from common.sse import StreamEvent
from runs.engine.current import current_engine
from runs.engine.queries import Outcome
from runs.engine.settling import settle
from runs.events.log import EventLog, Writer
from runs.events.postgres import PostgresStore
from runs.events.redis import RedisStore
from runs.events.store import StoreLost
from runs.spec import ClaimedRun

REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


@contextmanager
def memory() -> Iterator[EventLog]:
    yield EventLog()


@contextmanager
def postgres() -> Iterator[EventLog]:
    listener = Listener()
    log = EventLog(PostgresStore(listener))
    listener.start()
    log.start()
    try:
        yield log
    finally:
        log.stop()
        listener.stop()


@contextmanager
def redis(url: str = REDIS_URL) -> Iterator[EventLog]:
    store = RedisStore(url)
    try:
        store.check()
    except StoreLost:
        pytest.skip("there is no Redis; TEST_REDIS_URL names one")
    log = EventLog(store)
    log.start()
    try:
        yield log
    finally:
        log.stop()


KINDS: dict[str, Callable[[], Any]] = {"memory": memory, "postgres": postgres, "redis": redis}
STORED = [kind for kind in KINDS if kind != "memory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """The log of the process that executes, and of the one that reads."""

    writing: EventLog
    reading: EventLog
    kind: str

    async def run(self, *, begun: bool = True, temporary: bool = False) -> TestedRun:
        run = TestedRun(logs=self, run_id=uuid7(), thread_id=uuid4(), temporary=temporary)
        await run.create()
        if begun:
            await run.begin()
        return run


class TestedRun:
    """A run that only its log knows, and the row that says whether it goes on."""

    __test__ = False

    def __init__(self, *, logs: Logs, run_id: UUID, thread_id: UUID, temporary: bool) -> None:
        self.logs = logs
        self.temporary = temporary
        self.run_id = run_id
        self.thread_id = thread_id
        self.attempt = 0
        self.events: Writer

    async def create(self) -> None:
        kwargs = db.jsonb({"temporary": self.temporary})
        await db.execute(
            "INSERT INTO thread (thread_id, status) VALUES (%s, 'idle')", [self.thread_id]
        )
        await db.execute(
            "INSERT INTO run (run_id, thread_id, assistant_id, kwargs, multitask_strategy, "
            "created_at) VALUES (%s, %s, %s, %s, 'enqueue', now() + interval '1 hour')",
            [self.run_id, self.thread_id, uuid4(), kwargs],
        )

    async def begin(self, log: EventLog | None = None) -> Writer:
        """Begin an attempt, in a process whose engine will not take the run for lost."""
        self.attempt += 1
        row = await db.fetch_one(
            "UPDATE run SET status = 'running', attempt = %s, claimed_by = %s WHERE run_id = %s "
            "RETURNING clock_timestamp() AS now",
            [self.attempt, current_engine().process_number, self.run_id],
        )
        assert row is not None
        self.events = self.open(log or self.logs.writing, row["now"])
        return self.events

    def open(self, log: EventLog, claimed_at: datetime | None = None) -> Writer:
        return log.open(
            self.run_id,
            thread_id=self.thread_id,
            attempt=self.attempt,
            claimed_at=claimed_at or datetime.now(UTC),
        )

    def publish(self, *numbers: int) -> None:
        self.events.publish([("custom", b"%d" % number) for number in numbers])

    async def end(self, output: bytes | None = None) -> None:
        run = ClaimedRun(
            run_id=self.run_id,
            thread_id=self.thread_id,
            assistant_id=UUID(int=0),
            kwargs={"temporary": self.temporary},
            attempt=self.attempt,
            is_fresh=self.attempt == 1,
            claimed_at=datetime.now(UTC),
        )
        outcome = Outcome(status="success", error=None, head=None, output=output)
        assert (await settle(run, outcome, self.events)).is_own
        self.events.close(output)

    async def read(
        self, after: str | None = "-1", log: EventLog | None = None
    ) -> list[StreamEvent]:
        """Read to the end of the run."""
        return [event async for batch in self.follow(after, log=log) for event in batch]

    def follow(
        self, after: str | None = "-1", idle_seconds: float = 5, log: EventLog | None = None
    ) -> AsyncIterator[Any]:
        return (log or self.logs.reading).follow(
            self.run_id, after=after, idle_seconds=idle_seconds
        )


@contextmanager
def logs_of(kind: str, *, elsewhere: bool) -> Iterator[Logs]:
    with ExitStack() as stack:
        writing = stack.enter_context(KINDS[kind]())
        reading = stack.enter_context(KINDS[kind]()) if elsewhere else writing
        yield Logs(writing=writing, reading=reading, kind=kind)


def numbers(events: list[StreamEvent]) -> list[int]:
    return [int(event.data) for event in events]
