from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import pytest
from django.utils.autoreload import iter_all_python_module_files

import store
from common.importing import LoadError, add_directories, clean_slate, load_object
from common.tests.projects import write_project


@pytest.fixture(autouse=True)
def _forget_what_is_imported() -> Iterator[None]:
    with clean_slate():
        yield


def test_a_file_gives_what_it_names(tmp_path: Path) -> None:
    write_project(tmp_path, {"agent.py": "class a:\n    graph = 1", "b/agent.py": "graph = 2"})

    assert load_object("./agent.py:a.graph", tmp_path) == 1
    assert load_object("b/agent.py:graph", tmp_path) == 2
    assert load_object(f"{tmp_path}/b/agent.py:graph", tmp_path / "b") == 2


def test_a_file_is_imported_once_however_it_is_named(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "agent.py": "import main\nclass State: pass",
            "main.py": "def state():\n    from agent import State\n    return State",
        },
    )
    add_directories([tmp_path])

    state = load_object("./agent.py:State", tmp_path)

    assert load_object("agent:State", tmp_path) is state
    assert load_object("./main.py:state", tmp_path)() is state


def test_a_module_of_the_users_comes_before_ours_of_the_same_name(tmp_path: Path) -> None:
    source = """
        import store
        import store as renamed
        from store import X

        def later():
            from store import X
            import store.inner as inner
            return X, inner.Y, store.inner.Y
    """
    write_project(
        tmp_path,
        {
            "agent.py": source,
            "store/__init__.py": "X = 1",
            "store/inner.py": "from store import X as Y",
        },
    )
    add_directories([tmp_path])

    assert load_object("./agent.py:store.X", tmp_path) == 1
    assert load_object("./agent.py:renamed.X", tmp_path) == 1
    assert load_object("./agent.py:X", tmp_path) == 1
    assert load_object("./agent.py:later", tmp_path)() == (1, 1, 1)
    assert load_object("store.inner:Y", tmp_path) == 1
    assert sys.modules["store"] is store
    assert importlib.import_module("store") is store


@pytest.mark.parametrize("name", ["runs", "threads", "graphs", "access", "common", "manage"])
def test_a_plain_file_of_the_users_comes_before_ours(tmp_path: Path, name: str) -> None:
    write_project(
        tmp_path,
        {
            "agent.py": f"from helper import X as Y\nfrom {name} import X",
            "helper.py": f"from {name} import X",
            f"{name}.py": "X = 'theirs'",
        },
    )
    add_directories([tmp_path])

    assert load_object("./agent.py:X", tmp_path) == "theirs"
    assert load_object("./agent.py:Y", tmp_path) == "theirs"


def test_a_graph_in_a_package_with_the_name_of_ours(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "graphs/__init__.py": "",
            "graphs/agent.py": "from .tools import x\nfrom graphs.tools import x as y",
            "graphs/tools.py": "x = object()",
        },
    )
    add_directories([tmp_path])

    found = load_object("./graphs/agent.py:x", tmp_path)

    assert load_object("./graphs/agent.py:y", tmp_path) is found
    assert load_object("graphs.tools:x", tmp_path) is found


def test_a_directory_without_init_is_a_package_too(tmp_path: Path) -> None:
    write_project(
        tmp_path, {"agent.py": "from store.client import X", "store/client.py": "X = 'theirs'"}
    )
    add_directories([tmp_path])

    assert load_object("./agent.py:X", tmp_path) == "theirs"


def test_two_directories_with_modules_of_the_same_names(tmp_path: Path) -> None:
    source = "from tools import X"
    write_project(
        tmp_path,
        {
            "a/agent.py": source,
            "a/tools.py": "X = 'a'",
            "b/agent.py": source,
            "b/tools.py": "X = 'b'",
        },
    )
    add_directories([tmp_path])

    assert load_object("./a/agent.py:X", tmp_path) == "a"
    assert load_object("./b/agent.py:X", tmp_path) == "b"


def test_two_dependencies_with_modules_of_the_same_names(tmp_path: Path) -> None:
    source = "from tools import X"
    write_project(
        tmp_path,
        {
            "a/agent.py": source,
            "a/tools.py": "X = 'a'",
            "b/agent.py": source,
            "b/tools.py": "X = 'b'",
        },
    )
    add_directories([tmp_path, tmp_path / "a", tmp_path / "b"])

    assert load_object("./a/agent.py:X", tmp_path) == "a"
    assert load_object("./b/agent.py:X", tmp_path) == "b"


def test_what_is_installed_comes_before_the_users(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {"agent.py": "import orjson, types", "orjson.py": "", "types.py": "raise ValueError"},
    )
    add_directories([tmp_path])

    assert load_object("./agent.py:orjson", tmp_path).dumps
    assert load_object("./agent.py:types", tmp_path).ModuleType


def test_relative_and_absolute_imports_inside_a_package(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "src/my_agent/__init__.py": "",
            "src/my_agent/agent.py": "from .utils.tools import x\nfrom my_agent.utils import tools",
            "src/my_agent/utils/__init__.py": "",
            "src/my_agent/utils/tools.py": "from ..names import x",
            "src/my_agent/names.py": "x = 1",
        },
    )

    assert load_object("./src/my_agent/agent.py:x", tmp_path) == 1
    assert load_object("./src/my_agent/agent.py:tools.x", tmp_path) == 1
    assert sys.modules["my_agent.agent"].__file__ == f"{tmp_path}/src/my_agent/agent.py"


def test_a_package_whose_directory_no_import_can_name(tmp_path: Path) -> None:
    project = tmp_path / "my-agent.v1"
    write_project(
        project,
        {
            "__init__.py": "",
            "agent.py": "from .tools import x\nfrom tools import x as y",
            "tools.py": "x = 1",
        },
    )
    add_directories([project])

    assert load_object("./agent.py:x", project) == 1
    assert load_object("./agent.py:y", project) == 1


def test_classes_pickle_and_annotations_resolve(tmp_path: Path) -> None:
    source = """
        from __future__ import annotations
        from dataclasses import dataclass

        @dataclass
        class State:
            other: State | None = None
    """
    write_project(tmp_path, {"agent.py": source})

    state = load_object("./agent.py:State", tmp_path)

    assert get_type_hints(state) == {"other": state | None}
    assert pickle.loads(pickle.dumps(state())) == state()


def test_the_name_of_a_module_tells_its_place_in_the_project(tmp_path: Path) -> None:
    write_project(tmp_path, {"a-b/agent.py": "class State: pass"})
    add_directories([tmp_path])

    found = load_object("./a-b/agent.py:State", tmp_path)

    assert found.__module__ == "project__a_2d_b__agent"


def test_the_autoreloader_sees_the_users_files(tmp_path: Path) -> None:
    write_project(tmp_path, {"agent.py": "import store", "store.py": ""})
    add_directories([tmp_path])

    load_object("./agent.py:store", tmp_path)

    watched = set(iter_all_python_module_files())
    assert {tmp_path / "agent.py", tmp_path / "store.py"} <= watched


def test_nothing_is_left_when_the_slate_is_wiped(tmp_path: Path) -> None:
    write_project(tmp_path, {"agent.py": "import tidy", "tidy.py": "", "store.py": ""})
    before = (dict(sys.modules), list(sys.path))

    with clean_slate():
        add_directories([tmp_path])
        load_object("./agent.py:tidy", tmp_path)
        assert "tidy" in sys.modules

    assert (dict(sys.modules), list(sys.path)) == before


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("", "./none.py:graph", r"^\./none\.py:graph: there is no file .*/none\.py\.$"),
        ("x = 1", "./agent.py:graph", r"agent\.py has no `graph`; it has x\.$"),
        ("import no_such_thing", "./agent.py:graph", "run `pip install no-such-thing` in"),
        ("import yaml_x, yaml", "./agent.py:graph", "`yaml_x` is not installed"),
        ("import google.no.thing", "./agent.py:graph", "pip install google-"),
        ("import helper.none", "./agent.py:graph", r"no module `helper\.none`; correct"),
        ("from store import none", "./agent.py:graph", r"ImportError: .*agent\.py:1\)"),
        ("import store.none", "./agent.py:graph", r"no module `store\.none`; correct"),
        ("def f(:", "./agent.py:graph", r"SyntaxError: .*agent\.py, line 1"),
        ("\n1/0", "./agent.py:graph", r"ZeroDivisionError: division by zero \(.*agent\.py:2\)$"),
        ("raise SystemExit(3)", "./agent.py:graph", "SystemExit: 3"),
        ("", "no_such_module.x:graph", "`no_such_module` is not installed"),
    ],
)
def test_a_failure_names_file_symbol_and_cause_on_one_line(
    tmp_path: Path, source: str, target: str, told: str
) -> None:
    write_project(tmp_path, {"agent.py": source, "helper.py": "", "store.py": ""})
    add_directories([tmp_path])

    with pytest.raises(LoadError, match=told) as caught:
        load_object(target, tmp_path)

    assert target in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_cause_is_chained(tmp_path: Path) -> None:
    write_project(tmp_path, {"agent.py": "1/0"})

    with pytest.raises(LoadError) as caught:
        load_object("./agent.py:graph", tmp_path)

    assert isinstance(caught.value.__cause__, ZeroDivisionError)
