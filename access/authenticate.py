from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

from access.caller import ANONYMOUS, Caller
from common.errors import Forbidden
from common.in_process import is_in_process


async def authenticate(request: HttpRequest) -> Caller:
    """Return who sent `request`: with no authentication configured, everybody is anonymous.

    What the process itself sends, for a graph or the project's own routes, is never refused.
    Raises Forbidden for an anonymous caller on another machine, unless ALLOW_ANONYMOUS says so.
    """
    if is_in_process(request):
        return ANONYMOUS
    if not settings.ALLOW_ANONYMOUS and not is_from_here(request):
        raise Forbidden(
            "Without authentication this server answers callers on its own machine only, and "
            "no request that a proxy has forwarded. "
            "Set ALLOW_ANONYMOUS=true to serve everybody who can reach it."
        )
    return ANONYMOUS


# What a proxy adds: the request comes from wherever the proxy is reached.
_FORWARDED = ("forwarded", "via", "x-real-ip")


def is_from_here(request: HttpRequest) -> bool:
    """Tell whether the caller is on this machine; a forwarded request is from elsewhere."""
    names = [name.lower() for name in request.headers]
    if any(name in _FORWARDED or name.startswith("x-forwarded-") for name in names):
        return False
    peer = request.META.get("REMOTE_ADDR")
    # A Unix socket has no address.
    return not peer or _is_loopback(peer)


@lru_cache(maxsize=256)
def _is_loopback(peer: str) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    # A socket that listens to both families shows 127.0.0.1 as ::ffff:127.0.0.1.
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
