from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common.tests.statements import Statements
from crons.tests.asking import NOBODY, MakeCron


@pytest.fixture
async def three(cron: MakeCron, thread: Callable[..., Awaitable[str]]) -> dict[str, Any]:
    """Make three crons under one mark; return their ids by name, and the mark."""
    mark = str(uuid4())
    thread_id = await thread()
    made = {
        "on": await cron(metadata={"mark": mark, "n": 1}, schedule="0 5 * * *"),
        "off": await cron(metadata={"mark": mark}, enabled=False, end_time="2099-01-01T00:00:00Z"),
        "own": await cron(thread_id=thread_id, metadata={"mark": mark}, assistant_id="ask"),
    }
    ids = {name: found["cron_id"] for name, found in made.items()}
    return {"mark": mark, "thread_id": thread_id, **ids}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, {"on", "off", "own"}),
        ({"enabled": True}, {"on", "own"}),
        ({"enabled": False}, {"off"}),
        ({"assistant_id": "ask"}, {"own"}),
        ({"thread_id": "own"}, {"own"}),
        ({"thread_id": NOBODY}, set()),
        ({"metadata": {"n": 1}}, {"on"}),
        ({"metadata": {"n": 2}}, set()),
        ({"enabled": None, "assistant_id": None, "select": None, "sort_by": None}, set("ono")),
    ],
)
async def test_search_and_count_find(
    api: httpx.AsyncClient, three: dict[str, Any], asked: dict[str, Any], expected: set[str]
) -> None:
    body = {**asked, "metadata": {"mark": three["mark"], **(asked.get("metadata") or {})}}
    if asked.get("thread_id") == "own":
        body["thread_id"] = three["thread_id"]
    if expected == set("ono"):
        expected = {"on", "off", "own"}

    found = await api.post("/runs/crons/search", json=body)
    count = await api.post("/runs/crons/count", json=body)

    assert {each["cron_id"] for each in found.json()} == {three[name] for name in expected}
    assert count.json() == len(expected)


async def test_pages_are_told_of(api: httpx.AsyncClient, three: dict[str, Any]) -> None:
    body = {"metadata": {"mark": three["mark"]}, "limit": 2}

    first = await api.post("/runs/crons/search", json=body)
    last = await api.post("/runs/crons/search", json={**body, "offset": 2})

    assert [each["cron_id"] for each in first.json()] == [three["own"], three["off"]]
    assert first.headers["x-pagination-next"] == "2"
    assert [each["cron_id"] for each in last.json()] == [three["on"]]
    assert last.headers["x-pagination-total"] == "3"
    assert "x-pagination-next" not in last.headers


@pytest.mark.parametrize(
    "sort_by",
    [
        *("cron_id", "assistant_id", "thread_id", "next_run_date", "end_time"),
        *("created_at", "updated_at"),
    ],
)
async def test_crons_are_sorted(
    api: httpx.AsyncClient, three: dict[str, Any], sort_by: str
) -> None:
    body = {"metadata": {"mark": three["mark"]}, "sort_by": sort_by}

    up = await api.post("/runs/crons/search", json={**body, "sort_order": "asc"})
    down = await api.post("/runs/crons/search", json=body)

    assert up.json() == down.json()[::-1]
    values = [each[sort_by] for each in up.json() if each[sort_by] is not None]
    assert values == sorted(values)


async def test_fields_are_selected(api: httpx.AsyncClient, three: dict[str, Any]) -> None:
    body = {"metadata": {"mark": three["mark"], "n": 1}, "select": ["cron_id", "schedule"]}

    found = await api.post("/runs/crons/search", json=body)

    assert found.json() == [{"cron_id": three["on"], "schedule": "0 5 * * *"}]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"limit": 0}, "limit"),
        ({"offset": -1}, "offset"),
        ({"sort_by": "schedule"}, "sort_by"),
        ({"sort_order": "up"}, "sort_order"),
        ({"select": ["last_error"]}, "select"),
        ({"thread_id": "x"}, "thread_id"),
        ({"assistant_id": "nobody"}, "assistant_id"),
        ({"metadata": "x"}, "metadata"),
    ],
)
async def test_what_is_wrong_with_a_search_is_named(
    api: httpx.AsyncClient, body: dict[str, Any], named: str
) -> None:
    answer = await api.post("/runs/crons/search", json=body)

    assert answer.status_code == 422
    assert named in answer.json()["detail"]


async def test_a_search_is_one_statement(
    api: httpx.AsyncClient, three: dict[str, Any], statements: Statements
) -> None:
    await api.post("/runs/crons/search", json={"metadata": {"mark": three["mark"]}})

    assert len(statements) == 1
