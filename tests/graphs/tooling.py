"""Agents that call tools, around a model that is as strict as those that cost money."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Sequence
from typing import Annotated, Any, TypedDict
from uuid import uuid4

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph, add_messages
from langgraph.prebuilt import ToolNode, create_react_agent
from langgraph.types import interrupt


@tool
async def slow(seconds: float) -> str:
    """Take a long time."""
    await asyncio.sleep(seconds)
    return "slept"


@tool
async def fast() -> str:
    """Take no time."""
    return "here"


@tool
async def asking() -> str:
    """Ask a human."""
    return str(interrupt({"q": "may I?"}))


TOOLS = [slow, fast, asking]
ARGUMENTS: dict[str, dict[str, Any]] = {"slow": {"seconds": 60}, "fast": {}, "asking": {}}


def require_answers(messages: Sequence[BaseMessage]) -> None:
    """Refuse calls that are not answered before anything else is said."""
    waiting: set[str | None] = set()
    for message in messages:
        if isinstance(message, ToolMessage):
            waiting.discard(message.tool_call_id)
            continue
        if waiting:
            raise ValueError("tool calls must be followed by tool messages")
        if isinstance(message, AIMessage):
            waiting = {call["id"] for call in message.tool_calls}


class StrictModel(BaseChatModel):
    """Calls the tools that a human names, and tells what they have said."""

    @property
    def _llm_type(self) -> str:
        return "strict"

    def bind_tools(self, tools: Any, **kwargs: Any) -> StrictModel:
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        require_answers(messages)
        last = messages[-1]
        named = str(last.content).split() if last.type == "human" else []
        calls = [
            {"name": name, "args": ARGUMENTS[name], "id": uuid4().hex}
            for name in named
            if name in ARGUMENTS
        ]
        answer = AIMessage("" if calls else f"you said {last.content}", tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=answer)])


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it has moved, and is what most agents in use are made by
    react = create_react_agent(StrictModel(), TOOLS)


class Dialogue(TypedDict):
    dialogue: Annotated[list[AnyMessage], add_messages]


async def think(state: Dialogue) -> dict[str, Any]:
    return {"dialogue": [await StrictModel().ainvoke(state["dialogue"])]}


def onward(state: Dialogue) -> str:
    last = state["dialogue"][-1]
    return "work" if isinstance(last, AIMessage) and last.tool_calls else "__end__"


# Its messages stand under another name, and its tools in a node of another name.
dialogue = StateGraph(Dialogue).add_node(think)
dialogue = dialogue.add_node("work", ToolNode(TOOLS, messages_key="dialogue"))
dialogue = dialogue.add_edge(START, "think").add_edge("work", "think")
dialogue = dialogue.add_conditional_edges("think", onward, ["work", "__end__"]).compile()
