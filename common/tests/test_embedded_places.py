"""Where the embedded server is put, and who may be there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.embedded_postgres import EmbeddedPostgresError, acquire, running, socket_dir
from common.tests.holding import ask, held, holder, let_go, refusal
from common.tests.processes import ORDINARY_UID

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]
as_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


@as_root
def test_a_socket_directory_of_somebody_else_is_refused(data_dir: Path) -> None:
    place = socket_dir(data_dir)
    place.mkdir()
    os.chown(place, ORDINARY_UID, ORDINARY_UID)

    with pytest.raises(EmbeddedPostgresError, match="belongs to somebody else"):
        acquire(data_dir)

    place.rmdir()


def test_a_link_in_place_of_the_socket_directory_is_refused(data_dir: Path, tmp_path: Path) -> None:
    place = socket_dir(data_dir)
    place.symlink_to(tmp_path)

    with pytest.raises(EmbeddedPostgresError, match="belongs to somebody else"):
        acquire(data_dir)

    place.unlink()


def test_the_socket_is_private(data_dir: Path) -> None:
    with running(data_dir):
        assert socket_dir(data_dir).stat().st_mode & 0o777 == 0o700


def test_a_long_path_is_no_obstacle(data_dir: Path) -> None:
    deep = data_dir / ("a" * 100) / ("b" * 100)

    with running(deep):
        assert ask(deep, "SELECT 1") == 1


def test_a_path_of_odd_characters_is_no_obstacle(data_dir: Path) -> None:
    odd = data_dir / 'it\'s mine, 100% "ours" = ü'

    with running(odd):
        assert ask(odd, "SELECT 1") == 1


def test_a_long_temporary_directory_is_no_obstacle(data_dir: Path, tmp_path: Path) -> None:
    deep = tmp_path / ("t" * 100)
    deep.mkdir()

    with holder(data_dir, TMPDIR=str(deep)) as process:
        held(process)
        let_go(process)


@as_root
def test_root_without_user_namespaces_is_told_what_to_do(data_dir: Path, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()

    with holder(data_dir, PATH=str(empty)) as process:
        assert "DATABASE_URL" in refusal(process)


@as_root
def test_a_refused_user_namespace_is_told_too(data_dir: Path, tmp_path: Path) -> None:
    refuser = tmp_path / "unshare"
    refuser.write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    refuser.chmod(0o755)

    with holder(data_dir, PATH=f"{tmp_path}:{os.environ['PATH']}") as process:
        assert "refuses a user namespace" in refusal(process)
