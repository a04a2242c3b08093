from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from common.config import ConfigError, read_config
from common.importing import LoadError, clean_slate
from common.tests.projects import write_project
from store.embedding import load_embedder
from store.options import IndexOptions, StoreOptions, TtlOptions, read_options

EMBED = {"dims": 4, "embed": "./embed.py:embed"}


def options(directory: Path, **store: Any) -> StoreOptions:
    path = write_project(directory, {}, graphs={"a": "./a.py:a"}, store=store)
    return read_options(read_config(path))


def test_a_project_that_says_nothing_has_no_index_and_keeps_its_items(tmp_path: Path) -> None:
    assert options(tmp_path) == StoreOptions(index=None, ttl=TtlOptions())
    assert options(tmp_path).ttl.refresh_on_read


def test_an_index_embeds_the_whole_value_unless_it_names_fields(tmp_path: Path) -> None:
    for written, fields in (
        ({}, ("$",)),
        ({"fields": ["text", "notes[*].text", "text"]}, ("text", "notes[*].text")),
        ({"fields": "text"}, ("text",)),
    ):
        found = options(tmp_path, index={**EMBED, **written}).index

        assert found == IndexOptions(dims=4, embed="./embed.py:embed", fields=fields)


def test_a_ttl_is_in_minutes(tmp_path: Path) -> None:
    written = {"refresh_on_read": False, "default_ttl": 1.5, "sweep_interval_minutes": 60}

    assert options(tmp_path, ttl=written).ttl == TtlOptions(
        refresh_on_read=False, default_ttl=1.5, sweep_interval_minutes=60.0
    )


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ({"index": []}, "`store.index` must be an object"),
        ({"index": {}}, "`store.index.dims` must be"),
        ({"index": {**EMBED, "dims": "4"}}, "`store.index.dims` must be"),
        ({"index": {**EMBED, "dims": True}}, "`store.index.dims` must be"),
        ({"index": {**EMBED, "dims": 0}}, "`store.index.dims` must be"),
        ({"index": {**EMBED, "dims": 16_001}}, "`store.index.dims` must be"),
        ({"index": {"dims": 4}}, "`store.index.embed` must be a string like"),
        ({"index": {**EMBED, "embed": "openai"}}, "`store.index.embed` must be"),
        ({"index": {**EMBED, "embed": ":x"}}, "`store.index.embed` must be"),
        ({"index": {**EMBED, "embed": 1}}, "`store.index.embed` must be"),
        ({"index": {**EMBED, "fields": []}}, "`store.index.fields` must be"),
        ({"index": {**EMBED, "fields": [""]}}, "`store.index.fields` must be"),
        ({"index": {**EMBED, "fields": [1]}}, "`store.index.fields` must be"),
        ({"index": {**EMBED, "fields": {}}}, "`store.index.fields` must be"),
        ({"ttl": 5}, "`store.ttl` must be an object"),
        ({"ttl": {"default_ttl": 0}}, "`store.ttl.default_ttl` must be a number of minutes"),
        ({"ttl": {"default_ttl": "5"}}, "`store.ttl.default_ttl` must be"),
        ({"ttl": {"refresh_on_read": 1}}, "`store.ttl.refresh_on_read` must be"),
        ({"ttl": {"sweep_interval_minutes": -1}}, "`store.ttl.sweep_interval_minutes` must be"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_with_file_and_key(
    tmp_path: Path, store: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        options(tmp_path, **store)

    assert str(caught.value).startswith(f"{tmp_path / 'langgraph.json'}: {told}")
    assert "\n" not in str(caught.value)


def test_what_nobody_knows_is_named_in_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options(tmp_path, index={**EMBED, "field": "text"}, path="./store.py:make")

    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "not served by this version yet: store.path",
        "unknown keys in langgraph.json are ignored: store.index.field",
    ]


@pytest.mark.parametrize(
    ("embed", "told"),
    [
        ("openai:text-embedding-3-small", "run `pip install 'langchain>=0.3.9' langchain-openai`"),
        ("ollama:nomic:latest", "langchain-ollama`"),
        ("google_genai:x", "langchain-google-genai`"),
        ("./none.py:embed", "there is no file"),
        ("./embed.py:none", "has no `none`"),
        ("./embed.py:Bare", "is the class `Bare`; give an Embeddings object, or a function"),
        ("./embed.py:number", "is int; give an Embeddings object, or a function"),
        ("./missing.py:embed", "run `pip install sentence-transformers`"),
        ("./broken.py:embed", "RuntimeError: no weights"),
        ("nowhere.module:embed", "`nowhere` is not installed"),
    ],
)
def test_an_embedding_that_cannot_be_loaded_is_told_in_one_line(
    tmp_path: Path, embed: str, told: str
) -> None:
    files = {
        "embed.py": "class Bare:\n    pass\nnumber = 1\n",
        "missing.py": "import sentence_transformers\n",
        "broken.py": "raise RuntimeError('no weights')\n",
    }
    write_project(tmp_path, files)

    with clean_slate(), pytest.raises(LoadError) as caught:
        load_embedder(IndexOptions(dims=4, embed=embed), tmp_path)

    assert str(caught.value).startswith(f"`store.index.embed`: {embed}: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
