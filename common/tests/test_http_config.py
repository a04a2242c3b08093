from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from common.config import read_config
from common.errors import ConfigError
from common.http_config import CorsConfig, HeaderChoice, HttpConfig, read_http
from common.tests.projects import write_project

GRAPHS: Any = {"agent": "./agent.py:graph"}


def read(directory: Path, http: Any) -> HttpConfig:
    return read_http(read_config(write_project(directory, {}, graphs=GRAPHS, http=http)))


def test_without_the_section_everything_is_as_the_server_has_it(tmp_path: Path) -> None:
    config = read_http(read_config(write_project(tmp_path, {}, graphs=GRAPHS)))

    assert config == HttpConfig()
    assert config.middleware_order == "middleware_first"


def test_every_key_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = read(
        tmp_path,
        {
            "app": "./app.py:app",
            "enable_custom_route_auth": True,
            "middleware_order": "auth_first",
            "mount_prefix": "/my/api",
            "disable_store": True,
            "disable_mcp": False,
            "cors": {"allow_origins": ["https://a.example"], "max_age": 5},
            "configurable_headers": {"includes": ["X-Tenant-*"], "excludes": ["x-tenant-key"]},
            "logging_headers": {"includes": ["user-agent"]},
        },
    )

    assert config == HttpConfig(
        app="./app.py:app",
        enable_custom_route_auth=True,
        middleware_order="auth_first",
        mount_prefix="/my/api",
        disabled=frozenset({"store"}),
        cors=CorsConfig(allow_origins=("https://a.example",), max_age=5),
        configurable_headers=HeaderChoice(includes=("x-tenant-*",), excludes=("x-tenant-key",)),
        logging_headers=HeaderChoice(includes=("user-agent",)),
    )
    assert caplog.text == ""


def test_unknown_keys_are_named_in_one_warning_for_each_object(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read(tmp_path, {"apps": "x:y", "cors": {"origins": []}, "disable_everything": True})

    warnings = [record.getMessage().partition("ignored: ")[2] for record in caplog.records]
    assert sorted(warnings) == ["http.apps, http.disable_everything", "http.cors.origins"]


@pytest.mark.parametrize(
    ("http", "told"),
    [
        ({"app": 1}, "`http.app` must be a string"),
        ({"app": "./app.py"}, "`http.app` must be a string"),
        ({"enable_custom_route_auth": "yes"}, "`http.enable_custom_route_auth` must be a boolean"),
        ({"middleware_order": "last"}, "`http.middleware_order` must be one of middleware_first"),
        ({"mount_prefix": "api"}, "`http.mount_prefix` must be a path"),
        ({"mount_prefix": "/api/"}, "`http.mount_prefix` must be a path"),
        ({"mount_prefix": "/"}, "`http.mount_prefix` must be a path"),
        ({"mount_prefix": "/a/../b"}, "`http.mount_prefix` must be a path"),
        ({"mount_prefix": "/a?b"}, "`http.mount_prefix` must be a path"),
        ({"disable_store": 1}, "`http.disable_store` must be a boolean"),
        ({"cors": []}, "`http.cors` must be an object"),
        ({"cors": {"allow_origins": "*"}}, "`http.cors.allow_origins` must be a list"),
        ({"cors": {"allow_methods": [1]}}, "`http.cors.allow_methods` must be a list"),
        ({"cors": {"allow_origin_regex": "("}}, "`http.cors.allow_origin_regex` must be a regular"),
        ({"cors": {"max_age": -1}}, "`http.cors.max_age` must be a number of seconds"),
        (
            {"cors": {"allow_origins": ["*"], "allow_credentials": True}},
            "`http.cors.allow_credentials` cannot be true while `allow_origins` has `*`",
        ),
        (
            {"configurable_headers": {"includes": "x-*"}},
            "`http.configurable_headers.includes` must be a list",
        ),
    ],
)
def test_an_error_names_file_and_key_on_one_line(tmp_path: Path, http: Any, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, http)

    assert f"langgraph.json: {told}" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_variables_stand_in_for_cors_and_the_prefix(tmp_path: Path, settings: Settings) -> None:
    settings.CORS_CONFIG = '{"allow_origins": ["https://b.example"]}'
    settings.MOUNT_PREFIX = "/here"

    config = read(tmp_path, {"cors": {"max_age": 5}, "mount_prefix": "/there"})

    assert config.cors == CorsConfig(allow_origins=("https://b.example",))
    assert config.mount_prefix == "/here"


def test_a_cors_variable_that_is_no_object_is_an_error(tmp_path: Path, settings: Settings) -> None:
    settings.CORS_CONFIG = '["*"]'

    with pytest.raises(ConfigError, match="CORS_CONFIG must be a JSON object"):
        read(tmp_path, {})


HEADERS = {
    "X-Tenant-Id": "t",
    "X-Tenant-Name": "n",
    "Authorization": "secret",
    "Cookie": "secret",
    "X-Api-Key": "secret",
    "Accept": "a",
}


@pytest.mark.parametrize(
    ("includes", "excludes", "chosen"),
    [
        ([], [], set()),
        (["x-tenant-*"], [], {"x-tenant-name"}),
        (["x-tenant-*"], ["*-NAME"], set()),
        (["*"], [], {"x-tenant-name", "accept"}),
        (["x-*"], [], {"x-tenant-name"}),
        (["Authorization", "X-TENANT-ID"], [], {"authorization", "x-tenant-id"}),
        (["authorization"], ["auth*"], set()),
    ],
)
def test_headers_are_chosen_by_globs_and_secrets_by_name_alone(
    tmp_path: Path, includes: list[str], excludes: list[str], chosen: set[str]
) -> None:
    choice = {"includes": includes, "excludes": excludes}
    config = read(tmp_path, {"configurable_headers": choice})

    assert config.configurable_headers.of(HEADERS).keys() == chosen
