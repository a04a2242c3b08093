from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from common import tracing
from common.tests.collector import Collector, Span, collecting
from runs.tests.logged import Lines
from tests.streaming import MakeThread, settled

HI: dict[str, Any] = {"messages": [{"role": "user", "content": "a secret"}]}
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

Collected = Callable[[], Collector]


@pytest.fixture
def collected(
    served: None, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Iterator[Collected]:
    """Export the test's spans; return what sends them and shows what has come."""
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        settings.TRACING = True
        tracing.start()

        def all_sent() -> Collector:
            current = tracing.current()
            assert current is not None
            current.provider.force_flush()
            return collector

        yield all_sent
        tracing.stop()


async def agent_run(api: httpx.AsyncClient, thread_id: str, **headers: str) -> httpx.Response:
    return await api.post(
        f"/threads/{thread_id}/runs/wait",
        json={"assistant_id": "agent", "input": HI},
        headers=headers,
    )


async def span_of_run(collected: Collected, thread_id: str) -> Span:
    """Wait for a run's span: its end comes behind the answer."""

    def found() -> list[Span]:
        spans = collected().spans
        return [span for span in spans if is_of_thread(span, thread_id)]

    async with asyncio.timeout(5):
        while True:
            if spans := found():
                return spans[0]
            await asyncio.sleep(0.01)


def is_of_thread(span: Span, thread_id: str) -> bool:
    return span.attributes.get("gen_ai.conversation.id") == thread_id


async def spans_named(collected: Collected, *names: str, number: int = 1) -> list[list[Span]]:
    """Wait for so many spans of each name."""
    async with asyncio.timeout(5):
        while True:
            found = [collected().named(name) for name in names]
            if all(len(spans) >= number for spans in found):
                return found
            await asyncio.sleep(0.01)


async def test_request_run_and_step_are_spans_of_one_trace(
    api: httpx.AsyncClient, thread: MakeThread, collected: Collected
) -> None:
    thread_id = await thread()

    await agent_run(api, thread_id, traceparent=PARENT)

    run = await span_of_run(collected, thread_id)
    [request] = collected().named("POST /threads/{thread_id}/runs/wait")
    assert request.parent_id == "b7ad6b7169203331"
    assert request.attributes["http.response.status_code"] == 200
    assert run.parent_id == request.span_id
    assert run.attributes["gen_ai.agent.name"] == "agent"
    assert run.attributes["aegra.run.status"] == "success"
    [node] = [span for span in collected().spans if span.parent_id == run.span_id]
    assert (node.name, node.attributes["langgraph.step"]) == ("node call", 1)
    [model] = [span for span in collected().spans if span.parent_id == node.span_id]
    assert model.attributes["gen_ai.operation.name"] == "chat"
    traces = {span.trace_id for span in (request, run, node, model)}
    assert traces == {"0af7651916cd43dd8448eb211c80319c"}
    assert collected().service == "aegra-django"


async def test_nodes_of_a_subgraph_stand_below_the_node_that_it_is(
    api: httpx.AsyncClient, collected: Collected
) -> None:
    await api.post("/runs/wait", json={"assistant_id": "parent", "input": HI})

    [sub], [call] = await spans_named(collected, "node sub", "node call")
    assert call.parent_id == sub.span_id
    assert call.attributes["langgraph.checkpoint_ns"].startswith("sub:")


async def test_nothing_that_is_asked_or_answered_is_in_a_span(
    api: httpx.AsyncClient, thread: MakeThread, collected: Collected
) -> None:
    thread_id = await thread()

    await agent_run(api, thread_id)
    await api.post("/runs/wait", json={"assistant_id": "boom", "input": HI})

    await spans_named(collected, "invoke_agent boom")
    told = str(collected().spans)
    assert "a secret" not in told
    assert "hello big world" not in told
    assert "input.value" not in told


async def test_it_is_where_that_is_wanted(
    api: httpx.AsyncClient, thread: MakeThread, collected: Collected, settings: Settings
) -> None:
    settings.TRACE_CONTENT = True
    thread_id = await thread()

    await agent_run(api, thread_id)

    run = await span_of_run(collected, thread_id)
    assert json.loads(run.attributes["input.value"]) == HI
    answered = json.loads(run.attributes["output.value"])
    assert answered["messages"][-1]["content"] == "hello big world"
    [[node]] = await spans_named(collected, "node call")
    assert json.loads(node.attributes["output.value"])["messages"][0]["type"] == "ai"


async def test_a_run_that_fails_has_a_failed_step_and_tells_the_kind_of_error(
    api: httpx.AsyncClient, thread: MakeThread, collected: Collected
) -> None:
    thread_id = await thread()

    await api.post(f"/threads/{thread_id}/runs/wait", json={"assistant_id": "boom", "input": {}})

    run = await span_of_run(collected, thread_id)
    failed = [span for span in collected().spans if span.is_failed]
    assert {span.parent_id for span in failed} >= {run.span_id}
    assert run.is_failed
    assert run.attributes["aegra.run.status"] == "error"
    assert len({span.attributes["error.type"] for span in failed}) == 1


async def test_a_step_that_asks_somebody_has_not_failed(
    api: httpx.AsyncClient, thread: MakeThread, collected: Collected
) -> None:
    thread_id = await thread()

    await api.post(f"/threads/{thread_id}/runs/wait", json={"assistant_id": "ask", "input": {}})

    run = await span_of_run(collected, thread_id)
    [step] = [span for span in collected().spans if span.parent_id == run.span_id]
    assert step.attributes["aegra.interrupted"] is True
    assert not step.is_failed
    assert not run.is_failed


async def test_a_run_that_waited_is_the_child_of_its_own_request(
    api: httpx.AsyncClient, thread: MakeThread, collected: Collected
) -> None:
    thread_id = await thread()
    for _ in range(2):
        asked = {"assistant_id": "sleeper", "input": {"seconds": 0.1}}
        await api.post(f"/threads/{thread_id}/runs", json=asked)

    await settled(api, thread_id)

    [requests, runs] = await spans_named(
        collected, "POST /threads/{thread_id}/runs", "invoke_agent sleeper", number=2
    )
    assert [run.parent_id for run in runs] == [request.span_id for request in requests]


async def test_a_run_that_a_graph_starts_is_the_child_of_the_node_that_does(
    api: httpx.AsyncClient, collected: Collected
) -> None:
    asked = {"graph": "echo", "input": HI}
    await api.post("/runs/wait", json={"assistant_id": "waits", "input": asked})

    [outer], [inner] = await spans_named(collected, "invoke_agent waits", "invoke_agent echo")
    [node] = [span for span in collected().spans if span.parent_id == outer.span_id]
    assert inner.parent_id == node.span_id


async def test_a_cancelled_run_leaves_no_span_open(
    api: httpx.AsyncClient, thread: MakeThread, collected: Collected
) -> None:
    thread_id = await thread()
    asked = {"assistant_id": "sleeper", "input": {"seconds": 30}}
    run_id = (await api.post(f"/threads/{thread_id}/runs", json=asked)).json()["run_id"]
    await asyncio.sleep(0.1)

    await api.post(f"/threads/{thread_id}/runs/{run_id}/cancel?wait=1")

    run = await span_of_run(collected, thread_id)
    [step] = [span for span in collected().spans if span.parent_id == run.span_id]
    assert run.attributes["aegra.run.status"] == "interrupted"
    assert step.attributes["aegra.cancelled"] is True
    assert not step.is_failed


async def test_whoever_looks_whether_a_server_is_there_makes_no_span(
    api: httpx.AsyncClient, collected: Collected
) -> None:
    await api.get("/ok")
    await api.get("/info")

    assert [span.name for span in collected().spans] == ["GET /info"]


@pytest.mark.parametrize("traceparent", ["nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
async def test_a_parent_that_cannot_be_read_begins_a_trace(
    api: httpx.AsyncClient, collected: Collected, traceparent: str
) -> None:
    await api.get("/info", headers={"traceparent": traceparent})

    [[request]] = await spans_named(collected, "GET /info")
    assert request.parent_id == ""


async def test_what_is_told_in_a_run_names_its_trace(
    api: httpx.AsyncClient, collected: Collected, lines: Lines
) -> None:
    await api.get("/info")
    await api.post("/runs/wait", json={"assistant_id": "echo", "input": HI})

    [[run]] = await spans_named(collected, "invoke_agent echo")
    assert run.trace_id in {line.get("trace_id") for line in lines("run settled")}


async def test_a_collector_that_is_slow_or_refuses_holds_up_no_run(
    api: httpx.AsyncClient, thread: MakeThread, collected: Collected
) -> None:
    collector = collected()
    collector.delay_seconds, collector.status = 1, 503
    began = time.monotonic()

    for _ in range(3):
        assert (await agent_run(api, await thread())).status_code == 200

    assert time.monotonic() - began < 1
