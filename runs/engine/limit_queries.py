"""The SQL of the queue where graphs or assistants have a limit of runs at once."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

from common import db
from common.db import jsonb
from runs.engine.claim_queries import Claim, Claimed, claim_with

# One at a time, so that no two see the same room.
LOCK = "SELECT pg_advisory_xact_lock(%s)"
LOCK_KEY = 4_723_901_156_284_417_713

# Where no room is left: what waits there keeps what came later on its thread waiting, no more.
HELD = """
active AS MATERIALIZED (
  SELECT run_id, assistant_id, metadata->>'graph_id' AS graph_id, created_at FROM run
   WHERE status = 'running'
), held AS MATERIALIZED (
  SELECT thread_id, min(created_at) AS since FROM run
   WHERE status = 'pending' AND (
     assistant_id IN (
       SELECT assistant_id FROM active JOIN assistant USING (assistant_id)
        GROUP BY assistant_id, max_runs HAVING count(*) >= max_runs)
     OR metadata->>'graph_id' IN (
       SELECT graph_id FROM active
        GROUP BY graph_id HAVING count(*) >= (%(limits)s::jsonb->>graph_id)::int))
   GROUP BY thread_id
),
"""
MAY_BEGIN = """
NOT EXISTS (
  SELECT 1 FROM held WHERE held.thread_id = run.thread_id AND held.since <= run.created_at)
"""
# Those that run have the first places in their assistant and in their graph, then come those that
# wait, by their dates. One for which its assistant has no place takes none of its graph.
PLACED = """
candidate AS (
  SELECT *, false AS is_next FROM active
  UNION ALL
  SELECT run_id, assistant_id, metadata->>'graph_id', created_at, true
    FROM run WHERE run_id = ANY(ARRAY(SELECT run_id FROM next))
), of_assistant AS (
  SELECT candidate.*, max_runs, row_number() OVER (
           PARTITION BY assistant_id ORDER BY is_next, candidate.created_at, run_id) AS place
    FROM candidate LEFT JOIN assistant USING (assistant_id)
), of_graph AS (
  SELECT *, row_number() OVER (
           PARTITION BY graph_id ORDER BY is_next, created_at, run_id) AS graph_place
    FROM of_assistant WHERE NOT is_next OR (place <= max_runs) IS NOT FALSE
), placed AS (
  SELECT run_id FROM of_graph
   WHERE is_next AND (graph_place <= (%(limits)s::jsonb->>graph_id)::int) IS NOT FALSE
),
"""
_LIMITED = {
    "held": sql.SQL(HELD),
    "may_begin": sql.SQL(MAY_BEGIN),
    "placed": sql.SQL(PLACED),
    "chosen": sql.SQL("placed"),
}


async def claim_limited_runs(claim: Claim, limits: Mapping[str, int]) -> Claimed:
    """Claim pending runs, the longest waiting first, and keep to every limit in all processes.

    `limits` are those of graphs, by their names; those of assistants stand in the database.
    """
    async with db.transaction() as tx:
        await tx.execute(LOCK, [LOCK_KEY])
        # A statement of its own: it must see what was claimed while the lock was awaited.
        return await claim_with(tx, claim, _LIMITED, {"limits": jsonb(dict(limits))})
