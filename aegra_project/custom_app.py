"""The project's own ASGI application (`http.app`): loaded, brought up, and asked what it serves.

All of its code runs on the graph loop: what its lifespan opens is of use to graphs too, and what
blocks in it stalls no health check.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.urls import Resolver404, resolve

from aegra_project.custom_lifespan import SHUTDOWN_SECONDS, STARTUP_SECONDS, Lifespan
from aegra_project.route_auth import RouteAuth, refuse
from common.config import project_config
from common.errors import ApiError
from common.http_config import HttpConfig, http_config
from common.importing import LoadError, load_object
from graphs import loop as graph_loop
from graphs.crossing import App, Receive, Scope, Send, call_on_graph_loop

logger = logging.getLogger(__name__)


class CustomApp:
    """An application of the user's, with the API inside of its middleware."""

    def __init__(self, app: Any, target: str, config: HttpConfig, *, api: App) -> None:
        self.target = target
        self._describe: Callable[[], dict[str, Any]] | None = getattr(app, "openapi", None)
        self._routes = _routes_of(app)
        self._wraps_api = self._routes is not None and bool(app.user_middleware)
        self._app: App = app
        self._lifespan = Lifespan(app, target)
        self._add_api(api, config)

    def _add_api(self, api: App, config: HttpConfig) -> None:
        is_auth_first = config.middleware_order == "auth_first"

        def asks(scope: Scope) -> bool:
            if self.has_route(scope):
                return config.enable_custom_route_auth
            # The API asks by itself, after the middleware.
            return is_auth_first and not _is_open(scope)

        if not self._wraps_api:
            if config.enable_custom_route_auth:
                self._app = RouteAuth(self._app, asks=asks)
            return
        # Whoever wrote the application has it installed; this server does without.
        from starlette.middleware import Middleware

        stack = self._app.user_middleware  # type: ignore[attr-defined]
        place = 0 if is_auth_first else len(stack)
        stack.insert(place, Middleware(RouteAuth, asks=asks))
        stack.append(Middleware(_Fork, api=api, of=self))

    def start(self) -> None:
        """Run the first half of its lifespan; raises LoadError."""
        graph_loop.call_on_graph_loop(self._lifespan.start(), seconds=STARTUP_SECONDS + 5)

    def stop(self) -> None:
        """Run the second half; says what goes wrong, and goes on."""
        try:
            graph_loop.call_on_graph_loop(self._lifespan.stop(), seconds=SHUTDOWN_SECONDS + 5)
        except TimeoutError:
            logger.warning("http.app: %s: the graph loop is blocked; it was not ended", self.target)

    def description(self) -> dict[str, Any] | None:
        """Return its routes as OpenAPI, as FastAPI makes it; None where nothing does."""
        if self._describe is None:
            return None
        try:
            described: Any = self._describe()
        # The user's code, or a model of theirs that cannot be described.
        except Exception:
            logger.exception("http.app: %s: its routes are not described", self.target)
            return None
        return described if isinstance(described, dict) else None

    def takes(self, scope: Scope) -> bool:
        """Tell whether a request goes to it: for a route of its own, or because it wraps all."""
        return self._wraps_api or self.has_route(scope)

    def has_route(self, scope: Scope) -> bool:
        """Tell whether it, and not the API, has the last word on a path.

        A route that has the path with another method counts. An application that shows no routes
        has every path that the API lacks.
        """
        if self._routes and any(route.matches(scope)[0].value for route in self._routes):
            return True
        return scope["type"] == "websocket" or not _is_served(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, whatever the user's code raises."""
        given = {**scope, "state": dict(self._lifespan.state)}
        talk = _Talk(receive, send)
        try:
            await call_on_graph_loop(self._app, given, talk.receive, talk.send)
        # Starlette answers 500 by itself, and raises again for the server to log it.
        except Exception:
            if talk.is_left:
                logger.debug("client left", exc_info=True, extra={"path": scope["path"]})
                return
            logger.exception("request failed", extra={"path": scope["path"]})
            if not talk.is_begun:
                await refuse(scope, send, ApiError("Internal Server Error"))


class _Talk:
    """One connection, and how far it has come."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self.is_begun = self.is_left = False

    async def receive(self) -> Mapping[str, Any]:
        message = await self._receive()
        self.is_left = self.is_left or message["type"].endswith(".disconnect")
        return message

    async def send(self, message: Mapping[str, Any]) -> None:
        self.is_begun = True
        await self._send(message)


class _Fork:
    """The innermost middleware of an application: its own routes here, the API's there."""

    def __init__(self, app: App, *, api: App, of: CustomApp) -> None:
        self._app, self._api, self._of = app, api, of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_own = scope["type"] == "lifespan" or self._of.has_route(scope)
        await (self._app if is_own else self._api)(scope, receive, send)


_current: CustomApp | None = None


def current() -> CustomApp | None:
    return _current


def start(api: App) -> None:
    """Load and bring up what the project names, if it names any; raises LoadError.

    From here on requests come to it.
    """
    global _current  # noqa: PLW0603 -- the one application of the process, with one owner
    app = load(api)
    if app is not None:
        app.start()
    _current = app


def stop() -> None:
    global _current  # noqa: PLW0603 -- see start()
    if _current is not None:
        _current.stop()
        _current = None


def load(api: App) -> CustomApp | None:
    """Import what the project names, with `api` inside; raises ConfigError and LoadError."""
    config = http_config()
    if config.app is None:
        return None
    try:
        app = load_object(config.app, project_config().directory)
    except LoadError as exc:
        raise LoadError(f"http.app: {exc}") from exc
    if not callable(app):
        raise LoadError(f"http.app: {config.app}: {type(app).__name__} is no ASGI application.")
    return CustomApp(app, config.app, config, api=api)


def _routes_of(app: Any) -> list[Any] | None:
    """Return the routes of a Starlette or FastAPI application; None for any other."""
    routes = getattr(app, "routes", None)
    return routes if isinstance(routes, list) and hasattr(app, "user_middleware") else None


def _view_of(scope: Scope) -> Any:
    """Return the API's view of a path; None when it has no such path."""
    try:
        return resolve(scope["path"].removeprefix(scope.get("root_path", ""))).func
    except Resolver404:
        return None


def _is_served(scope: Scope) -> bool:
    return _view_of(scope) is not None


def _is_open(scope: Scope) -> bool:
    return bool(getattr(getattr(_view_of(scope), "cls", None), "is_open", False))
