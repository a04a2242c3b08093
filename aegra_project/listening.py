from __future__ import annotations

import errno
import logging
import socket
from ipaddress import ip_address

from django.conf import settings
from django.core.management import CommandError

logger = logging.getLogger(__name__)


def bound_socket(host: str, port: int) -> socket.socket:
    """Bind, for the server to listen on when it is ready; raises CommandError in one line."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as exc:
        listening.close()
        raise CommandError(_told(host, port, exc)) from exc
    return listening


def given_socket(fd: int) -> socket.socket:
    """Take over a socket that another program has bound; raises CommandError in one line."""
    try:
        given = socket.socket(fileno=fd)
    except OSError as exc:
        raise CommandError(f"--fd={fd} is no socket: {exc.strerror}.") from exc
    if given.family not in (socket.AF_INET, socket.AF_INET6):
        given.detach()
        raise CommandError(f"--fd={fd} is no socket of an IP address.")
    # What a graph starts must not keep the address taken.
    given.set_inheritable(False)
    return given


def check_free(host: str, port: int) -> None:
    """Raise CommandError when the address cannot be listened on."""
    bound_socket(host, port).close()


def refuse_public(host: str) -> None:
    """Raise CommandError for an address that others can reach, unless everybody is welcome."""
    if is_loopback(host):
        return
    if settings.ALLOW_ANONYMOUS:
        logger.warning("no key is asked for: everybody who can reach it may use %s", host)
    else:
        raise CommandError(
            f"Without authentication, {host} would serve everybody who can reach it. "
            "Set ALLOW_ANONYMOUS=true if that is meant, or serve on 127.0.0.1."
        )


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _told(host: str, port: int, exc: Exception) -> str:
    if isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken: stop what listens there, or choose another port."
    return f"Cannot listen on {host}:{port}: {exc}"
