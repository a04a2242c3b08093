"""One attempt to deliver: a signed POST, and what came of it."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

import httpcore
import httpx
from django.conf import settings

from runs.webhooks.addresses import Refused
from runs.webhooks.config import OWN_PREFIX, WebhookConfig
from runs.webhooks.connecting import guarded_pool
from runs.webhooks.own_server import BASE, own_server
from runs.webhooks.queries import PendingDelivery
from runs.webhooks.signing import signature
from runs.webhooks.urls import checked_url, is_own

CONNECT_SECONDS = 5.0
# Of an answer no more is read than tells what is wrong.
READ_BYTES = 1024
_TRANSPORT_ERRORS = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpx.TransportError,
)

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of an attempt."""

    status_code: int | None = None
    error: str | None = None
    """None when it was delivered."""

    is_final: bool = True
    """Whether another attempt would come to the same."""


async def attempt(delivery: PendingDelivery, config: WebhookConfig) -> Attempt:
    """Send a delivery once; whatever goes wrong is in what is returned."""
    try:
        url = checked_url(delivery.url, config)
        headers = _headers(delivery, config, url)
        async with asyncio.timeout(settings.WEBHOOK_TIMEOUT_SECONDS):
            code, text = await _post(url, headers, delivery.body, config)
    except Refused as exc:
        return Attempt(error=f"Refused: {exc}.")
    except TimeoutError:
        seconds = settings.WEBHOOK_TIMEOUT_SECONDS
        return Attempt(error=f"No answer within {seconds:g} seconds.", is_final=False)
    except _TRANSPORT_ERRORS as exc:
        return Attempt(error=f"{type(exc).__name__}: {exc}", is_final=False)
    return _judged(code, text)


def _judged(code: int, text: str) -> Attempt:
    if HTTPStatus.OK <= code < HTTPStatus.MULTIPLE_CHOICES:
        return Attempt(status_code=code)
    if HTTPStatus.MULTIPLE_CHOICES <= code < HTTPStatus.BAD_REQUEST:
        return Attempt(status_code=code, error="Redirects are not followed: name the last URL.")
    may_pass = code >= HTTPStatus.INTERNAL_SERVER_ERROR or code == HTTPStatus.TOO_MANY_REQUESTS
    return Attempt(status_code=code, error=text or f"The answer was {code}.", is_final=not may_pass)


async def _post(
    url: httpx.URL, headers: Headers, body: bytes, config: WebhookConfig
) -> tuple[int, str]:
    if is_own(url):
        request = httpx.Request("POST", BASE.join(url), headers=headers, content=body)
        response = await own_server().handle_async_request(request)
        try:
            return response.status_code, await _beginning(_stream(response.stream))
        finally:
            await response.aclose()
    async with guarded_pool(config) as pool:
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        async with pool.stream(
            "POST", target, headers=headers, content=body, extensions=_timeouts()
        ) as answer:
            return answer.status, await _beginning(answer.aiter_stream())


def _stream(stream: Any) -> AsyncIterable[bytes]:
    found: AsyncIterable[bytes] = stream
    return found


async def _beginning(parts: AsyncIterable[bytes]) -> str:
    """Return the beginning of an answer, however long it is."""
    read = b""
    async for part in parts:
        read += part[:READ_BYTES]
        if len(read) >= READ_BYTES:
            break
    # PostgreSQL's text has no room for NUL.
    return read[:READ_BYTES].decode("utf-8", "replace").replace("\0", "").strip()


def _headers(delivery: PendingDelivery, config: WebhookConfig, url: httpx.URL) -> Headers:
    named: dict[str, str | bytes] = {
        "user-agent": f"aegra-django/{settings.VERSION}",
        **_credentials(url),
        **{name.lower(): value for name, value in config.headers.items()},
        "host": url.netloc or BASE.netloc,
        "content-type": "application/json",
        "content-length": str(len(delivery.body)),
        f"{OWN_PREFIX}delivery": str(delivery.delivery_id),
    }
    if settings.WEBHOOK_SECRET:
        named[f"{OWN_PREFIX}signature"] = signature(
            delivery.body, at=delivery.sent_at, secret=settings.WEBHOOK_SECRET
        )
    return [(name.encode(), _bytes(value)) for name, value in named.items()]


def _credentials(url: httpx.URL) -> Mapping[str, str]:
    if not url.userinfo:
        return {}
    user, _, password = url.userinfo.partition(b":")
    plain = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return {"authorization": f"Basic {b64encode(plain).decode()}"}


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


def _timeouts() -> dict[str, Any]:
    whole = settings.WEBHOOK_TIMEOUT_SECONDS
    connect = min(CONNECT_SECONDS, whole)
    return {"timeout": {"connect": connect, "read": whole, "write": whole, "pool": whole}}
