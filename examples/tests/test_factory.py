from __future__ import annotations

from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig

from examples.factory import make_graph
from examples.tests.asking import ask, last_text


@pytest.mark.parametrize("config", [{}, {"configurable": {}}, {"configurable": {"thread_id": "1"}}])
async def test_without_a_persona_it_is_the_plain_agent(config: RunnableConfig) -> None:
    graph = await make_graph(config)

    values = await graph.ainvoke(ask("What is 2 + 3?"))

    assert last_text(values) == "The calculator tool says: 2 + 3 = 5"


async def test_name_and_style_shape_the_answer() -> None:
    graph = await make_graph({"configurable": {"name": "Ada", "style": "pirate"}})

    values = await graph.ainvoke(ask("count to 2"))

    assert last_text(values) == "Ada: 1 2 Arr!"


async def test_without_tools_the_graph_has_no_tools_node() -> None:
    graph = await make_graph({"configurable": {"tools": []}})

    assert "tools" not in graph.get_graph().nodes
    assert 'You said: "What is 2 + 3?"' in last_text(await graph.ainvoke(ask("What is 2 + 3?")))


async def test_only_the_chosen_tools_are_called() -> None:
    graph = await make_graph({"configurable": {"tools": ["weather"]}})

    values = await graph.ainvoke(ask("weather in Paris and 2 + 3"))

    assert [call["name"] for call in values["messages"][1].tool_calls] == ["weather"]


@pytest.mark.parametrize(
    ("configurable", "message"),
    [({"style": "rude"}, "Unknown style 'rude'"), ({"tools": ["rm"]}, "Unknown tools")],
)
async def test_an_unknown_choice_is_refused_by_name(
    configurable: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        await make_graph({"configurable": configurable})
