from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError
from langgraph_sdk.schema import RunCreateMetadata

from tests.e2e.asking import WEATHER, WEATHER_ANSWER, last_text, said
from tests.e2e.awaited import Client

pytestmark = pytest.mark.slow

LONG = {"seconds": 30}


async def test_a_run_is_waited_for(client: Client, thread_id: str) -> None:
    values = await client.runs.wait(thread_id, "react_agent", input=said(WEATHER))

    assert last_text(values) == WEATHER_ANSWER
    [run] = await client.runs.list(thread_id)
    assert (run["status"], run["thread_id"]) == ("success", thread_id)


async def test_a_run_in_the_background_is_joined(client: Client, thread_id: str) -> None:
    made: list[RunCreateMetadata] = []
    run = await client.runs.create(
        thread_id, "sleeper", input={"seconds": 0.2}, metadata={"a": 1}, on_run_created=made.append
    )
    busy = await client.threads.get(thread_id)

    values = await client.runs.join(thread_id, run["run_id"])

    assert (run["status"], busy["status"], values["done"]) == ("pending", "busy", True)
    assert made == [{"run_id": run["run_id"], "thread_id": thread_id}]
    read = await client.runs.get(thread_id, run["run_id"])
    assert (read["status"], read["metadata"]["a"]) == ("success", 1)


async def test_runs_are_listed_newest_first(client: Client, thread_id: str) -> None:
    for word in ("a", "b", "c"):
        await client.runs.wait(thread_id, "echo", input=said(word))

    runs = await client.runs.list(thread_id)
    page = await client.runs.list(thread_id, limit=1, offset=1, select=["run_id"])

    words = [run["kwargs"]["input"]["messages"][0]["content"] for run in runs]
    assert words == ["c", "b", "a"]
    assert page == [{"run_id": runs[1]["run_id"]}]
    assert await client.runs.list(thread_id, status="error") == []


async def test_a_deleted_run_is_gone(client: Client, thread_id: str) -> None:
    run = await client.runs.create(thread_id, "echo", input=said("x"))
    await client.runs.join(thread_id, run["run_id"])

    await client.runs.delete(thread_id, run["run_id"])

    assert await client.runs.list(thread_id) == []
    with pytest.raises(NotFoundError):
        await client.runs.get(thread_id, run["run_id"])


async def test_the_error_of_a_graph_is_raised(client: Client, thread_id: str) -> None:
    with pytest.raises(Exception, match="ValueError: kaput"):
        await client.runs.wait(thread_id, "boom", input=said("x"))

    told = await client.runs.wait(thread_id, "boom", input=said("x"), raise_error=False)
    assert told["__error__"] == {"error": "ValueError", "message": "kaput"}
    thread = await client.threads.get(thread_id)
    assert thread["status"] == "error"
    assert {run["status"] for run in await client.runs.list(thread_id)} == {"error"}


async def test_a_stateless_run_leaves_no_thread(client: Client) -> None:
    made: list[RunCreateMetadata] = []

    values = await client.runs.wait(None, "echo", input=said("x"), on_run_created=made.append)

    assert last_text(values) == "x"
    run = await client.runs.create(None, "sleeper", input={"seconds": 0}, on_completion="keep")
    assert (await client.runs.join(run["thread_id"], run["run_id"]))["done"]
    assert made[0].get("thread_id") is None


async def test_a_thread_is_made_when_it_is_asked_for(client: Client) -> None:
    own = str(uuid4())

    with pytest.raises(httpx.HTTPStatusError, match="404"):
        await client.runs.wait(own, "echo", input=said("x"))
    values = await client.runs.wait(own, "echo", input=said("x"), if_not_exists="create")

    assert (await client.threads.get(own))["values"] == values


async def test_an_unknown_assistant_is_named(client: Client, thread_id: str) -> None:
    with pytest.raises(UnprocessableEntityError, match="nonesuch"):
        await client.runs.create(thread_id, "nonesuch", input={})

    assert await client.runs.list(thread_id) == []


async def test_a_cancelled_run_is_interrupted(client: Client, thread_id: str) -> None:
    run = await client.runs.create(thread_id, "sleeper", input=LONG)
    await _has_begun(client, run)

    await client.runs.cancel(thread_id, run["run_id"], wait=True)

    assert (await client.runs.get(thread_id, run["run_id"]))["status"] == "interrupted"
    assert (await client.threads.get(thread_id))["status"] == "interrupted"
    with pytest.raises(NotFoundError):
        await client.runs.cancel(thread_id, run["run_id"])


async def _has_begun(client: Client, run: Any) -> None:
    """Wait for the first values of a run: its graph is about to execute a node."""
    ids = run["thread_id"], run["run_id"]
    async for part in client.runs.join_stream(*ids, last_event_id="-1"):
        if part.event == "values":
            break


async def test_a_run_rolled_back_never_was(client: Client, thread_id: str) -> None:
    await client.runs.wait(thread_id, "sleeper", input={"seconds": 0})
    before = await client.threads.get_state(thread_id)
    run = await client.runs.create(thread_id, "sleeper", input=LONG)
    await _has_begun(client, run)

    await client.runs.cancel(thread_id, run["run_id"], wait=True, action="rollback")

    with pytest.raises(NotFoundError):
        await client.runs.get(thread_id, run["run_id"])
    assert await client.threads.get_state(thread_id) == before
    assert (await client.threads.get(thread_id))["status"] == "idle"


async def test_a_cancel_does_not_wait_unless_asked(client: Client, thread_id: str) -> None:
    run = await client.runs.create(thread_id, "sleeper", input=LONG)

    await client.runs.cancel(thread_id, run["run_id"])

    await client.runs.join(thread_id, run["run_id"])
    assert (await client.runs.get(thread_id, run["run_id"]))["status"] == "interrupted"


async def test_reject_refuses_while_a_run_is_active(client: Client, thread_id: str) -> None:
    first = await client.runs.create(thread_id, "sleeper", input=LONG)

    with pytest.raises(ConflictError):
        await client.runs.create(thread_id, "sleeper", input=LONG, multitask_strategy="reject")

    assert [run["run_id"] for run in await client.runs.list(thread_id)] == [first["run_id"]]
    await client.runs.cancel(thread_id, first["run_id"], wait=True)


async def test_enqueue_runs_one_after_another(client: Client, thread_id: str) -> None:
    runs = [
        await client.runs.create(thread_id, "steps", input={}, multitask_strategy="enqueue")
        for _ in range(3)
    ]

    counts = [(await client.runs.join(thread_id, run["run_id"]))["count"] for run in runs]

    assert counts[-1] == 60
    assert [run["status"] for run in await client.runs.list(thread_id)] == ["success"] * 3


@pytest.mark.parametrize(
    ("strategy", "words"), [("interrupt", ["first", "second"]), ("rollback", ["second"])]
)
async def test_a_second_message_takes_over(
    client: Client, thread_id: str, strategy: str, words: list[str]
) -> None:
    slow = {**said("first"), "delay_seconds": 1}
    first = await client.runs.create(thread_id, "tokens", input=slow, stream_mode="messages-tuple")
    await anext(client.runs.join_stream(thread_id, first["run_id"], stream_mode="messages-tuple"))

    values = await client.runs.wait(
        thread_id,
        "tokens",
        input={**said("second"), "count": 1, "delay_seconds": 0},
        multitask_strategy=strategy,
    )

    humans = [each["content"] for each in values["messages"] if each["type"] == "human"]
    assert (humans, last_text(values)) == (words, "t0 ")
    statuses = [run["status"] for run in await client.runs.list(thread_id)]
    assert statuses == ["success", "interrupted"][: len(words)]


async def test_a_busy_thread_refuses_an_update(client: Client, thread_id: str) -> None:
    run = await client.runs.create(thread_id, "sleeper", input=LONG)

    with pytest.raises(ConflictError):
        await client.threads.update_state(thread_id, {"done": True})

    await client.runs.cancel(thread_id, run["run_id"], wait=True)


async def test_headers_and_query_of_ones_own_are_sent(client: Client, thread_id: str) -> None:
    await client.runs.wait(thread_id, "echo", input=said("x"))

    failed = await client.runs.list(thread_id, params={"status": "error"})
    nothing = await client.threads.update(
        thread_id, metadata={}, headers={"Prefer": "return=minimal"}
    )

    assert (failed, nothing) == ([], None)


async def test_tracing_elsewhere_is_no_matter(client: Client, thread_id: str) -> None:
    tracing = {"project_name": "p", "example_id": str(uuid4())}

    values = await client.runs.wait(thread_id, "echo", input=said("x"), langsmith_tracing=tracing)

    assert last_text(values) == "x"
