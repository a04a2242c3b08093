from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from common.tracing import Tracing
from graphs.steps import StepSpans

Spans = dict[str, ReadableSpan]
Traced = Callable[[Any], Awaitable[Spans]]

provider = TracerProvider(shutdown_on_exit=False)
exporter = InMemorySpanExporter()
provider.add_span_processor(SimpleSpanProcessor(exporter))
own = provider.get_tracer("a graph's own")


@pytest.fixture
def traced() -> Traced:
    """Run a graph of one node with a span for each step; return the spans by name."""

    async def run(node: Any) -> Spans:
        exporter.clear()
        graph: Any = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node")
        config = {"callbacks": [StepSpans(Tracing(provider), "t1")]}
        await graph.compile().ainvoke({"messages": ["hi"]}, config)
        return {span.name: span for span in exporter.get_finished_spans()}

    return run


def is_child(spans: Spans, name: str, parent: str) -> bool:
    child, above = spans[name], spans[parent].context
    return child.parent is not None and above is not None and child.parent.span_id == above.span_id


async def test_a_model_tells_its_name_and_what_it_used(traced: Traced) -> None:
    usage: Any = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
    answers = iter([AIMessage("hello", usage_metadata=usage)])
    model = GenericFakeChatModel(messages=answers, metadata={"ls_model_name": "fake-1"})

    async def node(state: MessagesState) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    spans = await traced(node)

    assert is_child(spans, "chat fake-1", "node node")
    told = dict(spans["chat fake-1"].attributes or {})
    assert told["gen_ai.request.model"] == told["llm.model_name"] == "fake-1"
    assert told["gen_ai.usage.output_tokens"] == told["llm.token_count.completion"] == 5
    assert told["session.id"] == "t1"


async def test_a_tool_is_a_step(traced: Traced) -> None:
    @tool
    def weather(city: str) -> str:
        """Tell the weather."""
        return f"fine in {city}"

    async def node(state: MessagesState) -> Any:
        return {"messages": [await weather.ainvoke({"city": "Paris"})]}

    spans = await traced(node)

    assert is_child(spans, "execute_tool weather", "node node")
    assert "Paris" not in str(spans["execute_tool weather"].attributes)


async def test_spans_of_a_node_s_own_stand_below_it(traced: Traced) -> None:
    async def node(state: MessagesState) -> Any:
        with own.start_as_current_span("own"):
            await asyncio.sleep(0)
        return {"messages": []}

    assert is_child(await traced(node), "own", "node node")


async def test_spans_of_a_synchronous_node_s_own_stand_below_it(traced: Traced) -> None:
    def node(state: MessagesState) -> Any:
        own.start_span("own").end()
        return {"messages": []}

    assert is_child(await traced(node), "own", "node node")
