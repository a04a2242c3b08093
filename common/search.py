"""What every search and list has in common: pages, sorting, selected fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from django.http import QueryDict
from psycopg import sql

from common import jsoncodec
from common.errors import Unprocessable

RowT = TypeVar("RowT")


def one_page(
    rows: Sequence[RowT], *, offset: int, limit: int
) -> tuple[Sequence[RowT], dict[str, str]]:
    """Return the page among rows fetched with `limit + 1`, and its pagination headers.

    The total is exact on the last page, else a lower bound (the API's own rule).
    """
    if len(rows) <= limit:
        return rows, {"x-pagination-total": str(offset + len(rows))}
    following = offset + limit
    headers = {"x-pagination-next": str(following), "x-pagination-total": str(following + 1)}
    return rows[:limit], headers


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
