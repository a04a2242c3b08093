from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from langgraph_sdk.errors import NotFoundError
from langgraph_sdk.schema import RunCreateMetadata, StreamPart

from tests.e2e.asking import WEATHER, WEATHER_ANSWER, data_of, said, tokens_of
from tests.e2e.awaited import Client

pytestmark = pytest.mark.slow

MODES = ["values", "updates", "messages-tuple", "custom", "tasks", "checkpoints", "debug", "events"]


async def streamed(
    client: Client, thread_id: str | None, *args: Any, **kwargs: Any
) -> list[StreamPart]:
    return [part async for part in client.runs.stream(thread_id, *args, **kwargs)]


async def test_an_agent_streams_its_tokens(client: Client, thread_id: str) -> None:
    made: list[RunCreateMetadata] = []

    parts = await streamed(
        client,
        thread_id,
        "react_agent",
        input=said(WEATHER),
        stream_mode=["messages-tuple", "values"],
        on_run_created=made.append,
    )

    tokens = tokens_of(parts)
    assert len(tokens) > 5
    assert "".join(tokens) == WEATHER_ANSWER
    assert parts[0].event == "metadata"
    assert made == [{"run_id": parts[0].data["run_id"], "thread_id": thread_id}]
    assert data_of(parts, "values")[-1] == (await client.threads.get(thread_id))["values"]


async def test_a_tool_is_called_between_two_answers(client: Client, thread_id: str) -> None:
    parts = await streamed(
        client, thread_id, "react_agent", input=said(WEATHER), stream_mode="updates"
    )

    nodes = [next(iter(update)) for update in data_of(parts, "updates")]
    assert nodes == ["agent", "tools", "agent"]


async def test_every_mode_is_served(client: Client, thread_id: str) -> None:
    parts = await streamed(
        client, thread_id, "agent", input=said("x"), stream_mode=[*MODES, "messages"]
    )

    assert {part.event for part in parts} == {
        "metadata",
        *(set(MODES) - {"messages-tuple"}),
        "messages",
        "messages/metadata",
        "messages/partial",
    }


async def test_messages_accumulate(client: Client, thread_id: str) -> None:
    parts = await streamed(client, thread_id, "agent", input=said("x"), stream_mode="messages")

    texts = [message["content"] for [message] in data_of(parts, "messages/partial")]
    assert texts[-1] == "hello big world"
    assert all(longer.startswith(text) for text, longer in pairwise(texts))


async def test_subgraphs_stream_under_their_names(client: Client, thread_id: str) -> None:
    parts = await streamed(
        client,
        thread_id,
        "parent",
        input=said("x"),
        stream_mode=["updates", "messages-tuple"],
        stream_subgraphs=True,
    )

    names = {part.event.partition(":")[0] for part in parts}
    assert names == {"metadata", "updates", "updates|sub", "messages|sub"}


async def test_the_error_of_a_graph_ends_the_stream(client: Client, thread_id: str) -> None:
    parts = await streamed(client, thread_id, "boom", input=said("x"))

    assert parts[-1].event == "error"
    assert parts[-1].data == {"error": "ValueError", "message": "kaput"}


async def test_a_stateless_run_streams(client: Client) -> None:
    made: list[RunCreateMetadata] = []

    parts = await streamed(
        client,
        None,
        "react_agent",
        input=said(WEATHER),
        stream_mode="messages-tuple",
        on_run_created=made.append,
    )

    assert "".join(tokens_of(parts)) == WEATHER_ANSWER
    assert made[0]["run_id"] == parts[0].data["run_id"]


async def test_a_stream_is_joined_late_from_its_start(client: Client, thread_id: str) -> None:
    run = await client.runs.create(
        thread_id, "react_agent", input=said(WEATHER), stream_mode=["messages-tuple", "updates"]
    )
    await client.runs.join(thread_id, run["run_id"])

    late = client.runs.join_stream(thread_id, run["run_id"], last_event_id="-1")
    parts = [part async for part in late]

    assert parts[0].data["run_id"] == run["run_id"]
    assert "".join(tokens_of(parts)) == WEATHER_ANSWER
    assert len(data_of(parts, "updates")) == 3


async def test_a_joined_stream_narrows_to_the_modes_asked_for(
    client: Client, thread_id: str
) -> None:
    run = await client.runs.create(
        thread_id, "react_agent", input=said(WEATHER), stream_mode=["messages-tuple", "updates"]
    )

    joined = client.runs.join_stream(
        thread_id, run["run_id"], stream_mode="updates", last_event_id="-1"
    )
    events = {part.event async for part in joined}

    assert events - {"metadata"} == {"updates"}


async def test_a_stream_goes_on_after_the_last_event(client: Client, thread_id: str) -> None:
    whole = await streamed(
        client, thread_id, "writer", input={"count": 5}, stream_mode="custom", stream_resumable=True
    )
    ids = [part.id for part in whole]

    rest = client.runs.join_stream(thread_id, whole[0].data["run_id"], last_event_id=ids[3])

    assert len(set(ids)) == len(ids) == 6
    assert [part async for part in rest] == whole[4:]


async def test_a_client_that_leaves_cancels_its_run(client: Client, thread_id: str) -> None:
    stream = client.runs.stream(
        thread_id,
        "tokens",
        input={"delay_seconds": 0.05},
        stream_mode="messages-tuple",
        on_disconnect="cancel",
    )
    async for part in stream:
        if part.event == "messages":
            break
    await stream.aclose()

    [run] = await client.runs.list(thread_id)
    await asyncio.wait_for(client.runs.join(thread_id, run["run_id"]), 5)
    assert (await client.runs.get(thread_id, run["run_id"]))["status"] == "interrupted"


async def test_a_run_outlives_a_client_that_leaves(client: Client, thread_id: str) -> None:
    stream = client.runs.stream(thread_id, "sleeper", input={"seconds": 0.5})
    first = await anext(aiter(stream))
    await stream.aclose()

    values = await client.runs.join(thread_id, first.data["run_id"])

    assert values["done"]
    assert (await client.runs.get(thread_id, first.data["run_id"]))["status"] == "success"


async def test_a_stream_of_an_unknown_run_is_refused(client: Client, thread_id: str) -> None:
    with pytest.raises(NotFoundError):
        async for _ in client.runs.join_stream(thread_id, thread_id):
            pass


async def test_the_parts_of_a_stream_are_typed_when_asked(client: Client, thread_id: str) -> None:
    stream = client.runs.stream(
        thread_id, "writer", input={"count": 2}, stream_mode="custom", version="v2"
    )
    parts = [part async for part in stream]

    custom = [part["data"] for part in parts if part["type"] == "custom"]
    assert custom == [{"n": 0}, {"n": 1}]


async def test_keys_for_feedback_ask_for_nothing_here(client: Client, thread_id: str) -> None:
    parts = await streamed(client, thread_id, "echo", input=said("x"), feedback_keys=["thumb"])

    assert {part.event for part in parts} == {"metadata", "values"}
