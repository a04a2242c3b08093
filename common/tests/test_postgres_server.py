from __future__ import annotations

from pathlib import Path

import pytest

from common.embedded_postgres import running, socket_dir
from common.postgres_server import PostgresServer
from common.tests.processes import nothing_left, processes_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def test_a_server_that_has_not_begun_to_answer_is_stopped_too(tmp_path: Path) -> None:
    with running(tmp_path):
        pass
    server = PostgresServer(tmp_path, socket_dir(tmp_path))

    with nothing_left(tmp_path):
        server._launch()
        server.stop()

        assert not processes_of(tmp_path)
