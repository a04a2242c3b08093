"""Tool calls of a conversation that nothing has answered, and answers in their place (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, RemoveMessage, ToolMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES

from common.ids import uuid7

CANCELLED = (
    "Cancelled: the run was stopped before this tool answered. It may have done all of its work, "
    "some of it, or none."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that a model has made of a tool."""

    id: str
    name: str


def message_lists(values: Any) -> dict[str, list[Any]]:
    """Return the parts of a state that are lists of messages, by key, whatever the key is."""
    state = values if isinstance(values, dict) else {"__root__": values}
    return {
        key: value
        for key, value in state.items()
        if isinstance(value, list) and any(isinstance(item, BaseMessage) for item in value)
    }


def dangling_calls(messages: Sequence[Any]) -> list[ToolCall]:
    """Return the calls without an answer, in the order in which they were made.

    Those that a model has spelled wrong are calls too: providers want each of them answered.
    """
    answered = {item.tool_call_id for item in messages if isinstance(item, ToolMessage)}
    return [
        call
        for item in messages
        if isinstance(item, AIMessage)
        for call in _calls_of(item)
        if call.id not in answered
    ]


def answering(messages: Sequence[Any]) -> list[Any]:
    """Return what, added to a list of messages, answers each dangling call right after it.

    Where the conversation has gone on since, it is written anew: answers stand before what
    follows, or models refuse them.
    """
    repaired = _repaired(messages)
    if repaired[: len(messages)] == list(messages):
        return repaired[len(messages) :]
    return [RemoveMessage(id=REMOVE_ALL_MESSAGES), *repaired]


def _repaired(messages: Sequence[Any]) -> list[Any]:
    unanswered = {call.id for call in dangling_calls(messages)}
    repaired: list[Any] = []
    waiting: list[ToolMessage] = []
    for item in messages:
        if not isinstance(item, ToolMessage):
            repaired += waiting
            waiting = []
        repaired.append(item)
        if isinstance(item, AIMessage):
            waiting = [_answer(call) for call in _calls_of(item) if call.id in unanswered]
    return repaired + waiting


def _calls_of(message: AIMessage) -> list[ToolCall]:
    made: list[Any] = [*message.tool_calls, *message.invalid_tool_calls]
    return [ToolCall(id=call["id"], name=call["name"] or "") for call in made if call["id"]]


def _answer(call: ToolCall) -> ToolMessage:
    return ToolMessage(
        CANCELLED, id=str(uuid7()), tool_call_id=call.id, name=call.name, status="error"
    )
