"""Requests for runs that may be sent again: what a key has made is found, not made anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings

from access.caller import Caller
from common import jsoncodec
from common.db import Connection, Row
from common.errors import Conflict, Gone
from common.jsoncodec import RawJson
from runs.idempotency_queries import (
    delete_old_requests,
    find_request,
    find_runs,
    insert_request,
    update_request,
)
from runs.spec import IdempotencyKey, Submitted

HOUR_SECONDS = 3600.0


class KeyTaken(Exception):
    """A request of the same key was committed a moment ago."""


async def earlier_runs(once: IdempotencyKey | None, *, caller: Caller) -> list[Submitted] | None:
    """Return the runs that a request of the key has made, as they stand; None without any.

    Raises Conflict when that request was another one, and Gone when a run of it was deleted.
    """
    if once is None:
        return None
    found = await find_request(once.key, caller=caller, seconds=_kept_seconds())
    if found is None:
        return None
    digest, kept = found
    if digest != once.digest:
        raise Conflict(
            f"Idempotency-Key {once.key!r} was used for another request: one with another "
            "path or body. Send a new key with each new request."
        )
    assert isinstance(kept, list)
    runs: list[Any] = kept
    rows = await find_runs([UUID(run["run_id"]) for run in runs], caller=caller)
    return [_earlier(run, rows) for run in runs]


async def take_key(tx: Connection, once: IdempotencyKey | None, *, caller: Caller) -> None:
    """Write the key into the transaction that makes its runs; raises KeyTaken.

    Waits for the end of another transaction that has written it: both cannot make runs.
    """
    if once and not await insert_request(tx, once, caller=caller, seconds=_kept_seconds()):
        raise KeyTaken


async def keep_runs(
    tx: Connection,
    once: IdempotencyKey | None,
    runs: Sequence[Submitted],
    *,
    caller: Caller,
) -> None:
    """Write what the key's request has made; all of it where the run itself leaves nothing."""
    if once is not None:
        await update_request(tx, once, [_kept(run) for run in runs], caller=caller)


async def forget_old_keys() -> int:
    """Forget the keys that have had their time; returns how many."""
    return await delete_old_requests(_kept_seconds())


def _kept_seconds() -> float:
    return float(settings.IDEMPOTENCY_HOURS) * HOUR_SECONDS


def _kept(run: Submitted) -> Mapping[str, object]:
    is_temporary = run.row["kwargs"].parse().get("temporary")
    return run.row if is_temporary else {"run_id": run.run_id, "thread_id": run.thread_id}


def _earlier(kept: dict[str, Any], rows: Mapping[UUID, Row]) -> Submitted:
    run_id, thread_id = UUID(kept["run_id"]), UUID(kept["thread_id"])
    row = rows.get(run_id)
    if row is not None:
        shown = {**row, "langsmith_session_name": None}
        return Submitted(run_id=run_id, thread_id=thread_id, row=shown)
    if "kwargs" not in kept:
        raise Gone(
            f"Run {run_id} was made by this Idempotency-Key and has been deleted since. It is "
            "not run again: send a new key to run it anew."
        )
    # As a row of the database has them.
    stored = {name: RawJson(jsoncodec.dumps(kept[name])) for name in ("kwargs", "metadata")}
    return Submitted(run_id=run_id, thread_id=thread_id, row={**kept, **stored}, is_gone=True)
