from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import TypeAlias
from uuid import UUID

from access.caller import Caller
from assistants.queries import AssistantRow, find_assistant
from common import db
from common.errors import BadRequest, Unprocessable, item_named
from graphs.registry import graph_ids
from runs.cancellation import obey
from runs.engine.current import engine_here
from runs.engine.engine import Engine
from runs.ground_queries import find_ground, forget_ground, recall_ground
from runs.idempotency import KeyTaken, earlier_runs, keep_runs, take_key
from runs.metrics import count_created
from runs.queries import announce_run
from runs.spec import IdempotencyKey, RunSpec, Submitted
from runs.writing import Order, Written, write, write_at_once

Beside: TypeAlias = Callable[[db.Connection], Awaitable[None]]
"""What is written in the same transaction, last; an error of its undoes the run."""

_starting: set[asyncio.Future[list[Submitted]]] = set()


async def submit_run(
    spec: RunSpec,
    *,
    thread_id: UUID | None,
    caller: Caller,
    beside: Beside | None = None,
    once: IdempotencyKey | None = None,
) -> Submitted:
    """Write a run of `spec` upon a thread and set it going; the one door by which runs come.

    Without a thread one is made for it, and goes with the run unless `on_completion` is
    `keep`. Starts here when a slot is free and the thread is; else the run waits. Raises
    NotFound for a thread the caller cannot see or a checkpoint that is not there, Unprocessable
    for an unknown assistant, ThreadBusy when the strategy is `reject` and a run is active, and
    whatever `beside` raises: then there is no run.
    """
    if (earlier := await earlier_runs(once, caller=caller)) is not None:
        return earlier[0]
    _require_thread_to_resume(spec, thread_id)
    is_plain = not (once or beside)
    if is_plain and (ground := recall_ground(spec.assistant_id, thread_id, caller=caller)):
        remembered, seen = ground
        order = Order(
            spec=spec, assistant=remembered, thread_id=thread_id, free=seen, is_recalled=True
        )
        if at_once := await _started([order], caller):
            return at_once[0]
        forget_ground(remembered, seen)
    found, free = await find_ground(spec.assistant_id, thread_id, caller=caller)
    assistant = _existing(found, spec.assistant_id)
    order = Order(
        spec=spec, assistant=assistant, thread_id=thread_id, free=free if is_plain else None
    )
    (submitted,) = await _started([order], caller, once, beside)
    return submitted


async def submit_batch(
    specs: Sequence[RunSpec], *, caller: Caller, once: IdempotencyKey | None = None
) -> list[Submitted]:
    """Write many runs, all of them or none; each on the thread it names, or on one of its own.

    An error names by its place the run that cannot be.
    """
    if (earlier := await earlier_runs(once, caller=caller)) is not None:
        return earlier
    assistants: dict[str, AssistantRow] = {}
    orders = []
    for position, spec in enumerate(specs):
        with item_named(position):
            _require_thread_to_resume(spec, spec.thread_id)
            name = spec.assistant_id
            if name not in assistants:
                assistants[name] = _existing(await find_assistant(name, caller=caller), name)
        orders.append(
            Order(
                spec=spec,
                assistant=assistants[name],
                thread_id=spec.thread_id,
                position=position,
            )
        )
    return await _started(orders, caller, once)


async def _started(
    orders: Sequence[Order],
    caller: Caller,
    once: IdempotencyKey | None = None,
    beside: Beside | None = None,
) -> list[Submitted]:
    """Write runs and begin them; none when an order goes by what is not so any more."""
    # A client that leaves in the middle must not leave behind a run that nobody starts.
    started = asyncio.ensure_future(_start(orders, caller, once, beside))
    _starting.add(started)
    started.add_done_callback(_starting.discard)
    try:
        return await asyncio.shield(started)
    except KeyTaken:
        # The same request came twice at once, and this one is the second.
        return await earlier_runs(once, caller=caller) or []


async def _start(
    orders: Sequence[Order], caller: Caller, once: IdempotencyKey | None, beside: Beside | None
) -> list[Submitted]:
    engine = engine_here()
    slots = sum(engine.take_slot() for _ in orders) if engine else 0
    try:
        at_once = await write_at_once(orders[0], engine) if engine and slots else None
        if at_once is not None:
            written = [at_once]
        elif any(order.is_recalled for order in orders):
            written = []
        else:
            written = await _write_all(orders, caller, engine, slots, once=once, beside=beside)
    except BaseException:
        if engine:
            engine.return_slots(slots)
        raise
    for run in written:
        count_created(run.graph_id, is_claimed=run.claimed is not None)
        obey(run.cancelled)
    if engine:
        _begin(engine, written, slots)
    return [run.submitted for run in written]


def _begin(engine: Engine, written: Sequence[Written], slots: int) -> None:
    for run in written:
        if run.claimed is not None:
            engine.start(run.claimed)
    engine.return_slots(slots - _claimed_among(written))


async def _write_all(
    orders: Sequence[Order],
    caller: Caller,
    engine: Engine | None,
    slots: int,
    *,
    once: IdempotencyKey | None,
    beside: Beside | None,
) -> list[Written]:
    """Write runs in one transaction; as many as there are slots are claimed for this process."""
    # Threads are locked in one order, whatever the order of a batch, so that no two wait for
    # each other.
    by_thread = sorted(range(len(orders)), key=lambda place: str(orders[place].thread_id or ""))
    written: dict[int, Written] = {}
    async with db.transaction() as tx:
        await take_key(tx, once, caller=caller)
        for place in by_thread:
            order = orders[place]
            is_free = _claimed_among(written.values()) < slots
            with nullcontext() if order.position is None else item_named(order.position):
                written[place] = await write(tx, order, caller, engine if is_free else None)
        pending = [place for place, run in written.items() if run.claimed is None]
        for after_seconds in {orders[place].spec.after_seconds for place in pending}:
            await announce_run(tx, after_seconds)
        runs = [written[place] for place in range(len(orders))]
        await keep_runs(tx, once, [run.submitted for run in runs], caller=caller)
        if beside:
            await beside(tx)
    return runs


def _claimed_among(written: Iterable[Written]) -> int:
    return sum(run.claimed is not None for run in written)


def _require_thread_to_resume(spec: RunSpec, thread_id: UUID | None) -> None:
    if thread_id is None and spec.command and "resume" in spec.command:
        raise BadRequest("`command.resume` needs a thread: a stateless run has nothing to resume.")


def _existing(assistant: AssistantRow | None, name: str) -> AssistantRow:
    if assistant is None and name in graph_ids():
        raise Unprocessable(
            f"The assistant of graph {name!r} was deleted; it is made anew when the "
            "server starts. Name another assistant of the graph, or start the server again."
        )
    if assistant is None:
        known = ", ".join(sorted(graph_ids()))
        raise Unprocessable(
            f"Invalid assistant: {name!r} is neither the UUID of an assistant nor "
            f"one of the graphs: {known}"
        )
    return assistant
