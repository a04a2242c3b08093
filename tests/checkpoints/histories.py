"""Random conversations, held upon the stock saver and upon the server's: they come to the same."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any
from uuid import uuid4

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command

from common import db
from graphs.checkpointer import open_saver
from graphs.run_saver import RunSaver, open_run_saver
from graphs.tests.fences import fence
from tests.checkpoints.graphs import RandomGraph
from tests.checkpoints.tee import Tee

DURABILITIES = ("sync", "async", "exit")
SET = b"\xa8builtins\xa3set"
IDS = re.compile(r"[0-9a-f]{8}-?[0-9a-f-]{23,27}|[0-9a-f]{32}")
ROWS = {
    "checkpoints": "checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint::text,"
    " metadata::text",
    "checkpoint_blobs": "checkpoint_ns, channel, version, type, blob",
    "checkpoint_writes": "checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type,"
    " blob",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One conversation upon both savers."""

    seed: int
    differences: list[str]
    checkpoints: int
    writes: int


class StockSaver(AsyncPostgresSaver):
    """The stock saver, given one thing at a time, and given it as it is then.

    It serialises in threads, so that of two writes of one task, asked for at once, either may be
    the one that stays: a graph that was given two answers then asks for the second once more. And
    what waits for several nodes goes on with the set that it has handed over.
    """

    def __init__(self, pool: db.Pool) -> None:
        super().__init__(pool)
        self._turn = asyncio.Lock()

    async def aput(self, config: Any, checkpoint: Any, *args: Any, **kwargs: Any) -> Any:
        return await super().aput(config, deepcopy(checkpoint), *args, **kwargs)

    # LangGraph looks whether there is a `task_path`.
    async def aput_writes(
        self, config: Any, writes: Any, task_id: str, task_path: str = ""
    ) -> None:
        async with self._turn:
            await super().aput_writes(config, writes, task_id, task_path)


async def compared(seed: int) -> Compared:
    """Hold a conversation three times, and look at what is left of it.

    Upon the stock saver; by turns upon the stock saver and the server's, on one thread; and upon
    both at once, each with a thread of its own, whose rows are the same to the byte then.
    """
    thread_id, stock = str(uuid4()), StockSaver(await db.pool())
    turns = Random(seed)
    own = await open_run_saver(fence(), waits=turns.random() < 0.3)
    held = partial(_held, RandomGraph(seed), seed)
    alone = await held(f"{thread_id} alone", lambda: stock)
    mixed = await held(f"{thread_id} mixed", lambda: turns.choice((stock, own, own)))
    await held(thread_id, lambda: Tee(stock, own))
    await own.committed()
    rows = [await _rows(f"{thread_id} {of}") for of in ("stock", "own")]
    differences = [*_between("conversation", alone, mixed), *_between("rows", *rows)]
    for of in ("stock", "own"):
        read = [await _listed(saver, f"{thread_id} {of}") for saver in (stock, await open_saver())]
        differences += _between(f"what is read of {of}", *read)
    checkpoints, _, writes = (len(of_table) for of_table in rows[0])
    return Compared(seed=seed, differences=differences, checkpoints=checkpoints, writes=writes)


def _between(name: str, expected: Any, found: Any) -> list[str]:
    if expected == found:
        return []
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for at, pair in pairs for line in _between(f"{name}.{at}", *pair)]
    return [f"{name}: {expected!r} became {found!r}"]


async def _rows(thread_id: str) -> list[list[Any]]:
    return [
        [
            tuple(map(_in_order, row.values()))
            for row in await db.fetch_all(
                f"SELECT {columns} FROM {table} WHERE thread_id = %s ORDER BY {columns}".encode(),
                [thread_id],
            )
        ]
        for table, columns in ROWS.items()
    ]


def _in_order(cell: Any) -> Any:
    """Return a set as a list: its copy, which the stock saver is given, may have another order."""
    if not (isinstance(cell, bytes) and SET in cell[:24]):
        return cell
    return sorted(JsonPlusSerializer().loads_typed(("msgpack", cell)))


async def _listed(saver: Any, thread_id: str) -> list[Any]:
    config = {"configurable": {"thread_id": thread_id}}
    return [found async for found in saver.alist(config)]


async def _held(
    graph: RandomGraph, seed: int, thread_id: str, saver: Callable[[], Any]
) -> list[Any]:
    """Hold a conversation; return what each turn came to, and the history that is left."""
    graph.begin()
    conversation = Conversation(graph, seed, thread_id)
    for _ in range(conversation.chance.randint(2, 5)):
        await conversation.go_on(saver())
    return [conversation.told, await conversation.history(saver())]


class Conversation:
    """Runs upon one thread, and what is done to its state between them."""

    def __init__(self, graph: RandomGraph, seed: int, thread_id: str) -> None:
        self.chance = Random(f"conversation {seed}")
        self.told: list[Any] = []
        self._graph = graph
        self._config: Any = {"configurable": {"thread_id": thread_id}}

    async def go_on(self, saver: Any) -> None:
        """Take one turn, of those that the state of the thread allows."""
        graph = self._graph.upon(saver)
        state = await graph.aget_state(self._config)
        if not state.created_at:
            await self._tell(self._run(graph, self._input()))
        elif state.interrupts and self.chance.random() < 0.8:
            await self._tell(self._run(graph, self._answer(state)))
        elif state.next and self.chance.random() < 0.8:
            await self._tell(self._run(graph, None))
        else:
            turn = self.chance.choice((self._ask_again, self._update, self._fork, self._replay))
            await self._tell(turn(graph))
        if isinstance(saver, RunSaver):
            # As a run does before it ends: the next may be upon the other saver.
            await saver.committed()

    async def history(self, saver: Any) -> list[Any]:
        """Return the checkpoints of the thread as they are seen, without what ids they have."""
        graph = self._graph.upon(saver)
        states = [state async for state in graph.aget_state_history(self._config)]
        places = {_id_of(state.config): place for place, state in enumerate(reversed(states))}
        newest = await graph.aget_state(self._config, subgraphs=True)
        return [_seen(newest, places), *(_seen(state, places) for state in states)]

    async def _tell(self, turn: Any) -> None:
        try:
            self.told.append(await turn)
        except Exception as exc:  # noqa: BLE001 -- in any way, but with both savers in the same
            self.told.append(IDS.sub("#", f"{type(exc).__name__}: {exc}"))

    async def _run(self, graph: Any, given: Any, config: Any = None) -> Any:
        stop = self.chance.choice((None, None, None, "*"))
        told = await graph.ainvoke(
            given,
            config or self._config,
            durability=self.chance.choice(DURABILITIES),
            interrupt_before=stop,
        )
        return _without_ids(told)

    def _input(self) -> dict[str, Any]:
        return {"log": ["asked"], "notes": ["asked"], "count": 1, "last": self.chance.choice("ab")}

    def _answer(self, state: Any) -> Command[Any]:
        """Answer the same question in the same way, and sometimes leave one open."""
        questions = {one.id: str(one.value) for one in state.interrupts}
        # Without a name an answer goes to whoever asks first, until the step has ended.
        is_only_one = len(state.tasks) == len(questions) == 1 and not state.tasks[0].state
        if is_only_one and self.chance.random() < 0.5:
            return Command(resume="the answer", update={"log": ["answered"]})
        left_out = max(questions.values()) if self.chance.random() < 0.3 else None
        answers = {one: f"to {asked}" for one, asked in questions.items() if asked != left_out}
        return Command(resume=answers or dict.fromkeys(questions, "to all"))

    async def _ask_again(self, graph: Any) -> Any:
        return await self._run(graph, self._input())

    async def _update(self, graph: Any) -> None:
        await graph.aupdate_state(self._config, self._input(), as_node=self._node(graph))

    async def _fork(self, graph: Any) -> Any:
        state = await self._earlier(graph)
        forked = await graph.aupdate_state(state.config, self._input(), as_node=self._node(graph))
        return await self._run(graph, None, forked)

    async def _replay(self, graph: Any) -> Any:
        return await self._run(graph, None, (await self._earlier(graph)).config)

    async def _earlier(self, graph: Any) -> Any:
        return self.chance.choice([one async for one in graph.aget_state_history(self._config)])

    def _node(self, graph: Any) -> str | None:
        names = [name for name in graph.nodes if not name.startswith("__")]
        chosen: str | None = self.chance.choice([None, *names])
        return chosen


def _id_of(config: Any) -> Any:
    return ((config or {}).get("configurable") or {}).get("checkpoint_id")


def _seen(state: Any, places: dict[Any, int]) -> list[Any]:
    metadata = {name: it for name, it in (state.metadata or {}).items() if name != "parents"}
    return [
        _without_ids(state.values),
        state.next,
        metadata,
        places.get(_id_of(state.config)),
        places.get(_id_of(state.parent_config)),
        [_seen_task(task) for task in state.tasks],
    ]


def _seen_task(task: Any) -> list[Any]:
    below = task.state if hasattr(task.state, "tasks") else None
    return [
        task.name,
        repr(task.error),
        _asked(task.interrupts),
        _without_ids(task.result),
        _seen(below, {}) if below else None,
    ]


def _without_ids(values: Any) -> Any:
    """Leave out what a run adds to its values of interrupts, but for what they ask."""
    if not isinstance(values, dict) or "__interrupt__" not in values:
        return values
    return {**values, "__interrupt__": _asked(values["__interrupt__"])}


def _asked(interrupts: Iterable[Any]) -> list[str]:
    """Return what is asked; of two subgraphs at once, either may have asked first."""
    return sorted(str(one.value) for one in interrupts)
