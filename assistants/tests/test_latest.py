from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common import db
from graphs import registry

Make = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def made(api: httpx.AsyncClient, assistant: Make) -> dict[str, Any]:
    """An assistant as it was made, which has since become another one."""
    made = await assistant(
        name="one", description="first", context={"tone": "a"}, metadata={"team": "red"}
    )
    changes = {
        "graph_id": "agent",
        "name": "two",
        "description": None,
        "config": {"configurable": {"tone": "b"}},
        "metadata": {"stage": "test"},
    }
    answer = await api.patch(f"/assistants/{made['assistant_id']}", json=changes)
    assert answer.json()["version"] == 2
    return made


async def latest(api: httpx.AsyncClient, made: dict[str, Any], version: int) -> httpx.Response:
    place = f"/assistants/{made['assistant_id']}/latest"
    return await api.post(place, json={"version": version})


async def test_an_assistant_becomes_what_it_was(
    api: httpx.AsyncClient, made: dict[str, Any]
) -> None:
    answer = await latest(api, made, 1)

    assert answer.status_code == 200
    found = answer.json()
    assert found["updated_at"] > made["updated_at"]
    assert found == {**made, "updated_at": found["updated_at"]}
    assert (await api.get(f"/assistants/{made['assistant_id']}")).json() == found


async def test_the_next_update_is_numbered_after_the_newest(
    api: httpx.AsyncClient, made: dict[str, Any]
) -> None:
    place = f"/assistants/{made['assistant_id']}"
    await latest(api, made, 1)

    changed = (await api.patch(place, json={"name": "three"})).json()

    assert (changed["version"], changed["name"], changed["metadata"]) == (
        3,
        "three",
        {"team": "red"},
    )
    versions = (await api.post(f"{place}/versions", json={})).json()
    assert [(each["version"], each["name"]) for each in versions] == [
        (3, "three"),
        (2, "two"),
        (1, "one"),
    ]


async def test_a_run_takes_the_version_that_was_made_latest(
    api: httpx.AsyncClient, assistant: Make
) -> None:
    made = await assistant(graph_id="context", context={"tone": "old"})
    await api.patch(f"/assistants/{made['assistant_id']}", json={"context": {"tone": "new"}})
    body = {"assistant_id": made["assistant_id"], "input": {}}
    assert (await api.post("/runs/wait", json=body)).json()["said"]["tone"] == "new"

    await latest(api, made, 1)

    assert (await api.post("/runs/wait", json=body)).json()["said"]["tone"] == "old"


async def test_a_version_that_is_not_there_is_404_and_changes_nothing(
    api: httpx.AsyncClient, made: dict[str, Any]
) -> None:
    answer = await latest(api, made, 3)

    assert answer.status_code == 404
    assert "has no version 3" in answer.json()["detail"]
    found = (await api.get(f"/assistants/{made['assistant_id']}")).json()
    assert (found["version"], found["name"]) == (2, "two")


async def test_a_version_of_a_graph_that_is_gone_would_hide_the_assistant(
    api: httpx.AsyncClient, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs = {key: graph for key, graph in registry._all().items() if key != "echo"}
    monkeypatch.setattr(registry, "_loaded", graphs)

    assert (await latest(api, made, 1)).status_code == 404
    assert (await api.get(f"/assistants/{made['assistant_id']}")).json()["version"] == 2


async def test_a_missing_assistant_is_404(api: httpx.AsyncClient) -> None:
    assert (await latest(api, {"assistant_id": uuid4()}, 1)).status_code == 404
    assert (await latest(api, {"assistant_id": "nobody"}, 1)).status_code == 422


async def test_updates_and_returns_at_once_lose_no_version(
    api: httpx.AsyncClient, made: dict[str, Any]
) -> None:
    place = f"/assistants/{made['assistant_id']}"
    updates = [api.patch(place, json={"name": f"n{n}"}) for n in range(12)]
    returns = [latest(api, made, n % 2 + 1) for n in range(12)]
    mixed = [call for pair in zip(updates, returns, strict=True) for call in pair]

    answers = await asyncio.gather(*mixed)

    assert {answer.status_code for answer in answers} == {200}
    written = {answer.json()["version"]: answer.json()["name"] for answer in answers[::2]}
    assert sorted(written) == list(range(3, 15))
    kept = await db.fetch_all(
        "SELECT version, name FROM assistant_version WHERE assistant_id = %s AND version > 2",
        [made["assistant_id"]],
    )
    assert {row["version"]: row["name"] for row in kept} == written
