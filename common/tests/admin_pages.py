"""What the tests of the admin's pages share."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

HOSTILE = "<script>alert('gotcha')</script><img src=x onerror=alert(2)>"


def logged_in(name: str = "ada", *, permissions: Sequence[str] | None = None) -> Client:
    """Return a client of a superuser, or of somebody who has just these permissions."""
    client = Client()
    is_superuser = permissions is None
    user, _ = User.objects.get_or_create(username=name, is_staff=True, is_superuser=is_superuser)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions or ()))
    client.force_login(user)
    return client


def page(client: Client, model: str, key: object = None, **query: str) -> str:
    """Return the text of a list, or of one record's page, which must answer 200."""
    url = (
        reverse(f"admin:{model}_change", args=[key])
        if key
        else reverse(f"admin:{model}_changelist")
    )
    answer = client.get(url, query)
    assert answer.status_code == 200, (answer.status_code, answer.get("location"))
    return answer.content.decode()


def count_queries(client: Client, model: str, key: object = None) -> int:
    with CaptureQueriesContext(connection) as queries:
        page(client, model, key)
    return len(queries)
