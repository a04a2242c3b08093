"""Asking a human about tool calls, and reading the answer in each form a client may send it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import ToolCall

YES = frozenset({"yes", "y", "ok", "true", "accept", "accepted", "approve", "approved"})
NO = frozenset({"no", "n", "false", "ignore", "ignored", "reject", "rejected", "deny", "denied"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the human decided about one tool call."""

    call: ToolCall | None = None
    """The call to make, edited or not; None when it must not be made."""

    message: str = "The user rejected this call."
    """Told to the model in place of a result, when there is no call."""


def approval_requests(calls: list[ToolCall]) -> list[dict[str, Any]]:
    """Describe each call as the agent inbox expects it: a list of HumanInterrupt."""
    return [
        {
            "action_request": {"action": call["name"], "args": call["args"]},
            "config": {
                "allow_ignore": True,
                "allow_respond": True,
                "allow_edit": True,
                "allow_accept": True,
            },
            "description": f"May I call {call['name']} with {json.dumps(call['args'])}?",
        }
        for call in calls
    ]


def decisions(calls: list[ToolCall], answer: Any) -> list[Decision]:
    """Read one decision for each call; a single answer holds for all of them.

    `answer` is what the client resumed with: a list of `{"type": accept | ignore | response |
    edit, "args": …}`, one such object, `{"decisions": [{"type": approve | reject | edit, …}]}`,
    a boolean, or text: yes, no, or a word to the model.
    Raises ValueError when a list has neither one answer nor one for each call.
    """
    if isinstance(answer, dict) and isinstance(answer.get("decisions"), list):
        answer = answer["decisions"]
    answers = answer if isinstance(answer, list) else [answer]
    if len(answers) == 1:
        answers = answers * len(calls)
    if len(answers) != len(calls):
        raise ValueError(f"{len(calls)} tool calls wait for approval, {len(answers)} were answered")
    return [decision(call, each) for call, each in zip(calls, answers, strict=True)]


def decision(call: ToolCall, answer: Any) -> Decision:
    if isinstance(answer, dict) and isinstance(answer.get("type"), str):
        return typed_decision(call, answer)
    word = str(answer).strip().lower()
    if word in YES:
        return Decision(call=call)
    if word in NO:
        return Decision()
    return Decision(message=f"The user answers: {as_text(answer)}")


def typed_decision(call: ToolCall, answer: dict[str, Any]) -> Decision:
    match answer["type"]:
        case "accept" | "approve":
            return Decision(call=call)
        case "edit":
            return Decision(call=edited(call, answer))
        case "ignore" | "reject":
            reason = answer.get("message")
            return (
                Decision(message=f"The user rejected this call: {reason}") if reason else Decision()
            )
        case _:
            words = answer.get("args", answer.get("message", answer))
            return Decision(message=f"The user answers: {as_text(words)}")


def edited(call: ToolCall, answer: dict[str, Any]) -> ToolCall:
    """Apply an edit: `{"action" or "name": …, "args": …}`, or the new arguments themselves."""
    edit = answer.get("edited_action", answer.get("args"))
    if not isinstance(edit, dict):
        return call
    args = edit.get("args")
    if not isinstance(args, dict):
        return ToolCall(type="tool_call", id=call["id"], name=call["name"], args=edit)
    name = edit.get("action") or edit.get("name") or call["name"]
    return ToolCall(type="tool_call", id=call["id"], name=name, args=args)


def as_text(answer: Any) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer, default=str)
