"""`checkpoint`: a run goes on from an earlier state of its thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.streaming import MakeThread


@pytest.fixture
async def said_twice(api: httpx.AsyncClient, thread: MakeThread) -> str:
    """The path of a thread on which `echo` has run twice."""
    path = f"/threads/{await thread()}"
    for text in ("one", "two"):
        body = {"assistant_id": "echo", "input": {"messages": [text]}}
        await api.post(f"{path}/runs/wait", json=body)
    return path


async def after_first(api: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """Return the checkpoint at which the first run had ended."""
    history = (await api.post(f"{path}/history", json={"limit": 20})).json()
    checkpoint: dict[str, Any] = next(
        state["checkpoint"]
        for state in history
        if len(state["values"].get("messages", ())) == 2 and not state["next"]
    )
    return checkpoint


FORMS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "checkpoint": lambda at: {"checkpoint": at},
    "checkpoint_id": lambda at: {"checkpoint_id": at["checkpoint_id"]},
    "config": lambda at: {"config": {"configurable": {"checkpoint_id": at["checkpoint_id"]}}},
    "nulls": lambda at: {"checkpoint": {**at, "checkpoint_map": None}, "checkpoint_id": None},
}


@pytest.mark.parametrize("form", FORMS)
async def test_a_run_forks_from_a_checkpoint(
    api: httpx.AsyncClient, said_twice: str, form: str
) -> None:
    origin = await after_first(api, said_twice)
    body = {"assistant_id": "echo", "input": {"messages": ["three"]}, **FORMS[form](origin)}

    answer = await api.post(f"{said_twice}/runs/wait", json=body)

    texts = [message["content"] for message in answer.json()["messages"]]
    assert texts == ["one", "one", "three", "three"]
    assert (await api.get(f"{said_twice}/state")).json()["values"] == answer.json()


async def test_a_fork_is_not_inherited_by_later_runs(
    api: httpx.AsyncClient, said_twice: str
) -> None:
    path, origin = f"{said_twice}/runs/wait", await after_first(api, said_twice)
    fork = {"assistant_id": "echo", "input": {"messages": ["three"]}, **FORMS["config"](origin)}
    await api.post(path, json=fork)

    answer = await api.post(path, json={"assistant_id": "echo", "input": {"messages": ["four"]}})

    texts = [message["content"] for message in answer.json()["messages"]]
    assert texts == ["one", "one", "three", "three", "four", "four"]


async def test_without_input_the_next_node_runs_again(
    api: httpx.AsyncClient, said_twice: str
) -> None:
    history = (await api.post(f"{said_twice}/history", json={"limit": 20})).json()
    before_second = next(state for state in history if state["next"] == ["echo"])
    body = {"assistant_id": "echo", "input": None, "checkpoint": before_second["checkpoint"]}

    answer = await api.post(f"{said_twice}/runs/wait", json=body)

    texts = [message["content"] for message in answer.json()["messages"]]
    assert texts == ["one", "one", "two", "two"]


async def test_a_checkpoint_of_another_thread_is_not_found(
    api: httpx.AsyncClient, said_twice: str, thread: MakeThread
) -> None:
    origin = await after_first(api, said_twice)
    body = {"assistant_id": "echo", "checkpoint": origin}

    answer = await api.post(f"/threads/{await thread()}/runs", json=body)

    assert answer.status_code == 404
