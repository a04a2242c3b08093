from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common.tests.statements import Statements

Make = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def team(assistant: Make) -> dict[str, Any]:
    """Return the metadata that only the three assistants of this test have."""
    team = {"team": str(uuid4())}
    await assistant(
        name="Alpha", graph_id="agent", metadata={**team, "n": 1, "deep": {"a": [1, 2]}}
    )
    await assistant(name="beta", graph_id="echo", metadata={**team, "n": 2})
    await assistant(name="Gamma 100%", graph_id="echo", metadata={**team, "n": 3})
    return team


async def names(api: httpx.AsyncClient, team: dict[str, Any], **search: Any) -> list[str]:
    metadata = {**team, **search.pop("metadata", {})}
    answer = await api.post("/assistants/search", json={"metadata": metadata, **search})
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({}, ["Gamma 100%", "beta", "Alpha"]),
        ({"graph_id": "echo"}, ["Gamma 100%", "beta"]),
        ({"name": "ALPH"}, ["Alpha"]),
        ({"name": "%"}, ["Gamma 100%"]),
        ({"name": "a_"}, []),
        ({"metadata": {"n": 2}}, ["beta"]),
        ({"metadata": {"deep": {"a": [2]}}}, ["Alpha"]),
        ({"sort_by": "name", "sort_order": "asc"}, ["Alpha", "Gamma 100%", "beta"]),
        ({"sort_by": "created_at", "sort_order": "ASC"}, ["Alpha", "beta", "Gamma 100%"]),
        ({"limit": 1, "offset": 1}, ["beta"]),
        ({"offset": 3}, []),
    ],
)
async def test_search_finds(
    api: httpx.AsyncClient, team: dict[str, Any], search: dict[str, Any], found: list[str]
) -> None:
    result = await names(api, team, **search)

    if search.get("sort_by") == "name":
        result, found = sorted(result), sorted(found)
    assert result == found


@pytest.mark.parametrize("sort_by", ["assistant_id", "updated_at", "name", "graph_id"])
async def test_every_sort_column_turns_around(
    api: httpx.AsyncClient, team: dict[str, Any], sort_by: str
) -> None:
    up = await names(api, team, sort_by=sort_by, sort_order="asc")
    down = await names(api, team, sort_by=sort_by, sort_order="desc")

    assert sorted(up) == sorted(down)
    assert up == down[::-1]


async def test_pages_tell_of_the_next_one(api: httpx.AsyncClient, team: dict[str, Any]) -> None:
    first = await api.post("/assistants/search", json={"metadata": team, "limit": 2})
    last = await api.post("/assistants/search", json={"metadata": team, "limit": 2, "offset": 2})

    assert first.headers["x-pagination-next"] == "2"
    assert first.headers["x-pagination-total"] == "3"
    assert "x-pagination-next" not in last.headers
    assert last.headers["x-pagination-total"] == "3"
    assert (len(first.json()), len(last.json())) == (2, 1)


async def test_select_returns_these_fields_only(
    api: httpx.AsyncClient, team: dict[str, Any]
) -> None:
    search = {"metadata": team, "select": ["name", "graph_id", "name"], "limit": 1}

    found = (await api.post("/assistants/search", json=search)).json()

    assert found == [{"name": "Gamma 100%", "graph_id": "echo"}]


async def test_count_counts_all_pages(api: httpx.AsyncClient, team: dict[str, Any]) -> None:
    answer = await api.post("/assistants/count", json={"metadata": team})

    assert (answer.status_code, answer.json()) == (200, 3)
    echoes = await api.post("/assistants/count", json={"metadata": team, "graph_id": "echo"})
    assert echoes.json() == 2


async def test_a_search_is_one_statement(
    api: httpx.AsyncClient, team: dict[str, Any], statements: Statements
) -> None:
    await names(api, team)

    assert len(statements) == 1
