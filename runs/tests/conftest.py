from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from runs.tests.logged import Lines, logged
from runs.tests.webhook_projects import webhooks_section
from tests.receiving import Receiver, receiving


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A server that webhooks are sent to, and tried again at once."""
    settings.WEBHOOK_RETRY_SECONDS = 0.0
    with receiving() as found, webhooks_section(url={"disable_loopback": False}):
        yield found


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Return the lines of one event that the server writes during the test."""
    with logged() as of:
        yield of
