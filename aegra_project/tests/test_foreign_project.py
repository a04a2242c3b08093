"""A LangGraph project from outside this repository is served as it is."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.tests.prepared import prepare
from common.tests.processes import ROOT
from common.tests.projects import write_project
from common.tests.servers import (
    LiveServer,
    environment,
    free_port,
    serving,
    traceless,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

# Its top-level modules `store` and `runs` have the names of two of the server's apps.
FILES = {
    "store.py": """
        SHELF = {"tea": 3}

        def price(name):
            return SHELF[name]
    """,
    "runs/__init__.py": "from .counting import count\n",
    "runs/counting.py": "from store import SHELF\n\ndef count():\n    return len(SHELF)\n",
    "shop/__init__.py": "",
    "shop/prices.py": "from store import price\n",
    "shop/agent.py": """
        import os
        from langchain_core.messages import AIMessage
        from langgraph.graph import START, MessagesState, StateGraph
        from langgraph.store.base import BaseStore
        import runs
        from taxes import rate
        from .prices import price

        async def answer(state: MessagesState, *, store: BaseStore):
            name = state["messages"][-1].content
            await store.aput(("sold",), name, {"price": price(name)})
            sold = await store.asearch(("sold",))
            text = f"{price(name) * rate()} {os.environ['CURRENCY']}, {len(sold)} of {runs.count()}"
            return {"messages": [AIMessage(text)]}

        graph = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer").compile()
    """,
    "libs/taxes/src/taxes/__init__.py": "def rate():\n    return 2\n",
    "libs/taxes/pyproject.toml": '[project]\nname = "taxes"\nversion = "1"\n',
    ".env": "CURRENCY=EUR\n",
}


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    with traceless(prepare(tmp_path)):
        yield write_project(
            tmp_path / "project",
            FILES,
            dependencies=[".", "./libs/taxes", "langchain-core"],
            graphs={"shop": "./shop/agent.py:graph"},
            env=".env",
            python_version="3.11",
        )


def sold(server: LiveServer) -> str:
    body: dict[str, Any] = {
        "assistant_id": "shop",
        "input": {"messages": [{"role": "user", "content": "tea"}]},
    }
    with server.client() as api:
        answer = api.post("/runs/wait", json=body).json()
    return str(answer["messages"][-1]["content"])


@pytest.mark.parametrize("command", ["serve", "runserver"])
def test_a_foreign_project_is_served_unchanged(config: Path, command: str) -> None:
    with serving(config.parent.parent, command, AEGRA_CONFIG=str(config)) as server:
        assert sold(server) == "6 EUR, 1 of 1"

        with server.client() as api:
            item = api.get("/store/items", params={"namespace": "sold", "key": "tea"}).json()
            assert item["value"] == {"price": 3}
            page = api.get("/admin/", follow_redirects=True)
            assert page.status_code == 200


def test_make_run_serves_a_foreign_project(config: Path) -> None:
    place, port = config.parent.parent, free_port()
    log = place / "make.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "run", f"ADDRESS={port}"],
            cwd=ROOT,
            env=environment(place, AEGRA_CONFIG=str(config)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = LiveServer(process=process, url=f"http://127.0.0.1:{port}", log=log)
    try:
        server.wait_until_up()

        assert sold(server) == "6 EUR, 1 of 1"
        assert "serves shop" in server.said()
        assert "Log in" in server.said()
    finally:
        server.press_ctrl_c()
        process.wait(20)


def test_a_missing_package_names_what_to_install(config: Path) -> None:
    agent = config.parent / "shop" / "agent.py"
    agent.write_text("import no_such_package\n" + agent.read_text())

    finished = subprocess.run(
        ["make", "run", f"ADDRESS={free_port()} --noreload"],
        cwd=ROOT,
        env=environment(config.parent.parent, AEGRA_CONFIG=str(config)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode != 0
    assert "pip install no-such-package" in finished.stderr
    assert "Traceback" not in finished.stderr
