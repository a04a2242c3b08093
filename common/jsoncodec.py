"""The one JSON reader and writer.

Reading refuses what cannot be stored or would change on the way: integers beyond 64 bits, lone
surrogates, NUL, NaN. Writing never fails on what a graph produces: NaN becomes null, NUL is
dropped (PostgreSQL's JSONB has no room for it), lone surrogates become U+FFFD.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from enum import Enum
from typing import TypeAlias

import orjson

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = "dict[str, Json]"

# The digits of an integer that orjson might silently turn into a float.
_LONG_DIGITS = re.compile(rb"[0-9]{19}")
_NUL = b"\\u0000"
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
MAX_DEPTH = 200


class InvalidJson(ValueError):
    """The text is not JSON that this server can keep; the message says why."""


class RawJson:
    """JSON text as the database gave it, written into a response as it stands."""

    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text

    def parse(self) -> Json:
        value: Json = orjson.loads(self.text)
        return value


def loads(text: bytes) -> Json:
    """Parse a client's JSON; raises InvalidJson with what is wrong and what to do."""
    try:
        value: Json = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise InvalidJson(str(exc)) from exc
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _is_deep(value):
        raise InvalidJson(f"it is nested deeper than {MAX_DEPTH} levels")
    if _LONG_DIGITS.search(text):
        _refuse_big_integers(text)
    if _NUL in text and _has_nul(value):
        raise InvalidJson("the NUL character (\\u0000) cannot be stored; remove it")
    return value


def loads_stored(text: str | bytes) -> Json:
    """Parse JSON that came from the database."""
    value: Json = orjson.loads(text)
    return value


def dumps(value: object) -> bytes:
    """Write `value` as JSON on one line, whatever a graph has put into it."""
    return _dumps(value, plain)


def dumps_sorted(value: Json) -> bytes:
    """Write a client's JSON in one form, whatever the order of its keys."""
    return orjson.dumps(value, option=_OPTIONS | orjson.OPT_SORT_KEYS)


def dumps_repeated(value: object) -> bytes:
    """Write a value that has the same objects in many places: each of them is written once."""
    written: dict[int, orjson.Fragment] = {}

    # Only objects that `value` holds come here, so that none goes and leaves its id to another.
    def once(item: object) -> orjson.Fragment:
        if id(item) not in written:
            written[id(item)] = orjson.Fragment(dumps(item))
        return written[id(item)]

    return _dumps(value, once)


def _dumps(value: object, default: Callable[[object], object]) -> bytes:
    try:
        text = orjson.dumps(value, default=default, option=_OPTIONS)
    except TypeError:
        # orjson refuses integers over 64 bits, lone surrogates and unknown key types.
        return _written_slowly(value)
    # Stored JSON that was passed through may have such integers: read with json, not orjson.
    return _written_slowly(json.loads(text)) if _NUL in text else text


def plain(value: object) -> object:
    """Return the JSON form of an object that orjson does not know (its `default`)."""
    if isinstance(value, RawJson):
        return orjson.Fragment(value.text)
    for name in ("model_dump", "dict", "_asdict"):
        dump = getattr(value, name, None)
        if callable(dump) and not isinstance(value, type):
            with suppress(Exception):  # theirs; what stands for it is below
                return dump()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, BaseException):
        return {"error": type(value).__name__, "message": text_of(value)}
    return text_of(value)


def text_of(value: object) -> str:
    """Return `str(value)`, or its class's name when its author's code fails at that."""
    with suppress(Exception):
        return str(value)
    return f"<{type(value).__name__}>"


def _refuse_big_integers(text: bytes) -> None:
    def bounded(digits: str) -> int:
        if len(digits) > 20 or not -(2**63) <= int(digits) < 2**64:
            shown = digits if len(digits) <= 24 else f"{digits[:20]}…"
            raise InvalidJson(f"the integer {shown} does not fit 64 bits; send it as a string")
        return int(digits)

    json.loads(text, parse_int=bounded)


def _is_deep(value: Json) -> bool:
    level: list[Json] = [value]
    for _ in range(MAX_DEPTH):
        level = [item for outer in level for item in _items(outer)]
        if not level:
            return False
    return True


def _items(value: Json) -> Iterable[Json]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _has_nul(value: Json) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))


def _written_slowly(value: object) -> bytes:
    return json.dumps(_tamed(value, 0), ensure_ascii=False, separators=(",", ":")).encode()


def _tamed(value: object, depth: int) -> object:
    """Return `value` with nothing in it that JSON or JSONB cannot hold (the slow way)."""
    if depth > MAX_DEPTH:
        return str(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _clean(value.value if isinstance(value, Enum) else value)
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {_clean(str(key)): _tamed(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tamed(item, depth + 1) for item in value]
    return _tamed(_one_level(value), depth + 1)


def _one_level(value: object) -> object:
    try:
        return json.loads(orjson.dumps(value, default=plain, option=_OPTIONS))
    except TypeError:
        fields = getattr(value, "__dataclass_fields__", None)
        if fields is not None:
            return {name: getattr(value, name) for name in fields}
        return plain(value)


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
