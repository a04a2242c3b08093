"""Whatever a run is asked, its stream and its wait come to a well-formed end."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.engine.modes import STREAM_MODES
from tests.streaming import Frame, MakeThread, parsed, settled

GRAPHS = ["echo", "ask", "twoasks", "parent", "agent", "mirror", "odd", "throws", "writer", "steps"]
NODES = ["echo", "ask", "left", "pre", "sub", "call", "__start__", "__end__", "nowhere", ""]
IDS = ["0" * 32, "1f1e81c4-7aaa-6a4c-8000-8f90122e02f7", "garbage", "", None]

texts = st.text(max_size=6) | st.sampled_from(["hi", "%s", "{}", "__interrupt__", "\u2028"])
scalars: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
anything: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
nodes = st.sampled_from(NODES)
sends = st.fixed_dictionaries({"node": nodes, "input": anything})
gotos = nodes | sends | st.lists(nodes | sends, max_size=2)
messages = st.lists(
    st.fixed_dictionaries(
        {"content": anything | texts},
        optional={
            "role": st.sampled_from(["user", "assistant", "system", "tool", "x"]),
            "type": st.sampled_from(["human", "ai", "tool", "remove", "x"]),
            "id": texts,
            "tool_calls": anything,
        },
    ),
    max_size=2,
)
states = st.fixed_dictionaries(
    {},
    optional={
        "messages": messages | anything,
        "kind": st.sampled_from(["nul", "nan", "deep", "keys", "own", "cancelled", "group", "x"]),
        "value": anything,
        "answers": anything,
        "count": st.integers(-1, 30) | anything,
    },
)
checkpoints = st.fixed_dictionaries(
    {},
    optional={
        "checkpoint_id": st.sampled_from(IDS) | anything,
        "checkpoint_ns": st.sampled_from(["", "sub", "sub:x|y", None]) | anything,
        "checkpoint_map": st.dictionaries(texts, texts, max_size=2) | anything,
    },
)
configs = st.fixed_dictionaries(
    {},
    optional={
        "configurable": st.dictionaries(texts, anything, max_size=2) | checkpoints,
        "metadata": st.dictionaries(texts, anything, max_size=2) | anything,
        "tags": st.lists(texts, max_size=2) | anything,
        "recursion_limit": st.integers(-1, 30) | anything,
        "max_concurrency": st.integers(-1, 3) | anything,
        "run_name": texts | anything,
        "run_id": anything,
        "callbacks": anything,
    },
)
stops = st.just("*") | st.lists(nodes, max_size=2) | anything
modes = st.sampled_from(sorted(STREAM_MODES))
bodies = st.fixed_dictionaries(
    {"assistant_id": st.sampled_from(GRAPHS)},
    optional={
        "input": states | anything,
        "command": st.fixed_dictionaries(
            {},
            optional={
                "resume": anything | st.dictionaries(st.just("0" * 32), anything, max_size=1),
                "update": states | st.lists(st.tuples(texts, anything), max_size=2) | anything,
                "goto": gotos | anything,
            },
        ),
        "config": configs,
        "context": st.dictionaries(texts, anything, max_size=2),
        "metadata": st.dictionaries(texts, anything, max_size=2),
        "checkpoint": checkpoints,
        "checkpoint_id": st.sampled_from(IDS),
        "interrupt_before": stops,
        "interrupt_after": stops,
        "stream_mode": modes | st.lists(modes, max_size=9),
        "stream_subgraphs": st.booleans(),
        "stream_resumable": st.booleans(),
        "strict_resume": st.booleans(),
        "durability": st.sampled_from(["sync", "async", "exit"]),
        "multitask_strategy": st.sampled_from(["enqueue", "interrupt", "rollback", "reject"]),
        "messages": messages,
    },
)
fuzzed = settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


async def sent(api: httpx.AsyncClient, path: str, body: Any) -> httpx.Response:
    """Send a body; refused or not, there is an answer within a time."""
    async with asyncio.timeout(8):
        answer = await api.post(path, content=json.dumps(body))
    assert answer.status_code in (200, 400, 404, 422), answer.text
    if answer.status_code != 200:
        assert isinstance(answer.json()["detail"], str)
    return answer


def assert_error(error: Any) -> None:
    assert error.keys() == {"error", "message"}
    assert error["error"]
    assert all(isinstance(text, str) for text in error.values())


def assert_whole(frames: list[Frame], body: Any) -> None:
    """Say that a stream begins as all do, and that its error, if any, is its end."""
    assert frames[0].event == "metadata"
    assert frames[0].data.keys() == {"run_id", "attempt"}
    errors = [frame for frame in frames if frame.event == "error"]
    assert errors in ([], frames[-1:])
    for frame in errors:
        assert_error(frame.data)
    is_resumable = bool(body.get("stream_resumable"))
    assert {frame.id is not None for frame in frames} == {is_resumable}


@pytest.mark.timeout(60)
@fuzzed
@given(body=bodies)
async def test_every_stream_ends_well(
    api: httpx.AsyncClient, thread: MakeThread, body: dict[str, Any]
) -> None:
    thread_id = await thread()

    answer = await sent(api, f"/threads/{thread_id}/runs/stream", body)

    if answer.status_code == 200:
        assert_whole(parsed(answer.text), body)
        (run,) = (await api.get(f"/threads/{thread_id}/runs")).json()
        assert run["status"] in ("success", "error", "interrupted")
    assert (await settled(api, thread_id))["status"] in ("idle", "interrupted", "error")
    state = await api.get(f"/threads/{thread_id}/state")
    assert state.status_code < 500, state.text


@pytest.mark.timeout(60)
@fuzzed
@given(body=bodies, again=bodies)
async def test_every_wait_ends_well(
    api: httpx.AsyncClient, thread: MakeThread, body: dict[str, Any], again: dict[str, Any]
) -> None:
    thread_id = await thread()

    for asked in (body, again):
        answer = await sent(api, f"/threads/{thread_id}/runs/wait", asked)
        told = answer.json()
        if isinstance(told, dict) and "__error__" in told:
            assert_error(told["__error__"])

    assert (await settled(api, thread_id))["status"] in ("idle", "interrupted", "error")


@pytest.mark.timeout(60)
@fuzzed
@given(body=bodies, is_agent=st.booleans())
async def test_every_stateless_run_ends_and_leaves_nothing(
    api: httpx.AsyncClient, body: dict[str, Any], is_agent: bool
) -> None:
    name = body["assistant_id"]
    named = {"agent_id": name, "assistant_id": None} if is_agent else {}

    waited = await sent(api, "/runs/wait", {**body, **named})
    streamed = await sent(api, "/runs/stream", {**body, **named})

    assert waited.status_code == streamed.status_code
    if streamed.status_code == 200:
        frames = parsed(streamed.text)
        assert_whole(frames, body)
        gone = await api.get(f"/runs/{frames[0].data['run_id']}")
        assert gone.status_code == 404
