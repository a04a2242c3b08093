from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from common.config import ConfigError, read_config
from common.jsoncodec import Json
from common.tests.projects import write_project
from common.ttl import MAX_MINUTES, Sweep, Ttl, is_turn, read_ttl

GRAPHS: Json = {"agent": "./agent.py:graph"}


@pytest.mark.parametrize(
    ("value", "ttl"),
    [
        (1, Ttl(minutes=1)),
        (0.5, Ttl(minutes=0.5)),
        (MAX_MINUTES, Ttl(minutes=MAX_MINUTES)),
        ({"ttl": 5, "strategy": None}, Ttl(minutes=5)),
        ({"ttl": 5, "strategy": "keep_latest"}, Ttl(minutes=5, strategy="keep_latest")),
    ],
)
def test_what_clients_send_is_read(value: Json, ttl: Ttl) -> None:
    assert read_ttl(value) == ttl


@pytest.mark.parametrize("value", [None, 0, -1, MAX_MINUTES + 1, True, "5", [5], {"minutes": 5}])
def test_what_is_no_time_is_refused(value: Json) -> None:
    with pytest.raises(ValueError, match="must be minutes"):
        read_ttl(value)


def project(tmp_path: Path, ttl: Any) -> Path:
    return write_project(tmp_path, {}, graphs=GRAPHS, checkpointer={"ttl": ttl})


@pytest.mark.parametrize(
    ("ttl", "found"),
    [
        (None, None),
        ({}, None),
        ({"strategy": "delete", "sweep_interval_minutes": 5}, None),
        ({"default_ttl": 60}, Ttl(minutes=60)),
        (
            {"default_ttl": 60, "strategy": "keep_latest", "sweep_limit": 100},
            Ttl(minutes=60, strategy="keep_latest"),
        ),
    ],
)
def test_a_project_sets_the_time_of_new_threads(
    tmp_path: Path, ttl: Any, found: Ttl | None
) -> None:
    config = read_config(project(tmp_path, ttl))

    assert config.thread_ttl == found
    assert config.unserved_keys == []


@pytest.mark.parametrize(
    ("ttl", "key"),
    [
        ([], "checkpointer.ttl"),
        ({"default_ttl": 0}, "checkpointer.ttl.default_ttl"),
        ({"default_ttl": "1h"}, "checkpointer.ttl.default_ttl"),
        ({"sweep_interval_minutes": False}, "checkpointer.ttl.sweep_interval_minutes"),
        ({"sweep_limit": 0.5}, "checkpointer.ttl.sweep_limit"),
        ({"strategy": "archive"}, "strategy must be one of delete, keep_latest"),
    ],
    ids=str,
)
def test_an_impossible_one_names_file_and_key(tmp_path: Path, ttl: Any, key: str) -> None:
    path = project(tmp_path, ttl)

    with pytest.raises(ConfigError, match="must be") as raised:
        read_config(path)

    assert str(raised.value).startswith(f"{path}: `checkpointer.ttl")
    assert key in str(raised.value)


@pytest.mark.parametrize(
    ("ttl", "sweep"),
    [
        (None, Sweep(interval_minutes=5, limit=None)),
        ({"default_ttl": 60}, Sweep(interval_minutes=5, limit=None)),
        ({"sweep_interval_minutes": 60, "sweep_limit": 7}, Sweep(interval_minutes=60, limit=7)),
    ],
)
def test_a_project_says_how_often_it_is_swept(tmp_path: Path, ttl: Any, sweep: Sweep) -> None:
    assert read_config(project(tmp_path, ttl)).thread_sweep == sweep


@pytest.mark.parametrize(
    ("every_minutes", "turns"),
    [(0.01, 60), (1, 60), (1.4, 60), (5, 12), (60, 1), (90, 1), (7 * 24 * 60, 1)],
)
def test_a_job_of_every_minute_has_its_turns(every_minutes: float, turns: int) -> None:
    hour = [minute * 60 for minute in range(60)]

    assert sum(is_turn(at, every_minutes=every_minutes) for at in hour) == turns
