from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from threads.tests.conversing import MakeThread, get, post, run, said, texts

EMPTY: dict[str, Any] = {
    "values": {},
    "next": [],
    "tasks": [],
    "metadata": {},
    "created_at": None,
    "checkpoint": None,
    "parent_checkpoint": None,
    "interrupts": [],
    "checkpoint_id": None,
    "parent_checkpoint_id": None,
}


@pytest.mark.parametrize("metadata", [{}, {"graph_id": "echo"}])
async def test_a_thread_without_runs_has_the_empty_state(
    api: httpx.AsyncClient, thread: MakeThread, metadata: dict[str, str]
) -> None:
    thread_id = await thread(metadata=metadata)

    assert await get(api, f"/threads/{thread_id}/state") == EMPTY
    assert await get(api, f"/threads/{thread_id}/history") == []


async def test_an_interrupted_state_is_as_on_the_wire(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "ask", input=said("hi"))

    state = await get(api, f"/threads/{thread_id}/state")

    [task], [pending] = state["tasks"], state["interrupts"]
    assert state["next"] == ["ask"]
    assert pending == {"id": pending["id"], "value": {"q": "ok?"}}
    assert task == {
        "id": task["id"],
        "name": "ask",
        "path": ["__pregel_pull", "ask"],
        "error": None,
        "interrupts": [pending],
        "checkpoint": None,
        "state": None,
        "result": None,
    }
    assert state["checkpoint"] == {
        "checkpoint_id": state["checkpoint_id"],
        "thread_id": thread_id,
        "checkpoint_ns": "",
    }
    assert state["parent_checkpoint"]["checkpoint_id"] == state["parent_checkpoint_id"]
    assert state["created_at"].endswith("+00:00")


async def test_the_metadata_of_a_state_tells_of_its_run_and_no_secrets(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "ask", input=said("hi"))
    [made] = await get(api, f"/threads/{thread_id}/runs")

    metadata = (await get(api, f"/threads/{thread_id}/state"))["metadata"]

    told = {"source": "loop", "step": 0, "parents": {}, "run_attempt": 1}
    names = {"graph_id": "ask", "run_id": made["run_id"], "thread_id": thread_id}
    assert (told | names).items() <= metadata.items()
    assert not [key for key in metadata if key.startswith(("langgraph_auth", "__"))]


async def test_a_finished_state_has_nothing_next(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "echo", input=said("hi"))

    state = await get(api, f"/threads/{thread_id}/state")

    assert (state["next"], state["tasks"], state["interrupts"]) == ([], [], [])
    assert texts(state) == ["hi", "hi"]


async def test_a_failed_state_keeps_its_error(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    await run(api, thread_id, "boom")

    [task] = (await get(api, f"/threads/{thread_id}/state"))["tasks"]

    assert task["error"] == "ValueError('kaput')"


async def test_a_subgraphs_state_is_named_and_shown_when_asked(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "parentask", input=said("hi"))
    path = f"/threads/{thread_id}/state"

    [named] = (await get(api, path))["tasks"]
    [shown] = (await get(api, path, subgraphs="true"))["tasks"]

    assert named["state"] is None
    assert named["checkpoint"] == {
        "thread_id": thread_id,
        "checkpoint_ns": f"sub:{named['id']}",
    }
    assert shown["state"]["next"] == ["ask"]
    assert shown["state"]["checkpoint"]["checkpoint_ns"] == f"sub:{named['id']}"


async def test_a_subgraphs_own_checkpoint_can_be_read(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "parentask", input=said("hi"))
    [shown] = (await get(api, f"/threads/{thread_id}/state", subgraphs="true"))["tasks"]

    inner = await post(
        api, f"/threads/{thread_id}/state/checkpoint", checkpoint=shown["state"]["checkpoint"]
    )

    assert inner["next"] == ["ask"]
    assert inner["checkpoint"]["checkpoint_ns"] == f"sub:{shown['id']}"
    assert inner["interrupts"][0]["value"] == {"q": "ok?"}


async def test_an_old_checkpoint_can_be_read_by_get_and_by_post(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "echo", input=said("one"))
    old = await get(api, f"/threads/{thread_id}/state")
    await run(api, thread_id, "echo", input=said("two"))
    path = f"/threads/{thread_id}/state"

    by_get = await get(api, f"{path}/{old['checkpoint_id']}")
    by_post = await post(api, f"{path}/checkpoint", checkpoint=old["checkpoint"])

    assert texts(await get(api, path)) == ["one", "one", "two", "two"]
    assert by_get == by_post == old


@pytest.mark.parametrize("graph", ["echo", None])
async def test_a_missing_checkpoint_is_404(
    api: httpx.AsyncClient, thread: MakeThread, graph: str | None
) -> None:
    thread_id, missing = await thread(), str(uuid4())
    if graph:
        await run(api, thread_id, graph)
    path = f"/threads/{thread_id}/state"

    by_get = await api.get(f"{path}/{missing}")
    by_post = await api.post(
        f"{path}/checkpoint", json={"checkpoint": {"checkpoint_id": missing}, "subgraphs": True}
    )

    assert (by_get.status_code, by_post.status_code) == (404, 404)
    assert missing in by_get.json()["detail"]
    assert missing in by_post.json()["detail"]


async def test_a_subgraph_that_has_not_run_has_the_empty_state(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "parent")
    path, elsewhere = f"/threads/{thread_id}", {"checkpoint_ns": "sub:1"}

    assert await post(api, f"{path}/state/checkpoint", checkpoint=elsewhere) == EMPTY
    assert await post(api, f"{path}/history", checkpoint=elsewhere) == []


async def test_a_state_of_a_missing_thread_is_404(api: httpx.AsyncClient) -> None:
    path, checkpoint = f"/threads/{uuid4()}", {"checkpoint": {"checkpoint_id": str(uuid4())}}

    answers = [
        await api.get(f"{path}/state"),
        await api.get(f"{path}/state/{uuid4()}"),
        await api.post(f"{path}/state/checkpoint", json=checkpoint),
        await api.post(f"{path}/state", json={"values": {}}),
        await api.get(f"{path}/history"),
        await api.post(f"{path}/history", json={}),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert all("not found" in answer.json()["detail"] for answer in answers)


async def test_a_graph_that_the_project_no_longer_has_is_named(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(metadata={"graph_id": "retired"})

    answer = await api.get(f"/threads/{thread_id}/state")

    assert answer.status_code == 404
    assert "'retired'" in answer.json()["detail"]


async def test_a_factorys_graph_tells_its_state(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    await run(api, thread_id, "factory", config={"configurable": {"model": "m"}})

    state = await get(api, f"/threads/{thread_id}/state")

    assert state["values"]["said"]["model"] == "m"
    assert state["values"]["said"]["access"] == "threads.create_run"


async def test_a_broken_factory_is_424_and_says_why(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread(metadata={'graph_id': 'broken'})}"

    answers = [
        await api.get(f"{path}/state"),
        await api.post(f"{path}/state", json={"values": {}}),
        await api.post(f"{path}/history", json={}),
    ]

    assert [answer.status_code for answer in answers] == [424] * 3
    assert all("no model behind this factory" in answer.json()["detail"] for answer in answers)


async def test_a_state_is_not_patched(api: httpx.AsyncClient, thread: MakeThread) -> None:
    answer = await api.patch(f"/threads/{await thread()}/state", json={"metadata": {}})

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST, HEAD"
