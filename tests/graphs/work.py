"""Graphs that take time, take space, or fail."""

from __future__ import annotations

import asyncio
import operator
import time
from typing import Annotated, Any, TypedDict

from langgraph.channels import DeltaChannel
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph


async def explode(state: MessagesState) -> None:
    raise ValueError("kaput")


boom = StateGraph(MessagesState).add_node("boom", explode).add_edge(START, "boom").compile()


class Tried(TypedDict, total=False):
    key: str
    done: Annotated[list[str], operator.add]


_failed: set[str] = set()


async def begin(state: Tried) -> Tried:
    return {"done": ["begun"]}


async def fail_once(state: Tried) -> Tried:
    if state["key"] not in _failed:
        _failed.add(state["key"])
        raise ValueError("not yet")
    return {"done": ["ended"]}


# Its second step fails, once for each key.
flaky = StateGraph(Tried).add_node(begin).add_node(fail_once)
flaky = flaky.add_edge(START, "begin").add_edge("begin", "fail_once").compile()

STEPS = 20


class Count(TypedDict, total=False):
    count: int


async def step(state: Count) -> Count:
    return {"count": state.get("count", 0) + 1}


def onward(state: Count) -> str:
    return END if state["count"] % STEPS == 0 else "step"


steps = StateGraph(Count).add_node(step).add_edge(START, "step")
steps = steps.add_conditional_edges("step", onward, ["step", END]).compile()


class Rest(TypedDict, total=False):
    seconds: float
    done: bool


async def sleep(state: Rest) -> Rest:
    await asyncio.sleep(state.get("seconds", 1.0))
    return {"done": True}


sleeper = StateGraph(Rest).add_node(sleep).add_edge(START, "sleep").compile()


async def block(state: Rest) -> Rest:
    time.sleep(state.get("seconds", 1.0))  # noqa: ASYNC251 -- what users write by mistake
    return {"done": True}


blocker = StateGraph(Rest).add_node(block).add_edge(START, "block").compile()


def extended(notes: list[str], added: list[list[str]]) -> list[str]:
    return [*notes, *(note for some in added for note in some)]


class Delta(TypedDict, total=False):
    notes: Annotated[list[str], DeltaChannel(extended)]


async def see(state: Delta) -> Delta:
    return {"notes": ["seen"]}


# Its state is what all of its writes amount to: no checkpoint holds it.
delta = StateGraph(Delta).add_node(see).add_edge(START, "see").compile()


class Written(TypedDict, total=False):
    count: int
    written: int


async def write(state: Written) -> Written:
    writer, count = get_stream_writer(), state.get("count", 3)
    for number in range(count):
        writer({"n": number})
    return {"written": count}


async def write_slowly(state: Written) -> Written:
    writer, count = get_stream_writer(), state.get("count", 3)
    for number in range(count):
        writer({"n": number})
        await asyncio.sleep(0.05)
    return {"written": count}


async def write_much(state: Written) -> Written:
    """Say much, and leave others their turns: what nobody has taken yet would pile up."""
    writer, count = get_stream_writer(), state.get("count", 3)
    for number in range(count):
        writer({"n": number})
        if number % 50 == 0:
            await asyncio.sleep(0.001)
    return {"written": count}


flood = StateGraph(Written).add_node(write_much).add_edge(START, "write_much").compile()

slowwriter = StateGraph(Written).add_node(write_slowly).add_edge(START, "write_slowly").compile()

writer = StateGraph(Written).add_node(write).add_edge(START, "write").compile()


class Heap(TypedDict, total=False):
    kilobytes: int
    heap: list[dict[str, Any]]


async def pile(state: Heap) -> Heap:
    rows = range(state.get("kilobytes", 100))
    return {"heap": [{"row": row, "text": "x" * 1000} for row in rows]}


big = StateGraph(Heap).add_node(pile).add_edge(START, "pile").compile()


class Journal(TypedDict, total=False):
    name: str
    pages: int
    seconds: float
    entries: Annotated[list[str], operator.add]
    """Nothing is ever written over: what is done twice stands there twice."""


async def note(state: Journal) -> Journal:
    await asyncio.sleep(state.get("seconds", 0.0))
    name = state["name"]
    page = sum(entry.startswith(f"{name}/") for entry in state["entries"])
    return {"entries": [f"{name}/{page}"]}


def onto_next_page(state: Journal) -> str:
    name, pages = state["name"], state.get("pages", 3)
    is_full = sum(entry.startswith(f"{name}/") for entry in state["entries"]) >= pages
    return END if is_full else "note"


journal = StateGraph(Journal).add_node(note).add_edge(START, "note")
journal = journal.add_conditional_edges("note", onto_next_page, ["note", END]).compile()


class Moment(TypedDict, total=False):
    at: float


async def look_at_the_clock(state: Moment) -> Moment:
    return {"at": time.time()}


stopwatch = StateGraph(Moment).add_node(look_at_the_clock).add_edge(START, "look_at_the_clock")
stopwatch = stopwatch.compile()
