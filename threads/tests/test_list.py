"""What clients of Aegra ask: the list of threads, an order in words, a state by POST."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from common.tests.statements import Statements
from threads.tests.conversing import MakeThread, get, post, run, said


async def test_threads_are_listed_with_their_number(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    older, newer = await thread(), await thread()

    first = await get(api, "/threads", limit=1)
    second = await get(api, "/threads", limit=1, offset=1)

    assert first["threads"] == [await get(api, f"/threads/{newer}")]
    assert second["threads"][0]["thread_id"] == older
    assert first["total"] == second["total"] == (await api.post("/threads/count", json={})).json()


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "offset=-1"])
async def test_a_page_out_of_bounds_is_422(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.get(f"/threads?{query}")

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(query.partition("=")[0])


async def test_a_list_is_two_statements(api: httpx.AsyncClient, statements: Statements) -> None:
    await get(api, "/threads", limit=5)

    assert len(statements) == 2


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ({"order_by": "created_at DESC"}, [2, 1, 0]),
        ({"order_by": "created_at asc"}, [0, 1, 2]),
        ({"order_by": "created_at"}, [0, 1, 2]),
        ({"order_by": " updated_at  desc "}, [1, 2, 0]),
        ({"order_by": "created_at asc", "sort_by": "updated_at", "sort_order": "desc"}, [1, 2, 0]),
        ({"order_by": None}, [1, 2, 0]),
    ],
    ids=str,
)
async def test_an_order_in_words(
    api: httpx.AsyncClient, thread: MakeThread, order: dict[str, Any], found: list[int]
) -> None:
    shared = {"order": str(uuid4())}
    ids = [await thread(metadata={**shared, "n": n}) for n in range(3)]
    await api.patch(f"/threads/{ids[1]}", json={})

    threads = await post(api, "/threads/search", metadata=shared, **order)

    assert [item["metadata"]["n"] for item in threads] == found


@pytest.mark.parametrize("order", ["", "title DESC", "created_at; DROP TABLE thread", 7])
async def test_an_unknown_order_is_422(api: httpx.AsyncClient, order: Any) -> None:
    answer = await api.post("/threads/search", json={"order_by": order})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("order_by: ")


@pytest.mark.parametrize(
    "body", [{}, {"values": None}, {"values": None, "subgraphs": True}], ids=str
)
async def test_an_update_of_nothing_reads(
    api: httpx.AsyncClient, thread: MakeThread, body: dict[str, Any]
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "parentask", input=said("hi"))
    path = f"/threads/{thread_id}"

    state = await post(api, f"{path}/state", **body)

    subgraphs = "true" if body.get("subgraphs") else "false"
    assert state == await get(api, f"{path}/state", subgraphs=subgraphs)
    assert len(await get(api, f"{path}/history")) == 2


async def test_an_update_of_nothing_at_a_checkpoint_reads_there(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "echo", input=said("hi"))
    old = (await get(api, f"/threads/{thread_id}/history"))[-1]

    assert await post(api, f"/threads/{thread_id}/state", checkpoint=old["checkpoint"]) == old
