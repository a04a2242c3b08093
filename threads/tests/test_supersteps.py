"""A thread made with a history, as the SDKs send it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from common import db
from threads.tests.conversing import MakeThread, get, post, run, said, texts


def step(*updates: dict[str, Any]) -> dict[str, Any]:
    # The Python SDK sends the keys that are not given as null.
    return {"updates": [{"values": None, "command": None, **update} for update in updates]}


def human(text: str) -> list[dict[str, Any]]:
    """Return what a run leaves of an input: given, then taken by the graph."""
    return [
        step({"values": said(text), "as_node": "__input__"}),
        step({"values": said(text), "as_node": "__start__"}),
    ]


ANSWERED = step({"values": {"messages": [{"role": "ai", "content": "1"}]}, "as_node": "echo"})
TOLD = [*human("one"), ANSWERED, *human("two")]


async def create(api: httpx.AsyncClient, *supersteps: Any, graph: str = "echo", **body: Any) -> Any:
    metadata = {"graph_id": graph}
    return await post(api, "/threads", metadata=metadata, supersteps=supersteps, **body)


async def test_a_history_is_written_step_by_step(api: httpx.AsyncClient) -> None:
    made = await create(api, *TOLD)

    assert made["metadata"] == {"graph_id": "echo"}
    history = await get(api, f"/threads/{made['thread_id']}/history")
    assert [len(state["values"].get("messages", [])) for state in history] == [3, 2, 2, 1, 0]
    assert [state["next"] for state in history[1:3]] == [["__start__"], []]
    sources = ["update", "input", "update", "update", "input"]
    assert [state["metadata"]["source"] for state in history] == sources
    assert await get(api, f"/threads/{made['thread_id']}/runs") == []


async def test_the_row_shows_the_newest_state(api: httpx.AsyncClient) -> None:
    made = await create(api, *TOLD[:2])

    assert texts(made) == ["one"]
    assert (made["status"], made["interrupts"]) == ("interrupted", {})
    assert made == await get(api, f"/threads/{made['thread_id']}")


async def test_a_run_goes_on_from_the_history(api: httpx.AsyncClient) -> None:
    made = await create(api, *TOLD)

    values = await run(api, made["thread_id"], "echo", input=None)

    assert [message["content"] for message in values["messages"]] == ["one", "1", "two", "two"]


async def test_the_history_of_a_thread_makes_another_one_like_it(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    source_id = await thread()
    for text in ("one", "two"):
        await run(api, source_id, "echo", input=said(text))
    source = (await get(api, f"/threads/{source_id}/history"))[::-1]

    copy = await create(api, *told_again(source))

    history = (await get(api, f"/threads/{copy['thread_id']}/history"))[::-1]
    assert [state["next"] for state in history] == [state["next"] for state in source]
    assert [texts(state) for state in history[1:]] == [texts(state) for state in source[1:]]


def told_again(states: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the supersteps of a history, as one copies a thread between deployments."""
    steps = []
    for state in states:
        done = {task["name"]: task["result"] for task in state["tasks"]}
        if state["metadata"]["source"] == "input":
            steps.append(step({"values": done["__start__"], "as_node": "__input__"}))
        steps.extend(step({"values": value, "as_node": name}) for name, value in done.items())
    return steps


async def test_updates_side_by_side_make_one_checkpoint(api: httpx.AsyncClient) -> None:
    side_by_side = step(
        {"values": {"answers": ["l"]}, "as_node": "left"},
        {"values": {"answers": ["r"]}, "as_node": "right"},
    )

    made = await create(
        api, step({"values": {}, "as_node": "__start__"}), side_by_side, graph="twoasks"
    )

    assert (made["values"], made["status"]) == ({"answers": ["l", "r"]}, "idle")
    assert len(await get(api, f"/threads/{made['thread_id']}/history")) == 2


async def test_a_command_updates_and_goes_to_a_node(api: httpx.AsyncClient) -> None:
    command = {"update": {"count": 7}, "goto": "step", "resume": "ignored"}

    made = await create(api, step({"command": command, "as_node": "step"}), graph="steps")

    assert made["values"] == {"count": 7}
    assert (await get(api, f"/threads/{made['thread_id']}/state"))["next"] == ["step"]


async def test_a_history_can_end(api: httpx.AsyncClient) -> None:
    made = await create(
        api, step({"values": said("one"), "as_node": "__start__"}), step({"as_node": "__end__"})
    )

    assert (made["status"], texts(made)) == ("idle", ["one"])


async def test_a_history_has_an_end(api: httpx.AsyncClient) -> None:
    supersteps = [step(*[{"values": {}}] * 1000)] * 10 + [step({"values": {}})]
    body = {"metadata": {"graph_id": "echo"}, "supersteps": supersteps}

    answer = await api.post("/threads", json=body)

    assert answer.status_code == 422
    assert "10001 updates in all" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("supersteps", "told"),
    [
        ([step({"values": said("x"), "as_node": "nobody"})], "nobody"),
        (
            [*TOLD, step({"values": {"messages": [{"type": "?"}]}, "as_node": "echo"})],
            "echo refuses",
        ),
        ([step({"as_node": "__copy__"})], "non-existent"),
        ([step({"values": {}}, {"values": {}})], "as_node is required"),
    ],
    ids=["unknown-node", "refused-last", "nothing-to-copy", "no-nodes"],
)
async def test_a_refused_update_leaves_no_thread(
    api: httpx.AsyncClient, supersteps: list[Any], told: str
) -> None:
    thread_id = str(uuid4())
    body = {"thread_id": thread_id, "metadata": {"graph_id": "echo"}, "supersteps": supersteps}

    answer = await api.post("/threads", json=body)

    assert answer.status_code == 400
    assert told in answer.json()["detail"]
    assert (await api.get(f"/threads/{thread_id}")).status_code == 404
    left = "SELECT 1 FROM checkpoints WHERE thread_id = %s"
    assert await db.fetch_all(left, [thread_id]) == []


async def test_a_command_to_an_unknown_node_is_422(api: httpx.AsyncClient) -> None:
    supersteps = [step({"command": {"goto": "nobody"}, "as_node": "echo"})]
    body = {"metadata": {"graph_id": "echo"}, "supersteps": supersteps}

    answer = await api.post("/threads", json=body)

    assert answer.status_code == 422
    assert "'nobody'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("supersteps", "told"),
    [
        ("x", "supersteps"),
        ([{}], "supersteps.0.updates"),
        ([{"updates": []}], "supersteps.0.updates"),
        ([{"updates": [7]}], "supersteps.0.updates.0"),
        ([step({"values": "x"})], "supersteps.0.updates.0.values"),
        ([step({"values": [["messages", 1]]})], "supersteps.0.updates.0.values"),
        ([step({"as_node": 1})], "supersteps.0.updates.0.as_node"),
        ([step({"command": "x"})], "supersteps.0.updates.0.command"),
        ([step({"command": {"update": [1]}})], "supersteps.0.updates.0.command"),
        ([step({"values": {}, "command": {"goto": "x"}})], "supersteps.0.updates.0.command"),
    ],
    ids=str,
)
async def test_a_malformed_history_is_422(
    api: httpx.AsyncClient, supersteps: Any, told: str
) -> None:
    body = {"metadata": {"graph_id": "echo"}, "supersteps": supersteps}

    answer = await api.post("/threads", json=body)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(told)


async def test_a_history_needs_a_graph(api: httpx.AsyncClient) -> None:
    nowhere = await api.post("/threads", json={"supersteps": TOLD})
    unknown = await api.post("/threads", json={"supersteps": TOLD, "graph_id": "retired"})

    assert (nowhere.status_code, unknown.status_code) == (422, 404)
    assert "metadata.graph_id" in nowhere.json()["detail"]
    assert "'retired'" in unknown.json()["detail"]


async def test_a_taken_id_keeps_its_own_history(api: httpx.AsyncClient) -> None:
    made = await create(api, *TOLD[:1])
    thread_id = made["thread_id"]
    body = {"thread_id": thread_id, "graph_id": "echo", "supersteps": TOLD}

    taken = await api.post("/threads", json=body)
    again = await api.post("/threads", json={**body, "if_exists": "do_nothing"})

    assert (taken.status_code, again.status_code) == (409, 200)
    assert again.json() == made
    assert len(await get(api, f"/threads/{thread_id}/history")) == 1
