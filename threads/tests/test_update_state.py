from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common import db
from threads.tests.conversing import MakeThread, get, post, run, said, texts, until_one_waits


@pytest.fixture
async def path(api: httpx.AsyncClient, thread: MakeThread) -> str:
    """The state of a thread upon which `echo` ran."""
    thread_id = await thread()
    await run(api, thread_id, "echo", input=said("one"))
    return f"/threads/{thread_id}/state"


async def checkpoints(api: httpx.AsyncClient, path: str) -> list[str]:
    history = await get(api, path.replace("/state", "/history"), limit=100)
    return [state["checkpoint_id"] for state in history]


async def test_values_go_through_the_reducers_into_a_new_checkpoint(
    api: httpx.AsyncClient, path: str
) -> None:
    written = await post(api, path, values=said("two"))

    state = await get(api, path)
    assert texts(state) == ["one", "one", "two"]
    assert state["metadata"]["source"] == "update"
    key = {"checkpoint_id": state["checkpoint_id"], "checkpoint_ns": ""}
    checkpoint = {**key, "thread_id": path.split("/")[2]}
    assert written == {
        "checkpoint": checkpoint,
        "configurable": checkpoint,
        "checkpoint_id": state["checkpoint_id"],
    }


async def test_the_thread_row_follows(api: httpx.AsyncClient, path: str) -> None:
    row = path.removesuffix("/state")
    before = await get(api, row)

    await post(api, path, values=said("two"), as_node="__start__")

    after = await get(api, row)
    assert texts(after) == ["one", "one", "two"]
    assert after["status"] == "interrupted"
    assert after["updated_at"] == after["state_updated_at"] > before["updated_at"]


async def test_as_node_says_what_comes_next(api: httpx.AsyncClient, path: str) -> None:
    await post(api, path, values=said("two"), as_node="__start__")

    assert (await get(api, path))["next"] == ["echo"]
    values = await run(api, path.split("/")[2], "echo", input=None)
    assert [message["content"] for message in values["messages"]] == ["one", "one", "two", "two"]


async def test_a_checkpoint_is_forked(api: httpx.AsyncClient, path: str) -> None:
    old = await get(api, path)
    await run(api, path.split("/")[2], "echo", input=said("two"))

    await post(api, path, values=said("other"), checkpoint=old["checkpoint"])

    state = await get(api, path)
    assert texts(state) == ["one", "one", "other"]
    assert state["parent_checkpoint_id"] == old["checkpoint_id"]
    assert texts(await get(api, path.removesuffix("/state"))) == ["one", "one", "other"]


async def test_checkpoint_id_alone_forks_too(api: httpx.AsyncClient, path: str) -> None:
    old = await get(api, path)
    await post(api, path, values=said("two"))

    await post(api, path, values=said("other"), checkpoint_id=old["checkpoint_id"])

    assert texts(await get(api, path)) == ["one", "one", "other"]


async def test_a_missing_checkpoint_is_404_and_nothing_is_written(
    api: httpx.AsyncClient, path: str
) -> None:
    before, missing = await checkpoints(api, path), str(uuid4())

    answer = await api.post(path, json={"values": said("two"), "checkpoint_id": missing})

    assert answer.status_code == 404
    assert missing in answer.json()["detail"]
    assert await checkpoints(api, path) == before


async def test_a_list_is_written_in_order(api: httpx.AsyncClient, path: str) -> None:
    await post(api, path, values=[said("two"), said("three")])

    assert texts(await get(api, path)) == ["one", "one", "two", "three"]


async def test_a_list_is_written_whole_or_not_at_all(api: httpx.AsyncClient, path: str) -> None:
    before = await checkpoints(api, path)

    answer = await api.post(path, json={"values": [said("two"), {"messages": [{"type": "?"}]}]})

    assert answer.status_code == 400
    assert await checkpoints(api, path) == before
    assert texts(await get(api, path)) == ["one", "one"]


@pytest.mark.parametrize(
    "values", [[], [1], [None], "text", "", 7, 0, False, [["messages", 1]]], ids=repr
)
async def test_values_that_are_no_state_are_422(
    api: httpx.AsyncClient, path: str, values: Any
) -> None:
    answer = await api.post(path, json={"values": values})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("values: ")


@pytest.mark.parametrize(
    "body",
    [
        {"values": {"messages": [{"type": "?"}]}},
        {"values": {"messages": {"role": "user"}}},
        {"values": {"messages": [[[1]]]}},
        {"values": {}, "as_node": "nobody"},
        {"values": {}, "checkpoint": {"checkpoint_ns": "nowhere:1"}},
    ],
)
async def test_what_the_graph_refuses_is_400_and_says_why(
    api: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    before = await checkpoints(api, path)

    answer = await api.post(path, json=body)

    assert answer.status_code == 400
    assert "echo refuses this update: " in answer.json()["detail"]
    assert await checkpoints(api, path) == before


async def test_an_end_without_values_takes_the_question_back(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "ask", input=said("hi"))

    await post(api, f"/threads/{thread_id}/state", values=None, as_node="__end__")

    state, row = (
        await get(api, f"/threads/{thread_id}/state"),
        await get(api, f"/threads/{thread_id}"),
    )
    assert (state["next"], state["interrupts"]) == ([], [])
    assert (row["status"], row["interrupts"]) == ("idle", {})
    assert texts(row) == ["hi"]


async def test_a_subgraph_is_updated_where_it_waits(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    path = f"/threads/{thread_id}/state"
    await run(api, thread_id, "parentask", input=said("hi"))
    [task] = (await get(api, path, subgraphs="true"))["tasks"]

    written = await post(api, path, values=said("inside"), checkpoint=task["state"]["checkpoint"])

    assert written["checkpoint"]["checkpoint_ns"] == f"sub:{task['id']}"
    inner = await post(api, f"{path}/checkpoint", checkpoint=written["checkpoint"])
    assert texts(inner) == ["hi", "inside"]


async def test_a_busy_thread_is_409(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    body = {"assistant_id": "sleeper", "input": {"seconds": 5}}
    run_id = (await api.post(f"/threads/{thread_id}/runs", json=body)).json()["run_id"]

    answer = await api.post(f"/threads/{thread_id}/state", json={"values": {"done": True}})

    assert answer.status_code == 409
    assert thread_id in answer.json()["detail"]
    await api.post(f"/threads/{thread_id}/runs/{run_id}/cancel?wait=1")
    await post(api, f"/threads/{thread_id}/state", values={"done": True})


async def test_a_run_that_begins_while_the_update_waits_is_409(
    api: httpx.AsyncClient, path: str
) -> None:
    thread_id = path.split("/")[2]

    async with db.transaction() as tx:
        await tx.execute("SELECT 1 FROM thread WHERE thread_id = %s FOR UPDATE", [thread_id])
        update = asyncio.create_task(api.post(path, json={"values": said("two")}))
        await until_one_waits(tx)
        await tx.execute("UPDATE thread SET status = 'busy' WHERE thread_id = %s", [thread_id])

    assert (await update).status_code == 409
    await db.execute("UPDATE thread SET status = 'idle' WHERE thread_id = %s", [thread_id])


async def test_a_thread_without_a_graph_is_400(api: httpx.AsyncClient, thread: MakeThread) -> None:
    answer = await api.post(f"/threads/{await thread()}/state", json={"values": {}})

    assert answer.status_code == 400
    assert "metadata.graph_id" in answer.json()["detail"]


async def test_a_graph_named_at_creation_is_enough(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(metadata={"graph_id": "echo"})

    await post(api, f"/threads/{thread_id}/state", values=said("first"))

    assert texts(await get(api, f"/threads/{thread_id}/state")) == ["first"]
    assert await get(api, f"/threads/{thread_id}/runs") == []
