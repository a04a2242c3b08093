"""The store that this process serves: its options, and a LangGraph store for each event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from common import db
from common.config import ProjectConfig
from common.tally import Tally
from store.embedding import Embedder, load_embedder
from store.options import TtlOptions, read_options
from store.postgres import Store
from store.queries import EXPIRED, SWEEP
from store.vectors import check_vectors, make_extension

_stores: WeakKeyDictionary[asyncio.AbstractEventLoop, Store] = WeakKeyDictionary()

# The admin needs a key of one column.
VIEW = """
CREATE OR REPLACE VIEW store_item AS
SELECT prefix || '/' || key AS item_id, prefix, key, value, created_at, updated_at, expires_at
  FROM store
"""
# So many in one statement: their locks are held until it ends.
SWEPT_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What the stores of this process are opened with."""

    embedder: Embedder | None = None
    ttl: TtlOptions = field(default_factory=TtlOptions)


_served = Served()


def load_store(config: ProjectConfig) -> Served:
    """Import the user's embedding and serve the project's options from now on.

    After the graphs, which put the project's directories on the path. Raises ConfigError and
    LoadError.
    """
    global _served  # noqa: PLW0603 -- one project per process
    options = read_options(config)
    embedder = load_embedder(options.index, config.directory) if options.index else None
    _served = Served(embedder=embedder, ttl=options.ttl)
    return _served


@contextmanager
def use_store(served: Served) -> Iterator[None]:
    """Open stores with other options inside the block (for tests)."""
    global _served  # noqa: PLW0603 -- see load_store()
    before, _served = _served, served
    try:
        yield
    finally:
        _served = before


async def open_store() -> Store:
    """Return the running loop's store; the first call makes it."""
    loop = asyncio.get_running_loop()
    found = _stores.get(loop)
    if found is None:
        pool = await db.pool()
        found = _stores[loop] = Store(pool, embedder=_served.embedder, ttl=_served.ttl)
    return found


async def close_store() -> None:
    """End the running loop's store and its background tasks, if it has one."""
    found = _stores.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.close()


async def setup() -> None:
    """Bring LangGraph's store tables to this version; raises IndexUnavailable."""
    await check_index()
    if _served.embedder is not None:
        await make_extension()
    await (await open_store()).setup()
    await db.execute(VIEW)


async def check_index() -> None:
    """Raise IndexUnavailable when the database cannot do what `store.index` asks for."""
    if _served.embedder is not None:
        await check_vectors(_served.embedder.options)


async def sweep(*, is_rehearsal: bool = False) -> Tally:
    """Delete the items that have expired, or only count them."""
    tally = Tally()
    if is_rehearsal:
        tally.count("store items", await db.fetch_one(EXPIRED))
        return tally
    while True:
        deleted = await db.fetch_one(SWEEP, [SWEPT_AT_ONCE])
        tally.count("store items", deleted)
        if deleted is None or deleted["rows"] < SWEPT_AT_ONCE:
            return tally


def sweep_interval_minutes() -> float:
    return _served.ttl.sweep_interval_minutes
