"""`store.ttl` and `ttl`: items that live for some minutes, and longer when they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from common import db
from common.jsoncodec import Json
from store.backend import Served, sweep
from store.jobs import sweep_store
from store.options import TtlOptions
from store.tests.asking import got, keys, put, searched
from store.tests.conftest import Serve, indexed_by, need_pgvector


async def minutes_left(root: str, key: str = "k") -> float | None:
    query = """
    SELECT extract(epoch FROM expires_at - now()) / 60 AS minutes FROM store
     WHERE prefix = %s AND key = %s
    """
    row = await db.fetch_one(query, [root, key])
    assert row is not None
    return None if row["minutes"] is None else round(float(row["minutes"]), 2)


async def let_pass(root: str, minutes: float) -> None:
    """Have the items of a namespace be older."""
    query = "UPDATE store SET expires_at = expires_at - make_interval(secs => %s) WHERE prefix = %s"
    await db.execute(query, [minutes * 60, root])


async def test_an_item_lives_for_its_minutes_and_is_gone(api: httpx.AsyncClient, root: str) -> None:
    await put(api, namespace=[root], key="k", ttl=5)
    await put(api, namespace=[root], key="stays")
    assert await minutes_left(root) == 5
    assert await minutes_left(root, "stays") is None

    await let_pass(root, 5)

    assert await got(api, root, "k") is None
    assert await keys(api, root) == ["stays"]
    assert await keys(api, root, refresh_ttl=True) == ["stays"]


async def test_a_namespace_of_expired_items_is_not_listed(
    api: httpx.AsyncClient, root: str
) -> None:
    await put(api, namespace=[root], key="k", ttl=5)

    await let_pass(root, 5)

    answer = await api.post("/store/namespaces", json={"prefix": [root]})
    assert answer.json() == {"namespaces": []}


async def test_a_put_after_the_end_makes_a_new_item(api: httpx.AsyncClient, root: str) -> None:
    await put(api, namespace=[root], key="k", ttl=5)
    first = await got(api, root, "k")
    await let_pass(root, 5)

    await put(api, namespace=[root], key="k")

    second = await got(api, root, "k")
    assert second["created_at"] == second["updated_at"] > first["created_at"]
    assert await minutes_left(root) is None


@pytest.mark.parametrize(
    ("refresh", "left"), [(None, 5.0), ("true", 5.0), ("1", 5.0), ("false", 3.0), ("0", 3.0)]
)
async def test_a_get_lengthens_the_life_unless_it_is_told_not_to(
    api: httpx.AsyncClient, root: str, refresh: str | None, left: float
) -> None:
    await put(api, namespace=[root], key="k", ttl=5)
    await let_pass(root, 2)

    assert await got(api, root, "k", **({} if refresh is None else {"refresh_ttl": refresh}))

    assert await minutes_left(root) == left


@pytest.mark.parametrize(("refresh", "left"), [(None, 5.0), (True, 5.0), (False, 3.0)])
async def test_a_search_lengthens_the_life_of_what_it_finds(
    api: httpx.AsyncClient, root: str, refresh: bool | None, left: float
) -> None:
    await put(api, namespace=[root], key="k", value={"n": 1}, ttl=5)
    await put(api, namespace=[root], key="unfound", value={"n": 2}, ttl=5)
    await let_pass(root, 2)

    assert await keys(api, root, filter={"n": 1}, refresh_ttl=refresh) == ["k"]

    assert await minutes_left(root) == left
    assert await minutes_left(root, "unfound") == 3


async def test_a_part_of_a_minute_is_kept_and_no_read_ends_it_early(
    api: httpx.AsyncClient, root: str
) -> None:
    await put(api, namespace=[root], key="k", ttl=0.25)
    assert await minutes_left(root) == 0.25

    for _ in range(2):
        assert await got(api, root, "k")
        assert await minutes_left(root) == 1


@pytest.mark.parametrize("ttl", [0, -1, "5", True, [], 2**31, 1e300], ids=str)
async def test_a_ttl_that_is_none_is_422(api: httpx.AsyncClient, root: str, ttl: Json) -> None:
    item: Json = {"namespace": [root], "key": "k", "value": {}, "ttl": ttl}

    answer = await api.put("/store/items", json=item)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("ttl: must be ")
    assert await got(api, root, "k") is None


async def test_the_longest_ttl_is_taken(api: httpx.AsyncClient, root: str) -> None:
    await put(api, namespace=[root], key="k", ttl=2**31 - 1)

    assert await got(api, root, "k")
    assert await keys(api, root) == ["k"]


async def test_a_sweep_deletes_what_has_expired_and_nothing_else(
    api: httpx.AsyncClient, root: str
) -> None:
    for key, ttl in {"old": 5, "young": 10, "stays": None}.items():
        await put(api, namespace=[root], key=key, ttl=ttl)
    await let_pass(root, 7)

    await sweep()

    left = await db.fetch_all("SELECT key FROM store WHERE prefix = %s ORDER BY key", [root])
    assert [row["key"] for row in left] == ["stays", "young"]


async def test_the_job_sweeps_when_it_is_its_turn(
    api: httpx.AsyncClient, root: str, serve_store: Serve
) -> None:
    await put(api, namespace=[root], key="old", ttl=5)
    await let_pass(root, 7)
    left = "SELECT key FROM store WHERE prefix = %s"

    async with serve_store(Served(ttl=TtlOptions(sweep_interval_minutes=7))):
        await sweep_store(timestamp=6 * 60)
        assert await db.fetch_all(left, [root])
        await sweep_store(timestamp=7 * 60)

    assert await db.fetch_all(left, [root]) == []


@pytest.fixture
async def default_ttl(serve_store: Serve) -> AsyncIterator[None]:
    ttl = TtlOptions(refresh_on_read=False, default_ttl=5.0)
    async with serve_store(Served(ttl=ttl)):
        yield


@pytest.mark.usefixtures("default_ttl")
async def test_the_projects_ttl_is_that_of_items_without_one(
    api: httpx.AsyncClient, root: str
) -> None:
    await put(api, namespace=[root], key="k")
    await put(api, namespace=[root], key="null", ttl=None)
    await put(api, namespace=[root], key="own", ttl=9)

    assert await minutes_left(root) == 5
    assert await minutes_left(root, "null") == 5
    assert await minutes_left(root, "own") == 9


@pytest.mark.usefixtures("default_ttl")
async def test_the_project_may_have_reads_lengthen_nothing(
    api: httpx.AsyncClient, root: str
) -> None:
    await put(api, namespace=[root], key="k")
    await let_pass(root, 2)

    await got(api, root, "k")
    await keys(api, root)
    assert await minutes_left(root) == 3

    await got(api, root, "k", refresh_ttl="true")
    assert await minutes_left(root) == 5


@pytest.mark.usefixtures("default_ttl")
@pytest.mark.parametrize("graph", ["notes", "syncnotes"])
async def test_what_a_graph_puts_lives_as_long(
    api: httpx.AsyncClient, root: str, graph: str
) -> None:
    puts: list[dict[str, Any]] = [
        {"namespace": [root], "key": "default", "value": {}},
        {"namespace": [root], "key": "own", "value": {}, "ttl": 0.5},
        {"namespace": [root], "key": "forever", "value": {}, "ttl": None},
    ]

    run: Json = {"assistant_id": graph, "input": {"puts": list(puts)}}
    assert (await api.post("/runs/wait", json=run)).json()["found"] == []

    assert await minutes_left(root, "default") == 5
    assert await minutes_left(root, "own") == 0.5
    assert await minutes_left(root, "forever") is None


async def test_an_expired_item_is_not_found_by_its_meaning(
    api: httpx.AsyncClient, root: str, serve_store: Serve
) -> None:
    await need_pgvector()
    async with serve_store(indexed_by()):
        await put(api, namespace=[root], key="k", value={"text": "a cat"}, ttl=5)
        await put(api, namespace=[root], key="dog", value={"text": "a dog"}, ttl=50)
        await let_pass(root, 6)

        found = await searched(api, root, query="pet", refresh_ttl=True)

        assert [item["key"] for item in found] == ["dog"]
        assert await minutes_left(root, "dog") == 50
