"""Wrong settings, found before the first request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from math import inf
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register, run_checks
from django.core.management import CommandError

logger = logging.getLogger(__name__)

TAG = "aegra"
HIGHEST_PORT = 65_535
BUS_SCHEMES = ("redis", "rediss", "unix")
POSITIVE = (
    "BACKGROUND_JOBS",
    "DB_BACKGROUND_POOL_SIZE",
    "DB_CONNECT_SECONDS",
    "DB_GRAPH_POOL_SIZE",
    "DB_HTTP_POOL_SIZE",
    "EMBEDDING_TIMEOUT_SECONDS",
    "ENGINE_SLOTS",
    "IDEMPOTENCY_HOURS",
    "MAX_BODY_MB",
    "RUN_LEASE_SECONDS",
    "RUN_MAX_ATTEMPTS",
    "RUN_TIMEOUT_SECONDS",
    "STARTUP_LOCK_SECONDS",
    "STREAM_HEARTBEAT_SECONDS",
    "STREAM_READER_LAG_MB",
    "WEBHOOK_MAX_ATTEMPTS",
    "WEBHOOK_RETENTION_DAYS",
    "WEBHOOK_TIMEOUT_SECONDS",
)
NOT_NEGATIVE = (
    "DRAIN_SECONDS",
    "EVENT_RETENTION_SECONDS",
    "EVENT_RING_MB",
    "METRICS_PORT",
    "RUN_RETENTION_DAYS",
    "WEBHOOK_RETRY_SECONDS",
)


def refuse_wrong_settings() -> None:
    """Raise CommandError with a line for each impossible setting; log what is merely odd."""
    found = sorted(run_checks(tags=[TAG]), key=lambda message: message.id or "")
    for message in found:
        if not message.is_serious():
            logger.warning("%s", message.msg)
    errors = [f"{message.msg} ({message.id})" for message in found if message.is_serious()]
    if errors:
        raise CommandError("\n".join(errors))


@register(TAG)
def unreadable_values(**_kwargs: Any) -> list[CheckMessage]:
    return [Error(problem, id="aegra.E001") for problem in settings.SETTINGS_PROBLEMS]


@register(TAG)
def impossible_values(**_kwargs: Any) -> list[CheckMessage]:
    return [
        *_outside(POSITIVE, lambda value: 0 < value < inf, "must be more than 0", "aegra.E002"),
        *_outside(
            NOT_NEGATIVE, lambda value: 0 <= value < inf, "must not be less than 0", "aegra.E003"
        ),
        *_outside(
            ("AEGRA_PORT",),
            lambda value: 1 <= value <= HIGHEST_PORT,
            f"must be from 1 to {HIGHEST_PORT}",
            "aegra.E004",
        ),
    ]


@register(TAG)
def missing_telemetry(**_kwargs: Any) -> list[CheckMessage]:
    if not settings.TRACING or is_importable("opentelemetry.exporter.otlp.proto.http"):
        return []
    told = (
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: "
        "pip install --requirement requirements-telemetry.txt"
    )
    return [Error(told, id="aegra.E005")]


def is_importable(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@register(TAG)
def unusable_event_bus(**_kwargs: Any) -> list[CheckMessage]:
    scheme = urlsplit(settings.EVENT_BUS_URL).scheme
    if not settings.EVENT_BUS_URL or scheme in BUS_SCHEMES:
        return []
    told = f"EVENT_BUS_URL must begin with {', '.join(f'{name}://' for name in BUS_SCHEMES)}."
    return [Error(told, id="aegra.E006")]


@register(TAG)
def unknown_variables(**_kwargs: Any) -> list[CheckMessage]:
    if not settings.UNKNOWN_VARIABLES:
        return []
    names = ", ".join(settings.UNKNOWN_VARIABLES)
    return [Warning(f"Nothing reads these variables: {names}.", id="aegra.W001")]


def _outside(
    names: tuple[str, ...], is_possible: Callable[[float], bool], what: str, check_id: str
) -> Iterator[CheckMessage]:
    for name in names:
        value = getattr(settings, name)
        if not is_possible(value):
            yield Error(f"{name}={value:g} {what}.", id=check_id)
