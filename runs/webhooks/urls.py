"""Which URLs a webhook may have, as far as can be told without looking up a name (pure)."""

from __future__ import annotations

import re

import httpx

from common.errors import Unprocessable
from runs.webhooks.addresses import Refused, check_address, literal_address
from runs.webhooks.config import HIGHEST_PORT, WebhookConfig, webhook_config

_PORTS = {"http": 80, "https": 443}
# A name as it is looked up, or an address.
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+(%[a-z0-9._-]+)?")


def asked_url(text: str | None) -> str | None:
    """Return the URL that a request names, if any; raises Unprocessable for one not allowed."""
    try:
        return str(checked_url(text, webhook_config())) if text else None
    except Refused as exc:
        raise Unprocessable(f"webhook: {exc}.") from exc


def checked_url(text: str, config: WebhookConfig) -> httpx.URL:
    """Return a URL that the project allows; raises Refused.

    A path alone is one of this server's own.
    """
    if len(text) > config.max_url_length:
        raise Refused(
            f"the URL has {len(text)} characters; at most {config.max_url_length} are allowed"
        )
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as exc:
        raise Refused(f"it is no URL: {exc}") from exc
    if text.startswith("/") and is_own(url):
        _check_own(text, config)
    else:
        _check_foreign(url, config)
    return url


def is_own(url: httpx.URL) -> bool:
    return not url.scheme and not url.host


def shown(url: httpx.URL) -> str:
    """Return a URL without what may be a secret: credentials, and the values of the query."""
    bare = url.copy_with(username=None, password=None, query=None, fragment=None)
    return f"{bare}?…" if url.query else str(bare)


def _check_own(text: str, config: WebhookConfig) -> None:
    if config.disable_loopback:
        raise Refused(
            "the URL is a path of this server; webhooks.url.disable_loopback=false allows it"
        )
    if text.startswith("//") or "\\" in text:
        raise Refused("the URL is no path of this server: it must begin with one `/`")


def _check_foreign(url: httpx.URL, config: WebhookConfig) -> None:
    host = url.raw_host.decode().rstrip(".")
    if url.scheme not in _PORTS or not _HOST.fullmatch(host):
        raise Refused("the URL must be like `https://example.com/hook`")
    if config.require_https and url.scheme != "https":
        raise Refused("the URL must begin with `https://`: webhooks.url.require_https is set")
    _check_port(_PORTS[url.scheme] if url.port is None else url.port, config)
    if config.allowed_domains is not None and not _is_among(host, config.allowed_domains):
        raise Refused(f"the URL leads to {host}, which webhooks.url.allowed_domains does not name")
    if (address := literal_address(host)) is not None:
        check_address(address, config)
    elif config.disable_loopback and _is_this_machine(host):
        told = "is this machine; webhooks.url.disable_loopback=false allows it"
        raise Refused(f"the URL leads to {host}, which {told}")


def _check_port(port: int, config: WebhookConfig) -> None:
    if not 1 <= port <= HIGHEST_PORT:
        raise Refused(f"the URL has the port {port}; the highest is {HIGHEST_PORT}")
    if config.allowed_ports is not None and port not in config.allowed_ports:
        allowed = ", ".join(map(str, config.allowed_ports))
        raise Refused(f"the URL has the port {port}; webhooks.url.allowed_ports are {allowed}")


def _is_among(host: str, domains: tuple[str, ...]) -> bool:
    return any(
        host.endswith(domain[1:]) if domain.startswith("*.") else host == domain
        for domain in domains
    )


def _is_this_machine(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")
