"""The SQL that finds threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from common import db
from common.db import Row
from common.jsoncodec import JsonObject
from common.search import Search, asked_of, columns, fetch_count, order_by, parameters_of
from threads.extracting import Extract
from threads.queries import THREAD_COLUMNS

# What a search may select besides the columns.
COMPUTED = {"context": "COALESCE(config->'configurable', '{}') AS context"}
SELECTABLE = (*THREAD_COLUMNS, *COMPUTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSearch(Search):
    """What a caller looks for among threads."""

    table: ClassVar[str] = "thread"
    conditions: ClassVar[Mapping[str, str]] = {
        "ids": "thread_id = ANY(%(ids)s)",
        "status": "status = %(status)s",
        "metadata": "metadata @> %(metadata)s",
        "values": "values @> %(values)s",
    }

    ids: tuple[UUID, ...] | None = None
    metadata: JsonObject | None = None
    values: JsonObject | None = None
    status: str | None = None
    sort_by: str = "updated_at"
    select: tuple[str, ...] = THREAD_COLUMNS
    extract: tuple[Extract, ...] = ()


# Three ways to a page, since what a planner guesses of `@>` is wrong by orders of magnitude. First
# a few of the newest threads are looked through, which finds at once what many threads have. When
# they do not fill the page, a sample tells whether many have it, of which a longer look finds the
# newest, or few, all of which the indexes on metadata and values find. Few states are read, since
# each is long: but for the conditions, only those of the page.
SEARCH = """
WITH newest AS MATERIALIZED (
  SELECT thread_id AS found, {sort} AS place FROM (
    SELECT * FROM thread WHERE {lead} ORDER BY {walk_order} LIMIT %(walk)s) AS walked
   WHERE {asked} {order} LIMIT %(wanted)s
), sampled AS MATERIALIZED (
  SELECT count(*) > 1 AS is_common FROM thread TABLESAMPLE SYSTEM (
    100.0 * %(sample)s / greatest(%(sample)s, pg_relation_size('thread')))
   WHERE {asked} AND (SELECT count(*) FROM newest) < %(wanted)s
), newer AS MATERIALIZED (
  SELECT thread_id AS found, {sort} AS place FROM (
    SELECT * FROM thread WHERE {lead} AND (SELECT is_common FROM sampled)
     ORDER BY {walk_order} LIMIT %(longer_walk)s) AS walked
   WHERE {asked} {order} LIMIT %(wanted)s
), page AS (
  SELECT * FROM (
    SELECT * FROM newest WHERE (SELECT count(*) FROM newest) = %(wanted)s
    UNION ALL SELECT * FROM newer WHERE (SELECT count(*) FROM newer) = %(wanted)s
    UNION ALL (
      SELECT thread_id, {sort} FROM (SELECT * FROM thread WHERE {asked} OFFSET 0) AS every
       WHERE greatest((SELECT count(*) FROM newest), (SELECT count(*) FROM newer)) < %(wanted)s
      {order} LIMIT %(wanted)s)) AS either
  {by_place} LIMIT %(limit)s + 1 OFFSET %(offset)s
)
SELECT {columns} FROM page JOIN thread ON thread_id = found {by_place}
"""
# Six blocks, with some fifty threads of small states, or two hundred whose states lie elsewhere.
SAMPLE_BYTES = 50_000
# By their ids, a few are found at once.
SEARCH_AMONG = """
WITH page AS (
  SELECT thread_id AS found, {sort} AS place FROM thread
   WHERE {asked} {order} LIMIT %(limit)s + 1 OFFSET %(offset)s
)
SELECT {columns} FROM page JOIN thread ON thread_id = found {by_place}
"""
# What an index has together with `updated_at`: the newest threads of an assistant, of a graph, of
# a status. Asked for as a range and put in front of the order, so that no other index will do: the
# one on `updated_at` alone, which a planner likes as well, is walked to its end for what is old.
LEADS = {
    "assistant_id": "left(metadata->>'assistant_id', 255)",
    "graph_id": "left(metadata->>'graph_id', 255)",
    "status": "status",
}
LEAD = "{expression} BETWEEN %(lead)s AND %(lead)s"


async def search_threads(search: ThreadSearch, *, caller: Caller) -> list[Row]:
    """Return a page of threads and one more, when there is one."""
    order = order_by(search.sort_by, search.sort_order, "thread_id")
    lead, walk_order, leading = _lead(search)
    query = sql.SQL(SEARCH if search.ids is None else SEARCH_AMONG).format(
        columns=_selected(search),
        sort=sql.Identifier(search.sort_by),
        lead=lead,
        walk_order=walk_order,
        order=order,
        by_place=order_by("place", search.sort_order, "found"),
        asked=asked_of(search, visible=visible_to(caller)),
    )
    async with db.connection() as conn:
        # Planned anew each time: a plan for whatever the parameters may be guesses worse still.
        found = await conn.execute(query, {**_parameters(search), "lead": leading}, prepare=False)
        return await found.fetchall()


async def count_threads(search: ThreadSearch, *, caller: Caller) -> int:
    return await fetch_count(search, visible=visible_to(caller))


def _lead(search: ThreadSearch) -> tuple[sql.Composable, sql.Composed, str | None]:
    """Return the condition and the order by which the newest threads are walked, and its value."""
    given = {**(search.metadata or {}), "status": search.status}
    way, back = ("ASC", "DESC") if search.sort_order.lower() == "asc" else ("DESC", "ASC")
    order = sql.SQL(f"{{}} {way}, thread_id {way}").format(sql.Identifier(search.sort_by))
    for name, text in LEADS.items():
        value = given.get(name)
        if search.sort_by == "updated_at" and isinstance(value, str):
            expression = sql.SQL(text)
            lead = sql.SQL(LEAD).format(expression=expression)
            return lead, sql.SQL(f"{{}} {back}, {{}}").format(expression, order), value[:255]
    return sql.SQL("TRUE"), order, None


def _selected(search: ThreadSearch) -> sql.Composed:
    computed = [sql.SQL(COMPUTED[name]) for name in search.select if name in COMPUTED]
    stored = [name for name in search.select if name not in COMPUTED]
    parts: list[sql.Composable] = [columns(stored)] if stored else []
    extracted = [_extracted(search.extract)] if search.extract else []
    return sql.SQL(", ").join([*parts, *computed, *extracted])


def _extracted(paths: tuple[Extract, ...]) -> sql.Composed:
    found = [
        sql.SQL("{}::text, jsonb_path_query_first({}, {}::jsonpath, silent => true)").format(
            sql.Placeholder(f"alias_{number}"),
            sql.Identifier(path.column),
            sql.Placeholder(f"path_{number}"),
        )
        for number, path in enumerate(paths)
    ]
    return sql.SQL("jsonb_build_object({}) AS extracted").format(sql.SQL(", ").join(found))


def _parameters(search: ThreadSearch) -> dict[str, object]:
    wanted = search.offset + search.limit + 1
    return {
        **parameters_of(search),
        "wanted": wanted,
        # The first finds what a twelfth of all have, the second what a fortieth have, and more than
        # that when few are wanted.
        "walk": 100 + 4 * wanted,
        "sample": SAMPLE_BYTES,
        "longer_walk": 5_000 + 40 * wanted,
        **{f"alias_{number}": path.alias for number, path in enumerate(search.extract)},
        **{f"path_{number}": path.path for number, path in enumerate(search.extract)},
    }
