"""LangGraph's stream parts → the API's events, for each stream mode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, BaseMessageChunk
from langgraph.types import StreamMode

from graphs.serde import as_message, public_config

# What a client may ask for, and what LangGraph is asked for in turn.
GRAPH_MODES: dict[str, tuple[StreamMode, ...]] = {
    "values": ("values", "updates"),  # updates tell of static breakpoints
    "updates": ("updates",),
    "messages": ("messages",),
    "messages-tuple": ("messages",),
    "custom": ("custom",),
    "debug": ("debug",),
    "tasks": ("tasks",),
    "checkpoints": ("checkpoints",),
}
# Accepted, since clients send them, with nothing to give on the first streaming protocol.
SILENT_MODES = frozenset({"tools", "lifecycle"})
STREAM_MODES = frozenset(GRAPH_MODES) | SILENT_MODES | {"events"}

Event = tuple[str, object]
"""A name and what is to be written as its JSON."""


def graph_modes(asked: Sequence[str]) -> list[StreamMode]:
    """Return LangGraph's modes for the ones asked; `values` always: it is the run's output."""
    modes: set[StreamMode] = {"values", "updates"}
    for mode in asked:
        modes.update(GRAPH_MODES.get(mode, ()))
    return sorted(modes)


class Translator:
    """Turns the parts of one run into events, in order.

    Remembers the messages that stream, for the accumulating mode `messages`, and the last
    root values, which are the run's output.
    """

    def __init__(self, asked: Sequence[str], *, subgraphs: bool) -> None:
        self._asked = frozenset(asked)
        self._subgraphs = subgraphs
        self._partial: dict[str, BaseMessageChunk] = {}
        self._announced: set[str] = set()
        self.output: Any = None

    @property
    def is_at_rest(self) -> bool:
        """Tell whether nothing is asked in the output, and no breakpoint was reached."""
        return not isinstance(self.output, dict) or "__interrupt__" not in self.output

    def translate(self, namespace: tuple[str, ...], mode: str, payload: Any) -> Iterator[Event]:
        """Yield the events for one part of `astream(…, subgraphs=True)`."""
        if mode == "messages":
            yield from self._messages(namespace, payload)
            return
        if not namespace:
            if mode == "values":
                payload = self.output = self._with_earlier_interrupts(payload)
            yield from self._breakpoint(mode, payload)
        if mode not in self._asked or (namespace and not self._subgraphs):
            return
        yield _suffixed(mode, namespace), _tidied(mode, payload)

    def _with_earlier_interrupts(self, values: Any) -> Any:
        """Gather the interrupts of a step, which LangGraph tells one by one, into one list.

        They stay to the end: what the step's other branches have done is told after them.
        """
        asked = [*_interrupts(self.output), *_interrupts(values)]
        return {**values, "__interrupt__": asked} if asked else values

    def _breakpoint(self, mode: str, payload: Any) -> Iterator[Event]:
        # A state that is no object has no room for the marker.
        if mode == "updates" and _is_breakpoint(payload) and isinstance(self.output, dict | None):
            self.output = {**(self.output or {}), "__interrupt__": []}
            if "values" in self._asked:
                yield "values", self.output

    def _messages(self, namespace: tuple[str, ...], payload: Any) -> Iterator[Event]:
        message, metadata = payload
        if "messages-tuple" in self._asked:
            suffix = namespace if self._subgraphs else ()
            yield _suffixed("messages", suffix), [message, metadata]
        if "messages" in self._asked:
            yield from self._accumulated(message, metadata)

    def _accumulated(self, message: BaseMessage, metadata: Any) -> Iterator[Event]:
        message_id = message.id or ""
        if message_id not in self._announced:
            self._announced.add(message_id)
            yield "messages/metadata", {message_id: {"metadata": metadata}}
        if not isinstance(message, BaseMessageChunk):
            yield "messages/complete", [message]
            return
        before = self._partial.get(message_id)
        whole = message if before is None else before + message
        self._partial[message_id] = whole
        # A part that adds nothing to read is not worth the whole message again.
        if message.content or getattr(message, "tool_call_chunks", None) or before is None:
            yield "messages/partial", [as_message(whole)]


def translated_event(event: Any) -> Event | None:
    """Return one of LangChain's `astream_events`, unless it asks to stay hidden."""
    if "langsmith:hidden" in event.get("tags", ()):
        return None
    return "events", event


def _suffixed(name: str, namespace: tuple[str, ...]) -> str:
    return "|".join((name, *namespace))


def _interrupts(values: Any) -> Any:
    return values.get("__interrupt__", ()) if isinstance(values, dict) else ()


def _is_breakpoint(payload: Any) -> bool:
    return isinstance(payload, dict) and payload.get("__interrupt__") == ()


def _tidied(mode: str, payload: Any) -> Any:
    if mode == "checkpoints":
        return _tidied_checkpoint(payload)
    if mode == "debug" and payload.get("type") == "checkpoint":
        checkpoint = _tidied_checkpoint(payload["payload"])
        for name, config in (("checkpoint", "config"), ("parent_checkpoint", "parent_config")):
            checkpoint[name] = (checkpoint.get(config) or {}).get("configurable")
        return {**payload, "payload": checkpoint}
    return payload


def _tidied_checkpoint(payload: Any) -> dict[str, Any]:
    return {
        **payload,
        "config": public_config(payload.get("config")),
        "parent_config": public_config(payload.get("parent_config")),
    }
