"""The rows of LangGraph's checkpoint tables, and the one statement that writes many of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from langgraph.checkpoint.base import WRITES_IDX_MAP

from common import jsoncodec
from common.columns import Cell, Column, ElementType, columns, int_cell

Row = tuple["Cell", ...]

# For each table: its columns, of what `unnest` gets; first the number of the fence.
CHECKPOINT: tuple[ElementType, ...] = ("int4", "text", "text", "text", "text", "text", "text")
BLOB: tuple[ElementType, ...] = ("int4", "text", "text", "text", "text", "text", "bytea")
WRITE: tuple[ElementType, ...] = (
    *("int4", "text", "text", "text", "text", "text"),
    *("int4", "text", "text", "bytea", "int4"),
)

# What the stock saver's statements do, for many rows of many runs. It writes over what a task has
# said of itself (errors, interrupts, answers), and keeps the first of anything else.
_HELD: LiteralString = """
WITH asked AS (
  SELECT number::int, run_id, attempt
    FROM unnest(%s::uuid[], %s::int[]) WITH ORDINALITY AS asked(run_id, attempt, number)
), held AS MATERIALIZED (
{fence}
)"""
_WRITTEN: LiteralString = """, checkpoint AS (
  INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id,
                           checkpoint, metadata)
  SELECT thread_id, ns, id, parent_id, checkpoint::jsonb, metadata::jsonb
    FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
      AS row(number, thread_id, ns, id, parent_id, checkpoint, metadata) JOIN held USING (number)
  ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id)
  DO UPDATE SET checkpoint = EXCLUDED.checkpoint, metadata = EXCLUDED.metadata
), blob AS (
  INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
  SELECT thread_id, ns, channel, version, type, blob
    FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[])
      AS row(number, thread_id, ns, channel, version, type, blob) JOIN held USING (number)
  ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO NOTHING
), write AS (
  SELECT row.*
    FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[],
                %s::text[], %s::text[], %s::bytea[], %s::int[])
      AS row(number, thread_id, ns, id, task_id, task_path, idx, channel, type, blob, is_newer)
    JOIN held USING (number)
), newer AS (
  INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path,
                                 idx, channel, type, blob)
  SELECT thread_id, ns, id, task_id, task_path, idx, channel, type, blob
    FROM write WHERE is_newer = 1
  ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
  DO UPDATE SET channel = EXCLUDED.channel, type = EXCLUDED.type, blob = EXCLUDED.blob
), first AS (
  INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path,
                                 idx, channel, type, blob)
  SELECT thread_id, ns, id, task_id, task_path, idx, channel, type, blob
    FROM write WHERE is_newer = 0
  ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO NOTHING
)"""
_NUMBERS: LiteralString = " SELECT number FROM held"


def writing(fence: LiteralString) -> LiteralString:
    """Return the statement for one kind of fence; its rows are the numbers of those that hold."""
    return _HELD.replace("{fence}", fence) + _WRITTEN + _NUMBERS


def asking(fence: LiteralString) -> LiteralString:
    """Return the same without anything written."""
    return _HELD.replace("{fence}", fence) + _NUMBERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What one call of a saver writes, serialised."""

    checkpoint: Row | None = None
    blobs: Sequence[Row] = ()
    writes: Sequence[Row] = ()

    @property
    def size(self) -> int:
        """Bytes, without what each row costs besides."""
        rows = [*self.blobs, *self.writes, *((self.checkpoint,) if self.checkpoint else ())]
        return sum(len(cell) for row in rows for cell in row if cell)


def checkpoint_row(place: Sequence[str | None], checkpoint: object, metadata: object) -> Row:
    """`place`: thread, namespace, checkpoint, and the parent or None."""
    cells = (None if name is None else str(name).encode() for name in place)
    return (*cells, jsoncodec.dumps(checkpoint), jsoncodec.dumps(metadata))


def blob_rows(dumped: Iterable[tuple[Any, ...]]) -> list[Row]:
    """Turn what the stock saver makes of blobs (`_dump_blobs`) into rows."""
    return [(*_texts(names), blob) for *names, blob in dumped]


def write_rows(dumped: Sequence[tuple[Any, ...]]) -> list[Row]:
    """Turn what the stock saver makes of writes (`_dump_writes`) into rows.

    Two of them may have one key, of which the stock saver's statements, one after the other, would
    leave one; within one statement there is no order.
    """
    is_newer = all(channel in WRITES_IDX_MAP for *_, channel, _, _ in dumped)
    rows: dict[int, Row] = {}
    for *names, idx, channel, type_, blob in dumped:
        if is_newer or idx not in rows:
            texts = _texts((channel, type_))
            rows[idx] = (*_texts(names), int_cell(idx), *texts, blob, int_cell(is_newer))
    return list(rows.values())


def _texts(names: Iterable[object]) -> Iterable[bytes]:
    return (str(name).encode() for name in names)


def attempts_asked(attempts: Iterable[tuple[UUID, int]]) -> list[Column]:
    """Return what `asking` is executed with."""
    rows = [(run_id.bytes, int_cell(attempt)) for run_id, attempt in attempts]
    return columns(("uuid", "int4"), rows)


def rows_written(numbered: Iterable[tuple[int, Rows]]) -> list[Column]:
    """Return what `writing` is executed with besides: rows, with the number of their attempt."""
    cells = [(int_cell(number), rows) for number, rows in numbered]
    return [
        *columns(CHECKPOINT, [(n, *rows.checkpoint) for n, rows in cells if rows.checkpoint]),
        *columns(BLOB, [(n, *row) for n, rows in cells for row in rows.blobs]),
        *columns(WRITE, [(n, *row) for n, rows in cells for row in rows.writes]),
    ]
