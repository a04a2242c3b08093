"""Which texts of an item are searched by their meaning, and their vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from langgraph.store.base import Op, PutOp, SearchOp, get_text_at_path

from common import jsoncodec
from store.embedding import Embedder, Vector

# With namespace and key it is an entry of an index, whose length PostgreSQL bounds.
LONGEST_FIELD = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text of an item."""

    prefix: str
    key: str

    field: str
    """Its path in the value; where a path leads to several, also its place among them."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """What the operations of one batch need."""

    documents: list[tuple[Text, Vector]] = field(default_factory=list)
    """The texts that are put, with what they have become."""

    queries: dict[str, Vector] = field(default_factory=dict)
    """By what is searched for."""


def texts_of(op: PutOp, fields: Sequence[str]) -> Iterator[Text]:
    """Yield the texts of what is put: at its own paths, else at those of the project file."""
    if op.value is None or op.index is False:
        return
    value = jsoncodec.loads_stored(jsoncodec.dumps(op.value))
    for path in fields if op.index is None else dict.fromkeys(op.index):
        texts = get_text_at_path(value, path)
        for number, text in enumerate(texts):
            name = f"{path}.{number}" if len(texts) > 1 else path
            yield Text(prefix=".".join(op.namespace), key=op.key, field=_short(name), text=text)


def may_need_vectors(op: Op) -> bool:
    """Tell whether an operation may have to wait for a model; what is in it is not looked at."""
    if isinstance(op, SearchOp):
        return bool(op.query)
    return isinstance(op, PutOp) and op.value is not None and op.index is not False


async def vectors_for(ops: Iterable[Any], embedder: Embedder) -> Vectors:
    """Embed all that the operations need; raises EmbeddingFailed."""
    # The last one of a key wins.
    puts = {(op.namespace, op.key): op for op in ops if isinstance(op, PutOp)}
    texts = [text for op in puts.values() for text in texts_of(op, embedder.options.fields)]
    once = list(dict.fromkeys(it.text for it in texts))
    queries = list(dict.fromkeys(op.query for op in ops if isinstance(op, SearchOp) and op.query))
    made = dict(zip(once, await embedder.documents(once) if once else [], strict=True))
    asked = await asyncio.gather(*(embedder.query(query) for query in queries))
    return Vectors(
        documents=[(it, made[it.text]) for it in texts],
        queries=dict(zip(queries, asked, strict=True)),
    )


def _short(name: str) -> str:
    if len(name.encode()) <= LONGEST_FIELD:
        return name
    return sha256(name.encode()).hexdigest()
