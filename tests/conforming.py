"""Whether the API's answers are as its description says.

Every answer that the fast suite gets through the fixture `api` is looked at.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import httpx
import jsonschema_rs


async def conforms(response: httpx.Response) -> None:
    """Fail unless status, content type and body of a response are described."""
    request = response.request
    operation = _operation(request.method.lower(), request.url.path)
    if operation is None:
        return
    place = f"{request.method} {request.url.path} -> {response.status_code}"
    content = _contents(*operation).get(response.status_code)
    assert content is not None, f"{place} is not in the description"
    await response.aread()
    kind = response.headers.get("content-type", "").split(";")[0]
    assert not response.content or kind in content, f"{place} answers {kind or 'no type'}"
    if kind == "application/json" and response.content:
        wrong = next(content[kind].iter_errors(response.json()), None)
        assert wrong is None, f"{place}: {wrong}"


@cache
def description() -> dict[str, Any]:
    """Return the description as it is served."""
    from aegra_project.meta import schema

    described: dict[str, Any] = json.loads(schema())
    return described


@cache
def _paths() -> list[tuple[re.Pattern[str], str]]:
    """Return the paths, literal ones first, as the router has them."""
    found = sorted(description()["paths"], key=lambda path: (path.count("{"), path))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in found]


def _operation(method: str, path: str) -> tuple[str, str] | None:
    for pattern, described in _paths():
        if pattern.fullmatch(path):
            return (described, method) if method in description()["paths"][described] else None
    return None


@cache
def _contents(path: str, method: str) -> dict[int, dict[str, Any]]:
    """Return a validator for each content type of each status of an operation."""
    responses = description()["paths"][path][method]["responses"]
    return {
        int(status): {
            kind: validator(content["schema"])
            for kind, content in resolved(response).get("content", {}).items()
        }
        for status, response in responses.items()
    }


def resolved(described: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, when there is one."""
    found: Any = described
    while "$ref" in found:
        _, kind, name = found["$ref"].rsplit("/", 2)
        found = description()["components"][kind][name]
    return found  # type: ignore[no-any-return]


def validator(schema: dict[str, Any]) -> Any:
    whole = {**schema, "components": description()["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
