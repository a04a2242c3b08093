"""Graphs that return, raise or do what none should, and one that tells what it was given."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.channels import UntrackedValue
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime


class Odd(TypedDict, total=False):
    kind: str
    value: Any


def _deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = [value]
    return value


class Opaque:
    """Neither JSON nor anything that turns into it."""

    def __str__(self) -> str:
        raise RuntimeError("no words for it")


VALUES: dict[str, Any] = {
    "nul": {"a\0key": "a\0value"},
    "surrogate": {"a\ud800key": "a\udfffvalue"},
    "nan": {"nan": float("nan"), "infinity": float("-inf")},
    "bigint": {"big": 2**70, "small": -(2**70)},
    "deep": _deep(1000),
    "keys": {1: "one", None: "none", (2, 3): "pair"},
    "bytes": b"\xff\x00",
    "set": {1},
    "opaque": Opaque(),
    "function": _deep,
}


async def give(state: Odd) -> Odd:
    value = VALUES[state.get("kind", "nul")]
    get_stream_writer()(value)
    return {"value": value}


odd = StateGraph(Odd).add_node(give).add_edge(START, "give").compile()


class Fleeting(Odd, total=False):
    scratch: Annotated[str, UntrackedValue]


fleeting = (
    StateGraph(Fleeting)
    .add_node("give", lambda _: {"value": 1, "scratch": "in no checkpoint"})
    .add_edge(START, "give")
    .compile()
)


class Unfathomable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words for it")


class Home(Exception):
    """An error that only its author knows."""


ERRORS: dict[str, BaseException] = {
    "exit": SystemExit(3),
    "keyboard": KeyboardInterrupt(),
    "cancelled": asyncio.CancelledError(),
    "own": Home("secret"),
    "key": KeyError("colour"),
    "unfathomable": Unfathomable(),
    "nul": ValueError("a\0b"),
    "surrogate": ValueError("a\ud800b"),
    "group": ExceptionGroup("several", [ValueError("first")]),
}


async def throw(state: Odd) -> None:
    raise ERRORS[state.get("kind", "own")]


throws = StateGraph(Odd).add_node(throw).add_edge(START, "throw").compile()


# Longer than a cancelled graph is waited for.
CLINGS_SECONDS = 14.0


async def cling(state: Odd) -> Odd:
    """Go on for a while after being cancelled, as code with a bare `except` does."""
    loop = asyncio.get_running_loop()
    until = loop.time() + (CLINGS_SECONDS if state.get("kind") == "long" else 0)
    is_asked = False
    while not is_asked or loop.time() < until:
        try:
            await asyncio.sleep(30 if not is_asked else until - loop.time())
        except asyncio.CancelledError:
            is_asked = True
    if state.get("kind") != "prompt":
        await asyncio.sleep(0.3)
    return {"value": "clung"}


stubborn = StateGraph(Odd).add_node(cling).add_edge(START, "cling").compile()


async def reflect(state: Odd, config: RunnableConfig, runtime: Runtime[Any]) -> Odd:
    """Tell the configuration that the graph was given."""
    shown = {
        "configurable": {
            key: value for key, value in config["configurable"].items() if key[:2] != "__"
        },
        "metadata": dict(config["metadata"]),
        "tags": list(config.get("tags") or []),
        "recursion_limit": config.get("recursion_limit"),
        "context": runtime.context,
    }
    return {"value": shown}


mirror = StateGraph(Odd).add_node(reflect).add_edge(START, "reflect").compile()
