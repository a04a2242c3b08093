from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from common import db
from common.db import Row, jsonb
from common.jsoncodec import JsonObject
from common.search import Search, columns, fetch_count, fetch_page

CRON_COLUMNS = (
    "cron_id",
    "assistant_id",
    "thread_id",
    "user_id",
    "end_time",
    "schedule",
    "timezone",
    "payload",
    "next_run_date",
    "metadata",
    "on_run_completed",
    "enabled",
    "created_at",
    "updated_at",
)
_CRON = columns(CRON_COLUMNS)
_JSON = {"payload", "metadata"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CronSearch(Search):
    """What a caller looks for among crons."""

    table: ClassVar[str] = "cron"
    conditions: ClassVar[Mapping[str, str]] = {
        "assistant_id": "assistant_id = %(assistant_id)s",
        "thread_id": "thread_id = %(thread_id)s",
        "enabled": "enabled = %(enabled)s",
        "metadata": "metadata @> %(metadata)s",
    }

    assistant_id: UUID | None = None
    thread_id: UUID | None = None
    enabled: bool | None = None
    metadata: JsonObject | None = None
    select: tuple[str, ...] = CRON_COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCron:
    """A cron as it is to make a run."""

    cron_id: UUID
    assistant_id: UUID
    thread_id: UUID | None
    user_id: str | None
    schedule: str
    timezone: str | None
    on_run_completed: str | None
    next_run_date: datetime | None
    now: datetime
    """The database's time when it was read."""
    payload: JsonObject = field(default_factory=dict)
    metadata: JsonObject = field(default_factory=dict)


async def clock(tx: db.Connection) -> datetime:
    """Return the time by which every process goes: the database's."""
    row = await (await tx.execute("SELECT now() AS now")).fetchone()
    assert row is not None
    now: datetime = row["now"]
    return now


async def insert_cron(tx: db.Connection, values: dict[str, Any]) -> Row:
    query = sql.SQL("INSERT INTO cron ({names}) VALUES ({values}) RETURNING {cron}").format(
        names=columns(values),
        values=sql.SQL(", ").join(map(sql.Placeholder, values)),
        cron=_CRON,
    )
    row = await (await tx.execute(query, _written(values))).fetchone()
    assert row is not None
    return row


async def get_cron(cron_id: UUID, *, caller: Caller) -> Row | None:
    query = sql.SQL("SELECT {cron} FROM cron WHERE cron_id = %s AND {visible}").format(
        cron=_CRON, visible=visible_to(caller)
    )
    return await db.fetch_one(query, [cron_id])


async def lock_cron(tx: db.Connection, cron_id: UUID, *, caller: Caller) -> Row | None:
    """Lock a cron for the transaction; None when the caller cannot see it."""
    query = sql.SQL("SELECT {cron} FROM cron WHERE cron_id = %s AND {visible} FOR UPDATE").format(
        cron=_CRON, visible=visible_to(caller)
    )
    return await (await tx.execute(query, [cron_id])).fetchone()


async def update_cron_row(tx: db.Connection, cron_id: UUID, changes: dict[str, Any]) -> Row:
    """Write columns of a cron that this transaction has locked."""
    assigned = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changes
    ]
    query = sql.SQL(
        "UPDATE cron SET {assigned} WHERE cron_id = %(cron_id)s RETURNING {cron}"
    ).format(
        assigned=sql.SQL(", ").join([*assigned, sql.SQL("updated_at = clock_timestamp()")]),
        cron=_CRON,
    )
    row = await (await tx.execute(query, {**_written(changes), "cron_id": cron_id})).fetchone()
    assert row is not None
    return row


async def delete_cron(cron_id: UUID, *, caller: Caller) -> bool:
    """Delete a cron; False when the caller cannot see it."""
    query = sql.SQL("DELETE FROM cron WHERE cron_id = %s AND {visible}").format(
        visible=visible_to(caller)
    )
    return await db.execute(query, [cron_id]) == 1


def _written(values: dict[str, Any]) -> dict[str, Any]:
    return {name: jsonb(value) if name in _JSON else value for name, value in values.items()}


async def search_crons(search: CronSearch, *, caller: Caller) -> list[Row]:
    """Return a page of crons and one more, when there is one."""
    return await fetch_page(search, visible=visible_to(caller))


async def count_crons(search: CronSearch, *, caller: Caller) -> int:
    return await fetch_count(search, visible=visible_to(caller))


_TO_FIRE = """
SELECT cron_id, assistant_id, thread_id, user_id, schedule, timezone, on_run_completed,
       next_run_date, payload, metadata, now() AS now
  FROM cron WHERE
"""
IS_DUE = "enabled AND next_run_date <= now() AND (end_time IS NULL OR end_time > now())"
DUE = f"{_TO_FIRE} {IS_DUE} ORDER BY next_run_date LIMIT %s"
ONE = f"{_TO_FIRE} cron_id = %s"


async def due_crons(limit: int) -> list[DueCron]:
    """Return crons whose time has come, the longest overdue first."""
    return [_to_fire(row) for row in await db.fetch_all(DUE, [limit])]


async def cron_to_fire(cron_id: UUID) -> DueCron | None:
    row = await db.fetch_one(ONE, [cron_id])
    return _to_fire(row) if row else None


def _to_fire(row: Row) -> DueCron:
    return DueCron(
        **{**row, "payload": row["payload"].parse(), "metadata": row["metadata"].parse()}
    )


# Whoever has the row locked fires it, changes it or deletes it: this one leaves it alone. Nor
# may it wait, for it holds a thread, which another may want that holds the cron.
ADVANCE = """
UPDATE cron SET next_run_date = %(upcoming)s, last_run_date = now(), last_error = %(error)s
 WHERE cron_id = (SELECT cron_id FROM cron WHERE cron_id = %(cron_id)s FOR UPDATE SKIP LOCKED)
   AND enabled AND next_run_date = %(due)s
"""


async def advance(
    tx: db.Connection, cron: DueCron, upcoming: datetime | None, *, error: str | None = None
) -> bool:
    """Say when the cron is due next; False when it has been fired or changed since it was read."""
    parameters = {
        "cron_id": cron.cron_id,
        "due": cron.next_run_date,
        "upcoming": upcoming,
        "error": error,
    }
    return (await tx.execute(ADVANCE, parameters)).rowcount == 1


async def note_run(tx: db.Connection, cron: DueCron) -> None:
    """Write down that the cron has made a run out of turn."""
    await tx.execute(
        "UPDATE cron SET last_run_date = now(), last_error = NULL WHERE cron_id = %s",
        [cron.cron_id],
    )
