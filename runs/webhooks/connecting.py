"""Connections that lead where a webhook may go, whatever a name resolves to later."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import cache
from ipaddress import ip_address
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

from runs.webhooks.addresses import Refused, check_address, literal_address
from runs.webhooks.config import WebhookConfig


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Looks a name up once, and connects to one of its addresses when all of them are allowed.

    What is connected to is the address that was checked: another answer of the name's server has
    no effect. TLS still asks for a certificate of the name.
    """

    def __init__(self, config: WebhookConfig) -> None:
        self._config = config
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in await self._addresses(host, port, timeout):
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002 -- as it is declared
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 -- as it is declared
    ) -> httpcore.AsyncNetworkStream:
        raise Refused(f"{path} is no address on a network")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int, timeout: float | None) -> list[str]:
        if (literal := literal_address(host)) is not None:
            found = [str(literal)]
        else:
            found = await _looked_up(host, port, timeout)
        for address in found:
            check_address(ip_address(address.partition("%")[0]), self._config)
        return found


async def _looked_up(host: str, port: int, timeout: float | None) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError as exc:
        raise httpcore.ConnectTimeout(f"{host} was not found within {timeout:g} seconds") from exc
    except (OSError, UnicodeError) as exc:
        raise httpcore.ConnectError(f"{host} is not found: {exc}") from exc
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


@asynccontextmanager
async def guarded_pool(config: WebhookConfig) -> AsyncIterator[httpcore.AsyncConnectionPool]:
    """Lend a pool that follows no redirect and knows no proxy."""
    async with httpcore.AsyncConnectionPool(
        ssl_context=_ssl_context(), network_backend=GuardedBackend(config)
    ) as pool:
        yield pool


@cache
def _ssl_context() -> SSLContext:
    # Reads the certificates of all authorities, which takes a while.
    return httpx.create_ssl_context()
