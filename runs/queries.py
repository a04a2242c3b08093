"""The SQL of the request path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from common import db, tracing
from common.db import Connection, Row, jsonb
from common.jsoncodec import JsonObject, RawJson
from common.search import columns
from runs.merging import MergedRun
from threads.queries import NewThread, insert_thread

RUN_COLUMNS = (
    "run_id",
    "thread_id",
    "assistant_id",
    "metadata",
    "status",
    "kwargs",
    "multitask_strategy",
    "created_at",
    "updated_at",
)
_RUN = columns(RUN_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedThread:
    """A thread whose row this transaction holds: no run begins or ends on it meanwhile."""

    thread_id: UUID
    metadata: RawJson
    config: RawJson
    active: tuple[UUID, ...]
    """Pending and running runs, oldest first."""

    delayed: frozenset[UUID]
    """Those of them that are not due yet, and so keep no other run waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """The row of a run to be written."""

    merged: MergedRun
    assistant_id: UUID
    multitask_strategy: str
    claimed_by: int | None
    """The process that starts it at once, or None to leave it pending."""

    after_seconds: float = 0.0
    """It is as if it were created so much later."""

    thread_seen_at: datetime | None = None
    """When its thread was written last, if that is not locked: the run is written only if it has
    not been written since."""

    assistant_seen_at: datetime | None = None
    """The same of its assistant, if that is remembered."""


LOCK_THREAD = """
SELECT thread_id, metadata, config FROM thread WHERE thread_id = %s AND {visible} FOR UPDATE
"""

ACTIVE_RUNS = """
SELECT run_id, status = 'pending' AND created_at > clock_timestamp() AS is_delayed FROM run
 WHERE thread_id = %s AND status IN ('pending', 'running') ORDER BY created_at, run_id
"""


async def lock_thread(tx: Connection, thread_id: UUID, *, caller: Caller) -> LockedThread | None:
    """Lock a thread for the transaction; None when the caller cannot see it."""
    query = sql.SQL(LOCK_THREAD).format(visible=visible_to(caller))
    async with tx.pipeline():
        found = await tx.execute(query, [thread_id])
        # A statement of its own: it must see what was committed while the lock was awaited.
        active = await tx.execute(ACTIVE_RUNS, [thread_id])
        row = await found.fetchone()
        runs = await active.fetchall()
    if row is None:
        return None
    return LockedThread(
        thread_id=row["thread_id"],
        metadata=row["metadata"],
        config=row["config"],
        active=tuple(run["run_id"] for run in runs),
        delayed=frozenset(run["run_id"] for run in runs if run["is_delayed"]),
    )


async def create_thread(tx: Connection, thread_id: UUID, metadata: JsonObject) -> None:
    """Write a thread unless there is one of that id, anybody's."""
    await insert_thread(tx, NewThread(thread_id=thread_id, metadata=metadata))


# As bytes, for psycopg puts a statement of parts together each time it is executed.
# `started_at` and the lease are set only for a run that is claimed at once. A thread that another
# transaction is writing is waited for, and then looked at anew.
INSERT_RUN = (
    sql.SQL("""
WITH busy AS (
  UPDATE thread SET status = 'busy', metadata = metadata || %(thread_metadata)s,
         config = config || jsonb_build_object('configurable',
           COALESCE(config->'configurable', '{{}}') || %(thread_configurable)s),
         updated_at = clock_timestamp()
   WHERE thread_id = %(thread_id)s AND (
     %(thread_seen_at)s::timestamptz IS NULL
      OR updated_at = %(thread_seen_at)s AND status <> 'busy')
     AND (%(assistant_seen_at)s::timestamptz IS NULL OR EXISTS (
       SELECT 1 FROM assistant
        WHERE assistant_id = %(assistant_id)s AND updated_at = %(assistant_seen_at)s))
  RETURNING thread_id
), run AS (
  INSERT INTO run (run_id, thread_id, assistant_id, status, metadata, kwargs, multitask_strategy,
                   attempt, claimed_by, lease_until, started_at, created_at, updated_at,
                   traceparent)
  SELECT %(run_id)s, thread_id, %(assistant_id)s,
         CASE WHEN claimed THEN 'running' ELSE 'pending' END,
         %(metadata)s, %(kwargs)s, %(multitask_strategy)s, claimed::int, %(claimed_by)s,
         CASE WHEN claimed THEN at + make_interval(secs => %(lease_seconds)s) END,
         CASE WHEN claimed THEN at END, at + make_interval(secs => %(after_seconds)s), at,
         %(traceparent)s
    FROM busy, (
      SELECT %(claimed_by)s::bigint IS NOT NULL AS claimed, clock_timestamp() AS at) AS now
  RETURNING {run}
)
SELECT * FROM run
""")
    .format(run=_RUN)
    .as_bytes(None)
)


async def insert_run(conn: Connection, run: NewRun, *, lease_seconds: float) -> Row | None:
    """Write a run and make its thread busy; returns the run's row, as the API shows it.

    None when the thread, or the assistant, is not as it was seen.
    """
    parameters = {
        "run_id": run.merged.run_id,
        "thread_id": run.merged.thread_id,
        "assistant_id": run.assistant_id,
        "metadata": jsonb(run.merged.metadata),
        "kwargs": jsonb(run.merged.kwargs),
        "multitask_strategy": run.multitask_strategy,
        "claimed_by": run.claimed_by,
        "after_seconds": run.after_seconds,
        # Of the request in which this is called; the run goes on elsewhere.
        "traceparent": tracing.traceparent(),
        "lease_seconds": lease_seconds,
        "thread_metadata": jsonb(run.merged.thread_metadata),
        "thread_configurable": jsonb(run.merged.thread_configurable),
        "thread_seen_at": run.thread_seen_at,
        "assistant_seen_at": run.assistant_seen_at,
    }
    return await (await conn.execute(INSERT_RUN, parameters)).fetchone()


NOTIFY = "SELECT pg_notify('aegra_run', %s)"


async def announce_run(tx: Connection, due_in_seconds: float) -> None:
    """Tell every engine of a run that is pending, now or then."""
    await tx.execute(NOTIFY, [f"{due_in_seconds:g}" if due_in_seconds else ""])


GET_RUN = "SELECT {run} FROM run WHERE run_id = %s AND thread_id = %s AND {visible}"
FIND_RUN = "SELECT {run} FROM run WHERE run_id = %s AND {visible}"


async def get_run(run_id: UUID, *, thread_id: UUID, caller: Caller) -> Row | None:
    query = sql.SQL(GET_RUN).format(run=_RUN, visible=visible_to(caller))
    return await db.fetch_one(query, [run_id, thread_id])


async def find_run(run_id: UUID, *, caller: Caller) -> Row | None:
    """Return a run by its id alone, as a stateless client knows it."""
    return await db.fetch_one(
        sql.SQL(FIND_RUN).format(run=_RUN, visible=visible_to(caller)), [run_id]
    )


LIST_RUNS = """
SELECT {columns} FROM run
 WHERE thread_id = %(thread_id)s AND {visible}
   AND (%(statuses)s::text[] IS NULL OR status = ANY(%(statuses)s))
 ORDER BY created_at DESC, run_id DESC LIMIT %(limit)s OFFSET %(offset)s
"""


async def list_runs(
    thread_id: UUID,
    *,
    caller: Caller,
    statuses: Sequence[str],
    select: Sequence[str],
    limit: int,
    offset: int,
) -> list[Row]:
    """Return a page of a thread's runs, newest first, of any of some statuses or of all."""
    query = sql.SQL(LIST_RUNS).format(columns=columns(select), visible=visible_to(caller))
    parameters = {
        "thread_id": thread_id,
        "statuses": list(statuses) or None,
        "limit": limit,
        "offset": offset,
    }
    return await db.fetch_all(query, parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSearch:
    """What a caller looks for among all runs; None is no condition."""

    metadata: JsonObject | None = None
    statuses: tuple[str, ...] | None = None
    thread_id: UUID | None = None
    assistant_id: UUID | None = None
    limit: int = 10
    offset: int = 0


# Ids are made in the order of time, so that the primary key serves the order.
SEARCH_RUNS = """
SELECT {run} FROM run WHERE {visible}
   AND (%(thread_id)s::uuid IS NULL OR thread_id = %(thread_id)s)
   AND (%(assistant_id)s::uuid IS NULL OR assistant_id = %(assistant_id)s)
   AND (%(statuses)s::text[] IS NULL OR status = ANY(%(statuses)s))
   AND (%(metadata)s::jsonb IS NULL OR metadata @> %(metadata)s)
 ORDER BY run_id DESC LIMIT %(limit)s OFFSET %(offset)s
"""


async def search_runs(search: RunSearch, *, caller: Caller) -> list[Row]:
    """Return a page of runs on any thread, newest first."""
    query = sql.SQL(SEARCH_RUNS).format(run=_RUN, visible=visible_to(caller))
    parameters = {
        "thread_id": search.thread_id,
        "assistant_id": search.assistant_id,
        "statuses": None if search.statuses is None else list(search.statuses),
        "metadata": jsonb(search.metadata),
        "limit": search.limit,
        "offset": search.offset,
    }
    return await db.fetch_all(query, parameters)


RESULT = """
SELECT run.status, run.error, thread.values, thread.interrupts
  FROM run JOIN thread USING (thread_id) WHERE run_id = %s
"""


async def run_result(run_id: UUID) -> Row | None:
    """Return a run's status and its thread's values; None when it is gone."""
    return await db.fetch_one(RESULT, [run_id])


QUEUE_DEPTH = """
SELECT count(*) FILTER (WHERE status = 'pending' AND created_at <= now()) AS pending,
       count(*) FILTER (WHERE status = 'pending' AND created_at > now()) AS delayed,
       count(*) FILTER (WHERE status = 'running') AS running,
       GREATEST(EXTRACT(EPOCH FROM now() - min(created_at) FILTER (WHERE status = 'pending')),
                0)::float8 AS oldest_seconds
  FROM run WHERE status IN ('pending', 'running')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """How many runs wait or are executed, in all processes."""

    runs: dict[str, int]
    """By state."""
    oldest_seconds: float
    """How long the run has waited that waits longest."""


async def queue_depth() -> QueueDepth:
    row = await db.fetch_one(QUEUE_DEPTH)
    assert row is not None
    runs = {state: row[state] for state in ("pending", "delayed", "running")}
    return QueueDepth(runs=runs, oldest_seconds=row["oldest_seconds"])


THREAD_EXISTS = "SELECT 1 FROM thread WHERE thread_id = %s AND {visible}"


async def thread_exists(thread_id: UUID, *, caller: Caller) -> bool:
    query = sql.SQL(THREAD_EXISTS).format(visible=visible_to(caller))
    return await db.fetch_one(query, [thread_id]) is not None
