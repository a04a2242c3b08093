"""Crons whose time has come, and the runs they make."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from access.caller import ANONYMOUS, Caller
from common import db
from common.errors import ApiError, NotFound
from crons.metrics import FIRED
from crons.queries import DueCron, advance, cron_to_fire, due_crons, note_run
from crons.schedule import BadSchedule, Schedule, UnknownZone
from runs.serializers import RunCreateSerializer
from runs.spec import RunSpec, Submitted
from runs.submission import Beside, submit_run

logger = logging.getLogger(__name__)

DUE_AT_ONCE = 500
FIRED_AT_ONCE = 4
ERROR_LENGTH = 2000


class _Taken(Exception):
    """Another process fired the cron first, or it was changed or deleted."""


async def fire_due_crons() -> None:
    """Have every cron that is due make one run, however many of its times have passed.

    A run and the cron's next time are written in one transaction: when processes do this at
    once, or one of them dies, there is one run. A cron that cannot make its run keeps the
    error, and goes on with its next time.
    """
    due = await due_crons(DUE_AT_ONCE)
    turns = asyncio.Semaphore(FIRED_AT_ONCE)

    async def fire(cron: DueCron) -> None:
        async with turns:
            await _fire(cron)

    # One that fails in a way nobody thought of must not keep the others from their turn.
    outcomes = await asyncio.gather(*map(fire, due), return_exceptions=True)
    for cron, outcome in zip(due, outcomes, strict=True):
        if isinstance(outcome, db.UNREACHABLE):
            raise outcome
        if isinstance(outcome, Exception):
            logger.error("cron failed", extra=_named(cron), exc_info=outcome)
            await _keep_error(cron, f"{type(outcome).__name__}: {outcome}")


async def fire_now(cron_id: UUID) -> Submitted:
    """Have a cron make a run out of turn; its next time stays as it is.

    Raises NotFound for a cron that is not there, and whatever `submit_run` raises.
    """
    cron = await cron_to_fire(cron_id)
    if cron is None:
        raise NotFound(f"Cron with ID {cron_id} not found")
    return await _submit(cron, lambda tx: note_run(tx, cron))


async def _fire(cron: DueCron) -> None:
    async def advance_or_stop(tx: db.Connection) -> None:
        if not await advance(tx, cron, _upcoming(cron)):
            raise _Taken

    try:
        run = await _submit(cron, advance_or_stop)
    except _Taken:
        return
    except ApiError as exc:
        logger.warning("cron made no run: %s", exc.detail, extra=_named(cron))
        await _keep_error(cron, exc.detail)
        return
    FIRED.labels("run").inc()
    logger.info("cron fired", extra={**_named(cron), "run_id": str(run.run_id)})


async def _submit(cron: DueCron, beside: Beside) -> Submitted:
    caller = _caller(cron.user_id)
    return await submit_run(_spec(cron), thread_id=cron.thread_id, caller=caller, beside=beside)


async def _keep_error(cron: DueCron, error: str) -> None:
    FIRED.labels("error").inc()
    async with db.transaction() as tx:
        await advance(tx, cron, _upcoming(cron), error=error[:ERROR_LENGTH])


def _upcoming(cron: DueCron) -> datetime | None:
    """Return the next time after now: those that have passed are not made up for."""
    try:
        return Schedule(cron.schedule, cron.timezone).next_after(cron.now)
    except (BadSchedule, UnknownZone) as exc:
        # Both were right when the cron was made; the machine's time zones have changed since.
        logger.warning("cron has no next time: %s", exc, extra=_named(cron))
        return None


def _spec(cron: DueCron) -> RunSpec:
    spec = RunCreateSerializer.parse({**cron.payload, "assistant_id": str(cron.assistant_id)})
    return replace(
        spec,
        cron_id=cron.cron_id,
        thread_id=cron.thread_id,
        metadata={**cron.metadata, **spec.metadata},
        on_completion="keep" if cron.on_run_completed == "keep" else "delete",
    )


def _caller(user_id: str | None) -> Caller:
    """Return the user who made the cron, as far as it is known who that was."""
    if user_id is None:
        return ANONYMOUS
    return Caller(identity=user_id, user={"identity": user_id})


def _named(cron: DueCron) -> dict[str, str]:
    return {"cron_id": str(cron.cron_id)}
