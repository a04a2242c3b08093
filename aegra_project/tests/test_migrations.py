"""Migrations of our apps lead to an empty database and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.tests.servers import manage, traceless

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

# Those that others depend on come last.
APPS = ("runs", "threads", "assistants", "store")


def migrate(place: Path, *arguments: str) -> None:
    done = manage(place, "migrate", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_app_can_be_undone_and_applied_again(tmp_path: Path) -> None:
    with traceless(tmp_path):
        migrate(tmp_path)

        for app in APPS:
            migrate(tmp_path, app, "zero")
        unapplied = manage(tmp_path, "showmigrations", *APPS).stdout
        migrate(tmp_path)

        assert "[X]" not in unapplied
        migrate(tmp_path, "--check")
