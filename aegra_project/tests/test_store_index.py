"""`store.index` at start, in `doctor` and in `reindexstore`, with pgvector and without."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from common.embedded_postgres import running, socket_dir
from common.tests.processes import ROOT
from common.tests.projects import write_project
from common.tests.servers import LiveServer, manage, serving, the_line_of, traceless

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

POSTGRES = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
EMBED = (ROOT / "tests" / "graphs" / "embed.py").read_text()
WIDER = "def embed(texts: list[str]) -> list[list[float]]:\n    return [[1.0] * 9 for _ in texts]\n"
INDEX: dict[str, Any] = {"dims": 4, "embed": "./embed.py:embed", "fields": ["text"]}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with traceless(tmp_path):
        yield tmp_path


@pytest.fixture
def without_pgvector() -> Iterator[str]:
    """Make an empty database on a PostgreSQL that lacks pgvector, and return its URL."""
    name = f"aegra_index_{os.getpid()}"
    try:
        server = psycopg.connect(POSTGRES, autocommit=True)
    except psycopg.OperationalError:
        pytest.skip(f"no PostgreSQL at {POSTGRES}")
    with server:
        found = "SELECT FROM pg_available_extensions WHERE name = 'vector'"
        if server.execute(found).fetchone():
            pytest.skip("it has pgvector")
        server.execute(f"CREATE DATABASE {name}".encode())
        yield f"{POSTGRES.rpartition('/')[0]}/{name}"
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def project(place: Path, index: dict[str, Any] | None, embed: str = EMBED) -> str:
    """Write a project whose store has an index, or none; return its path."""
    graphs: Any = {"agent": f"{ROOT}/tests/graphs/chat.py:agent"}
    store: Any = {"index": index} if index else {}
    return str(write_project(place / "p", {"embed.py": embed}, graphs=graphs, store=store))


def put(server: LiveServer, key: str, text: str) -> int:
    item = {"namespace": ["notes"], "key": key, "value": {"text": text}}
    with server.client() as client:
        return client.put("/store/items", json=item).status_code


def keys(server: LiveServer, query: str) -> list[str]:
    search = {"namespace_prefix": ["notes"], "query": query}
    with server.client() as client:
        answer = client.post("/store/items/search", json=search)
    assert answer.status_code == 200, answer.text
    return [item["key"] for item in answer.json()["items"]]


def test_on_the_embedded_database_an_index_works_at_once(place: Path) -> None:
    with serving(place, AEGRA_CONFIG=project(place, INDEX)) as server:
        assert put(server, "cat", "a cat") == 204
        assert put(server, "plum", "a plum") == 204

        assert keys(server, "kitten") == ["cat", "plum"]
        assert keys(server, "fruit") == ["plum", "cat"]
        assert "WARNING" not in server.said()


@pytest.mark.parametrize("command", ["startup", "serve", "reindexstore"])
def test_without_pgvector_an_index_is_refused_in_one_line_that_says_what_to_install(
    place: Path, without_pgvector: str, command: str
) -> None:
    config = project(place, INDEX)

    line = the_line_of(manage(place, command, AEGRA_CONFIG=config, DATABASE_URL=without_pgvector))

    assert "`store.index` needs pgvector, which this PostgreSQL lacks" in line
    assert "apt install postgresql-15-pgvector" in line
    assert "remove `store.index`: all else works without it" in line


def test_a_role_that_may_not_make_the_extension_is_told_what_to_run(place: Path) -> None:
    data = place / "other" / "postgres"
    with running(data):
        with psycopg.connect(f"host={socket_dir(data)} user=aegra", autocommit=True) as server:
            server.execute("CREATE ROLE plain LOGIN")
            server.execute("CREATE DATABASE plain OWNER plain")
        url = f"postgres://plain@/plain?host={socket_dir(data)}"
        config = project(place, INDEX)

        line = the_line_of(manage(place, "startup", AEGRA_CONFIG=config, DATABASE_URL=url))
        assert "run `CREATE EXTENSION vector` in the database plain" in line

        with psycopg.connect(f"host={socket_dir(data)} user=aegra dbname=plain") as server:
            server.execute("CREATE EXTENSION vector")
        again = manage(place, "startup", AEGRA_CONFIG=config, DATABASE_URL=url)
        assert again.returncode == 0, again.stderr


def test_without_pgvector_everything_else_of_the_store_works(
    place: Path, without_pgvector: str
) -> None:
    config = project(place, None)

    with serving(place, AEGRA_CONFIG=config, DATABASE_URL=without_pgvector) as server:
        assert put(server, "cat", "a cat") == 204
        assert keys(server, "kitten") == ["cat"]


def test_doctor_tells_of_pgvector_and_of_the_embedding(place: Path, without_pgvector: str) -> None:
    config = project(place, {**INDEX, "embed": "openai:text-embedding-3-small"})

    done = manage(place, "doctor", AEGRA_CONFIG=config, DATABASE_URL=without_pgvector)

    assert done.returncode == 1
    assert "problem  pgvector: `store.index` needs pgvector" in done.stdout
    assert "problem  embedding: `store.index.embed`: openai:" in done.stdout
    assert "pip install" in done.stdout


def test_doctor_finds_nothing_wrong_with_a_good_index(place: Path) -> None:
    config = project(place, INDEX)
    assert manage(place, "startup", AEGRA_CONFIG=config).returncode == 0

    done = manage(place, "doctor", AEGRA_CONFIG=config)

    assert "ok       pgvector: " in done.stdout
    assert "ok       embedding: ./embed.py:embed: 4 numbers." in done.stdout


def test_items_of_a_time_without_an_index_are_embedded_by_reindexstore(place: Path) -> None:
    with serving(place, AEGRA_CONFIG=project(place, None)) as server:
        for number in range(7):
            assert put(server, f"cat {number}", "a cat") == 204
        put(server, "none", "")
    config = project(place, INDEX)
    with serving(place, AEGRA_CONFIG=config) as server:
        assert put(server, "plum", "a plum") == 204
        assert keys(server, "kitten") == ["plum"]

        done = manage(place, "reindexstore", "--batch", "3", AEGRA_CONFIG=config)

        assert done.stdout == "Embedded: 8. Without a text: 0.\n", done.stderr
        assert keys(server, "kitten")[:7] == [f"cat {number}" for number in range(6, -1, -1)]
    again = manage(place, "reindexstore", AEGRA_CONFIG=config)
    assert again.stdout == "Embedded: 0. Without a text: 0.\n"


def test_another_length_of_vectors_is_refused_until_all_items_are_embedded_anew(
    place: Path,
) -> None:
    with serving(place, AEGRA_CONFIG=project(place, INDEX)) as server:
        assert put(server, "cat", "a cat") == 204
    config = project(place, {**INDEX, "dims": 9}, embed=WIDER)

    line = the_line_of(manage(place, "startup", AEGRA_CONFIG=config))
    assert "`store.index.dims` is 9, and the vectors that are kept have 4 numbers" in line
    assert "manage.py reindexstore --all" in line

    done = manage(place, "reindexstore", "--all", AEGRA_CONFIG=config)
    assert done.stdout == "Embedded: 1. Without a text: 0.\n", done.stderr
    with serving(place, AEGRA_CONFIG=config) as server:
        assert keys(server, "anything") == ["cat"]


def test_tables_for_vectors_that_are_missing_are_told_of_when_they_may_not_be_made(
    place: Path,
) -> None:
    assert manage(place, "startup", AEGRA_CONFIG=project(place, None)).returncode == 0
    config = project(place, INDEX)

    line = the_line_of(manage(place, "startup", AEGRA_CONFIG=config, AUTO_MIGRATE="false"))

    assert "vector_migrations" in line
    assert "AUTO_MIGRATE=true manage.py startup" in line


@pytest.mark.parametrize("command", ["startup", "serve", "reindexstore"])
def test_an_embedding_that_cannot_be_is_told_in_one_line(place: Path, command: str) -> None:
    config = project(place, {**INDEX, "embed": "openai:text-embedding-3-small"})

    line = the_line_of(manage(place, command, AEGRA_CONFIG=config))

    assert "`store.index.embed`: openai:text-embedding-3-small: " in line
    assert "pip install" in line


def test_reindexstore_without_an_index_says_so(place: Path) -> None:
    line = the_line_of(manage(place, "reindexstore", AEGRA_CONFIG=project(place, None)))

    assert "has no `store.index`" in line


def test_reindexstore_whose_embedding_fails_says_so(place: Path) -> None:
    with serving(place, AEGRA_CONFIG=project(place, None)) as server:
        assert put(server, "k", "kaput") == 204

    done = manage(place, "reindexstore", AEGRA_CONFIG=project(place, INDEX))

    log, line = done.stderr.splitlines()
    assert "ValueError: no model today" in log
    assert "failed: ValueError" in line
    assert "What was embedded until then is kept." in line
