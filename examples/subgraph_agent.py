"""A parent graph with the ReAct agent as one of its nodes."""

from __future__ import annotations

import textwrap
from typing import Any

from langchain_core.messages import HumanMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

from examples.react_agent import Context
from examples.react_agent import graph as react_agent


class State(MessagesState, total=False):
    title: str
    """The first question, shortened."""

    tools_used: list[str]
    """Names of the tools that gave an answer, in order."""


async def name_conversation(state: State) -> dict[str, str]:
    if state.get("title"):
        return {}
    questions = [message for message in state["messages"] if isinstance(message, HumanMessage)]
    first = str(questions[0].text) if questions else "Untitled"
    return {"title": textwrap.shorten(first, 40, placeholder=" …")}


async def report(state: State) -> dict[str, list[str]]:
    results = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    return {"tools_used": [str(each.name) for each in results if each.status == "success"]}


def parent_of(
    assistant: CompiledStateGraph[Any, Any, Any, Any], *, name: str
) -> CompiledStateGraph[State, Context, State, State]:
    builder = StateGraph(State, context_schema=Context)
    builder.add_node("name_conversation", name_conversation)
    builder.add_node("assistant", assistant)
    builder.add_node("report", report)
    builder.add_edge(START, "name_conversation")
    builder.add_edge("name_conversation", "assistant")
    builder.add_edge("assistant", "report")
    return builder.compile(name=name)


graph = parent_of(react_agent, name="subgraph_agent")
