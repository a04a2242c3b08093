"""Which addresses a webhook may be sent to (pure)."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

from runs.webhooks.config import WebhookConfig

Address: TypeAlias = "IPv4Address | IPv6Address"
Network: TypeAlias = "IPv4Network | IPv6Network"


class Refused(Exception):
    """Nothing is sent there; the message says why, and what allows it."""


PRIVATE: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
# What clouds tell of a machine, its secrets too. Those in link-local networks are refused as such.
METADATA = frozenset(
    ip_address(text) for text in ("100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
# Networks whose addresses stand for one of the old kind, which begins at a bit.
_EMBEDDING: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),
    (IPv6Network("::/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)
# Reserved, tunnels, and translation of which only the network's owner knows: nothing public.
_CLOSED: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in ("192.88.99.0/24", "64:ff9b:1::/48", "2001::/32", "fec0::/10", "5f00::/16")
)
# One to four numbers, each in decimal, octal or hexadecimal: an address to the system's resolver.
_NUMBERS = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}")


def check_address(address: Address, config: WebhookConfig) -> None:
    """Raise Refused for an address that is not public, unless the project allows its kind."""
    inner = _meant(address)
    if inner.is_loopback:
        if config.disable_loopback:
            told = "is this machine; webhooks.url.disable_loopback=false allows it"
            raise Refused(f"{address} {told}")
        return
    if inner in METADATA or not _is_anywhere(inner):
        raise Refused(f"{address} is an address that webhooks are never sent to")
    if _is_in(inner, PRIVATE) and config.disable_private_ips:
        told = "is in a private network; webhooks.url.disable_private_ips=false allows it"
        raise Refused(f"{address} {told}")


def literal_address(host: str) -> Address | None:
    """Return the address that a host is, in any form that a resolver takes; None for a name."""
    text = host.rstrip(".").partition("%")[0]
    with suppress(ValueError):
        return ip_address(text)
    if _NUMBERS.fullmatch(text.lower()):
        with suppress(OSError):
            return IPv4Address(socket.inet_aton(text))
    return None


def _meant(address: Address) -> Address:
    """Return the address of the old kind that one of the new kind leads to, or else itself."""
    if isinstance(address, IPv4Address) or address.is_loopback or address.is_unspecified:
        return address
    for network, bits in _EMBEDDING:
        if address in network:
            return IPv4Address(int(address) >> bits & 0xFFFF_FFFF)
    return address


def _is_anywhere(address: Address) -> bool:
    """Tell whether an address is of a machine, near or far."""
    if address.is_multicast or address.is_reserved or _is_in(address, _CLOSED):
        return False
    return address.is_global or _is_in(address, PRIVATE)


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
