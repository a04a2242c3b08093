"""Each option of the SDK's methods for runs, and the methods for many of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph_sdk.errors import NotFoundError, UnprocessableEntityError

from tests.e2e.asking import last_text, said
from tests.e2e.awaited import Client

pytestmark = pytest.mark.slow

LONG = {"seconds": 30}


async def mirrored(client: Client, thread_id: str, **options: Any) -> Any:
    return (await client.runs.wait(thread_id, "mirror", input={}, **options))["value"]


async def test_a_batch_is_created_in_order(client: Client) -> None:
    payloads = [
        {"assistant_id": "echo", "input": said(word), "on_completion": "keep", "webhook": None}
        for word in ("a", "b", "c")
    ]

    runs = await client.runs.create_batch(payloads)

    for run, word in zip(runs, ("a", "b", "c"), strict=True):
        assert last_text(await client.runs.join(run["thread_id"], run["run_id"])) == word
    with pytest.raises(UnprocessableEntityError, match="item 1: "):
        await client.runs.create_batch([payloads[0], {"assistant_id": "nonesuch"}])


async def test_many_runs_are_cancelled(client: Client, thread_id: str) -> None:
    ids = [(await client.runs.create(thread_id, "sleeper", input=LONG))["run_id"] for _ in range(3)]

    await client.runs.cancel_many(thread_id=thread_id, run_ids=ids[:2])
    await client.runs.join(thread_id, ids[0])
    await client.runs.cancel_many(status="all", action="rollback")
    await is_gone(client, thread_id, ids[2])

    assert {run["run_id"] for run in await client.runs.list(thread_id)} == set(ids[:2])
    with pytest.raises(NotFoundError, match="No runs found"):
        await client.runs.cancel_many(thread_id=thread_id, run_ids=ids)
    with pytest.raises(UnprocessableEntityError, match="not both"):
        await client.runs.cancel_many(thread_id=thread_id, run_ids=ids, status="all")


async def is_gone(client: Client, thread_id: str, run_id: str) -> None:
    """Wait until a run that is being rolled back is no longer there."""
    async with asyncio.timeout(10):
        while any(run["run_id"] == run_id for run in await client.runs.list(thread_id)):
            await client.threads.get(thread_id)


async def test_what_a_run_is_configured_with_reaches_its_graph(
    client: Client, thread_id: str
) -> None:
    told = await mirrored(
        client,
        thread_id,
        config={
            "configurable": {"model": "m"},
            "tags": ["t"],
            "recursion_limit": 9,
            "run_name": "own name",
        },
        metadata={"colour": "red"},
        headers={"x-request-id": "of-this-test"},
        params={"unknown": "1"},
    )

    assert told["configurable"]["model"] == "m"
    assert told["configurable"]["langgraph_request_id"] == "of-this-test"
    assert ("t" in told["tags"], told["recursion_limit"]) == (True, 9)
    assert told["metadata"]["colour"] == "red"


async def test_a_context_reaches_the_graph(client: Client, thread_id: str) -> None:
    assert (await mirrored(client, thread_id, context={"a": 1}))["context"] == {"a": 1}


async def test_options_for_tracing_are_taken(client: Client, thread_id: str) -> None:
    run = await client.runs.create(
        thread_id,
        "echo",
        input=said("x"),
        langsmith_tracing={"project_name": "p", "example_id": "e"},
    )

    assert last_text(await client.runs.join(thread_id, run["run_id"])) == "x"
    parts = [
        part
        async for part in client.runs.stream(
            thread_id, "echo", input=said("x"), feedback_keys=["k"]
        )
    ]
    assert "error" not in {part.event for part in parts}


@pytest.mark.parametrize(("durability", "left"), [("sync", 3), ("async", 3), ("exit", 1)])
async def test_durability_is_obeyed(
    client: Client, thread_id: str, durability: str, left: int
) -> None:
    await client.runs.wait(thread_id, "echo", input=said("x"), durability=durability)

    assert len(await client.threads.get_history(thread_id)) == left


async def test_the_older_name_of_durability_is_obeyed(client: Client, thread_id: str) -> None:
    with pytest.warns(DeprecationWarning, match="checkpoint_during"):
        await client.runs.wait(thread_id, "echo", input=said("x"), checkpoint_during=False)

    assert len(await client.threads.get_history(thread_id)) == 1


@pytest.mark.parametrize("option", ["checkpoint", "checkpoint_id"])
async def test_a_run_begins_at_a_checkpoint(client: Client, thread_id: str, option: str) -> None:
    await client.runs.wait(thread_id, "echo", input=said("first"))
    _, before, _ = await client.threads.get_history(thread_id)
    named = before["checkpoint"] if option == "checkpoint" else before["checkpoint_id"]

    values = await client.runs.wait(thread_id, "echo", input=said("second"), **{option: named})

    humans = [each["content"] for each in values["messages"] if each["type"] == "human"]
    assert humans == ["first", "second"]
    assert len(values["messages"]) == 3


async def test_a_resumable_stream_is_taken_up_after_the_last_event_seen(
    client: Client, thread_id: str
) -> None:
    stream = client.runs.stream(
        thread_id, "writer", input={"count": 5}, stream_mode="custom", stream_resumable=True
    )
    whole = [part async for part in stream]
    run_id, seen = whole[0].data["run_id"], whole[2].id

    rest = [part async for part in client.runs.join_stream(thread_id, run_id, last_event_id=seen)]

    assert [part.data for part in rest] == [{"n": 2}, {"n": 3}, {"n": 4}]
    assert [part.id for part in rest] == [part.id for part in whole[3:]]


async def test_a_strict_resume_is_refused_where_nothing_waits(
    client: Client, thread_id: str
) -> None:
    await client.runs.wait(thread_id, "ask", input=said("x"))
    before = await client.threads.get(thread_id)

    with pytest.raises(Exception, match="UnknownInterruptError"):
        await client.runs.wait(
            thread_id, "ask", command={"resume": {"0" * 32: "x"}}, strict_resume=True
        )

    after = await client.threads.get(thread_id)
    assert (after["status"], after["interrupts"]) == ("interrupted", before["interrupts"])


async def test_a_run_is_read_and_joined_without_its_thread(client: Client) -> None:
    made: list[Any] = []
    options = {"on_completion": "keep", "on_run_created": made.append}

    values = await client.runs.wait(None, "echo", input=said("x"), **options)

    path = f"/runs/{made[0]['run_id']}"
    assert (await client.http.get(path))["status"] == "success"
    assert await client.http.get(f"{path}/join") == values
