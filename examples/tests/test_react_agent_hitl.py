from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langgraph.types import Command

from examples.react_agent_hitl import graph as unsaved
from examples.tests.asking import THREAD, AnyGraph, ask, last_text, saved


@pytest.fixture
def graph() -> AnyGraph:
    return saved(unsaved)


async def answered(graph: AnyGraph, question: str, answer: Any) -> dict[str, Any]:
    await graph.ainvoke(ask(question), THREAD)
    return await graph.ainvoke(Command(resume=answer), THREAD)


async def test_a_tool_call_waits_for_approval(graph: AnyGraph) -> None:
    values = await graph.ainvoke(ask("weather in Paris"), THREAD)

    [interrupt] = values["__interrupt__"]
    assert interrupt.value[0]["action_request"] == {"action": "weather", "args": {"city": "Paris"}}
    assert (await graph.aget_state(THREAD)).next == ("approval",)


async def test_talk_needs_no_approval(graph: AnyGraph) -> None:
    values = await graph.ainvoke(ask("hello"), THREAD)

    assert "__interrupt__" not in values


async def test_an_approved_call_is_made(graph: AnyGraph) -> None:
    values = await answered(graph, "What is 2 + 3?", [{"type": "accept", "args": None}])

    assert last_text(values) == "The calculator tool says: 2 + 3 = 5"


async def test_a_rejected_call_is_not_made_and_the_model_answers(graph: AnyGraph) -> None:
    values = await answered(graph, "What is 2 + 3?", "no")

    result = values["messages"][-2]
    assert isinstance(result, ToolMessage)
    assert (result.status, result.content) == ("error", "The user rejected this call.")
    assert last_text(values).startswith("I have no answer from the calculator tool")


async def test_an_edited_call_takes_the_place_of_the_first(graph: AnyGraph) -> None:
    edit = {"type": "edit", "args": {"action": "calculator", "args": {"expression": "4 * 5"}}}

    values = await answered(graph, "What is 2 + 3?", [edit])

    assert [message.type for message in values["messages"]] == ["human", "ai", "tool", "ai"]
    assert values["messages"][1].tool_calls[0]["args"] == {"expression": "4 * 5"}
    assert last_text(values) == "The calculator tool says: 4 * 5 = 20"


async def test_of_two_calls_one_may_be_rejected(graph: AnyGraph) -> None:
    values = await answered(
        graph, "weather in Paris and Oslo", [{"type": "ignore"}, {"type": "accept"}]
    )

    results = [each for each in values["messages"] if isinstance(each, ToolMessage)]
    assert [(each.tool_call_id, each.status) for each in results] == [
        ("call_1", "error"),
        ("call_2", "success"),
    ]


async def test_the_next_question_asks_again(graph: AnyGraph) -> None:
    await answered(graph, "What is 2 + 3?", "yes")

    values = await graph.ainvoke(ask("What is 4 + 5?"), THREAD)

    assert values["__interrupt__"][0].value[0]["action_request"]["args"] == {"expression": "4 + 5"}


def test_the_drawing_shows_both_ways_out_of_the_approval() -> None:
    edges = {(edge.source, edge.target) for edge in unsaved.get_graph().edges}

    assert {("approval", "agent"), ("approval", "tools"), ("agent", "approval")} <= edges
