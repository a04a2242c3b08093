from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from procrastinate.exceptions import ConnectorException
from psycopg import OperationalError

from common.logs import configure_structlog, console_formatter, json_formatter

Written = Callable[[], str]


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    found = logging.getLogger("project.agent")
    found.setLevel(logging.INFO)
    yield found
    found.handlers.clear()
    found.setLevel(logging.NOTSET)


def written(logger: logging.Logger, formatter: logging.Formatter) -> Written:
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    return text.getvalue


def test_a_line_of_json_tells_when_who_what_and_its_fields(logger: logging.Logger) -> None:
    lines = written(logger, json_formatter())

    logger.warning("run %s", "settled", extra={"run_id": "r1", "ms": 1.5})

    told = json.loads(lines())
    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "level": "warning",
        "logger": "project.agent",
        "event": "run settled",
        "run_id": "r1",
        "ms": 1.5,
    }


def test_what_is_known_of_the_run_stands_with_each_line(logger: logging.Logger) -> None:
    lines = written(logger, json_formatter())

    with structlog.contextvars.bound_contextvars(run_id="r1", request_id="q1"):
        logger.info("told by a node")
    logger.info("told outside")

    inside, outside = [json.loads(line) for line in lines().splitlines()]
    assert (inside["run_id"], inside["request_id"]) == ("r1", "q1")
    assert "run_id" not in outside


def test_a_traceback_stays_on_the_line_of_json(logger: logging.Logger) -> None:
    lines = written(logger, json_formatter())

    try:
        _ = 1 // 0
    except ZeroDivisionError:
        logger.exception("request failed")

    [line] = lines().splitlines()
    told = json.loads(line)
    assert told["level"] == "error"
    assert told["exception"].startswith("Traceback")
    assert told["exception"].endswith("ZeroDivisionError: integer division or modulo by zero")


def test_whatever_is_logged_is_a_line_of_json(logger: logging.Logger) -> None:
    lines = written(logger, json_formatter())

    odd: dict[str, Any] = {"object": object(), "big": 2**70, "half": "\ud800", "two": "a\nb"}
    logger.info("odd", extra=odd)

    [line] = lines().splitlines()
    told = json.loads(line)
    assert (told["big"], told["half"], told["two"]) == (2**70, "\ufffd", "a\nb")
    assert told["object"].startswith("<object")


def test_a_line_of_text_has_the_fields_behind_the_message(logger: logging.Logger) -> None:
    lines = written(logger, console_formatter())

    logger.info("run settled", extra={"run_id": "r1", "told": "two words", "line": "a\nb"})

    told = "INFO project.agent: run settled line='a\\nb' run_id=r1 told='two words'\n"
    assert lines().partition(" ")[2].partition(" ")[2] == told


def test_a_traceback_follows_a_line_of_text(logger: logging.Logger) -> None:
    lines = written(logger, console_formatter())

    logger.error("request failed", exc_info=ValueError("no"))

    first, *_, last = lines().splitlines()
    assert first.endswith("ERROR project.agent: request failed")
    assert last == "ValueError: no"


def test_a_graph_that_logs_by_structlog_is_heard_like_the_others(logger: logging.Logger) -> None:
    configure_structlog()
    lines = written(logger, json_formatter())

    structlog.get_logger("project.agent").info("asked %s", "a model", tokens=3)

    told = json.loads(lines())
    assert (told["logger"], told["event"], told["tokens"]) == ("project.agent", "asked a model", 3)


def test_an_outage_of_the_database_is_told_in_a_line(logger: logging.Logger) -> None:
    lines = written(logger, console_formatter())

    failure = ConnectorException()
    failure.__cause__ = OperationalError("it is\nshutting down")
    logger.error("listener error", exc_info=failure)

    assert lines().count("\n") == 1
    assert "listener error it is shutting down" in lines()
