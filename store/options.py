"""What the project file says of the store: `store.index` and `store.ttl`."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from math import inf

from common.config import ConfigError, ProjectConfig
from common.jsoncodec import Json, JsonObject

logger = logging.getLogger(__name__)

# The most that pgvector's type `vector` holds.
MAX_DIMS = 16_000
WHOLE_VALUE = "$"
SWEEP_MINUTES = 5.0
EMBED = '"openai:text-embedding-3-small" or "./embed.py:function"'


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """How items are made searchable by meaning."""

    dims: int
    """How many numbers a vector of the model has."""

    embed: str
    """`provider:model`, `./file.py:name` or `package.module:name`."""

    fields: tuple[str, ...] = (WHOLE_VALUE,)
    """Paths of the texts in a value; `$` is the whole value as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TtlOptions:
    """How long items live, in minutes."""

    refresh_on_read: bool = True
    default_ttl: float | None = None
    sweep_interval_minutes: float = SWEEP_MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    index: IndexOptions | None = None
    ttl: TtlOptions = field(default_factory=TtlOptions)


def read_options(config: ProjectConfig) -> StoreOptions:
    """Check a project's store options; raises ConfigError, which names the key."""
    index, ttl = (_Section(config, name) for name in ("index", "ttl"))
    return StoreOptions(
        index=_index(index) if index.written is not None else None,
        ttl=_ttl(ttl) if ttl.written is not None else TtlOptions(),
    )


class _Section:
    """One object of the project file, read key by key."""

    def __init__(self, config: ProjectConfig, name: str) -> None:
        self._file = config.path
        self._name = f"store.{name}"
        self.written = config.store.get(name)

    def object(self, known: set[str]) -> JsonObject:
        if not isinstance(self.written, dict):
            raise self.wrong(None, "must be an object")
        if unknown := sorted(self.written.keys() - known):
            names = ", ".join(f"{self._name}.{key}" for key in unknown)
            logger.warning("unknown keys in %s are ignored: %s", self._file.name, names)
        return self.written

    def minutes(self, key: str, value: Json) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < inf:
            raise self.wrong(key, "must be a number of minutes above 0")
        return float(value)

    def wrong(self, key: str | None, what: str) -> ConfigError:
        name = f"{self._name}.{key}" if key else self._name
        return ConfigError(f"{self._file}: `{name}` {what}.")


def _index(section: _Section) -> IndexOptions:
    index = section.object({"dims", "embed", "fields"})
    dims, embed, fields = index.get("dims"), index.get("embed"), index.get("fields")
    if isinstance(dims, bool) or not isinstance(dims, int) or not 1 <= dims <= MAX_DIMS:
        raise section.wrong(
            "dims", f"must be how many numbers the model's vectors have, 1 to {MAX_DIMS}"
        )
    if not isinstance(embed, str) or not all(embed.partition(":")[::2]):
        raise section.wrong("embed", f"must be a string like {EMBED}")
    return IndexOptions(dims=dims, embed=embed, fields=_fields(section, fields))


def _fields(section: _Section, written: Json) -> tuple[str, ...]:
    if written is None:
        return (WHOLE_VALUE,)
    paths = [written] if isinstance(written, str) else written
    texts = [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []
    if not isinstance(paths, list) or not all(texts) or not texts or len(texts) != len(paths):
        raise section.wrong("fields", 'must be a list of paths like ["text", "notes[*].text"]')
    return tuple(dict.fromkeys(texts))


def _ttl(section: _Section) -> TtlOptions:
    ttl = section.object({"refresh_on_read", "default_ttl", "sweep_interval_minutes"})
    refresh = ttl.get("refresh_on_read")
    if not isinstance(refresh, bool | None):
        raise section.wrong("refresh_on_read", "must be true or false")
    interval = section.minutes("sweep_interval_minutes", ttl.get("sweep_interval_minutes"))
    return TtlOptions(
        refresh_on_read=refresh is not False,
        default_ttl=section.minutes("default_ttl", ttl.get("default_ttl")),
        sweep_interval_minutes=interval or SWEEP_MINUTES,
    )
