"""What every search and list has in common: pages, sorting, selected fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

from django.http import QueryDict
from psycopg import sql

from common import db, jsoncodec
from common.db import Row, jsonb
from common.errors import Unprocessable

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A page of a table's records. Each table adds what may be asked; None is no condition."""

    table: ClassVar[str]
    """Its key is called after it: `thread`, `thread_id`."""

    conditions: ClassVar[Mapping[str, str]]
    """The SQL of what may be asked, by field: `status = %(status)s`."""

    select: tuple[str, ...]
    sort_by: str = "created_at"
    sort_order: str = "desc"
    limit: int = 10
    offset: int = 0


PAGE = "SELECT {columns} FROM {table} WHERE {asked} {order} LIMIT %(limit)s + 1 OFFSET %(offset)s"
COUNT = "SELECT count(*) AS n FROM {table} WHERE {asked}"


async def fetch_page(search: Search, *, visible: sql.Composable) -> list[Row]:
    """Return a page of records and one more, when there is one."""
    query = sql.SQL(PAGE).format(
        columns=columns(search.select),
        table=sql.Identifier(search.table),
        asked=asked_of(search, visible=visible),
        order=order_by(search.sort_by, search.sort_order, f"{search.table}_id"),
    )
    return await db.fetch_all(query, parameters_of(search))


async def fetch_count(search: Search, *, visible: sql.Composable) -> int:
    query = sql.SQL(COUNT).format(
        table=sql.Identifier(search.table), asked=asked_of(search, visible=visible)
    )
    row = await db.fetch_one(query, parameters_of(search))
    assert row is not None
    return int(row["n"])


def asked_of(search: Search, *, visible: sql.Composable) -> sql.Composed:
    """Return the condition on rows; an empty object or text asks for nothing."""
    asked = [
        sql.SQL(text)
        for name, text in search.conditions.items()
        if getattr(search, name) not in (None, {}, "")
    ]
    return sql.SQL(" AND ").join([visible, *asked])


def parameters_of(search: Search) -> dict[str, object]:
    return {field.name: _parameter(getattr(search, field.name)) for field in fields(search)}


def _parameter(value: Any) -> object:
    """Return a value as PostgreSQL takes it: an object as JSON, a tuple as an array."""
    if isinstance(value, dict):
        return jsonb(value)
    return list(value) if isinstance(value, tuple) else value


def one_page(rows: Sequence[RowT], search: Search) -> tuple[Sequence[RowT], dict[str, str]]:
    """Return the page among rows fetched with `limit + 1`, and its pagination headers.

    The total is exact on the last page, else a lower bound (the API's own rule).
    """
    if len(rows) <= search.limit:
        return rows, {"x-pagination-total": str(search.offset + len(rows))}
    following = search.offset + search.limit
    headers = {"x-pagination-next": str(following), "x-pagination-total": str(following + 1)}
    return rows[: search.limit], headers


def order_by(column: str, direction: str, tie: str) -> sql.Composed:
    """Write ORDER BY for a column that a serializer has checked; `tie` makes it total."""
    way = sql.SQL("ASC" if direction.lower() == "asc" else "DESC")
    return sql.SQL("ORDER BY {} {}, {} {}").format(
        sql.Identifier(column), way, sql.Identifier(tie), way
    )


def columns(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def list_param(query: QueryDict, name: str) -> list[str]:
    """Read a list from the query: plain, repeated, comma-free JSON array, as the SDKs write it."""
    values: list[str] = []
    for text in query.getlist(name) + query.getlist(f"{name}[]"):
        values.extend(_listed(text))
    return values


def page_params(query: Mapping[str, str], *, default: int) -> tuple[int, int]:
    """Read `limit`, which has a default, and `offset` from the query."""
    limit = whole_param(query, "limit", default=default, minimum=1, maximum=1000)
    return limit, whole_param(query, "offset", default=0, minimum=0, maximum=2**31 - 1)


def whole_param(
    query: Mapping[str, str], name: str, *, default: int, minimum: int, maximum: int
) -> int:
    """Read a whole number from the query; raises Unprocessable out of its bounds."""
    text = query.get(name)
    if text is None or text == "":
        return default
    try:
        value = int(text) if len(text) < 20 else maximum + 1
    except ValueError:
        raise Unprocessable(f"{name}: must be an integer") from None
    if not minimum <= value <= maximum:
        raise Unprocessable(f"{name}: must be between {minimum} and {maximum}")
    return value


def _listed(text: str) -> list[str]:
    if not text.startswith(("[", '"')):
        return [text] if text else []
    try:
        parsed = jsoncodec.loads(text.encode())
    except jsoncodec.InvalidJson as exc:
        raise Unprocessable(f"Invalid JSON in the query: {exc}") from exc
    items = parsed if isinstance(parsed, list) else [parsed]
    return [str(item) for item in items]
