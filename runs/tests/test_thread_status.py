"""What a run leaves on its thread's row, by which inboxes and thread lists live."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.streaming import MakeThread, reading, settled, started

HI: dict[str, Any] = {"messages": [{"type": "human", "content": "hi", "id": "h1"}]}
LONG = {"assistant_id": "sleeper", "input": {"seconds": 60}}


async def ran(api: httpx.AsyncClient, thread_id: str, graph: str, **fields: Any) -> Any:
    """Run a graph to its end and return the thread."""
    body = {"assistant_id": graph, "input": HI, **fields}
    await api.post(f"/threads/{thread_id}/runs/wait", json=body)
    return (await api.get(f"/threads/{thread_id}")).json()


async def test_a_new_thread_is_idle_without_values(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    shown = (await api.get(f"/threads/{await thread()}")).json()

    assert (shown["status"], shown["values"]) == ("idle", None)
    assert (shown["interrupts"], shown["error"]) == ({}, None)


async def test_success_leaves_the_thread_idle_with_its_values(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    before = (await api.get(f"/threads/{thread_id}")).json()

    shown = await ran(api, thread_id, "echo")

    assert (shown["status"], shown["interrupts"], shown["error"]) == ("idle", {}, None)
    assert [message["content"] for message in shown["values"]["messages"]] == ["hi", "hi"]
    assert shown["state_updated_at"] > before["state_updated_at"]
    assert shown["updated_at"] > before["updated_at"]


async def test_an_interrupt_is_on_the_row_by_its_task(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()

    shown = await ran(api, thread_id, "ask")

    state = (await api.get(f"/threads/{thread_id}/state")).json()
    task = state["tasks"][0]
    assert shown["status"] == "interrupted"
    assert shown["interrupts"] == {task["id"]: task["interrupts"]}
    assert [item["value"] for item in task["interrupts"]] == [{"q": "ok?"}]
    (run,) = (await api.get(f"/threads/{thread_id}/runs")).json()
    assert run["status"] == "success"


async def test_an_error_is_on_the_row_and_goes_with_the_next_run(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()

    failed = await ran(api, thread_id, "boom")
    mended = await ran(api, thread_id, "echo")

    assert (failed["status"], failed["interrupts"]) == ("error", {})
    assert failed["error"] == {"error": "ValueError", "message": "kaput"}
    assert failed["values"] == HI | {"messages": failed["values"]["messages"]}
    assert (mended["status"], mended["error"]) == ("idle", None)


async def test_a_queue_keeps_the_thread_busy_to_its_last_run(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    first = await started(api, thread_id, assistant_id="sleeper", input={"seconds": 0})
    second = await started(api, thread_id, **LONG)
    await api.get(f"/threads/{thread_id}/runs/{first}/join")

    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "busy"

    await api.post(f"/threads/{thread_id}/runs/{second}/cancel?wait=1")
    assert (await settled(api, thread_id))["status"] in ("idle", "interrupted")


@pytest.mark.parametrize("graph", ["echo", "ask", "boom"])
async def test_a_pending_run_that_is_cancelled_leaves_the_thread_as_it_was(
    api: httpx.AsyncClient, thread: MakeThread, graph: str
) -> None:
    thread_id = await thread()
    before = await ran(api, thread_id, graph)
    body = {"assistant_id": "sleeper", "input": {"seconds": 60}}
    first, second = [await started(api, thread_id, **body) for _ in range(2)]

    await api.post(f"/threads/{thread_id}/runs/{second}/cancel")
    await api.post(f"/threads/{thread_id}/runs/{first}/cancel?action=rollback&wait=1")

    after = await settled(api, thread_id)
    assert after["values"] == before["values"]
    assert after["interrupts"] == before["interrupts"]
    assert after["status"] == ("idle" if graph == "echo" else "interrupted")


async def test_a_run_cancelled_between_steps_leaves_the_thread_interrupted(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    async with reading("POST", f"/threads/{thread_id}/runs/stream", LONG) as reader:
        await reader.until("values")
        place = reader.headers["content-location"]
        await api.post(f"{place}/cancel?wait=1")

    shown = await settled(api, thread_id)
    assert (shown["status"], shown["interrupts"], shown["error"]) == ("interrupted", {}, None)
    state = (await api.get(f"/threads/{thread_id}/state")).json()
    assert state["next"] == ["sleep"]


async def test_threads_are_found_by_what_their_runs_left(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    inbox = str(uuid4())
    thread_id = await thread(metadata={"inbox": inbox})
    await ran(api, thread_id, "ask")
    wanted = {"status": "interrupted", "metadata": {"inbox": inbox, "graph_id": "ask"}}

    found = (await api.post("/threads/search", json=wanted)).json()

    assert [shown["thread_id"] for shown in found] == [thread_id]
    assert found[0]["interrupts"]
    assert found[0]["values"]["messages"][0]["content"] == "hi"


@pytest.mark.slow
@pytest.mark.timeout(30)
async def test_a_node_that_does_not_stop_is_abandoned(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    body = {"assistant_id": "stubborn", "input": {"kind": "long"}}
    run_id = await started(api, thread_id, **body)

    await api.post(f"/threads/{thread_id}/runs/{run_id}/cancel?wait=1", timeout=25)

    (run,) = (await api.get(f"/threads/{thread_id}/runs")).json()
    assert run["status"] == "interrupted"


async def test_a_run_that_takes_too_long_times_out(
    api: httpx.AsyncClient, thread: MakeThread, settings: Any
) -> None:
    settings.RUN_TIMEOUT_SECONDS = 0.2
    thread_id = await thread()

    answer = await api.post(f"/threads/{thread_id}/runs/wait", json=LONG)

    error = answer.json()["__error__"]
    assert error["error"] == "TimeoutError"
    assert "longer than 0.2 seconds" in error["message"]
    shown = await settled(api, thread_id)
    assert (shown["status"], shown["error"]) == ("error", error)
    (run,) = (await api.get(f"/threads/{thread_id}/runs")).json()
    assert run["status"] == "timeout"
