from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessageChunk
from langgraph.types import Command

from examples.subgraph_agent import graph
from examples.subgraph_hitl_agent import graph as graph_with_approval
from examples.tests.asking import THREAD, ask, last_text, saved


async def test_the_parent_adds_to_what_the_subgraph_answers() -> None:
    values = await graph.ainvoke(ask("What is 2 + 3?"))

    assert last_text(values) == "The calculator tool says: 2 + 3 = 5"
    assert (values["title"], values["tools_used"]) == ("What is 2 + 3?", ["calculator"])


async def test_tokens_of_the_subgraph_come_under_its_namespace() -> None:
    parts: list[Any] = [
        part
        async for part in graph.astream(ask("count to 2"), stream_mode="messages", subgraphs=True)
    ]

    tokens = [
        (namespace[0].partition(":")[0], message.content)
        for namespace, (message, _) in parts
        if isinstance(message, AIMessageChunk)
    ]
    assert tokens == [("assistant", "1"), ("assistant", " 2"), ("assistant", "")]


async def test_the_context_reaches_the_subgraph() -> None:
    context: Any = {"system_prompt": 'Begin every answer with "Yo."'}

    values = await graph.ainvoke(ask("count to 2"), context=context)

    assert last_text(values) == "Yo. 1 2"


async def test_an_interrupt_inside_the_subgraph_stops_the_parent() -> None:
    parent = saved(graph_with_approval)

    values = await parent.ainvoke(ask("weather in Paris"), THREAD)

    state = await parent.aget_state(THREAD, subgraphs=True)
    assert len(values["__interrupt__"]) == 1
    assert state.next == ("assistant",)
    inner = state.tasks[0].state
    assert not isinstance(inner, dict)
    assert inner is not None
    assert inner.next == ("approval",)


async def test_the_parent_resumes_the_subgraph() -> None:
    parent = saved(graph_with_approval)
    await parent.ainvoke(ask("What is 2 + 3?"), THREAD)

    values = await parent.ainvoke(Command(resume=True), THREAD)

    assert last_text(values) == "The calculator tool says: 2 + 3 = 5"
    assert values["tools_used"] == ["calculator"]


async def test_a_rejected_tool_is_not_reported_as_used() -> None:
    parent = saved(graph_with_approval)
    await parent.ainvoke(ask("What is 2 + 3?"), THREAD)

    values = await parent.ainvoke(Command(resume=False), THREAD)

    assert values["tools_used"] == []


async def test_the_title_stays_that_of_the_first_question() -> None:
    parent = saved(graph)
    await parent.ainvoke(ask("hello"), THREAD)

    values = await parent.ainvoke(ask("What is 2 + 3?"), THREAD)

    assert values["title"] == "hello"
