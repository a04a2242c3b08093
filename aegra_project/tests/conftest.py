from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from aegra_project.tests.custom_projects import ServingApp, app_served


@pytest.fixture
def serving(tmp_path: Path, served: None) -> ServingApp:
    def make(target: str = "app.py:app", **http: Any) -> AbstractContextManager[None]:
        return app_served(tmp_path, target, **http)

    return make
