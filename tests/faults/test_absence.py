"""A database that goes away under a server, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.embedded_postgres import acquire, socket_dir
from common.tests.prepared import prepare
from common.tests.processes import wait_until
from common.tests.servers import serving, traceless

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with traceless(prepare(tmp_path)):
        yield tmp_path


@pytest.mark.parametrize("command", ["serve", "runserver"])
def test_an_absent_database_is_answered_with_503_until_it_is_back(
    place: Path, command: str
) -> None:
    elsewhere = place / "elsewhere"
    database = acquire(elsewhere)
    url = f"postgres://aegra@/aegra?host={socket_dir(elsewhere)}"
    env = {"DATABASE_URL": url, "DB_CONNECT_SECONDS": "2"}
    with serving(place, command, **env) as server, server.client() as api:
        path = "/threads/" + api.post("/threads", json={}).json()["thread_id"]

        database.release()

        answer = api.get(path)
        assert answer.status_code == 503
        assert answer.json() == {"detail": "The database cannot be reached; try again."}
        assert api.get("/ok").status_code == 200
        assert api.get("/ok", params={"check_db": "1"}).status_code == 503

        database = acquire(elsewhere)
        try:
            wait_until(lambda: api.get(path).status_code == 200)
            body = {"assistant_id": "echo", "input": {"messages": []}}
            assert [api.post("/runs/wait", json=body).status_code for _ in range(20)] == [200] * 20
            assert server.stopped() == 0
        finally:
            database.release()
        assert "Traceback" not in server.said()
