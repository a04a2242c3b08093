"""Assistants under the names of the Agent Protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from assistants.system import system_assistant_id
from common.tests.statements import Statements

Make = Callable[..., Awaitable[dict[str, Any]]]
ECHO = str(system_assistant_id("echo"))


async def test_an_agent_has_the_keys_of_the_protocol(api: httpx.AsyncClient) -> None:
    expected = {
        "agent_id": ECHO,
        "name": "echo",
        "description": "Answers with what was said last.",
        "metadata": {"created_by": "system"},
        "capabilities": {"ap.io.messages": True, "ap.io.streaming": True},
    }

    assert (await api.get(f"/agents/{ECHO}")).json() == expected
    assert (await api.get("/agents/echo")).json() == expected


@pytest.mark.parametrize(("graph", "has_messages"), [("context", False), ("factory", False)])
async def test_an_agent_tells_whether_it_keeps_messages(
    api: httpx.AsyncClient, graph: str, has_messages: bool
) -> None:
    found = (await api.get(f"/agents/{graph}")).json()

    assert found["capabilities"]["ap.io.messages"] is has_messages
    assert found["description"] == ""


async def test_agents_are_searched_in_pages(api: httpx.AsyncClient, assistant: Make) -> None:
    team = {"team": str(uuid4())}
    for graph in ("echo", "context", "broken"):
        await assistant(graph_id=graph, name=f"my {graph}", metadata=team)

    answer = await api.post("/agents/search", json={"metadata": team, "limit": 2})
    named = await api.post("/agents/search", json={"metadata": team, "name": "ECHO"})

    assert [(a["name"], a["capabilities"]["ap.io.messages"]) for a in answer.json()] == [
        ("my broken", False),
        ("my context", False),
    ]
    assert answer.headers["x-pagination-next"] == "2"
    assert [a["name"] for a in named.json()] == ["my echo"]


async def test_a_search_is_one_statement(api: httpx.AsyncClient, statements: Statements) -> None:
    await api.post("/agents/search", json={})

    assert len(statements) == 1


async def test_the_schemas_of_an_agent_are_objects(api: httpx.AsyncClient) -> None:
    found = (await api.get("/agents/context/schemas")).json()

    assert found.pop("agent_id") == str(system_assistant_id("context"))
    assert found.keys() == {"input_schema", "output_schema", "state_schema", "config_schema"}
    assert all(isinstance(schema, dict) for schema in found.values())
    assert "config_schema" not in (await api.get("/agents/echo/schemas")).json()


@pytest.mark.parametrize("path", ["/agents/{}", "/agents/{}/schemas"])
@pytest.mark.parametrize("key", ["00000000-0000-0000-0000-000000000000", "nobody"])
async def test_an_agent_that_is_not_there_is_404_in_the_words_of_the_protocol(
    api: httpx.AsyncClient, path: str, key: str
) -> None:
    answer = await api.get(path.format(key))

    told = f"Agent with ID {key} not found"
    assert (answer.status_code, answer.json()) == (404, {"detail": told, "message": told})


async def test_an_agent_that_cannot_be_made_is_424(api: httpx.AsyncClient) -> None:
    assert (await api.get("/agents/broken")).status_code == 200
    answer = await api.get("/agents/broken/schemas")
    assert answer.status_code == 424
    assert "no model behind this factory" in answer.json()["message"]
