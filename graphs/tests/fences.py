"""Fences without runs: one holds when a migration of the checkpoint tables has its number."""

from __future__ import annotations

from typing import Any, LiteralString
from uuid import uuid4

from graphs.group_commit import Fence

STATEMENT: LiteralString = """
SELECT number FROM asked JOIN checkpoint_migrations AS held ON v = attempt
 ORDER BY v FOR KEY SHARE OF held"""
LOCK = "SELECT 1 FROM checkpoint_migrations WHERE v = %s FOR UPDATE"


def fence(number: int = 0) -> Fence:
    return Fence(statement=STATEMENT, run_id=uuid4(), attempt=number)


def fallen() -> Fence:
    return fence(-1)


def new_place() -> Any:
    """Return where something is written: a checkpoint of a new thread."""
    names = {"thread_id": str(uuid4()), "checkpoint_ns": "", "checkpoint_id": "1"}
    return {"configurable": names}
