"""pgvector and the table of vectors: whether they are there, and fit the project file."""

from __future__ import annotations

from psycopg.errors import InsufficientPrivilege

from common import db
from store.options import IndexOptions

PGVECTOR = """
SELECT current_setting('server_version_num')::int / 10000 AS major, current_database() AS name,
       EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') AS is_made,
       EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS is_installed
"""

DIMS = """
SELECT atttypmod AS dims FROM pg_attribute
 WHERE attrelid = to_regclass('store_vectors') AND attname = 'embedding' AND atttypmod > 0
"""


class IndexUnavailable(Exception):
    """The database cannot do what `store.index` asks for; one line says what to do."""


async def check_vectors(index: IndexOptions) -> None:
    """Raise IndexUnavailable where pgvector is missing, or the vectors kept are of other dims."""
    found = await db.fetch_one(PGVECTOR)
    assert found is not None
    if not found["is_made"] and not found["is_installed"]:
        raise IndexUnavailable(missing(found["major"]))
    kept = await db.fetch_one(DIMS)
    if kept is not None and kept["dims"] != index.dims:
        raise IndexUnavailable(
            f"`store.index.dims` is {index.dims}, and the vectors that are kept have "
            f"{kept['dims']} numbers: run `manage.py reindexstore --all` once, which makes them "
            "anew, or put the old model back."
        )


async def make_extension() -> None:
    """Make the extension `vector` in this database; raises IndexUnavailable."""
    found = await db.fetch_one(PGVECTOR)
    assert found is not None
    if found["is_made"]:
        return
    # Who may is known by trying only: hosted databases have rules of their own.
    try:
        await db.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except InsufficientPrivilege as exc:
        raise IndexUnavailable(
            "`store.index` needs the extension `vector`, which this role may not make: run "
            f"`CREATE EXTENSION vector` in the database {found['name']} as a superuser once."
        ) from exc


def missing(major: int) -> str:
    """Tell how pgvector is installed into a PostgreSQL of this version."""
    return (
        "`store.index` needs pgvector, which this PostgreSQL lacks. Install it (Debian, Ubuntu: "
        f"`apt install postgresql-{major}-pgvector`; RPM: `pgvector_{major}`; image: "
        f"`pgvector/pgvector:pg{major}`), or remove `store.index`: all else works without it."
    )
