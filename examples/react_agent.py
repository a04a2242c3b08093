"""A ReAct agent: the model calls tools until it has an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AnyMessage, SystemMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.runtime import Runtime

from examples.models import chat_model
from examples.tools import TOOLS


@dataclass(frozen=True, kw_only=True)
class Context:
    system_prompt: str = "You are a helpful assistant. Use your tools where they fit."
    """What the model is told before the conversation."""


model = chat_model().bind_tools(TOOLS)


def context_of(runtime: Runtime[Any]) -> Context:
    """Return the caller's context, or the defaults when there is none."""
    context: Context | None = runtime.context
    return context or Context()


async def agent(state: MessagesState, runtime: Runtime[Context]) -> dict[str, list[AnyMessage]]:
    prompt = SystemMessage(context_of(runtime).system_prompt)
    return {"messages": [await model.ainvoke([prompt, *state["messages"]])]}


builder = StateGraph(MessagesState, context_schema=Context)
builder.add_node("agent", agent)
builder.add_node("tools", ToolNode(TOOLS))
builder.add_edge(START, "agent")
builder.add_conditional_edges("agent", tools_condition)
builder.add_edge("tools", "agent")

graph = builder.compile(name="react_agent")
