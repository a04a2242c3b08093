from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common import db
from common.db import jsonb
from common.tests.statements import Statements

MakeThread = Callable[..., Awaitable[str]]
SETTLED = "UPDATE thread SET status = %s, values = %s WHERE thread_id = %s"


@pytest.fixture
async def three(thread: MakeThread) -> dict[str, Any]:
    """Make three threads, oldest first; return their ids and the metadata they share."""
    shared = {"search": str(uuid4()), "percent": "100%s"}
    ids = [await thread(metadata={**shared, "n": n, "deep": {"l": [n]}}) for n in range(3)]
    values = {"messages": [{"id": "m"}], "topic": "rain"}
    await db.execute(SETTLED, ["interrupted", jsonb(values), ids[0]])
    return {"shared": shared, "ids": ids}


async def numbers(api: httpx.AsyncClient, three: dict[str, Any], **search: Any) -> list[int]:
    metadata = {**three["shared"], **search.pop("metadata", {})}
    answer = await api.post("/threads/search", json={"metadata": metadata, **search})
    assert answer.status_code == 200, answer.text
    return [item["metadata"]["n"] for item in answer.json()]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({}, [2, 1, 0]),
        ({"metadata": {"n": 1}}, [1]),
        ({"metadata": {"deep": {"l": [2]}}}, [2]),
        ({"metadata": {"n": "1"}}, []),
        ({"status": "interrupted"}, [0]),
        ({"status": "idle"}, [2, 1]),
        ({"values": {"topic": "rain"}}, [0]),
        ({"values": {"messages": [{"id": "m"}]}}, [0]),
        ({"values": {"topic": "sun"}}, []),
        ({"values": {}}, [2, 1, 0]),
        ({"ids": []}, []),
        ({"sort_by": "created_at", "sort_order": "asc"}, [0, 1, 2]),
        ({"sort_by": "thread_id", "sort_order": "desc"}, [2, 1, 0]),
        ({"sort_by": None, "sort_order": None, "ids": None, "status": None}, [2, 1, 0]),
        ({"limit": 1, "offset": 2}, [0]),
        ({"limit": 1000, "offset": 2**31 - 1}, []),
    ],
)
async def test_search_finds(
    api: httpx.AsyncClient, three: dict[str, Any], search: dict[str, Any], found: list[int]
) -> None:
    assert await numbers(api, three, **search) == found


async def test_search_by_ids(api: httpx.AsyncClient, three: dict[str, Any]) -> None:
    first, _, last = three["ids"]

    assert await numbers(api, three, ids=[first, last, str(uuid4())]) == [2, 0]


async def test_a_search_shows_whole_threads(api: httpx.AsyncClient, three: dict[str, Any]) -> None:
    search = {"ids": [three["ids"][0]]}

    found = (await api.post("/threads/search", json=search)).json()

    assert found == [(await api.get(f"/threads/{three['ids'][0]}")).json()]


async def test_an_update_moves_a_thread_to_the_top(
    api: httpx.AsyncClient, three: dict[str, Any]
) -> None:
    await api.patch(f"/threads/{three['ids'][1]}", json={"metadata": {"seen": True}})

    assert await numbers(api, three) == [1, 2, 0]


@pytest.mark.parametrize("sort_by", ["status", "updated_at", "state_updated_at"])
async def test_every_sort_column_turns_around(
    api: httpx.AsyncClient, three: dict[str, Any], sort_by: str
) -> None:
    up = await numbers(api, three, sort_by=sort_by, sort_order="asc")

    assert await numbers(api, three, sort_by=sort_by, sort_order="desc") == up[::-1]


async def test_pages_tell_of_the_next_one(api: httpx.AsyncClient, three: dict[str, Any]) -> None:
    search = {"metadata": three["shared"], "limit": 2}

    first = await api.post("/threads/search", json=search)
    last = await api.post("/threads/search", json={**search, "offset": 2})
    beyond = await api.post("/threads/search", json={**search, "offset": 9})

    assert (first.headers["x-pagination-next"], first.headers["x-pagination-total"]) == ("2", "3")
    assert "x-pagination-next" not in last.headers
    assert last.headers["x-pagination-total"] == "3"
    assert (beyond.json(), beyond.headers["x-pagination-total"]) == ([], "9")


async def test_select_returns_these_fields_only(
    api: httpx.AsyncClient, three: dict[str, Any]
) -> None:
    search = {"ids": three["ids"][:1], "select": ["values", "status"]}

    found = (await api.post("/threads/search", json=search)).json()

    assert found == [
        {"values": {"messages": [{"id": "m"}], "topic": "rain"}, "status": "interrupted"}
    ]


async def test_an_empty_select_returns_all_fields(
    api: httpx.AsyncClient, three: dict[str, Any]
) -> None:
    search = {"ids": three["ids"][:1], "select": []}

    [found] = (await api.post("/threads/search", json=search)).json()

    assert found["thread_id"] == three["ids"][0]


async def test_count_counts_all_pages(api: httpx.AsyncClient, three: dict[str, Any]) -> None:
    every = await api.post("/threads/count", json={"metadata": three["shared"]})
    waiting = {"metadata": three["shared"], "status": "interrupted", "values": {"topic": "rain"}}

    assert (every.status_code, every.json()) == (200, 3)
    assert (await api.post("/threads/count", json=waiting)).json() == 1


async def test_a_search_is_one_statement(
    api: httpx.AsyncClient, three: dict[str, Any], statements: Statements
) -> None:
    await numbers(api, three)

    assert len(statements) == 1


@pytest.mark.parametrize("key", ["graph_id", "assistant_id", "owner"])
async def test_metadata_of_any_length_is_found(
    api: httpx.AsyncClient, thread: MakeThread, key: str
) -> None:
    long = str(uuid4()) + "ü" * 20_000
    thread_id = await thread(metadata={key: long})
    await thread(metadata={key: long + "."})

    for order in ("asc", "desc"):
        search = {"metadata": {key: long}, "sort_by": "updated_at", "sort_order": order}
        [found] = (await api.post("/threads/search", json=search)).json()
        assert found["thread_id"] == thread_id


@pytest.mark.parametrize("sort_by", ["updated_at", "created_at"])
@pytest.mark.parametrize("sort_order", ["asc", "desc"])
async def test_a_graphs_threads_are_found_by_status_in_either_order(
    api: httpx.AsyncClient, thread: MakeThread, sort_by: str, sort_order: str
) -> None:
    graph_id = str(uuid4())
    ids = [await thread(metadata={"graph_id": graph_id}) for _ in range(4)]
    await db.execute("UPDATE thread SET status = 'error' WHERE thread_id = %s", [ids[1]])
    search = {"metadata": {"graph_id": graph_id}, "sort_by": sort_by, "sort_order": sort_order}

    idle = (await api.post("/threads/search", json={**search, "status": "idle"})).json()
    failed = (await api.post("/threads/search", json={**search, "status": "error"})).json()

    wanted = [ids[0], ids[2], ids[3]]
    found = [item["thread_id"] for item in idle]
    assert found == (wanted if sort_order == "asc" else wanted[::-1])
    assert [item["thread_id"] for item in failed] == [ids[1]]
