"""The statements that LangGraph's own store lacks, or has otherwise than its users expect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from langgraph.store.base import SearchOp
from psycopg import sql

from common import jsoncodec

Statement: TypeAlias = "tuple[sql.SQL | sql.Composed, list[Any]]"

# `created_at` begins anew with an item whose predecessor has expired. PostgreSQL counts whole
# minutes in `ttl_minutes`, from which a read refreshes: rounded up, no item is gone too early.
PUT = sql.SQL("""
INSERT INTO store (prefix, key, value, created_at, updated_at, expires_at, ttl_minutes)
SELECT prefix, key, value, now(), now(), now() + make_interval(secs => ttl * 60), ceil(ttl)
  FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::float8[]) AS item (prefix, key, value, ttl)
ON CONFLICT (prefix, key) DO UPDATE
   SET value = excluded.value, updated_at = now(),
       created_at = CASE WHEN store.expires_at <= now() THEN now() ELSE store.created_at END,
       expires_at = excluded.expires_at, ttl_minutes = excluded.ttl_minutes
""")

DELETE = sql.SQL("""
DELETE FROM store USING unnest(%s::text[], %s::text[]) AS gone (prefix, key)
 WHERE store.prefix = gone.prefix AND store.key = gone.key
""")

FORGET_VECTORS = sql.SQL("""
DELETE FROM store_vectors USING unnest(%s::text[], %s::text[]) AS item (prefix, key)
 WHERE store_vectors.prefix = item.prefix AND store_vectors.key = item.key
""")

KEEP_VECTORS = sql.SQL("""
INSERT INTO store_vectors (prefix, key, field_name, embedding)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]::vector[])
""")

SWEEP = """
WITH gone AS (
  DELETE FROM store WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM store WHERE expires_at <= now() LIMIT %s FOR UPDATE SKIP LOCKED))
  RETURNING pg_column_size(value) AS size
) SELECT count(*) AS rows, COALESCE(sum(size), 0) AS bytes FROM gone
"""
EXPIRED = """
SELECT count(*) AS rows, COALESCE(sum(pg_column_size(value)), 0) AS bytes
  FROM store WHERE expires_at <= now()
"""

_LATEST = sql.SQL("""
SELECT prefix, key, value, created_at, updated_at, NULL::float8 AS distance
  FROM store WHERE {where}
""")

# Each item counts by its nearest text. Exact: see docs/decisions/0010-exact-search.md.
_NEAREST = sql.SQL("""
SELECT store.prefix, store.key, store.value, store.created_at, store.updated_at,
       min(store_vectors.embedding <=> %s::vector) AS distance
  FROM store JOIN store_vectors
    ON store_vectors.prefix = store.prefix AND store_vectors.key = store.key
 WHERE {vectors} AND {where}
 GROUP BY store.prefix, store.key
""")

_PAGE = sql.SQL("{found} ORDER BY distance, updated_at DESC, prefix, key LIMIT %s OFFSET %s")

_REFRESHED = sql.SQL("""
WITH found AS ({page}), refreshed AS (
    UPDATE store SET expires_at = now() + make_interval(mins => store.ttl_minutes)
      FROM found WHERE store.prefix = found.prefix AND store.key = found.key
       AND store.ttl_minutes IS NOT NULL
) SELECT * FROM found ORDER BY distance, updated_at DESC, prefix, key
""")

_AND = sql.SQL(" AND ")
_ALIVE = sql.SQL("(store.expires_at IS NULL OR store.expires_at > now())")
_BELOW = sql.SQL(r"({table}.prefix = %s OR {table}.prefix LIKE %s)")
_EQUAL = sql.SQL("store.value->%s = %s::jsonb")
_UNEQUAL = sql.SQL("store.value->%s IS DISTINCT FROM %s::jsonb")
# JSONB puts any number before any string: only values of one type are compared.
_ORDERED = sql.SQL(
    "(jsonb_typeof(store.value->%s) = jsonb_typeof(%s::jsonb) AND store.value->%s {} %s::jsonb)"
)
_ORDER = {"$gt": sql.SQL(">"), "$gte": sql.SQL(">="), "$lt": sql.SQL("<"), "$lte": sql.SQL("<=")}
OPERATORS = frozenset({"$eq", "$ne", *_ORDER})


def search_statement(op: SearchOp, vector: Sequence[float] | None) -> Statement:
    """Return the statement of a search: the nearest to `vector` first, or the latest.

    Raises ValueError for an operator that the filter cannot have.
    """
    where, params = _where(op)
    if vector is None:
        found = _LATEST.format(where=where)
    else:
        vectors, prefix = _below("store_vectors", op.namespace_prefix)
        found = _NEAREST.format(vectors=vectors, where=where)
        params = [vector_text(vector), *prefix, *params]
    page = _PAGE.format(found=found)
    statement = _REFRESHED.format(page=page) if op.refresh_ttl else page
    return statement, [*params, op.limit, op.offset]


def vector_text(vector: Sequence[float]) -> str:
    """Write a vector as pgvector reads it."""
    return f"[{','.join(map(repr, vector))}]"


def columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """Return the columns of rows, as `unnest` takes them."""
    return [[row[column] for row in rows] for column in range(count)]


def _where(op: SearchOp) -> Statement:
    below, params = _below("store", op.namespace_prefix)
    conditions = [below, _ALIVE]
    for key, wanted in (op.filter or {}).items():
        for condition, values in _conditions(key, wanted):
            conditions.append(condition)
            params.extend(values)
    return _AND.join(conditions), params


def _below(table: str, prefix: tuple[str, ...]) -> Statement:
    """Return the condition that a namespace is this one or lies below it."""
    if not prefix:
        return sql.SQL("true"), []
    text = ".".join(prefix)
    literal = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return _BELOW.format(table=sql.Identifier(table)), [text, f"{literal}.%"]


def _conditions(key: str, wanted: Any) -> Iterator[Statement]:
    """Yield the conditions on one key of the value.

    JSON values are compared as such: by their texts 10 would be less than 9. An object without an
    operator is a value, like any other.
    """
    if not isinstance(wanted, dict) or not any(str(name).startswith("$") for name in wanted):
        wanted = {"$eq": wanted}
    for operator, value in wanted.items():
        text = jsoncodec.dumps(value).decode()
        if operator == "$eq":
            yield _EQUAL, [key, text]
        elif operator == "$ne":
            yield _UNEQUAL, [key, text]
        elif operator in _ORDER:
            yield _ORDERED.format(_ORDER[operator]), [key, text, key, text]
        else:
            known = ", ".join(sorted(OPERATORS))
            raise ValueError(f"filter: unknown operator {operator!r}; known are {known}")
