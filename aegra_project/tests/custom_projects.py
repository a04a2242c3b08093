"""Projects with an application of their own, and what it takes to serve one in a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from aegra_project import asgi, custom_app
from aegra_project.meta import schema
from common.importing import add_directories, clean_slate
from common.tests.http_projects import http_section
from common.tests.projects import write_project

ServingApp: TypeAlias = "Callable[..., AbstractContextManager[None]]"
"""The fixture `serving`: `serving("app.py:app", **keys_of_http)`."""

APP = """
    import asyncio
    from contextlib import asynccontextmanager
    from pathlib import Path

    from fastapi import FastAPI, Request
    from langgraph_sdk import get_client
    from pydantic import BaseModel

    client, LOG = get_client(), []

    @asynccontextmanager
    async def lifespan(app):
        LOG.append("up")
        yield {"loop": asyncio.get_running_loop()}
        Path(__file__).with_name("down").touch()

    app = FastAPI(lifespan=lifespan)

    class Fruit(Exception):
        pass

    @app.exception_handler(Fruit)
    async def no_fruit(request, exc):
        from fastapi.responses import JSONResponse
        return JSONResponse({"detail": "no fruit"}, status_code=418)

    class Error(BaseModel):
        fruit: str

    @app.get("/hello", tags=["mine"])
    async def hello(request: Request):
        return {"same": request.state.loop is asyncio.get_running_loop(), "log": LOG}

    @app.get("/whoami")
    async def whoami(request: Request):
        user = request.scope.get("user")
        return {"identity": user and user.identity}

    @app.post("/fruit")
    async def fruit(error: Error) -> Error:
        raise Fruit

    @app.get("/fails")
    async def fails():
        raise ValueError("kaput")

    @app.get("/ok")
    @app.get("/info")
    @app.get("/threads")
    @app.get("/admin/mine")
    async def shadow():
        return "mine"

    @app.get("/run/{graph}")
    async def run(graph: str):
        value = {"messages": [{"role": "user", "content": "hi"}]}
        return await client.runs.wait(None, graph, input=value)
"""
MIDDLEWARE = """
    from app import app

    @app.middleware("http")
    async def stamp(request, call_next):
        response = await call_next(request)
        response.headers["x-stamp"] = str(request.scope.get("user") is not None)
        return response
"""
PLAIN = """
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})
"""
FILES = {"app.py": APP, "wrapped.py": MIDDLEWARE, "plain.py": PLAIN}


@contextmanager
def app_served(directory: Path, target: str, **http: Any) -> Iterator[None]:
    write_project(directory, FILES)
    with clean_slate(), http_section(app=str(directory / target), **http):
        add_directories([directory])
        schema.cache_clear()
        custom_app.start(asgi.api)
        try:
            yield
        finally:
            custom_app.stop()
            schema.cache_clear()
