from __future__ import annotations

import asyncio

from my_agent.graph import graph


def test_the_chatbot_answers() -> None:
    asked = {"messages": [("user", "Hello!")]}

    messages = asyncio.run(graph.ainvoke(asked))["messages"]

    assert messages[-1].type == "ai"
    assert messages[-1].text
