"""Threads as this process has seen them last, with no run active on them.

Any of it may have changed since. Who goes by it has the database do nothing unless it still is so:
a thread's `updated_at` moves with whatever changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from access.caller import Caller
from access.scoping import sees_everything
from common.db import Row
from common.jsoncodec import RawJson
from common.recent import Recent

THREADS = 1000
THREAD_BYTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenThread:
    """A thread on which no run was active when it was read; it is not locked."""

    thread_id: UUID
    metadata: RawJson
    config: RawJson
    seen_at: datetime
    """When it had been written last: who writes a run upon it writes only if it still is so."""

    is_empty: bool = False
    """Whether it has no checkpoint, if it still is as it was seen."""


_seen: Recent[UUID, SeenThread] = Recent(THREADS)


def keep_thread(row: Row, *, is_empty: bool = False) -> None:
    """Remember the row of a thread upon which no run is active."""
    metadata, config = row["metadata"], row["config"]
    if len(metadata.text) + len(config.text) <= THREAD_BYTES:
        seen = SeenThread(
            thread_id=row["thread_id"],
            metadata=metadata,
            config=config,
            seen_at=row["updated_at"],
            is_empty=is_empty,
        )
        _seen.keep(seen.thread_id, seen)


def recall_thread(thread_id: UUID, *, caller: Caller) -> SeenThread | None:
    return _seen.get(thread_id) if sees_everything(caller) else None


def forget_thread(thread_id: UUID) -> None:
    _seen.drop(thread_id)
