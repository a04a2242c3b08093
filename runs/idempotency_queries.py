"""The SQL of requests that are sent again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from common import db
from common.db import Connection, Row, jsonb
from common.jsoncodec import Json
from common.search import columns
from runs.queries import RUN_COLUMNS
from runs.spec import IdempotencyKey

# A second request of the key waits here for the end of the first one's transaction. A key that
# has had its time is as good as forgotten.
TAKE = """
INSERT INTO idempotent_request AS known (caller, key, digest)
VALUES (%(caller)s, %(key)s, %(digest)s)
ON CONFLICT (caller, key) DO UPDATE
   SET digest = EXCLUDED.digest, runs = '[]', created_at = now()
 WHERE known.created_at < now() - make_interval(secs => %(seconds)s)
"""


async def insert_request(
    tx: Connection, once: IdempotencyKey, *, caller: Caller, seconds: float
) -> bool:
    """Write a request that is to be known again; False when it is known."""
    parameters = {
        "caller": caller.identity,
        "key": once.key,
        "digest": once.digest,
        "seconds": seconds,
    }
    return (await tx.execute(TAKE, parameters)).rowcount == 1


KEEP = "UPDATE idempotent_request SET runs = %s WHERE caller = %s AND key = %s"


async def update_request(
    tx: Connection, once: IdempotencyKey, runs: Sequence[object], *, caller: Caller
) -> None:
    await tx.execute(KEEP, [jsonb(list(runs)), caller.identity, once.key])


FIND = """
SELECT digest, runs FROM idempotent_request
 WHERE caller = %s AND key = %s AND created_at >= now() - make_interval(secs => %s)
"""


async def find_request(key: str, *, caller: Caller, seconds: float) -> tuple[str, Json] | None:
    """Return the digest and the runs of a request; None when the key is not known."""
    row = await db.fetch_one(FIND, [caller.identity, key, seconds])
    return (row["digest"], row["runs"].parse()) if row else None


FIND_RUNS = "SELECT {run} FROM run WHERE run_id = ANY(%s) AND {visible}"


async def find_runs(run_ids: Sequence[UUID], *, caller: Caller) -> dict[UUID, Row]:
    """Return those of some runs that are there, by their ids."""
    query = sql.SQL(FIND_RUNS).format(run=columns(RUN_COLUMNS), visible=visible_to(caller))
    return {row["run_id"]: row for row in await db.fetch_all(query, [list(run_ids)])}


FORGET = "DELETE FROM idempotent_request WHERE created_at < now() - make_interval(secs => %s)"


async def delete_old_requests(seconds: float) -> int:
    return await db.execute(FORGET, [seconds])
