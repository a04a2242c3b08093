from __future__ import annotations

import logging
import sys
from math import inf, nan

import pytest
from django.core.management import CommandError
from pytest_django import Settings

from aegra_project.checks import NOT_NEGATIVE, POSITIVE, refuse_wrong_settings


def refusal() -> str:
    with pytest.raises(CommandError) as caught:
        refuse_wrong_settings()
    return str(caught.value)


def test_the_defaults_are_possible() -> None:
    refuse_wrong_settings()


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize("value", [0, -1, inf, nan])
def test_what_must_be_positive(settings: Settings, name: str, value: float) -> None:
    setattr(settings, name, value)

    assert refusal() == f"{name}={value:g} must be more than 0. (aegra.E002)"


@pytest.mark.parametrize("name", NOT_NEGATIVE)
def test_what_may_be_nothing_but_not_less(settings: Settings, name: str) -> None:
    setattr(settings, name, 0)
    refuse_wrong_settings()

    setattr(settings, name, -1)

    assert refusal() == f"{name}=-1 must not be less than 0. (aegra.E003)"


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_a_port_that_cannot_be(settings: Settings, port: int) -> None:
    settings.AEGRA_PORT = port

    assert refusal() == f"AEGRA_PORT={port} must be from 1 to 65535. (aegra.E004)"


def test_each_problem_has_a_line(settings: Settings) -> None:
    settings.SETTINGS_PROBLEMS = ["A='x' is not a number."]
    settings.ENGINE_SLOTS = 0

    assert refusal().splitlines() == [
        "A='x' is not a number. (aegra.E001)",
        "ENGINE_SLOTS=0 must be more than 0. (aegra.E002)",
    ]


def test_unknown_variables_are_no_error(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.UNKNOWN_VARIABLES = ["AEGRA_XYZZY"]

    with caplog.at_level(logging.WARNING):
        refuse_wrong_settings()

    assert "Nothing reads these variables: AEGRA_XYZZY." in caplog.text


def test_spans_need_packages_that_are_an_extra(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRACING = True
    refuse_wrong_settings()

    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)

    assert refusal() == (
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: "
        "pip install --requirement requirements-telemetry.txt (aegra.E005)"
    )
