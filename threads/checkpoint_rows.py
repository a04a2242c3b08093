"""A thread's checkpoints as LangGraph's own table has them, read without the graph."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

# A node that is about to run has a value in its `branch:to:` channel; the blobs stay unread.
CHECKPOINTS = """
SELECT checkpoint_id, checkpoint_ns, checkpoint->>'ts', metadata->>'step', metadata->>'source',
       metadata->>'run_id',
       ARRAY(SELECT substr(channel, 11) FROM jsonb_object_keys(checkpoint->'channel_values')
               AS channel WHERE starts_with(channel, 'branch:to:') ORDER BY channel),
       COALESCE(checkpoint->'updated_channels', '[]') @> '["__pregel_tasks"]',
       ARRAY(SELECT DISTINCT channel FROM checkpoint_writes AS write
              WHERE write.thread_id = checkpoints.thread_id
                AND write.checkpoint_ns = checkpoints.checkpoint_ns
                AND write.checkpoint_id = checkpoints.checkpoint_id
                AND channel IN ('__error__', '__interrupt__', '__resume__'))
  FROM checkpoints WHERE thread_id = %s ORDER BY checkpoint_id DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRow:
    """One checkpoint, of the thread's graph or of a subgraph."""

    checkpoint_id: str
    namespace: str
    """Empty for the graph itself; `node:task` for a subgraph."""
    made_at: datetime | None
    step: str
    source: str
    """`input`, `loop`, `update` or `fork`."""
    run_id: str
    next_nodes: tuple[str, ...]
    """Empty when the graph has come to its end here."""
    is_interrupted: bool
    """A node that ran from here asked for an answer that is still due."""
    has_failed: bool

    @property
    def subgraph(self) -> str:
        """The nodes that lead to the subgraph, without their tasks; empty for the graph itself."""
        return " / ".join(step.partition(":")[0] for step in self.namespace.split("|"))


def latest_checkpoints(thread_id: UUID, *, limit: int) -> list[CheckpointRow]:
    """Return a thread's checkpoints, newest first, by one query; no user code runs."""
    with connection.cursor() as cursor:
        cursor.execute(CHECKPOINTS, [str(thread_id), limit])
        return [_row(columns) for columns in cursor.fetchall()]


def _row(columns: tuple[object, ...]) -> CheckpointRow:
    key, namespace, made_at, step, source, run_id, nodes, has_sends, marks = columns
    assert isinstance(nodes, list)
    assert isinstance(marks, list)
    if source == "input":
        nodes = ["__start__"]
    return CheckpointRow(
        checkpoint_id=str(key),
        namespace=str(namespace),
        made_at=datetime.fromisoformat(str(made_at)) if made_at else None,
        step=str(step or ""),
        source=str(source or ""),
        run_id=str(run_id or ""),
        next_nodes=(*nodes, "Send") if has_sends else tuple(nodes),
        is_interrupted="__interrupt__" in marks and "__resume__" not in marks,
        has_failed="__error__" in marks,
    )
