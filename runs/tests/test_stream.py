from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.streaming import MakeThread, parsed, reading, settled, streamed

HI: dict[str, Any] = {"messages": [{"type": "human", "content": "hi", "id": "h1"}]}


def names(frames: list[Any]) -> list[str]:
    return [frame.event for frame in frames]


async def test_metadata_comes_first_and_no_end_event_last(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs"

    frames = await streamed(api, f"{path}/stream", assistant_id="echo", input=HI)

    run_id = (await api.get(path)).json()[0]["run_id"]
    assert names(frames) == ["metadata", "values", "values"]
    assert frames[0].data == {"run_id": run_id, "attempt": 1}
    assert [frame.id for frame in frames] == [None] * 3


async def test_ids_rise_and_are_sent_for_a_resumable_run_only(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    body = {"assistant_id": "writer", "stream_mode": "custom", "stream_resumable": True}

    frames = await streamed(
        api, f"/threads/{await thread()}/runs/stream", input={"count": 50}, **body
    )

    ids = [tuple(map(int, (frame.id or "").split("-"))) for frame in frames]
    assert len(ids) == 51
    assert ids == sorted(set(ids))


async def test_the_stream_closes_only_when_run_and_checkpoint_are_final(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    body = {"assistant_id": "echo", "input": HI}

    async with reading("POST", f"/threads/{thread_id}/runs/stream", body) as reader:
        frames = [frame async for frame in reader.frames()]
        # Asked the moment the stream has closed.
        (run,) = (await api.get(f"/threads/{thread_id}/runs")).json()
        state = (await api.get(f"/threads/{thread_id}/state")).json()

    assert run["status"] == "success"
    assert state["values"] == frames[-1].data
    assert state["next"] == []


async def test_silence_is_filled_with_heartbeats(
    api: httpx.AsyncClient, thread: MakeThread, settings: Any
) -> None:
    settings.STREAM_HEARTBEAT_SECONDS = 0.05
    body = {"assistant_id": "sleeper", "input": {"seconds": 0.4}}
    path, began = f"/threads/{await thread()}/runs/stream", time.monotonic()

    answer = await api.post(path, json=body)

    # No more than one in each interval, however long a loaded machine took over the run.
    most = (time.monotonic() - began) / 0.05
    assert 3 <= answer.text.count(": heartbeat\r\n\r\n") <= most
    assert names(parsed(answer.text)) == ["metadata", "values", "values"]


async def test_an_error_is_the_last_event(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()

    frames = await streamed(api, f"/threads/{thread_id}/runs/stream", assistant_id="boom", input=HI)

    assert names(frames) == ["metadata", "values", "error"]
    assert frames[-1].data == {"error": "ValueError", "message": "kaput"}
    assert (await settled(api, thread_id))["error"] == frames[-1].data


async def test_modes_are_asked_for_by_name_or_list_and_given_once(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs/stream"
    body = {"assistant_id": "writer", "input": {"count": 2}}

    one = await streamed(api, path, stream_mode="custom", **body)
    two = await streamed(api, path, stream_mode=["custom", "updates", "custom"], **body)

    assert [frame.data for frame in one[1:]] == [{"n": 0}, {"n": 1}]
    assert names(two) == ["metadata", "custom", "custom", "updates"]
    assert two[-1].data == {"write": {"written": 2}}


@pytest.mark.parametrize("mode", ["tools", "lifecycle"])
async def test_modes_of_the_newer_protocol_are_accepted_in_silence(
    api: httpx.AsyncClient, thread: MakeThread, mode: str
) -> None:
    path = f"/threads/{await thread()}/runs/stream"

    alone = await streamed(api, path, assistant_id="echo", input=HI, stream_mode=mode)
    beside = await streamed(api, path, assistant_id="echo", input=HI, stream_mode=[mode, "updates"])

    assert names(alone) == ["metadata"]
    assert names(beside) == ["metadata", "updates"]


async def test_tokens_stream_as_message_and_metadata(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    frames = await streamed(
        api,
        f"/threads/{await thread()}/runs/stream",
        assistant_id="tokens",
        input={"count": 5, **HI},
        stream_mode="messages-tuple",
    )

    assert names(frames) == ["metadata", *["messages"] * 5]
    chunks = [frame.data[0] for frame in frames[1:]]
    assert "".join(chunk["content"] for chunk in chunks) == "t0 t1 t2 t3 t4 "
    assert {chunk["type"] for chunk in chunks} == {"AIMessageChunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert [chunk["chunk_position"] for chunk in chunks] == [None] * 4 + ["last"]
    assert {frame.data[1]["langgraph_node"] for frame in frames[1:]} == {"stream"}


async def test_messages_accumulate_and_are_announced_once(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    frames = await streamed(
        api,
        f"/threads/{await thread()}/runs/stream",
        assistant_id="tokens",
        input={"count": 3, **HI},
        stream_mode="messages",
    )

    assert names(frames) == ["metadata", "messages/metadata", *["messages/partial"] * 3]
    assert [frame.data[0]["content"] for frame in frames[2:]] == ["t0 ", "t0 t1 ", "t0 t1 t2 "]
    assert {frame.data[0]["type"] for frame in frames[2:]} == {"ai"}
    (message_id,) = frames[1].data
    assert {frame.data[0]["id"] for frame in frames[2:]} == {message_id}


async def test_a_message_that_comes_whole_is_complete(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs/stream"
    modes = ["messages", "messages-tuple"]

    frames = await streamed(api, path, assistant_id="echo", input=HI, stream_mode=modes)

    assert names(frames) == ["metadata", "messages", "messages/metadata", "messages/complete"]
    whole = frames[1].data[0]
    assert (whole["type"], whole["content"]) == ("ai", "hi")
    assert frames[3].data == [whole]
    assert list(frames[2].data) == [whole["id"]]


async def test_events_are_langchains_and_go_with_other_modes(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    frames = await streamed(
        api,
        f"/threads/{await thread()}/runs/stream",
        assistant_id="agent",
        input=HI,
        stream_mode=["events", "values", "messages-tuple"],
    )

    told = [frame.data for frame in frames if frame.event == "events"]
    assert told[0]["event"] == "on_chain_start"
    assert told[0]["name"] == "agent"
    assert told[0]["run_id"] == frames[0].data["run_id"]
    assert told[-1]["event"] == "on_chain_end"
    assert {"name", "run_id", "parent_ids", "tags", "metadata", "data"} <= told[1].keys()
    assert not any("langsmith:hidden" in event["tags"] for event in told)
    assert names(frames).count("values") == 2
    assert names(frames).count("messages") == 5


async def test_only_the_roots_events_without_subgraphs_but_all_tokens(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    modes = ["values", "updates", "custom", "messages-tuple", "tasks"]

    frames = await streamed(
        api,
        f"/threads/{await thread()}/runs/stream",
        assistant_id="parent",
        input=HI,
        stream_mode=modes,
    )

    assert not [name for name in names(frames) if "|" in name]
    assert names(frames).count("messages") == 5
    assert "custom" not in names(frames)


async def test_subgraphs_events_are_named_by_their_place(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    frames = await streamed(
        api,
        f"/threads/{await thread()}/runs/stream",
        assistant_id="parent",
        input=HI,
        stream_mode=["values", "updates", "custom", "messages-tuple", "messages"],
        stream_subgraphs=True,
    )

    places = {name.partition("|")[2] for name in names(frames) if "|" in name}
    assert len(places) == 1
    place = places.pop()
    assert place.startswith("sub:")
    nested = {name.partition("|")[0] for name in names(frames) if place in name}
    assert nested == {"values", "updates", "custom", "messages"}
    assert {"values", "updates", "messages/metadata", "messages/partial"} <= set(names(frames))
    tokens = [frame.data for frame in frames if frame.event == f"messages|{place}"]
    assert tokens[0][1]["langgraph_checkpoint_ns"].startswith(place)


async def test_the_last_values_hold_all_interrupts_of_a_step(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    frames = await streamed(
        api, f"/threads/{await thread()}/runs/stream", assistant_id="twoasks", input={}
    )

    asked = [item["value"]["q"] for item in frames[-1].data["__interrupt__"]]
    assert sorted(asked) == ["left?", "right?"]
