"""LangGraph's PostgreSQL saver on the running loop's pool, without its lock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import copy
from typing import Any
from uuid import UUID

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg import AsyncCursor
from psycopg.rows import DictRow, dict_row

from common import db

# The stock statement, but for how a checkpoint's values are found: there by a join, for which all
# values of the thread are read for each of its checkpoints; here each by its key (`LIMIT 1`).
SELECT = """
SELECT thread_id, checkpoint, checkpoint_ns, checkpoint_id, parent_checkpoint_id, metadata,
       (SELECT array_agg(array[version.key::bytea, found.type::bytea, found.blob])
          FROM jsonb_each_text(checkpoint->'channel_versions') AS version
         CROSS JOIN LATERAL (
           SELECT type, blob FROM checkpoint_blobs b
            WHERE b.thread_id = checkpoints.thread_id
              AND b.checkpoint_ns = checkpoints.checkpoint_ns
              AND b.channel = version.key AND b.version = version.value LIMIT 1) AS found
       ) AS channel_values,
       (SELECT array_agg(array[w.task_id::bytea, w.channel::bytea, w.type::bytea, w.blob,
                               convert_to(w.task_path, 'UTF8'), w.idx::text::bytea])
          FROM checkpoint_writes w
         WHERE w.thread_id = checkpoints.thread_id
           AND w.checkpoint_ns = checkpoints.checkpoint_ns
           AND w.checkpoint_id = checkpoints.checkpoint_id
       ) AS pending_writes
  FROM checkpoints """


class PooledSaver(AsyncPostgresSaver):
    """The stock saver, one connection per operation.

    The stock one holds a lock around each operation because it may be given a single
    connection; a pool lends every operation its own.
    """

    conn: db.Pool

    SELECT_SQL = SELECT

    async def alist(self, *args: Any, **kwargs: Any) -> AsyncIterator[CheckpointTuple]:
        """List checkpoints, newest first; messages that several of them hold are one object.

        A message stands in each checkpoint after it: to make it once instead of each time is
        what a long history costs.
        """
        once = PooledSaver(self.conn, serde=_remembering(self.serde))
        async for checkpoint in super(PooledSaver, once).alist(*args, **kwargs):
            yield checkpoint

    async def _load_checkpoint_tuple(self, value: DictRow) -> CheckpointTuple:
        # The stock one takes a thread for the writes of each checkpoint, which costs more than
        # to read them here, where it reads the values.
        key = {"thread_id": value["thread_id"], "checkpoint_ns": value["checkpoint_ns"]}
        parent_id = value["parent_checkpoint_id"]
        checkpoint: Any = dict(value["checkpoint"])
        inlined = checkpoint.get("channel_values") or {}
        checkpoint["channel_values"] = {**inlined, **self._load_blobs(value["channel_values"])}
        return CheckpointTuple(
            config={"configurable": {**key, "checkpoint_id": value["checkpoint_id"]}},
            checkpoint=checkpoint,
            metadata=value["metadata"],
            parent_config={"configurable": {**key, "checkpoint_id": parent_id}}
            if parent_id
            else None,
            pending_writes=self._load_writes(value["pending_writes"]),
        )

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:
        async with self.conn.connection() as conn:
            if not pipeline:
                async with conn.cursor(binary=True, row_factory=dict_row) as cursor:
                    yield cursor
                return
            async with (
                conn.pipeline(),
                conn.transaction(),
                conn.cursor(binary=True, row_factory=dict_row) as cursor,
            ):
                yield cursor


def _remembering(serde: SerializerProtocol) -> SerializerProtocol:
    """Return a reader that gives the same message for the same bytes, for as long as it lives."""
    if not isinstance(serde, JsonPlusSerializer):
        return serde
    read, seen = serde._unpack_ext_hook, dict[bytes, BaseMessage]()

    def read_once(code: int, data: bytes) -> Any:
        if data in seen:
            return seen[data]
        found = read(code, data)
        if isinstance(found, BaseMessage):
            seen[data] = found
        return found

    remembering = copy(serde)
    remembering._unpack_ext_hook = read_once
    return remembering


async def open_saver() -> PooledSaver:
    """Return a saver bound to the running loop; it costs nothing to make and holds nothing."""
    return PooledSaver(await db.pool())


def saver_on(tx: db.Connection) -> AsyncPostgresSaver:
    """Return a saver that writes as part of a transaction, on the loop of its connection."""
    # The stock one, with its lock: it has a single connection.
    return AsyncPostgresSaver(tx)


async def setup() -> None:
    """Bring LangGraph's checkpoint tables to this version."""
    await (await open_saver()).setup()


HAS_CHECKPOINT = "SELECT 1 FROM checkpoints WHERE thread_id = %s AND checkpoint_id = %s LIMIT 1"


async def checkpoint_exists(conn: db.Connection, thread_id: UUID, checkpoint_id: str) -> bool:
    cursor = await conn.execute(HAS_CHECKPOINT, [str(thread_id), checkpoint_id])
    return await cursor.fetchone() is not None


DELETE_THREADS = """
WITH gone AS (DELETE FROM checkpoints WHERE thread_id = ANY(%(threads)s)),
     blobs AS (DELETE FROM checkpoint_blobs WHERE thread_id = ANY(%(threads)s))
DELETE FROM checkpoint_writes WHERE thread_id = ANY(%(threads)s)
"""

DELETE_RUN = """
WITH gone AS (
  DELETE FROM checkpoints WHERE thread_id = %(thread)s AND metadata->>'run_id' = %(run)s
  RETURNING checkpoint_ns, checkpoint_id
)
DELETE FROM checkpoint_writes w USING gone
 WHERE w.thread_id = %(thread)s AND w.checkpoint_ns = gone.checkpoint_ns
   AND w.checkpoint_id = gone.checkpoint_id
"""

# Blobs that no checkpoint of the thread names any more.
DELETE_LOOSE_BLOBS = """
DELETE FROM checkpoint_blobs b WHERE b.thread_id = %(thread)s AND NOT EXISTS (
  SELECT 1 FROM checkpoints c
   WHERE c.thread_id = b.thread_id AND c.checkpoint_ns = b.checkpoint_ns
     AND c.checkpoint->'channel_versions'->>b.channel = b.version)
"""


async def delete_checkpoints(conn: db.Connection, thread_ids: list[UUID]) -> None:
    """Delete everything that LangGraph has stored of these threads."""
    await conn.execute(DELETE_THREADS, {"threads": [str(thread_id) for thread_id in thread_ids]})


async def delete_run_checkpoints(conn: db.Connection, *, thread_id: UUID, run_id: UUID) -> None:
    """Delete what one run has written, so that the thread's head is what it was before."""
    names: dict[str, Any] = {"thread": str(thread_id), "run": str(run_id)}
    await conn.execute(DELETE_RUN, names)
    await conn.execute(DELETE_LOOSE_BLOBS, names)
