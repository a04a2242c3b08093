from __future__ import annotations

from functools import lru_cache
from uuid import UUID, uuid5

# Fixed by the API: every client computes the same id for a graph's name.
SYSTEM_NAMESPACE = UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")


@lru_cache(maxsize=256)
def system_assistant_id(graph_id: str) -> UUID:
    return uuid5(SYSTEM_NAMESPACE, graph_id)
