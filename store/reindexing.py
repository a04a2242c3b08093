"""Vectors for items that lack them: put before there was an index, or made by another model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langgraph.store.base import PutOp

from common import db
from common.db import Row
from store import queries
from store.backend import open_store
from store.embedding import Embedder
from store.indexing import Text, texts_of
from store.options import IndexOptions
from store.vectors import DIMS

# Vectors older than their item are of a time without an index.
ITEMS = """
SELECT prefix, key, value, updated_at FROM store
 WHERE (prefix, key) > (%(prefix)s, %(key)s) AND (expires_at IS NULL OR expires_at > now())
   AND (%(every)s OR NOT EXISTS (
        SELECT FROM store_vectors v WHERE v.prefix = store.prefix AND v.key = store.key
           AND v.updated_at >= store.updated_at))
 ORDER BY prefix, key LIMIT %(limit)s
"""

# Who puts an item meanwhile has made its vectors, too.
UNCHANGED = """
SELECT store.prefix, store.key
  FROM store JOIN unnest(%s::text[], %s::text[], %s::timestamptz[]) AS item (prefix, key, seen_at)
    ON store.prefix = item.prefix AND store.key = item.key AND store.updated_at = item.seen_at
 ORDER BY store.prefix, store.key FOR UPDATE OF store
"""

# The next start makes the table anew.
FORGET_TABLE = ("DELETE FROM vector_migrations WHERE v > 0", "DROP TABLE store_vectors")


@dataclass(slots=True)
class Reindexed:
    """How many items were gone through."""

    embedded: int = 0

    without_text: int = 0
    """Those in which the fields of the index lead to nothing."""


async def reindex_store(*, every: bool, batch: int) -> Reindexed:
    """Embed the items without vectors, or every item, by the fields of the project file.

    Servers may run meanwhile, and it may be run again after it was interrupted. Raises
    EmbeddingFailed.
    """
    embedder = (await open_store()).embedder
    assert embedder is not None, "the command checks that there is an index"
    done, last = Reindexed(), {"prefix": "", "key": ""}
    while rows := await db.fetch_all(ITEMS, {**last, "every": every, "limit": batch}):
        last = {"prefix": rows[-1]["prefix"], "key": rows[-1]["key"]}
        embedded = await _embed(rows, embedder)
        done.embedded += embedded
        done.without_text += len(rows) - embedded
    return done


async def forget_other_vectors(index: IndexOptions) -> None:
    """Drop the vectors of another length than the project's model gives."""
    kept = await db.fetch_one(DIMS)
    if kept is None or kept["dims"] == index.dims:
        return
    async with db.transaction() as tx:
        for statement in FORGET_TABLE:
            await tx.execute(statement)


async def _embed(rows: list[Row], embedder: Embedder) -> int:
    """Embed these items; return how many of them have a text."""
    texts = [text for row in rows for text in _texts(row, embedder.options.fields)]
    vectors = await embedder.documents([it.text for it in texts]) if texts else []
    async with db.transaction() as tx:
        seen = [[row[name] for row in rows] for name in ("prefix", "key", "updated_at")]
        unchanged = await (await tx.execute(UNCHANGED, seen)).fetchall()
        names = {(row["prefix"], row["key"]) for row in unchanged}
        await tx.execute(queries.FORGET_VECTORS, queries.columns(sorted(names), 2))
        kept = [
            (it.prefix, it.key, it.field, queries.vector_text(vector))
            for it, vector in zip(texts, vectors, strict=True)
            if (it.prefix, it.key) in names
        ]
        await tx.execute(queries.KEEP_VECTORS, queries.columns(kept, 4))
    return len({(it.prefix, it.key) for it in texts})


def _texts(row: Row, fields: Sequence[str]) -> list[Text]:
    namespace = tuple(row["prefix"].split("."))
    return list(texts_of(PutOp(namespace, row["key"], row["value"].parse()), fields))
