from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from common.config import read_config
from common.errors import ConfigError
from common.tests.projects import write_project
from runs.webhooks.config import WebhookConfig, read_webhooks

GRAPHS: Any = {"agent": "./agent.py:graph"}


def read(directory: Path, webhooks: Any, **keys: Any) -> WebhookConfig:
    project = write_project(directory, {}, graphs=GRAPHS, webhooks=webhooks, **keys)
    return read_webhooks(read_config(project))


def test_without_the_section_nothing_private_is_allowed(tmp_path: Path) -> None:
    config = read_webhooks(read_config(write_project(tmp_path, {}, graphs=GRAPHS)))

    assert config == WebhookConfig()
    assert (config.disable_loopback, config.disable_private_ips) == (True, True)


def test_every_key_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = {
        "require_https": True,
        "allowed_domains": ["Hooks.x.com", "*.y.com", "bücher.de"],
        "allowed_ports": [443],
        "max_url_length": 100,
        "disable_loopback": False,
        "disable_private_ips": False,
    }

    config = read(
        tmp_path,
        {
            "env_prefix": "HOOK_",
            "url": url,
            "headers": {"authorization": "Bearer ${{ env.HOOK_TOKEN }}", "x-from": "us"},
            "allowed_fields": ["run_id"],
        },
        env={"HOOK_TOKEN": "t"},
    )

    assert config == WebhookConfig(
        require_https=True,
        allowed_domains=("hooks.x.com", "*.y.com", "xn--bcher-kva.de"),
        allowed_ports=(443,),
        max_url_length=100,
        disable_loopback=False,
        disable_private_ips=False,
        headers={"authorization": "Bearer t", "x-from": "us"},
        allowed_fields=("run_id",),
    )
    assert caplog.text == ""
    assert "Bearer" not in repr(config)


def test_unknown_keys_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(tmp_path, {"urls": {}, "url": {"require_http": True}})

    told = [record.getMessage().partition("ignored: ")[2] for record in caplog.records]
    assert sorted(told) == ["webhooks.url.require_http", "webhooks.urls"]


def test_headers_that_go_anywhere_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read(tmp_path, {"headers": {"x-from": "us"}})

    assert "webhooks.headers are sent to any server that a client names" in caplog.text


@pytest.mark.parametrize(
    ("webhooks", "told"),
    [
        ([], "`webhooks` must be an object"),
        ({"url": []}, "`webhooks.url` must be an object"),
        ({"url": {"require_https": 1}}, "`webhooks.url.require_https` must be a boolean"),
        ({"url": {"allowed_domains": "x.com"}}, "`webhooks.url.allowed_domains` must be a list"),
        ({"url": {"allowed_domains": []}}, "must be a list of one or more"),
        ({"url": {"allowed_domains": ["*"]}}, "must be a list of one or more"),
        ({"url": {"allowed_domains": ["a.*.com"]}}, "must be a list of one or more"),
        ({"url": {"allowed_domains": [""]}}, "must be a list of one or more"),
        ({"url": {"allowed_ports": [0]}}, "`webhooks.url.allowed_ports` must be a list"),
        ({"url": {"allowed_ports": [True]}}, "`webhooks.url.allowed_ports` must be a list"),
        ({"url": {"max_url_length": 0}}, "`webhooks.url.max_url_length` must be a positive"),
        ({"env_prefix": ""}, "`webhooks.env_prefix` must be a string"),
        ({"allowed_fields": [1]}, "`webhooks.allowed_fields` must be a list"),
        ({"headers": ["x"]}, "`webhooks.headers` must be an object of strings"),
        ({"headers": {"x": 1}}, "`webhooks.headers` must be an object of strings"),
        ({"headers": {"a b": "c"}}, "`webhooks.headers` must be an object of strings"),
        ({"headers": {"x": "a\r\nb: c"}}, "`webhooks.headers.x` must be one line of text"),
        ({"headers": {"Host": "a"}}, "`webhooks.headers.Host` is the server's to set"),
        ({"headers": {"X-Aegra-Delivery": "a"}}, "is the server's to set"),
        (
            {"headers": {"x": "${{ env.LG_WEBHOOK_NOWHERE }}"}},
            "`webhooks.headers.x` names the variable LG_WEBHOOK_NOWHERE, which is not set",
        ),
        (
            {"headers": {"x": "${{ env.SECRET_KEY }}"}},
            "`webhooks.headers.x` may hold variables like ${{ env.LG_WEBHOOK_TOKEN }}",
        ),
        ({"headers": {"x": "${{ os.getcwd() }}"}}, "`webhooks.headers.x` may hold variables like"),
    ],
)
def test_an_error_names_file_and_key_on_one_line(tmp_path: Path, webhooks: Any, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, webhooks)

    assert "langgraph.json: " in str(raised.value)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_variable_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LG_WEBHOOK_TOKEN", "t")

    config = read(tmp_path, {"headers": {"x": "${{env.LG_WEBHOOK_TOKEN}}"}})

    assert config.headers == {"x": "t"}


def test_a_variable_stands_in_for_the_section(tmp_path: Path, settings: Settings) -> None:
    settings.LANGGRAPH_WEBHOOKS = '{"url": {"require_https": true}}'

    assert read(tmp_path, {"url": {"max_url_length": 9}}) == WebhookConfig(require_https=True)
