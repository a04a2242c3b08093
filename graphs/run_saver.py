"""The saver of one attempt of a run."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from inspect import signature
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

# A graph does not go on when so much of what it has written is still to be committed.
AHEAD_BYTES = 2**22


class RunSaver(PooledSaver):
    """The saver of one attempt of a run, which writes only while that has the run.

    LangGraph does not wait for all that it writes when a graph is cancelled, and a graph that
    ignores its cancellation goes on writing: on a thread that is another run's by then, or gone.
    Closing holds that back in this process; the fence, whatever another process has made of the
    run meanwhile. A database that is away is waited for.

    LangGraph writes a checkpoint when the one before is written, and the end of a run waits for
    all of them. Unless it `waits` for each, as durability `sync` has it, a write is asked for and
    the graph goes on: what comes meanwhile is committed together. Who reads with this saver reads
    what was written before; `committed` tells of what failed, as does the next write.
    """

    def __init__(
        self, pool: db.Pool, fence: Fence, *, waits: bool = True, is_first: bool = False
    ) -> None:
        super().__init__(pool)
        self._fence = fence
        self._waits = waits
        self._commits = group_commit(fence.statement)
        # LangGraph copies savers: copies share it.
        self._writing = _Writing(is_first=is_first)

    async def committed(self) -> None:
        """Return when all that was asked for is committed; raises what kept it from that."""
        await self._ended()
        if self._writing.failure is not None:
            raise self._writing.failure

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Have what the block writes committed when it ends, unless it is cancelled."""
        try:
            yield
        except Exception:
            await self._ended()
            raise
        await self.committed()

    async def close(self, seconds: float) -> None:
        """Refuse writes from now on, and wait for those that are under way."""
        self._writing.is_over = True
        if self._writing.under_way:
            self._commits.hurry()
            await asyncio.wait(self._writing.under_way, timeout=seconds)

    async def _ended(self) -> None:
        while self._writing.under_way:
            self._commits.hurry()
            await asyncio.wait(self._writing.under_way)

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

    # LangGraph asks for it at the start of each run, to see whether there is a `task_path`.
    aput_writes.__signature__ = signature(aput_writes)  # type: ignore[attr-defined]

    async def _written(self, key: tuple[str, ...], rows: Rows) -> None:
        if self._writing.is_over:
            raise RunOver
        if self._writing.failure is not None:
            raise self._writing.failure
        size = rows.size
        is_awaited = self._waits or self._writing.size + size > AHEAD_BYTES
        done = self._commits.ask(self._fence, key, rows, is_awaited=is_awaited)
        self._writing.begin(done, rows, size, is_awaited=is_awaited)
        if is_awaited:
            # What was asked for is written, and waited for at the end, also when who asked is gone.
            await asyncio.shield(done)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        if self._writing.is_first:
            return None
        deadline = time.monotonic() + AWAY_SECONDS
        while True:
            try:
                return await super().aget_tuple(config)
            except db.UNREACHABLE as exc:
                if time.monotonic() > deadline:
                    raise
                if isinstance(exc, db.Busy):
                    continue
                logger.warning("checkpoints not reached: %s", " ".join(str(exc).split()))
            await asyncio.sleep(AGAIN_SECONDS)

    async def alist(self, *args: Any, **kwargs: Any) -> AsyncIterator[CheckpointTuple]:
        await self._ended()
        async for checkpoint in super().alist(*args, **kwargs):
            yield checkpoint

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:
        """Lend a cursor; with `pipeline`, for what a graph deletes, behind the fence."""
        await self._ended()
        async with super()._cursor(pipeline=pipeline) as cursor:
            if pipeline:
                await self._commits.require(self._fence, cursor)
            yield cursor


class _Writing:
    """The writes of one run that are under way."""

    def __init__(self, *, is_first: bool) -> None:
        self.is_first = is_first
        """Whether nothing has been written on the thread yet, by anybody."""
        self.is_over = False
        self.under_way: set[asyncio.Future[None]] = set()
        self.size = 0
        """Their bytes."""
        self.failure: Exception | None = None
        """What became of the first that failed while nobody waited for it."""

    def begin(self, done: asyncio.Future[None], rows: Rows, size: int, *, is_awaited: bool) -> None:
        self.is_first = False
        self.under_way.add(done)
        self.size += size
        done.add_done_callback(partial(self._end, rows, size, is_awaited=is_awaited))

    def _end(self, rows: Rows, size: int, done: asyncio.Future[None], *, is_awaited: bool) -> None:
        self.under_way.discard(done)
        self.size -= size
        failure = RunOver() if done.cancelled() else done.exception()
        if failure is None and rows.checkpoint:
            CHECKPOINTS.inc()
        elif isinstance(failure, Exception) and not is_awaited:
            self.failure = self.failure or failure


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


async def open_run_saver(fence: Fence, *, waits: bool = True, is_first: bool = False) -> RunSaver:
    """Return the saver of an attempt of a run, to be closed when the attempt has ended.

    With `is_first` nothing is read before something is written: the thread has no checkpoint.
    """
    return RunSaver(await db.pool(), fence, waits=waits, is_first=is_first)
