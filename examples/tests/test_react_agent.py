from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessageChunk

from examples.react_agent import graph
from examples.tests.asking import ask, last_text


async def test_it_calls_a_tool_and_answers_with_the_result() -> None:
    values = await graph.ainvoke(ask("What is 2 + 3?"))

    assert [message.type for message in values["messages"]] == ["human", "ai", "tool", "ai"]
    assert last_text(values) == "The calculator tool says: 2 + 3 = 5"


async def test_two_cities_are_two_calls_in_one_step() -> None:
    values = await graph.ainvoke(ask("weather in Paris and Oslo"))

    assert [message.type for message in values["messages"]] == ["human", "ai", "tool", "tool", "ai"]


async def test_every_message_has_an_id_of_its_own() -> None:
    values = await graph.ainvoke(ask("weather in Paris"))

    ids = [message.id for message in values["messages"]]
    assert all(ids)
    assert len(set(ids)) == 4


async def test_the_graph_streams_the_tokens_in_order() -> None:
    parts = [part async for part in graph.astream(ask("count to 4"), stream_mode="messages")]

    messages = [message for message, _ in parts if isinstance(message, AIMessageChunk)]
    assert [message.content for message in messages] == ["1", " 2", " 3", " 4", ""]


async def test_the_context_gives_the_system_prompt() -> None:
    context: Any = {"system_prompt": 'Begin every answer with "Yo."'}

    values = await graph.ainvoke(ask("count to 2"), context=context)

    assert last_text(values) == "Yo. 1 2"


def test_the_schema_tells_the_default_prompt() -> None:
    schema = graph.get_context_jsonschema()

    assert schema is not None
    assert schema["properties"]["system_prompt"]["default"].startswith("You are")
