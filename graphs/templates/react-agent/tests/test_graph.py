from __future__ import annotations

import asyncio

from langchain_core.messages import ToolMessage

from my_agent.graph import graph


def test_the_agent_answers_with_the_help_of_a_tool() -> None:
    asked = {"messages": [("user", "What time is it?")]}

    messages = asyncio.run(graph.ainvoke(asked))["messages"]

    assert any(isinstance(message, ToolMessage) for message in messages)
    assert messages[-1].text
