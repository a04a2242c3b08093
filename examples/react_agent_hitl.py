"""The ReAct agent, with a human who approves, edits or rejects each tool call."""

from __future__ import annotations

from typing import Literal

from langchain_core.messages import AIMessage, ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, Send, interrupt

from examples.approvals import approval_requests, decisions
from examples.react_agent import Context, agent
from examples.tools import TOOLS


async def approval(state: MessagesState) -> Command[Literal["agent", "tools"]]:
    """Ask about all calls of the latest message at once; make those that are approved."""
    asked = state["messages"][-1]
    assert isinstance(asked, AIMessage), "the edge comes here only after a tool call"
    decided = decisions(asked.tool_calls, interrupt(approval_requests(asked.tool_calls)))
    final = [each.call or call for call, each in zip(asked.tool_calls, decided, strict=True)]
    rejections = [
        ToolMessage(each.message, name=call["name"], tool_call_id=call["id"], status="error")
        for call, each in zip(asked.tool_calls, decided, strict=True)
        if each.call is None
    ]
    approved = [Send("tools", [each.call]) for each in decided if each.call]
    # The copy keeps its id, so that it takes the place of the message before the edit.
    edited = asked.model_copy(update={"tool_calls": final})
    replaced = [] if final == asked.tool_calls else [edited]
    return Command(update={"messages": [*replaced, *rejections]}, goto=approved or "agent")


builder = StateGraph(MessagesState, context_schema=Context)
builder.add_node("agent", agent)
builder.add_node("approval", approval)
builder.add_node("tools", ToolNode(TOOLS))
builder.add_edge(START, "agent")
builder.add_conditional_edges("agent", tools_condition, {"tools": "approval", END: END})
builder.add_edge("tools", "agent")

graph = builder.compile(name="react_agent_hitl")
