"""What graphs return or raise, however strange, ends their run and leaves the thread usable."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.streaming import MakeThread, streamed

ALL_MODES = ["values", "updates", "custom", "tasks", "checkpoints", "debug"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("nul", {"akey": "avalue"}),
        ("nan", {"nan": None, "infinity": None}),
        ("keys", {"1": "one", "None": "none", "(2, 3)": "pair"}),
        ("bytes", "\ufffd"),
        ("set", [1]),
    ],
)
async def test_what_json_has_no_word_for_is_written_all_the_same(
    api: httpx.AsyncClient, thread: MakeThread, kind: str, value: Any
) -> None:
    path = f"/threads/{await thread()}"
    body = {"assistant_id": "odd", "input": {"kind": kind}, "stream_mode": ALL_MODES}

    frames = await streamed(api, f"{path}/runs/stream", **body)

    assert [frame.data for frame in frames if frame.event == "custom"] == [value]
    for place in (path, f"{path}/state"):
        answer = await api.get(place)
        assert answer.json()["values"] == {"kind": kind, "value": value}


async def test_what_no_checkpoint_keeps_is_not_among_the_threads_values(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}"

    answer = await api.post(f"{path}/runs/wait", json={"assistant_id": "fleeting", "input": {}})

    assert answer.json() == {"value": 1, "scratch": "in no checkpoint"}
    for place in (path, f"{path}/state"):
        assert (await api.get(place)).json()["values"] == {"value": 1}


@pytest.mark.parametrize("kind", ["surrogate", "bigint", "deep", "opaque", "function"])
@pytest.mark.parametrize("modes", [ALL_MODES, ["values"], ["events"]], ids=lambda modes: modes[-1])
async def test_what_no_checkpoint_can_hold_fails_the_run(
    api: httpx.AsyncClient, thread: MakeThread, kind: str, modes: list[str]
) -> None:
    path = f"/threads/{await thread()}"
    body = {"assistant_id": "odd", "input": {"kind": kind}, "stream_mode": modes}

    frames = await streamed(api, f"{path}/runs/stream", **body)

    assert frames[-1].event == "error"
    state = (await api.get(path)).json()
    assert (state["status"], state["error"]) == ("error", frames[-1].data)
    assert (await api.get(f"{path}/state")).json()["values"] == {"kind": kind}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("exit", {"error": "SystemExit", "message": "3"}),
        ("keyboard", {"error": "KeyboardInterrupt", "message": ""}),
        ("key", {"error": "KeyError", "message": "'colour'"}),
        ("nul", {"error": "ValueError", "message": "ab"}),
        ("group", {"error": "ExceptionGroup", "message": "several (1 sub-exception)"}),
        ("unfathomable", {"error": "Unfathomable", "message": "An internal error occurred"}),
        ("own", {"error": "Home", "message": "An internal error occurred"}),
    ],
)
async def test_what_a_node_raises_is_told_by_its_class(
    api: httpx.AsyncClient, thread: MakeThread, kind: str, error: Any
) -> None:
    path = f"/threads/{await thread()}"
    body = {"assistant_id": "throws", "input": {"kind": kind}}

    answer = await api.post(f"{path}/runs/wait", json=body)

    assert answer.json() == {"__error__": error}
    state = (await api.get(path)).json()
    assert (state["status"], state["error"]) == ("error", error)
    assert [run["status"] for run in (await api.get(f"{path}/runs")).json()] == ["error"]


async def test_a_node_that_cancels_itself_has_failed(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    body = {"assistant_id": "throws", "input": {"kind": "cancelled"}}

    answer = await api.post(f"/threads/{await thread()}/runs/wait", json=body)

    assert answer.json()["__error__"]["error"] == "NodeCancelledError"


@pytest.mark.parametrize("kind", ["own", "unfathomable"])
async def test_a_setting_shows_the_message_of_every_error(
    api: httpx.AsyncClient, settings: Any, kind: str
) -> None:
    settings.EXPOSE_ERRORS = True

    answer = await api.post("/runs/wait", json={"assistant_id": "throws", "input": {"kind": kind}})

    message = answer.json()["__error__"]["message"]
    assert message == {"own": "secret", "unfathomable": "<Unfathomable>"}[kind]


async def test_a_factory_that_fails_tells_what_failed(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}"

    answer = await api.post(f"{path}/runs/wait", json={"assistant_id": "broken"})

    error = answer.json()["__error__"]
    assert error["error"] == "GraphUnavailable"
    assert "no model behind this factory" in error["message"]
    assert (await api.get(path)).json()["status"] == "error"


async def test_a_thread_goes_on_after_an_error(api: httpx.AsyncClient, thread: MakeThread) -> None:
    path = f"/threads/{await thread()}"
    await api.post(f"{path}/runs/wait", json={"assistant_id": "boom", "input": {"messages": []}})

    answer = await api.post(
        f"{path}/runs/wait", json={"assistant_id": "echo", "input": {"messages": ["hi"]}}
    )

    assert answer.json()["messages"][-1]["content"] == "hi"
    state = (await api.get(path)).json()
    assert (state["status"], state["error"]) == ("idle", None)
