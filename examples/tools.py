from __future__ import annotations

import re
import zlib

from langchain_core.tools import BaseTool, ToolException, tool

from examples.expressions import evaluate, shown

SKIES = ("sunny", "cloudy", "rainy", "windy", "foggy")

NOTES = (
    "Assistants: an assistant is a graph with a configuration, and every change is a version.",
    "Threads: a thread is a conversation; it keeps its checkpoints, so a run can be replayed.",
    "Runs: a run is one execution of an assistant upon a thread; it may stream its events.",
    "Interrupts: a graph that calls interrupt() waits until somebody resumes it.",
    "Store: facts under a namespace outlive every thread.",
)


@tool
async def weather(city: str) -> str:
    """Tell today's weather in a city."""
    # Made up, but the same for a city every time.
    seed = zlib.crc32(city.strip().lower().encode())
    return f"It is {seed % 30} °C and {SKIES[seed % len(SKIES)]} in {city.strip()}."


@tool
async def calculator(expression: str) -> str:
    """Calculate an arithmetic expression such as (2 + 3) * 4."""
    try:
        return f"{expression} = {shown(evaluate(expression))}"
    except ValueError as exc:
        raise ToolException(str(exc)) from exc


# The model reads the message of a ToolException and may correct itself.
calculator.handle_tool_error = True


@tool
async def search_notes(query: str) -> str:
    """Search the notes by keywords."""
    words = set(re.findall(r"\w{3,}", query.lower()))
    found = [note for note in NOTES if words & set(re.findall(r"\w{3,}", note.lower()))]
    return " ".join(found) or f"No note mentions {query!r}."


TOOLS: list[BaseTool] = [weather, calculator, search_notes]
