from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from assistants.system import system_assistant_id
from common import db
from common.db import Row, jsonb
from common.jsoncodec import JsonObject, RawJson
from common.search import Search, columns, fetch_count, fetch_page
from graphs.registry import graph_ids

ASSISTANT_COLUMNS = (
    "assistant_id",
    "graph_id",
    "config",
    "context",
    "metadata",
    "name",
    "description",
    "version",
    "created_at",
    "updated_at",
)
_ASSISTANT = columns(ASSISTANT_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantRow:
    """A graph with a configuration, as the database has it."""

    assistant_id: UUID
    graph_id: str
    name: str
    description: str | None
    version: int
    config: RawJson
    context: RawJson
    metadata: RawJson
    created_at: datetime
    updated_at: datetime

    max_runs: int | None = None
    """How many of its runs may be executed at once; read by `find_assistant` alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAssistant:
    """What a caller wants an assistant to be."""

    assistant_id: UUID
    graph_id: str
    name: str = "Untitled"
    description: str | None = None
    config: JsonObject = field(default_factory=dict)
    context: JsonObject = field(default_factory=dict)
    metadata: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantSearch(Search):
    """What a caller looks for among assistants."""

    table: ClassVar[str] = "assistant"
    conditions: ClassVar[Mapping[str, str]] = {
        "known": "graph_id = ANY(%(known)s)",
        "metadata": "metadata @> %(metadata)s",
        "graph_id": "graph_id = %(graph_id)s",
        "name": "strpos(lower(name), lower(%(name)s)) > 0",
    }

    known: list[str] = field(default_factory=graph_ids)
    """The graphs that the project file has: assistants of others are hidden."""
    metadata: JsonObject | None = None
    graph_id: str | None = None
    name: str | None = None
    """Part of the name, in any case of letters."""
    select: tuple[str, ...] = ASSISTANT_COLUMNS


# Assistants of graphs that the project file no longer has are hidden.
FIND = """
SELECT {assistant}, max_runs FROM assistant
 WHERE assistant_id = %s AND graph_id = ANY(%s) AND {visible}
"""


def assistant_named(key: str) -> UUID | None:
    """Return the id that `key` names: a UUID, or a graph's name for its system assistant."""
    try:
        return system_assistant_id(key) if key in graph_ids() else UUID(key)
    except ValueError:
        return None


def finding(key: str, *, caller: Caller) -> tuple[sql.Composed, list[object]] | None:
    """Return the query of an assistant's row and its parameters; None for what names none."""
    if (assistant_id := assistant_named(key)) is None:
        return None
    query = sql.SQL(FIND).format(assistant=_ASSISTANT, visible=visible_to(caller))
    return query, [assistant_id, graph_ids()]


async def find_assistant(key: str, *, caller: Caller) -> AssistantRow | None:
    """Return the assistant of a UUID, or the system assistant of a graph's name."""
    if (find := finding(key, caller=caller)) is None:
        return None
    row = await db.fetch_one(*find)
    return AssistantRow(**row) if row else None


# A version is written with the row it describes, in one statement.
_KEEP_VERSION = """
INSERT INTO assistant_version (assistant_id, version, graph_id, name, description, config,
                               context, metadata)
SELECT assistant_id, version, graph_id, name, description, config, context, metadata FROM written
"""

CREATE = """
WITH written AS (
  INSERT INTO assistant (assistant_id, graph_id, name, description, config, context, metadata)
  VALUES (%(assistant_id)s, %(graph_id)s, %(name)s, %(description)s, %(config)s, %(context)s,
          %(metadata)s)
  ON CONFLICT (assistant_id) DO NOTHING RETURNING *
), kept AS ({keep_version})
SELECT {assistant} FROM written
"""


async def create_assistant(new: NewAssistant) -> Row | None:
    """Write an assistant at version 1; None when the id is taken, by anybody."""
    query = sql.SQL(CREATE).format(assistant=_ASSISTANT, keep_version=sql.SQL(_KEEP_VERSION))
    parameters = {
        "assistant_id": new.assistant_id,
        "graph_id": new.graph_id,
        "name": new.name,
        "description": new.description,
        "config": jsonb(new.config),
        "context": jsonb(new.context),
        "metadata": jsonb(new.metadata),
    }
    return await db.fetch_one(query, parameters)


LOCK = "SELECT 1 FROM assistant WHERE assistant_id = %s FOR UPDATE"
# Runs may have waited for another limit: the engines are told.
UPDATE = """
WITH written AS (
  UPDATE assistant SET {changes} updated_at = clock_timestamp(), version = 1 + (
           SELECT max(version) FROM assistant_version AS kept
            WHERE kept.assistant_id = assistant.assistant_id)
   WHERE assistant_id = %(assistant_id)s AND graph_id = ANY(%(known)s) AND {visible}
  RETURNING *
), kept AS ({keep_version})
SELECT {assistant} FROM written, pg_notify('aegra_run', '')
"""
# What is merged; other fields are replaced.
MERGED = {
    "metadata": "metadata = metadata || %(metadata)s, ",
    "configurable": "config = config || jsonb_build_object('configurable', %(configurable)s), ",
}


async def update_assistant(
    assistant_id: UUID, changes: JsonObject, *, caller: Caller
) -> Row | None:
    """Make a new version with these fields.

    The row's lock orders two updates of one assistant. None when the caller cannot see it.
    """
    is_json = {"config", "configurable", "context", "metadata"}
    written = [sql.SQL(MERGED[name]) if name in MERGED else _assigned(name) for name in changes]
    parameters = {
        **{name: jsonb(value) if name in is_json else value for name, value in changes.items()},
        "assistant_id": assistant_id,
        "known": graph_ids(),
    }
    query = sql.SQL(UPDATE).format(
        changes=sql.Composed(written),
        visible=visible_to(caller),
        keep_version=sql.SQL(_KEEP_VERSION),
        assistant=_ASSISTANT,
    )
    async with db.transaction() as tx:
        # A statement of its own, so that the next one sees the version of the update before.
        await tx.execute(LOCK, [assistant_id])
        return await (await tx.execute(query, parameters)).fetchone()


def _assigned(name: str) -> sql.Composed:
    return sql.SQL("{} = {}, ").format(sql.Identifier(name), sql.Placeholder(name))


async def search_assistants(search: AssistantSearch, *, caller: Caller) -> list[Row]:
    """Return a page of assistants and one more, when there is one."""
    return await fetch_page(search, visible=visible_to(caller))


async def count_assistants(search: AssistantSearch, *, caller: Caller) -> int:
    return await fetch_count(search, visible=visible_to(caller))
