"""Another `webhooks` section for the length of a test."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from common.config import project_config, use_project


@contextmanager
def webhooks_section(**keys: Any) -> Iterator[None]:
    """Serve the present project with this `webhooks` section inside the block."""
    with use_project(dataclasses.replace(project_config(), webhooks=keys)):
        yield
