"""A random graph for each seed: layers of nodes that branch, fan out, ask, fail and nest."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime
from random import Random
from typing import Annotated, Any, TypedDict

from langchain_core.messages import HumanMessage
from langgraph.channels import DeltaChannel
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Send, interrupt

# What stands in a checkpoint, what has a row of its own, and what is large. Not a float or a
# text with a NUL by itself, which the stock saver may change.
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 7, [-1.5], "", "text", ["a\0b"], "ü€😀", "long " * 1000),
    *({"a": [1, {"b": None}]}, ["x"], ("a", 1), b"\0\1", datetime(2020, 1, 2, tzinfo=UTC)),
    [{"row": row, "text": "y" * 100} for row in range(50)],
)


def extended(notes: list[str], added: list[list[str]]) -> list[str]:
    # Of steps that were taken at once, LangGraph replays either first.
    return sorted([*notes, *(note for some in added for note in some)])


class Reduced(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    count: Annotated[int, operator.add]
    notes: Annotated[list[str], DeltaChannel(extended, snapshot_frequency=3)]
    messages: Annotated[list[Any], add_messages]
    kept: Annotated[dict[str, Any], operator.or_]


class Given(TypedDict, total=False):
    count: Annotated[int, operator.add]
    item: int


class State(Reduced, total=False):
    item: int
    last: Any
    """Written by one node at a time."""


class RandomGraph:
    """The same for the same seed. A node that fails does so once in each conversation."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._failed: set[str] = set()
        self._compiled = self._layers(self._chance("graph"), "", alone=True).compile()

    def begin(self) -> None:
        """Begin a conversation: no node has failed yet."""
        self._failed.clear()

    def upon(self, checkpointer: Any) -> Any:
        bound = copy(self._compiled)
        bound.checkpointer = checkpointer
        return bound

    def _chance(self, *place: object) -> Random:
        """What is decided by chance at one place is decided the same each time."""
        return Random(repr((self._seed, *place)))

    def _layers(self, chance: Random, prefix: str, *, alone: bool) -> Any:
        depth = prefix.count(".")
        # A subgraph is given little, and gives what two of them may at once.
        within: Any = {"input_schema": Given, "output_schema": Reduced} if depth else {}
        graph: Any = StateGraph(State, **within)
        widths = (1, 1, 2, 3)[: 4 - depth]
        layer_widths = [chance.choice(widths) for _ in range(chance.randint(1, 4 - depth))]
        layers = [
            [f"{prefix}{'abc'[place]}{number}" for place in range(width)]
            for number, width in enumerate(layer_widths)
        ]
        ways = [chance.choice(("each", "together", "choice", "many")) for _ in layers]
        for layer, way_in in zip(layers, ["each", *ways], strict=False):
            is_sent_to = way_in == "many"
            for name in layer:
                is_alone = alone and len(layer) == 1 and not is_sent_to
                graph.add_node(name, self._node(chance, name, alone=is_alone))
        for name in layers[0]:
            graph.add_edge(START, name)
        for layer, way, following in zip(layers, ways, [*layers[1:], [END]], strict=True):
            self._join(graph, layer, way, following)
        return graph

    def _node(self, chance: Random, name: str, *, alone: bool) -> Any:
        kinds = ["write", "write", "ask", "ask twice"]
        # Of two at once, the other may or may not have written when one fails.
        kinds += ["fail", "command", "last"] if alone else []
        kinds += ["nest", "nest"] if name.count(".") < 2 else []
        kind = chance.choice(kinds)
        if kind == "nest":
            kept = True if alone and chance.random() < 0.3 else None
            return self._layers(chance, f"{name}.", alone=alone).compile(checkpointer=kept)
        return self._plain(name, kind)

    def _plain(self, name: str, kind: str) -> Callable[[State], Any]:
        async def node(state: State) -> Any:
            asked = {"ask": 1, "ask twice": 2}.get(kind, 0)
            answers = [interrupt({"node": name, "number": number}) for number in range(asked)]
            if kind == "fail" and name not in self._failed:
                self._failed.add(name)
                raise ValueError(f"{name} fails once")
            # What runs beside it comes before or after it, by turns.
            await asyncio.sleep(Random().choice((0, 0, 0.001, 0.003)))
            written = self._written(name, state, answers)
            if kind == "last":
                written["last"] = self._chance(name, "last", state.get("count")).choice(VALUES)
            return Command(update=written) if kind == "command" else written

        return node

    def _written(self, name: str, state: State, answers: list[Any]) -> dict[str, Any]:
        chance = self._chance(name, state.get("count"), state.get("item"))
        written: dict[str, Any] = {"log": [f"{name} {answers}"], "count": 1}
        if chance.random() < 0.6:
            written["notes"] = [f"{name} {chance.randrange(100)}"] * chance.randrange(3)
        if chance.random() < 0.3:
            written["kept"] = {name: chance.choice(VALUES)}
        if chance.random() < 0.3:
            written["messages"] = [HumanMessage(name, id=f"{name} {chance.randrange(3)}")]
        return written

    def _join(self, graph: Any, layer: list[str], way: str, following: list[str]) -> None:
        """Lead to the next layer: from all at once, from each to each, by choice, or many times."""
        if way == "together" and following != [END]:
            for name in following:
                graph.add_edge(layer, name)
            return
        for name in layer:
            if way in ("choice", "many"):
                graph.add_conditional_edges(name, self._choose(name, way, following), following)
                continue
            for target in following:
                graph.add_edge(name, target)

    def _choose(self, name: str, way: str, following: list[str]) -> Callable[[State], Any]:
        def choose(state: State) -> Any:
            chance = self._chance("from", name, state.get("count"))
            if way == "choice" or following == [END]:
                return chance.choice(following)
            count = state.get("count", 0)
            return [
                Send(chance.choice(following), {"count": count, "item": item})
                for item in range(chance.randint(1, 3))
            ]

        return choose
