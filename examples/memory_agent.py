"""An agent with long-term memory: what it learns in one thread, it knows in all."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AnyMessage, SystemMessage
from langchain_core.tools import BaseTool, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, ToolRuntime, tools_condition
from langgraph.store.base import BaseStore

from examples.models import chat_model

PROMPT = (
    "You are a helpful assistant with a long memory. "
    "Keep what the user asks you to remember, and recall it when it matters."
)


@dataclass(frozen=True, kw_only=True)
class Context:
    user_id: str = "default"
    """Whose memory it is, when the server authenticates nobody."""


@tool
async def remember(fact: str, runtime: ToolRuntime[Context | None, Any]) -> str:
    """Keep a fact about the user."""
    # The key follows from the fact, so that the same fact is kept once.
    key = str(uuid.uuid5(uuid.NAMESPACE_OID, fact.strip().lower()))
    await store_of(runtime).aput(namespace_of(runtime), key, {"fact": fact})
    return f"Noted, {fact}."


@tool
async def recall(query: str, runtime: ToolRuntime[Context | None, Any]) -> str:
    """Look up facts about the user."""
    # Without a vector index the store ignores the query and returns the latest facts.
    found = await store_of(runtime).asearch(namespace_of(runtime), query=query, limit=10)
    facts = sorted(str(item.value["fact"]) for item in found)
    return "; ".join(facts) + "." if facts else "Nothing is known about this user."


def store_of(runtime: ToolRuntime[Context | None, Any]) -> BaseStore:
    if runtime.store is None:
        raise RuntimeError(
            "memory_agent needs a store: the server gives it one; else compile with one"
        )
    return runtime.store


def namespace_of(runtime: ToolRuntime[Context | None, Any]) -> tuple[str, str]:
    """Name the user's own namespace. Who is authenticated cannot choose another's."""
    authenticated = runtime.config.get("configurable", {}).get("langgraph_auth_user_id")
    context = runtime.context or Context()
    return ("memories", authenticated or context.user_id)


TOOLS: list[BaseTool] = [remember, recall]
model = chat_model().bind_tools(TOOLS)


async def agent(state: MessagesState) -> dict[str, list[AnyMessage]]:
    return {"messages": [await model.ainvoke([SystemMessage(PROMPT), *state["messages"]])]}


builder = StateGraph(MessagesState, context_schema=Context)
builder.add_node("agent", agent)
builder.add_node("tools", ToolNode(TOOLS))
builder.add_edge(START, "agent")
builder.add_conditional_edges("agent", tools_condition)
builder.add_edge("tools", "agent")

graph = builder.compile(name="memory_agent")
