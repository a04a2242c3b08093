"""The SQL of what a run is made upon: its assistant and its thread, in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from assistants.queries import AssistantRow, finding
from common import db
from common.jsoncodec import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeThread:
    """A thread on which no run was active when it was read; it is not locked."""

    thread_id: UUID
    metadata: JsonObject
    config: JsonObject
    seen_at: datetime
    """When it had been written last: who writes a run upon it writes only if it still is so."""


GROUND = """
SELECT assistant.*, free.* FROM ({find}) AS assistant LEFT JOIN (
  SELECT metadata AS thread_metadata, config AS thread_config, updated_at AS seen_at
    FROM thread WHERE thread_id = %s AND status <> 'busy' AND {visible}) AS free ON true
"""


async def find_ground(
    key: str, thread_id: UUID | None, *, caller: Caller
) -> tuple[AssistantRow | None, FreeThread | None]:
    """Return the assistant of a UUID or of a graph's name, and the thread if it is free."""
    if (find := finding(key, caller=caller)) is None:
        return None, None
    query, parameters = find
    ground = sql.SQL(GROUND).format(find=query, visible=visible_to(caller))
    row = await db.fetch_one(ground, [*parameters, thread_id])
    if row is None:
        return None, None
    metadata, config, seen_at = (
        row.pop(name) for name in ("thread_metadata", "thread_config", "seen_at")
    )
    if thread_id is None or seen_at is None:
        return AssistantRow(**row), None
    free = FreeThread(
        thread_id=thread_id, metadata=metadata.parse(), config=config.parse(), seen_at=seen_at
    )
    return AssistantRow(**row), free
