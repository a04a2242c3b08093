"""The list of assistants as Aegra has it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from common.tests.statements import Statements

Make = Callable[..., Awaitable[dict[str, Any]]]


async def test_all_assistants_are_listed_newest_first_with_their_number(
    api: httpx.AsyncClient, assistant: Make
) -> None:
    made = await assistant(name="newest")

    found = (await api.get("/assistants")).json()

    assert found.keys() == {"assistants", "total"}
    assert found["assistants"][0] == made
    assert found["total"] == (await api.post("/assistants/count", json={})).json()
    assert len(found["assistants"]) == min(found["total"], 1000)


async def test_a_page_tells_the_number_of_all(api: httpx.AsyncClient, assistant: Make) -> None:
    first, second = await assistant(), await assistant()

    page = (await api.get("/assistants", params={"limit": 1, "offset": 1})).json()

    assert page["assistants"] == [first]
    assert page["total"] > 2
    assert (await api.get("/assistants?limit=1")).json()["assistants"] == [second]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "offset=-1"])
async def test_a_page_out_of_bounds_is_422(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.get(f"/assistants?{query}")

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(query.partition("=")[0])


async def test_a_list_is_two_statements(api: httpx.AsyncClient, statements: Statements) -> None:
    await api.get("/assistants")

    assert len(statements) == 2
