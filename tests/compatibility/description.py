"""What the generated description of the API knows of an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from tests.compatibility.wire import Place


@cache
def described() -> Mapping[str, frozenset[Place]]:
    """Return the places of each endpoint: `POST /threads/search` and the `metadata` of its body."""
    generator: Any = SchemaGenerator
    schema = generator().get_schema(request=None, public=True)
    return {
        f"{verb.upper()} {path}": frozenset(_places(schema, operation))
        for path, operations in schema["paths"].items()
        for verb, operation in operations.items()
    }


def _places(schema: Any, operation: Any) -> set[Place]:
    stated = {Place(each["in"], each["name"].lower()) for each in operation.get("parameters", [])}
    content = operation.get("requestBody", {}).get("content", {})
    bodies = [_resolved(schema, each["schema"]) for each in content.values()]
    fields = {Place("body", name) for body in bodies for name in body.get("properties", {})}
    whole = {Place("body", "") for body in bodies if body.get("type") == "array"}
    return stated | fields | whole


def _resolved(schema: Any, part: Any) -> Any:
    if "$ref" not in part:
        return part
    return schema["components"]["schemas"][part["$ref"].rpartition("/")[2]]
