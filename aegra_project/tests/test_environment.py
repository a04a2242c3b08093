from __future__ import annotations

from typing import Any

import pytest

from aegra_project.environment import Environment

ENGINE = "django.db.backends.postgresql"


def env(**variables: str) -> Environment:
    made = Environment()
    made.ENVIRON = variables
    return made


def test_what_is_set_is_read() -> None:
    read = env(SLOTS="7", SECONDS=" 1e3 ", ON="Yes", OFF="off", LEVEL="debug")

    assert read.int("SLOTS", default=1) == 7
    assert read.float("SECONDS", default=1.0) == 1000.0
    assert read.bool("ON", default=False)
    assert not read.bool("OFF", default=True)
    assert read.level("LEVEL", default="INFO") == "DEBUG"
    assert read.problems == []


def test_what_is_not_set_or_empty_is_the_default() -> None:
    read = env(EMPTY="")

    assert read.int("EMPTY", default=3) == 3
    assert read.float("MISSING", default=0.5) == 0.5
    assert read.bool("EMPTY", default=True)
    assert read.problems == []


@pytest.mark.parametrize(
    ("kind", "text", "default", "told"),
    [
        ("int", "abc", 1, "A='abc' is not a whole number."),
        ("int", "1.5", 1, "A='1.5' is not a whole number."),
        ("float", "5s", 1.0, "A='5s' is not a number."),
        ("bool", "maybe", False, "A='maybe' is not true or false."),
        ("level", "loud", "INFO", "A='loud' is not one of CRITICAL, ERROR, WARNING, INFO, DEBUG."),
    ],
)
def test_what_cannot_be_read_is_told_and_the_default_stands_in(
    kind: str, text: str, default: Any, told: str
) -> None:
    read = env(A=text)

    assert getattr(read, kind)("A", default=default) == default
    assert read.problems == [told]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_database_url_gives_djangos_parameters(scheme: str) -> None:
    read = env(URL=f"{scheme}://me:p%40ss@db:5433/agents?sslmode=require")

    found = read.db_url("URL", engine=ENGINE)

    assert (found["USER"], found["PASSWORD"], found["NAME"]) == ("me", "p@ss", "agents")
    assert (found["HOST"], found["PORT"]) == ("db", 5433)
    assert found["OPTIONS"] == {"sslmode": "require"}
    assert read.problems == []


def test_a_database_url_may_name_the_directory_of_a_socket() -> None:
    read = env(URL="postgres://me@%2Fvar%2Frun%2Fpostgresql/agents")

    found = read.db_url("URL", engine=ENGINE)

    assert (found["HOST"], found["NAME"]) == ("/var/run/postgresql", "agents")


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "postgres://db",
        "postgres://me:secret@db/",
        "postgres://me:secret@db:port/agents",
        "mysql://me:secret@db/agents",
        "sqlite://:memory:",
    ],
)
def test_a_malformed_database_url_is_told_without_its_password(url: str) -> None:
    read = env(URL=url)

    read.db_url("URL", engine=ENGINE)

    (problem,) = read.problems
    assert problem.startswith("URL is not of the form postgres://")
    assert "secret" not in problem


def test_variables_that_nothing_asks_for_are_named_with_a_guess() -> None:
    read = env(AEGRA_PROT="1", AEGRA_PORT="2", AEGRA_XYZZY="3", OTHER="4")
    read.int("AEGRA_PORT", default=1)

    assert read.unknown("AEGRA_") == ["AEGRA_PROT (did you mean AEGRA_PORT?)", "AEGRA_XYZZY"]
