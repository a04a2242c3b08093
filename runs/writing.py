"""A run being written upon its thread: at once when that is seen free, else under its lock."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from access.caller import Caller
from assistants.queries import AssistantRow
from common import db, tracing
from common.db import Row
from common.errors import Conflict, NotFound
from common.ids import uuid7
from graphs.checkpointer import checkpoint_exists
from graphs.registry import run_limits
from runs.cancel_queries import Cancelled, mark_cancelled
from runs.engine.engine import Engine
from runs.grounding import merged_run
from runs.merging import MergedRun
from runs.models import CancelAction, MultitaskStrategy
from runs.queries import LockedThread, NewRun, create_thread, insert_run, lock_thread
from runs.spec import ClaimedRun, RunSpec, Submitted
from threads.seen import SeenThread


class ThreadBusy(Conflict):
    """The thread has an active run and the multitask strategy is `reject`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run that is to be written."""

    spec: RunSpec
    assistant: AssistantRow
    thread_id: UUID | None

    position: int | None = None
    """Its place in a batch, by which errors name it."""

    free: SeenThread | None = None
    """Its thread as it was seen, when the run may be written by one statement."""

    is_recalled: bool = False
    """Whether assistant and thread are as this process remembers them: it is written at once, or
    not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A run that stands in the database, and what its writing did to others."""

    submitted: Submitted
    graph_id: str
    claimed: ClaimedRun | None
    cancelled: Cancelled


async def write_at_once(order: Order, engine: Engine) -> Written | None:
    """Write a run that this process begins, on a thread that was seen free, in one statement.

    None for any other run, and when the thread was written meanwhile.
    """
    spec, assistant, thread = order.spec, order.assistant, order.free
    if thread is None or spec.after_seconds or _is_limited(assistant):
        return None
    merged = merged_run(spec, assistant, thread, is_stateless=False)
    if merged.checkpoint_id:
        return None
    new = _new_run(order, merged, engine, seen=thread)
    async with db.connection() as conn:
        row = await insert_run(conn, new, lease_seconds=settings.RUN_LEASE_SECONDS)
    return _written(new, row, assistant, is_first=thread.is_empty) if row else None


async def write(tx: db.Connection, order: Order, caller: Caller, engine: Engine | None) -> Written:
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
    is_next = not (spec.after_seconds or _is_limited(assistant)) and set(active) <= thread.delayed
    merged = merged_run(spec, assistant, thread, is_stateless=order.thread_id is None)
    origin = merged.checkpoint_id
    if origin and not await checkpoint_exists(tx, thread.thread_id, origin):
        raise NotFound(f"Checkpoint {origin} not found on thread {thread.thread_id}.")
    new = _new_run(order, merged, engine if is_next else None)
    row = await insert_run(tx, new, lease_seconds=settings.RUN_LEASE_SECONDS)
    assert row is not None, "the thread is locked"
    return _written(new, row, assistant, cancelled)


def _is_limited(assistant: AssistantRow) -> bool:
    """Tell whether runs of an assistant are claimed one after the other."""
    return assistant.max_runs is not None or assistant.graph_id in run_limits()


def _new_run(
    order: Order, merged: MergedRun, engine: Engine | None, seen: SeenThread | None = None
) -> NewRun:
    return NewRun(
        merged=merged,
        assistant_id=order.assistant.assistant_id,
        multitask_strategy=order.spec.multitask_strategy,
        claimed_by=engine.process_number if engine else None,
        after_seconds=order.spec.after_seconds,
        thread_seen_at=seen.seen_at if seen else None,
        assistant_seen_at=order.assistant.updated_at if order.is_recalled else None,
    )


def _written(
    new: NewRun,
    row: Row,
    assistant: AssistantRow,
    cancelled: Cancelled | None = None,
    *,
    is_first: bool = False,
) -> Written:
    return Written(
        submitted=_submitted(row),
        graph_id=assistant.graph_id,
        claimed=_claimed(row, new.merged, is_first=is_first) if new.claimed_by else None,
        cancelled=cancelled or Cancelled(),
    )


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


def _claimed(row: Row, merged: MergedRun, *, is_first: bool) -> ClaimedRun:
    return ClaimedRun(
        run_id=row["run_id"],
        thread_id=row["thread_id"],
        assistant_id=row["assistant_id"],
        kwargs=merged.kwargs,
        attempt=1,
        is_fresh=True,
        is_first=is_first,
        claimed_at=row["created_at"],
        traceparent=tracing.traceparent(),
    )
