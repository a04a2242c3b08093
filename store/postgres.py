"""LangGraph's store with its tables and its interface, and what it does otherwise.

Embeddings are made before a connection is taken, and a batch is written whole or not at all;
filters compare JSON values; a search by meaning is exact; what has expired is gone.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from langgraph.store.base import (
    GetOp,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    validate_op_namespace,
)
from langgraph.store.postgres.aio import AsyncPostgresStore
from langgraph.store.postgres.base import PostgresIndexConfig
from psycopg import AsyncCursor

from common import db
from common.db import Pool, Row
from store import queries
from store.embedding import Embedder
from store.indexing import Vectors, may_need_vectors, vectors_for
from store.options import TtlOptions
from store.queries import columns

Asked: TypeAlias = "tuple[asyncio.Future[Any], Op]"


class Store(AsyncPostgresStore):
    """The store of one event loop, for HTTP and graphs."""

    # The third makes an approximate index, which a search in one namespace cannot use.
    VECTOR_MIGRATIONS = AsyncPostgresStore.VECTOR_MIGRATIONS[:2]

    def __init__(self, pool: Pool, *, embedder: Embedder | None, ttl: TtlOptions) -> None:
        index: PostgresIndexConfig | None = None
        if embedder is not None:
            options = embedder.options
            index = {
                "dims": options.dims,
                "embed": embedder.embeddings,
                "fields": list(options.fields),
            }
        super().__init__(pool, index=index, ttl=_ttl_config(ttl))
        self.embedder = embedder
        self._embedding: set[asyncio.Task[None]] = set()

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do all of `ops`, or none of them; raises EmbeddingFailed."""
        asked = list(ops)
        for op in asked:
            validate_op_namespace(op)
        vectors = await vectors_for(asked, self.embedder) if self.embedder else Vectors()
        results: list[Result] = [None] * len(asked)
        async with self._cursor(pipeline=True) as cur:
            await self._batch_get_ops(_only(GetOp, asked), results, cur)
            for place, search in _only(SearchOp, asked):
                results[place] = await _search(cur, search, vectors)
            await self._batch_list_namespaces_ops(_only(ListNamespacesOp, asked), results, cur)
            await self._put(cur, [op for _, op in _only(PutOp, asked)], vectors)
        return results

    async def close(self) -> None:
        """End the background tasks."""
        tasks = [task for task in (self._task, *self._embedding) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ensure_task(self) -> None:
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(_serve(self._aqueue, weakref.ref(self)))

    async def _put(self, cur: AsyncCursor[Row], ops: list[PutOp], vectors: Vectors) -> None:
        # The last one of a key wins; an order of all keys keeps two batches from a deadlock.
        last = sorted({(".".join(op.namespace), op.key): op for op in ops}.items())
        if gone := [name for name, op in last if op.value is None]:
            await cur.execute(queries.DELETE, columns(gone, 2))
        rows = [
            (prefix, key, db.jsonb(dict(op.value)), op.ttl)
            for (prefix, key), op in last
            if op.value is not None
        ]
        if not rows:
            return
        await cur.execute(queries.PUT, columns(rows, 4))
        if self.embedder is not None:
            await cur.execute(queries.FORGET_VECTORS, columns([row[:2] for row in rows], 2))
            await self._keep_vectors(cur, vectors)

    async def _keep_vectors(self, cur: AsyncCursor[Row], vectors: Vectors) -> None:
        rows = [
            (it.prefix, it.key, it.field, queries.vector_text(vector))
            for it, vector in vectors.documents
        ]
        if rows:
            await cur.execute(queries.KEEP_VECTORS, columns(rows, 4))

    async def _answer(self, asked: list[Asked]) -> None:
        """Answer what needs no model, and let the rest wait for it in a task of its own."""
        quick: list[Asked] = []
        slow: list[Asked] = []
        for one in asked:
            is_slow = self.embedder is not None and may_need_vectors(one[1])
            (slow if is_slow else quick).append(one)
        if slow:
            task = self._loop.create_task(self._answer_batch(slow))
            self._embedding.add(task)
            task.add_done_callback(self._embedding.discard)
        if quick:
            await self._answer_batch(quick)

    async def _answer_batch(self, batch: list[Asked]) -> None:
        """Give each future its result; what one operation is to blame for fails it alone."""
        try:
            results = await self.abatch([op for _, op in batch])
        # Whatever it is, those who wait are to know.
        except Exception as exc:  # noqa: BLE001 -- it is raised again by their futures
            if len(batch) == 1 or _is_everybodys(exc):
                _fail(batch, exc)
            else:
                await asyncio.gather(*(self._answer_batch([one]) for one in batch))
        else:
            for (future, _), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)


async def _serve(queue: asyncio.Queue[Asked], store: weakref.ref[Store]) -> None:
    """Batch what is asked in one tick; what waits for a model holds up nothing else."""
    while True:
        asked = [await queue.get()]
        with suppress(asyncio.QueueEmpty):
            while True:
                asked.append(queue.get_nowait())
        found = store()
        if found is None:
            return
        await found._answer([one for one in asked if not one[0].done()])
        del found


async def _search(cur: AsyncCursor[Row], op: SearchOp, vectors: Vectors) -> list[SearchItem]:
    statement, params = queries.search_statement(op, vectors.queries.get(op.query or ""))
    await cur.execute(statement, params)
    return [
        SearchItem(
            namespace=tuple(row["prefix"].split(".")),
            key=row["key"],
            value=row["value"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            score=None if row["distance"] is None else 1 - row["distance"],
        )
        for row in await cur.fetchall()
    ]


def _only(kind: type[Any], ops: Sequence[Op]) -> list[tuple[int, Any]]:
    return [(place, op) for place, op in enumerate(ops) if isinstance(op, kind)]


def _is_everybodys(exc: Exception) -> bool:
    """Tell whether any other operation would fail, too."""
    return isinstance(exc, db.UNREACHABLE) and not isinstance(exc, db.UNSTORABLE)


def _fail(batch: list[Asked], exc: Exception) -> None:
    for future, _ in batch:
        if not future.done():
            future.set_exception(exc)


def _ttl_config(ttl: TtlOptions) -> TTLConfig:
    return {
        "refresh_on_read": ttl.refresh_on_read,
        "default_ttl": ttl.default_ttl,
        "omit_expired": True,
    }
