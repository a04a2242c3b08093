"""What is written as one of LangGraph's own nodes: `__copy__`, `__input__`, `__end__`."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from threads.tests.conversing import MakeThread, get, post, run, said, texts


@pytest.fixture
async def path(api: httpx.AsyncClient, thread: MakeThread) -> str:
    """The path of a thread upon which `echo` ran twice."""
    thread_id = await thread()
    await run(api, thread_id, "echo", input=said("one"))
    await run(api, thread_id, "echo", input=said("two"))
    return f"/threads/{thread_id}"


async def fork(api: httpx.AsyncClient, path: str, **body: Any) -> Any:
    await post(api, f"{path}/state", as_node="__copy__", **body)
    return await get(api, f"{path}/state")


async def test_a_copy_of_the_newest_checkpoint_is_its_sibling(
    api: httpx.AsyncClient, path: str
) -> None:
    before = await get(api, f"{path}/state")

    forked = await fork(api, path, values=None)

    assert forked["metadata"]["source"] == "fork"
    assert forked["checkpoint_id"] > before["checkpoint_id"]
    assert forked["parent_checkpoint"] == before["parent_checkpoint"]
    assert (forked["values"], forked["next"]) == (before["values"], before["next"])


async def test_a_copy_of_an_old_checkpoint_becomes_the_head(
    api: httpx.AsyncClient, path: str
) -> None:
    old = (await get(api, f"{path}/history"))[-2]
    assert old["next"] == ["echo"]

    forked = await fork(api, path, values=None, checkpoint=old["checkpoint"])

    assert (texts(forked), forked["next"]) == (["one"], ["echo"])
    row = await get(api, path)
    assert (texts(row), row["status"]) == (["one"], "interrupted")
    values = await run(api, path.split("/")[2], "echo", input=None)
    assert [message["content"] for message in values["messages"]] == ["one", "one"]


async def test_a_copy_can_be_written_to_at_once(api: httpx.AsyncClient, path: str) -> None:
    old = (await get(api, f"{path}/history"))[-2]
    instead = {"messages": [{"role": "ai", "content": "other", "id": "other"}]}

    forked = await fork(api, path, values=[[instead, "echo"]], checkpoint=old["checkpoint"])

    assert (texts(forked), forked["next"]) == (["one", "other"], [])
    parent = await get(api, f"{path}/state/{forked['parent_checkpoint_id']}")
    assert parent["metadata"]["source"] == "fork"
    assert texts(await get(api, path)) == ["one", "other"]


@pytest.mark.parametrize("values", [[[{}, "nobody"]], [[{}, 7]], [[{}, ["echo"]]]], ids=str)
async def test_a_copy_as_an_unknown_node_is_400(
    api: httpx.AsyncClient, path: str, values: Any
) -> None:
    before = await get(api, f"{path}/history")

    answer = await api.post(f"{path}/state", json={"values": values, "as_node": "__copy__"})

    assert answer.status_code == 400
    assert await get(api, f"{path}/history") == before


async def test_values_that_are_no_pairs_are_no_copy(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.post(f"{path}/state", json={"values": [7], "as_node": "__copy__"})

    assert answer.status_code == 422


async def test_an_input_waits_for_a_run_to_take_it(api: httpx.AsyncClient, path: str) -> None:
    await post(api, f"{path}/state", values=said("three"), as_node="__input__")

    state = await get(api, f"{path}/state")
    assert (state["metadata"]["source"], state["next"]) == ("input", ["__start__"])
    assert (await get(api, path))["status"] == "interrupted"
    values = await run(api, path.split("/")[2], "echo", input=None)
    assert [message["content"] for message in values["messages"]][-2:] == ["three", "three"]


async def test_an_input_of_nothing_is_400(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.post(f"{path}/state", json={"values": None, "as_node": "__input__"})

    assert answer.status_code == 400
    assert "input" in answer.json()["detail"]


async def test_an_end_leaves_a_thread_that_runs_again(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "parentask", input=said("one"))

    await post(api, f"/threads/{thread_id}/state", values=None, as_node="__end__")

    row = await get(api, f"/threads/{thread_id}")
    assert (row["status"], row["interrupts"]) == ("idle", {})
    values = await run(api, thread_id, "parentask", input=said("two"))
    assert values["__interrupt__"]


async def test_a_fork_inside_a_subgraph_moves_the_whole_thread(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    path = f"/threads/{thread_id}/state"
    await run(api, thread_id, "parentask", input=said("hi"))
    [task] = (await get(api, path, subgraphs="true"))["tasks"]
    inner = task["state"]["checkpoint"]

    forked = await post(api, path, values=None, as_node="__copy__", checkpoint=inner)

    at = await post(api, f"{path}/checkpoint", checkpoint=forked["checkpoint"])
    assert forked["checkpoint"]["checkpoint_ns"] == inner["checkpoint_ns"]
    assert at["metadata"]["source"] == "fork"
    assert at["next"] == ["ask"]
