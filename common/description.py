"""What actions declare for the API's description, in few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter

from common.serializers import ErrorSerializer

Declared = Mapping[Any, Any]
"""What `extend_schema(responses=…)` takes: schemas by status, or by status and media type."""


def errors(*statuses: int) -> dict[int, type[ErrorSerializer]]:
    """Declare the errors that are an action's own; those of every action need no word."""
    return dict.fromkeys(statuses, ErrorSerializer)


def flag(name: str, description: str) -> OpenApiParameter:
    """Declare a query parameter that is true or false."""
    return OpenApiParameter(name, bool, default=False, description=description)


def whole(
    name: str, description: str, *, default: int, minimum: int, maximum: int
) -> OpenApiParameter:
    """Declare a query parameter as `whole_param` reads it."""
    schema = {"type": "integer", "minimum": minimum, "maximum": maximum, "default": default}
    return OpenApiParameter(name, schema, description=description)


def header(name: str, description: str, *, status: int = 200) -> OpenApiParameter:
    """Declare a header of the answer."""
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, response=[status], description=description
    )


LIMIT = whole("limit", "How many to return.", default=10, minimum=1, maximum=1000)
OFFSET = whole("offset", "How many to skip.", default=0, minimum=0, maximum=2**31 - 1)
COUNT = {"type": "integer", "minimum": 0, "examples": [3]}
PAGES = [
    header("X-Pagination-Total", "How many match: exact on the last page, else at least so many."),
    header("X-Pagination-Next", "The offset of the next page; absent on the last one."),
]
