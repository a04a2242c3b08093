from __future__ import annotations

from itertools import islice
from pathlib import Path

import django
import pytest
from pytest_django import Settings

from aegra_project.diagnosis import address, data_directory, diagnose, versions
from common.tests.servers import free_port


@pytest.mark.parametrize(
    ("pinned", "deviations"),
    [
        (f"django=={django.__version__}\n\n# why\n", []),
        ("django==1.0\nno-such-package==1", [f"django {django.__version__}, no no-such-package."]),
        ("django==1.0 ; python_version < '3'", []),
    ],
)
def test_packages_of_other_versions_are_named(
    tmp_path: Path, settings: Settings, pinned: str, deviations: list[str]
) -> None:
    (tmp_path / "requirements.txt").write_text(pinned)
    settings.BASE_DIR = tmp_path

    [_, *found] = versions()

    assert [finding.level for finding in found] == ["warning"] * len(deviations)
    assert [deviations[0] in finding.told for finding in found] == [True] * len(deviations)


def test_what_cannot_be_looked_at_is_a_problem_and_the_rest_follows(
    tmp_path: Path, settings: Settings
) -> None:
    settings.BASE_DIR = tmp_path

    _, failed, after = islice(diagnose(), 3)

    assert (failed.level, failed.subject) == ("problem", "versions")
    assert "Looking at it failed: FileNotFoundError: " in failed.told
    assert after.subject == "settings"


@pytest.mark.parametrize(("name", "level"), [("file/data", "problem"), ("new/data", "ok")])
def test_a_data_directory_that_cannot_be_made_is_a_problem(
    tmp_path: Path, settings: Settings, name: str, level: str
) -> None:
    (tmp_path / "file").write_text("")
    settings.AEGRA_DATA_DIR = tmp_path / name

    [finding] = data_directory()

    assert finding.level == level


@pytest.mark.parametrize(("host", "level"), [("127.0.0.1", "ok"), ("192.0.2.1", "problem")])
def test_an_address_that_is_not_this_machines_is_a_problem(
    settings: Settings, host: str, level: str
) -> None:
    settings.AEGRA_HOST, settings.AEGRA_PORT = host, free_port()

    [finding] = address()

    assert finding.level == level
