"""The saver of one attempt of a run."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from psycopg import AsyncCursor
from psycopg.rows import DictRow

from common import db
from graphs.checkpoint_rows import Rows, blob_rows, checkpoint_row, write_rows
from graphs.checkpointer import PooledSaver
from graphs.group_commit import AGAIN_SECONDS, AWAY_SECONDS, Fence, RunOver, group_commit
from graphs.metrics import CHECKPOINTS

logger = logging.getLogger(__name__)


class RunSaver(PooledSaver):
    """The saver of one attempt of a run, which writes only while that has the run.

    LangGraph does not wait for all that it writes when a graph is cancelled, and a graph that
    ignores its cancellation goes on writing: on a thread that is another run's by then, or gone.
    Closing holds that back in this process; the fence, whatever another process has made of the
    run meanwhile. A database that is away is waited for.
    """

    def __init__(self, pool: db.Pool, fence: Fence) -> None:
        super().__init__(pool)
        self._fence = fence
        self._commits = group_commit(fence.statement)
        # LangGraph copies savers: copies share it.
        self._writing = _Writing()

    async def close(self, seconds: float) -> None:
        """Refuse writes from now on, and wait for those that are under way."""
        self._writing.is_over = True
        if self._writing.under_way:
            await asyncio.wait(self._writing.under_way, timeout=seconds)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint: what is short with it, every other value by its version."""
        place = config["configurable"]
        key = (place["thread_id"], place["checkpoint_ns"], checkpoint["id"])
        short, long = _apart(checkpoint["channel_values"])
        versions = {name: version for name, version in new_versions.items() if name in long}
        row = checkpoint_row(
            (*key, place.get("checkpoint_id")),
            {**checkpoint, "channel_values": short},
            get_serializable_checkpoint_metadata(config, metadata),
        )
        blobs = blob_rows(self._dump_blobs(key[0], key[1], long, versions))
        await self._written(key, Rows(checkpoint=row, blobs=blobs))
        CHECKPOINTS.inc()
        named = dict(zip(("thread_id", "checkpoint_ns", "checkpoint_id"), key, strict=True))
        return {"configurable": named}

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        place = config["configurable"]
        key = (place["thread_id"], place["checkpoint_ns"], place["checkpoint_id"], task_id)
        rows = write_rows(self._dump_writes(*key, task_path, writes))
        await self._written(key, Rows(writes=rows))

    async def _written(self, key: tuple[str, ...], rows: Rows) -> None:
        if self._writing.is_over:
            raise RunOver
        done = self._commits.ask(self._fence, key, rows)
        self._writing.under_way.add(done)
        done.add_done_callback(self._writing.under_way.discard)
        # What was asked for is written, and waited for at the end, also when who asked is gone.
        await asyncio.shield(done)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        deadline = time.monotonic() + AWAY_SECONDS
        while True:
            try:
                return await super().aget_tuple(config)
            except db.UNREACHABLE as exc:
                if time.monotonic() > deadline:
                    raise
                logger.warning("checkpoints not reached: %s", " ".join(str(exc).split()))
            await asyncio.sleep(AGAIN_SECONDS)

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:
        """Lend a cursor; with `pipeline`, for what a graph deletes, behind the fence."""
        async with super()._cursor(pipeline=pipeline) as cursor:
            if pipeline:
                await self._commits.require(self._fence, cursor)
            yield cursor


class _Writing:
    """The writes of one run that are under way."""

    def __init__(self) -> None:
        self.is_over = False
        self.under_way: set[asyncio.Future[None]] = set()


def _apart(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part what stands in a checkpoint from what has rows of its own."""
    short, long = dict[str, Any](), dict[str, Any]()
    for name, value in values.items():
        if _is_short(value):
            short[name] = value
            continue
        long[name] = value
        if isinstance(value, _DeltaSnapshot):
            short[name] = True
    return short, long


def _is_short(value: object) -> bool:
    """As in the stock saver, but for what PostgreSQL's JSON would change: floats, and NUL."""
    if isinstance(value, str):
        return "\0" not in value
    return value is None or isinstance(value, int)


async def open_run_saver(fence: Fence) -> RunSaver:
    """Return the saver of an attempt of a run, to be closed when the attempt has ended."""
    return RunSaver(await db.pool(), fence)
