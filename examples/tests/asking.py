"""Short words for the tests: ask a graph, on a thread, and read its last answer."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.state import CompiledStateGraph

THREAD: RunnableConfig = {"configurable": {"thread_id": "1"}}

AnyGraph = CompiledStateGraph[Any, Any, Any, Any]


def ask(text: str) -> Any:
    """Make an input; Any, because each graph has a state type of its own."""
    return {"messages": [HumanMessage(text)]}


def last_text(values: Any) -> str:
    return str(values["messages"][-1].text)


def saved(graph: AnyGraph) -> AnyGraph:
    return graph.copy({"checkpointer": InMemorySaver()})
