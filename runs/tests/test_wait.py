"""`wait` and `join`: the values when the run is over, newlines until then."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common import db
from tests.streaming import MakeThread, reading, settled, started

HI: dict[str, Any] = {"messages": ["hi"]}
SHORT = {"assistant_id": "sleeper", "input": {"seconds": 0.3}}


async def test_wait_answers_the_values_and_says_where_the_run_is(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}"

    answer = await api.post(f"{path}/runs/wait", json={"assistant_id": "echo", "input": HI})

    run = (await api.get(f"{path}/runs")).json()[0]
    place = f"{path}/runs/{run['run_id']}"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["location"] == f"{place}/join"
    assert answer.headers["content-location"] == place
    assert (await api.get(f"{path}/state")).json()["values"] == answer.json()
    assert run["status"] == "success"


@pytest.mark.parametrize("way", ["wait", "join"])
async def test_newlines_keep_the_connection_alive(
    api: httpx.AsyncClient, thread: MakeThread, settings: Any, way: str
) -> None:
    settings.STREAM_HEARTBEAT_SECONDS = 0.05
    thread_id = await thread()
    url, method, body = f"/threads/{thread_id}/runs/wait", "POST", SHORT
    if way == "join":
        run_id = await started(api, thread_id, **SHORT)
        url, method, body = f"/threads/{thread_id}/runs/{run_id}/join", "GET", {}

    async with reading(method, url, body) as reader:
        chunks = [await reader.chunk()]
        while (chunk := await reader.chunk()) is not None:
            chunks.append(chunk)

    assert len(chunks) > 2
    assert set(chunks[:-1]) == {b"\n"}
    assert json.loads(chunks[-1] or b"") == {"seconds": 0.3, "done": True}


async def test_an_interrupt_is_told_with_the_values(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs"

    waited = await api.post(f"{path}/wait", json={"assistant_id": "ask", "input": HI})

    run_id = (await api.get(path)).json()[0]["run_id"]
    joined = await api.get(f"{path}/{run_id}/join")
    for answer in (waited, joined):
        assert answer.json()["messages"][0]["content"] == "hi"
        assert [item["value"] for item in answer.json()["__interrupt__"]] == [{"q": "ok?"}]


async def test_interrupts_side_by_side_are_one_list(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}"

    answer = await api.post(f"{path}/runs/wait", json={"assistant_id": "twoasks", "input": {}})

    questions = sorted(item["value"]["q"] for item in answer.json()["__interrupt__"])
    assert questions == ["left?", "right?"]
    shown = (await api.get(path)).json()
    assert sorted(len(items) for items in shown["interrupts"].values()) == [1, 1]


async def test_a_subgraphs_interrupt_is_the_threads(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}"

    answer = await api.post(f"{path}/runs/wait", json={"assistant_id": "parentask", "input": HI})

    assert [item["value"] for item in answer.json()["__interrupt__"]] == [{"q": "ok?"}]
    shown = (await api.get(path)).json()
    assert shown["status"] == "interrupted"
    assert [item["value"] for items in shown["interrupts"].values() for item in items] == [
        {"q": "ok?"}
    ]


async def test_joining_a_run_that_is_over_answers_at_once(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs"
    waited = await api.post(f"{path}/wait", json={"assistant_id": "echo", "input": HI})
    run_id = (await api.get(path)).json()[0]["run_id"]

    joined = await api.get(f"{path}/{run_id}/join")

    assert joined.json() == waited.json()
    assert joined.headers["location"] == f"{path}/{run_id}/join"


async def test_joining_a_failed_run_tells_its_error(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs"
    await api.post(f"{path}/wait", json={"assistant_id": "boom", "input": {"messages": []}})
    run_id = (await api.get(path)).json()[0]["run_id"]

    joined = await api.get(f"{path}/{run_id}/join")

    assert joined.json() == {"__error__": {"error": "ValueError", "message": "kaput"}}


async def test_joining_after_the_events_are_forgotten(
    api: httpx.AsyncClient, thread: MakeThread, settings: Any
) -> None:
    from runs.events.current import current_log

    path = f"/threads/{await thread()}/runs"
    waited = await api.post(f"{path}/wait", json={"assistant_id": "ask", "input": HI})
    run_id = (await api.get(path)).json()[0]["run_id"]
    settings.EVENT_RETENTION_SECONDS = 0
    current_log().ring.forget_old()
    await db.execute("DELETE FROM run_event WHERE run_id = %s", [run_id])

    joined = await api.get(f"{path}/{run_id}/join")

    assert joined.json()["messages"] == waited.json()["messages"]
    assert [item["value"] for item in joined.json()["__interrupt__"]] == [{"q": "ok?"}]
    assert (await api.get(f"{path}/{run_id}/stream")).content == b""


async def test_joining_no_run_is_404(api: httpx.AsyncClient, thread: MakeThread) -> None:
    path = f"/threads/{await thread()}/runs/{uuid4()}"

    for way in ("join", "stream"):
        answer = await api.get(f"{path}/{way}")
        assert answer.status_code == 404
        assert "not found" in answer.json()["detail"]


async def test_a_run_survives_the_client_that_waits_for_it(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()

    async with reading("POST", f"/threads/{thread_id}/runs/wait", SHORT):
        pass

    assert (await settled(api, thread_id))["values"] == {"seconds": 0.3, "done": True}


@pytest.mark.parametrize("way", ["wait", "stream"])
async def test_a_run_goes_with_its_client_when_asked(
    api: httpx.AsyncClient, thread: MakeThread, way: str
) -> None:
    thread_id = await thread()
    body = {"assistant_id": "sleeper", "input": {"seconds": 60}, "on_disconnect": "cancel"}

    async with reading("POST", f"/threads/{thread_id}/runs/{way}", body):
        pass

    await settled(api, thread_id)
    (run,) = (await api.get(f"/threads/{thread_id}/runs")).json()
    assert run["status"] == "interrupted"


@pytest.mark.parametrize("way", ["join", "stream"])
async def test_a_joiner_may_take_the_run_with_it(
    api: httpx.AsyncClient, thread: MakeThread, way: str
) -> None:
    thread_id = await thread()
    run_id = await started(api, thread_id, assistant_id="sleeper", input={"seconds": 60})
    path = f"/threads/{thread_id}/runs/{run_id}"
    async with reading("GET", f"{path}/{way}"):
        pass
    assert (await api.get(path)).json()["status"] == "running"

    async with reading("GET", f"{path}/{way}?cancel_on_disconnect=1"):
        pass

    await settled(api, thread_id)
    assert (await api.get(path)).json()["status"] == "interrupted"
