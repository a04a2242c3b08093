"""Making and changing crons."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import ForeignKeyViolation

from access.caller import Caller
from assistants.finding import found_assistant
from common import db
from common.errors import NotFound, Unprocessable
from common.ids import uuid7
from common.jsoncodec import JsonObject
from crons.queries import clock, insert_cron, lock_cron, update_cron_row
from crons.schedule import BadSchedule, UnknownZone, checked
from runs.merging import require_one_context
from runs.queries import thread_exists
from runs.serializers import RunCreateSerializer


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCron:
    """What a caller wants a cron to be."""

    assistant: str
    """An assistant's UUID or a graph's name."""
    schedule: str
    timezone: str | None = None
    end_time: datetime | None = None
    enabled: bool = True
    on_run_completed: str | None = None
    metadata: JsonObject = field(default_factory=dict)
    payload: JsonObject = field(default_factory=dict)
    """What each of its runs is given, as a body that creates a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CronChanges:
    """What is to be otherwise; the rest stays."""

    columns: dict[str, Any] = field(default_factory=dict)
    metadata: JsonObject = field(default_factory=dict)
    payload: JsonObject = field(default_factory=dict)


async def create_cron(new: NewCron, *, thread_id: UUID | None, caller: Caller) -> db.Row:
    """Make a cron, of a thread or of a new thread at each time.

    Raises NotFound for an assistant or a thread that the caller cannot see, Unprocessable for a
    schedule that never comes round, an unknown zone and an end in the past.
    """
    assistant = await found_assistant(new.assistant, caller=caller)
    if thread_id and not await thread_exists(thread_id, caller=caller):
        raise NotFound(f"Thread with ID {thread_id} not found")
    cron_id = uuid7()
    payload = _payload(new.payload, cron_id, assistant.assistant_id)
    try:
        async with db.transaction() as tx:
            now = await clock(tx)
            _require_future(new.end_time, now)
            values = {
                "cron_id": cron_id,
                "assistant_id": assistant.assistant_id,
                "thread_id": thread_id,
                "user_id": caller.identity or None,
                "schedule": new.schedule,
                "timezone": new.timezone,
                "end_time": new.end_time,
                "enabled": new.enabled,
                "on_run_completed": None if thread_id else new.on_run_completed or "delete",
                "metadata": new.metadata,
                "payload": payload,
                "next_run_date": _first(new.schedule, new.timezone, now),
            }
            return await insert_cron(tx, values)
    except ForeignKeyViolation as exc:
        raise NotFound("The assistant or the thread was deleted meanwhile.") from exc


async def update_cron(cron_id: UUID, changes: CronChanges, *, caller: Caller) -> db.Row:
    """Change a cron: metadata and payload key by key, other fields as a whole.

    Another schedule or zone, and being enabled again, count from now: what would have been due
    meanwhile is not made up for. Raises as `create_cron` does.
    """
    async with db.transaction() as tx:
        cron = await lock_cron(tx, cron_id, caller=caller)
        if cron is None:
            raise NotFound(f"Cron with ID {cron_id} not found")
        columns = dict(changes.columns)
        if cron["thread_id"] and columns.pop("on_run_completed", "keep") == "delete":
            raise Unprocessable("on_run_completed: the cron's thread was there before it; keep it.")
        now = await clock(tx)
        _require_future(columns.get("end_time"), now)
        if _counts_anew(cron, columns):
            wanted = {**cron, **columns}
            columns["next_run_date"] = _first(wanted["schedule"], wanted["timezone"], now)
        if changes.metadata:
            columns["metadata"] = {**cron["metadata"].parse(), **changes.metadata}
        if changes.payload:
            payload = {**cron["payload"].parse(), **changes.payload}
            columns["payload"] = _payload(payload, cron_id, cron["assistant_id"])
        return await update_cron_row(tx, cron_id, columns)


def _counts_anew(cron: db.Row, columns: dict[str, Any]) -> bool:
    is_enabled_again = columns.get("enabled", False) and not cron["enabled"]
    return is_enabled_again or bool(columns.keys() & {"schedule", "timezone"})


def _first(schedule: str, zone: str | None, now: datetime) -> datetime:
    try:
        return checked(schedule, zone, now=now)
    except BadSchedule as exc:
        raise Unprocessable(f"schedule: {exc}") from exc
    except UnknownZone as exc:
        raise Unprocessable(f"timezone: {exc}") from exc


def _require_future(end_time: datetime | None, now: datetime) -> None:
    if end_time is not None and end_time <= now:
        raise Unprocessable(
            f"end_time: {end_time.isoformat()} is past; give a later time, or leave it out."
        )


def _payload(given: JsonObject, cron_id: UUID, assistant_id: UUID) -> JsonObject:
    """Return what a run is given, checked as such a body is."""
    config = given.get("config") or {}
    assert isinstance(config, dict)
    configurable = config.get("configurable") or {}
    assert isinstance(configurable, dict)
    payload: JsonObject = {
        **given,
        "assistant_id": str(assistant_id),
        "config": {**config, "configurable": {**configurable, "cron_id": str(cron_id)}},
    }
    require_one_context(RunCreateSerializer.parse(payload))
    return payload
