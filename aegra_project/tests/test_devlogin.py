from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from pytest_django import Settings

from aegra_project import devlogin

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def development(settings: Settings) -> None:
    settings.DEBUG = True


def local_client() -> Client:
    return Client(REMOTE_ADDR="127.0.0.1", headers={"host": "localhost:2026"})


def test_the_link_logs_in() -> None:
    client = local_client()

    answer = client.get(devlogin.make_link())

    assert (answer.status_code, answer["location"]) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200
    assert not User.objects.get(username="admin").has_usable_password()


def test_an_account_that_is_no_superuser_is_not_raised_to_one() -> None:
    User.objects.create(username="admin", is_staff=True)

    assert local_client().get(devlogin.make_link()).status_code == 403


def test_a_tampered_link_is_refused() -> None:
    link = devlogin.make_link()

    for token in (link.replace("admin%3A", "other%3A"), link[:-1], "/admin/dev-login/"):
        assert local_client().get(token).status_code == 403


def test_a_link_of_another_purpose_is_refused() -> None:
    token = signing.TimestampSigner(salt="something else").sign("admin")

    answer = local_client().get("/admin/dev-login/", {"token": token})

    assert answer.status_code == 403


def test_an_expired_link_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    link = devlogin.make_link()
    monkeypatch.setattr(devlogin, "LINK_LIFETIME", timedelta(seconds=-1))

    assert local_client().get(link).status_code == 403


def test_without_debug_there_is_no_link_and_none_is_taken(settings: Settings) -> None:
    link = devlogin.make_link()
    settings.DEBUG = False

    assert devlogin.login_link("127.0.0.1", 2026) is None
    assert local_client().get(link, headers={"host": "testserver"}).status_code == 403


@pytest.mark.parametrize(
    "foreign",
    [
        {"REMOTE_ADDR": "10.0.0.7"},
        {"HTTP_HOST": "testserver"},
        {"HTTP_X_FORWARDED_FOR": "10.0.0.7"},
        {"HTTP_FORWARDED": "for=10.0.0.7"},
    ],
)
def test_only_this_machine_is_let_in(foreign: dict[str, str]) -> None:
    environ: Any = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost", **foreign}

    assert Client(**environ).get(devlogin.make_link()).status_code == 403


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "http://127.0.0.1:2026/admin/dev-login/"),
        ("0.0.0.0", "http://localhost:2026/admin/dev-login/"),
        ("[::1]", "http://[::1]:2026/admin/dev-login/"),
        ("::1", "http://[::1]:2026/admin/dev-login/"),
    ],
)
def test_the_link_names_an_address_a_browser_reaches(host: str, shown: str) -> None:
    link = devlogin.login_link(host, "2026")

    assert link is not None
    assert link.startswith(shown)
