"""POST /runs/batch: many runs at once, all of them or none."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from common.tests.statements import Statements
from tests.streaming import MakeThread, settled, started

HI: dict[str, Any] = {"messages": ["hi"]}
ECHO = {"assistant_id": "echo", "input": HI, "on_completion": "keep"}


async def test_each_run_of_a_batch_has_a_thread_of_its_own(api: httpx.AsyncClient) -> None:
    words = ["a", "b", "c"]
    batch = [{**ECHO, "input": {"messages": [word]}} for word in words]

    answer = await api.post("/runs/batch", json=batch)

    assert answer.status_code == 200
    runs = answer.json()
    assert [run["kwargs"]["input"]["messages"] for run in runs] == [[word] for word in words]
    assert {run["status"] for run in runs} == {"pending"}
    assert len({run["thread_id"] for run in runs}) == 3
    for run, word in zip(runs, words, strict=True):
        shown = await settled(api, run["thread_id"])
        assert [message["content"] for message in shown["values"]["messages"]] == [word, word]


async def test_a_batch_of_nothing_is_nothing(api: httpx.AsyncClient) -> None:
    assert (await api.post("/runs/batch", json=[])).json() == []


async def test_a_batch_of_more_runs_than_slots_comes_to_its_end(api: httpx.AsyncClient) -> None:
    runs = (await api.post("/runs/batch", json=[ECHO] * 60)).json()

    for run in runs:
        assert (await settled(api, run["thread_id"]))["status"] == "idle"


async def test_a_run_of_a_batch_may_name_its_thread(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    first, second = await thread(), await thread()
    batch = [
        {**ECHO, "thread_id": second},
        {**ECHO, "thread_id": first},
        {**ECHO, "thread_id": second},
    ]

    runs = (await api.post("/runs/batch", json=batch)).json()

    assert [run["thread_id"] for run in runs] == [second, first, second]
    assert len((await settled(api, second))["values"]["messages"]) == 4
    listed = (await api.get(f"/threads/{second}/runs")).json()
    assert [run["run_id"] for run in listed] == [runs[2]["run_id"], runs[0]["run_id"]]


async def test_later_runs_of_a_batch_see_the_earlier_ones(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    long = {"assistant_id": "sleeper", "input": {"seconds": 60}, "thread_id": thread_id}
    quick = {**long, "input": {"seconds": 0}, "multitask_strategy": "interrupt"}

    await api.post("/runs/batch", json=[long, quick])

    assert (await settled(api, thread_id))["values"]["done"] is True
    listed = (await api.get(f"/threads/{thread_id}/runs")).json()
    assert [run["status"] for run in listed] == ["success", "interrupted"]


async def test_the_names_of_the_client_for_javascript_are_understood(
    api: httpx.AsyncClient,
) -> None:
    item = {"assistantId": "echo", "input": HI, "streamMode": ["updates"], "onCompletion": "keep"}

    answer = await api.post("/runs/batch", json=[{**item, "assistant_id": "echo"}])

    (run,) = answer.json()
    assert (run["kwargs"]["stream_mode"], run["kwargs"]["temporary"]) == (["updates"], False)


@pytest.mark.parametrize(
    ("bad", "status", "told"),
    [
        ({"assistant_id": "nope"}, 422, "item 1: Invalid assistant: 'nope'"),
        ({"stream_mode": "x"}, 422, "item 1: stream_mode: unknown stream mode"),
        ({"webhook": "http://localhost/"}, 422, "item 1: webhook: "),
        ({"command": {"resume": 1}}, 400, "item 1: `command.resume` needs a thread"),
        ({"context": {"a": 1}, "config": {"configurable": {"b": 1}}}, 400, "item 1: Both"),
        ({"checkpoint_id": "none"}, 404, "item 1: Checkpoint none not found"),
        ({"thread_id": "x"}, 422, "item 1: thread_id: must be a UUID"),
        ({"thread_id": str(uuid4())}, 404, "item 1: Thread or assistant not found"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_one_bad_run_is_named_and_none_is_written(
    api: httpx.AsyncClient,
    thread: MakeThread,
    assistant: Any,
    bad: dict[str, Any],
    status: int,
    told: str,
) -> None:
    thread_id = await thread()
    own = (await assistant())["assistant_id"]
    good = {**ECHO, "assistant_id": own, "thread_id": thread_id}

    answer = await api.post("/runs/batch", json=[good, {**ECHO, **bad}, {**ECHO}])

    assert answer.status_code == status
    assert answer.json()["detail"].startswith(told)
    assert (await api.get(f"/threads/{thread_id}/runs")).json() == []
    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "idle"
    assert (await api.post("/runs/search", json={"agent_id": own})).json() == []


async def test_a_busy_thread_refuses_the_whole_batch(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    busy, free = await thread(), await thread()
    first = await started(api, busy, assistant_id="sleeper", input={"seconds": 60})
    batch = [
        {**ECHO, "thread_id": free},
        {**ECHO, "thread_id": busy, "multitask_strategy": "reject"},
    ]

    answer = await api.post("/runs/batch", json=batch)

    assert (answer.status_code, answer.json()["detail"][:7]) == (409, "item 1:")
    assert (await api.get(f"/threads/{free}/runs")).json() == []
    await api.post(f"/threads/{busy}/runs/{first}/cancel?wait=1")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"assistant_id": "echo"}, "must be a JSON array"),
        (["echo"], "item 0: The request body must be a JSON object."),
        ([ECHO, None], "item 1: "),
        ([ECHO] * 501, "at most 500 runs; this one has 501"),
    ],
    ids=["object", "word", "null", "many"],
)
async def test_what_is_no_batch_is_refused(api: httpx.AsyncClient, body: Any, told: str) -> None:
    answer = await api.post("/runs/batch", json=body)

    assert answer.status_code == 422
    assert told in answer.json()["detail"]


async def test_each_run_of_a_batch_costs_the_same_statements(
    api: httpx.AsyncClient, statements: Statements
) -> None:
    # The engine's own, for runs of other tests too, are among what was sent.
    kinds = ("runs FROM assistant", "INSERT INTO thread", "config FROM thread", "INSERT INTO run (")

    async def cost(number: int) -> list[int]:
        statements.clear()
        await api.post("/runs/batch", json=[ECHO] * number)
        return [sum(kind in sent for sent in statements) for kind in kinds]

    assert [await cost(number) for number in (1, 5)] == [[1, 1, 1, 1], [1, 5, 5, 5]]
