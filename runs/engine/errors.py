"""What clients are told of a run that failed."""

from __future__ import annotations

from django.conf import settings

from common import jsoncodec
from common.errors import ApiError
from common.jsoncodec import JsonObject

# Errors of these have messages meant for whoever runs a graph.
TOLD_PACKAGES = frozenset({"builtins", "asyncio", "langgraph"})


def error_json(error: BaseException) -> JsonObject:
    """Return a run's error as clients are told of it.

    An error of a class that only its author knows may tell what is not the client's to know.
    """
    is_known = isinstance(error, ApiError) or _package(error) in TOLD_PACKAGES
    is_told = is_known or settings.EXPOSE_ERRORS
    message = jsoncodec.text_of(error) if is_told else "An internal error occurred"
    return {"error": type(error).__name__, "message": message}


def _package(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0]
