"""The link that logs a developer into the admin, printed at start while DEBUG is on."""

from __future__ import annotations

import re
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from common.http_config import mount_prefix

USERNAME = "admin"
LINK_LIFETIME = timedelta(hours=12)

_ALL_ADDRESSES = frozenset({"", "0", "0.0.0.0", "::"})  # noqa: S104  # nosec
_LOOPBACK_PEER = re.compile(r"127(\.\d+){3}|::1|::ffff:127(\.\d+){3}")
_LOOPBACK_HOST = re.compile(r"(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])(:\d+)?")
# A proxy on this machine speaks for somebody elsewhere.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def login_link(host: str, port: str | int) -> str | None:
    """Return a link that logs in for 12 hours; None unless DEBUG is on."""
    return f"{base_url(host, port)}{make_link()}" if settings.DEBUG else None


def base_url(host: str, port: str | int) -> str:
    """Return the URL by which a browser on this machine finds what is served on an address."""
    name = host.strip("[]")
    if name in _ALL_ADDRESSES:
        name = "localhost"
    elif ":" in name:
        name = f"[{name}]"
    return f"http://{name}:{port}{mount_prefix()}"


def make_link() -> str:
    """Return the link's path and token, without the host."""
    return reverse("dev-login", query={"token": _signer().sign(USERNAME)})


@never_cache
@require_GET
def dev_login(request: HttpRequest) -> HttpResponse:
    """Log in as `admin` whoever has the token, on this machine and in development only."""
    if not settings.DEBUG or not is_local(request):
        raise PermissionDenied("The login link works with DEBUG=true and from this machine only.")
    try:
        _signer().unsign(request.GET.get("token", ""), max_age=LINK_LIFETIME)
    except BadSignature as exc:
        raise PermissionDenied(
            "This login link is not valid any more. Restart the server to get a new one."
        ) from exc
    login(request, development_user(), backend="django.contrib.auth.backends.ModelBackend")
    return redirect("admin:index")


def is_local(request: HttpRequest) -> bool:
    """Tell whether the peer and the Host header are loopback and no proxy stands between."""
    return (
        _LOOPBACK_PEER.fullmatch(request.META.get("REMOTE_ADDR", "")) is not None
        and _LOOPBACK_HOST.fullmatch(request.headers.get("host", "")) is not None
        and not any(name in request.headers for name in _FORWARDED)
    )


def development_user() -> User:
    """Return the superuser `admin`, made with an unusable password at the first use.

    Raises PermissionDenied when an account of this name exists and is no active superuser.
    """
    user, _ = get_user_model().objects.get_or_create(
        username=USERNAME,
        defaults={"is_staff": True, "is_superuser": True, "password": make_password(None)},
    )
    if not (user.is_active and user.is_superuser):
        raise PermissionDenied(f"The account {USERNAME} is not an active superuser.")
    return user


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="aegra_project.devlogin")
