"""What a server has in memory when it begins to serve."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from common.tests.processes import ROOT
from common.tests.servers import environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

# Of runserver, of extras, or of other people's graphs.
HEAVY = (
    "OpenSSL",
    "a2a",
    "autobahn",
    "cryptography",
    "daphne",
    "mcp",
    "numpy",
    "openai",
    "pandas",
    "redis",
    "twisted.internet",
)
PROGRAM = """
import gc, json, sys
import django
django.setup()
from aegra_project import serving
from aegra_project.lifespan import server_running
with server_running():
    print(json.dumps({"modules": sorted(sys.modules), "frozen": gc.get_freeze_count()}))
"""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    env = environment(
        tmp_path_factory.mktemp("start"),
        DATABASE_URL="",
        DJANGO_SETTINGS_MODULE="aegra_project.settings",
    )
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE
    )
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def test_serve_imports_nothing_heavy_that_it_does_not_need(started: dict[str, Any]) -> None:
    assert set(started["modules"]) & set(HEAVY) == set()


def test_what_a_start_has_loaded_is_left_to_itself_by_the_collector(
    started: dict[str, Any],
) -> None:
    assert started["frozen"] > 100_000
