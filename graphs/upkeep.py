"""Checkpoints copied, thinned out and weighed in the database, without reading what is in them."""

from __future__ import annotations

from uuid import UUID

from langgraph.checkpoint.postgres.base import PRUNE_DELTA_THREADS_SQL
from psycopg import sql

from common.db import Connection
from common.tally import Tally

# Parts of a WITH clause: copy what LangGraph has stored of the thread that an earlier part, named
# `source`, has found, to the thread %(target)s. Checkpoints keep their ids, so that subgraphs and
# parents are found as before.
COPIED = sql.SQL("""
origin AS (SELECT thread_id::text AS id, %(target)s::uuid::text AS copy FROM source),
checkpoints_copied AS (
  INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type,
                           checkpoint, metadata)
  SELECT copy, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint,
         metadata || CASE WHEN metadata ? 'thread_id' THEN jsonb_build_object('thread_id', copy)
                          ELSE '{}' END
    FROM checkpoints JOIN origin ON thread_id = id
), blobs_copied AS (
  INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
  SELECT copy, checkpoint_ns, channel, version, type, blob
    FROM checkpoint_blobs JOIN origin ON thread_id = id
), writes_copied AS (
  INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel,
                                 type, blob, task_path)
  SELECT copy, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path
    FROM checkpoint_writes JOIN origin ON thread_id = id
)""")

# Kept are the newest checkpoint of each namespace, and the one before it where its format has the
# pending sends there. A subgraph's namespace with a task in it belongs to the checkpoint from which
# the task was started, and goes with it.
DROP_OLD_CHECKPOINTS = """
WITH head AS (
  SELECT DISTINCT ON (thread_id, checkpoint_ns) thread_id, checkpoint_ns, checkpoint_id,
         CASE WHEN (checkpoint->>'v')::int < 4 THEN parent_checkpoint_id END AS sends_id,
         metadata->'parents'->>'' AS root_id
    FROM checkpoints WHERE thread_id = ANY(%(threads)s)
   ORDER BY thread_id, checkpoint_ns, checkpoint_id DESC
), kept AS (
  SELECT * FROM head WHERE NOT (strpos(checkpoint_ns, ':') > 0 AND EXISTS (
    SELECT 1 FROM head AS root WHERE root.thread_id = head.thread_id AND root.checkpoint_ns = ''
       AND root.checkpoint_id <> head.root_id))
)
DELETE FROM checkpoints c WHERE thread_id = ANY(%(threads)s) AND NOT EXISTS (
  SELECT 1 FROM kept WHERE kept.thread_id = c.thread_id AND kept.checkpoint_ns = c.checkpoint_ns
     AND c.checkpoint_id IN (kept.checkpoint_id, kept.sends_id))
"""
CUT_PARENTS = """
UPDATE checkpoints c SET parent_checkpoint_id = NULL
 WHERE thread_id = ANY(%(threads)s) AND parent_checkpoint_id IS NOT NULL AND NOT EXISTS (
   SELECT 1 FROM checkpoints p WHERE p.thread_id = c.thread_id
      AND p.checkpoint_ns = c.checkpoint_ns AND p.checkpoint_id = c.parent_checkpoint_id)
"""
DROP_LOOSE_WRITES = """
DELETE FROM checkpoint_writes w WHERE thread_id = ANY(%(threads)s) AND NOT EXISTS (
  SELECT 1 FROM checkpoints c WHERE c.thread_id = w.thread_id
     AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)
"""
DROP_LOOSE_BLOBS = """
DELETE FROM checkpoint_blobs b WHERE thread_id = ANY(%(threads)s) AND NOT EXISTS (
  SELECT 1 FROM checkpoints c WHERE c.thread_id = b.thread_id
     AND c.checkpoint_ns = b.checkpoint_ns
     AND c.checkpoint->'channel_versions'->>b.channel = b.version)
"""


# What a statement that deletes has deleted. Blobs and writes are parts of checkpoints.
COUNTED = """
WITH gone AS ({delete} RETURNING {size} AS size)
SELECT {rows} AS rows, COALESCE(sum(size), 0) AS bytes FROM gone
"""
_CHECKPOINT_SIZE = "pg_column_size(c.checkpoint) + pg_column_size(c.metadata)"
DELETE_ALL = "DELETE FROM checkpoints c WHERE thread_id = ANY(%(threads)s)"
DELETE_ALL_WRITES = "DELETE FROM checkpoint_writes w WHERE thread_id = ANY(%(threads)s)"
DELETE_ALL_BLOBS = "DELETE FROM checkpoint_blobs b WHERE thread_id = ANY(%(threads)s)"


async def keep_newest_checkpoints(
    tx: Connection, thread_ids: list[UUID], tally: Tally | None = None
) -> list[UUID]:
    """Drop what is not needed to go on from each thread's newest state; returns those done.

    The caller holds the threads' locks, and nothing runs on them. A graph with a DeltaChannel
    needs all of its history: its threads are left as they are.
    """
    wanted = [str(thread_id) for thread_id in thread_ids]
    cursor = await tx.execute(PRUNE_DELTA_THREADS_SQL, [wanted, wanted])
    needing_all = {row["thread_id"] for row in await cursor.fetchall()}
    done = [key for key in wanted if key not in needing_all]
    found = Tally() if tally is None else tally
    # Each in turn, since it goes by what the one before has left.
    await _drop(tx, DROP_OLD_CHECKPOINTS, _CHECKPOINT_SIZE, done, found)
    await tx.execute(CUT_PARENTS, {"threads": done})
    await _drop(tx, DROP_LOOSE_WRITES, None, done, found)
    await _drop(tx, DROP_LOOSE_BLOBS, None, done, found)
    return [thread_id for thread_id in thread_ids if str(thread_id) not in needing_all]


async def drop_checkpoints(tx: Connection, thread_ids: list[UUID], tally: Tally) -> None:
    """Delete everything that LangGraph has stored of these threads, and count it."""
    names = [str(thread_id) for thread_id in thread_ids]
    await _drop(tx, DELETE_ALL, _CHECKPOINT_SIZE, names, tally)
    await _drop(tx, DELETE_ALL_WRITES, None, names, tally)
    await _drop(tx, DELETE_ALL_BLOBS, None, names, tally)


async def _drop(
    tx: Connection, statement: str, size: str | None, names: list[str], tally: Tally
) -> None:
    """Execute a statement that deletes checkpoints, or parts of them when no size is given."""
    counted = sql.SQL(COUNTED).format(
        delete=sql.SQL(statement),
        size=sql.SQL(size or "pg_column_size(blob)"),
        rows=sql.SQL("count(*)" if size else "0"),
    )
    cursor = await tx.execute(counted, {"threads": names})
    tally.count("checkpoints", await cursor.fetchone())
