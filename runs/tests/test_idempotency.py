"""A request for a run that is sent again with its Idempotency-Key makes no second run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from access.caller import Caller
from common import db
from runs.idempotency import forget_old_keys
from runs.idempotency_queries import find_request
from runs.spec import IdempotencyKey, RunSpec
from runs.submission import submit_run
from tests.streaming import MakeThread, parsed, reading, settled

SAID: Any = {"messages": [{"role": "user", "content": "hi", "id": "h1"}]}
ECHO: dict[str, Any] = {"assistant_id": "echo", "input": SAID}
LONG: dict[str, Any] = {"assistant_id": "sleeper", "input": {"seconds": 60}}
AGENT: dict[str, Any] = {"agent_id": "echo", "input": SAID}


def keyed() -> dict[str, str]:
    return {"idempotency-key": uuid4().hex}


def run_of(answer: httpx.Response) -> str:
    return answer.headers["content-location"].rpartition("/")[2]


async def run_ids(api: httpx.AsyncClient, thread_id: str) -> list[str]:
    listed = (await api.get(f"/threads/{thread_id}/runs")).json()
    return [run["run_id"] for run in listed]


async def test_the_same_request_is_answered_with_the_same_run(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id, headers = await thread(), keyed()
    place = f"/threads/{thread_id}/runs"

    first = await api.post(place, json=ECHO, headers=headers)
    await settled(api, thread_id)
    again = await api.post(place, json=dict(reversed(ECHO.items())), headers=headers)

    assert again.status_code == 200
    assert again.headers["content-location"] == first.headers["content-location"]
    told = {"status": "success", "updated_at": again.json()["updated_at"]}
    assert again.json() == {**first.json(), **told}
    assert await run_ids(api, thread_id) == [first.json()["run_id"]]


async def test_a_run_is_attached_to_while_it_is_active(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id, headers = await thread(), keyed()
    place = f"/threads/{thread_id}/runs/stream"
    async with (
        reading("POST", place, LONG, headers) as first,
        reading("POST", place, LONG, headers) as second,
    ):
        seen = [await reader.until("values") for reader in (first, second)]
        where = second.headers["content-location"]

        await api.post(f"{where}/cancel")

    assert seen[0] == seen[1]
    assert where == first.headers["content-location"]
    assert len(await run_ids(api, thread_id)) == 1


async def test_a_stream_is_told_again_from_its_start(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    headers, place = keyed(), f"/threads/{await thread()}/runs/stream"

    first = await api.post(place, json=ECHO, headers=headers)
    again = await api.post(place, json=ECHO, headers=headers)

    assert parsed(again.text) == parsed(first.text)
    assert [frame.event for frame in parsed(again.text)] == ["metadata", "values", "values"]


@pytest.mark.parametrize("body", [ECHO, AGENT])
async def test_a_stateless_run_is_waited_for_again(
    api: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    headers = keyed()

    first = await api.post("/runs/wait", json=body, headers=headers)
    again = await api.post("/runs/wait", json=body, headers=headers)

    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["content-location"] == first.headers["content-location"]


async def test_a_stateless_run_that_left_nothing_is_told_as_it_was_made(
    api: httpx.AsyncClient,
) -> None:
    headers = keyed()
    first = await api.post("/runs", json=AGENT, headers=headers)
    await api.get(f"/runs/{first.json()['run_id']}/wait")

    again = await api.post("/runs", json=AGENT, headers=headers)

    assert (again.status_code, again.json()) == (200, first.json())


async def test_a_stateless_stream_that_is_kept_no_more_is_gone(
    api: httpx.AsyncClient, settings: Any
) -> None:
    from runs.events.current import current_log

    headers = keyed()
    first = await api.post("/runs/wait", json=ECHO, headers=headers)
    settings.EVENT_RETENTION_SECONDS = 0
    current_log().ring.forget_old()
    await db.execute("DELETE FROM run_event WHERE run_id = %s", [run_of(first)])

    again = await api.post("/runs/wait", json=ECHO, headers=headers)

    assert first.status_code == 200
    assert again.status_code == 410
    assert "Send a new key" in again.json()["detail"]


async def test_a_run_that_was_deleted_is_not_run_again(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id, headers = await thread(), keyed()
    place = f"/threads/{thread_id}/runs"
    run_id = (await api.post(place, json=ECHO, headers=headers)).json()["run_id"]
    await api.delete(f"{place}/{run_id}")

    again = await api.post(place, json=ECHO, headers=headers)

    assert again.status_code == 410
    assert run_id in again.json()["detail"]
    assert await run_ids(api, thread_id) == []


async def test_a_batch_is_made_once(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id, headers = await thread(), keyed()
    batch = [{**ECHO, "thread_id": thread_id}, {**ECHO, "on_completion": "keep"}]

    first = await api.post("/runs/batch", json=batch, headers=headers)
    again = await api.post("/runs/batch", json=batch, headers=headers)

    ids = [[run["run_id"] for run in answer.json()] for answer in (first, again)]
    assert ids[0] == ids[1]
    assert len(await run_ids(api, thread_id)) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {**ECHO, "metadata": {"a": 1}}),
        ("/stream", ECHO),
    ],
)
async def test_another_request_of_the_same_key_is_409(
    api: httpx.AsyncClient, thread: MakeThread, path: str, body: dict[str, Any]
) -> None:
    thread_id, headers = await thread(), keyed()
    await api.post(f"/threads/{thread_id}/runs", json=ECHO, headers=headers)

    answer = await api.post(f"/threads/{thread_id}/runs{path}", json=body, headers=headers)

    assert answer.status_code == 409
    assert headers["idempotency-key"] in answer.json()["detail"]
    assert len(await run_ids(api, thread_id)) == 1


async def test_the_same_body_for_another_thread_is_another_request(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    headers = keyed()
    await api.post(f"/threads/{await thread()}/runs", json=ECHO, headers=headers)

    answer = await api.post(f"/threads/{await thread()}/runs", json=ECHO, headers=headers)

    assert answer.status_code == 409


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é".encode()])
@pytest.mark.parametrize("path", ["/runs", "/runs/stream", "/runs/wait"])
async def test_a_key_that_cannot_be_kept_is_422(
    api: httpx.AsyncClient, path: str, key: str | bytes
) -> None:
    headers: Any = {"idempotency-key": key}

    answer = await api.post(path, json=ECHO, headers=headers)

    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["detail"]


async def test_requests_at_once_make_one_run(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id, headers = await thread(), keyed()

    answers = await asyncio.gather(
        *(api.post(f"/threads/{thread_id}/runs", json=ECHO, headers=headers) for _ in range(20))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["run_id"] for answer in answers} == {*await run_ids(api, thread_id)}
    await settled(api, thread_id)
    state = (await api.get(f"/threads/{thread_id}/state")).json()
    assert len(state["values"]["messages"]) == 2


async def test_a_request_that_was_refused_may_be_sent_again(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id, headers = await thread(), keyed()
    place, asked = f"/threads/{thread_id}/runs", {**ECHO, "multitask_strategy": "reject"}
    first = (await api.post(place, json=LONG)).json()["run_id"]

    refused = await api.post(place, json=asked, headers=headers)
    await api.post(f"{place}/{first}/cancel?wait=1")
    again = await api.post(place, json=asked, headers=headers)

    assert (refused.status_code, again.status_code) == (409, 200)


async def test_a_key_is_its_caller_s_own(api: httpx.AsyncClient, thread: MakeThread) -> None:
    from uuid import UUID

    once = IdempotencyKey(key=uuid4().hex, digest="same")
    spec, thread_id = RunSpec(assistant_id="echo", input=SAID), UUID(await thread())

    made = [
        await submit_run(spec, thread_id=thread_id, caller=Caller(identity=name), once=once)
        for name in ("ann", "bob", "ann")
    ]

    assert made[0].run_id == made[2].run_id != made[1].run_id


async def test_a_key_is_known_for_its_time_and_then_forgotten(
    api: httpx.AsyncClient, thread: MakeThread, drain: Callable[[], Awaitable[None]]
) -> None:
    thread_id, headers = await thread(), keyed()
    key, place = headers["idempotency-key"], f"/threads/{thread_id}/runs"
    aged = "UPDATE idempotent_request SET created_at = now() - interval '25 h' WHERE key = %s"
    await api.post(place, json=ECHO, headers=headers)
    await db.execute(aged, [key])

    await api.post(place, json=ECHO, headers=headers)

    assert len(await run_ids(api, thread_id)) == 2
    await db.execute(aged, [key])
    assert await forget_old_keys() >= 1
    assert await find_request(key, caller=Caller(), seconds=1e9) is None
