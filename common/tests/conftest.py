from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.embedded_postgres import socket_dir
from common.tests.processes import nothing_left


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Give an empty data directory, and fail when a test leaves anything of it behind."""
    place = tmp_path / "postgres"
    with nothing_left(place):
        yield place
    assert not socket_dir(place).exists()
