from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import uuid4

import httpx
import pytest

from common import db
from conftest import TEST_GRAPHS
from store.backend import Served, close_store, setup, use_store
from store.embedding import load_embedder, on_graph_loop
from store.options import IndexOptions, TtlOptions
from store.tests.asking import put
from store.vectors import PGVECTOR

Serve = Callable[[Served], AbstractAsyncContextManager[None]]
DIMS = 4


@pytest.fixture
def root() -> str:
    """A label that nobody else uses."""
    return f"r{uuid4().hex}"


@pytest.fixture(scope="session")
def serve_store(api: httpx.AsyncClient) -> Serve:
    """Serve a store of other options, on both loops."""

    @asynccontextmanager
    async def serve(served: Served) -> AsyncIterator[None]:
        with use_store(served):
            await _close_stores()
            await setup()
            yield
        await _close_stores()

    return serve


async def _close_stores() -> None:
    await close_store()
    await on_graph_loop(close_store())


async def need_pgvector() -> None:
    found = await db.fetch_one(PGVECTOR)
    if not found or not found["is_installed"]:
        pytest.skip("this PostgreSQL has no pgvector")


def indexed_by(embed: str = "./embed.py:embed", ttl: TtlOptions | None = None) -> Served:
    """Return options with an index of the field `text`."""
    options = IndexOptions(dims=DIMS, embed=embed, fields=("text",))
    embedder = load_embedder(options, TEST_GRAPHS.parent)
    return Served(embedder=embedder, ttl=ttl or TtlOptions())


@pytest.fixture(scope="module")
async def indexed(serve_store: Serve) -> AsyncIterator[None]:
    """Serve a store with an index for the tests of a module."""
    await need_pgvector()
    async with serve_store(indexed_by()):
        yield


@pytest.fixture
async def notes(api: httpx.AsyncClient, root: str) -> str:
    """The label of notes of which each means something else, oldest first."""
    texts = {"cat": "my cat sleeps", "plum": "a ripe plum", "boss": "a meeting with the boss"}
    for number, (key, text) in enumerate(texts.items()):
        await put(api, namespace=[root], key=key, value={"text": text, "n": number})
    return root
