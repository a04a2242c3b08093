"""A database in which another program has tables of our names, as Aegra's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from common.embedded_postgres import running, socket_dir
from common.tests.servers import manage, the_line_of, traceless

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    data = tmp_path / "data" / "postgres"
    with traceless(tmp_path), running(data):
        with connected(tmp_path) as server:
            server.execute("CREATE TABLE thread (thread_id text)")
            server.execute("CREATE TABLE alembic_version (version_num text)")
        yield tmp_path


def connected(place: Path) -> psycopg.Connection:
    data = place / "data" / "postgres"
    return psycopg.connect(f"host={socket_dir(data)} user=aegra dbname=aegra", autocommit=True)


@pytest.mark.parametrize("auto_migrate", ["true", "false"])
def test_it_is_refused_in_one_line_and_left_as_it_is(place: Path, auto_migrate: str) -> None:
    line = the_line_of(manage(place, "startup", AUTO_MIGRATE=auto_migrate))

    assert "another program has made (thread)" in line
    assert "Nothing was changed" in line
    with connected(place) as server:
        assert server.execute(TABLES).fetchall() == [("alembic_version",), ("thread",)]


def test_the_doctor_tells_of_it(place: Path) -> None:
    found = manage(place, "doctor")

    assert found.returncode == 1
    assert "another program has made (thread)" in found.stdout
