"""The SQL that finds threads."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from access.caller import Caller
from access.scoping import visible_to
from common import db
from common.db import Row, jsonb
from common.jsoncodec import JsonObject
from common.search import columns, order_by, walk_length
from threads.extracting import Extract
from threads.queries import THREAD_COLUMNS

# What a search may select besides the columns.
COMPUTED = {"context": "COALESCE(config->'configurable', '{}') AS context"}
SELECTABLE = (*THREAD_COLUMNS, *COMPUTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSearch:
    """What a caller looks for among threads; None is no condition."""

    ids: tuple[UUID, ...] | None = None
    metadata: JsonObject | None = None
    values: JsonObject | None = None
    status: str | None = None
    limit: int = 10
    offset: int = 0
    sort_by: str = "updated_at"
    sort_order: str = "desc"
    select: tuple[str, ...] = THREAD_COLUMNS
    extract: tuple[Extract, ...] = ()


# Two ways to a page, since what a planner guesses of `@>` is wrong by orders of magnitude: first
# the newest threads are looked through, which finds at once what many threads have; when they do
# not fill the page, the indexes on metadata and values find what few have. Neither reads a state
# that is not on the page, unless a condition on states has to.
SEARCH = """
WITH newest AS MATERIALIZED (
  SELECT thread_id AS found, {sort} AS place FROM (
    SELECT * FROM thread WHERE {plain} {order} LIMIT %(walk)s) AS walked
   WHERE {contained} {order} LIMIT %(wanted)s
), every AS MATERIALIZED (
  SELECT thread_id AS found, {sort} AS place FROM thread
   WHERE {plain} AND {contained} AND (SELECT count(*) FROM newest) < %(wanted)s
), page AS (
  SELECT * FROM (
    SELECT * FROM newest WHERE (SELECT count(*) FROM newest) = %(wanted)s
    UNION ALL SELECT * FROM every) AS either
  {by_place} LIMIT %(limit)s + 1 OFFSET %(offset)s
)
SELECT {columns} FROM page JOIN thread ON thread_id = found {by_place}
"""
# By their ids, a few are found at once.
SEARCH_AMONG = """
WITH page AS (
  SELECT thread_id AS found, {sort} AS place FROM thread
   WHERE {plain} AND {contained} {order} LIMIT %(limit)s + 1 OFFSET %(offset)s
)
SELECT {columns} FROM page JOIN thread ON thread_id = found {by_place}
"""
COUNT = "SELECT count(*) AS n FROM thread WHERE {plain} AND {contained}"

# What a B-tree index can tell, and what has to be looked for in a thread's JSON.
PLAIN = {"ids": "thread_id = ANY(%(ids)s)", "status": "status = %(status)s"}
CONTAINED = {"metadata": "metadata @> %(metadata)s", "values": "values @> %(values)s"}


async def search_threads(search: ThreadSearch, *, caller: Caller) -> list[Row]:
    """Return a page of threads and one more, when there is one."""
    query = sql.SQL(SEARCH if search.ids is None else SEARCH_AMONG).format(
        columns=_selected(search),
        sort=sql.Identifier(search.sort_by),
        order=order_by(search.sort_by, search.sort_order, "thread_id"),
        by_place=order_by("place", search.sort_order, "found"),
        **_conditions(search, caller),
    )
    return await db.fetch_all(query, _parameters(search))


async def count_threads(search: ThreadSearch, *, caller: Caller) -> int:
    query = sql.SQL(COUNT).format(**_conditions(search, caller))
    row = await db.fetch_one(query, _parameters(search))
    assert row is not None
    return int(row["n"])


def _conditions(search: ThreadSearch, caller: Caller) -> dict[str, sql.Composed]:
    return {
        "plain": _all_of([sql.SQL("TRUE"), *_asked(search, PLAIN)]),
        "contained": _all_of([visible_to(caller), *_asked(search, CONTAINED)]),
    }


def _asked(search: ThreadSearch, conditions: dict[str, str]) -> list[sql.Composable]:
    return [
        sql.SQL(text)
        for name, text in conditions.items()
        if getattr(search, name) not in (None, {})
    ]


def _all_of(conditions: list[sql.Composable]) -> sql.Composed:
    return sql.SQL(" AND ").join(conditions)


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
        "ids": None if search.ids is None else list(search.ids),
        "metadata": jsonb(search.metadata),
        "values": jsonb(search.values),
        "status": search.status,
        "limit": search.limit,
        "offset": search.offset,
        "wanted": wanted,
        "walk": walk_length(wanted),
        **{f"alias_{number}": path.alias for number, path in enumerate(search.extract)},
        **{f"path_{number}": path.path for number, path in enumerate(search.extract)},
    }
