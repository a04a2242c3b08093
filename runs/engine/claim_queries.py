"""The SQL of the queue: claim what is due, renew, hand back, put back what was lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from common import db
from common.db import Connection, Row
from runs.cancel_queries import derive_thread_status
from runs.spec import ClaimedRun

_CLAIMED = sql.SQL(
    "run.run_id, thread_id, assistant_id, kwargs, attempt, cancel_action, attempt = 1 AS is_fresh, "
    "EXTRACT(EPOCH FROM now() - created_at)::float8 AS waited_seconds, traceparent, "
    "EXTRACT(EPOCH FROM now() - COALESCE(started_at, now()))::float8 AS elapsed_seconds, "
    "clock_timestamp() AS claimed_at"
)

# What waits the longest on threads where none runs: the first of each thread is the one that is
# next there. Rows that another process is claiming are passed over; the unique index on running
# runs decides what still collides. `limited` costs nothing where no assistant has a limit; there is
# a row that tells of it when nothing is claimed, too.
CLAIM = """
WITH limited AS MATERIALIZED (
  SELECT DISTINCT assistant_id FROM run
   WHERE EXISTS (SELECT 1 FROM assistant WHERE max_runs IS NOT NULL)
     AND status = 'pending' AND created_at <= now()
     AND assistant_id IN (SELECT assistant_id FROM assistant WHERE max_runs IS NOT NULL)
), {held} waiting AS MATERIALIZED (
  SELECT run_id, thread_id, created_at FROM run
   WHERE status = 'pending' AND created_at <= now()
     AND thread_id NOT IN (SELECT thread_id FROM run WHERE status = 'running') AND {may_begin}
   ORDER BY created_at, run_id LIMIT %(look_at)s
), next AS (
  SELECT DISTINCT ON (thread_id) run_id FROM waiting ORDER BY thread_id, created_at, run_id
), {placed} claimable AS (
  SELECT run_id FROM run
   WHERE status = 'pending' AND run_id = ANY(ARRAY(SELECT run_id FROM {chosen}))
   ORDER BY created_at, run_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), claimed AS (
  UPDATE run SET status = 'running', attempt = attempt + 1, claimed_by = %(claimed_by)s,
         lease_until = now() + make_interval(secs => %(lease_seconds)s),
         started_at = COALESCE(started_at, now()), updated_at = now()
   WHERE run_id IN (SELECT run_id FROM claimable)
  RETURNING {claimed}
)
SELECT claimed.*, ARRAY(SELECT assistant_id FROM limited) AS limited,
       (SELECT count(*) FROM waiting) = %(look_at)s AS is_crowded
  FROM (SELECT 1) AS once LEFT JOIN claimed ON true
"""
# How many of the longest waiting are looked at: of many that wait on one thread, one is next.
LOOK_AT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a process asks the queue for."""

    claimed_by: int
    lease_seconds: float
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What it got."""

    runs: list[ClaimedRun]
    may_be_more: bool

    limited: frozenset[UUID]
    """The assistants with a limit of which runs wait, or did until now."""


_UNLIMITED = {
    "held": sql.SQL(""),
    "may_begin": sql.SQL("NOT EXISTS (SELECT 1 FROM limited)"),
    "placed": sql.SQL(""),
    "chosen": sql.SQL("next"),
}


async def claim_runs(claim: Claim) -> Claimed:
    """Claim pending runs for this process, the longest waiting first.

    While runs of an assistant with a limit wait, none are: that is for `claim_limited_runs`.
    """
    async with db.connection() as conn:
        return await claim_with(conn, claim, _UNLIMITED, {})


async def claim_with(
    conn: Connection, claim: Claim, parts: Mapping[str, sql.Composable], more: Mapping[str, object]
) -> Claimed:
    """Claim what these parts of the statement, with more parameters of theirs, allow."""
    query = sql.SQL(CLAIM).format(claimed=_CLAIMED, **parts)
    parameters = {
        "claimed_by": claim.claimed_by,
        "lease_seconds": claim.lease_seconds,
        "limit": claim.limit,
        "look_at": LOOK_AT,
        **more,
    }
    rows = await (await conn.execute(query, parameters)).fetchall()
    runs = [claimed_run(row) for row in rows if row["run_id"]]
    return Claimed(
        runs=runs,
        may_be_more=bool(runs) and (len(runs) == claim.limit or rows[0]["is_crowded"]),
        limited=frozenset(rows[0]["limited"]),
    )


def claimed_run(row: Row) -> ClaimedRun:
    kwargs = row["kwargs"].parse()
    return ClaimedRun(
        run_id=row["run_id"],
        thread_id=row["thread_id"],
        assistant_id=row["assistant_id"],
        kwargs=kwargs if isinstance(kwargs, dict) else {},
        attempt=row["attempt"],
        is_fresh=row["is_fresh"],
        cancel_action=row["cancel_action"],
        waited_seconds=row["waited_seconds"],
        traceparent=row["traceparent"],
        elapsed_seconds=row["elapsed_seconds"],
        claimed_at=row["claimed_at"],
    )


DUE = """
SELECT EXTRACT(EPOCH FROM min(created_at) - now())::float8 AS seconds
  FROM run WHERE status = 'pending' AND created_at > now()
"""


async def due_in_seconds() -> float | None:
    """Return how long it is until the next delayed run is due."""
    row = await db.fetch_one(DUE)
    return row["seconds"] if row else None


async def announce_pending() -> None:
    """Tell every engine that a run may be pending."""
    await db.execute("SELECT pg_notify('aegra_run', '')")


HAND_BACK = """
WITH back AS (
  UPDATE run SET status = 'pending', claimed_by = NULL, lease_until = NULL, updated_at = now()
   WHERE run_id = %s AND attempt = %s AND status = 'running' AND cancel_action IS NULL
  RETURNING 1
)
SELECT pg_notify('aegra_run', '') FROM back
"""


async def hand_back(run: ClaimedRun) -> bool:
    """Return an unfinished run to the queue; False when it was cancelled or the lease is lost."""
    return await db.execute(HAND_BACK, [run.run_id, run.attempt]) == 1


# Whoever locks many runs does so in one order, so that no two wait for each other. What this
# process does not execute, though it claimed it (the answer was lost), is left to run out.
RENEW = """
UPDATE run SET lease_until = now() + make_interval(secs => %(lease_seconds)s)
  FROM (SELECT run_id FROM run WHERE claimed_by = %(claimed_by)s AND status = 'running'
           AND run_id = ANY(%(executing)s)
         ORDER BY run_id FOR NO KEY UPDATE) AS held
 WHERE run.run_id = held.run_id
RETURNING run.run_id, attempt, cancel_action
"""


# A process holds an advisory lock on its number for as long as it is connected.
UNLOCKED = """
SELECT DISTINCT claimed_by FROM run WHERE status = 'running' AND claimed_by NOT IN (
  SELECT classid::int8 << 32 | objid::int8 FROM pg_locks
   WHERE locktype = 'advisory' AND objsubid = 1
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


async def unlocked_processes() -> set[int]:
    """Return the processes that have runs, and are not connected."""
    return {row["claimed_by"] for row in await db.fetch_all(UNLOCKED)}


# Locked so that no checkpoint of the lost attempt is under way, and none comes after. One that
# is makes the row wait for the next sweep.
_LOST = sql.SQL("""
SELECT run_id FROM run
 WHERE status = 'running' AND run_id <> ALL(%(executing)s)
   AND (lease_until < now() OR claimed_by = ANY(%(gone)s))
 ORDER BY run_id LIMIT 100 FOR UPDATE SKIP LOCKED
""")
PUT_BACK = """
WITH lost AS ({lost}), back AS (
  UPDATE run SET status = 'pending', claimed_by = NULL, lease_until = NULL, updated_at = now(),
         lost_attempts = lost_attempts + 1
    FROM lost WHERE run.run_id = lost.run_id AND cancel_action IS NULL
     AND lost_attempts + 1 < %(max_attempts)s
  RETURNING run.run_id, attempt
)
SELECT back.*, pg_notify('aegra_run', '') IS NULL AS is_told FROM back
"""
TAKE_OVER = """
WITH lost AS ({lost})
UPDATE run SET attempt = attempt + 1, claimed_by = %(claimed_by)s, updated_at = now(),
       lease_until = now() + make_interval(secs => %(lease_seconds)s)
  FROM lost WHERE run.run_id = lost.run_id
   AND (cancel_action IS NOT NULL OR lost_attempts + 1 >= %(max_attempts)s)
RETURNING {claimed}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Which runs count as lost."""

    executing: Collection[UUID]
    """Runs of this process are not."""

    gone: Collection[int]
    """Processes that are; of others, runs whose lease ran out."""

    max_attempts: int

    def parameters(self) -> dict[str, object]:
        return {
            "executing": list(self.executing),
            "gone": list(self.gone),
            "max_attempts": self.max_attempts,
        }


async def put_back(lost: Lost) -> list[Row]:
    """Return lost runs to the queue; those that may be tried again, and that no cancel hit."""
    return await db.fetch_all(sql.SQL(PUT_BACK).format(lost=_LOST), lost.parameters())


async def take_over(lost: Lost, *, claimed_by: int, lease_seconds: float) -> list[ClaimedRun]:
    """Claim the other lost runs, to be settled: whatever held them writes nothing any more."""
    query = sql.SQL(TAKE_OVER).format(lost=_LOST, claimed=_CLAIMED)
    parameters = {
        **lost.parameters(),
        "claimed_by": claimed_by,
        "lease_seconds": lease_seconds,
    }
    return [claimed_run(row) for row in await db.fetch_all(query, parameters)]


STUCK = """
SELECT thread_id FROM thread WHERE status = 'busy' AND NOT EXISTS (
  SELECT 1 FROM run WHERE run.thread_id = thread.thread_id
     AND run.status IN ('pending', 'running')) LIMIT 100
"""
LOCK_STUCK = "SELECT 1 FROM thread WHERE thread_id = ANY(%s) ORDER BY thread_id FOR UPDATE"


async def free_stuck_threads() -> list[UUID]:
    """Derive anew the status of threads that are busy without an active run."""
    thread_ids = [row["thread_id"] for row in await db.fetch_all(STUCK)]
    if thread_ids:
        async with db.transaction() as tx:
            # A statement of its own: a run that was written meanwhile counts.
            await tx.execute(LOCK_STUCK, [thread_ids])
            await derive_thread_status(tx, thread_ids)
    return thread_ids
