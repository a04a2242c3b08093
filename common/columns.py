"""Many rows as parameters of one statement: a column each, to be unnested."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Literal, TypeAlias

from psycopg import postgres
from psycopg.adapt import Dumper
from psycopg.pq import Format

Cell: TypeAlias = "bytes | None"
"""A value in PostgreSQL's binary form; None is NULL."""

ElementType: TypeAlias = Literal["bytea", "int4", "text", "uuid"]

_pack_int = Struct("!i").pack
# Dimensions, whether there are NULLs (which PostgreSQL finds out by itself), type of an element.
_pack_head = Struct("!iiI").pack
# How many elements, and the number of the first.
_pack_dimension = Struct("!ii").pack
_NULL = _pack_int(-1)


@dataclass(frozen=True, slots=True)
class Column:
    """An array that psycopg would take long to make of Python values, and to find a type for."""

    element: ElementType
    cells: Sequence[Cell]


class ColumnDumper(Dumper):
    """Writes a column in PostgreSQL's binary form; the statement casts it to its type."""

    format = Format.BINARY

    def dump(self, column: Column) -> bytes:
        oid = postgres.types[column.element].oid
        if not column.cells:
            return _pack_head(0, 0, oid)
        parts = [_pack_head(1, 0, oid), _pack_dimension(len(column.cells), 1)]
        for cell in column.cells:
            parts += (_NULL,) if cell is None else (_pack_int(len(cell)), cell)
        return b"".join(parts)


def int_cell(number: int) -> bytes:
    return _pack_int(number)


def columns(elements: Sequence[ElementType], rows: Iterable[Sequence[Cell]]) -> list[Column]:
    """Turn rows into columns; there may be no rows."""
    cells = list(zip(*rows, strict=True)) or [()] * len(elements)
    return [Column(element, column) for element, column in zip(elements, cells, strict=True)]
