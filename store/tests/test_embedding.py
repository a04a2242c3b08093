"""The user's embedding: where it runs, and what comes of its failures."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Any

import httpx
import pytest

from common.importing import load_object
from common.jsoncodec import Json
from conftest import TEST_GRAPHS
from store.backend import open_store
from store.embedding import on_graph_loop
from store.tests.asking import got, keys, put, searched
from store.tests.conftest import Serve, indexed_by

pytestmark = pytest.mark.usefixtures("indexed")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kaput", "failed: ValueError"),
        ("short", "gave a vector of 1 numbers, and `store.index.dims` is 4"),
        ("lost", "gave 0 vectors for 1 texts"),
        ("infinite", "not finite"),
        ("odd", "must give a list of vectors, and gave a str"),
    ],
)
async def test_an_embedding_that_fails_is_424_and_nothing_is_written(
    api: httpx.AsyncClient, root: str, text: str, told: str
) -> None:
    await put(api, namespace=[root], key="k", value={"text": "a cat"})

    item: Json = {"namespace": [root], "key": "k", "value": {"text": text}}
    answer = await api.put("/store/items", json=item)

    assert answer.status_code == 424
    assert "`./embed.py:embed`" in answer.json()["detail"]
    assert told in answer.json()["detail"]
    assert (await got(api, root, "k"))["value"] == {"text": "a cat"}
    assert (await searched(api, root, query="pet"))[0]["score"] > 0.9


async def test_what_the_embedding_raised_is_told_to_those_who_may_know(
    api: httpx.AsyncClient, root: str, settings: Any
) -> None:
    for is_exposed in (False, True):
        settings.EXPOSE_ERRORS = is_exposed

        answer = await api.post(
            "/store/items/search", json={"namespace_prefix": [root], "query": "kaput"}
        )

        assert answer.status_code == 424
        assert ("no model today" in answer.json()["detail"]) is is_exposed


async def test_an_embedding_that_takes_too_long_is_given_up(
    api: httpx.AsyncClient, root: str, settings: Any
) -> None:
    settings.EMBEDDING_TIMEOUT_SECONDS = 0.02

    item: Json = {"namespace": [root], "key": "k", "value": {"text": "slow"}}
    answer = await api.put("/store/items", json=item)

    assert answer.status_code == 424
    assert "took longer than 0.02 s (EMBEDDING_TIMEOUT_SECONDS)" in answer.json()["detail"]
    assert await got(api, root, "k") is None


async def test_a_graph_that_blocks_the_loop_delays_an_embedding_and_no_longer_than_its_time(
    api: httpx.AsyncClient, notes: str, settings: Any
) -> None:
    settings.EMBEDDING_TIMEOUT_SECONDS = 0.1
    run: Json = {"assistant_id": "blocker", "input": {"seconds": 1}}
    blocking = asyncio.create_task(api.post("/runs/wait", json=run))
    await until_blocked()

    answer = await api.post(
        "/store/items/search", json={"namespace_prefix": [notes], "query": "pet"}
    )

    assert answer.status_code == 424
    assert (await got(api, notes, "cat"))["key"] == "cat"
    await blocking
    settings.EMBEDDING_TIMEOUT_SECONDS = 10
    assert (await keys(api, notes, query="pet"))[0] == "cat"


async def until_blocked() -> None:
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0.05):
                await on_graph_loop(asyncio.sleep(0.01))


async def test_who_waits_for_the_embedding_holds_up_nobody(
    api: httpx.AsyncClient, notes: str
) -> None:
    released: Any = load_object("./embed.py:released", TEST_GRAPHS.parent)
    released.clear()
    held = asyncio.create_task(put(api, namespace=[notes], key="k", value={"text": "held"}))
    await asyncio.sleep(0.01)

    assert await got(api, notes, "cat")
    assert await keys(api, notes, query="pet")
    await put(api, namespace=[notes], key="dog", value={"text": "a dog"})

    assert not held.done()
    released.set()
    await held


async def test_a_failure_is_only_of_those_who_caused_it(api: httpx.AsyncClient, root: str) -> None:
    async def code_of(key: str) -> int:
        item: Json = {"namespace": [root], "key": key, "value": {"text": key}}
        return (await api.put("/store/items", json=item)).status_code

    codes = await asyncio.gather(*(code_of(key) for key in ("cat", "kaput", "plum")))

    assert codes == [204, 424, 204]
    assert sorted(await keys(api, root)) == ["cat", "plum"]


async def test_a_graph_that_cannot_embed_fails_with_a_clear_error(api: httpx.AsyncClient) -> None:
    puts: Json = [{"namespace": ["notes"], "key": "k", "value": {"text": "short"}}]

    run: Json = {"assistant_id": "notes", "input": {"puts": puts}}
    error = (await api.post("/runs/wait", json=run)).json()["__error__"]

    assert error["error"] == "EmbeddingFailed"
    assert "`store.index.dims` is 4" in error["message"]


async def test_a_batch_of_a_graph_is_put_whole_or_not_at_all(
    api: httpx.AsyncClient, root: str
) -> None:
    puts: Json = [
        {"namespace": [root], "key": text, "value": {"text": text}} for text in ("cat", "kaput")
    ]

    run: Json = {"assistant_id": "batchnotes", "input": {"puts": puts}}
    answer = await api.post("/runs/wait", json=run)

    assert answer.json()["__error__"]["error"] == "EmbeddingFailed"
    assert await keys(api, root) == []


@pytest.mark.parametrize("embed", ["embed_async", "meanings"])
async def test_async_functions_and_embeddings_objects_embed_too(
    api: httpx.AsyncClient, notes: str, serve_store: Serve, embed: str
) -> None:
    async with serve_store(indexed_by(f"./embed.py:{embed}")):
        await put(api, namespace=[notes], key="dog", value={"text": "a dog"})

        assert set((await keys(api, notes, query="pet"))[:2]) == {"dog", "cat"}


async def test_queries_are_embedded_as_queries(
    api: httpx.AsyncClient, notes: str, serve_store: Serve
) -> None:
    async with serve_store(indexed_by("./embed.py:meanings")):
        found: list[Any] = await searched(api, notes, query="not cat")

    assert (found[0]["key"], found[0]["score"]) == ("cat", pytest.approx(1, abs=0.01))


async def test_the_users_code_runs_where_graphs_run_and_holds_up_no_loop(
    api: httpx.AsyncClient, root: str, serve_store: Serve
) -> None:
    threads: Any = load_object("./embed.py:seen_in", TEST_GRAPHS.parent)
    threads.clear()

    for embed in ("embed_async", "embed"):
        async with serve_store(indexed_by(f"./embed.py:{embed}")):
            await put(api, namespace=[root], key=embed, value={"text": "a cat"})

    on_loop, in_thread = threads
    assert on_loop == "graphs"
    assert in_thread not in ("graphs", threading.current_thread().name)


@pytest.mark.parametrize("index", [[1], 5, [None]], ids=str)
async def test_a_graphs_odd_index_fails_that_put_alone(root: str, index: Any) -> None:
    store = await open_store()

    async with asyncio.timeout(5):
        odd, good = await asyncio.gather(
            store.aput((root,), "odd", {"a": 1}, index=index),
            store.aput((root,), "good", {"text": "a cat"}),
            return_exceptions=True,
        )

        assert isinstance(odd, TypeError | AttributeError)
        assert good is None
        assert [item.key for item in await store.asearch((root,), query="pet")] == ["good"]


async def test_a_value_that_a_graph_changes_meanwhile_breaks_nothing(root: str) -> None:
    store, value = await open_store(), {"text": "a cat"}

    putting = asyncio.create_task(store.aput((root,), "k", value))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    value["text"] = "a plum"
    await putting

    assert await store.aget((root,), "k")
