from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

from access.caller import ANONYMOUS, Caller
from common.errors import Forbidden


async def authenticate(request: HttpRequest) -> Caller:
    """Return who sent `request`: with no authentication configured, everybody is anonymous.

    Raises Forbidden for an anonymous caller on another machine, unless ALLOW_ANONYMOUS says so.
    """
    if not settings.ALLOW_ANONYMOUS and not is_from_here(request):
        raise Forbidden(
            "Without authentication this server answers callers on its own machine only. "
            "Set ALLOW_ANONYMOUS=true to serve everybody who can reach it."
        )
    return ANONYMOUS


def is_from_here(request: HttpRequest) -> bool:
    """Tell whether the caller is on this machine; a forwarded request is from elsewhere."""
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    peer = request.META.get("REMOTE_ADDR")
    # A Unix socket has no address.
    return not peer or ip_address(peer).is_loopback
