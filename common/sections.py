"""Reads a section of the project file; errors name the key."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from common.errors import ConfigError
from common.jsoncodec import Json, JsonObject

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Section:
    """Reads the members of one object, and remembers which it was asked for."""

    def __init__(self, place: str, name: str, members: JsonObject) -> None:
        self._place, self._name, self._members = place, name, members
        self._known: set[str] = set()

    def wrong(self, key: str, told: str) -> ConfigError:
        return ConfigError(f"{self._place}: `{self._name}.{key}` {told}.")

    def get(self, key: str, read: Callable[[Json], T | None], default: T, told: str) -> T:
        """Return a member as `read` makes it; one that it makes None of is an error."""
        self._known.add(key)
        value = self._members.get(key)
        if value is None:
            return default
        found = read(value)
        if found is None:
            raise self.wrong(key, told)
        return found

    def flag(self, key: str, *, default: bool = False) -> bool:
        return self.get(
            key,
            lambda value: value if isinstance(value, bool) else None,
            default,
            "must be a boolean",
        )

    def names(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        return self.get(key, strings, default, "must be a list of strings")

    def section(self, key: str) -> Section | None:
        empty: JsonObject = {}
        found = self.get(
            key,
            lambda value: value if isinstance(value, dict) else None,
            empty,
            "must be an object",
        )
        return Section(self._place, f"{self._name}.{key}", found) if found else None

    def warn_of_unknown(self) -> None:
        if unknown := sorted(self._members.keys() - self._known):
            names = ", ".join(f"{self._name}.{key}" for key in unknown)
            logger.warning("unknown keys in %s are ignored: %s", self._place, names)


def strings(value: Json) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    found = tuple(item for item in value if isinstance(item, str))
    return found if len(found) == len(value) else None
