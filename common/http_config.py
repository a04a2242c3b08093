"""The `http` section of the project file, checked; errors name the key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from common.config import ProjectConfig, project_config
from common.errors import ConfigError
from common.jsoncodec import Json
from common.sections import Section, strings

MiddlewareOrder: TypeAlias = Literal["middleware_first", "auth_first"]

GROUPS = (
    "assistants",
    "threads",
    "runs",
    "store",
    "meta",
    "ui",
    "mcp",
    "a2a",
    "webhooks",
    "event_streaming",
)
# Handed on only when a pattern without wildcards names them.
SECRET_HEADERS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "x-api-key", "x-service-key", "x-tenant-id"}
)
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_ORDERS: tuple[MiddlewareOrder, ...] = ("middleware_first", "auth_first")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderChoice:
    """Which request headers are handed on: globs, whatever their case."""

    includes: tuple[str, ...] = ()

    excludes: tuple[str, ...] = ()
    """These win."""

    def of(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the chosen ones by their names in lower case."""
        if not self.includes:
            return {}
        lower = {name.lower(): value for name, value in headers.items()}
        return {name: value for name, value in lower.items() if self._takes(name)}

    def _takes(self, name: str) -> bool:
        if any(fnmatchcase(name, pattern) for pattern in self.excludes):
            return False
        if name in SECRET_HEADERS:
            return name in self.includes
        return any(fnmatchcase(name, pattern) for pattern in self.includes)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorsConfig:
    """Which pages of other origins may call, in the place of the server's own rule."""

    allow_origins: tuple[str, ...] | None = None
    """None keeps the server's own rule, unless `allow_origin_regex` stands in its place."""

    allow_origin_regex: re.Pattern[str] | None = None

    allow_methods: tuple[str, ...] = ("*",)

    allow_headers: tuple[str, ...] = ("*",)

    allow_credentials: bool = False

    expose_headers: tuple[str, ...] = ()
    """Besides those that the clients of this API read."""

    max_age: int = 600
    """Seconds for which a browser keeps the answer to a preflight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """What a project says of the server's HTTP side."""

    app: str | None = None
    """`./file.py:name` or `package.module:name` of an ASGI application."""

    enable_custom_route_auth: bool = False

    middleware_order: MiddlewareOrder = "middleware_first"

    mount_prefix: str = ""
    """`/my/api`, or empty for the root."""

    disabled: frozenset[str] = frozenset()
    """Groups of routes, of GROUPS, that are not served."""

    cors: CorsConfig = field(default_factory=CorsConfig)

    configurable_headers: HeaderChoice = field(default_factory=HeaderChoice)

    logging_headers: HeaderChoice = field(default_factory=HeaderChoice)


def read_http(config: ProjectConfig) -> HttpConfig:
    """Read and check the `http` section; raises ConfigError."""
    section = Section(str(config.path), "http", config.http)
    cors = section.section("cors")
    found = HttpConfig(
        app=section.get("app", _target, None, 'must be a string like "./app.py:app"'),
        enable_custom_route_auth=section.flag("enable_custom_route_auth"),
        middleware_order=section.get(
            "middleware_order", _order, _ORDERS[0], f"must be one of {', '.join(_ORDERS)}"
        ),
        mount_prefix=section.get(
            "mount_prefix", _prefix, "", "must be a path like `/my/api`, with no slash at its end"
        ),
        disabled=frozenset(group for group in GROUPS if section.flag(f"disable_{group}")),
        cors=_cors(cors) if cors else CorsConfig(),
        configurable_headers=_headers(section.section("configurable_headers")),
        logging_headers=_headers(section.section("logging_headers")),
    )
    section.warn_of_unknown()
    return found


_current: tuple[ProjectConfig, HttpConfig] | None = None


def http_config() -> HttpConfig:
    """Return the `http` section of the project that this process serves."""
    global _current  # noqa: PLW0603 -- follows the one project of the process
    project = project_config()
    if _current is None or _current[0] is not project:
        _current = (project, read_http(project))
    return _current[1]


def mount_prefix() -> str:
    """Return the prefix of everything; none where the project cannot be read, as others tell."""
    try:
        return http_config().mount_prefix
    except ConfigError:
        return ""


def _cors(section: Section) -> CorsConfig:
    nowhere: tuple[str, ...] | None = None
    origins = section.get("allow_origins", strings, nowhere, "must be a list of strings")
    pattern = section.get("allow_origin_regex", _pattern, None, "must be a regular expression")
    with_credentials = section.flag("allow_credentials")
    if with_credentials and "*" in (origins or ()):
        raise section.wrong(
            "allow_credentials",
            "cannot be true while `allow_origins` has `*`: name the origins that are trusted",
        )
    found = CorsConfig(
        allow_origins=origins,
        allow_origin_regex=pattern,
        allow_methods=section.names("allow_methods", ("*",)),
        allow_headers=section.names("allow_headers", ("*",)),
        allow_credentials=with_credentials,
        expose_headers=section.names("expose_headers"),
        max_age=section.get("max_age", _seconds, 600, "must be a number of seconds"),
    )
    section.warn_of_unknown()
    return found


def _headers(section: Section | None) -> HeaderChoice:
    if section is None:
        return HeaderChoice()
    found = HeaderChoice(
        includes=tuple(name.lower() for name in section.names("includes")),
        excludes=tuple(name.lower() for name in section.names("excludes")),
    )
    section.warn_of_unknown()
    return found


def _target(value: Json) -> str | None:
    return value if isinstance(value, str) and all(value.rpartition(":")[::2]) else None


def _order(value: Json) -> MiddlewareOrder | None:
    return next((order for order in _ORDERS if order == value), None)


def _prefix(value: Json) -> str | None:
    is_path = isinstance(value, str) and _PREFIX.fullmatch(value) is not None
    has_dots = isinstance(value, str) and {".", ".."} & set(value.split("/"))
    return str(value) if is_path and not has_dots else None


def _pattern(value: Json) -> re.Pattern[str] | None:
    try:
        return re.compile(value) if isinstance(value, str) else None
    except re.error:
        return None


def _seconds(value: Json) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return int(str(value)) if is_count else None
