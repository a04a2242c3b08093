"""Short words for the suites: what a human says, and what comes back in a stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langgraph_sdk.schema import StreamPart

WEATHER = "What is the weather in Paris?"
WEATHER_ANSWER = "The weather tool says: It is 8 °C and windy in Paris."


def said(text: str) -> dict[str, Any]:
    """Return the input of a human's message."""
    return {"messages": [{"role": "user", "content": text}]}


def last_text(values: Any) -> str:
    return str(values["messages"][-1]["content"])


def data_of(parts: Iterable[StreamPart], event: str) -> list[Any]:
    return [part.data for part in parts if part.event == event]


def tokens_of(parts: Iterable[StreamPart]) -> list[str]:
    """Return the words of the model, token by token as they came."""
    chunks = [chunk for chunk, _ in data_of(parts, "messages") if chunk["type"] == "AIMessageChunk"]
    return [chunk["content"] for chunk in chunks if chunk["content"]]
