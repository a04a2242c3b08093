"""`checkpoint` with a namespace and a map: a run goes on from inside a subgraph."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.streaming import MakeThread

Checkpoint = dict[str, Any]


@pytest.fixture
async def path(api: httpx.AsyncClient, thread: MakeThread) -> str:
    """The path of a thread whose subgraph has asked."""
    path = f"/threads/{await thread()}"
    await run(api, path, input={"messages": ["hi"]})
    return path


async def run(api: httpx.AsyncClient, path: str, **body: Any) -> Any:
    answer = await api.post(f"{path}/runs/wait", json={"assistant_id": "parentask", **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def inside(api: httpx.AsyncClient, path: str) -> Checkpoint:
    """Return the checkpoint at which the subgraph waits for an answer."""
    state = (await api.get(f"{path}/state", params={"subgraphs": "true"})).json()
    checkpoint: Checkpoint = state["tasks"][0]["state"]["checkpoint"]
    return checkpoint


def texts(values: Any) -> list[str]:
    return [message["content"] for message in values["messages"]]


async def test_a_subgraphs_checkpoint_names_those_above_it(
    api: httpx.AsyncClient, path: str
) -> None:
    checkpoint = await inside(api, path)

    state = (await api.get(f"{path}/state")).json()
    assert checkpoint["checkpoint_map"] == {
        "": state["checkpoint_id"],
        checkpoint["checkpoint_ns"]: checkpoint["checkpoint_id"],
    }


async def test_a_subgraph_that_was_answered_asks_again(api: httpx.AsyncClient, path: str) -> None:
    checkpoint = await inside(api, path)
    assert texts(await run(api, path, command={"resume": "first"})) == ["hi", "got first"]

    values = await run(api, path, input=None, checkpoint=checkpoint)

    assert texts(values) == ["hi"]
    assert values["__interrupt__"][0]["value"] == {"q": "ok?"}
    assert texts(await run(api, path, command={"resume": "second"})) == ["hi", "got second"]


async def test_it_is_answered_from_inside(api: httpx.AsyncClient, path: str) -> None:
    checkpoint = await inside(api, path)
    await run(api, path, command={"resume": "first"})

    values = await run(api, path, command={"resume": "second"}, checkpoint=checkpoint)

    assert texts(values) == ["hi", "got second"]
    second, first, asked, _ = (await api.get(f"{path}/history")).json()
    assert texts(first["values"]) == ["hi", "got first"]
    assert second["parent_checkpoint_id"] == first["parent_checkpoint_id"] == asked["checkpoint_id"]


async def test_it_begins_with_what_the_subgraph_had_by_then(
    api: httpx.AsyncClient, path: str
) -> None:
    update = {
        "values": {"messages": ["inside"]},
        "as_node": "__start__",
        "checkpoint": await inside(api, path),
    }
    written = (await api.post(f"{path}/state", json=update)).json()
    await run(api, path, command={"resume": "first"})

    values = await run(api, path, command={"resume": "yes"}, checkpoint=written["checkpoint"])

    assert texts(values) == ["hi", "inside", "got yes"]
