"""A thread made as another one stands."""

from __future__ import annotations

from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from common import db
from common.config import project_config
from common.db import Row
from common.errors import Conflict
from common.ids import uuid7
from graphs.upkeep import COPIED
from threads.queries import THREAD, get_thread, ttl_parameters
from threads.writing import refresh_row

# One statement, so that row and checkpoints are of the same moment, also while a run goes on. An
# error is the run's, and runs are not copied.
COPY = """
WITH source AS (SELECT * FROM thread WHERE thread_id = %(source)s AND {visible}),
{copied},
made AS (
  INSERT INTO thread (thread_id, metadata, values, interrupts, status, settled_status,
                      ttl_minutes, ttl_strategy)
  SELECT %(target)s, metadata, values, interrupts, settled, settled,
         %(ttl_minutes)s::double precision, %(ttl_strategy)s::text
    FROM (SELECT *, CASE settled_status WHEN 'error' THEN 'idle' ELSE settled_status END AS settled
            FROM source) AS settled_source
  RETURNING {thread}
)
SELECT made.*, source.status IN ('busy', 'error') AS is_unsettled FROM made, source
"""


async def copy_thread(thread_id: UUID, *, caller: Caller) -> Row:
    """Make a thread with the metadata and the checkpoints of another one; returns its row.

    Of a thread that is busy, what is committed is copied. Raises Conflict when the caller cannot
    see the source.
    """
    copy_id = uuid7()
    query = sql.SQL(COPY).format(visible=visible_to(caller), copied=COPIED, thread=THREAD)
    parameters = {
        "source": thread_id,
        "target": copy_id,
        **ttl_parameters(project_config().thread_ttl),
    }
    row = await db.fetch_one(query, parameters)
    if row is None:
        raise Conflict(f"Thread with ID {thread_id} not found: there is nothing to copy")
    if not row.pop("is_unsettled"):
        return row
    # Its row tells of an earlier checkpoint than the newest.
    await refresh_row(copy_id, caller=caller)
    return await get_thread(copy_id, caller=caller) or row
