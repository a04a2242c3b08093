from __future__ import annotations

from assistants.system import system_assistant_id
from common import db
from common.db import jsonb
from graphs.registry import graph_ids, loaded_graph

SYNC = """
WITH made AS (
  INSERT INTO assistant (assistant_id, graph_id, name, description, metadata)
  VALUES (%(id)s, %(graph)s, %(name)s, %(description)s, %(metadata)s)
  ON CONFLICT (assistant_id) DO NOTHING RETURNING *
)
INSERT INTO assistant_version (assistant_id, version, graph_id, name, description, metadata)
SELECT assistant_id, version, graph_id, name, description, metadata FROM made
"""


async def sync_system_assistants() -> None:
    """Make the assistant of each graph that has none; what users changed stays."""
    for graph_id in graph_ids():
        loaded = loaded_graph(graph_id)
        name = loaded.base.get_name() if loaded.base is not None else graph_id
        await db.execute(
            SYNC,
            {
                "id": system_assistant_id(graph_id),
                "graph": graph_id,
                "name": graph_id if name == "LangGraph" else name,
                "description": loaded.spec.description,
                "metadata": jsonb({"created_by": "system"}),
            },
        )
