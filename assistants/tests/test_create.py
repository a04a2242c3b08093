from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

Make = Callable[..., Awaitable[dict[str, Any]]]


async def test_an_assistant_of_a_graph_alone_has_the_defaults(assistant: Make) -> None:
    made = await assistant()

    assert UUID(made.pop("assistant_id")).version == 7
    assert made.pop("created_at") == made.pop("updated_at")
    assert made == {
        "graph_id": "echo",
        "config": {},
        "context": {},
        "metadata": {},
        "name": "Untitled",
        "description": None,
        "version": 1,
    }


async def test_what_is_given_is_kept(assistant: Make, api: httpx.AsyncClient) -> None:
    given = {
        "assistant_id": str(uuid4()),
        "graph_id": "agent",
        "config": {"tags": ["a"], "recursion_limit": 7},
        "metadata": {"team": "blue", "snow": "☃", "none": None},
        "name": "Blue",
        "description": "",
    }

    made = await assistant(**given)

    assert given.items() <= made.items()
    assert (await api.get(f"/assistants/{given['assistant_id']}")).json() == made


async def test_context_is_mirrored_into_configurable(assistant: Make) -> None:
    made = await assistant(context={"model": "m"}, config={"tags": ["a"]})

    assert made["context"] == {"model": "m"}
    assert made["config"] == {"tags": ["a"], "configurable": {"model": "m"}}


async def test_configurable_is_mirrored_into_context(assistant: Make) -> None:
    made = await assistant(config={"configurable": {"model": "m"}})

    assert made["context"] == {"model": "m"}
    assert made["config"] == {"configurable": {"model": "m"}}


async def test_both_context_and_configurable_are_refused(api: httpx.AsyncClient) -> None:
    both = {"graph_id": "echo", "config": {"configurable": {"a": 1}}, "context": {"b": 2}}

    answer = await api.post("/assistants", json=both)

    assert answer.status_code == 400
    assert "config.configurable" in answer.json()["detail"]


async def test_an_unknown_graph_is_404_and_names_the_known_ones(api: httpx.AsyncClient) -> None:
    answer = await api.post("/assistants", json={"graph_id": "nobody"})

    assert answer.status_code == 404
    assert "'nobody'" in answer.json()["detail"]
    assert "agent" in answer.json()["detail"]


@pytest.mark.parametrize("if_exists", [None, "raise"])
async def test_a_taken_id_is_409(
    api: httpx.AsyncClient, assistant: Make, if_exists: str | None
) -> None:
    taken = await assistant(name="first")
    again = {"graph_id": "agent", "assistant_id": taken["assistant_id"], "if_exists": if_exists}

    answer = await api.post("/assistants", json=again)

    assert answer.status_code == 409
    assert answer.json()["detail"] == f"Assistant with ID {taken['assistant_id']} already exists"
    assert (await api.get(f"/assistants/{taken['assistant_id']}")).json() == taken


async def test_do_nothing_returns_the_one_that_is_there(assistant: Make) -> None:
    taken = await assistant(name="first")

    again = await assistant(
        assistant_id=taken["assistant_id"], name="second", if_exists="do_nothing"
    )

    assert again == taken


@pytest.mark.parametrize(
    "wrong",
    [
        {"configurable": "model"},
        {"configurable": []},
        {"metadata": ""},
        {"recursion_limit": 0},
        {"recursion_limit": "many"},
        {"tags": "one"},
    ],
)
async def test_a_config_that_no_run_could_use_is_422(
    api: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    answer = await api.post("/assistants", json={"graph_id": "echo", "config": wrong})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("config: ")


async def test_an_assistant_configures_its_runs(assistant: Make, api: httpx.AsyncClient) -> None:
    made = await assistant(graph_id="context", context={"tone": "warm", "model": "m"})

    answer = await api.post(
        "/runs/wait", json={"assistant_id": made["assistant_id"], "input": {"said": ""}}
    )

    assert answer.json() == {"said": {"tone": "warm", "model": "m"}}
