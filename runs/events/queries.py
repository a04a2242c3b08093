"""The SQL of the events in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypeAlias
from uuid import UUID

import psycopg

from runs.events.ids import Position
from runs.events.store import Chunk

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

# Last in the statement that settles a run: what it said last is stored with its end, or not at
# all. `settled` has a row when the run was settled.
LAST_WORDS = """
INSERT INTO run_event (run_id, attempt, last_id, body, output)
SELECT %(run_id)s, %(attempt)s, %(last)s, %(body)b, %(output)b
  FROM settled WHERE %(last)s::int8 IS NOT NULL
ON CONFLICT DO NOTHING
"""


def last_words(chunk: Chunk | None) -> dict[str, object]:
    """Return the parameters of LAST_WORDS, but for the run and its attempt."""
    if chunk is None:
        return {"last": None, "body": None, "output": None}
    return {"last": chunk.last, "body": chunk.body, "output": chunk.output}


# Only the attempt that holds the run writes. Announced by the statement that writes, so that
# who is told finds what it is told of.
INSERT = """
WITH new AS (
  SELECT * FROM unnest(%(run_ids)b::uuid[], %(attempts)b::int4[], %(lasts)b::int8[],
                       %(bodies)b::bytea[], %(outputs)b::bytea[])
             AS new(run_id, attempt, last_id, body, output)
), stored AS (
  INSERT INTO run_event (run_id, attempt, last_id, body, output)
  SELECT run_id, attempt, last_id, new.body, NULLIF(new.output, '')
    FROM new JOIN run USING (run_id, attempt) WHERE run.status = 'running'
  ON CONFLICT DO NOTHING
  RETURNING run_id, attempt
), told AS (
  SELECT count(pg_notify('aegra_events', payload)) FROM unnest(%(payloads)s::text[]) AS payload
)
SELECT run_id, attempt FROM told LEFT JOIN stored ON true
"""
TELL = "SELECT pg_notify('aegra_events', payload) FROM unnest(%s::text[]) AS payload"


def insert(
    conn: Connection, chunks: Sequence[Chunk], payloads: Sequence[str]
) -> set[tuple[UUID, int]]:
    """Write chunks and tell everybody; returns the attempts whose chunks were written."""
    if not chunks:
        conn.execute(TELL, [list(payloads)])
        return set()
    parameters = {
        "run_ids": [chunk.run_id for chunk in chunks],
        "attempts": [chunk.attempt for chunk in chunks],
        "lasts": [chunk.last for chunk in chunks],
        "bodies": [chunk.body for chunk in chunks],
        "outputs": [chunk.output or b"" for chunk in chunks],
        "payloads": list(payloads),
    }
    return {(row[0], row[1]) for row in conn.execute(INSERT, parameters) if row[0]}


# Of a run's end and its events one snapshot is taken: what it said last is never overlooked.
READ = """
SELECT wanted.run_id, COALESCE(run.status NOT IN ('pending', 'running'), true) AS is_over,
       COALESCE(found.has_more, false), found.attempt, found.body
  FROM unnest(%(run_ids)s::uuid[], %(attempts)s::int4[], %(lasts)s::int8[])
         AS wanted(run_id, attempt, last_id)
  LEFT JOIN run ON run.run_id = wanted.run_id
  LEFT JOIN LATERAL (
    SELECT attempt, last_id, body,
           count(*) OVER () = %(chunks)s OR bool_or(before > %(size)s) OVER () AS has_more, before
      FROM (SELECT attempt, last_id, body, sum(length(body)) OVER (
                     ORDER BY attempt, last_id) - length(body) AS before
              FROM (SELECT * FROM run_event
                     WHERE run_event.run_id = wanted.run_id
                       AND (run_event.attempt, run_event.last_id) > (wanted.attempt, wanted.last_id)
                     ORDER BY attempt, last_id LIMIT %(chunks)s) AS next) AS counted
  ) AS found ON found.before <= %(size)s
 ORDER BY wanted.run_id, found.attempt, found.last_id
"""


def read(
    conn: Connection, wanted: Sequence[tuple[UUID, Position]], *, chunks: int, size: int
) -> list[tuple[UUID, bool, bool, int, bytes]]:
    """Return at least one row for each run: id, is over, has more, and a chunk's attempt and body.

    No more than so many chunks of each, and none after so many bytes.
    """
    parameters = {
        "run_ids": [run_id for run_id, _ in wanted],
        "attempts": [position[0] for _, position in wanted],
        "lasts": [position[1] for _, position in wanted],
        "chunks": chunks,
        "size": size,
    }
    rows: Any = conn.execute(READ, parameters, binary=True).fetchall()
    return list(rows)


LAST = """
SELECT run_id, attempt, last_id FROM unnest(%s::uuid[]) AS asked(run_id), LATERAL (
  SELECT attempt, last_id FROM run_event WHERE run_event.run_id = asked.run_id
   ORDER BY attempt DESC, last_id DESC LIMIT 1) AS newest
"""


def last(conn: Connection, run_ids: Collection[UUID]) -> dict[UUID, Position]:
    rows = conn.execute(LAST, [list(run_ids)]).fetchall()
    return {run_id: (attempt, number) for run_id, attempt, number in rows}


OUTPUT = """
SELECT output FROM run_event WHERE run_id = %s AND output IS NOT NULL
 ORDER BY attempt DESC, last_id DESC LIMIT 1
"""


def output(conn: Connection, run_id: UUID) -> bytes | None:
    row = conn.execute(OUTPUT, [run_id], binary=True).fetchone()
    return row[0] if row else None


# Gone is over.
OVER = """
SELECT asked.run_id FROM unnest(%s::uuid[]) AS asked(run_id) LEFT JOIN run USING (run_id)
 WHERE run.status IS NULL OR run.status NOT IN ('pending', 'running')
"""


def over_among(conn: Connection, run_ids: Collection[UUID]) -> set[UUID]:
    return {run_id for (run_id,) in conn.execute(OVER, [list(run_ids)])}
