"""What a run is made upon: its assistant and its thread, remembered or read in one statement."""

from __future__ import annotations

from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import sees_everything, visible_to
from assistants.queries import AssistantRow, assistant_named, finding
from common import db
from common.recent import Recent
from graphs.registry import graph_ids
from threads.seen import SeenThread, forget_thread, recall_thread

ASSISTANTS = 256
_assistants: Recent[UUID, AssistantRow] = Recent(ASSISTANTS)


def recall_ground(
    key: str, thread_id: UUID | None, *, caller: Caller
) -> tuple[AssistantRow, SeenThread] | None:
    """Return what this process remembers of both; either may have changed, or be gone."""
    if thread_id is None or (seen := recall_thread(thread_id, caller=caller)) is None:
        return None
    named = assistant_named(key)
    assistant = _assistants.get(named) if named else None
    if assistant is None or assistant.graph_id not in graph_ids():
        return None
    return assistant, seen


def forget_ground(assistant: AssistantRow, thread: SeenThread) -> None:
    """Forget what has turned out not to be so any more, one or the other."""
    _assistants.drop(assistant.assistant_id)
    forget_thread(thread.thread_id)


GROUND = """
SELECT assistant.*, free.* FROM ({find}) AS assistant LEFT JOIN (
  SELECT metadata AS thread_metadata, config AS thread_config, updated_at AS seen_at
    FROM thread WHERE thread_id = %s AND status <> 'busy' AND {visible}) AS free ON true
"""


async def find_ground(
    key: str, thread_id: UUID | None, *, caller: Caller
) -> tuple[AssistantRow | None, SeenThread | None]:
    """Read the assistant of a UUID or of a graph's name, and the thread if it is free."""
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
    assistant = AssistantRow(**row)
    if sees_everything(caller):
        _assistants.keep(assistant.assistant_id, assistant)
    if thread_id is None or seen_at is None:
        return assistant, None
    return assistant, SeenThread(
        thread_id=thread_id, metadata=metadata, config=config, seen_at=seen_at
    )
