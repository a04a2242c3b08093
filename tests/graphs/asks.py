"""Graphs that stop and ask."""

from __future__ import annotations

from operator import add
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt


async def ask(state: MessagesState) -> dict[str, Any]:
    given = interrupt({"q": "ok?"})
    return {"messages": [AIMessage(f"got {given}")]}


one = StateGraph(MessagesState).add_node(ask).add_edge(START, "ask").compile()

nested = StateGraph(MessagesState).add_node("sub", one).add_edge(START, "sub").compile()


class Answers(TypedDict, total=False):
    answers: Annotated[list[Any], add]


async def left(state: Answers) -> Answers:
    return {"answers": [interrupt({"q": "left?"})]}


async def right(state: Answers) -> Answers:
    return {"answers": [interrupt({"q": "right?"})]}


two = StateGraph(Answers).add_node(left).add_node(right)
two = two.add_edge(START, "left").add_edge(START, "right").compile()


async def ask_twice(state: Answers) -> Answers:
    return {"answers": [interrupt({"q": "first?"}), interrupt({"q": "second?"})]}


twice = StateGraph(Answers).add_node(ask_twice).add_edge(START, "ask_twice").compile()
