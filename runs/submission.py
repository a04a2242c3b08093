from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from django.conf import settings

from access.caller import Caller
from assistants.queries import AssistantRow, find_assistant
from common import db, tracing
from common.db import Row
from common.errors import BadRequest, Conflict, NotFound, Unprocessable, item_named
from common.ids import uuid7
from graphs.checkpointer import checkpoint_exists
from graphs.registry import graph_ids, run_limits
from runs.cancel_queries import Cancelled, mark_cancelled
from runs.cancellation import obey
from runs.engine.current import engine_here
from runs.engine.engine import Engine
from runs.grounding import merged_run
from runs.idempotency import KeyTaken, earlier_runs, keep_runs, take_key
from runs.merging import MergedRun
from runs.metrics import count_created
from runs.models import CancelAction, MultitaskStrategy
from runs.queries import (
    LockedThread,
    NewRun,
    announce_run,
    create_thread,
    insert_run,
    lock_thread,
)
from runs.spec import ClaimedRun, IdempotencyKey, RunSpec, Submitted

Beside: TypeAlias = Callable[[db.Connection], Awaitable[None]]
"""What is written in the same transaction, last; an error of its undoes the run."""

_starting: set[asyncio.Future[list[Submitted]]] = set()


class ThreadBusy(Conflict):
    """The thread has an active run and the multitask strategy is `reject`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """A run that is to be written."""

    spec: RunSpec
    assistant: AssistantRow
    thread_id: UUID | None

    position: int | None = None
    """Its place in a batch, by which errors name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """A run that stands in the database, and what its writing did to others."""

    submitted: Submitted
    graph_id: str
    claimed: ClaimedRun | None
    cancelled: Cancelled


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
    assistant = await _assistant(spec.assistant_id, caller)
    order = _Order(spec=spec, assistant=assistant, thread_id=thread_id)
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
            assistants[name] = assistants.get(name) or await _assistant(name, caller)
        orders.append(
            _Order(
                spec=spec,
                assistant=assistants[name],
                thread_id=spec.thread_id,
                position=position,
            )
        )
    return await _started(orders, caller, once)


async def _started(
    orders: Sequence[_Order],
    caller: Caller,
    once: IdempotencyKey | None,
    beside: Beside | None = None,
) -> list[Submitted]:
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
    orders: Sequence[_Order], caller: Caller, once: IdempotencyKey | None, beside: Beside | None
) -> list[Submitted]:
    engine = engine_here()
    slots = sum(engine.take_slot() for _ in orders) if engine else 0
    try:
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


def _begin(engine: Engine, written: Sequence[_Written], slots: int) -> None:
    for run in written:
        if run.claimed is not None:
            engine.start(run.claimed)
    engine.return_slots(slots - _claimed_among(written))


async def _write_all(
    orders: Sequence[_Order],
    caller: Caller,
    engine: Engine | None,
    slots: int,
    *,
    once: IdempotencyKey | None,
    beside: Beside | None,
) -> list[_Written]:
    """Write runs in one transaction; as many as there are slots are claimed for this process."""
    # Threads are locked in one order, whatever the order of a batch, so that no two wait for
    # each other.
    by_thread = sorted(range(len(orders)), key=lambda place: str(orders[place].thread_id or ""))
    written: dict[int, _Written] = {}
    async with db.transaction() as tx:
        await take_key(tx, once, caller=caller)
        for place in by_thread:
            order = orders[place]
            is_free = _claimed_among(written.values()) < slots
            with nullcontext() if order.position is None else item_named(order.position):
                written[place] = await _write(tx, order, caller, engine if is_free else None)
        pending = [place for place, run in written.items() if run.claimed is None]
        for after_seconds in {orders[place].spec.after_seconds for place in pending}:
            await announce_run(tx, after_seconds)
        runs = [written[place] for place in range(len(orders))]
        await keep_runs(tx, once, [run.submitted for run in runs], caller=caller)
        if beside:
            await beside(tx)
    return runs


def _claimed_among(written: Iterable[_Written]) -> int:
    return sum(run.claimed is not None for run in written)


async def _write(
    tx: db.Connection, order: _Order, caller: Caller, engine: Engine | None
) -> _Written:
    spec, assistant = order.spec, order.assistant
    thread = await _thread(tx, spec, order.thread_id, caller)
    active = list(thread.active)
    if active and spec.multitask_strategy == MultitaskStrategy.REJECT:
        raise ThreadBusy(
            "Thread is already running a task. Wait for it to finish or choose a "
            "different multitask strategy."
        )
    cancelled = Cancelled()
    if active and spec.multitask_strategy in CancelAction.values:
        cancelled = await mark_cancelled(tx, [thread.thread_id], spec.multitask_strategy)
        active = list(cancelled.running)
    # Those are claimed one after the other.
    is_limited = assistant.max_runs is not None or assistant.graph_id in run_limits()
    is_next = not (spec.after_seconds or is_limited) and set(active) <= thread.delayed
    run_id = uuid7()
    merged = merged_run(spec, assistant, thread, run_id, is_stateless=order.thread_id is None)
    origin = merged.checkpoint_id
    if origin and not await checkpoint_exists(tx, thread.thread_id, origin):
        raise NotFound(f"Checkpoint {origin} not found on thread {thread.thread_id}.")
    claimed_by = engine.process_number if engine and is_next else None
    row = await insert_run(
        tx,
        NewRun(
            run_id=run_id,
            thread_id=thread.thread_id,
            assistant_id=assistant.assistant_id,
            metadata=merged.metadata,
            kwargs=merged.kwargs,
            multitask_strategy=spec.multitask_strategy,
            claimed_by=claimed_by,
            after_seconds=spec.after_seconds,
        ),
        thread_metadata=merged.thread_metadata,
        thread_configurable=merged.thread_configurable,
        lease_seconds=settings.RUN_LEASE_SECONDS,
    )
    claimed = _claimed(row, merged) if claimed_by else None
    submitted, graph_id = _submitted(row), assistant.graph_id
    return _Written(submitted=submitted, graph_id=graph_id, claimed=claimed, cancelled=cancelled)


def _require_thread_to_resume(spec: RunSpec, thread_id: UUID | None) -> None:
    if thread_id is None and spec.command and "resume" in spec.command:
        raise BadRequest("`command.resume` needs a thread: a stateless run has nothing to resume.")


async def _assistant(name: str, caller: Caller) -> AssistantRow:
    assistant = await find_assistant(name, caller=caller)
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


async def _thread(
    tx: db.Connection, spec: RunSpec, thread_id: UUID | None, caller: Caller
) -> LockedThread:
    if thread_id is None:
        thread_id = uuid7()
        await create_thread(tx, thread_id, {})
    thread = await lock_thread(tx, thread_id, caller=caller)
    if thread is None and spec.if_not_exists == "create":
        await create_thread(tx, thread_id, {})
        thread = await lock_thread(tx, thread_id, caller=caller)
    if thread is None:
        raise NotFound(f"Thread or assistant not found: there is no thread {thread_id}.")
    return thread


def _submitted(row: Row) -> Submitted:
    # A client that creates a run is told that it waits, as everywhere in this API.
    shown = {**row, "status": "pending", "langsmith_session_name": None}
    return Submitted(run_id=row["run_id"], thread_id=row["thread_id"], row=shown)


def _claimed(row: Row, merged: MergedRun) -> ClaimedRun:
    return ClaimedRun(
        run_id=row["run_id"],
        thread_id=row["thread_id"],
        assistant_id=row["assistant_id"],
        kwargs=merged.kwargs,
        attempt=1,
        is_fresh=True,
        claimed_at=row["created_at"],
        traceparent=tracing.traceparent(),
    )
