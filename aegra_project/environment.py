"""Reads the environment, and remembers what it could not read for the system checks to tell."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar
from urllib.parse import unquote

import environ

T = TypeVar("T")

TRUE = {"1", "true", "yes", "on", "y", "t"}
FALSE = {"", "0", "false", "no", "off", "n", "f"}
LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")
LOG_FORMATS = ("console", "json")
DATABASE_URL_FORM = "postgres://user:password@host:5432/database"


class Environment(environ.Env):  # type: ignore[misc]  # environ ships no types
    """The environment's values; in place of one that cannot be read stands its default.

    Settings are read before Django could tell of an error in one line.
    """

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[builtins.str] = []
        self._asked: set[builtins.str] = set()

    def get_value(self, var: builtins.str, *args: Any, **kwargs: Any) -> Any:
        self._asked.add(var)
        return super().get_value(var, *args, **kwargs)

    def int(self, var: builtins.str, default: builtins.int) -> builtins.int:
        return self._read(var, int, default, "a whole number")

    def float(self, var: builtins.str, default: builtins.float) -> builtins.float:
        return self._read(var, float, default, "a number")

    def bool(self, var: builtins.str, default: builtins.bool) -> builtins.bool:
        return self._read(var, _truth, default, "true or false")

    def level(self, var: builtins.str, default: builtins.str) -> builtins.str:
        return self._read(var, _level, default, f"one of {', '.join(LOG_LEVELS)}")

    def choice(
        self, var: builtins.str, default: builtins.str, words: Sequence[builtins.str]
    ) -> builtins.str:
        def one_of(text: builtins.str) -> builtins.str:
            if text.lower() not in words:
                raise ValueError(text)
            return text.lower()

        return self._read(var, one_of, default, f"one of {', '.join(words)}")

    def db_url(self, var: builtins.str, engine: builtins.str) -> dict[builtins.str, Any]:
        """Return Django's parameters for a PostgreSQL URL; it is never told, for its password."""
        url = self.str(var)
        try:
            named: dict[builtins.str, Any] = self.db_url_config(url, engine=engine)
        except ValueError:
            named = {}
        if not (re.match(r"(postgres|postgresql|pgsql|psql)://", url) and named.get("NAME")):
            self.problems.append(
                f"{var} is not of the form {DATABASE_URL_FORM} (write special characters of the "
                "password as %XX)."
            )
            return {"ENGINE": engine, "NAME": "postgres"}
        # libpq's form of a socket's directory: `postgres://me@%2Fvar%2Frun%2Fpostgresql/name`.
        return {**named, "HOST": unquote(named["HOST"])}

    def unknown(self, prefix: builtins.str) -> list[builtins.str]:
        """Return the variables of this prefix that nothing has asked for, with a guess at each."""
        names = sorted(set(self.ENVIRON) - self._asked)
        return [name + self._guess(name) for name in names if name.startswith(prefix)]

    def _read(
        self, var: builtins.str, parse: Callable[[builtins.str], T], default: T, kind: builtins.str
    ) -> T:
        text: builtins.str = self.get_value(var, default="")
        if not text.strip():
            return default
        try:
            return parse(text.strip())
        except ValueError:
            self.problems.append(f"{var}={text!r} is not {kind}.")
            return default

    def _guess(self, name: builtins.str) -> builtins.str:
        likely = get_close_matches(name, self._asked, n=1)
        return f" (did you mean {likely[0]}?)" if likely else ""


def _truth(text: str) -> bool:
    if text.lower() in TRUE | FALSE:
        return text.lower() in TRUE
    raise ValueError(text)


def _level(text: str) -> str:
    if text.upper() in LOG_LEVELS:
        return text.upper()
    raise ValueError(text)
