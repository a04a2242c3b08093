"""`select` of a state and of a history: some fields, some keys of the values."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.tests.statements import Statements
from threads.tests.conversing import MakeThread, get, post, run


@pytest.fixture
async def path(api: httpx.AsyncClient, thread: MakeThread) -> str:
    """A thread whose state has the keys `seconds` and `done`."""
    thread_id = await thread()
    await run(api, thread_id, "sleeper", input={"seconds": 0})
    return f"/threads/{thread_id}"


@pytest.mark.parametrize(
    ("select", "kept"),
    [
        (["values"], {"values": {"seconds": 0, "done": True}}),
        (["values.done"], {"values": {"done": True}}),
        (["values.done", "values.seconds"], {"values": {"seconds": 0, "done": True}}),
        (["values.done", "values"], {"values": {"seconds": 0, "done": True}}),
        (["values.nothing"], {"values": {}}),
        (["next", "values.done"], {"values": {"done": True}, "next": []}),
        (["interrupts", "tasks"], {"interrupts": [], "tasks": []}),
    ],
    ids=str,
)
async def test_each_door_keeps_what_is_selected(
    api: httpx.AsyncClient, path: str, select: list[str], kept: dict[str, Any]
) -> None:
    state = await get(api, f"{path}/state")

    assert await get(api, f"{path}/state", select=select) == kept
    assert await get(api, f"{path}/state/{state['checkpoint_id']}", select=select) == kept
    at = {"checkpoint": state["checkpoint"], "select": select}
    assert await post(api, f"{path}/state/checkpoint", **at) == kept
    assert await post(api, f"{path}/history", limit=1, select=select) == [kept]
    assert await get(api, f"{path}/history", limit=1, select=select) == [kept]


@pytest.mark.parametrize("query", ['select=["next"]', "select=next&select=next", "select[]=next"])
async def test_the_query_takes_each_form_of_a_list(
    api: httpx.AsyncClient, path: str, query: str
) -> None:
    assert (await api.get(f"{path}/state?{query}")).json() == {"next": []}


@pytest.mark.parametrize("select", [None, []])
async def test_nothing_selected_is_all(api: httpx.AsyncClient, path: str, select: Any) -> None:
    state = await get(api, f"{path}/state")

    assert await post(api, f"{path}/state/checkpoint", checkpoint={}, select=select) == state


async def test_an_empty_state_is_selected_from_too(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/state"

    assert await get(api, path, select=["values.a", "next"]) == {"values": {}, "next": []}


@pytest.mark.parametrize("name", ["value", "values.", "state", "tasks.0", ""])
async def test_an_unknown_field_is_422_and_named(
    api: httpx.AsyncClient, path: str, name: str
) -> None:
    answers = [
        await api.post(f"{path}/history", json={"select": ["next", name]}),
        await api.post(f"{path}/state/checkpoint", json={"checkpoint": {}, "select": [name]}),
        await api.get(f"{path}/state", params={"select": f'["{name}"]'}),
    ]

    assert [answer.status_code for answer in answers] == [422] * 3
    assert all(answer.json()["detail"].startswith("select.") for answer in answers)


async def test_a_state_takes_two_statements(
    api: httpx.AsyncClient, path: str, statements: Statements
) -> None:
    await get(api, f"{path}/state")

    assert len(statements) == 2
