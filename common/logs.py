"""How the log is written: a JSON object a line for programs, a line of text for people.

Every logger's records come here, the server's, its libraries' and the graphs'. What is known of
the request or the run in which something is told stands with it: `structlog.contextvars`.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any, TypeAlias

import structlog
from procrastinate.exceptions import ConnectorException
from psycopg import OperationalError
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name

from common import jsoncodec

Event: TypeAlias = "MutableMapping[str, Any]"

# Its line says in words what its fields say to programs.
TOLD_IN_WORDS = frozenset({"aegra_project.access_log"})
_FIRST = ("timestamp", "level", "logger", "event")


def logging_config(*, level: str, form: str) -> dict[str, Any]:
    """Return Django's LOGGING: every logger's records by one handler, on standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": "common.logs.json_formatter"},
            "console": {"()": "common.logs.console_formatter"},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's and daphne's own handlers would write each line a second time.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.request": {"level": "ERROR"},
            "django.channels.server": {"level": "ERROR"},
            "daphne": {"level": "WARNING"},
            # It tells each URL, in which some models' providers have the key.
            "httpx": {"level": "WARNING"},
            "procrastinate": {"level": "WARNING"},
            "uvicorn": {"level": "WARNING"},
        },
    }


def json_formatter() -> logging.Formatter:
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    return _formatter(stamp, structlog.processors.format_exc_info, as_json)


def console_formatter() -> logging.Formatter:
    stamp = structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False)
    return _formatter(stamp, structlog.processors.format_exc_info, as_line)


def configure_structlog() -> None:
    """Send what a graph logs by structlog where everything else goes, unless it says otherwise."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _formatter(stamp: Any, tracebacks: Any, render: Any) -> logging.Formatter:
    return ProcessorFormatter(
        foreign_pre_chain=[ExtraAdder()],
        processors=[
            structlog.contextvars.merge_contextvars,
            add_log_level,
            add_logger_name,
            stamp,
            ProcessorFormatter.remove_processors_meta,
            without_request,
            without_outages,
            tracebacks,
            render,
        ],
    )


def without_request(_logger: Any, _name: str, event: Event) -> Event:
    """Leave out the request that Django adds: its text has all that a client wrote into the URL."""
    if str(event.get("logger")).startswith("django."):
        event.pop("request", None)
    return event


def without_outages(_logger: Any, _name: str, event: Event) -> Event:
    """Tell in a line that the background worker's library has lost the database."""
    failure = event.get("exc_info")
    raised = failure[1] if isinstance(failure, tuple) else failure
    cause = raised.__cause__ if isinstance(raised, ConnectorException) else None
    if isinstance(cause, OperationalError):
        event.pop("exc_info")
        event["event"] = " ".join(f"{event['event']} {cause}".split())
    return event


def as_json(_logger: Any, _name: str, event: Event) -> str:
    ordered = {key: event[key] for key in _FIRST if key in event}
    return jsoncodec.dumps({**ordered, **event}).decode()


def as_line(_logger: Any, _name: str, event: Event) -> str:
    told = {key: event.pop(key, "") for key in _FIRST}
    failure = event.pop("exception", None)
    fields = {} if told["logger"] in TOLD_IN_WORDS else event
    line = f"{told['timestamp']} {told['level'].upper()} {told['logger']}: {told['event']}"
    line += "".join(f" {name}={_short(value)}" for name, value in sorted(fields.items()))
    return f"{line}\n{failure}" if failure else line


def _short(value: object) -> str:
    text = jsoncodec.text_of(value)
    return text if text and text.isprintable() and " " not in text else repr(text)
