"""The agent: its model calls tools until it has an answer."""

from __future__ import annotations

from langchain_core.messages import AnyMessage, SystemMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from my_agent.model import chat_model
from my_agent.tools import TOOLS

PROMPT = SystemMessage("You are a helpful assistant. Use your tools where they fit.")

model = chat_model().bind_tools(TOOLS)


async def agent(state: MessagesState) -> dict[str, list[AnyMessage]]:
    return {"messages": [await model.ainvoke([PROMPT, *state["messages"]])]}


builder = StateGraph(MessagesState)
builder.add_node("agent", agent)
builder.add_node("tools", ToolNode(TOOLS))
builder.add_edge(START, "agent")
builder.add_conditional_edges("agent", tools_condition)
builder.add_edge("tools", "agent")

# No checkpointer and no store: the server brings both.
graph = builder.compile()
