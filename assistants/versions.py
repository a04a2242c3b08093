"""What an assistant was at each of its versions, and going back to one."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from assistants.queries import ASSISTANT_COLUMNS
from common import db
from common.db import Row, jsonb
from common.jsoncodec import JsonObject
from common.search import columns
from graphs.registry import graph_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSearch:
    """What a caller looks for among the versions of an assistant."""

    metadata: JsonObject | None = None
    limit: int = 10
    offset: int = 0


LIST = """
SELECT assistant_id, graph_id, config, context, metadata, name, description, version, created_at
  FROM assistant_version
 WHERE assistant_id = (SELECT assistant_id FROM assistant
         WHERE assistant_id = %(assistant_id)s AND graph_id = ANY(%(known)s) AND {visible})
   AND (%(metadata)s::jsonb IS NULL OR metadata @> %(metadata)s)
 ORDER BY version DESC LIMIT %(limit)s OFFSET %(offset)s
"""


async def list_versions(assistant_id: UUID, search: VersionSearch, *, caller: Caller) -> list[Row]:
    """Return a page of an assistant's versions, newest first; none when the caller sees none."""
    parameters = {
        "assistant_id": assistant_id,
        "known": graph_ids(),
        "metadata": jsonb(search.metadata),
        "limit": search.limit,
        "offset": search.offset,
    }
    query = sql.SQL(LIST).format(visible=visible_to(caller))
    return await db.fetch_all(query, parameters)


# A version of a graph that is no longer served would hide the assistant. Runs may have waited
# for another limit: the engines are told.
SET_LATEST = """
WITH kept AS (
  SELECT graph_id, name, description, config, context, metadata, version FROM assistant_version
   WHERE assistant_id = %(assistant_id)s AND version = %(version)s AND graph_id = ANY(%(known)s)
), written AS (
  UPDATE assistant SET updated_at = clock_timestamp(),
         (graph_id, name, description, config, context, metadata, version) = (SELECT * FROM kept)
   WHERE assistant_id = %(assistant_id)s AND graph_id = ANY(%(known)s) AND {visible}
     AND EXISTS (SELECT 1 FROM kept)
  RETURNING *
)
SELECT {assistant} FROM written, pg_notify('aegra_run', '')
"""


async def set_latest(assistant_id: UUID, version: int, *, caller: Caller) -> Row | None:
    """Make an assistant what it was at `version`; the next update is numbered after the newest.

    None when the caller cannot see it or when it has no such version of a graph that is served.
    """
    query = sql.SQL(SET_LATEST).format(
        visible=visible_to(caller), assistant=columns(ASSISTANT_COLUMNS)
    )
    parameters = {"assistant_id": assistant_id, "version": version, "known": graph_ids()}
    return await db.fetch_one(query, parameters)
