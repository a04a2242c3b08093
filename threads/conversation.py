"""A state's messages, read for display: who says what, and what came of each tool call (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from common.jsoncodec import Json, JsonObject

MESSAGES_KEY = "messages"
SHOWN_MESSAGES = 200
LONGEST_TEXT = 20_000

_ROLES = {
    "human": "human",
    "user": "human",
    "ai": "ai",
    "assistant": "ai",
    "AIMessageChunk": "ai",
    "tool": "tool",
    "function": "tool",
    "system": "system",
    "developer": "system",
}
# Content blocks that repeat what `tool_calls` says.
_CALL_BLOCKS = frozenset({"tool_use", "tool_call", "tool_call_chunk", "input_json_delta"})
_THINKING_BLOCKS = {"thinking": "thinking", "reasoning": "reasoning"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of a message's content."""

    kind: Literal["text", "thinking", "other"]

    text: str = ""

    value: Json = None
    """The content block itself, of a kind that is not text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message as the admin shows it."""

    role: str
    """`human`, `ai`, `tool`, `system`, or the unknown word the message has."""

    name: str
    parts: tuple[Part, ...]
    calls: tuple[Call, ...] = ()

    is_error: bool = False
    """True for a tool's message that says it failed."""

    model: str = ""
    tokens: str = ""
    """Tokens in and out, such as `31 → 12`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call of a model, with its result once there is one."""

    name: str
    arguments: Json
    result: Message | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    messages: tuple[Message, ...]

    earlier: int
    """How many messages before these are not shown."""


def conversation(values: Json) -> Conversation:
    """Read the newest messages of a state; a tool's message stands with the call it answers."""
    listed = values.get(MESSAGES_KEY) if isinstance(values, dict) else None
    found = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    shown = found[-SHOWN_MESSAGES:]
    results = {_text(item.get("tool_call_id")): item for item in shown if _role(item) == "tool"}
    asked = {_text(call.get("id")) for item in shown for call in _calls(item)}
    return Conversation(
        messages=tuple(
            _message(item, results)
            for item in shown
            if _role(item) != "tool" or _text(item.get("tool_call_id")) not in asked
        ),
        earlier=len(found) - len(shown),
    )


def _message(item: JsonObject, results: dict[str, JsonObject]) -> Message:
    answers = (results.get(_text(call.get("id"))) for call in _calls(item))
    calls = (
        Call(
            name=_text(call.get("name")),
            arguments=call.get("args"),
            result=_message(answer, {}) if answer else None,
        )
        for call, answer in zip(_calls(item), answers, strict=True)
    )
    response = _object(item.get("response_metadata"))
    return Message(
        role=_role(item),
        name=_text(item.get("name")),
        parts=tuple(_parts(item.get("content"))),
        calls=tuple(calls),
        is_error=item.get("status") == "error",
        model=_text(response.get("model_name") or response.get("model")),
        tokens=_tokens(_object(item.get("usage_metadata"))),
    )


def _parts(content: Json) -> Iterable[Part]:
    for block in content if isinstance(content, list) else [content]:
        if isinstance(block, str | None):
            part = Part(kind="text", text=_bounded(block or ""))
        else:
            part = _part(_object(block), block)
        if part.text.strip() or part.kind == "other":
            yield part


def _part(block: JsonObject, value: Json) -> Part:
    kind = _text(block.get("type"))
    if kind in _CALL_BLOCKS:
        return Part(kind="text")
    if isinstance(block.get("text"), str):
        return Part(kind="text", text=_bounded(_text(block["text"])))
    thought = block.get(_THINKING_BLOCKS.get(kind, ""))
    if isinstance(thought, str):
        return Part(kind="thinking", text=_bounded(thought))
    return Part(kind="other", value=value)


def _calls(item: JsonObject) -> list[JsonObject]:
    calls = item.get("tool_calls")
    return [_object(call) for call in calls] if isinstance(calls, list) else []


def _role(item: JsonObject) -> str:
    word = _text(item.get("type") or item.get("role"))
    return _ROLES.get(word, word or "message")


def _tokens(usage: JsonObject) -> str:
    counts = (usage.get("input_tokens"), usage.get("output_tokens"))
    return "" if None in counts else f"{counts[0]} → {counts[1]}"


def _bounded(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}\n… {len(text) - LONGEST_TEXT:,} more characters"


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
