"""Runs as whoever operates the server looks at them: by what holds them, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from common import db
from common.db import Row

ACTIVE = ("pending", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs to look at; what is None or empty is no condition."""

    statuses: tuple[str, ...] = ()

    thread_id: UUID | None = None

    assistant: str | None = None
    """An assistant's id, or a graph's name."""

    older_than_seconds: float | None = None

    limit: int = 20


_LOOK = sql.SQL("""
SELECT run.run_id, run.thread_id, run.assistant_id, run.status, run.attempt, run.lost_attempts,
       run.claimed_by AS process, run.cancel_action, run.multitask_strategy,
       run.kwargs #>> '{{config,configurable,graph_id}}' AS graph_id, run.error,
       run.created_at, run.started_at, run.ended_at,
       EXTRACT(EPOCH FROM now() - run.created_at)::float8 AS age_seconds,
       EXTRACT(EPOCH FROM run.lease_until - now())::float8 AS lease_seconds
""")
LIST = """
{look} FROM run WHERE {visible}
   AND (%(statuses)s::text[] IS NULL OR status = ANY(%(statuses)s))
   AND (%(thread_id)s::uuid IS NULL OR thread_id = %(thread_id)s)
   AND (%(assistant)s::text IS NULL OR assistant_id::text = %(assistant)s
        OR kwargs #>> '{{config,configurable,graph_id}}' = %(assistant)s)
   AND (%(older_than)s::float8 IS NULL
        OR created_at < now() - make_interval(secs => %(older_than)s))
 ORDER BY run_id DESC LIMIT %(limit)s
"""


async def look_at_runs(wanted: RunFilter, *, caller: Caller) -> list[Row]:
    """Return runs, newest first, with who executes them and how long they have been there."""
    query = sql.SQL(LIST).format(look=_LOOK.format(), visible=visible_to(caller))
    parameters = {
        "statuses": list(wanted.statuses) or None,
        "thread_id": wanted.thread_id,
        "assistant": wanted.assistant,
        "older_than": wanted.older_than_seconds,
        "limit": wanted.limit,
    }
    return await db.fetch_all(query, parameters)


SHOW = """
{look}, run.metadata, run.kwargs, run.lease_until, run.updated_at, thread.status AS thread_status
  FROM run JOIN thread USING (thread_id) WHERE run_id = %s AND {visible}
"""


async def look_at_run(run_id: UUID, *, caller: Caller) -> Row | None:
    """Return all that there is of a run."""
    query = sql.SQL(SHOW).format(look=_LOOK.format(), visible=visible_to(caller))
    return await db.fetch_one(query, [run_id])


THREADS_OF = "SELECT run_id, thread_id FROM run WHERE run_id = ANY(%s) AND {visible}"


async def threads_of(run_ids: Sequence[UUID], *, caller: Caller) -> dict[UUID, UUID]:
    """Return the thread of each of some runs that are there."""
    query = sql.SQL(THREADS_OF).format(visible=visible_to(caller))
    rows = await db.fetch_all(query, [list(run_ids)])
    return {row["run_id"]: row["thread_id"] for row in rows}


ACTIVE_AMONG = """
SELECT run_id FROM run WHERE run_id = ANY(%s) AND status IN ('pending', 'running') AND {visible}
"""


async def active_among(run_ids: Sequence[UUID], *, caller: Caller) -> list[UUID]:
    """Return those of some runs that have not ended."""
    query = sql.SQL(ACTIVE_AMONG).format(visible=visible_to(caller))
    return [row["run_id"] for row in await db.fetch_all(query, [list(run_ids)])]


@dataclass(frozen=True, slots=True)
class QueueState:
    """How the queue of runs stands; a system's numbers, no caller's."""

    pending: int
    running: int
    oldest_pending_seconds: float
    """0 when none is due."""

    lost: int
    """Running runs whose lease has run out: their process is gone."""

    stuck_threads: int
    """Busy threads without an active run."""

    failed_jobs: int
    """Background jobs that were given up."""


QUEUE = """
SELECT (SELECT count(*) FROM run WHERE status = 'pending') AS pending,
       (SELECT count(*) FROM run WHERE status = 'running') AS running,
       (SELECT GREATEST(0, COALESCE(EXTRACT(EPOCH FROM now() - min(created_at)), 0))::float8
          FROM run WHERE status = 'pending' AND created_at <= now()) AS oldest_pending_seconds,
       (SELECT count(*) FROM run WHERE status = 'running' AND lease_until < now()) AS lost,
       (SELECT count(*) FROM thread WHERE status = 'busy' AND NOT EXISTS (
          SELECT 1 FROM run WHERE run.thread_id = thread.thread_id
             AND run.status IN ('pending', 'running'))) AS stuck_threads,
       (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed') AS failed_jobs
"""


def queue_state() -> QueueState:
    """Look at the queue through Django's connection, for pages and commands."""
    with connection.cursor() as cursor:
        cursor.execute(QUEUE)
        return QueueState(*cursor.fetchone())
