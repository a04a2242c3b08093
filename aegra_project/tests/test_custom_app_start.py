"""How an application of the project's comes up and goes down with the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegra_project import asgi, custom_app
from aegra_project.tests.custom_projects import ServingApp
from common.importing import LoadError, clean_slate
from common.tests.http_projects import http_section
from common.tests.projects import write_project


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nonsense_package", "module `nonsense_package` is not installed"),
        ("app = 3", "int is no ASGI application"),
        ("other = 3", "has no `app`"),
        (
            """
            from contextlib import asynccontextmanager
            from fastapi import FastAPI

            @asynccontextmanager
            async def lifespan(app):
                raise RuntimeError("no tea")
                yield

            app = FastAPI(lifespan=lifespan)
            """,
            "did not start: RuntimeError: no tea (",
        ),
    ],
    ids=["import", "object", "name", "lifespan"],
)
def test_one_that_cannot_start_is_told_of_in_one_line(
    tmp_path: Path, served: None, text: str, told: str
) -> None:
    write_project(tmp_path, {"bad.py": text})

    section = http_section(app=f"{tmp_path}/bad.py:app")
    with clean_slate(), section, pytest.raises(LoadError) as raised:
        custom_app.start(asgi.api)

    assert str(raised.value).startswith(f"http.app: {tmp_path}/bad.py:app: ")
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
    assert custom_app.current() is None


def test_its_lifespan_ends_when_the_server_does(tmp_path: Path, serving: ServingApp) -> None:
    with serving():
        assert not (tmp_path / "down").exists()

    assert (tmp_path / "down").exists()
