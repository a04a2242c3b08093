"""What every API request passes, outermost first; all async, free of Django's sync middleware."""

from __future__ import annotations

import fnmatch
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase

from common import db
from common.errors import ApiError
from common.http_config import http_config
from common.ids import uuid7
from common.in_process import is_in_process
from common.responses import error_response

GetResponse: TypeAlias = "Callable[[HttpRequest], Awaitable[HttpResponseBase]]"

logger = logging.getLogger(__name__)

EXPOSED_HEADERS = "x-pagination-total, x-pagination-next, content-location, location, x-request-id"
HOSTED_FRONT_ENDS = ("https://smith.langchain.com", "https://agentchat.vercel.app")
METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
BUSY = "All connections to the database are in use; try again, or raise DB_HTTP_POOL_SIZE."
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_LOCAL_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,200}")


def request_id(get_response: GetResponse) -> GetResponse:
    """Take the caller's X-Request-ID or make one; the response carries it back."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("x-request-id", "")
        request.request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid7())  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(request_id=request.request_id)  # type: ignore[attr-defined]
        response = await get_response(request)
        response["x-request-id"] = request.request_id  # type: ignore[attr-defined]
        return response

    return middleware


def cors(get_response: GetResponse) -> GetResponse:
    """Answer preflights, also for private networks, and let allowed origins read the answer.

    A page of another origin may change nothing: a browser asks no leave for a POST of plain
    text.
    """

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        origin = request.headers.get("origin")
        if origin is None or is_in_process(request):
            return await get_response(request)
        is_allowed = is_allowed_origin(origin) or is_own_origin(origin, request)
        response = await _answer(request, get_response, is_allowed=is_allowed)
        response["vary"] = "origin"
        if is_allowed:
            for name, value in cors_headers(origin).items():
                response[name] = value
        return response

    return middleware


async def _answer(
    request: HttpRequest, get_response: GetResponse, *, is_allowed: bool
) -> HttpResponseBase:
    if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
        headers = preflight_headers(request.headers) if is_allowed else {}
        return HttpResponse(headers=headers, content_type="text/plain")
    if is_allowed or request.method in SAFE_METHODS:
        return await get_response(request)
    return error_response(403, foreign_page(request.headers["origin"]))


def foreign_page(origin: str) -> str:
    """Tell a page that it may not call, and what lets it."""
    told = f"Origin {origin!r} may not call this server"
    return f"{told}; add it to `http.cors.allow_origins` or CORS_ALLOW_ORIGINS."


def cors_headers(origin: str) -> dict[str, str]:
    """Return what lets a page of an allowed origin read an answer."""
    config = http_config().cors
    headers = {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": ", ".join([EXPOSED_HEADERS, *config.expose_headers]),
        "vary": "origin",
    }
    if config.allow_credentials:
        headers["access-control-allow-credentials"] = "true"
    return headers


def preflight_headers(asked: Mapping[str, str]) -> dict[str, str]:
    """Return what a page that is allowed may send, for a browser that asks first."""
    config = http_config().cors
    methods = METHODS if "*" in config.allow_methods else ", ".join(config.allow_methods)
    names = ", ".join(config.allow_headers)
    if "*" in config.allow_headers:
        names = asked.get("access-control-request-headers", "*")
    headers = {
        "access-control-allow-methods": methods,
        "access-control-allow-headers": names,
        "access-control-max-age": str(config.max_age),
        "content-length": "0",
    }
    if asked.get("access-control-request-private-network") == "true":
        headers["access-control-allow-private-network"] = "true"
    return headers


def is_own_origin(origin: str, request: HttpRequest) -> bool:
    """Tell whether a page that this server has sent makes the request, such as /docs."""
    return origin.partition("://")[2] == request.headers.get("host")


def is_allowed_origin(origin: str) -> bool:
    config = http_config().cors
    pattern, named = config.allow_origin_regex, config.allow_origins
    allowed = [*(named or ()), *settings.CORS_ALLOW_ORIGINS]
    if any(fnmatch.fnmatchcase(origin, glob) for glob in allowed):
        return True
    if pattern is not None or named is not None:
        return pattern is not None and pattern.fullmatch(origin) is not None
    return _LOCAL_ORIGIN.fullmatch(origin) is not None or origin in HOSTED_FRONT_ENDS


def known_host(get_response: GetResponse) -> GetResponse:
    """Refuse a Host header that is neither loopback nor in ALLOWED_HOSTS.

    A page of another site that rebinds its name to this machine sends its own name here.
    """

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        host = request.headers.get("host", "localhost")
        if is_known_host(host) or is_in_process(request):
            return await get_response(request)
        return error_response(400, f"Host {host!r} is not served here; add it to ALLOWED_HOSTS.")

    return middleware


def is_known_host(host: str) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def json_errors(get_response: GetResponse) -> GetResponse:
    """Turn whatever a view did not answer into `{"detail": …}`; innermost."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        try:
            return await get_response(request)
        except ApiError as exc:
            return error_response(exc.status, exc.detail, exc.headers)
        except db.Busy as exc:
            logger.warning("too much to do: %s", exc)
            return error_response(503, BUSY)
        except db.UNREACHABLE as exc:
            # Every request would tell the same traceback, for as long as the database is away.
            logger.error("database unreachable: %s", " ".join(str(exc).split()))  # noqa: TRY400
            return error_response(503, "The database cannot be reached; try again.")
        except Http404:
            return error_response(404, "Not Found")
        except SuspiciousOperation as exc:
            return error_response(400, str(exc))
        except Exception:
            logger.exception("request failed", extra={"path": request.path})
            answer = error_response(500, "Internal Server Error")
            # Django would tell of it a second time.
            answer._has_been_logged = True  # type: ignore[attr-defined]
            return answer

    return middleware
