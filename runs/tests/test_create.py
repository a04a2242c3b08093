from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from assistants.sync import sync_system_assistants
from tests.streaming import MakeThread, settled, started

HI: dict[str, Any] = {"messages": ["hi"]}


async def test_a_created_run_is_pending_and_its_thread_busy(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()

    answer = await api.post(
        f"/threads/{thread_id}/runs", json={"assistant_id": "sleeper", "input": {"seconds": 0.2}}
    )

    assert answer.json()["status"] == "pending"
    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "busy"
    assert (await settled(api, thread_id))["values"] == {"seconds": 0.2, "done": True}


async def test_a_run_gets_a_time_ordered_id(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()

    ids = [await started(api, thread_id, assistant_id="echo", input=HI) for _ in range(3)]

    assert [UUID(run_id).version for run_id in ids] == [7, 7, 7]
    assert ids == sorted(ids)


async def test_the_record_of_a_run_says_all_that_was_asked(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    asked = {
        "input": HI,
        "stream_mode": ["updates", "custom"],
        "interrupt_before": ["echo"],
        "interrupt_after": "*",
        "stream_subgraphs": True,
        "stream_resumable": True,
        "durability": "exit",
        "feedback_keys": ["thumb"],
        "multitask_strategy": "interrupt",
        "metadata": {"colour": "red"},
    }

    answer = await api.post(
        f"/threads/{await thread()}/runs", json={"assistant_id": "echo", **asked}
    )

    run = answer.json()
    shown = {key: run["kwargs"][key] for key in asked.keys() & run["kwargs"].keys()}
    assert shown.items() <= asked.items()
    assert run["kwargs"]["subgraphs"] is run["kwargs"]["resumable"] is True
    assert (run["kwargs"]["checkpoint_during"], run["kwargs"]["temporary"]) == (False, False)
    assert (run["multitask_strategy"], run["metadata"]["colour"]) == ("interrupt", "red")


async def test_the_older_spelling_of_durability(api: httpx.AsyncClient, thread: MakeThread) -> None:
    body = {"assistant_id": "echo", "input": HI, "checkpoint_during": False}

    answer = await api.post(f"/threads/{await thread()}/runs", json=body)

    assert answer.json()["kwargs"]["durability"] == "exit"


@pytest.mark.parametrize(("durability", "checkpoints"), [("exit", 1), ("sync", 3), ("async", 3)])
async def test_durability_decides_which_checkpoints_are_kept(
    api: httpx.AsyncClient, thread: MakeThread, durability: str, checkpoints: int
) -> None:
    path = f"/threads/{await thread()}"
    body = {"assistant_id": "echo", "input": HI, "durability": durability}

    await api.post(f"{path}/runs/wait", json=body)

    assert len((await api.post(f"{path}/history", json={"limit": 10})).json()) == checkpoints


async def test_a_thread_that_is_not_there_is_404(api: httpx.AsyncClient) -> None:
    thread_id = uuid4()

    answer = await api.post(f"/threads/{thread_id}/runs", json={"assistant_id": "echo"})

    assert answer.status_code == 404
    assert str(thread_id) in answer.json()["detail"]
    assert (await api.get(f"/threads/{thread_id}")).status_code == 404


async def test_a_thread_that_is_not_there_is_made_when_asked(api: httpx.AsyncClient) -> None:
    thread_id = str(uuid4())
    body = {"assistant_id": "echo", "input": HI, "if_not_exists": "create"}

    answer = await api.post(f"/threads/{thread_id}/runs/wait", json=body)

    assert answer.json()["messages"][-1]["content"] == "hi"
    assert (await api.get(f"/threads/{thread_id}")).json()["metadata"]["graph_id"] == "echo"


async def test_many_may_make_the_same_thread_at_once(api: httpx.AsyncClient) -> None:
    thread_id = str(uuid4())
    body = {"assistant_id": "echo", "input": HI, "if_not_exists": "create"}
    path = f"/threads/{thread_id}/runs"

    answers = await asyncio.gather(*(api.post(path, json=body) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert (await settled(api, thread_id))["status"] == "idle"
    assert len((await api.get(f"{path}?limit=100&status=success")).json()) == 20


async def test_a_run_writes_its_graph_and_assistant_on_the_thread(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(metadata={"owner": "ada"})
    body = {"assistant_id": "echo", "input": HI, "config": {"configurable": {"tone": "dry"}}}

    run = (await api.post(f"/threads/{thread_id}/runs", json=body)).json()

    shown = (await api.get(f"/threads/{thread_id}")).json()
    assert shown["metadata"] == {
        "owner": "ada",
        "graph_id": "echo",
        "assistant_id": run["assistant_id"],
    }
    assert shown["config"] == {"configurable": {"tone": "dry"}}


async def test_an_assistant_is_named_by_id_or_by_graph(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    assistant = (await api.post("/assistants", json={"graph_id": "echo"})).json()
    path = f"/threads/{await thread()}/runs"

    for name in (assistant["assistant_id"], "echo"):
        run = (await api.post(path, json={"assistant_id": name, "input": HI})).json()
        assert run["metadata"]["graph_id"] == "echo"


async def test_a_graph_whose_assistant_was_deleted_is_told_of(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await api.delete("/assistants/steps")

    answer = await api.post(f"/threads/{thread_id}/runs", json={"assistant_id": "steps"})

    await sync_system_assistants()
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("The assistant of graph 'steps' was deleted")
