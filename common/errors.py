from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus


class ConfigError(Exception):
    """The project cannot be served as it is described; one line says where, and what to do."""


class ApiError(Exception):
    """An answer other than success: `status`, and a `detail` for the client to read."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    headers: Mapping[str, str] = {}

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BadRequest(ApiError):
    status = HTTPStatus.BAD_REQUEST


class Forbidden(ApiError):
    status = HTTPStatus.FORBIDDEN


class NotFound(ApiError):
    """The thing is not there, or not this caller's to see: both look the same."""

    status = HTTPStatus.NOT_FOUND


class MethodNotAllowed(ApiError):
    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, allowed: str) -> None:
        super().__init__(f"Method Not Allowed: this path takes {allowed}")
        self.headers = {"allow": allowed}


class Conflict(ApiError):
    status = HTTPStatus.CONFLICT


class Gone(ApiError):
    """It was there, and is to be had no more."""

    status = HTTPStatus.GONE


class BodyTooLarge(ApiError):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    # What is left of the body is not read.
    headers = {"connection": "close"}


class Unprocessable(ApiError):
    status = HTTPStatus.UNPROCESSABLE_ENTITY


@contextmanager
def item_named(position: int) -> Iterator[None]:
    """Let an error of the block say which item of a list it is about, counted from 0."""
    try:
        yield
    except ApiError as exc:
        exc.detail = f"item {position}: {exc.detail}"
        raise


class GraphUnavailable(ApiError):
    """The user's graph could not be opened."""

    status = HTTPStatus.FAILED_DEPENDENCY


class Overloaded(ApiError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
