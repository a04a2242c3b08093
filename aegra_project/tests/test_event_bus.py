"""EVENT_BUS_URL: what is wrong with it is told before a run is lost to it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError

from aegra_project.checks import refuse_wrong_settings
from aegra_project.diagnosis import event_bus
from common.tests.servers import free_port
from runs.events.redis import RedisStore
from runs.events.store import StoreLost


def test_another_scheme_is_refused_at_start(settings: Any) -> None:
    settings.EVENT_BUS_URL = "amqp://localhost"

    with pytest.raises(CommandError, match=r"EVENT_BUS_URL must begin with redis://.*aegra\.E006"):
        refuse_wrong_settings()


def test_a_redis_that_is_not_there_is_told_in_one_line_without_its_password() -> None:
    port = free_port()

    with pytest.raises(StoreLost) as told:
        RedisStore(f"redis://:secret@127.0.0.1:{port}/0").check()

    message = str(told.value)
    assert f"127.0.0.1:{port}" in message
    assert "secret" not in message
    assert "\n" not in message


def test_doctor_looks_at_the_event_bus(settings: Any) -> None:
    settings.EVENT_BUS_URL = ""
    assert [found.level for found in event_bus()] == ["ok"]

    settings.EVENT_BUS_URL = f"redis://127.0.0.1:{free_port()}"
    (found,) = event_bus()
    assert (found.level, found.subject) == ("problem", "event bus")
