from __future__ import annotations

import pytest
from pytest_django import Settings

from aegra_project.welcome import welcome


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://localhost:80"),
        ("::1", "http://[::1]:80"),
        ("::", "http://localhost:80"),
    ],
)
@pytest.mark.usefixtures("served")
def test_the_addresses_shown_can_be_opened(host: str, shown: str) -> None:
    lines = welcome(host, 80).splitlines()

    assert f"  API     {shown}" in lines
    assert f"  Docs    {shown}/docs" in lines


@pytest.mark.usefixtures("served")
def test_it_says_who_is_served(settings: Settings) -> None:
    settings.ALLOW_ANONYMOUS = False
    assert "callers on this machine, without a key" in welcome("127.0.0.1", 80)

    settings.ALLOW_ANONYMOUS = True
    assert "everybody, without a key" in welcome("0.0.0.0", 80)


@pytest.mark.usefixtures("served")
def test_the_log_in_link_is_for_development(settings: Settings) -> None:
    settings.DEBUG = True
    assert "Log in  http://localhost:80/admin/dev-login/?token=" in welcome("0.0.0.0", 80)

    settings.DEBUG = False
    assert "Log in" not in welcome("0.0.0.0", 80)
