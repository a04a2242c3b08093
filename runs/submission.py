from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from access.caller import Caller
from assistants.queries import AssistantRow, find_assistant
from common import db
from common.db import Row
from common.errors import BadRequest, Conflict, NotFound, Unprocessable
from common.ids import uuid7
from common.jsoncodec import JsonObject
from graphs.checkpointer import checkpoint_exists
from graphs.registry import graph_ids
from runs.cancellation import obey
from runs.engine.engine import Engine, current_engine
from runs.merging import Ground, MergedRun, merge
from runs.models import CancelAction, MultitaskStrategy
from runs.queries import (
    LockedThread,
    NewRun,
    create_thread,
    insert_run,
    lock_thread,
    mark_cancelled,
)
from runs.spec import ClaimedRun, RunSpec

_starting: set[asyncio.Future[Submitted]] = set()


class ThreadBusy(Conflict):
    """The thread has an active run and the multitask strategy is `reject`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A run that was written, and its row as the API shows it."""

    run_id: UUID
    thread_id: UUID
    row: dict[str, Any]


async def submit_run(spec: RunSpec, *, thread_id: UUID | None, caller: Caller) -> Submitted:
    """Write a run of `spec` upon a thread and set it going; the one door by which runs come.

    Without a thread one is made for it, and goes with the run unless `on_completion` is
    `keep`. Starts here when a slot is free and the thread is; else the run waits. Raises
    NotFound for a thread the caller cannot see or a checkpoint that is not there, Unprocessable
    for an unknown assistant, and ThreadBusy when the strategy is `reject` and a run is active.
    """
    assistant = await _assistant(spec, caller)
    if thread_id is None and spec.command and "resume" in spec.command:
        raise BadRequest("`command.resume` needs a thread: a stateless run has nothing to resume.")
    # A client that leaves in the middle must not leave behind a run that nobody starts.
    started = asyncio.ensure_future(_start(spec, assistant, thread_id, caller))
    _starting.add(started)
    started.add_done_callback(_starting.discard)
    return await asyncio.shield(started)


async def _start(
    spec: RunSpec, assistant: AssistantRow, thread_id: UUID | None, caller: Caller
) -> Submitted:
    engine = current_engine()
    has_slot = engine.take_slot()
    try:
        submitted, claimed, cancelled = await _write(
            spec, assistant, thread_id, caller, engine if has_slot else None
        )
    except BaseException:
        if has_slot:
            engine.return_slot()
        raise
    obey(engine, *cancelled)
    if claimed is not None:
        engine.start(claimed)
        return submitted
    if has_slot:
        engine.return_slot()
    engine.wake()
    return submitted


async def _write(
    spec: RunSpec,
    assistant: AssistantRow,
    thread_id: UUID | None,
    caller: Caller,
    engine: Engine | None,
) -> tuple[Submitted, ClaimedRun | None, tuple[list[UUID], list[UUID]]]:
    """Write everything in one transaction; returns the run, whether claimed, and the cancelled."""
    cancelled: tuple[list[UUID], list[UUID]] = ([], [])
    async with db.transaction() as tx:
        thread = await _thread(tx, spec, thread_id, caller)
        active = [run_id for run_id, _ in thread.active]
        if active and spec.multitask_strategy == MultitaskStrategy.REJECT:
            raise ThreadBusy(
                "Thread is already running a task. Wait for it to finish or choose a "
                "different multitask strategy."
            )
        if active and spec.multitask_strategy in CancelAction.values:
            cancelled = await mark_cancelled(tx, active, spec.multitask_strategy)
            active = cancelled[0]
        run_id = uuid7()
        merged = _merged(spec, assistant, thread, run_id, is_stateless=thread_id is None)
        origin = merged.checkpoint_id
        if origin and not await checkpoint_exists(tx, thread.thread_id, origin):
            raise NotFound(f"Checkpoint {origin} not found on thread {thread.thread_id}.")
        claimed_by = engine.process_number if engine and not active else None
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
            ),
            thread_metadata=merged.thread_metadata,
            thread_configurable=merged.thread_configurable,
            lease_seconds=settings.RUN_LEASE_SECONDS,
        )
    current_engine().log.open(run_id)
    return _submitted(row), _claimed(row, merged) if claimed_by else None, cancelled


async def _assistant(spec: RunSpec, caller: Caller) -> AssistantRow:
    assistant = await find_assistant(spec.assistant_id, caller=caller)
    if assistant is None and spec.assistant_id in graph_ids():
        raise Unprocessable(
            f"The assistant of graph {spec.assistant_id!r} was deleted; it is made anew when the "
            "server starts. Name another assistant of the graph, or start the server again."
        )
    if assistant is None:
        known = ", ".join(sorted(graph_ids()))
        raise Unprocessable(
            f"Invalid assistant: {spec.assistant_id!r} is neither the UUID of an assistant nor "
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


def _merged(
    spec: RunSpec,
    assistant: AssistantRow,
    thread: LockedThread,
    run_id: UUID,
    *,
    is_stateless: bool,
) -> MergedRun:
    ground = Ground(
        assistant_id=assistant.assistant_id,
        graph_id=assistant.graph_id,
        config=_parsed(assistant.config),
        context=_parsed(assistant.context),
        metadata=_parsed(assistant.metadata),
        thread_metadata=thread.metadata,
        thread_config=thread.config,
    )
    temporary = is_stateless and spec.on_completion == "delete"
    return merge(spec, ground, run_id=run_id, thread_id=thread.thread_id, temporary=temporary)


def _parsed(raw: Any) -> JsonObject:
    value: JsonObject = raw.parse()
    return value


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
    )
