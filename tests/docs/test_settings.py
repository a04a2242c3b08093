"""What is written about the settings says what aegra_project/settings.py does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.docs.pages import ROOT

# Defaults that the code works out: the pages say in words what comes of it.
WORKED_OUT = {
    "ACCESS_LOG": "false",
    "AEGRA_DATA_DIR": ".aegra",
    "ALLOWED_HOSTS": "",
    "DB_PREPARED_STATEMENTS": "true",
    "EXPOSE_ERRORS": "false",
    "LOG_FORMAT": "json",
}
# Readers of our own, by what a user writes.
TYPES = {"level": "str", "choice": "str"}
_ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| `?([^|`]*)`? \| (.+) \|$", re.MULTILINE)
_EXAMPLE = re.compile(r"^# ?(\w+)=(.*)$", re.MULTILINE)


def read_settings() -> Iterator[tuple[str, str, str]]:
    """Yield name, type and default of each value that the settings take from the environment."""
    tree = ast.parse((ROOT / "aegra_project" / "settings.py").read_text())
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name("env"), attr=kind),
                args=[ast.Constant(str() as name)],
                keywords=[ast.keyword("default", default), *_],
            ):
                yield name, TYPES.get(kind, kind), WORKED_OUT.get(name) or written(default)


def written(default: ast.expr) -> str:
    """Return a default as one would write it in the environment."""
    value: Any = default.value if isinstance(default, ast.Constant) else ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def rows() -> list[tuple[str, str, str, str]]:
    return _ROW.findall((ROOT / "docs" / "reference" / "settings.md").read_text())


def documented() -> dict[str, tuple[str, str]]:
    return {name: (kind, default) for name, kind, default, _ in rows()}


def test_each_setting_is_told_once() -> None:
    examples = [name for name, _ in _EXAMPLE.findall((ROOT / ".env.example").read_text())]

    assert len(rows()) == len(documented())
    assert len(examples) == len(set(examples))


def test_the_reference_lists_every_setting_with_its_type_and_default() -> None:
    read = {name: (kind, default) for name, kind, default in read_settings()}

    assert len(read) > 20
    assert documented() == read


def test_the_example_environment_lists_every_setting_with_its_default() -> None:
    listed = dict(_EXAMPLE.findall((ROOT / ".env.example").read_text()))

    assert listed == {name: default for name, (_, default) in documented().items()}


def test_compose_sets_nothing_but_settings() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())

    services = compose["services"]
    given = {"DATABASE_URL", "SECRET_KEY", "DRAIN_SECONDS"}
    for name in ("migrate", "web", "worker"):
        assert given <= set(services[name]["environment"]) <= documented().keys()
    assert services["migrate"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert all(
        services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        for name in ("web", "worker")
    )
    assert all("healthcheck" in services[name] for name in services.keys() - {"web"})
    volume = services["database"]["volumes"][0].partition(":")[0]
    assert volume in compose["volumes"]


def test_compose_starts_what_exists() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())

    commands = [" ".join(service.get("command", [])) for service in compose["services"].values()]
    named = sorted(found[1] for text in commands if (found := re.search(r"manage.py (\w+)", text)))
    assert named == ["serve", "startup", "worker"]


def test_the_image_sets_nothing_but_settings() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    runtime = dockerfile.rpartition("\nFROM ")[2]

    named = set(re.findall(r"^(?:ENV|    ) *([A-Z_]+)=", runtime, re.MULTILINE))
    of_python = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    assert "AEGRA_DATA_DIR" in named
    assert named - of_python <= documented().keys()
