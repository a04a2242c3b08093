"""Commands that the pages name, run or not: they exist, and take the options that are written."""

from __future__ import annotations

import re
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from tests.docs.pages import PAGES, ROOT, page_name

REFERENCE = ROOT / "docs" / "reference" / "commands.md"
OURS = ("aegra_project", "assistants", "threads", "runs", "graphs", "store", "access")
_TARGET = re.compile(r"^([a-z-]+):.*##", re.MULTILINE)
_MAKE = re.compile(r"(?:^|`|&& |\w=\S+ )make ((?:[a-z-]+ ?)+)", re.MULTILINE)
# What follows ` -- ` is another program's.
_MANAGE = re.compile(r"manage\.py ([a-z]+)((?:[ \t]+(?!--[ \t])[^\s`|&;#]+)*)")
_OPTION = re.compile(r"(?<!\S)(--?[a-z][a-z-]*)")
_SECTION = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)

every_page = pytest.mark.parametrize("page", PAGES, ids=page_name)


def targets() -> set[str]:
    return set(_TARGET.findall((ROOT / "Makefile").read_text()))


@cache
def options_of(command: str) -> frozenset[str]:
    parser = load_command_class(get_commands()[command], command).create_parser("", command)
    return frozenset(_options(parser))


def _options(parser: ArgumentParser) -> Iterator[str]:
    """Yield the options of a parser and of its verbs."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, _SubParsersAction):
            for verb in action.choices.values():
                yield from _options(verb)


def common_options() -> frozenset[str]:
    """Return the options that Django gives every command."""
    return options_of("diffsettings") - {"--all", "--default", "--output"}


@every_page
def test_every_target_of_make_on_a_page_exists(page: Path) -> None:
    named = {word for words in _MAKE.findall(page.read_text()) for word in words.split()}

    assert named <= targets()


@every_page
def test_every_command_on_a_page_exists_and_takes_its_options(page: Path) -> None:
    for command, rest in _MANAGE.findall(page.read_text()):
        assert command in get_commands(), command
        unknown = set(_OPTION.findall(rest)) - options_of(command)
        assert not unknown, f"{command}{rest}"


def test_the_reference_lists_every_target_of_make() -> None:
    assert targets() <= set(re.findall(r"`make ([a-z-]+)`", REFERENCE.read_text()))


def test_the_reference_has_a_section_for_each_command_that_tells_its_options() -> None:
    sections = dict(_SECTION.findall(REFERENCE.read_text()))
    ours = {name for name, app in get_commands().items() if app in OURS}

    assert ours <= sections.keys()
    for name in ours - {"runserver"}:
        untold = options_of(name) - common_options()
        assert all(f"`{option}`" in sections[name] for option in untold), (name, untold)
