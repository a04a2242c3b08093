from __future__ import annotations

import importlib
import os
from typing import cast

from langchain_core.language_models.chat_models import BaseChatModel

from examples.scripted_model import ScriptedChatModel


class ModelPackageMissing(ImportError):
    """`MODEL` names a model whose packages are not installed."""


def chat_model() -> BaseChatModel:
    """Return the model behind every example: scripted, or the one that `MODEL` names.

    `MODEL` is any string for langchain's `init_chat_model`, such as `openai:gpt-4o-mini`.
    Raises ModelPackageMissing.
    """
    name = os.environ.get("MODEL", "").strip()
    if not name:
        return ScriptedChatModel()
    try:
        chat_models = importlib.import_module("langchain.chat_models")
        return cast("BaseChatModel", chat_models.init_chat_model(name))
    except ImportError as exc:
        raise ModelPackageMissing(
            f"MODEL={name} needs packages that are not installed ({exc}). "
            f"Run: pip install langchain {provider_package(name)}"
        ) from exc


def provider_package(name: str) -> str:
    provider, named, _ = name.partition(":")
    return f"langchain-{provider.replace('_', '-')}" if named else "langchain-openai"
