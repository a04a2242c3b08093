from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, REASONS, ROOT, RUN, SHOWN, Block, blocks_of, page_name

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)

every_page = pytest.mark.parametrize("page", PAGES, ids=page_name)


def prose(page: Path) -> str:
    return _CODE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """Return the names under which a page's headings are linked to."""
    headings = _HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@every_page
def test_every_link_to_a_file_or_a_heading_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if link.startswith(("https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page

        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@every_page
def test_every_block_is_run_or_says_that_it_is_not(page: Path) -> None:
    for block in blocks_of(page):
        assert block.language in (*RUN, *SHOWN), block
        assert block.words == () or block.file or is_excused(block), block


@every_page
def test_every_block_begins_at_the_margin(page: Path) -> None:
    # One in a list would be overlooked here.
    assert not re.search(r"^[ \t]+```", page.read_text(), re.MULTILINE)


def is_excused(block: Block) -> bool:
    match block.words:
        case ("not-run",):
            return True
        case ("not-run", reason):
            return reason in REASONS
    return False


def test_every_page_is_reached_from_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link).resolve() for link in _LINK.findall(prose(index))}

    assert {page for page in PAGES if page.parent != ROOT} - {index} <= linked


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "images").iterdir())

    assert pictures
    assert all(picture.stat().st_size < 300_000 for picture in pictures)
