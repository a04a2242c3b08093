from __future__ import annotations

from assistants.mirroring import mirrored
from assistants.system import system_assistant_id
from common import db
from common.db import jsonb
from graphs.loader import LoadedGraph
from graphs.registry import graph_ids, loaded_graph

# Version 1 is the project's: it says what the project says. The assistant is in step while that
# is its version; once a user has changed it, it stays as it is, and version 1 is the way back.
SYNC = """
WITH said AS (
  SELECT %(id)s::uuid AS assistant_id, %(graph)s AS graph_id, %(name)s AS name,
         %(description)s::text AS description, %(config)s::jsonb AS config,
         %(context)s::jsonb AS context, %(metadata)s::jsonb AS metadata
), written AS (
  INSERT INTO assistant (assistant_id, graph_id, name, description, config, context, metadata)
  SELECT * FROM said
  ON CONFLICT (assistant_id) DO UPDATE SET graph_id = EXCLUDED.graph_id, name = EXCLUDED.name,
         description = EXCLUDED.description, config = EXCLUDED.config,
         context = EXCLUDED.context, updated_at = clock_timestamp()
   WHERE assistant.version = 1 AND assistant.metadata @> EXCLUDED.metadata
     AND (assistant.graph_id, assistant.name, assistant.description, assistant.config,
          assistant.context) IS DISTINCT FROM (EXCLUDED.graph_id, EXCLUDED.name,
          EXCLUDED.description, EXCLUDED.config, EXCLUDED.context)
)
INSERT INTO assistant_version AS kept
       (assistant_id, graph_id, name, description, config, context, metadata, version)
SELECT said.*, 1 FROM said
ON CONFLICT (assistant_id, version) DO UPDATE SET graph_id = EXCLUDED.graph_id,
       name = EXCLUDED.name, description = EXCLUDED.description, config = EXCLUDED.config,
       context = EXCLUDED.context
 WHERE kept.metadata @> EXCLUDED.metadata
"""


async def sync_system_assistants() -> None:
    """Bring each graph's own assistant in step with the project; what users changed stays."""
    for graph_id in graph_ids():
        await _sync(loaded_graph(graph_id))


async def _sync(loaded: LoadedGraph) -> None:
    spec = loaded.spec
    name = loaded.base.get_name() if loaded.base is not None else spec.graph_id
    config, context = mirrored(spec.config, None)
    await db.execute(
        SYNC,
        {
            "id": system_assistant_id(spec.graph_id),
            "graph": spec.graph_id,
            "name": spec.graph_id if name == "LangGraph" else name,
            "description": spec.description,
            "config": jsonb(config or {}),
            "context": jsonb(context or {}),
            "metadata": jsonb({"created_by": "system"}),
        },
    )
