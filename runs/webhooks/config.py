"""The `webhooks` section of the project file, checked; errors name the key."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import httpx

from common.config import ProjectConfig, environment_of, project_config
from common.jsoncodec import Json, JsonObject
from common.sections import Section, strings

logger = logging.getLogger(__name__)

T = TypeVar("T")

HIGHEST_PORT = 65_535
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_TEXT = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_TEMPLATE = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_VARIABLE = re.compile(r"env\.([A-Za-z_][A-Za-z0-9_]*)")
# What the server says of a request itself.
_OWN_HEADERS = {"connection", "content-length", "content-type", "host", "transfer-encoding"}
OWN_PREFIX = "x-aegra-"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookConfig:
    """Where webhooks may lead, and what is sent."""

    require_https: bool = False

    allowed_domains: tuple[str, ...] | None = None
    """As they are looked up, `*.example.com` for every name below; None allows any."""

    allowed_ports: tuple[int, ...] | None = None

    max_url_length: int = 4096

    disable_loopback: bool = True
    """False allows this machine's own addresses, and paths of this server."""

    disable_private_ips: bool = True
    """False allows addresses of private networks."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every webhook; they may hold secrets."""

    allowed_fields: tuple[str, ...] | None = None
    """The members of the body that are sent; None sends all."""


def read_webhooks(config: ProjectConfig) -> WebhookConfig:
    """Read and check the `webhooks` section; raises ConfigError."""
    section = Section(str(config.path), "webhooks", config.webhooks)
    # A section of nothing is read as one that is not there.
    url = section.section("url") or Section(str(config.path), "webhooks.url", {})
    found = WebhookConfig(
        require_https=url.flag("require_https"),
        allowed_domains=_optional(url, "allowed_domains", _domains, "like `hooks.example.com`"),
        allowed_ports=_optional(url, "allowed_ports", _ports, f"from 1 to {HIGHEST_PORT}"),
        max_url_length=url.get("max_url_length", _length, 4096, "must be a positive number"),
        disable_loopback=url.flag("disable_loopback", default=True),
        disable_private_ips=url.flag("disable_private_ips", default=True),
        headers=_headers(section, config),
        allowed_fields=_optional(section, "allowed_fields", _some_strings, "like `run_id`"),
    )
    url.warn_of_unknown()
    section.warn_of_unknown()
    if found.headers and found.allowed_domains is None:
        logger.warning(
            "webhooks.headers are sent to any server that a client names: "
            "webhooks.url.allowed_domains says to which they may go"
        )
    return found


_current: tuple[ProjectConfig, WebhookConfig] | None = None


def webhook_config() -> WebhookConfig:
    """Return the `webhooks` section of the project that this process serves."""
    global _current  # noqa: PLW0603 -- follows the one project of the process
    project = project_config()
    if _current is None or _current[0] is not project:
        _current = (project, read_webhooks(project))
    return _current[1]


def _headers(section: Section, config: ProjectConfig) -> dict[str, str]:
    prefix = section.get("env_prefix", _prefix, "LG_WEBHOOK_", "must be a string like `LG_`")
    nothing: JsonObject = {}
    written = section.get(
        "headers", lambda value: value if isinstance(value, dict) else None, nothing, _HEADERS_TOLD
    )
    variables = environment_of(config)

    def filled(name: str, text: Json) -> str:
        if not _HEADER_NAME.fullmatch(name) or not isinstance(text, str):
            raise section.wrong("headers", _HEADERS_TOLD)
        if name.lower() in _OWN_HEADERS or name.lower().startswith(OWN_PREFIX):
            raise section.wrong(f"headers.{name}", "is the server's to set: remove it")

        def value_of(found: re.Match[str]) -> str:
            named = _VARIABLE.fullmatch(found[1])
            if named is None or not named[1].startswith(prefix):
                told = f"may hold variables like ${{{{ env.{prefix}TOKEN }}}} and nothing else"
                raise section.wrong(f"headers.{name}", told)
            if named[1] not in variables:
                told = f"names the variable {named[1]}, which is not set: set it"
                raise section.wrong(f"headers.{name}", told)
            return variables[named[1]]

        value = _TEMPLATE.sub(value_of, text)
        if not _HEADER_TEXT.fullmatch(value):
            raise section.wrong(f"headers.{name}", "must be one line of text")
        return value

    return {name: filled(name, text) for name, text in written.items()}


_HEADERS_TOLD = 'must be an object of strings, like {"authorization": "Bearer …"}'


def _optional(
    section: Section, key: str, read: Callable[[Json], tuple[T, ...] | None], told: str
) -> tuple[T, ...] | None:
    """Return a list; None when it is not there. An empty one would allow nothing."""
    nothing: tuple[T, ...] | None = None
    return section.get(key, read, nothing, f"must be a list of one or more, {told}")


def _some_strings(value: Json) -> tuple[str, ...] | None:
    return strings(value) or None


def _domains(value: Json) -> tuple[str, ...] | None:
    given = strings(value) or ()
    found = tuple(filter(None, map(_domain, given)))
    return found if found and len(found) == len(given) else None


def _domain(text: str) -> str | None:
    """Return a domain as it is looked up, in lower case and without other alphabets."""
    wildcard, name = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    try:
        host = httpx.URL(scheme="http", host=name).raw_host.decode()
    except httpx.InvalidURL:
        return None
    return f"{wildcard}{host}" if host and "*" not in host else None


def _ports(value: Json) -> tuple[int, ...] | None:
    given = value if isinstance(value, list) else []
    found = tuple(port for port in given if type(port) is int and 1 <= port <= HIGHEST_PORT)
    return found if found and len(found) == len(given) else None


def _length(value: Json) -> int | None:
    return value if type(value) is int and value > 0 else None


def _prefix(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None
