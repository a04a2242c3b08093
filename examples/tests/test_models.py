from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from examples.models import ModelPackageMissing, chat_model
from examples.scripted_model import ScriptedChatModel


@pytest.mark.parametrize("name", ["", " "])
def test_without_a_name_the_model_is_scripted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL", name)

    assert isinstance(chat_model(), ScriptedChatModel)


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("openai:gpt-4o-mini", "pip install langchain langchain-openai"),
        ("google_genai:gemini", "pip install langchain langchain-google-genai"),
        ("gpt-4o-mini", "pip install langchain langchain-openai"),
    ],
)
def test_a_missing_package_names_what_to_install(
    name: str, packages: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL", name)
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)

    with pytest.raises(ModelPackageMissing, match=packages):
        chat_model()


def test_a_name_gives_the_model_of_langchain(monkeypatch: pytest.MonkeyPatch) -> None:
    class ChatModels(ModuleType):
        def init_chat_model(self, name: str) -> Any:
            return f"the model {name}"

    monkeypatch.setenv("MODEL", "openai:gpt-4o-mini")
    monkeypatch.setitem(sys.modules, "langchain", ModuleType("langchain"))
    monkeypatch.setitem(sys.modules, "langchain.chat_models", ChatModels("langchain.chat_models"))

    model: object = chat_model()

    assert model == "the model openai:gpt-4o-mini"
