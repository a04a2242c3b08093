from __future__ import annotations

import logging

import pytest
from django.core.management import CommandError
from django.test import override_settings

from aegra_project.connection_budget import connections_of_a_process, refuse_too_many


def test_an_engine_needs_connections_beside_those_of_http() -> None:
    assert connections_of_a_process(executes=True) > connections_of_a_process(executes=False)


def test_eight_processes_fit_the_embedded_database_as_it_is_set_up() -> None:
    refuse_too_many(8, executes=True)


def test_more_than_the_embedded_database_bears_is_refused() -> None:
    with pytest.raises(CommandError, match=r"12 processes may open \d+ database connections"):
        refuse_too_many(12, executes=True)


def test_of_another_database_it_is_said_only(
    served: None, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(EMBEDDED_POSTGRES=False), caplog.at_level(logging.WARNING):
        refuse_too_many(100, executes=True)

    assert "100 processes may open" in caplog.text
